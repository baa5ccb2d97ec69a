"""The page Idag as it is read: what waits for whom, kind words where there is nothing, links that lead on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from campaigns.database import Database
from campaigns.models import Role
from campaigns.news import published
from campaigns.sending import pauses
from tests.sites import Place, StaffClient, planned
from tests.test_web_pages import HOSTILE, words

pytestmark = pytest.mark.pages

IDAG = "/kommun/aneby/idag"
EARLY, INFOR = "valborg/2027/valborg/tidigt/foraldrar", "valborg/2027/valborg/infor/syskon"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def police(place: Place) -> StaffClient:
    return place.staff(Role.APPROVER, party="polis", name="Pia Polis")


def test_the_page_begins_with_what_waits_for_the_one_who_asks(place: Place) -> None:
    place.clock.at = datetime(2027, 4, 15, 8, 0, tzinfo=UTC)
    number = place.write(EARLY).id

    page = police(place).page(IDAG)

    text = words(page)
    assert "Idag Torsdag 15 april 2027, vecka 15 Kräver dig 2 Godkänn Valborg utan langning" in text
    assert f'<a href="/kommun/aneby/granska/{number}">Läs och godkänn' in page
    assert 'href="/kommun/aneby/kalender?ar=2027&amp;vecka=15"' in page
    assert "kampanjhjul " not in text.lower().replace("kampanjhjulet", "")


def test_what_waits_for_others_is_there_but_folded(place: Place) -> None:
    page = police(place).page(IDAG)

    assert "<summary>Väntar på andra (" in page
    assert page.index("Bekräfta datum") > page.index("<summary>Väntar på andra")


def test_where_there_is_nothing_it_is_said_kindly(place: Place) -> None:
    place.clock.at = datetime(2027, 1, 20, 8, 0, tzinfo=UTC)

    text = words(police(place).page(IDAG))

    assert "Kräver dig Inget väntar på dig just nu. Bra jobbat!" in text
    assert "Inget går ut i dag. Nästa går ut fre 16 apr 2027 kl. 16.30: Valborg utan langning" in text
    assert "Inget mer den här veckan." in text
    assert "Inget har gått ut den senaste veckan." in text


def test_what_went_out_leads_to_where_it_can_be_read(place: Place) -> None:
    number = place.publish(INFOR, title=HOSTILE).id

    page = police(place).page(IDAG)

    assert "Gick ut de senaste sju dagarna 1 Valborg utan langning, inför" in words(page)
    assert f'<a href="/sida/aneby#{number}">Webbsidan' in page
    with place.database.read() as session:
        assert [item.post_id for item in published(session, "aneby", kind="webb", most=5)] == [number]


def test_what_is_left_to_set_up_is_shown_to_those_who_can(place: Place) -> None:
    administrator = place.staff(Role.ADMINISTRATOR, name="Ada Admin").page(IDAG)
    editor = place.staff(Role.EDITOR).page(IDAG)

    assert "Kom i gång" in words(administrator)
    assert 'href="/kommun/aneby/installningar/personer">Lägg till en administratör' in administrator
    assert "6 lokala datum saknas" in words(editor)
    assert "Lägg till en administratör" not in editor
    assert "Kom i gång" not in words(police(place).page(IDAG))


def test_a_pause_is_among_what_needs_the_editor(place: Place) -> None:
    with place.database.write() as session:
        pauses.pause(
            session,
            place.parts.catalog,
            municipality="aneby",
            channel="",
            reason=HOSTILE,
            name="Kim Kommun",
            now=place.clock.at,
        )

    page = place.staff(Role.EDITOR).page(IDAG)

    assert "Allt schemalagt står stilla sedan mån 12 apr 2027 kl. 09.00." in words(page)
    assert "<script>" not in page.split("<main")[1]


def test_a_stranger_sees_nothing(place: Place) -> None:
    assert place.client.get(IDAG).status_code == 303
    assert place.staff(Role.EDITOR).get("/kommun/tranas/idag").status_code == 404
