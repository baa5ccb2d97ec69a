"""Each risk date is met once a year, and once per place where the day is decided locally."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from campaigns.catalog import Municipality
from campaigns.errors import RuleError
from campaigns.occurrences import ExtraDate, LocalDate, Occurrence, OccurrenceStatus, Place, occurrences
from campaigns.rules import RecurrenceRule, RiskDate
from tests.builders import STUDENT, day, make_local_date, make_risk_date

HOLAVEDEN, EKSJO = Place("holaveden", "Holavedsgymnasiet, Tranås"), Place("eksjo", "gymnasieskolan i Eksjö")
STUDENT_DATE = make_risk_date("student", name="Studenten", rule=STUDENT, first_offset=-1)


def found_for(
    *risk_dates: RiskDate,
    places: Sequence[Place] = (),
    local_dates: Sequence[LocalDate] = (),
    extra_dates: Sequence[ExtraDate] = (),
    years: Sequence[int] = (2027,),
) -> list[Occurrence]:
    return occurrences(
        "aneby",
        risk_dates=risk_dates,
        places={"student": places},
        local_dates=local_dates,
        extra_dates=extra_dates,
        years=years,
    )


def shipped(aneby: Municipality, **changed: Any) -> list[Occurrence]:
    arguments = {
        "risk_dates": aneby.risk_dates,
        "places": aneby.places,
        "local_dates": aneby.local_dates,
        "extra_dates": aneby.extra_dates,
        "years": [2027],
    }
    return occurrences("aneby", **(arguments | changed))


def test_a_year_in_aneby(aneby: Municipality) -> None:
    dated = [(item.day, item.title) for item in shipped(aneby) if item.has_day]

    assert dated == [
        (day("Fri 2027-04-30"), "Valborg"),
        (day("Fri 2027-06-25"), "Midsommar"),
        (day("Fri 2027-12-24"), "Jul"),
        (day("Fri 2027-12-31"), "Nyår"),
    ]


def test_school_days_that_nobody_has_entered_are_preliminary_and_have_no_day(aneby: Municipality) -> None:
    students = [item for item in shipped(aneby) if item.risk_date == "student"]

    assert {item.place.id for item in students if item.place} == {
        "jonkoping",
        "holaveden",
        "eksjo",
        "nassjo",
        "vetlanda",
    }
    for item in students:
        assert (item.status, item.has_day) == (OccurrenceStatus.PRELIMINARY, False)
        assert (item.first_day, item.last_day) == (day("Mon 2027-05-31"), day("Wed 2027-06-16"))


@pytest.mark.parametrize(
    ("is_confirmed", "status"), [(True, OccurrenceStatus.CONFIRMED), (False, OccurrenceStatus.PRELIMINARY)]
)
def test_an_entered_day_is_preliminary_until_somebody_confirms_it(is_confirmed: bool, status: OccurrenceStatus) -> None:
    entered = make_local_date(day=day("Fri 2027-06-11"), is_confirmed=is_confirmed)

    (found,) = found_for(STUDENT_DATE, places=[HOLAVEDEN], local_dates=[entered])

    assert (found.day, found.status, found.has_day) == (day("Fri 2027-06-11"), status, True)


def test_the_eve_of_the_student_day_is_risk_time_too() -> None:
    (found,) = found_for(STUDENT_DATE, places=[HOLAVEDEN], local_dates=[make_local_date(day=day("Fri 2027-06-11"))])

    assert (found.first_day, found.last_day) == (day("Thu 2027-06-10"), day("Fri 2027-06-11"))


def test_an_entered_risk_time_wins_over_the_usual_one() -> None:
    entered = make_local_date(day=date(2027, 6, 11), first_day=date(2027, 6, 9), last_day=date(2027, 6, 13))

    (found,) = found_for(STUDENT_DATE, places=[HOLAVEDEN], local_dates=[entered])

    assert (found.first_day, found.last_day) == (day("Wed 2027-06-09"), day("Sun 2027-06-13"))


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("midsommar", "Fri 2027-06-25", "Sat 2027-06-26"),
        ("jul", "Fri 2027-12-24", "Sun 2027-12-26"),
        ("nyar", "Fri 2027-12-31", "Fri 2027-12-31"),
        ("valborg", "Fri 2027-04-30", "Fri 2027-04-30"),
    ],
)
def test_the_risk_time_of_the_shipped_dates(aneby: Municipality, name: str, first: str, last: str) -> None:
    (found,) = [item for item in shipped(aneby) if item.risk_date == name]

    assert (found.first_day, found.last_day) == (day(first), day(last))


def test_a_school_with_a_day_leaves_the_others_waiting() -> None:
    found = found_for(STUDENT_DATE, places=[HOLAVEDEN, EKSJO], local_dates=[make_local_date(place="eksjo")])

    assert {item.title: item.has_day for item in found} == {
        "Studenten, gymnasieskolan i Eksjö": True,
        "Studenten, Holavedsgymnasiet, Tranås": False,
    }


def test_a_day_entered_for_another_year_or_place_is_not_borrowed() -> None:
    entered = [make_local_date(day=date(2026, 6, 12)), make_local_date(place="jonkoping")]

    (found,) = found_for(STUDENT_DATE, places=[HOLAVEDEN], local_dates=entered)

    assert found.has_day is False


def test_the_later_of_two_entries_for_a_place_and_year_wins() -> None:
    entered = [make_local_date(day=date(2027, 6, 10)), make_local_date(day=date(2027, 6, 11))]

    (found,) = found_for(STUDENT_DATE, places=[HOLAVEDEN], local_dates=entered)

    assert found.day == day("Fri 2027-06-11")


def test_a_local_date_without_places_is_one_nameless_occurrence() -> None:
    (found,) = found_for(STUDENT_DATE, local_dates=[make_local_date(place="", day=date(2027, 6, 11))])

    assert (found.place, found.title, found.key) == (None, "Studenten", "aneby/student/2027/-")
    assert found.day == day("Fri 2027-06-11")


def test_the_key_stays_when_a_day_becomes_known_moves_and_is_confirmed() -> None:
    lives = [
        [],
        [make_local_date(day=date(2027, 6, 10), is_confirmed=False)],
        [make_local_date(day=date(2027, 6, 11))],
    ]

    keys = {found_for(STUDENT_DATE, places=[HOLAVEDEN], local_dates=entered)[0].key for entered in lives}

    assert keys == {"aneby/student/2027/holaveden"}


def test_an_extra_date_is_met_in_its_own_year_only() -> None:
    market = ExtraDate(
        "marknad-2027", "Marknaden", day("Sat 2027-09-04"), day("Fri 2027-09-03"), day("Sun 2027-09-05"), "valborg"
    )

    (found,) = found_for(extra_dates=[market], years=[2026, 2027, 2028])

    assert (found.key, found.status) == ("aneby/marknad-2027/2027/-", OccurrenceStatus.CONFIRMED)
    assert (found.first_day, found.day, found.last_day) == (market.first_day, market.day, market.last_day)


def test_years_may_come_in_any_order_and_twice() -> None:
    found = found_for(make_risk_date(), years=[2028, 2026, 2028])

    assert [item.day for item in found] == [day("Fri 2026-06-19"), day("Fri 2028-06-23")]


def test_keys_are_unique_over_many_years(aneby: Municipality) -> None:
    found = shipped(aneby, years=range(2024, 2076))

    assert len({item.key for item in found}) == len(found) == 52 * 10
    assert found == sorted(found, key=lambda item: (item.day, item.key))


def test_a_rule_that_does_not_occur_is_an_error_and_not_a_missing_day() -> None:
    with pytest.raises(RuleError, match="inträffar aldrig år 2027"):
        found_for(make_risk_date(rule=RecurrenceRule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")))
