"""Efforts outside the campaigns, when the situation has changed: for any promise, told of as any activity."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from campaigns import efforts
from campaigns.activities import Outcome, Told, cancel_extra_activity, restore_extra_activity, tell_activity
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import ActivityRow
from campaigns.reminding import reminders
from campaigns.season import planned_years, season
from tests.conftest import Run
from tests.sites import Place, planned

AUTUMN = datetime(2026, 10, 5, 7, 0, tzinfo=UTC)


@pytest.fixture
def place(database: Database) -> Place:
    """Aneby on Mon 2026-10-05."""
    return planned(Place(database), at=AUTUMN)


def add(
    place: Place,
    *,
    promise: str = "trafik",
    title: str = "Hastighetskontroll",
    day: date = date(2026, 10, 20),
    situation: str = "Fler kör för fort.",
    name: str = "Sam Samordnare",
) -> ActivityRow:
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        row = efforts.add_effort(
            session,
            place.parts.catalog,
            aneby,
            promise=promise,
            title=title,
            day=day,
            responsible="Polisen",
            situation=situation,
            name=name,
            now=place.clock.at,
        )
        session.expunge(row)
        return row


@pytest.mark.parametrize("promise", ["trafik", "narkotika", "langning", "organiserad-brottslighet", "trygghet"])
def test_an_effort_can_be_made_for_any_of_the_five_promises(place: Place, promise: str) -> None:
    row = add(place, promise=promise)

    assert (row.promise, row.campaign, row.occurrence, row.situation) == (promise, "", None, "Fler kör för fort.")
    with place.database.read() as session:
        [found] = efforts.efforts(session, place.parts.catalog.municipality("aneby"))
    assert (found.name, found.day, found.responsible) == ("Hastighetskontroll", date(2026, 10, 20), "Polisen")


def test_what_cannot_be_is_refused_with_why(place: Place) -> None:
    add(place)
    with pytest.raises(RefusedError, match="finns redan tisdag 20 oktober 2026"):
        add(place)
    with pytest.raises(NotFoundError, match="Menade du ”trafik”"):
        add(place, promise="trafk")
    with pytest.raises(RefusedError, match="Löftet gäller onsdag 1 januari 2025 till torsdag 31 december 2026"):
        add(place, day=date(2027, 1, 1))
    with pytest.raises(RefusedError, match="vad som har ändrats"):
        add(place, title="Annat", situation=" ")
    with pytest.raises(RefusedError, match="vem"):
        add(place, title="Annat", name=" ")
    assert add(place, promise="trygghet").id != add(place, day=date(2026, 10, 21)).id


def test_it_is_told_of_called_off_and_taken_back_as_any_activity(place: Place) -> None:
    row = add(place, day=date(2026, 10, 1))
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        cancel_extra_activity(session, aneby, row.key, name="Sam", now=AUTUMN)
        assert efforts.efforts(session, aneby) == []
        restore_extra_activity(session, aneby, row.key, name="Sam", now=AUTUMN)
        told = Told(Outcome.NOT_DONE, "Snö.", 0, "https://www.aneby.se/")
        done = tell_activity(session, place.parts.catalog, aneby, row.key, told=told, name="Sam", now=AUTUMN)
        assert (done.outcome, done.note, done.number, done.link) == ("not_done", "Snö.", 0, "https://www.aneby.se/")
        with pytest.raises(RefusedError, match="redan noterad"):
            cancel_extra_activity(session, aneby, row.key, name="Sam", now=AUTUMN)


def test_another_municipalitys_effort_is_as_none(place: Place) -> None:
    row = add(place)
    with place.database.write() as session:
        stored = session.get_one(ActivityRow, row.id)
        stored.municipality = "tranas"
        session.add(stored)
    with place.database.read() as session, pytest.raises(NotFoundError):
        efforts.effort(session, place.parts.catalog.municipality("aneby"), row.id or 0)


def test_an_effort_is_in_the_editorial_calendar_and_on_the_calendar_page(place: Place) -> None:
    add(place)
    page = place.staff().page("/kommun/aneby/kalender?ar=2026&manad=10&vy=lista")
    assert "Hastighetskontroll" in page
    assert "/kommun/aneby/uppfoljning/insats/" in page


def told_of(place: Place, at: datetime) -> set[str]:
    """The subjects of the reminders that are due about activities."""
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.read() as session:
        due = reminders.due(session, place.parts.catalog, aneby, now=at)
    return {row.subject for row in due if row.kind.startswith("activity")}


@pytest.mark.parametrize(
    ("at", "subject"),
    [
        ("2026-10-13T05:59", ""),
        ("2026-10-13T06:00", "Snart dags: Hastighetskontroll, tisdag 20 oktober 2026"),
        ("2026-10-23T05:59", ""),
        ("2026-10-23T06:00", "Notera hur det gick: Hastighetskontroll, tisdag 20 oktober 2026"),
    ],
)
def test_staff_are_reminded_a_week_before_and_three_days_after(place: Place, at: str, subject: str) -> None:
    add(place)
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert told_of(place, moment) == ({subject} if subject else set())


def test_what_has_been_told_of_or_called_off_is_not_reminded_of(place: Place) -> None:
    row = add(place)
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        cancel_extra_activity(session, aneby, row.key, name="Sam", now=AUTUMN)
    assert told_of(place, datetime(2026, 10, 14, 8, 0, tzinfo=UTC)) == set()


def test_an_activity_planned_in_the_files_is_reminded_of_a_week_before(place: Place) -> None:
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.read() as session:
        years = planned_years(AUTUMN, aneby)
        laid = season(session, place.parts.catalog, aneby, years=years)
    [item] = [item for item in laid.plan.activities if item.campaign == "jul" and item.day.year == 2026]
    found = told_of(place, datetime(item.day.year, item.day.month, item.day.day - 7, 8, 0, tzinfo=UTC))
    assert found == {"Snart dags: Tillsyn av tobak, nikotin och folköl, Jul, torsdag 10 december 2026"}


def test_an_effort_is_added_on_the_command_line(run: Run) -> None:
    words = ("effort", "aneby", "trafik", "Fartkontroll", "2026-11-30", "--situation", "Fler klagar", "--as", "Sam")
    assert run(*words)[:2] == (0, "Insatsen är tillagd: Fartkontroll, måndag 30 november 2026.\n")
    code, out, _ = run("follow-up", "--period", "2026-t3")
    assert code == 0
    assert "2026-11-30 Fartkontroll" in out
