"""The rehearsal of a whole year for one municipality, every date given and every post approved."""

from __future__ import annotations

import os
import statistics
import subprocess
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from campaigns.occurrences import LocalDate
from campaigns.wiring import open_parts
from scheduler.simulate import simulate
from tests.bench.measuring import Row, at_most, seconds, shown, told
from tests.bench.processes import free_port, kampanjhjul, settings

DATES = {
    "student/jonkoping": "2027-06-10",
    "student/holaveden": "2027-06-11",
    "student/eksjo": "2027-06-09",
    "student/nassjo": "2027-06-08",
    "student/vetlanda": "2027-06-04",
    "skolavslutning/furulidsskolan": "2027-06-12",
}
FIRST, LAST = date(2027, 1, 1), date(2027, 12, 31)


def run(folder: Path) -> Iterable[Row]:
    environ = settings(folder / "data", free_port())
    parts = open_parts(environ)
    dates = [_date(where, day) for where, day in DATES.items()]
    happened = 0

    def rehearse() -> None:
        nonlocal happened
        result = simulate(parts, first_day=FIRST, last_day=LAST, is_approving=True, dates=dates)
        happened = len(result.events)

    given = [part for where, day in DATES.items() for part in ("--date", f"{where}={day}")]
    command = kampanjhjul("simulate", "--from", str(FIRST), "--to", str(LAST), "--approve", "all", *given)

    def whole() -> None:
        subprocess.run(command, env={**os.environ, **environ}, check=True, stdout=subprocess.DEVNULL)

    within, around = [], []
    for _ in range(3):
        within.append(seconds(rehearse))
        around.append(seconds(whole))
    parts.database.close()
    yield at_most(
        "Simulerat år, en kommun, allt godkänt",
        statistics.median(within),
        limit=3,
        unit="s",
        detail=f"{happened} händelser",
    )
    wall = statistics.median(around)
    yield told("  hela kommandot ”kampanjhjul simulate”", shown(wall, "s"), s=wall)


def _date(where: str, day: str) -> LocalDate:
    risk_date, _, place = where.partition("/")
    return LocalDate(risk_date, place, FIRST.year, date.fromisoformat(day), is_confirmed=True)
