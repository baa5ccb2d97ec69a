"""Each risk date falls on its right day, in every promised year, and rules that cannot be used are refused."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from campaigns.catalog import Catalog
from campaigns.errors import RuleError
from campaigns.rules import (
    FIRST_YEAR,
    LAST_YEAR,
    EasterRule,
    LocalRule,
    RecurrenceRule,
    RiskDate,
    day_in_year,
    usual_window,
)
from tests.builders import MIDSOMMAR, day

YEARS = range(FIRST_YEAR, LAST_YEAR + 1)


def easter_sunday(year: int) -> date:
    """The anonymous Gregorian computus (Meeus, Astronomical Algorithms, chapter 8), independent of dateutil's."""
    century, in_century = divmod(year, 100)
    correction = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * (year % 19) + century - century // 4 - correction + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (in_century // 4) - moon - in_century % 4) % 7
    late = (year % 19 + 11 * moon + 22 * weekday) // 451
    month, day_before = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day_before + 1)


@pytest.fixture(params=YEARS)
def year(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def rule_day(catalog: Catalog, name: str, year: int) -> date:
    rule = catalog.risk_dates[name].rule
    assert not isinstance(rule, LocalRule)
    return day_in_year(rule, year)


@pytest.mark.parametrize(
    ("name", "year", "expected"),
    [
        ("valborg", 2026, "Thu 2026-04-30"),
        ("valborg", 2027, "Fri 2027-04-30"),
        ("valborg", 2028, "Sun 2028-04-30"),
        ("midsommar", 2024, "Fri 2024-06-21"),
        ("midsommar", 2026, "Fri 2026-06-19"),
        ("midsommar", 2027, "Fri 2027-06-25"),
        ("midsommar", 2032, "Fri 2032-06-25"),
        ("midsommar", 2037, "Fri 2037-06-19"),
        ("jul", 2026, "Thu 2026-12-24"),
        ("jul", 2027, "Fri 2027-12-24"),
        ("nyar", 2026, "Thu 2026-12-31"),
        ("nyar", 2027, "Fri 2027-12-31"),
        ("pask", 2026, "Sat 2026-04-04"),
        ("pask", 2027, "Sat 2027-03-27"),
        ("pask", 2028, "Sat 2028-04-15"),
        ("pask", 2038, "Sat 2038-04-24"),
        ("kristi-himmelsfard", 2026, "Thu 2026-05-14"),
        ("kristi-himmelsfard", 2027, "Thu 2027-05-06"),
        ("kristi-himmelsfard", 2028, "Thu 2028-05-25"),
        ("hostlov", 2026, "Sat 2026-10-31"),
        ("hostlov", 2027, "Sun 2027-10-31"),
        ("lucia", 2026, "Sun 2026-12-13"),
        ("lucia", 2027, "Mon 2027-12-13"),
    ],
)
def test_the_shipped_rules_meet_these_days(catalog: Catalog, name: str, year: int, expected: str) -> None:
    assert rule_day(catalog, name, year) == day(expected)


def test_the_table_above_has_every_shipped_date_that_is_not_decided_locally(catalog: Catalog) -> None:
    dated = {name for name, item in catalog.risk_dates.items() if not isinstance(item.rule, LocalRule)}

    assert dated == {"valborg", "midsommar", "jul", "nyar", "pask", "kristi-himmelsfard", "hostlov", "lucia"}


def test_midsommarafton_is_the_friday_between_the_19th_and_the_25th(catalog: Catalog, year: int) -> None:
    """Lag 1989:253: midsommardagen is the Saturday between 20 and 26 June."""
    fridays = [date(year, 6, number) for number in range(19, 26) if date(year, 6, number).weekday() == 4]

    assert [rule_day(catalog, "midsommar", year)] == fridays


def test_movable_days_follow_easter(catalog: Catalog, year: int) -> None:
    sunday = easter_sunday(year)
    ascension = rule_day(catalog, "kristi-himmelsfard", year)

    assert (sunday.weekday(), day_in_year(EasterRule(0), year)) == (6, sunday)
    assert rule_day(catalog, "pask", year) == sunday - timedelta(days=1)
    assert (ascension.weekday(), ascension) == (3, sunday + timedelta(days=39))


def test_fixed_days_stand_still(catalog: Catalog, year: int) -> None:
    fixed = {name: rule_day(catalog, name, year) for name in ("valborg", "jul", "nyar", "hostlov", "lucia")}

    assert fixed == {
        "valborg": date(year, 4, 30),
        "jul": date(year, 12, 24),
        "nyar": date(year, 12, 31),
        "hostlov": date(year, 10, 31),
        "lucia": date(year, 12, 13),
    }


def test_a_rule_gives_the_same_day_whichever_year_was_asked_for_before() -> None:
    forwards = [day_in_year(MIDSOMMAR, year) for year in YEARS]
    day_in_year.cache_clear()
    backwards = [day_in_year(MIDSOMMAR, year) for year in reversed(YEARS)]

    assert forwards == backwards[::-1]
    assert all(first < second for first, second in pairwise(forwards))


def test_new_years_eve_2026_lies_in_week_53() -> None:
    rule = RecurrenceRule("FREQ=YEARLY;BYWEEKNO=53;BYDAY=TH")

    assert day_in_year(rule, 2026) == day("Thu 2026-12-31")
    assert day("Thu 2026-12-31").isocalendar()[:2] == (2026, 53)
    with pytest.raises(RuleError, match="inträffar aldrig år 2027"):
        day_in_year(rule, 2027)


def test_the_leap_day_is_a_day_in_leap_years_only() -> None:
    leap_day = RecurrenceRule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")

    assert day_in_year(leap_day, 2028) == day("Tue 2028-02-29")
    with pytest.raises(RuleError, match="inträffar aldrig år 2027"):
        day_in_year(leap_day, 2027)


@pytest.mark.parametrize("leap_year", [2024, 2028, 2072])
def test_the_last_day_of_february_is_found_from_the_end_of_the_month(leap_year: int) -> None:
    rule = RecurrenceRule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1")

    assert [day_in_year(rule, leap_year), day_in_year(rule, leap_year + 1)] == [
        date(leap_year, 2, 29),
        date(leap_year + 1, 2, 28),
    ]


@pytest.mark.parametrize(
    ("rrule", "told"),
    [
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "inträffar aldrig"),
        ("FREQ=YEARLY;BYMONTH=13;BYMONTHDAY=1", "inträffar aldrig"),
        ("FREQ=YEARLY;BYMONTH=6;BYDAY=FR", "mer än en gång"),
        ("FREQ=YEARLY;BYMONTHDAY=1", "mer än en gång"),
        ("FREQ=YEARLY;BYWEEKNO=44", "mer än en gång"),
        ("FREQ=YEARLY", "säger inte vilken dag"),
        ("FREQ=YEARLY;BYMONTH=4", "säger inte vilken dag"),
        ("FREQ=SECONDLY", "måste vara årlig"),
        ("FREQ=DAILY;BYMONTH=4;BYMONTHDAY=30", "måste vara årlig"),
        ("freq=yearly;bymonth=4;bymonthday=30", "måste vara årlig"),
        ("", "måste vara årlig"),
        ("sista fredagen i juni", "måste vara årlig"),
        ("FREQ=YEARLY;;", "måste vara årlig"),
        ("FREQ=YEARLY;BYMONTHDAY=1\nEXDATE:20270101", "måste vara årlig"),
        ("FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=30;INTERVAL=2", "får inte ha INTERVAL"),
        ("FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=30;COUNT=3;UNTIL=20300101", "får inte ha COUNT eller UNTIL"),
        ("FREQ=YEARLY;BYEASTER=0", "får inte ha BYEASTER"),
        ("FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=30;BYHOUR=8", "får inte ha BYHOUR"),
        ("FREQ=YEARLY;BYMONTH=4;BYDAY=XX", "inte en giltig"),
        ("FREQ=YEARLY;BYMONTH=APRIL;BYMONTHDAY=30", "inte en giltig"),
        ("FREQ=YEARLY;BYSETPOS=0;BYMONTH=4;BYMONTHDAY=1", "inte en giltig"),
    ],
)
def test_a_rule_that_does_not_give_one_day_a_year_is_refused(rrule: str, told: str) -> None:
    with pytest.raises(RuleError, match=told) as refused:
        day_in_year(RecurrenceRule(rrule), 2027)

    assert f"”{rrule}”" in refused.value.message


def test_a_local_rule_only_has_a_window(catalog: Catalog) -> None:
    rule = catalog.risk_dates["student"].rule

    assert isinstance(rule, LocalRule)
    assert usual_window(rule, 2027) == (day("Mon 2027-05-31"), day("Wed 2027-06-16"))


@pytest.mark.parametrize(
    ("name", "first_offset", "last_offset"),
    [
        ("student", -1, 0),
        ("midsommar", 0, 1),
        ("jul", 0, 2),
        ("nyar", 0, 0),
        ("valborg", 0, 0),
        ("skolavslutning", 0, 0),
        ("pask", -2, 0),
        ("kristi-himmelsfard", 0, 1),
        ("lucia", -1, 0),
    ],
)
def test_the_risk_time_begins_and_ends_so_many_days_from_the_day(
    catalog: Catalog, name: str, first_offset: int, last_offset: int
) -> None:
    found: RiskDate = catalog.risk_dates[name]

    assert (found.first_offset, found.last_offset) == (first_offset, last_offset)
