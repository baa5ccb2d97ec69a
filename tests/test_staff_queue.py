"""The pages of the queue: read by everybody with a role, acted on by editors, safe against hostile fields."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from campaigns.channels.base import NotSentError, Outcome, Receipt, UnknownOutcomeError
from campaigns.database import Database
from campaigns.models import AuditEntry, Delivery, DeliveryState, Post, Role
from campaigns.sending.delivery import send_due
from tests.fakes import FakeChannel
from tests.sites import Place, planned

pytestmark = pytest.mark.pages

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
KO = "/kommun/aneby/ko"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def place(database: Database) -> Place:
    """Valborg's reminder is signed; an hour is left until it goes out in `webb` and `skarm`."""
    place = planned(Place(database))
    place.town.sign(VALBORG)
    place.clock.at = place.town.post(VALBORG).due_at - timedelta(hours=1)
    return place


def only(place: Place, channel: str = "webb") -> Delivery:
    return next(item for item in place.town.deliveries() if item.channel == channel)


def path(place: Place, rest: str = "", channel: str = "webb") -> str:
    return f"{KO}/{only(place, channel).id}{rest}"


def answered(place: Place, answer: Receipt | NotSentError | UnknownOutcomeError) -> None:
    """It is time, and `webb` answers so."""
    place.clock.at = place.town.post(VALBORG).due_at
    webb = FakeChannel("webb", is_local=False, is_idempotent=False, answers=[answer])
    send_due(place.town.sender(webb), place.parts.catalog, local=False)


def audited(place: Place) -> list[tuple[str, str, str]]:
    with place.database.read() as session:
        rows = session.exec(select(AuditEntry).where(AuditEntry.subject == only(place).key)).all()
    return [(row.actor, row.action, row.detail) for row in rows]


def test_the_queue_shows_what_waits_and_each_tabs_count(place: Place) -> None:
    page = place.staff().page(KO)

    assert page.count('<li class="delivery">') == 2
    assert "Går ut fre 30 apr 2027 kl. 08.00" in page
    assert 'aria-current="page">I kö <span class="tab-count">2</span>' in page
    assert "data-under-way" not in page


def test_the_page_follows_what_is_soon_to_go_out(place: Place) -> None:
    place.clock.at += timedelta(minutes=59)

    assert "data-under-way" in place.staff().page(KO)


def test_an_approver_reads_but_is_offered_no_buttons_and_can_do_nothing(place: Place) -> None:
    client = place.staff(Role.APPROVER, party="polis", name="Pia Polis")

    assert "/stoppa" not in client.page(KO) + client.page(path(place))
    for act in ("stoppa", "ater", "skicka", "igen", "klar", "inte-klar", "dra-tillbaka", "ratta"):
        assert client.post(path(place, f"/{act}")).status_code == 403
    assert only(place).state == DeliveryState.QUEUED


def test_stopped_and_undone_by_the_button_in_the_message(place: Place) -> None:
    client = place.staff()

    where = client.act(path(place, "/stoppa"), tillbaka="ko?flik=ko&sida=1")

    assert where == f"{KO}?flik=ko&sida=1"
    page = client.page(where)
    assert "Stoppat. Det hade inte börjat skickas." in page
    assert f'action="{path(place, "/ater")}"' in page
    assert only(place).state == DeliveryState.STOPPED
    client.act(path(place, "/ater"))
    assert (only(place).state, only(place).next_attempt_at) == (DeliveryState.QUEUED, only(place).due_at)
    assert [action for _, action, _ in audited(place)] == ["stoppade", "valde på nytt"]


def test_what_is_being_sent_is_told_as_it_is(place: Place) -> None:
    with place.database.write() as session:
        row = session.get_one(Delivery, only(place).id)
        row.state = DeliveryState.SENDING
        session.add(row)

    answer = place.staff().post(path(place, "/stoppa"))

    assert answer.status_code == 422
    assert "Den skickas just nu och går inte att stoppa." in answer.text


def test_a_replayed_form_is_refused_with_the_state_as_it_is(place: Place) -> None:
    client = place.staff()
    client.act(path(place, "/stoppa"))

    answer = client.post(path(place, "/stoppa"))

    assert answer.status_code == 422
    assert "läget är ”Stoppad”" in answer.text


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "ko?x=\r\nSet-Cookie: a=b", "../../logga-ut", "mallar", "ko/x"]
)
def test_an_act_leads_back_within_the_queue_only(place: Place, back: str) -> None:
    answer = place.staff().post(path(place, "/stoppa"), data={"tillbaka": back})

    assert (answer.status_code, answer.headers["location"]) == (303, path(place))
    assert "a=b" not in str(answer.headers)


def test_it_is_chosen_again_for_a_time_in_the_municipalitys_zone(place: Place) -> None:
    client = place.staff()
    client.act(path(place, "/stoppa"))

    client.act(path(place, "/skicka"), nar="sedan", tid="2027-04-30T10:15")

    assert only(place).next_attempt_at.isoformat() == "2027-04-30T08:15:00+00:00"


@pytest.mark.parametrize(
    ("time", "told"),
    [
        ("", "Välj dag och klockslag."),
        ("i morgon", "Välj dag och klockslag."),
        ("0001-01-01T00:00", "Välj dag och klockslag."),
        ("9999-12-31T23:59", "Välj dag och klockslag."),
        ("2027-04-30T10:15+02:00", "Välj dag och klockslag."),
        ("2027-04-30T19:00", "Den måste gå ut senast fre 30 apr 2027 kl. 18.00."),
        (SCRIPT, "Välj dag och klockslag."),
    ],
)
def test_a_time_that_cannot_be_is_told_of_and_kept(place: Place, time: str, told: str) -> None:
    client = place.staff()
    client.act(path(place, "/stoppa"))

    answer = client.post(path(place, "/skicka"), data={"nar": "sedan", "tid": time})

    assert answer.status_code == 422
    assert told in answer.text
    assert SCRIPT not in answer.text
    assert only(place).state == DeliveryState.STOPPED


def test_an_uncertain_one_has_its_two_buttons_and_the_way_to_the_channel(place: Place) -> None:
    answered(place, UnknownOutcomeError("Kanalen svarade inte."))

    page = place.staff().page(f"{KO}?flik=osakert")

    assert "Osäkert – kontrollera" in page
    assert "Det gick ut<span" in page
    assert "Det gick inte ut – skicka igen<span" in page
    assert 'href="/sida/aneby"' in page


def test_it_went_out_with_an_address_and_that_can_be_undone(place: Place) -> None:
    answered(place, UnknownOutcomeError("Kanalen svarade inte."))
    client = place.staff()

    client.act(path(place, "/klar"), adress="https://www.aneby.se/a?b=<c>")

    page = client.page(path(place))
    assert 'href="https://www.aneby.se/a?b=&lt;c&gt;"' in page
    assert only(place).state == DeliveryState.PUBLISHED
    client.act(path(place, "/inte-klar"))
    assert only(place).state == DeliveryState.UNKNOWN


@pytest.mark.parametrize("address", ["javascript:alert(1)", f"https://x/{SCRIPT} y", 'https://x" onfocus="alert(1)'])
def test_a_hostile_address_is_refused_told_of_by_its_field_and_kept_harmless(place: Place, address: str) -> None:
    answered(place, UnknownOutcomeError("Kanalen svarade inte."))

    answer = place.staff().post(path(place, "/klar"), data={"adress": address})

    assert answer.status_code == 422
    assert '<a href="#adress">Adressen ska börja med https://' in answer.text
    assert SCRIPT not in answer.text
    assert 'onfocus="alert' not in answer.text
    assert only(place).state == DeliveryState.UNKNOWN


def test_a_failed_one_is_tried_again_and_can_be_stopped_in_the_minute(place: Place) -> None:
    answered(place, NotSentError(SCRIPT, is_permanent=True))
    client = place.staff()
    page = client.page(f"{KO}?flik=osakert")
    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)" in page

    client.act(path(place, "/igen"))

    assert only(place).next_attempt_at == place.clock.at + timedelta(seconds=60)
    assert f'action="{path(place, "/stoppa")}"' in client.page(path(place))


def test_a_task_has_its_texts_to_copy_with_and_without_a_script(place: Place) -> None:
    answered(place, Receipt(Outcome.MANUAL))

    page = place.staff().page(f"{KO}?flik=hand")

    assert page.count('<textarea id="') >= 3
    assert page.count("data-copy=") >= 3
    assert "Markera som gjord" in page


def test_taking_back_asks_why_first_and_the_reason_is_logged(place: Place) -> None:
    answered(place, Receipt(Outcome.PUBLISHED, "inlägg 1"))
    client = place.staff()
    assert "kan inte läggas dit igen" in client.page(path(place, "/dra-tillbaka"))
    unsaid = client.post(path(place, "/dra-tillbaka"), data={"skal": "  "})
    assert (unsaid.status_code, only(place).state) == (422, DeliveryState.PUBLISHED)

    client.act(path(place, "/dra-tillbaka"), skal=f"Fel {SCRIPT}")

    assert audited(place) == [("Kim Kommun", "drog tillbaka", f"Fel {SCRIPT}")]
    assert SCRIPT not in client.page(path(place))


def test_correcting_leads_to_the_text(place: Place) -> None:
    answered(place, Receipt(Outcome.PUBLISHED, "inlägg 1"))
    post = place.town.post(VALBORG)

    where = place.staff().act(path(place, "/ratta"), skal="Fel datum")

    assert where == f"/kommun/aneby/mallar/{post.id}"
    assert place.town.post(VALBORG).is_correction


def test_what_cannot_be_taken_back_is_not_asked_about(place: Place) -> None:
    answer = place.staff().get(path(place, "/dra-tillbaka"))

    assert answer.status_code == 422
    assert "så det går inte nu" in answer.text


@pytest.mark.parametrize("act", ["stoppa", "ater", "skicka", "igen", "klar", "inte-klar", "dra-tillbaka", "ratta"])
def test_another_municipalitys_delivery_is_as_one_that_there_is_not(place: Place, act: str) -> None:
    with place.database.write() as session:
        theirs = session.get_one(Delivery, only(place).id)
        post = session.get_one(Post, theirs.post_id)
        theirs.municipality = post.municipality = "eksjo"
        session.add_all([theirs, post])
    before = only(place)
    client = place.staff()

    answers = [client.post(f"{KO}/{number}/{act}", data={"skal": "x"}) for number in (before.id, 987654, "9" * 40)]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert client.get(path(place)).status_code == 404
    assert only(place) == before


def test_the_file_is_an_attachment_for_swedish_spreadsheets(place: Place) -> None:
    answer = place.staff(Role.APPROVER, party="polis", name="Pia Polis").get(f"{KO}.csv?flik=ko")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="ko-aneby-2027-04-30.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbfNummer;Budskap;")
    assert answer.content.count(b"\r\n") == 3


def test_hostile_searches_are_shown_as_text(place: Place) -> None:
    page = place.staff().page(f"{KO}?q=%22%3E{SCRIPT}&kanal=%27%22&kampanj=%00&flik=x&sida=-1")

    assert SCRIPT not in page
    assert "Inget här passar sökningen." in page
