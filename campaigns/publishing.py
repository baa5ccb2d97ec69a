"""Bringing the calendars up to date where something changed."""

from __future__ import annotations

import logging
from datetime import datetime

from sqlmodel import col, select

from campaigns import feeds
from campaigns.catalog import Catalog
from campaigns.database import Database, announce
from campaigns.models import Revision
from campaigns.posts import planned_years, season

logger = logging.getLogger(__name__)


def refresh_stale(database: Database, catalog: Catalog, *, now: datetime, base_url: str) -> list[str]:
    """Write the changed calendar events of every municipality whose revision has risen. Returns their ids.

    One that cannot be built is told of and left: its readers keep the last good calendar, the others get theirs.
    """
    with database.read() as session:
        stale = session.exec(select(Revision.municipality).where(col(Revision.published) < col(Revision.value))).all()
    done = []
    for municipality_id in stale:
        municipality = catalog.municipalities.get(municipality_id)
        if municipality is None:
            continue
        try:
            with database.write() as session:
                laid = season(session, catalog, municipality, years=planned_years(now, municipality))
                feeds.refresh(session, catalog, municipality_id, laid.plan, now=now, base_url=base_url)
                announce(session)
        except Exception:  # one municipality's calendar; the rest must not wait for it
            logger.exception(
                "Kalendern för %s gick inte att bygga; den förra ligger kvar.",
                municipality_id,
                extra={"action": "feed_broke"},
            )
        else:
            done.append(municipality_id)
    return done
