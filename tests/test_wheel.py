"""The year as a wheel: where a day lies, what is cut at new year, and labels that do not meet."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.wheel_drawing import LEAST_SWEEP, Mark, Point, Ring, angle, draw, lanes, outline, point, spread
from tests.builders import day


def mark(first: str, last: str, *, ring: Ring = Ring.CAMPAIGNS, label: str = "", is_preliminary: bool = False) -> Mark:
    return Mark(ring, day(first), day(last), "Valborg", "/kampanj", label, is_preliminary)


@pytest.mark.parametrize(
    ("at", "year", "degrees"),
    [
        ("Fri 2027-01-01", 2027, 0.0),
        ("Fri 2027-07-02", 2027, 179.507),  # the 182nd day after new year's, of 365
        ("Sat 2028-01-01", 2027, 360.0),
        ("Tue 2028-02-29", 2028, 58.033),  # a leap year has 366 days to share
        ("Sun 2028-12-31", 2028, 359.016),
    ],
)
def test_a_day_lies_at_its_share_of_the_year_clockwise_from_the_top(at: str, year: int, degrees: float) -> None:
    assert angle(day(at), year) == pytest.approx(degrees, abs=0.001)


def test_the_quarters_of_the_wheel_lie_where_a_clock_has_them() -> None:
    assert [point(100, degrees) for degrees in (0, 90, 180, 270)] == [
        Point(0, -100),
        Point(100, 0),
        Point(0, 100),
        Point(-100, 0),
    ]


def test_an_arc_goes_out_along_the_outer_circle_and_back_along_the_inner() -> None:
    assert outline(50, 100, 0, 90) == "M0 -100A100 100 0 0 1 100 0L50 0A50 50 0 0 0 0 -50Z"
    assert outline(50, 100, 0, 270).count(" 0 1 1 ") == 1  # the long way round


def test_what_reaches_over_new_year_is_cut_there_and_other_years_are_left_out() -> None:
    drawing = draw(
        2027,
        [
            mark("Sun 2026-12-27", "Sun 2027-01-03"),
            mark("Mon 2027-12-27", "Mon 2028-01-03"),
            mark("Thu 2026-12-24", "Sat 2026-12-26"),
        ],
        today=day("Sat 2028-01-01"),
    )

    arcs = dict(drawing.rings)[Ring.CAMPAIGNS]
    assert [(arc.mark.first, arc.mark.last) for arc in arcs] == [
        (day("Fri 2027-01-01"), day("Sun 2027-01-03")),
        (day("Mon 2027-12-27"), day("Fri 2027-12-31")),
    ]
    assert drawing.today is None


def test_today_is_a_line_through_the_rings_at_the_middle_of_the_day() -> None:
    drawing = draw(2027, [], today=day("Fri 2027-07-02"))

    assert drawing.today is not None
    inner, outer = drawing.today
    assert abs(inner.x) < 2
    assert abs(outer.x) < 2
    assert 0 < inner.y < outer.y
    assert drawing.today_words == "I dag 2 jul"


def test_a_single_day_is_wide_enough_to_see_and_to_hit() -> None:
    drawing = draw(2027, [mark("Fri 2027-04-30", "Fri 2027-04-30", ring=Ring.POSTS)], today=day("Fri 2027-01-01"))

    [arc] = dict(drawing.rings)[Ring.POSTS]
    middle = (angle(day("Fri 2027-04-30"), 2027) + angle(day("Sat 2027-05-01"), 2027)) / 2
    start = point(164, middle - LEAST_SWEEP / 2)
    assert arc.outline.startswith(f"M{start.x:g} {start.y:g}A164 164 ")


def test_campaigns_that_share_days_lie_beside_each_other() -> None:
    found = [
        mark("Mon 2027-05-17", "Tue 2027-06-15"),
        mark("Sat 2027-05-22", "Wed 2027-06-16"),
        mark("Wed 2027-06-16", "Thu 2027-06-24"),  # begins the day after the first has ended
        mark("Thu 2027-06-17", "Fri 2027-06-25"),
    ]

    assert lanes(found) == [0, 1, 0, 1]


def test_all_twelve_months_make_the_whole_circle() -> None:
    for year in (2027, 2028):
        drawing = draw(year, [], today=day("Fri 2027-01-01"))

        assert [month.name for month in drawing.months] == (
            ["jan", "feb", "mar", "apr", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dec"]
        )
        starts = [month.outline.split("A")[0][1:] for month in drawing.months]
        ends = [month.outline.split(" 0 0 1 ")[1].split("L")[0] for month in drawing.months]
        assert ends == [*starts[1:], starts[0]]


def test_labels_of_the_same_days_stand_under_each_other_on_their_side() -> None:
    june = [mark("Fri 2027-06-11", "Fri 2027-06-11", label=name) for name in ("Studenten", "Skolavslutning")]
    christmas = mark("Fri 2027-12-24", "Sun 2027-12-26", label="Jul")

    labels = {label.text: label for label in draw(2027, [*june, christmas], today=day("Fri 2027-01-01")).labels}

    assert abs(labels["Studenten"].at.y - labels["Skolavslutning"].at.y) >= 30
    assert (labels["Studenten"].anchor, labels["Jul"].anchor) == ("start", "end")
    assert labels["Jul"].at.x < 0 < labels["Studenten"].at.x


@given(st.lists(st.floats(-420, 420), max_size=25).map(sorted))
def test_labels_never_meet_and_stay_on_the_page_while_there_is_room(heights: list[float]) -> None:
    moved = spread(heights, gap=31, limit=470)

    assert all(lower - upper >= 31 - 1e-6 for upper, lower in pairwise(moved))
    assert all(height <= 470 for height in moved)
