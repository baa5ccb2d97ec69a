"""A follow-up from draft to published: made once, signed by two people on its exact bytes, void when it changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.followup import announcing, drafts, signing, stored
from campaigns.followup.document import Words, document_from
from campaigns.followup.periods import period_from
from campaigns.followup.stored import FollowUp
from campaigns.models import AuditEntry, FollowUpRow, FollowUpSignature, Post, PostState
from campaigns.sending import delivery
from scheduler import jobs
from scheduler.jobs import Work
from tests.sites import Place, planned

pytestmark = pytest.mark.longer

SPRING = period_from("2026-t1")
MAY = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
WORDS = Words("Vi gjorde det vi lovade.", "Börja tidigt.", "Vi går vidare.")


@pytest.fixture
def place(database: Database) -> Place:
    """Aneby on Mon 2026-05-04, when the first tertial is over."""
    return planned(Place(database), at=MAY)


def make(place: Place, name: str = "Sam Samordnare") -> FollowUp:
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        return drafts.make(session, place.parts.catalog, aneby, SPRING, name=name, now=place.clock.at)


def sign(place: Place, digest: str, party: str, name: str) -> FollowUp:
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        return signing.sign(session, aneby, SPRING, party=party, name=name, digest=digest, now=place.clock.at)


def sign_both(place: Place, digest: str) -> FollowUp:
    sign(place, digest, "kommun", "Kim Kommun")
    return sign(place, digest, "polis", "Pia Polis")


def rewrite(place: Place, digest: str, *, words: Words = WORDS, again: bool = False) -> FollowUp:
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        return drafts.rewrite(
            session,
            place.parts.catalog,
            aneby,
            SPRING,
            words=words,
            digest=digest,
            is_counted_again=again,
            name="Sam Samordnare",
            now=place.clock.at,
        )


def published(place: Place) -> list[FollowUp]:
    with place.database.read() as session:
        return stored.published(session, place.parts.catalog.municipality("aneby"))


def test_a_draft_is_made_once_whoever_makes_it(place: Place) -> None:
    first = make(place)
    place.clock.at += timedelta(days=1)
    second = make(place, "Kim Kommun")

    assert (first.id, first.digest, first.missing) == (second.id, second.digest, ("kommun", "polis"))
    with place.database.read() as session:
        assert len(session.exec(select(FollowUpRow)).all()) == 1


def test_the_worker_makes_the_draft_when_the_tertial_is_over_and_never_again(database: Database) -> None:
    place = planned(Place(database), at=datetime(2026, 4, 30, 7, 0, tzinfo=UTC))
    work = Work(place.parts, place.parts.sender(), "test")
    for at in (MAY - timedelta(days=4), MAY, MAY + timedelta(minutes=5), MAY + timedelta(days=30)):
        jobs.follow_up(work, now=at)

    with place.database.read() as session:
        rows = session.exec(select(FollowUpRow)).all()
        acts = session.exec(select(AuditEntry).where(AuditEntry.action == "gjorde utkast till uppföljning")).all()
    assert [(row.period, row.changed_by, row.made_at) for row in rows] == [("2026-t1", "Kampanjhjulet", MAY)]
    assert len(acts) == 1


def test_no_draft_is_made_by_itself_of_days_before_the_first_planning(place: Place) -> None:
    """Installed on 4 May: the tertial that ended on 30 April was nobody's here. A person may still make one."""
    work = Work(place.parts, place.parts.sender(), "test")
    jobs.follow_up(work, now=MAY)
    with place.database.read() as session:
        assert session.exec(select(FollowUpRow)).all() == []

    jobs.follow_up(work, now=datetime(2026, 9, 2, 7, 0, tzinfo=UTC))
    assert make(place).document.period == "2026-t1"
    with place.database.read() as session:
        assert set(session.exec(select(FollowUpRow.period))) == {"2026-t1", "2026-t2"}


def test_nothing_is_made_where_nothing_was_ever_planned(database: Database) -> None:
    place = Place(database)
    jobs.follow_up(Work(place.parts, place.parts.sender(), "test"), now=MAY)
    with database.read() as session:
        assert session.exec(select(FollowUpRow)).all() == []


def test_a_period_that_is_not_over_or_not_promised_has_no_draft(place: Place) -> None:
    aneby = place.parts.catalog.municipality("aneby")
    for name, error in (("2026-t2", RefusedError), ("2024-t1", NotFoundError)):
        with place.database.write() as session, pytest.raises(error):
            drafts.make(session, place.parts.catalog, aneby, period_from(name), name="Sam", now=MAY)


def test_two_people_sign_the_same_bytes_and_then_it_is_published(place: Place) -> None:
    made = make(place)

    first = sign(place, made.digest, "kommun", "Kim Kommun")
    assert (first.missing, first.is_published, published(place)) == (("polis",), False, [])
    second = sign(place, made.digest, "polis", "Pia Polis")

    assert (second.missing, second.published_at) == ((), MAY)
    [shown] = published(place)
    assert shown.document == document_from(made.document.to_bytes())
    assert [(item.party, item.name) for item in shown.signatures] == [("kommun", "Kim Kommun"), ("polis", "Pia Polis")]


def test_one_person_cannot_sign_for_both(place: Place) -> None:
    made = make(place)
    sign(place, made.digest, "kommun", "Kim Kommun")
    with pytest.raises(RefusedError, match="två olika personer"):
        sign(place, made.digest, "polis", "kim  KOMMUN")
    assert published(place) == []


def test_signing_twice_for_a_party_changes_nothing(place: Place) -> None:
    made = make(place)
    for _ in range(2):
        sign(place, made.digest, "kommun", "Kim Kommun")
    with place.database.read() as session:
        assert len(session.exec(select(FollowUpSignature)).all()) == 1


def test_any_change_voids_the_signatures(place: Place) -> None:
    made = make(place)
    sign(place, made.digest, "kommun", "Kim Kommun")

    changed = rewrite(place, made.digest)

    assert changed.digest != made.digest
    assert changed.missing == ("kommun", "polis")
    with pytest.raises(RefusedError, match="har ändrats sedan du såg den"):
        sign(place, made.digest, "polis", "Pia Polis")
    assert published(place) == []


def test_the_same_words_again_change_nothing(place: Place) -> None:
    made = rewrite(place, make(place).digest)
    sign(place, made.digest, "kommun", "Kim Kommun")
    assert rewrite(place, made.digest).missing == ("polis",)


def test_what_somebody_else_has_changed_meanwhile_is_not_written_over(place: Place) -> None:
    made = make(place)
    rewrite(place, made.digest)
    with pytest.raises(RefusedError, match="Någon annan har ändrat"):
        rewrite(place, made.digest, words=Words("Annat."))


def test_counting_again_keeps_the_words_and_takes_in_what_has_happened(place: Place) -> None:
    made = rewrite(place, make(place).digest)
    place.clock.at += timedelta(days=3)

    again = rewrite(place, made.digest, again=True)

    assert again.document.words == WORDS
    assert (made.document.counted_on, again.document.counted_on) == (MAY.date(), place.clock.at.date())


def test_a_published_one_is_changed_only_after_it_has_been_taken_down(place: Place) -> None:
    made = make(place)
    sign_both(place, made.digest)
    aneby = place.parts.catalog.municipality("aneby")
    with pytest.raises(RefusedError, match="publicerad"):
        rewrite(place, made.digest)
    with place.database.write() as session, pytest.raises(RefusedError, match="publicerad"):
        signing.take_back(session, aneby, SPRING, party="polis", name="Pia Polis", now=MAY)
    with place.database.write() as session, pytest.raises(RefusedError, match="Skriv vad som är fel"):
        signing.reopen(session, aneby, SPRING, reason=" ", name="Sam", now=MAY)
    with place.database.write() as session, pytest.raises(RefusedError, match="högst 300 tecken"):
        signing.reopen(session, aneby, SPRING, reason="x" * 301, name="Sam", now=MAY)

    with place.database.write() as session:
        opened = signing.reopen(session, aneby, SPRING, reason="Fel siffra", name="Sam", now=MAY)

    assert opened.missing == ("kommun", "polis")
    assert published(place) == []
    assert sign_both(place, rewrite(place, made.digest).digest).is_published


def test_a_signature_can_be_taken_back_before_the_other_party_has_signed(place: Place) -> None:
    made = make(place)
    sign(place, made.digest, "kommun", "Kim Kommun")
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        left = signing.take_back(session, aneby, SPRING, party="kommun", name="Kim Kommun", now=MAY)
    assert left.missing == ("kommun", "polis")
    assert not sign(place, made.digest, "polis", "Pia Polis").is_published


def test_bytes_that_nobody_signed_are_shown_to_nobody(place: Place) -> None:
    made = make(place)
    sign_both(place, made.digest)
    forged = replace(made.document, words=Words("Allt blev bättre tack vare oss."))
    with place.database.write() as session:
        row = session.exec(select(FollowUpRow)).one()
        row.payload = forged.to_bytes()
        session.add(row)

    assert published(place) == []
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        assert stored.follow_up(session, aneby, "2026-t1").state == "changed"
        with pytest.raises(RefusedError):
            announcing.announce(session, place.parts.catalog, aneby, made, address="https://x.se", name="Sam", now=MAY)
        opened = signing.reopen(session, aneby, SPRING, reason="Ändrad utanför tjänsten", name="Sam", now=MAY)
    assert (opened.state, opened.missing) == ("draft", ("kommun", "polis"))
    again = rewrite(place, opened.digest, words=made.document.words, again=True)
    assert again.document == made.document
    assert sign_both(place, again.digest).state == "published"


def test_a_draft_changed_past_the_product_is_told_of_and_can_be_put_right(place: Place) -> None:
    made = make(place)
    with place.database.write() as session:
        row = session.exec(select(FollowUpRow)).one()
        row.payload = replace(made.document, words=Words("Annat.")).to_bytes()
        session.add(row)
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.read() as session:
        found = stored.follow_up(session, aneby, "2026-t1")
    assert found.state == "changed"
    with pytest.raises(RefusedError, match="har ändrats"):
        sign(place, found.digest, "kommun", "Kim Kommun")
    assert rewrite(place, found.digest, words=Words("Annat.")).state == "draft"


def test_a_draft_is_sent_back_with_what_should_be_changed_until_it_has_been(place: Place) -> None:
    made = make(place)
    sign(place, made.digest, "kommun", "Kim Kommun")
    aneby = place.parts.catalog.municipality("aneby")
    for reason, error in ((" ", "Skriv vad som ska ändras"), ("x" * 1001, "får ha högst")):
        with place.database.write() as session, pytest.raises(RefusedError, match=error):
            signing.reject(session, aneby, SPRING, party="polis", name="Pia Polis", reason=reason, now=MAY)

    with place.database.write() as session:
        sent = signing.reject(
            session, aneby, SPRING, party="polis", name="Pia Polis", reason="Nämn: föräldramötet.", now=MAY
        )

    assert sent.missing == ("kommun", "polis")
    assert sent.sent_back is not None
    back = sent.sent_back
    assert (back.name, back.party, back.reason, back.at) == ("Pia Polis", "polis", "Nämn: föräldramötet.", MAY)
    with place.database.read() as session:
        [entry] = session.exec(select(AuditEntry).where(AuditEntry.action == "skickade tillbaka uppföljning för polis"))
        assert entry.detail == f"{made.digest[:12]}: Nämn: föräldramötet."
    changed = rewrite(place, made.digest)
    assert changed.sent_back is None
    assert sign_both(place, changed.digest).is_published
    with place.database.write() as session, pytest.raises(RefusedError, match="publicerad"):
        signing.reject(session, aneby, SPRING, party="polis", name="Pia Polis", reason="Nej.", now=MAY)


def test_a_post_about_a_published_one_is_an_ordinary_draft_with_its_link(place: Place) -> None:
    place.town.set_date("2026-06-11", place="furulidsskolan", risk_date="skolavslutning")
    made = sign_both(place, make(place).digest)
    aneby = place.parts.catalog.municipality("aneby")
    address = "https://kampanj.example.se/sida/aneby/uppfoljning/2026-t1"
    with place.database.write() as session:
        posts = announcing.announce(
            session,
            place.parts.catalog,
            aneby,
            made,
            address=address,
            name="Sam Samordnare",
            now=MAY,
        )
        ids = [post.id for post in posts]

    with place.database.read() as session:
        rows = session.exec(select(Post).where(col(Post.id).in_(ids))).all()
    assert {post.channels for post in rows} == {"webb sociala-medier"}
    assert {post.audience for post in rows} == {"foraldrar", "syskon", "unga-vuxna"}
    assert {(post.state, post.is_extra, post.occurrence) for post in rows} == {
        (PostState.DRAFT, True, "aneby/skolavslutning/2026/furulidsskolan")
    }
    key = rows[0].key.removeprefix("aneby/")
    signed = place.town.sign(key)
    place.clock.at = rows[0].due_at
    assert signed.missing == ()
    delivery.send_due(place.parts.sender(), place.parts.catalog, local=True)
    assert address in place.page("/sida/aneby")


def test_a_draft_is_told_to_nobody_outside(place: Place) -> None:
    aneby = place.parts.catalog.municipality("aneby")
    made = make(place)
    with place.database.write() as session, pytest.raises(RefusedError, match="inte publicerad"):
        announcing.announce(session, place.parts.catalog, aneby, made, address="https://x.se", name="Sam", now=MAY)
