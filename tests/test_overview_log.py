"""The log: who did what and when, in words, searched, and never another municipality's."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from campaigns import audit
from campaigns.database import Database
from campaigns.errors import RefusedError
from campaigns.models import Role
from campaigns.overviews import log
from campaigns.overviews.log import Filters, Log
from campaigns.sending import choices
from tests.sites import Place, planned

pytestmark = pytest.mark.pages

VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
MIDNIGHT = datetime(2027, 4, 30, 22, 0, tzinfo=UTC)  # Sat 2027-05-01 00.00 summer time


@pytest.fixture
def place(database: Database) -> Place:
    """Valborg's reminder is signed."""
    place = planned(Place(database))
    place.town.sign(VALBORG)
    return place


def shown(place: Place, filters: Filters | None = None) -> Log:
    with place.database.read() as session:
        catalog = place.parts.catalog
        return log.log(session, catalog, catalog.municipality("aneby"), filters or Filters())


def acts(place: Place, filters: Filters | None = None) -> list[str]:
    return [entry.action for entry in shown(place, filters).entries]


def note(place: Place, *, municipality: str = "aneby", at: datetime | None = None, **rest: str) -> None:
    values = {"actor": "Kim", "action": "gjorde", "subject": "något", **rest}
    with place.database.write() as session:
        audit.record(session, now=at or place.clock.at, municipality=municipality, **values)


def test_the_newest_is_first_and_parties_have_their_names(place: Place) -> None:
    assert acts(place)[:2] == ["godkände för Lokalpolisområde Höglandet", "godkände för Aneby kommun"]


def test_a_post_and_a_delivery_are_told_by_name_with_their_pages(place: Place) -> None:
    delivery = next(item for item in place.town.deliveries() if item.channel == "webb")
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        choices.stop(session, aneby, delivery.id or 0, name="Kim Kommun", now=place.clock.at)

    stopped, signed, *_ = shown(place).entries

    assert stopped.subject.words == "Webbsidan: Valborg utan langning: Påminnelse samma dag, till föräldrar (2027)"
    assert stopped.subject.path == f"ko/{delivery.id}"
    assert signed.subject.words == "Valborg utan langning: Påminnelse samma dag, till föräldrar (2027)"
    assert signed.subject.path == f"mallar/{place.town.post(VALBORG).id}"
    assert signed.detail.startswith("Sigill ")


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("webb", "Webbsidan"),
        ("aneby", "Aneby kommun"),
        ("alla kanaler", "alla kanaler"),
        ("student/holaveden/2027", "Studenten, Holavedsgymnasiet, Tranås (2027)"),
        ("skolavslutning/-/2027", "Skolavslutning (2027)"),
        ("person 999999", "person 999999"),
        ("person ²", "person ²"),
        ("aneby/finns/2027/inte/alls/nu", "aneby/finns/2027/inte/alls/nu"),
    ],
)
def test_what_it_is_about_is_told_in_words_where_there_are_any(place: Place, subject: str, words: str) -> None:
    note(place, subject=subject)

    assert shown(place).entries[0].subject.words == words


def test_never_another_municipalitys(place: Place) -> None:
    note(place, municipality="eksjo", actor="Eko i Eksjö", action="hemligt", subject="eksjo/x/2027/y/z/w")

    found = shown(place)

    assert "hemligt" not in [entry.action for entry in found.entries]
    assert "Eko i Eksjö" not in found.actors
    assert "hemligt" not in found.actions
    assert shown(place, Filters(search="eksjo")).entries == []


def test_a_post_of_another_municipality_is_not_named_by_its_key(place: Place) -> None:
    note(place, municipality="eksjo", subject=f"aneby/{VALBORG}")
    note(place, subject="eksjo/valborg/2027/valborg/paminnelse/foraldrar")

    assert shown(place).entries[0].subject.words == "eksjo/valborg/2027/valborg/paminnelse/foraldrar"


def test_signing_in_is_shown_of_those_who_have_a_role_here_only(place: Place) -> None:
    place.staff(Role.EDITOR, name="Kim Kommun")
    place.staff(Role.ADMINISTRATOR, name="Drift Person", municipality=None)
    note(place, municipality="", actor="Eko i Eksjö", action="loggade in", subject="person 4711")
    note(place, municipality="", actor="driften", action="bytte nyckel", subject="allt")

    found = shown(place)

    assert {entry.actor for entry in found.entries if entry.action == "loggade in"} == {"Kim Kommun", "Drift Person"}
    assert "bytte nyckel" in [entry.action for entry in found.entries]
    assert {entry.subject.words for entry in found.entries if entry.action == "loggade in"} == {
        "Kim Kommun",
        "Drift Person",
    }


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (Filters(actor="Pia Polis"), 1),
        (Filters(action="godkände för polis"), 1),
        (Filters(search="valborg föräldrar"), 2),
        (Filters(search="PÅMINNELSE"), 2),
        (Filters(search="pia"), 1),
        (Filters(search="syskon"), 0),
        (Filters(search="%"), 0),
        (Filters(search="' OR 1=1 --"), 0),
        (Filters(actor="<script>"), 0),
    ],
)
def test_the_log_can_be_searched(place: Place, filters: Filters, count: int) -> None:
    assert shown(place, filters).paging.total == count


def test_days_are_whole_and_local(place: Place) -> None:
    note(place, at=MIDNIGHT - timedelta(seconds=1), action="före")
    note(place, at=MIDNIGHT, action="efter")
    thirtieth, first = log.day_from("2027-04-30"), log.day_from(" 2027-05-01 ")

    assert acts(place, Filters(first=thirtieth, last=thirtieth)) == ["före"]
    assert acts(place, Filters(first=first)) == ["efter"]


@pytest.mark.parametrize("text", ["i går", "2027-13-01", "0001-01-01", "9999-12-31", "2027-04-31"])
def test_a_day_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        log.day_from(text)


def test_it_comes_a_page_at_a_time_and_the_search_stays_in_the_address(place: Place) -> None:
    for index in range(60):
        note(place, action=f"gjorde {index}", actor="Å & Ö")
    filters = Filters(actor="Å & Ö", page="2")

    found = shown(place, filters)

    assert (len(found.entries), found.paging.pages, found.paging.total) == (10, 2, 60)
    assert found.filters.query(sida=1) == "vem=%C3%85+%26+%C3%96&sida=1"


def test_the_file_holds_all_that_was_found_and_no_formulas(place: Place) -> None:
    for index in range(60):
        note(place, actor="Å", action="=HYPERLINK(1)", detail=f"-{index};x\n")
    catalog = place.parts.catalog

    with place.database.read() as session:
        body = log.log_file(session, catalog, catalog.municipality("aneby"), Filters(actor="Å"))

    _, *rows = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), delimiter=";")
    assert len(rows) == 60
    assert {row[2] for row in rows} == {"'=HYPERLINK(1)"}
    assert rows[0][5] == "'-59;x\n"
