"""Which days a calendar page shows: months, ISO weeks and days, over new year, week 53 and the leap day."""

from __future__ import annotations

import pytest

from campaigns.errors import NotFoundError
from campaigns.overviews import period
from campaigns.overviews.period import Length
from tests.builders import day

pytestmark = pytest.mark.pages

TODAY = day("Wed 2027-04-28")


@pytest.mark.parametrize(
    ("year", "month", "first", "last", "weeks"),
    [
        (2027, 4, "Thu 2027-04-01", "Fri 2027-04-30", 5),
        (2027, 2, "Mon 2027-02-01", "Sun 2027-02-28", 4),  # four weeks, and not a day beside them
        (2028, 2, "Tue 2028-02-01", "Tue 2028-02-29", 5),  # the leap day
        (2026, 12, "Tue 2026-12-01", "Thu 2026-12-31", 5),
        (2027, 1, "Fri 2027-01-01", "Sun 2027-01-31", 5),
        (2027, 3, "Mon 2027-03-01", "Wed 2027-03-31", 5),  # summer time begins on the 28th
        (2026, 11, "Sun 2026-11-01", "Mon 2026-11-30", 6),
    ],
)
def test_a_month_is_told_in_whole_weeks_monday_first(year: int, month: int, first: str, last: str, weeks: int) -> None:
    found = period.month(year, month)

    rows = period.whole_weeks(found)
    assert (found.first, found.last) == (day(first), day(last))
    assert len(rows) == weeks
    assert {row[0].weekday() for row in rows} == {0}
    assert [on for row in rows for on in row] == sorted({on for row in rows for on in row})


@pytest.mark.parametrize(
    ("year", "week", "first", "title"),
    [
        (2026, 53, "Mon 2026-12-28", "Vecka 53, 28 december 2026–3 januari 2027"),
        (2027, 1, "Mon 2027-01-04", "Vecka 1, 4–10 januari 2027"),
        (2025, 1, "Mon 2024-12-30", "Vecka 1, 30 december 2024–5 januari 2025"),
        (2027, 17, "Mon 2027-04-26", "Vecka 17, 26 april–2 maj 2027"),
        (2027, 12, "Mon 2027-03-22", "Vecka 12, 22–28 mars 2027"),  # 167 hours
        (2028, 9, "Mon 2028-02-28", "Vecka 9, 28 februari–5 mars 2028"),  # the leap day
    ],
)
def test_a_week_is_the_iso_week_and_is_named_by_it(year: int, week: int, first: str, title: str) -> None:
    found = period.week(year, week)

    assert (found.first, found.title) == (day(first), title)
    assert found.query == {"ar": year, "vecka": week}
    assert period.asked({"ar": str(year), "vecka": str(week)}, today=TODAY) == found


def test_a_year_without_a_week_53_says_so() -> None:
    with pytest.raises(NotFoundError, match="År 2027 har ingen vecka 53"):
        period.week(2027, 53)


@pytest.mark.parametrize(
    ("query", "title", "previous", "following"),
    [
        ({"ar": "2027", "manad": "1"}, "Januari 2027", "December 2026", "Februari 2027"),
        ({"ar": "2026", "vecka": "53"}, None, "Vecka 52, 21–27 december 2026", "Vecka 1, 4–10 januari 2027"),
        ({"dag": "2028-02-29"}, "Tisdag 29 februari 2028", "Måndag 28 februari 2028", "Onsdag 1 mars 2028"),
        ({"dag": "2027-01-01"}, "Fredag 1 januari 2027", "Torsdag 31 december 2026", "Lördag 2 januari 2027"),
    ],
)
def test_one_can_go_on_to_the_next_and_back(query: dict[str, str], title: str, previous: str, following: str) -> None:
    found = period.asked(query, today=TODAY)

    assert title in (None, found.title)
    assert found.previous is not None
    assert found.following is not None
    assert (found.previous.title, found.following.title) == (previous, following)
    assert found.previous.following == found.following.previous == found


def test_the_calendar_ends_where_its_dates_do() -> None:
    assert period.month(2024, 1).previous is None
    assert period.month(2075, 12).following is None
    assert period.week(2024, 1).previous is None
    assert period.week(2075, 52).following is None
    for query in ({"ar": "2023", "manad": "12"}, {"ar": "2076", "vecka": "1"}, {"dag": "1999-01-01"}):
        with pytest.raises(NotFoundError, match="från 2024 till 2075"):
            period.asked(query, today=TODAY)


UNREADABLE: list[dict[str, str]] = [
    {},
    {"ar": ""},
    {"manad": "x"},
    {"ar": "2027", "manad": "13"},
    {"dag": "2027-02-30"},
    {"ar": "²027"},
    {"dag": "i dag"},
]


@pytest.mark.parametrize("query", UNREADABLE)
def test_what_cannot_be_read_shows_this_month(query: dict[str, str]) -> None:
    assert period.asked(query, today=TODAY) == period.month(2027, 4)


@pytest.mark.parametrize(
    ("length", "first", "last"),
    [
        (Length.MONTH, "Thu 2027-04-01", "Fri 2027-04-30"),
        (Length.WEEK, "Mon 2027-04-26", "Sun 2027-05-02"),
        (Length.DAY, "Wed 2027-04-28", "Wed 2027-04-28"),
    ],
)
def test_today_is_shown_at_the_length_that_is_shown(length: Length, first: str, last: str) -> None:
    start = {Length.MONTH: period.month(2026, 1), Length.WEEK: period.week(2026, 3)}
    shown = start.get(length, period.of_day(day("Thu 2026-01-01")))

    found = shown.around(TODAY)

    assert (found.length, found.first, found.last) == (length, day(first), day(last))
