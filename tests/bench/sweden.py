"""The first plan of 290 made-up municipalities, and planning them again unchanged. Runs itself in a process of its own.

The planning is for last year, this year and the next, as always. Memory is the process's highest.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func
from sqlmodel import select

from campaigns import channels, posts, publishing
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.migrate import upgrade
from campaigns.models import FeedEvent, Post
from campaigns.reading import load
from campaigns.settings import shipped_directory
from tests.bench.measuring import Row, at_most, seconds, shown, told

MUNICIPALITIES = 290
NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)


def run(folder: Path) -> Iterable[Row]:
    urls = [f"sqlite:///{folder / str(turn)}.db" for turn in range(3)]
    yield from planned(urls, "", first=15, again=3, memory=300)


def planned(urls: Sequence[str], where: str, *, first: float, again: float, memory: float) -> Iterable[Row]:
    """Planning in each of the empty databases, held to these limits in seconds and MB."""
    found = []
    for url in urls:
        calendars = "calendars" if url == urls[-1] else ""
        found.append(measured(url, MUNICIPALITIES, calendars))
    middle = {name: statistics.median(turn[name] for turn in found) for name in ("first", "again", "memory")}
    detail = f"{found[0]['posts']:.0f} budskap"
    name = f"Första planen för {MUNICIPALITIES} kommuner{where}"
    yield at_most(name, middle["first"], limit=first, unit="s", detail=detail)
    yield at_most("  största minne under planeringen", middle["memory"], limit=memory, unit="MB")
    yield at_most("  samma plan igen, oförändrad", middle["again"], limit=again, unit="s")
    last = found[-1]
    yield told(
        "  alla kalendrar byggda första gången",
        f"{shown(last['calendars'], 's')} ({last['events']:.0f} händelser, minne {last['memory_after']:.0f} MB)",
        **{name: last[name] for name in ("calendars", "events", "memory_after")},
    )


def measured(url: str, count: int, calendars: str = "") -> dict[str, float]:
    """As `measure`, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.sweden", url, str(count), calendars]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return found


def sweden(count: int = MUNICIPALITIES) -> Catalog:
    """Aneby so many times over, with its own schools, channels and campaigns each time."""
    shipped = load(shipped_directory("config"), channel_kinds=channels.KINDS)
    aneby = shipped.municipality("aneby")
    made = (
        replace(aneby, id=f"kommun-{number:03}", name=f"Kommun {number}", code=f"{number:04}")
        for number in range(count)
    )
    return replace(shipped, municipalities={item.id: item for item in made})


def measure(url: str, count: int, *, with_calendars: bool) -> dict[str, float]:
    """Seconds and MB of each part."""
    messages = shipped_directory("templates") / "messages"
    catalog = sweden(count)
    database = Database(url)
    upgrade(database)

    def plan() -> None:
        for municipality in catalog.municipalities.values():
            with database.write() as session:
                posts.materialise(session, catalog, messages, municipality, now=NOW)

    found = {"first": seconds(plan), "again": seconds(plan), "memory": _highest_mb()}
    if with_calendars:
        found["calendars"] = seconds(
            lambda: publishing.refresh_stale(database, catalog, now=NOW, base_url="https://kampanj.example.se")
        )
        found["memory_after"] = _highest_mb()
    with database.read() as session:
        found["posts"] = float(session.exec(select(func.count()).select_from(Post)).one())
        found["events"] = float(session.exec(select(func.count()).select_from(FeedEvent)).one())
    database.close()
    return found


def _highest_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), with_calendars=sys.argv[3] == "calendars")))
