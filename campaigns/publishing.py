"""Bringing the calendars up to date where something changed."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from sqlalchemy import or_, text
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from campaigns import feeds
from campaigns.catalog import Catalog
from campaigns.database import Database, announce
from campaigns.models import Revision, Setting
from campaigns.season import planned_years, season

logger = logging.getLogger(__name__)


_ADDRESS = "base_url"


def address(session: Session) -> str | None:
    """The address that the calendars on this database are written with, once a server has claimed it."""
    row = session.get(Setting, _ADDRESS)
    return row.value if row else None


def claim_address(database: Database, base_url: str) -> str | None:
    """Make `base_url` the address in the calendars. Returns the earlier one if it was another.

    Done by the servers when they start, so that a command given in a shell with other settings rewrites nothing.
    """
    with database.read() as session:
        if address(session) == base_url:
            return None
    with database.write() as session:
        earlier = address(session)
        session.merge(Setting(name=_ADDRESS, value=base_url))
    return earlier if earlier != base_url else None


_REFRESHED = text("UPDATE revision SET refreshed_for = :standing WHERE municipality = :municipality")


def occasion(catalog: Catalog, *, now: datetime, base_url: str) -> str:
    """What the calendars depend on beside the rows: the day where it is latest, the configuration, our address."""
    today = max((now.astimezone(item.zone).date() for item in catalog.municipalities.values()), default=now.date())
    return f"{today.isoformat()} {hashlib.sha256(f'{catalog.fingerprint} {base_url}'.encode()).hexdigest()[:16]}"


def _stale(standing: str) -> SelectOfScalar[str]:
    """The municipalities whose calendars are older than their rows, or than what they depend on beside those."""
    is_old = or_(col(Revision.published) < col(Revision.value), col(Revision.refreshed_for).is_distinct_from(standing))
    return select(Revision.municipality).where(is_old)


def refresh_stale(
    database: Database, catalog: Catalog, *, now: datetime, base_url: str, told: dict[str, str] | None = None
) -> list[str]:
    """Write the changed calendar events of every municipality whose revision has risen. Returns their ids.

    All are looked at once a day too (events end and are let go), and when the configuration or our address changed.
    One that cannot be built is told of and left: its readers keep the last good calendar, the others get theirs.
    `told` is the caller's memory, by municipality, of the fault that has been told of: the same is not told again.
    """
    told = {} if told is None else told
    with database.read() as session:
        base_url = address(session) or base_url
        standing = occasion(catalog, now=now, base_url=base_url)
        stale = session.exec(_stale(standing)).all()
    done = []
    for municipality_id in stale:
        municipality = catalog.municipalities.get(municipality_id)
        if municipality is None:
            continue
        try:
            with database.write() as session:
                if not session.exec(_stale(standing).where(col(Revision.municipality) == municipality_id)).first():
                    continue  # another worker has just done it
                laid = season(session, catalog, municipality, years=planned_years(now, municipality))
                feeds.refresh(session, catalog, municipality_id, laid.plan, now=now, base_url=base_url)
                session.connection().execute(_REFRESHED, {"municipality": municipality_id, "standing": standing})
                announce(session)
        except Exception as error:  # one municipality's calendar; the rest must not wait for it
            if told.get(municipality_id) != repr(error):
                told[municipality_id] = repr(error)
                logger.exception(
                    "Kalendern för %s gick inte att bygga; den förra ligger kvar.",
                    municipality_id,
                    extra={"action": "feed_broke"},
                )
        else:
            told.pop(municipality_id, None)
            done.append(municipality_id)
    return done
