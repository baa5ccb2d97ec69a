"""Publishing the calendars, and reading what was published.

One stamp is used for all that one publication changes, in whole seconds and always later than the publication before,
even if the clock has been set back. So "changed since I last looked" is exact, which the feed server relies on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, select, text, update
from sqlmodel import Session

from campaigns.catalog import Catalog, Municipality
from campaigns.feed_diff import REMOVED, Difference, head_key
from campaigns.feed_events import desired_events, public_page
from campaigns.ical import CalendarKind, Status, stable_uid
from campaigns.models import ActivityRow, Delivery, FeedEvent, OccurrenceRow, Post, Revision
from campaigns.plan import Plan
from campaigns.revisions import touch

_EVENT = FeedEvent.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_OCCURRENCE = OccurrenceRow.__table__  # type: ignore[attr-defined]
_POST = Post.__table__  # type: ignore[attr-defined]
_ACTIVITY = ActivityRow.__table__  # type: ignore[attr-defined]
_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]
_REVISION = Revision.__table__  # type: ignore[attr-defined]

_NEW_REVISION = text(
    "INSERT INTO revision (municipality, value, published) VALUES (:municipality, 0, 0) "
    "ON CONFLICT (municipality) DO NOTHING"
)
_STORED = select(*(column for column in _EVENT.c if column.name != "fragment")).where(
    _EVENT.c.municipality == bindparam("municipality")
)
_CHANGING = (
    *("campaign", "audience", "channel", "starts", "digest", "sequence", "status", "last_modified", "removed_at"),
    "fragment",
)
_UPDATE = update(_EVENT).where(_EVENT.c.id == bindparam("row_id")).values({name: bindparam(name) for name in _CHANGING})


def refresh(
    session: Session,
    catalog: Catalog,
    municipality_id: str,
    plan: Plan,
    *,
    now: datetime,
    base_url: str,
) -> bool:
    """Publish what has changed in the municipality's calendars. Returns whether anything had.

    `plan` covers last year, this year and the next, as the rows do. An event that cannot be written keeps its last good
    bytes, and the log says why. Raises NotFoundError for an unknown municipality.
    """
    municipality = catalog.municipality(municipality_id)
    revision = _locked_revision(session, municipality.id)
    stamp = _stamp(now, revision.published_at)
    difference = Difference(municipality, now, stamp, public_page(base_url, municipality.id))
    stored = {(row.calendar, row.uid): row for row in session.execute(_STORED, {"municipality": municipality.id})}
    posts = _posts(session, municipality, now)
    wanted = desired_events(
        catalog,
        municipality,
        plan,
        occurrences=_occurrences(session, municipality, now),
        posts=posts,
        added=_added_activities(session, municipality, now),
        delivery_states=_delivery_states(session, [post.id for post in posts if post.id is not None]),
        today=difference.today,
        base_url=base_url,
    )
    for entry in wanted:
        difference.keep(entry, stored.pop((entry.calendar.value, entry.event.uid), None))
    for calendar in CalendarKind:
        uid = stable_uid(calendar, head_key(municipality.id))
        difference.head(calendar, stored.pop((calendar.value, uid), None))
    merged = {f"publicering/{post.key}" for post in posts if post.merged_into is not None}
    fragments = _fragments(
        session, [row.id for row in stored.values() if row.status not in (Status.CANCELLED, REMOVED)]
    )
    for row in stored.values():
        difference.let_go(row, fragments.get(row.id, b""), is_merged=row.key in merged)
    _write(session, difference)
    values: dict[str, Any] = {"published": revision.value}
    if difference.is_changed or revision.published_at is None:
        values["published_at"] = stamp
    session.execute(update(_REVISION).where(_REVISION.c.municipality == municipality.id).values(values))
    return difference.is_changed


def _write(session: Session, difference: Difference) -> None:
    if difference.new:
        session.execute(insert(_EVENT), difference.new)
    if difference.changed:
        session.connection().execute(_UPDATE, difference.changed)
    for part in _parts(difference.outlived):
        session.execute(delete(_EVENT).where(_EVENT.c.id.in_(part)))


def _locked_revision(session: Session, municipality: str) -> Any:
    """The revision row, locked so that two publications of one municipality never overlap."""
    session.execute(_NEW_REVISION, {"municipality": municipality})
    return session.execute(select(_REVISION).where(_REVISION.c.municipality == municipality).with_for_update()).one()


def _stamp(now: datetime, previous: datetime | None) -> datetime:
    whole = now.replace(microsecond=0)
    return whole if previous is None else max(whole, previous + timedelta(seconds=1))


def _first_year(municipality: Municipality, now: datetime) -> int:
    return now.astimezone(municipality.zone).year - 1


def _occurrences(session: Session, municipality: Municipality, now: datetime) -> list[Any]:
    query = select(_OCCURRENCE).where(
        _OCCURRENCE.c.municipality == municipality.id,
        _OCCURRENCE.c.year >= _first_year(municipality, now),
        _OCCURRENCE.c.cancelled_at.is_(None),
    )
    return list(session.execute(query))


def _posts(session: Session, municipality: Municipality, now: datetime) -> list[Any]:
    query = (
        select(_POST)
        .join(_OCCURRENCE, _POST.c.occurrence == _OCCURRENCE.c.key)
        .where(_POST.c.municipality == municipality.id, _OCCURRENCE.c.year >= _first_year(municipality, now))
    )
    return list(session.execute(query))


def _added_activities(session: Session, municipality: Municipality, now: datetime) -> list[Any]:
    query = select(_ACTIVITY).where(
        _ACTIVITY.c.municipality == municipality.id,
        _ACTIVITY.c.is_extra,
        _ACTIVITY.c.cancelled_at.is_(None),
        _ACTIVITY.c.day >= date(_first_year(municipality, now), 1, 1),
    )
    return list(session.execute(query))


def _delivery_states(session: Session, posts: Collection[int]) -> dict[int, set[str]]:
    states: dict[int, set[str]] = {}
    for part in _parts(posts):
        query = select(_DELIVERY.c.post_id, _DELIVERY.c.state).where(_DELIVERY.c.post_id.in_(part)).distinct()
        for post_id, state in session.execute(query):
            states.setdefault(post_id, set()).add(state)
    return states


def _fragments(session: Session, rows: Collection[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for part in _parts(rows):
        query = select(_EVENT.c.id, _EVENT.c.fragment).where(_EVENT.c.id.in_(part))
        found.update((row.id, row.fragment) for row in session.execute(query))
    return found


def _parts(ids: Collection[int]) -> Iterable[list[int]]:
    """At most 500 at a time: databases limit the values in one statement."""
    wanted = sorted(ids)
    return (wanted[start : start + 500] for start in range(0, len(wanted), 500))


def rewrite(session: Session, municipality_id: str, uids: Collection[str]) -> None:
    """Have the events written again at the next publication: their bytes have been found damaged."""
    session.execute(update(_EVENT).where(_EVENT.c.uid.in_(list(uids))).values(digest=""))
    touch(session, municipality_id)


# -- what the feed server reads: rows as they are, no objects


class PublishedEvent(NamedTuple):
    """One event as stored: `campaign`, `audience` and `channel` are ids joined by a space.

    An event that has been removed has no bytes left in `fragment`.
    """

    calendar: str
    uid: str
    starts: str
    campaign: str
    audience: str
    channel: str
    last_modified: datetime
    fragment: bytes


_PUBLISHED = select(_REVISION.c.municipality, _REVISION.c.published_at).where(_REVISION.c.published_at.is_not(None))
_COLUMNS = tuple(_EVENT.c[name] for name in PublishedEvent._fields)
_ALL = select(*_COLUMNS).where(_EVENT.c.municipality == bindparam("municipality"))
_SINCE = _ALL.where(_EVENT.c.last_modified > bindparam("since"))


def publications(session: Session) -> dict[str, datetime]:
    """When each municipality's calendars last changed. One small read."""
    return {row.municipality: row.published_at for row in session.connection().execute(_PUBLISHED)}


def events_since(session: Session, municipality_id: str, since: datetime | None) -> list[PublishedEvent]:
    """The events that publications after `since` wrote; all of them if it is None."""
    values = {"municipality": municipality_id, "since": since}
    statement = _ALL if since is None else _SINCE
    return [PublishedEvent(*row) for row in session.connection().execute(statement, values)]
