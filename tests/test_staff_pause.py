"""The page about pauses: a reason is asked for, the truth is told, what was missed is chosen one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from campaigns.database import Database
from campaigns.models import AuditEntry, DeliveryState, Pause, Post, Role
from campaigns.sending import pauses
from campaigns.sending.delivery import send_due
from tests.sites import Place, planned

pytestmark = pytest.mark.pages

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
PAUS = "/kommun/aneby/paus"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def place(database: Database) -> Place:
    """Valborg's reminder is signed and goes out within the hour."""
    place = planned(Place(database))
    place.town.sign(VALBORG)
    place.clock.at = place.town.post(VALBORG).due_at - timedelta(hours=1)
    return place


def standing(place: Place) -> list[tuple[str, str, str, str]]:
    with place.database.read() as session:
        rows = session.exec(select(Pause).where(Pause.resumed_at == None)).all()  # noqa: E711 - SQL
    return [(row.municipality, row.channel, row.reason, row.paused_by) for row in rows]


def pass_time(place: Place) -> None:
    place.clock.at = place.town.post(VALBORG).due_at
    send_due(place.parts.sender(), place.parts.catalog, local=True)


def test_the_page_says_openly_what_a_pause_does_not_stop(place: Place) -> None:
    page = place.staff().page(PAUS)

    assert "Det som redan håller på att skickas kan gå ut inom en minut." in page
    assert "2 utskick väntar det närmaste dygnet." in page


def test_paused_with_a_reason_and_told_on_every_page(place: Place) -> None:
    client = place.staff()

    client.act(PAUS, skal=f" Olycka   {SCRIPT}\x00 ", kanal="")

    assert standing(place) == [("aneby", "", f"Olycka {SCRIPT}", "Kim Kommun")]
    for page in (client.page("/kommun/aneby/ko"), client.page("/kommun/aneby/logg"), client.page(PAUS)):
        assert "Alla utskick är pausade:</strong> Olycka &lt;script&gt;" in page
        assert SCRIPT not in page


def test_one_channel_can_be_paused_alone(place: Place) -> None:
    place.staff().act(PAUS, skal="Skärmarna behövs", kanal="skarm")
    pass_time(place)

    assert place.town.states() == {"webb": "published", "skarm": "missed"}


@pytest.mark.parametrize(("reason", "channel", "told"), [(" ", "", "Skriv varför"), ("x", "finns-inte", "ingen kanal")])
def test_what_is_wrong_is_told_and_what_was_typed_is_kept(place: Place, reason: str, channel: str, told: str) -> None:
    answer = place.staff().post(PAUS, data={"skal": reason, "kanal": channel})

    assert answer.status_code == 422
    assert told in answer.text
    assert standing(place) == []


def test_a_replayed_form_pauses_once(place: Place) -> None:
    client = place.staff()
    client.act(PAUS, skal="Olycka", kanal="")

    answer = client.post(PAUS, data={"skal": "Olycka", "kanal": ""})

    assert answer.status_code == 422
    assert "Det är redan pausat." in answer.text
    assert len(standing(place)) == 1


def test_what_was_missed_is_not_sent_at_resume_and_has_a_button_each(place: Place) -> None:
    client = place.staff()
    client.act(PAUS, skal="Olycka", kanal="")
    pass_time(place)
    client.act(f"{PAUS}/avsluta", kanal="")

    page = client.page(PAUS)

    assert "2 utskick missades och skickas inte av sig själva" in page
    assert page.count("Skicka nu<span") == 2
    assert place.town.states() == {"webb": "missed", "skarm": "missed"}
    first = place.town.deliveries()[0]
    assert client.act(f"/kommun/aneby/ko/{first.id}/skicka", tillbaka="paus") == PAUS
    assert place.town.states()[first.channel] == DeliveryState.QUEUED


def test_a_pause_of_everything_is_shown_but_not_ended_here(place: Place) -> None:
    with place.database.write() as session:
        pauses.pause(
            session,
            place.parts.catalog,
            municipality="",
            channel="",
            reason="Allvarligt läge i landet",
            name="Driften",
            now=place.clock.at,
        )
    client = place.staff()

    assert "avslutas av dem som driver Kampanjhjulet" in client.page(PAUS)
    answer = client.post(f"{PAUS}/avsluta", data={"kanal": ""})
    assert answer.status_code == 422
    assert "Pausen är redan slut" in answer.text
    assert len(standing(place)) == 1


def test_a_crisis_post_may_pass_with_a_reason(place: Place) -> None:
    client = place.staff()
    post = place.town.post(VALBORG)
    client.act(PAUS, skal="Olycka", kanal="")

    client.act(f"{PAUS}/budskap", **{"budskap": str(post.id), "budskap-skal": "Det gäller krisen"})
    pass_time(place)

    assert place.town.states() == {"webb": "published", "skarm": "published"}
    client.act(f"{PAUS}/budskap", budskap=str(post.id), gor="folj")
    assert not place.town.post(VALBORG).passes_pause
    with place.database.read() as session:
        rows = session.exec(select(AuditEntry).where(AuditEntry.subject == post.key)).all()
    assert [row.action for row in rows][-2:] == ["lät gå förbi pauser", "lät följa pauser igen"]


@pytest.mark.parametrize("number", ["", "x", "²", "-1", SCRIPT, "9" * 30])
def test_a_post_that_is_none_is_told_of(place: Place, number: str) -> None:
    answer = place.staff().post(f"{PAUS}/budskap", data={"budskap": number, "budskap-skal": "Kris"})

    assert answer.status_code == 422
    assert "Välj ett budskap." in answer.text
    assert SCRIPT not in answer.text


def test_another_municipalitys_post_is_as_one_that_there_is_not(place: Place) -> None:
    post = place.town.post(VALBORG)
    with place.database.write() as session:
        row = session.get_one(Post, post.id)
        row.municipality = "eksjo"
        session.add(row)

    answer = place.staff().post(f"{PAUS}/budskap", data={"budskap": str(post.id), "budskap-skal": "Kris"})

    assert answer.status_code == 404
    assert not place.town.post(VALBORG).passes_pause


def test_an_approver_sees_the_pause_and_cannot_touch_it(place: Place) -> None:
    client = place.staff(Role.APPROVER, party="polis", name="Pia Polis")

    assert "Be någon av dem" in client.page(PAUS)
    for path in (PAUS, f"{PAUS}/avsluta", f"{PAUS}/budskap"):
        assert client.post(path, data={"skal": "x"}).status_code == 403
    assert standing(place) == []
