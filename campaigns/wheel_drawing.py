"""The year as a wheel: angles, arcs and labels. Pure: days in, coordinates out, for any drawing program.

January begins at the top and the year goes clockwise. Coordinates have the wheel's middle at (0, 0) and y downwards,
as SVG does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from campaigns.swedish import MONTHS

WIDTH, HEIGHT = 1240, 1000
MONTH_RING = (352.0, 388.0)
# No arc is thinner than this many degrees: a single day would be hard to see and to hit.
LEAST_SWEEP = 2.4
_LABEL_RADIUS = 418.0
_LABEL_GAP = 31.0
_LABEL_LIMIT = 470.0


class Ring(StrEnum):
    """The rings from the outside in."""

    RISK_DATES = "riskdatum"
    CAMPAIGNS = "kampanjer"
    DEADLINES = "deadlines"
    POSTS = "budskap"


RADII = {
    Ring.RISK_DATES: (304.0, 344.0),
    Ring.CAMPAIGNS: (218.0, 296.0),
    Ring.DEADLINES: (174.0, 210.0),
    Ring.POSTS: (130.0, 166.0),
}


@dataclass(frozen=True)
class Mark:
    """Something from `first` to `last` in one ring. `label` is written beside the wheel, `title` read of the arc."""

    ring: Ring
    first: date
    last: date
    title: str
    path: str = ""
    label: str = ""
    is_preliminary: bool = False


@dataclass(frozen=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True)
class Arc:
    """A mark as drawn: `outline` is SVG path data, closed."""

    mark: Mark
    outline: str


@dataclass(frozen=True)
class Label:
    """A text beside the wheel, with a line to the arc that it names. `anchor` is SVG's text-anchor."""

    text: str
    path: str
    at: Point
    tie: tuple[Point, Point]
    anchor: str
    is_preliminary: bool


@dataclass(frozen=True)
class MonthShown:
    """A month's piece of the outer ring, and where its name stands."""

    name: str
    outline: str
    at: Point
    is_odd: bool


@dataclass(frozen=True)
class Drawing:
    """The whole wheel. `today` is a line from the middle outwards, None in another year."""

    year: int
    months: tuple[MonthShown, ...]
    rings: tuple[tuple[Ring, tuple[Arc, ...]], ...]
    labels: tuple[Label, ...]
    today: tuple[Point, Point] | None
    today_words: str


def draw(year: int, marks: Iterable[Mark], *, today: date) -> Drawing:
    """The wheel of `year`. What reaches over new year is cut off there; what is in another year is left out."""
    inside = [cut for mark in marks if (cut := _cut(mark, year)) is not None]
    return Drawing(
        year=year,
        months=tuple(_month(year, number) for number in range(1, 13)),
        rings=tuple((ring, tuple(_arcs(year, ring, [mark for mark in inside if mark.ring is ring]))) for ring in Ring),
        labels=tuple(_labels(year, [mark for mark in inside if mark.label])),
        today=_today(year, today) if today.year == year else None,
        today_words=f"I dag {today.day} {MONTHS[today.month - 1][:3]}",
    )


def angle(day: date, year: int) -> float:
    """Degrees clockwise from the top at the beginning of `day`; new year's day of the next year is 360."""
    start = date(year, 1, 1)
    return (day - start).days * 360 / (date(year + 1, 1, 1) - start).days


def point(radius: float, degrees: float) -> Point:
    """The point at `radius` from the middle."""
    turn = math.radians(degrees)
    # Adding nothing makes zero of what would be written -0.
    return Point(round(radius * math.sin(turn), 1) + 0.0, round(-radius * math.cos(turn), 1) + 0.0)


def outline(inner: float, outer: float, start: float, end: float) -> str:
    """Path data of the piece of a ring between two radii and two angles."""
    is_large = int(end - start > 180)
    a, b, c, d = point(outer, start), point(outer, end), point(inner, end), point(inner, start)
    return (
        f"M{a.x:g} {a.y:g}A{outer:g} {outer:g} 0 {is_large} 1 {b.x:g} {b.y:g}"
        f"L{c.x:g} {c.y:g}A{inner:g} {inner:g} 0 {is_large} 0 {d.x:g} {d.y:g}Z"
    )


def lanes(marks: Sequence[Mark]) -> list[int]:
    """A lane for each mark, so that no two in one lane share a day. The fewest that do."""
    ends: list[date] = []
    chosen: dict[int, int] = {}
    for number in sorted(range(len(marks)), key=lambda number: (marks[number].first, marks[number].last)):
        mark = marks[number]
        lane = next((lane for lane, end in enumerate(ends) if end < mark.first), len(ends))
        ends[lane : lane + 1] = [mark.last]
        chosen[number] = lane
    return [chosen[number] for number in range(len(marks))]


def _cut(mark: Mark, year: int) -> Mark | None:
    first, last = max(mark.first, date(year, 1, 1)), min(mark.last, date(year, 12, 31))
    return replace(mark, first=first, last=last) if first <= last else None


def _sweep(mark: Mark, year: int) -> tuple[float, float]:
    start, end = angle(mark.first, year), angle(mark.last + timedelta(days=1), year)
    missing = max(0.0, LEAST_SWEEP - (end - start)) / 2
    return start - missing, end + missing


def _arcs(year: int, ring: Ring, marks: Sequence[Mark]) -> Iterable[Arc]:
    inner, outer = RADII[ring]
    own = lanes(marks) if ring is Ring.CAMPAIGNS else [0] * len(marks)
    height = (outer - inner) / (max(own, default=0) + 1)
    for mark, lane in sorted(zip(marks, own, strict=True), key=lambda pair: (pair[0].first, pair[0].title)):
        top = outer - lane * height
        yield Arc(mark, outline(round(top - height + 2, 1), round(top - 2, 1), *_sweep(mark, year)))


def _month(year: int, number: int) -> MonthShown:
    start = angle(date(year, number, 1), year)
    end = angle(date(year + number // 12, number % 12 + 1, 1), year)
    inner, outer = MONTH_RING
    middle = point((inner + outer) / 2, (start + end) / 2)
    return MonthShown(MONTHS[number - 1][:3], outline(inner, outer, start, end), middle, number % 2 == 1)


def _today(year: int, today: date) -> tuple[Point, Point]:
    middle = angle(today, year) + 180 / 365
    return point(RADII[Ring.POSTS][0] - 12, middle), point(MONTH_RING[1] + 14, middle)


def _labels(year: int, marks: Sequence[Mark]) -> Iterable[Label]:
    """Each beside its arc, moved along the wheel's side where two would meet."""
    right: list[tuple[float, Mark]] = []
    left: list[tuple[float, Mark]] = []
    for mark in marks:
        middle = sum(_sweep(mark, year)) / 2
        (right if middle % 360 < 180 else left).append((middle, mark))
    for side, found in ((1, right), (-1, left)):
        found.sort(key=lambda pair: point(_LABEL_RADIUS, pair[0]).y)
        heights = spread([point(_LABEL_RADIUS, middle).y for middle, _ in found], gap=_LABEL_GAP, limit=_LABEL_LIMIT)
        for (middle, mark), height in zip(found, heights, strict=True):
            # Outside the circle at its height, and no nearer the middle than its arc: then no two lines cross.
            circle = math.sqrt(max(0.0, _LABEL_RADIUS**2 - height**2))
            reach = max(circle, side * point(_LABEL_RADIUS, middle).x, 26.0)
            at = Point(round(side * reach, 1), round(height, 1))
            tie = (point(MONTH_RING[1] + 2, middle), Point(round(at.x - side * 5, 1), at.y))
            anchor = "start" if side > 0 else "end"
            yield Label(mark.label, mark.path, at, tie, anchor, mark.is_preliminary)


def spread(heights: Sequence[float], *, gap: float, limit: float) -> list[float]:
    """`heights`, which rise, moved so that there is `gap` between them and none is beyond `limit` either way."""
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, -limit) if not moved else max(height, moved[-1] + gap))
    ceiling = limit
    for number in reversed(range(len(moved))):
        moved[number] = min(moved[number], ceiling)
        ceiling = moved[number] - gap
    return moved
