"""How cost grows from one municipality to the country: planning, planning again, database and memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.bench.measuring import Row, shown, told
from tests.bench.sweden import measured

COUNTS = (1, 10, 50, 145, 290)


def run(folder: Path) -> Iterable[Row]:
    for count in COUNTS:
        file = folder / f"{count}.db"
        found = measured(f"sqlite:///{file}", count)
        size = file.stat().st_size / 1e6
        yield told(
            f"{count} kommuner: första planen" if count > 1 else "En kommun: första planen",
            f"{shown(found['first'], 's')}, igen {shown(found['again'] * 1000, 'ms')}, databas {shown(size, 'MB')}, "
            f"minne {shown(found['memory'], 'MB')}",
            first=found["first"],
            again=found["again"],
            database=size,
            memory=found["memory"],
        )
