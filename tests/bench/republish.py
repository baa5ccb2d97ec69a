"""A calendar of 10,000 events made ready again, hash and all, after one of them has changed."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from campaigns import channels, ical
from campaigns.feeds import PublishedEvent
from campaigns.ical import CalendarEvent, CalendarKind, Status, stable_uid
from campaigns.reading import load
from campaigns.settings import shipped_directory
from campaigns.web.feedstore import FeedStore, public_path
from tests.bench.measuring import Row, at_most, seconds

EVENTS, CHANGES = 10_000, 200
MADE = datetime(2026, 11, 23, 12, tzinfo=UTC)


def run(_folder: Path) -> Iterable[Row]:
    store = FeedStore(load(shipped_directory("config"), channel_kinds=channels.KINDS), base_url="http://127.0.0.1")
    store.republish("aneby", [_event(number, MADE) for number in range(EVENTS)])
    before = store.routes[public_path("aneby")].resource
    took = []
    for turn in range(CHANGES):
        changed = [_event(turn * 37 % EVENTS, MADE + timedelta(seconds=turn + 1))]
        took.append(1000 * seconds(lambda: store.republish("aneby", changed)))  # noqa: B023 - called at once
    after = store.routes[public_path("aneby")].resource
    assert after.plain.etag != before.plain.etag
    assert after.body.count(b"BEGIN:VEVENT") == EVENTS
    yield at_most(
        f"Ett flöde på {EVENTS} händelser ({len(after.body) / 1e6:.1f} MB) efter en ändring".replace(".", ","),
        statistics.median(took),
        limit=5,
        unit="ms",
        detail=f"värst {max(took):.1f}, n={CHANGES}",
        worst=max(took),
    )


def _event(number: int, modified: datetime) -> PublishedEvent:
    day = date(2027, 1, 1) + timedelta(days=number % 700)
    event = CalendarEvent(
        uid=stable_uid(CalendarKind.PUBLIC, f"riskdatum/{number}"),
        summary=f"Riskdatum {number}: studenten vid gymnasieskolan i Jönköping",
        description=f"Ändrad {modified:%H.%M.%S}. Köp inte ut alkohol till den som inte har fyllt 20 år.\n" * 2,
        url="https://www.aneby.se/",
        categories=("Riskdatum",),
        start=day,
        end=day + timedelta(days=1),
        created=MADE,
        last_modified=modified,
        status=Status.CONFIRMED,
        is_busy=False,
        alarm=None,
    )
    fragment = ical.write_event(event)
    return PublishedEvent("public", event.uid, ical.starts(event), "student", "foraldrar", "webb", modified, fragment)
