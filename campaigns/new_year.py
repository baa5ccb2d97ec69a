"""A new year, begun from the one before.

The recipe's posts need nobody: the plan makes them, and each uses last year's text as an unsigned draft until it gets
one of its own (`campaigns.post_sources`). What people added to last year's campaigns is carried over when somebody
chooses to. Doing any of it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.activities import add_extra_activity
from campaigns.catalog import Catalog, Municipality
from campaigns.enqueue import LEFT_OUT
from campaigns.errors import RefusedError
from campaigns.extras import add_extra_post
from campaigns.localtime import Chosen, to_utc
from campaigns.models import ActivityRow, CarriedOver, OccurrenceRow, Post, YearStart
from campaigns.post_names import audience_name, tells_of_follow_up
from campaigns.season import planned_years
from campaigns.written import checked_actor


@dataclass(frozen=True)
class Addition:
    """What people added to a campaign the year before. `stop` says why it cannot be carried over yet, if it cannot."""

    key: str
    campaign: str
    name: str
    is_activity: bool
    row: Post | ActivityRow = field(repr=False)
    earlier: OccurrenceRow = field(repr=False)
    later: OccurrenceRow | None = field(repr=False)
    stop: str = ""


@dataclass(frozen=True)
class Begun:
    """What was carried over, and what could not be, with why."""

    carried: tuple[Addition, ...]
    refused: tuple[tuple[Addition, str], ...]


def begin_year(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    year: int,
    *,
    keys: Collection[str],
    name: str,
    now: datetime,
) -> Begun:
    """Begin the year, and carry over those of last year's additions whose `keys` are given.

    What has been carried over already is left as it is. Raises RefusedError for a year that is not planned.
    """
    actor = checked_actor(name)
    refuse_year(municipality, year, now=now)
    carried, refused = [], []
    for item in additions(session, catalog, municipality, year):
        if item.key not in keys:
            continue
        try:
            made = _carry(session, catalog, municipality, item, actor=actor, now=now)
        except RefusedError as error:
            refused.append((item, error.message))
        else:
            session.add(CarriedOver(source=item.key, year=year, municipality=municipality.id, made=made))
            carried.append(item)
    is_new = session.get(YearStart, (municipality.id, year)) is None
    if is_new:
        session.add(YearStart(municipality=municipality.id, year=year, begun_by=actor, begun_at=now))
    if is_new or carried:
        audit.record(
            session,
            now=now,
            municipality=municipality.id,
            actor=actor,
            action="började året",
            subject=f"{municipality.id}/{year}",
            detail=f"{len(carried)} tillagda från {year - 1}",
        )
    session.flush()
    return Begun(tuple(carried), tuple(refused))


def refuse_year(municipality: Municipality, year: int, *, now: datetime) -> None:
    """Raise RefusedError for a year that nobody can begin now: only this one and the next are planned."""
    _, this, following = planned_years(now, municipality)
    if year not in (this, following):
        raise RefusedError(f"Året {year} går inte att börja nu. Välj {this} eller {following}.")


def additions(session: Session, catalog: Catalog, municipality: Municipality, year: int) -> list[Addition]:
    """What people added to the campaigns of the year before, and that nobody has carried over to `year`."""
    done = set(
        session.exec(
            select(CarriedOver.source).where(CarriedOver.municipality == municipality.id, CarriedOver.year == year)
        )
    )
    later = {
        (row.risk_date, row.place): row
        for row in session.exec(
            select(OccurrenceRow).where(
                OccurrenceRow.municipality == municipality.id,
                OccurrenceRow.year == year,
                col(OccurrenceRow.cancelled_at).is_(None),
            )
        )
    }
    found: list[tuple[Post | ActivityRow, OccurrenceRow, str, bool]] = [
        *_posts(session, catalog, municipality, year - 1),
        *_activities(session, municipality, year - 1),
    ]
    return [
        Addition(row.key, row.campaign, called, is_activity, row, earlier, target, _stop(catalog, row, target))
        for row, earlier, called, is_activity in found
        if row.key not in done
        for target in [later.get((earlier.risk_date, earlier.place))]
    ]


def _posts(
    session: Session, catalog: Catalog, municipality: Municipality, year: int
) -> Iterator[tuple[Post, OccurrenceRow, str, bool]]:
    query = (
        select(Post, OccurrenceRow)
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(Post.municipality == municipality.id, col(Post.is_extra), OccurrenceRow.year == year)
        .where(col(Post.state).not_in(LEFT_OUT))
        .order_by(col(Post.due_at), col(Post.id))
    )
    for post, row in session.exec(query):
        if tells_of_follow_up(post):  # the next year has a follow-up of its own to tell of
            continue
        yield post, row, f"{post.step} ({audience_name(catalog, post).lower()})", False


def _activities(
    session: Session, municipality: Municipality, year: int
) -> Iterator[tuple[ActivityRow, OccurrenceRow, str, bool]]:
    query = (
        select(ActivityRow, OccurrenceRow)
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(ActivityRow.occurrence))
        .where(ActivityRow.municipality == municipality.id, col(ActivityRow.is_extra), OccurrenceRow.year == year)
        .where(col(ActivityRow.cancelled_at).is_(None))
        .order_by(col(ActivityRow.day), col(ActivityRow.id))
    )
    for activity, row in session.exec(query):
        yield activity, row, activity.name, True


def _stop(catalog: Catalog, row: Post | ActivityRow, target: OccurrenceRow | None) -> str:
    if row.campaign not in catalog.campaigns:
        return "Kampanjen finns inte längre."
    if target is None:
        return "Tillfället finns inte det året."
    return "" if target.has_day else "Dagen är inte bestämd än. Lägg in den först."


def _carry(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    item: Addition,
    *,
    actor: str,
    now: datetime,
) -> str:
    """Add the same thing as far from the new day as it was from the old one. Returns its key. Raises RefusedError."""
    if item.stop or item.later is None:
        raise RefusedError(item.stop)
    shift = item.later.day - item.earlier.day
    row = item.row
    if isinstance(row, ActivityRow):
        made = add_extra_activity(
            session,
            catalog,
            municipality,
            campaign=row.campaign,
            occurrence=item.later.key,
            title=row.name,
            day=row.day + shift,
            responsible=row.responsible,
            description=row.description,
            name=actor,
            now=now,
        )
        return made.key
    posts: Sequence[Post] = add_extra_post(
        session,
        catalog,
        municipality,
        campaign=row.campaign,
        occurrence=item.later.key,
        audiences=[row.audience],
        title=row.step,
        channels=[name for name in row.channels.split() if name in municipality.channel_ids],
        due=_shifted(row.due_at, shift, municipality),
        last=_shifted(row.not_after, shift, municipality),
        name=actor,
        now=now,
        has_text=True,
    )
    return posts[0].key


def _shifted(at: datetime, by: timedelta, municipality: Municipality) -> Chosen:
    """The same time on the clock, so many days later."""
    local = at.astimezone(municipality.zone)
    day, clock = local.date() + by, local.time().replace(tzinfo=None)
    return Chosen(day, clock, to_utc(day, clock, municipality.zone))
