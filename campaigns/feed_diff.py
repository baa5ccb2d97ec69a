"""What one publication changes: the events that are wanted held against the rows of the last one. Pure.

An event that has changed gets a higher SEQUENCE (Google keeps old dates otherwise) and a later LAST-MODIFIED (ICSx5
does); one that has not changed keeps its very bytes. One that is no longer wanted is called off before it disappears.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any

from campaigns import ical
from campaigns.catalog import Municipality
from campaigns.feed_events import FeedEntry
from campaigns.ical import CALENDAR_TAIL, CalendarEvent, CalendarKind, Status, calendar_head
from campaigns.ical_check import check_calendar, check_event

logger = logging.getLogger(__name__)

# How long a called-off event is kept, marked, before it disappears: Apple and others show it struck through.
CANCELLED_FOR = timedelta(days=28)

# The status of a row whose event is gone from the calendar. It stays, empty: it is how the feed server hears of the
# removal, it carries the calendar's Last-Modified, and an event that comes back goes on from its SEQUENCE.
REMOVED = "REMOVED"
REMOVED_FOR = timedelta(days=400)


class Difference:
    """The rows that one publication adds, changes and removes, found event by event with `keep` and `let_go`."""

    def __init__(self, municipality: Municipality, now: datetime, stamp: datetime, page: str) -> None:
        self.municipality = municipality
        self.now = now
        self.stamp = stamp
        self.today = now.astimezone(municipality.zone).date()
        self.page = page
        self.new: list[dict[str, Any]] = []
        self.changed: list[dict[str, Any]] = []
        self._outlived: list[Any] = []

    @property
    def is_changed(self) -> bool:
        return bool(self.new or self.changed)

    @property
    def outlived(self) -> list[int]:
        """Ids of removed rows that nobody needs: not the newest of their calendar, which carries Last-Modified."""
        calendars = {values["calendar"] for values in (*self.new, *self.changed)}
        return [row.id for row in self._outlived if row.calendar in calendars]

    def keep(self, entry: FeedEntry, row: Any | None) -> None:
        """`entry` is wanted; `row` is how it was last published, if it was."""
        filters = {
            "campaign": " ".join(entry.campaigns),
            "audience": " ".join(entry.audiences),
            "channel": " ".join(entry.channels),
        }
        digest = sha256("\n".join((ical.digest(entry.event), *filters.values())).encode()).hexdigest()
        if row is not None and row.digest == digest:
            return
        created, sequence = (row.created, row.sequence + 1) if row is not None else (self.stamp, 0)
        event = replace(entry.event, created=created, last_modified=self.stamp, sequence=sequence)
        fragment = self.written(entry.calendar, event)
        if fragment is None:
            return
        values = {**filters, **self.values(event, digest, fragment), "removed_at": None}
        if row is None:
            fixed = {"calendar": entry.calendar.value, "municipality": self.municipality.id, "uid": event.uid}
            self.new.append({**fixed, "key": entry.key, "created": created, **values})
        else:
            self.changed.append({**_as_stored(row), **values})

    def head(self, calendar: CalendarKind, row: Any | None) -> None:
        """Note when what stands before the events last changed (a name, an address): the calendar's Last-Modified.

        `row` is how that was noted last time. It is kept as the removed are: without bytes, for its stamp.
        """
        head = calendar_head(calendar, name=self.municipality.name, url=self.page, last_modified=_NO_STAMP)
        digest = sha256(head).hexdigest()
        if row is None:
            key = head_key(self.municipality.id)
            fixed = {"calendar": calendar.value, "municipality": self.municipality.id, "key": key, "starts": ""}
            bare = {"campaign": "", "audience": "", "channel": "", "sequence": 0, "created": self.stamp}
            gone = {"status": REMOVED, "last_modified": self.stamp, "removed_at": None, "fragment": b""}
            self.new.append({**fixed, "uid": ical.stable_uid(calendar, key), "digest": digest, **bare, **gone})
        elif row.digest != digest:
            moved = {"digest": digest, "last_modified": self.stamp, "fragment": b""}
            self.changed.append({**_as_stored(row), **moved})

    def let_go(self, row: Any, fragment: bytes, *, is_merged: bool) -> None:
        """`row` is no longer wanted: called off if it lies ahead, history if it has been, and removed in the end."""
        if row.status == REMOVED:
            if row.last_modified + REMOVED_FOR <= self.now:
                self._outlived.append(row)
        elif row.status == Status.CANCELLED:
            if row.removed_at is None or row.removed_at + CANCELLED_FOR <= self.now:
                self.remove(row)
        elif is_merged or int(row.starts[:4]) < self.today.year - 1:
            self.remove(row)
        else:
            self._call_off_what_is_stored(row, fragment)

    def _call_off_what_is_stored(self, row: Any, fragment: bytes) -> None:
        try:
            event = ical.read_event(fragment)
        except (ValueError, KeyError, IndexError, AttributeError):
            logger.error(
                "En inställd händelse i %ss kalender (%s) är skadad i databasen och tas bort utan att märkas.",
                self.municipality.id,
                row.uid,
                extra={"action": "feed_event_damaged", "municipality": self.municipality.id},
            )
            self.remove(row)
        else:
            self.call_off(row, event)

    def call_off(self, row: Any, event: CalendarEvent) -> None:
        if self.has_ended(event):
            # What never got its date is no history either.
            if event.status is Status.TENTATIVE:
                self.remove(row)
            return
        event = replace(ical.cancelled(event), last_modified=self.stamp, sequence=row.sequence + 1)
        written = self.written(CalendarKind(row.calendar), event)
        if written is not None:
            values = self.values(event, ical.digest(event), written)
            self.changed.append({**_as_stored(row), **values, "removed_at": self.now})

    def remove(self, row: Any) -> None:
        gone = {"status": REMOVED, "digest": "", "last_modified": self.stamp, "fragment": b""}
        self.changed.append({**_as_stored(row), **gone})

    def has_ended(self, event: CalendarEvent) -> bool:
        return event.end <= self.now if isinstance(event.end, datetime) else event.end <= self.today

    def values(self, event: CalendarEvent, digest: str, fragment: bytes) -> dict[str, Any]:
        return {
            "starts": ical.starts(event),
            "digest": digest,
            "sequence": event.sequence,
            "status": event.status.value,
            "last_modified": self.stamp,
            "fragment": fragment,
        }

    def written(self, calendar: CalendarKind, event: CalendarEvent) -> bytes | None:
        """The event's bytes, read back by themselves before they are let near the others."""
        try:
            fragment = ical.write_event(event)
            faults = [
                *_head_faults(calendar, self.municipality.name, self.page),
                *check_event(fragment, zones=ical.explained_zones(calendar)),
            ]
        except (ValueError, TypeError) as error:
            fragment, faults = b"", [str(error)]
        if not faults:
            return fragment
        logger.error(
            "En händelse i %ss kalender (%s) går inte att publicera och behåller sitt förra innehåll: %s",
            self.municipality.id,
            event.uid,
            " ".join(faults),
            extra={"action": "feed_event_refused", "municipality": self.municipality.id, "uid": event.uid},
        )
        return None


_NO_STAMP = datetime(1970, 1, 1, tzinfo=UTC)


def head_key(municipality: str) -> str:
    return f"huvud/{municipality}"


@lru_cache(maxsize=2048)
def _head_faults(calendar: CalendarKind, name: str, page: str) -> tuple[str, ...]:
    """What is wrong with a calendar before any event stands in it. The stamp in it changes nothing of that."""
    head = calendar_head(calendar, name=name, url=page, last_modified=_NO_STAMP)
    return tuple(check_calendar(head + CALENDAR_TAIL))


def _as_stored(row: Any) -> dict[str, Any]:
    names = ("calendar", "campaign", "audience", "channel", "starts", "digest", "sequence", "status", "removed_at")
    return {"row_id": row.id, **{name: getattr(row, name) for name in names}}
