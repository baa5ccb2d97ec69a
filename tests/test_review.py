"""What somebody reads before signing, and signing as people do it: many at once, each exactly what was shown."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from campaigns import approval, signing
from campaigns.channels.base import Outcome, Receipt
from campaigns.database import Database
from campaigns.differences import Kind
from campaigns.enqueue import REGRET
from campaigns.errors import NotFoundError, RefusedError, without_command
from campaigns.models import Approval, Delivery, DeliveryState, Post, PostState
from campaigns.overviews import inbox, review
from campaigns.overviews.comparisons import Comparison, packed, unpacked
from campaigns.overviews.inbox import Inbox, campaign_review
from campaigns.overviews.previews import Look
from campaigns.overviews.review import Review, Viewer
from campaigns.sending import delivery
from tests.fakes import FakeChannel
from tests.sites import Place, planned

pytestmark = pytest.mark.pages

VALBORG = "valborg/2027/valborg/"
FIRST, SECOND, THIRD = (f"{VALBORG}{key}" for key in ("tidigt/foraldrar", "veckan/foraldrar", "infor/syskon"))
PIA = Viewer("Pia Polis", ("polis",))
KIM = Viewer("Kim Kommun", ("kommun",))


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def number(place: Place, key: str) -> int:
    return place.town.post(key).id or 0


def read(place: Place, key: str, viewer: Viewer = PIA) -> Review:
    with place.database.read() as session:
        return review.review(
            session,
            place.parts.catalog,
            place.parts.messages,
            place.parts.catalog.municipality("aneby"),
            number(place, key),
            viewer=viewer,
            now=place.clock.at,
        )


def waits(place: Place, viewer: Viewer = PIA) -> Inbox:
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.read() as session:
        return inbox.inbox(session, place.parts.catalog, place.parts.messages, aneby, viewer=viewer, now=place.clock.at)


def signed(place: Place, items: list[tuple[int, str]]) -> list[signing.Outcome]:
    with place.database.write() as session:
        return signing.approve_many(
            session,
            place.parts.catalog,
            place.parts.messages,
            place.parts.catalog.municipality("aneby"),
            items,
            party="polis",
            name="Pia Polis",
            now=place.clock.at,
            earliest=place.clock.at + REGRET,
        )


def taken_back(place: Place, key: str, *, party: str = "polis", name: str = "Pia Polis") -> None:
    with place.database.write() as session:
        signing.take_back(session, place.parts.catalog, number(place, key), party=party, name=name, now=place.clock.at)


def live(place: Place) -> int:
    with place.database.read() as session:
        return len([item for item in session.exec(select(Approval)) if item.voided_at is None])


def words(found: Comparison | None) -> list[tuple[str, str]]:
    """What has gone and come, as kind and text."""
    assert found is not None
    return [(part.kind, part.text) for change in found.changes for part in change.parts if part.kind != Kind.SAME]


def names(place: Place, box: Inbox) -> list[int]:
    return [row.id for party in box.mine for group in party.campaigns for row in group.rows]


# Signing many.


def test_many_are_signed_in_one_act_each_exactly_as_shown(place: Place) -> None:
    keys = (FIRST, SECOND, THIRD)
    for key in keys:
        place.write(key)
    shown = [(number(place, key), read(place, key).text.digest) for key in keys]

    outcomes = signed(place, shown)

    assert [item.is_signed for item in outcomes] == [True] * 3
    with place.database.read() as session:
        assert {(item.post_id, item.digest) for item in session.exec(select(Approval))} == set(shown)


def test_one_that_has_changed_keeps_no_other_from_being_signed_and_is_told(place: Place) -> None:
    for key in (FIRST, SECOND, THIRD):
        place.write(key)
    shown = [(number(place, key), read(place, key).text.digest) for key in (FIRST, SECOND, THIRD)]
    place.write(SECOND, title="En annan rubrik")
    place.town.approve(SECOND, "kommun", "Kim Kommun")

    outcomes = signed(place, [*shown, (99_999, "0" * 64), (2**40, "x")])

    assert [item.is_signed for item in outcomes] == [True, False, True, False, False]
    assert "har ändrats" in outcomes[1].refusal
    assert live(place) == 3  # the municipality's on the changed text is as it was
    assert place.town.post(SECOND).digest is not None


def test_another_municipalitys_post_is_not_signed(place: Place) -> None:
    place.write(FIRST)
    shown = (number(place, FIRST), read(place, FIRST).text.digest)
    with place.database.write() as session:
        post = session.get_one(Post, shown[0])
        post.municipality = "eksjo"
        session.add(post)

    [outcome] = signed(place, [shown])

    assert outcome.refusal == signing.NO_POST
    assert live(place) == 0


def test_what_is_due_already_waits_a_minute_when_signed_on_a_page_and_not_otherwise(place: Place) -> None:
    for key in (FIRST, SECOND):
        place.write(key)
        place.town.approve(key, "kommun", "Kim Kommun")
    place.clock.at = place.town.post(SECOND).due_at + timedelta(minutes=1)
    place.clock.at = max(place.clock.at, place.town.post(FIRST).due_at)
    with place.database.write() as session:  # both in time
        for key in (FIRST, SECOND):
            post = session.get_one(Post, number(place, key))
            post.due_at, post.not_after = place.clock.at, place.clock.at + timedelta(hours=2)
            session.add(post)

    signed(place, [(number(place, FIRST), read(place, FIRST).text.digest)])
    place.town.approve(SECOND, "polis", "Pia Polis")

    starts = {item.post_id: item.next_attempt_at for item in place.town.deliveries()}
    assert starts[number(place, FIRST)] == place.clock.at + timedelta(seconds=60)
    assert starts[number(place, SECOND)] == place.clock.at


def test_the_minute_is_not_taken_where_it_would_be_too_late(place: Place) -> None:
    place.write(FIRST)
    place.town.approve(FIRST, "kommun", "Kim Kommun")
    place.clock.at = place.town.post(FIRST).not_after - timedelta(seconds=30)
    place.town.approve(FIRST, "kommun", "Kim Kommun")

    [outcome] = signed(place, [(number(place, FIRST), read(place, FIRST).text.digest)])

    assert outcome.queued == 2
    assert {item.next_attempt_at for item in place.town.deliveries()} == {place.clock.at}


# Taking back.


def test_a_signature_is_taken_back_while_nothing_has_left_and_the_other_partys_stands(place: Place) -> None:
    place.write(FIRST)
    place.town.sign(FIRST)

    taken_back(place, FIRST)

    assert (place.town.post(FIRST).state, live(place)) == (PostState.DRAFT, 1)
    assert set(place.town.states().values()) == {DeliveryState.STOPPED}
    again = place.town.approve(FIRST, "polis", "Pia Polis")
    assert again.queued == 2
    assert set(place.town.states().values()) == {DeliveryState.QUEUED}


@pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.PUBLISHED, DeliveryState.UNKNOWN])
def test_what_has_begun_to_leave_cannot_be_taken_back(place: Place, state: DeliveryState) -> None:
    place.write(FIRST)
    place.town.sign(FIRST)
    with place.database.write() as session:
        item = session.exec(select(Delivery)).first()
        assert item is not None
        item.state = state
        session.add(item)

    with pytest.raises(RefusedError, match="börjat skickas"):
        taken_back(place, FIRST)

    assert place.town.post(FIRST).state == PostState.APPROVED
    assert sorted(place.town.states().values()) == sorted([DeliveryState.QUEUED, state])
    assert read(place, FIRST).can_take_back == ()


def test_there_is_nothing_to_take_back_for_a_party_that_has_not_signed(place: Place) -> None:
    place.write(FIRST)
    place.town.approve(FIRST, "kommun", "Kim Kommun")

    with pytest.raises(RefusedError, match="inget godkännande"):
        taken_back(place, FIRST)


# One post.


def test_a_post_is_shown_as_each_of_its_channels_shows_it(place: Place) -> None:
    place.write(THIRD, title="Köp inte ut", short="Säg nej.")

    found = read(place, THIRD)

    assert [(card.channel, card.look) for card in found.cards] == [
        ("webb", Look.PAGE),
        ("skarm", Look.SCREEN),
        ("sociala-medier", Look.TASK),
    ]
    assert {card.content.title for card in found.cards} == {"Köp inte ut"}
    assert ([party.id for party in found.can_sign], found.why_not) == (["polis"], "")


def test_an_approved_post_is_shown_as_it_was_signed(place: Place) -> None:
    place.write(FIRST, title="Det som godkändes")
    place.town.sign(FIRST)

    found = read(place, FIRST)

    assert (found.cards[0].content.title, found.text.digest) == ("Det som godkändes", place.town.post(FIRST).digest)
    assert [(item.party, item.name) for item in found.signatures] == [("kommun", "Kim Kommun"), ("polis", "Pia Polis")]
    assert [party.id for party in found.can_take_back] == ["polis"]


def test_what_has_changed_since_ones_own_signature_is_shown_word_by_word(place: Place) -> None:
    place.write(FIRST, title="Prata om valborg")
    place.town.approve(FIRST, "polis", "Pia Polis")
    place.write(FIRST, title="Prata om kvällen")
    place.town.approve(FIRST, "kommun", "Kim Kommun")

    mine, theirs = read(place, FIRST), read(place, FIRST, KIM)

    assert words(mine.since) == [(Kind.REMOVED, "valborg"), (Kind.ADDED, "kvällen")]
    assert mine.since is not None
    assert mine.since.against.startswith("Pia Polis godkände")
    assert theirs.since is None  # it is what the municipality signed


def test_what_differs_from_last_years_text_is_shown(place: Place) -> None:
    place.write(FIRST, title="Tipsa oss 2027")
    place.town.sign(FIRST)
    following = FIRST.replace("2027", "2028")
    place.write(following, title="Tipsa oss 2028")

    found = read(place, following)

    assert (Kind.REMOVED, "2027") in words(found.last_year)
    assert (Kind.ADDED, "2028") in words(found.last_year)
    assert read(place, FIRST).last_year is None


def test_a_blocking_fault_keeps_it_from_being_signed_and_is_told_without_a_command(place: Place) -> None:
    place.write(FIRST, short="x" * 600)

    found = read(place, FIRST)

    assert found.can_sign == ()
    assert [("600 tecken" in sentence, "(Webbsidan" in sentence) for sentence in found.text.blocking] == [(True, True)]
    assert without_command("Kontrollera den och skriv: kampanjhjul facts confirm x") == "Kontrollera den."


def test_whoever_has_signed_for_one_party_is_told_why_not_for_the_other(place: Place) -> None:
    place.write(FIRST)
    place.town.approve(FIRST, "kommun", "Bo Båda")

    found = read(place, FIRST, Viewer("bo båda", ("kommun", "polis")))

    assert found.can_sign == ()
    assert "två olika personer" in found.why_not


def test_a_post_of_another_municipality_is_as_one_that_does_not_exist(place: Place) -> None:
    post_id = number(place, FIRST)
    with place.database.write() as session:
        post = session.get_one(Post, post_id)
        post.municipality = "eksjo"
        session.add(post)
        aneby = place.parts.catalog.municipality("aneby")
        for number_ in (post_id, 99_999, 2**70, 0):
            with pytest.raises(NotFoundError, match="Budskapet finns inte"):
                signing.post_in(session, aneby, number_)


def test_what_was_shown_can_be_carried_by_a_form_and_rubbish_is_nothing(place: Place) -> None:
    place.write(THIRD)
    pieces = read(place, THIRD).text.pieces

    carried = unpacked(packed(pieces))

    assert [(item.channel, item.content) for item in carried] == [(item.channel, item.content) for item in pieces]
    for rubbish in ("", "x", "[]", "[[],[[1,2,9]]]", '[["{}"],[]]', "[[1],[]]", "[" * 5_000, "null"):
        assert unpacked(rubbish) == ()


# The inbox.


def test_the_inbox_tells_what_waits_for_whom_soonest_first_and_what_is_stopped(place: Place) -> None:
    place.write(FIRST)
    place.write(SECOND, short="x" * 600)
    place.write(THIRD)
    place.town.approve(THIRD, "polis", "Pia Polis")
    rejected = f"{VALBORG}paminnelse/syskon"
    with place.database.write() as session:
        approval.reject(
            session,
            place.parts.catalog,
            number(place, rejected),
            party="polis",
            name="Pia Polis",
            reason="Fel.",
            now=place.clock.at,
        )

    box = waits(place)

    ids = names(place, box)
    assert ids[0] == number(place, FIRST)
    assert {number(place, key) for key in (SECOND, THIRD, rejected)}.isdisjoint(ids)
    assert [row.id for group in box.stopped for row in group.rows] == [number(place, SECOND)]
    assert [row.missing for group in box.others for row in group.rows] == ["Aneby kommun"]
    assert [row.reason for group in box.rejected for row in group.rows] == [
        "Pia Polis, Lokalpolisområde Höglandet: Fel."
    ]
    assert box.undated > 0
    assert {(item.campaign_id, item.year) for item in box.later} >= {("midsommar", 2027), ("valborg", 2028)}
    assert box.after(ids[0]) == ids[1]
    assert waits(place, Viewer("Kim Kommun")).mine == ()


def test_what_is_signed_by_all_waits_for_its_time_and_then_leaves_the_inbox(place: Place) -> None:
    place.write(FIRST)
    place.town.sign(FIRST)
    assert [row.id for group in waits(place).signed for row in group.rows] == [number(place, FIRST)]

    place.clock.at = place.town.post(FIRST).due_at
    sender = place.town.sender(FakeChannel("webb"), FakeChannel("manuell", answers=[Receipt(Outcome.PUBLISHED)]))
    delivery.send_due(sender, place.parts.catalog, local=True)

    assert waits(place).signed == ()


def test_a_whole_campaign_has_every_text_that_waits_for_the_party(place: Place) -> None:
    place.write(FIRST)
    place.write(SECOND, short="x" * 600)
    place.write(THIRD)
    place.town.approve(THIRD, "polis", "Pia Polis")
    aneby = place.parts.catalog.municipality("aneby")

    with place.database.read() as session:
        found = campaign_review(
            session,
            place.parts.catalog,
            place.parts.messages,
            aneby,
            "valborg",
            2027,
            party="polis",
            viewer=PIA,
            now=place.clock.at,
        )

    assert len(found.open) == 7
    assert found.open[0].id == number(place, FIRST)
    assert all(item.cards for item in found.open)
    assert [item.id for item in found.closed] == [number(place, SECOND)]
    assert [item.id for item in found.signed] == [number(place, THIRD)]
