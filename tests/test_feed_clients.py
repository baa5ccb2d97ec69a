"""Real calendar programs subscribe over HTTP and must all see the same events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn
from icalendar import Calendar
from sqlmodel import SQLModel

from campaigns import feed_tokens
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.occurrences import occurrences
from campaigns.web.feedserver import FeedApplication, FeedStore
from tests.builders import STOCKHOLM
from tests.feedworld import BASE_URL, NOON, PUBLIC_PATH, FeedWorld, later

pytestmark = pytest.mark.clients

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(sys.executable).parent
AWKWARD = "Skolan; med, allt \\ och 😀 " + "långt namn " * 30


@dataclass
class Served:
    world: FeedWorld
    store: FeedStore
    address: str
    paths: dict[str, str]

    def url(self, calendar: str) -> str:
        return self.address + self.paths[calendar]


@pytest.fixture
def served(catalog: Catalog, tmp_path: Path) -> Iterator[Served]:
    database = Database(f"sqlite:///{tmp_path / 'kampanjhjul.db'}")
    SQLModel.metadata.create_all(database.writer)
    world = FeedWorld(database, replace(catalog, municipalities={"aneby": catalog.municipality("aneby")}))
    home = world.municipality
    found = occurrences(
        "aneby",
        risk_dates=home.risk_dates,
        places=dict(home.places),
        local_dates=home.local_dates,
        extra_dates=(),
        years=[2026, 2027, 2028],
    )
    awkward = next(item for item in found if item.place)
    assert awkward.place is not None
    found[found.index(awkward)] = replace(awkward, place=replace(awkward.place, name=AWKWARD))
    world.occurrences = found
    world.publish(posts=True)
    with database.write() as session:
        token = feed_tokens.create_feed_token(session, municipality="aneby", name="Redaktionen", now=NOON)
    store = FeedStore(world.catalog, base_url=BASE_URL)
    store.refresh_from(database)
    server = uvicorn.Server(
        uvicorn.Config(FeedApplication(store, _nothing), port=0, lifespan="off", log_level="error", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    paths = {"public": PUBLIC_PATH, "editorial": f"/feeds/private/{token}/redaktion-aneby.ics"}
    yield Served(world, store, f"http://127.0.0.1:{port}", paths)
    server.should_exit = True
    thread.join(timeout=10)
    database.close()


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


def expected(body: bytes) -> set[tuple[str, ...]]:
    """(UID, start, end, summary, status) as the icalendar library reads them; times in UTC."""
    calendar: Any = Calendar.from_ical(body)
    return {
        (
            str(event["uid"]),
            _when(event["dtstart"].dt),
            _when(event["dtend"].dt),
            str(event["summary"]),
            str(event["status"]),
        )
        for event in calendar.walk("VEVENT")
    }


def _when(moment: Any) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if isinstance(moment, datetime) else f"{moment:%Y-%m-%d}"


@pytest.mark.parametrize("calendar", ["public", "editorial"])
@pytest.mark.parametrize("zone", ["Europe/Stockholm", "America/New_York"])
def test_javascript_readers_see_what_we_wrote(served: Served, calendar: str, zone: str) -> None:
    run = subprocess.run(
        ["node", str(ROOT / "tests/calendar_readers.mjs"), served.url(calendar)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, "TZ": zone},
    )
    assert run.returncode == 0, run.stderr
    read = json.loads(run.stdout)
    events = expected(requests.get(served.url(calendar), timeout=10).content)

    assert len(events) > 20
    for reader in ("ical.js", "node-ical"):
        assert {tuple(event) for event in read[reader]} == events, reader


class Subscription:
    """vdirsyncer fetching a feed into a folder that khal shows."""

    def __init__(self, folder: Path, url: str) -> None:
        self.items = folder / "items"
        self.items.mkdir()
        self.environment = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "Europe/Stockholm"}
        self.vdirsyncer = folder / "vdirsyncer.conf"
        self.vdirsyncer.write_text(
            f'[general]\nstatus_path = "{folder / "status"}"\n'
            '[pair kalender]\na = "webb"\nb = "mapp"\ncollections = null\n'
            f'[storage webb]\ntype = "http"\nurl = "{url}"\n'
            f'[storage mapp]\ntype = "filesystem"\npath = "{self.items}"\nfileext = ".ics"\n',
            encoding="utf-8",
        )
        self.khal = folder / "khal.conf"
        self.khal.write_text(
            f"[calendars]\n[[kalender]]\npath = {self.items}\n[sqlite]\npath = {folder / 'khal.db'}\n"
            "[locale]\nlocal_timezone = Europe/Stockholm\ndefault_timezone = Europe/Stockholm\n"
            "dateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\ntimeformat = %H:%M\n"
            "datetimeformat = %Y-%m-%d %H:%M\nlongdatetimeformat = %Y-%m-%d %H:%M\n",
            encoding="utf-8",
        )

    def run(self, program: str, *arguments: str) -> str:
        run = subprocess.run(
            [str(PROGRAMS / program), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environment,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def sync(self) -> dict[str, tuple[int, bytes]]:
        """Fetch, and return what is in the folder: each file's time of writing and content."""
        self.run("vdirsyncer", "-c", str(self.vdirsyncer), "sync")
        return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in self.items.iterdir()}

    def discover(self) -> None:
        self.run("vdirsyncer", "-c", str(self.vdirsyncer), "discover")

    def listed(self) -> list[tuple[str, str]]:
        """Start (times in UTC) and title of every event, as khal shows them."""
        shown = self.run(
            *("khal", "-c", str(self.khal), "list", "2026-01-01", "2029-12-31", "--once", "--day-format", ""),
            *("--format", "{start-date-long} {start-time}|{title}"),
        )
        rows = (line.partition("|") for line in shown.splitlines() if "|" in line)
        return [(_khal_start(start.strip()), title) for start, _, title in rows]


def _khal_start(shown: str) -> str:
    try:
        return f"{date.fromisoformat(shown)}"
    except ValueError:
        return _when(datetime.strptime(shown, "%Y-%m-%d %H:%M").replace(tzinfo=STOCKHOLM))


@pytest.mark.parametrize("calendar", ["public", "editorial"])
def test_a_subscription_gets_every_event_once_and_nothing_the_second_time(
    served: Served, calendar: str, tmp_path: Path
) -> None:
    events = expected(requests.get(served.url(calendar), timeout=10).content)
    folder = tmp_path / "prenumerant"
    folder.mkdir()
    subscription = Subscription(folder, served.url(calendar))
    subscription.discover()

    first = subscription.sync()
    shown = subscription.listed()
    second = subscription.sync()

    assert len(first) == len(events)
    assert second == first
    assert Counter(shown) == Counter((start, title) for _, start, _, title, _ in events)


def test_a_subscriber_gets_a_moved_and_a_called_off_event_and_nothing_else(served: Served, tmp_path: Path) -> None:
    folder = tmp_path / "prenumerant"
    folder.mkdir()
    subscription = Subscription(folder, served.url("public"))
    subscription.discover()
    before = subscription.sync()
    ahead = [item for item in served.world.occurrences if item.day > date(2027, 1, 1)]
    moved, gone = ahead[0], ahead[-1]
    served.world.occurrences.remove(gone)
    index = served.world.occurrences.index(moved)
    served.world.occurrences[index] = replace(moved, last_day=date(2027, 12, 24))
    served.world.publish(now=later(hours=1))
    served.store.refresh_from(served.world.database)

    after = subscription.sync()

    # vdirsyncer names the files of a feed after their content.
    assert (len(before.items() - after.items()), len(after.items() - before.items())) == (2, 2)
    assert len([title for _, title in subscription.listed() if title.startswith("INSTÄLLT: ")]) == 1
