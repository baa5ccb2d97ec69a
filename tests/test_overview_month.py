"""Kalender: the right things on the right days, filtered by the address, and never a guessed day."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlmodel import col, update

from campaigns import approval
from campaigns.database import Database
from campaigns.models import ActivityRow, Delivery, DeliveryState, Post
from campaigns.overviews.entries import Entry, Kind
from campaigns.overviews.month import MOST_IN_A_DAY, Calendar, calendar
from campaigns.people.roles import Roles
from tests.builders import day
from tests.sites import Place, planned

pytestmark = pytest.mark.pages

EARLY, INFOR = "valborg/2027/valborg/tidigt/foraldrar", "valborg/2027/valborg/infor/syskon"
READER, EDITOR = Roles(parties=("polis",)), Roles(is_editor=True)


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def asked(place: Place, query: dict[str, str], *, roles: Roles = READER) -> Calendar:
    with place.database.read() as session:
        catalog = place.parts.catalog
        return calendar(session, catalog, catalog.municipality("aneby"), query=query, roles=roles, now=place.clock.at)


def shown(place: Place, *, roles: Roles = READER, **query: str) -> Calendar:
    return asked(place, query, roles=roles)


def entries(found: Calendar, kind: Kind | None = None) -> list[Entry]:
    return [entry for on in found.days for entry in on.entries if kind in (None, entry.kind)]


def posts(found: Calendar) -> list[str]:
    return [f"{entry.day:%a %m-%d} {entry.time}" for entry in entries(found, Kind.POST)]


def test_a_month_holds_its_posts_at_their_local_times(place: Place) -> None:
    found = shown(place, ar="2027", manad="4")

    assert posts(found) == [
        "Fri 04-16 16.30",
        "Fri 04-23 16.30",
        *["Sun 04-25 15.30"] * 2,
        *["Wed 04-28 15.30"] * 2,
        *["Fri 04-30 08.00"] * 3,
    ]
    assert found.count == 9
    first = entries(found, Kind.POST)[0]
    assert (first.title, first.about) == ("Valborg: Tidigt till föräldrar", "Webbsidan, Skolplattformen")
    assert first.path == f"/kommun/aneby/mallar/{place.town.post(EARLY).id}"
    assert first.word == "Utkast"


@pytest.mark.parametrize(
    ("at", "month", "on", "time"),
    [
        ("2027-03-28T00:30:00", "3", "Sun 2027-03-28", "01.30"),  # the hour before summer time
        ("2027-03-28T01:30:00", "3", "Sun 2027-03-28", "03.30"),  # the hour after
        ("2027-10-31T00:30:00", "10", "Sun 2027-10-31", "02.30"),  # the first of two
        ("2027-10-31T01:30:00", "10", "Sun 2027-10-31", "02.30"),  # the second
        ("2027-03-31T22:30:00", "4", "Thu 2027-04-01", "00.30"),  # another month here than in UTC
        ("2027-12-31T22:30:00", "12", "Fri 2027-12-31", "23.30"),
    ],
)
def test_a_post_stands_on_its_local_day_over_every_edge(place: Place, at: str, month: str, on: str, time: str) -> None:
    with place.database.write() as session:
        due = datetime.fromisoformat(at).replace(tzinfo=UTC)
        session.execute(update(Post).where(col(Post.key) == f"aneby/{EARLY}").values(due_at=due, not_after=due))

    found = [entry for entry in entries(shown(place, ar="2027", manad=month), Kind.POST) if "Tidigt" in entry.title]

    assert (day(on), time) in [(entry.day, entry.time) for entry in found]


def test_the_risk_time_is_told_on_each_of_its_days_and_over_new_year(place: Place) -> None:
    june = entries(shown(place, ar="2027", manad="6"), Kind.RISK_DATE)
    week_53 = shown(place, ar="2026", vecka="53")

    assert [(entry.day, entry.title) for entry in june] == [
        (day("Fri 2027-06-25"), "Midsommar"),
        (day("Sat 2027-06-26"), "Midsommar"),
    ]
    assert [on.day for on in week_53.days][-1] == day("Sun 2027-01-03")
    assert [(entry.day, entry.title) for entry in entries(week_53, Kind.RISK_DATE)] == [(day("Thu 2026-12-31"), "Nyår")]
    assert "Nyår: Notera vad som hände" in [entry.title for entry in entries(week_53, Kind.DEADLINE)]


def test_a_date_that_nobody_has_confirmed_stands_on_no_day(place: Place) -> None:
    june = shown(place, ar="2027", manad="6")

    assert [entry.title for entry in entries(june) if entry.title.startswith("Studenten") and entry.time] == []
    assert not [entry for entry in entries(june, Kind.RISK_DATE) if entry.title in ("Studenten", "Skolavslutning")]
    assert [(item.name, item.places, item.usually) for item in june.undated] == [
        ("Studenten", "5 skolor eller platser", "31 maj–16 juni 2027"),
        ("Skolavslutning", "Furulidsskolan, Aneby", "5–16 juni 2027"),
    ]
    # Its first posts may be due in May, and its dates are to be confirmed in April.
    assert [item.name for item in shown(place, ar="2027", manad="5").undated] == ["Studenten", "Skolavslutning"]
    assert [item.name for item in shown(place, ar="2027", manad="7").undated] == []
    confirm = [entry for entry in entries(shown(place, ar="2027", manad="4")) if "Studenten: Bekräfta" in entry.title]
    assert [(entry.day, entry.about, entry.is_preliminary) for entry in confirm] == [
        (day("Mon 2027-04-05"), "5 skolor eller platser", True)
    ]


def test_a_confirmed_date_takes_its_place_with_its_posts(place: Place) -> None:
    place.town.set_date("2027-06-11")

    june = shown(place, ar="2027", manad="6")

    assert [entry.day for entry in entries(june, Kind.RISK_DATE) if entry.title == "Studenten"] == [
        day("Thu 2027-06-10"),
        day("Fri 2027-06-11"),
    ]
    assert "Fri 06-04 16.30" in posts(june)
    assert june.undated[0].places == "4 skolor eller platser"


def test_the_state_is_the_worst_of_the_deliveries(place: Place) -> None:
    place.publish(INFOR)
    [by_hand] = [entry for entry in entries(shown(place), Kind.POST) if entry.word == "Manuell uppgift"]
    with place.database.write() as session:
        session.execute(update(Delivery).where(col(Delivery.channel) == "skarm").values(state=DeliveryState.FAILED))

    [failed] = [entry for entry in entries(shown(place), Kind.POST) if entry.word == "Misslyckad"]

    assert by_hand.path == failed.path


def test_what_people_do_is_told_with_what_came_of_it(place: Place) -> None:
    with place.database.write() as session:
        for key, name, on, is_extra, outcome, cancelled in (
            ("valborg/aneby/valborg/2027/-/nattvandring", "Nattvandring", date(2027, 4, 29), False, "done", None),
            ("egen/1", "Föräldramöte", date(2027, 4, 20), True, "", None),
            ("egen/2", "Inställt", date(2027, 4, 21), True, "", place.clock.at),
        ):
            session.add(
                ActivityRow(
                    key=key,
                    municipality="aneby",
                    campaign="valborg",
                    name=name,
                    day=on,
                    is_extra=is_extra,
                    outcome=outcome,
                    cancelled_at=cancelled,
                    created_by="Kim Kommun",
                    created_at=place.clock.at,
                )
            )

    found = entries(shown(place), Kind.ACTIVITY)

    assert [(entry.day, entry.title, entry.word) for entry in found] == [
        (day("Tue 2027-04-20"), "Föräldramöte", ""),
        (day("Thu 2027-04-29"), "Valborg: Nattvandring", "Gjord"),
    ]
    assert {entry.path for entry in found} == {"/kommun/aneby/kampanjer/valborg/2027"}


@pytest.mark.parametrize(
    ("query", "count", "kinds"),
    [
        ({"kampanj": "valborg"}, 9, {"riskdatum", "budskap", "deadline", "aktivitet"}),
        ({"kampanj": "midsommar"}, 0, {"deadline"}),
        ({"malgrupp": "syskon"}, 3, {"riskdatum", "budskap"}),
        ({"kanal": "skolplattform"}, 1, {"riskdatum", "budskap"}),
        ({"lage": "utkast"}, 8, {"riskdatum", "budskap"}),
        ({"lage": "avslaget"}, 1, {"riskdatum", "budskap"}),
        ({"malgrupp": "syskon", "kanal": "sociala-medier"}, 2, {"riskdatum", "budskap"}),
        ({"kampanj": "finns-inte"}, 9, {"riskdatum", "budskap", "deadline", "aktivitet"}),
    ],
)
def test_filters_narrow_what_is_shown(place: Place, query: dict[str, str], count: int, kinds: set[str]) -> None:
    number = place.town.post(EARLY).id
    assert number is not None
    with place.database.write() as session:
        approval.reject(
            session, place.parts.catalog, number, party="polis", name="Pia Polis", reason="Fel.", now=place.clock.at
        )

    found = asked(place, {"ar": "2027", "manad": "4", **query})

    assert found.count == count
    assert {entry.kind for entry in entries(found)} == kinds


def test_every_way_on_keeps_the_filters_and_clearing_leaves_them(place: Place) -> None:
    found = shown(place, ar="2027", manad="12", kampanj="jul", vy="lista")

    assert found.previous.path == "/kommun/aneby/kalender?ar=2027&manad=11&vy=lista&kampanj=jul"
    assert found.following.path == "/kommun/aneby/kalender?ar=2028&manad=1&vy=lista&kampanj=jul"
    assert found.today.path == "/kommun/aneby/kalender?ar=2027&manad=4&vy=lista&kampanj=jul"
    assert found.clear == "/kommun/aneby/kalender?ar=2027&manad=12&vy=lista"
    assert [(link.path.partition("?")[2], is_here) for link, is_here in found.views] == [
        ("ar=2027&manad=12&kampanj=jul", False),
        ("ar=2027&manad=12&vy=lista&kampanj=jul", True),
        ("ar=2027&vecka=48&kampanj=jul", False),
    ]
    assert found.is_filtered
    assert not shown(place).is_filtered


def test_the_weeks_rows_are_numbered_by_iso_and_lead_to_their_lists(place: Place) -> None:
    found = shown(place, ar="2027", manad="1", kanal="webb")

    assert [(week.number, week.path.partition("?")[2]) for week in found.weeks] == [
        (53, "ar=2026&vecka=53&kanal=webb"),
        (1, "ar=2027&vecka=1&kanal=webb"),
        (2, "ar=2027&vecka=2&kanal=webb"),
        (3, "ar=2027&vecka=3&kanal=webb"),
        (4, "ar=2027&vecka=4&kanal=webb"),
    ]
    outside = [on.day for week in found.weeks for on in week.days if on.is_outside]
    assert outside == [date(2026, 12, number) for number in range(28, 32)]


def test_a_full_day_is_told_in_part_with_the_number_of_the_rest(place: Place) -> None:
    found = shown(place, ar="2027", manad="4")

    [full] = [on for week in found.weeks for on in week.days if on.more]
    assert full.day == day("Fri 2027-04-30")
    assert (len(full.first), full.more) == (MOST_IN_A_DAY - 1, len(full.entries) - 3)
    assert len(shown(place, dag="2027-04-30").days[0].entries) == len(full.entries)


def test_an_editor_can_add_a_post_on_a_day_to_come(place: Place) -> None:
    days = {on.day: on.add for week in shown(place, roles=EDITOR).weeks for on in week.days}

    assert days[day("Sun 2027-04-11")].path == ""  # yesterday
    assert days[day("Mon 2027-04-12")].path == "/kommun/aneby/kampanjer/valborg/2027/lagg-till?dag=2027-04-12"
    assert days[day("Mon 2027-04-12")].words == ("Lägg till ett budskap måndag 12 april 2027 i Valborg utan langning")
    later = {on.day: on.add for on in shown(place, roles=EDITOR, ar="2027", vecka="17").days}
    assert later[day("Sat 2027-05-01")].path == "/kommun/aneby/kampanjer/midsommar/2027/lagg-till?dag=2027-05-01"
    asked = {on.day: on.add for on in shown(place, roles=EDITOR, ar="2027", vecka="17", kampanj="jul").days}
    assert asked[day("Sat 2027-05-01")].path == "/kommun/aneby/kampanjer/jul/2027/lagg-till?dag=2027-05-01"
    assert {on.add.path for week in shown(place, roles=READER).weeks for on in week.days} == {""}


def test_a_year_that_is_not_planned_yet_says_so_and_shows_its_dates(place: Place) -> None:
    found = shown(place, ar="2031", manad="4")

    assert (found.is_planned, found.count) == (False, 0)
    assert [entry.day for entry in entries(found, Kind.RISK_DATE)] == [day("Wed 2031-04-30")]
    assert shown(place, ar="2075", manad="12").following.path == ""
