"""The feeds as they are served: whole answers in memory, swapped when something changes.

A request never reaches the database. `refresh_from` asks it whether anything has been published, loads only the events
that have changed, and puts a new snapshot in place of the old. A reader gets the old bytes or the new, never a mixture;
if loading fails, the old ones stay.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import NamedTuple

from campaigns import feed_tokens, feeds
from campaigns.catalog import Catalog, Municipality
from campaigns.database import Database
from campaigns.errors import DatabaseError
from campaigns.feed_events import public_page
from campaigns.feeds import PublishedEvent
from campaigns.ical import CALENDAR_TAIL, CalendarKind, calendar_head
from campaigns.ical_check import check_calendar, check_fragment
from campaigns.web.feedanswers import EDITORIAL, PUBLIC, Resource
from campaigns.web.feedsnapshots import EPOCH, Snapshot

logger = logging.getLogger(__name__)


class Static(NamedTuple):
    """A feed that came as ready bytes. It has no filters."""

    resource: Resource


class FeedStore:
    """Every feed's answer by path, and the secret addresses by hash.

    One thread at a time changes it; any number may read, without a lock. `is_gzip_on=False` never compresses: there is
    a report of Outlook failing until it was switched off.
    """

    def __init__(self, catalog: Catalog, *, base_url: str, is_gzip_on: bool = True) -> None:
        self.base_url = base_url
        self.is_gzip_on = is_gzip_on
        self.routes: dict[str, Snapshot | Static] = {}
        self.editorial: dict[str, Snapshot] = {}
        self.tokens: Mapping[str, tuple[str, bool]] = {}
        self._catalog = catalog
        self._lock = Lock()
        self._seen: dict[str, datetime] = {}
        self._failed: dict[str, datetime] = {}
        self._token_signature: tuple[object, ...] = ()

    @property
    def catalog(self) -> Catalog:
        return self._catalog

    def use(self, catalog: Catalog) -> None:
        """Take names and choices from `catalog`. The next `refresh_from` loads everything anew."""
        with self._lock:
            self._catalog = catalog
            self._seen.clear()
            for path in [path for path in self.routes if path.split("/")[2] not in catalog.municipalities]:
                del self.routes[path]
            for municipality in self.editorial.keys() - catalog.municipalities.keys():
                del self.editorial[municipality]

    def put_static(self, path: str, body: bytes, content_type: str, last_modified: datetime) -> None:
        """Serve `body` at `path`, a public feed that needs no building. The same bytes again change nothing."""
        known = self.routes.get(path)
        if isinstance(known, Static) and known.resource.body == body:
            return
        name = path.rpartition("/")[2]
        resource = Resource(
            body,
            PUBLIC,
            name,
            last_modified,
            digest=sha256(body).digest(),
            content_type=content_type,
            is_gzip_on=self.is_gzip_on,
        )
        self.routes[path] = Static(resource)

    def republish(self, municipality_id: str, changed: Sequence[PublishedEvent]) -> None:
        """Put new answers in place of the municipality's old ones where `changed` touches them.

        Raises ValueError, and leaves the old ones, if the bytes of an event are not fit to be published.
        """
        self._publish(municipality_id, changed, is_complete=False)

    def refresh_from(self, database: Database) -> list[str]:
        """Look for what has been published since last time. Returns the ids of the municipalities that have changed.

        Never raises: what cannot be loaded is told of once, tried again next time, and its old answers stay.
        """
        with self._lock:
            try:
                with database.read() as session:
                    signature = feed_tokens.token_signature(session)
                    if signature != self._token_signature:
                        self.tokens = feed_tokens.token_owners(session)
                        self._token_signature = signature
                    published = feeds.publications(session)
            except DatabaseError as error:
                logger.error("Flödena kunde inte läsas om: %s", error.message, extra={"action": "feed_load_failed"})
                return []
            news = [
                (name, at)
                for name, at in published.items()
                if self._seen.get(name) != at and name in self._catalog.municipalities
            ]
            return [name for name, at in news if self._loaded(database, name, at)]

    def _loaded(self, database: Database, name: str, at: datetime) -> bool:
        try:
            self._load(database, name, at)
        except Exception:  # one municipality's feeds; the others must not wait for them
            if self._failed.get(name) != at:
                self._failed[name] = at
                logger.exception(
                    "Flödena för %s kunde inte läsas om; de förra ligger kvar.",
                    name,
                    extra={"action": "feed_load_failed"},
                )
            return False
        self._seen[name] = at
        self._failed.pop(name, None)
        return True

    def _load(self, database: Database, name: str, at: datetime) -> None:
        since = self._seen.get(name)
        if since is not None and at < since:
            since = None  # an older database has been restored
        with database.read() as session:
            changed = feeds.events_since(session, name, since)
        damaged = _damaged(changed) if since is None else []
        if damaged:
            changed = [event for event in changed if event.uid not in damaged]
        self._publish(name, changed, is_complete=since is None)
        if since is not None:
            self._compress(name)
        if damaged:
            with database.write() as session:
                feeds.rewrite(session, name, damaged)

    def _publish(self, name: str, changed: Sequence[PublishedEvent], *, is_complete: bool) -> None:
        municipality = self._catalog.municipality(name)
        fresh: dict[CalendarKind, Snapshot] = {}
        for kind in CalendarKind:
            current = None if is_complete else self._current(name, kind)
            events = [event for event in changed if event.calendar == kind]
            if events or current is None:
                fresh[kind] = (current or self._empty(municipality, kind)).with_changes(events)
        if CalendarKind.PUBLIC in fresh:
            self.routes[public_path(name)] = fresh[CalendarKind.PUBLIC]
        if CalendarKind.EDITORIAL in fresh:
            self.editorial[name] = fresh[CalendarKind.EDITORIAL]

    def _compress(self, name: str) -> None:
        """Compress in this thread, after the new bytes are out, rather than in the first reader's."""
        for kind in CalendarKind:
            snapshot = self._current(name, kind)
            if snapshot is not None and self.is_gzip_on:
                _ = snapshot.resource.zipped  # made when first asked for

    def _current(self, name: str, kind: CalendarKind) -> Snapshot | None:
        if kind is CalendarKind.EDITORIAL:
            return self.editorial.get(name)
        snapshot = self.routes.get(public_path(name))
        return snapshot if isinstance(snapshot, Snapshot) else None

    def _empty(self, municipality: Municipality, kind: CalendarKind) -> Snapshot:
        url = public_page(self.base_url, municipality.id)

        def head(last_modified: datetime) -> bytes:
            return calendar_head(kind, name=municipality.name, url=url, last_modified=last_modified)

        faults = check_calendar(head(EPOCH) + CALENDAR_TAIL)
        if faults:
            raise ValueError(" ".join(faults))
        is_public = kind is CalendarKind.PUBLIC
        policy, name = (PUBLIC, "riskdatum") if is_public else (EDITORIAL, "redaktion")
        return Snapshot(municipality.id, head, policy, f"{name}-{municipality.id}.ics", is_gzip_on=self.is_gzip_on)


def _damaged(events: Sequence[PublishedEvent]) -> list[str]:
    """The UIDs of events whose bytes are not fit to be published.

    When all are loaded there are no last good bytes to fall back on: such an event is told of, left out and written
    again, and the rest are served.
    """
    found = []
    for event in events:
        faults = check_fragment(event.fragment) if event.fragment else []
        if faults:
            found.append(event.uid)
            logger.error(
                "Händelsen %s i databasen är skadad (%s). Den lämnas utanför kalendern tills den har skrivits om.",
                event.uid,
                ", ".join(faults),
                extra={"action": "feed_event_damaged"},
            )
    return found


def public_path(municipality: str) -> str:
    return f"/feeds/{municipality}/riskdatum-{municipality}.ics"
