"""The days that a follow-up is of."""

from __future__ import annotations

from datetime import date

import pytest

from campaigns.errors import NotFoundError
from campaigns.followup.periods import newly_ended, period_from, periods_of

pytestmark = pytest.mark.longer

TWO_YEARS = (date(2025, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("name", "first", "last", "title"),
    [
        ("2026-t1", "2026-01-01", "2026-04-30", "Tertial 1 2026, januari–april"),
        ("2026-t2", "2026-05-01", "2026-08-31", "Tertial 2 2026, maj–augusti"),
        ("2026-t3", "2026-09-01", "2026-12-31", "Tertial 3 2026, september–december"),
        ("2026", "2026-01-01", "2026-12-31", "År 2026"),
        ("20250101-20261231", "2025-01-01", "2026-12-31", "Hela perioden 2025–2026"),
        ("20250203-20270202", "2025-02-03", "2027-02-02", "Hela perioden 3 februari 2025 – 2 februari 2027"),
    ],
)
def test_a_periods_name_gives_its_days(name: str, first: str, last: str, title: str) -> None:
    found = period_from(name)
    assert (found.id, found.first, found.last) == (name, date.fromisoformat(first), date.fromisoformat(last))
    assert found.title == title


@pytest.mark.parametrize(
    "name", ["", "2026-t4", "2026-t0", "1999", "2076-t1", "20261231-20250101", "20260230-20261231", "../x", "²⁰²⁶"]
)
def test_what_is_no_period_is_not_found(name: str) -> None:
    with pytest.raises(NotFoundError):
        period_from(name)


def test_the_periods_of_a_promise_are_those_it_has_begun() -> None:
    found = [item.id for item in periods_of([TWO_YEARS], until=date(2026, 5, 1))]
    assert found == ["20250101-20261231", "2026", "2026-t2", "2026-t1", "2025", "2025-t3", "2025-t2", "2025-t1"]


def test_promises_given_together_share_their_periods_and_one_that_is_not_given_yet_has_none() -> None:
    later = (date(2027, 1, 20), date(2029, 1, 19))
    found = [item.id for item in periods_of([TWO_YEARS, TWO_YEARS, later], until=date(2026, 12, 31))]
    assert found.count("20250101-20261231") == 1
    assert not [item for item in found if "2027" in item]


def test_a_promise_signed_in_the_middle_of_a_tertial_is_followed_up_from_that_one() -> None:
    found = [item.id for item in periods_of([(date(2025, 3, 15), date(2027, 3, 14))], until=date(2025, 9, 1))]
    assert found == ["20250315-20270314", "2025", "2025-t3", "2025-t2", "2025-t1"]


@pytest.mark.parametrize(
    ("today", "ended"),
    [
        (date(2026, 4, 30), []),
        (date(2026, 5, 1), ["2026-t1"]),
        (date(2026, 7, 29), ["2026-t1"]),
        (date(2026, 7, 30), []),
        (date(2027, 1, 1), ["20250101-20261231", "2026", "2026-t3"]),
    ],
)
def test_a_period_has_newly_ended_for_three_months(today: date, ended: list[str]) -> None:
    assert [item.id for item in newly_ended(periods_of([TWO_YEARS], until=today), today=today)] == ended
