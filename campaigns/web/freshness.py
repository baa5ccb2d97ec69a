"""Keeps what is served from memory fresh: calendars, news feeds and configuration, in one thread beside the web."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import datetime
from threading import Event, Thread

from sqlalchemy import func
from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.errors import DatabaseError
from campaigns.models import Delivery, DeliveryState, FollowUpRow
from campaigns.news import FEED_LENGTH, news_feeds, published
from campaigns.overviews.follow_up_news import follow_up_messages, together
from campaigns.web.feedfiles import FeedFiles
from campaigns.web.feedserver import FeedStore
from campaigns.web.pages import template_folders
from campaigns.wiring import Parts

logger = logging.getLogger(__name__)

# Commits of this process are seen at once; those of others, and of people who edit files, by asking this often.
ASK_EVERY = 0.5
READ_FILES_EVERY = 60.0

# Of what has been published, and of the follow-ups.
Signature = tuple[tuple[int, datetime | None, int | None], tuple[int, datetime | None]]
_NOTHING: Signature = ((0, None, None), (0, None))


class Freshness:
    """A loop that asks whether anything has been published. `start` returns when everything has been loaded once."""

    def __init__(self, parts: Parts, store: FeedStore, files: FeedFiles | None = None) -> None:
        self._parts = parts
        self._store = store
        self._files = files
        self._catalog: Catalog = parts.catalog
        self._seen: dict[str, Signature] = {}
        self._failed: dict[str, Signature] = {}
        self._woken = Event()
        self._stopped = Event()
        self._files_read = time.monotonic()
        self._thread: Thread | None = None

    def start(self) -> None:
        self.refresh()
        self._parts.database.on_commit(self._woken.set)
        self._thread = Thread(target=self._run, name="freshness", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()

    def refresh(self) -> None:
        """Look once. What cannot be loaded is told of, and the old answers stay."""
        catalog = self._parts.catalog
        if catalog is not self._catalog:
            self._catalog = catalog
            self._store.use(catalog)
            self._seen.clear()
        self._store.refresh_from(self._parts.database)
        try:
            self._refresh_news(catalog)
        except DatabaseError as error:
            logger.error("Nyheterna kunde inte läsas om: %s", error.message, extra={"action": "news_load_failed"})
        if self._files is not None:
            self._files.write(self._store.routes, catalog)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.wait(ASK_EVERY)
            self._woken.clear()
            if self._stopped.is_set():
                return
            try:
                self._reread_files()
                self.refresh()
            except Exception:  # the loop must outlive anything; the next round tries again
                logger.exception("Det som serveras kunde inte läsas om.", extra={"action": "refresh_broke"})

    def _reread_files(self) -> None:
        if time.monotonic() - self._files_read >= READ_FILES_EVERY:
            self._parts.configuration.reread()
            self._files_read = time.monotonic()

    def _refresh_news(self, catalog: Catalog) -> None:
        with self._parts.database.read() as session:
            found = _signatures(session)
            for municipality in catalog.municipalities.values():
                signature = found.get(municipality.id, _NOTHING)
                if self._seen.get(municipality.id) == signature:
                    continue
                try:
                    self._load_news(session, municipality)
                except DatabaseError:
                    raise
                except Exception:  # one municipality's news, or a template being edited; the next round tries again
                    if self._failed.get(municipality.id) != signature:
                        self._failed[municipality.id] = signature
                        logger.exception(
                            "Nyheterna för %s kunde inte läsas om; de förra ligger kvar.",
                            municipality.id,
                            extra={"action": "news_load_failed", "municipality": municipality.id},
                        )
                else:
                    self._seen[municipality.id] = signature
                    self._failed.pop(municipality.id, None)

    def _load_news(self, session: Session, municipality: Municipality) -> None:
        base_url = self._parts.settings.base_url
        made = news_feeds(
            municipality,
            together(
                [
                    *published(session, municipality.id, kind="webb", most=FEED_LENGTH),
                    *follow_up_messages(session, municipality, base_url=base_url),
                ],
                most=FEED_LENGTH,
            ),
            base_url=base_url,
            templates=template_folders(self._parts),
        )
        for feed in made:
            self._store.put_static(feed.path, feed.body, feed.content_type, feed.last_modified)


def _signatures(session: Session) -> Mapping[str, Signature]:
    """What tells whether a municipality's news have changed, answered from an index."""
    query = (
        select(Delivery.municipality, func.count(), func.max(Delivery.published_at), func.max(Delivery.id))
        .where(Delivery.kind == "webb", Delivery.state == DeliveryState.PUBLISHED)
        .where(col(Delivery.published_at).is_not(None))
        .group_by(Delivery.municipality)
    )
    sent = {name: (count, newest, last) for name, count, newest, last in session.exec(query)}
    followed = {
        name: (count, newest)
        for name, count, newest in session.exec(
            select(FollowUpRow.municipality, func.count(), func.max(FollowUpRow.published_at))
            .where(col(FollowUpRow.published_at).is_not(None))
            .group_by(FollowUpRow.municipality)
        )
    }
    return {
        name: (sent.get(name, _NOTHING[0]), followed.get(name, _NOTHING[1])) for name in sent.keys() | followed.keys()
    }
