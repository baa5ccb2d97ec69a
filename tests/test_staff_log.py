"""The page about the log: read by everybody with a role, searched, taken along as a file."""

from __future__ import annotations

import re

import pytest

from campaigns import audit
from campaigns.database import Database
from campaigns.models import Role
from campaigns.overviews.log_subjects import action_words
from tests.sites import Place, planned

pytestmark = pytest.mark.pages

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
LOGG = "/kommun/aneby/logg"
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def place(database: Database) -> Place:
    place = planned(Place(database))
    place.town.sign(VALBORG)
    return place


def test_everybody_with_a_role_reads_who_did_what(place: Place) -> None:
    page = place.staff(Role.APPROVER, party="polis", name="Pia Polis").page(LOGG)

    assert f'<a href="/kommun/aneby/mallar/{place.town.post(VALBORG).id}">Valborg utan langning' in page
    assert "godkände för Lokalpolisområde Höglandet" in page


def test_hostile_entries_are_shown_as_text(place: Place) -> None:
    with place.database.write() as session:
        audit.record(
            session,
            now=place.clock.at,
            municipality="aneby",
            actor=SCRIPT,
            action=SCRIPT,
            subject=SCRIPT,
            detail=SCRIPT,
        )

    page = place.staff().page(LOGG)

    assert SCRIPT not in page
    assert page.count("&lt;script&gt;alert(1)") >= 4


def test_the_search_is_kept_in_the_fields_and_narrows(place: Place) -> None:
    page = place.staff().page(f"{LOGG}?vem=Pia+Polis&q=valborg&fran=2027-01-01&till=2027-12-31")

    assert "<option selected>Pia Polis</option>" in page
    assert 'value="2027-01-01"' in page
    assert "1 händelse," in page


@pytest.mark.parametrize("field", ["fran", "till"])
def test_a_day_that_is_none_is_told_of_and_kept(place: Place, field: str) -> None:
    answer = place.staff().get(f"{LOGG}?{field}=%22%3E{SCRIPT}&q=valborg")

    assert answer.status_code == 422
    assert f'<a href="#{field}">Skriv dagen som 2027-04-30.</a>' in answer.text
    assert SCRIPT not in answer.text


def test_the_file_holds_what_was_searched_for(place: Place) -> None:
    answer = place.staff().get(f"{LOGG}.csv?vem=Pia+Polis&q=valborg")

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="logg-aneby-2027-04-12.csv"'
    assert answer.content.startswith("\ufeffNär;Vem;Vad;Gäller;Nyckel;Mer\r\n".encode())
    assert answer.text.count("\r\n") == 2


def test_another_municipalitys_entries_are_in_neither(place: Place) -> None:
    with place.database.write() as session:
        audit.record(
            session, now=place.clock.at, municipality="eksjo", actor="Eko", action="hemligt", subject="eksjo/a/b"
        )
    client = place.staff()

    assert "hemligt" not in client.page(LOGG) + client.get(f"{LOGG}.csv").text


def test_acts_are_few_words_and_parties_are_called_by_name(database: Database) -> None:
    place = planned(Place(database))
    key = "valborg/2027/valborg/infor/syskon"
    post = place.write(key)
    client = place.staff(Role.EDITOR, Role.APPROVER, party="polis")
    for name in ("Pia Polis", "Per Polis"):
        client.post("/kommun/aneby/granska/lankar", data={"vad": str(post.id), "part": "polis", "namn": name})
    client.act(f"/kommun/aneby/granska/{post.id}/avsla", part="polis", kommentar="Fel ålder.")

    page = client.page("/kommun/aneby/logg")
    today = client.page("/kommun/aneby/idag")

    choices = re.search(r'<select[^>]*name="vad".*?</select>', page, re.DOTALL)
    assert choices is not None
    assert "Pia" not in choices[0]
    assert "till Pia Polis, 1 budskap" in page
    assert "gav rollen godkännare för Lokalpolisområde Höglandet" in page
    assert "Avslaget av Kim Kommun, Lokalpolisområde Höglandet: Fel ålder." in today


def test_a_role_that_was_noted_with_the_partys_id_is_read_as_before(database: Database) -> None:
    place = planned(Place(database))
    aneby = place.parts.catalog.municipality("aneby")

    assert (
        action_words(aneby, "gav rollen godkännare (polis)") == "gav rollen godkännare för Lokalpolisområde Höglandet"
    )
    assert action_words(aneby, "gjorde en personlig länk för polis till Pia").endswith("Höglandet till Pia")
