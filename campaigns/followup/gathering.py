"""The rows that a follow-up is counted from, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session, col, select

from campaigns import counted_links, reach_numbers
from campaigns.catalog import Catalog, Municipality
from campaigns.content import Content
from campaigns.followup.gathered import Answering, Gathered
from campaigns.followup.national import NationalCampaign, spread_in
from campaigns.followup.records import national_known, shared_steps
from campaigns.models import (
    ActivityRow,
    Approval,
    CampaignRecord,
    ContentRow,
    Delivery,
    OccurrenceRow,
    Pause,
    Post,
)
from campaigns.rules import FIRST_YEAR, LAST_YEAR
from campaigns.season import season

T = TypeVar("T", Delivery, Approval)
N = TypeVar("N")
_AT_ONCE = 500  # values in one question: databases bound them


def gather(
    session: Session, catalog: Catalog, municipality: Municipality, *, years: Iterable[int], now: datetime
) -> Gathered:
    """Read everything. `years` are those that activities planned in the files are looked for in."""
    own = Post.municipality == municipality.id
    posts = session.exec(
        select(Post).where(own, col(Post.merged_into).is_(None)).order_by(col(Post.due_at), col(Post.id))
    )
    deliveries = session.exec(
        select(Delivery).where(Delivery.municipality == municipality.id).order_by(col(Delivery.id))
    )
    signatures = session.exec(
        select(Approval).join(Post, col(Post.id) == col(Approval.post_id)).where(own).order_by(col(Approval.id))
    )
    occurrences = session.exec(select(OccurrenceRow).where(OccurrenceRow.municipality == municipality.id))
    activities = session.exec(
        select(ActivityRow)
        .where(ActivityRow.municipality == municipality.id, col(ActivityRow.cancelled_at).is_(None))
        .order_by(col(ActivityRow.day), col(ActivityRow.id))
    )
    pauses = session.exec(
        select(Pause).where(col(Pause.municipality).in_(["", municipality.id])).order_by(col(Pause.paused_at))
    )
    known = [year for year in sorted(set(years)) if FIRST_YEAR <= year <= LAST_YEAR]
    laid = season(session, catalog, municipality, years=known)
    by_post = _by_post(deliveries)
    contents = [item.content_id for found in by_post.values() for item in found]
    national = national_known(session, catalog)
    return Gathered(
        catalog=catalog,
        municipality=municipality,
        now=now,
        posts=tuple(posts),
        deliveries=by_post,
        signatures=_by_post(signatures),
        spread=_spread(session, national, municipality, contents),
        occurrences={row.key: row for row in occurrences},
        activities=tuple(activities),
        planned=tuple(item for item in laid.plan.activities if item.occurrence.has_day),
        pauses=tuple(pauses),
        campaigns=_answering(session, catalog),
        national_names={item.id: item.name for item in national},
        shared=shared_steps(session, catalog),
        noted=_at_once(by_post, lambda some: reach_numbers.noted(session, some)),
        clicks=_at_once(by_post, lambda some: reach_numbers.clicks(session, some)),
    )


def _answering(session: Session, catalog: Catalog) -> dict[str, Answering]:
    found = {
        row.campaign: Answering(row.name, tuple(row.promises.split())) for row in session.exec(select(CampaignRecord))
    }
    found.update((item.id, Answering(item.name, item.promises)) for item in catalog.campaigns.values())
    return found


def _by_post(rows: Iterable[T]) -> dict[int, tuple[T, ...]]:
    found: dict[int, list[T]] = {}
    for row in rows:
        found.setdefault(row.post_id, []).append(row)
    return {post_id: tuple(items) for post_id, items in found.items()}


def _at_once(ids: Iterable[int], read: Callable[[Sequence[int]], Mapping[int, N]]) -> dict[int, N]:
    """What is read of so many at a time, together."""
    every = sorted(ids)
    return {
        key: value
        for start in range(0, len(every), _AT_ONCE)
        for key, value in read(every[start : start + _AT_ONCE]).items()
    }


def _spread(
    session: Session, known: Sequence[NationalCampaign], municipality: Municipality, content_ids: Iterable[int]
) -> dict[int, tuple[str, ...]]:
    shortened = counted_links.originals(session, municipality.id)

    def read(some: Sequence[int]) -> dict[int, tuple[str, ...]]:
        rows = session.exec(select(ContentRow.id, ContentRow.payload).where(col(ContentRow.id).in_(some)))
        return {content_id or 0: spread_by(payload) for content_id, payload in rows}

    def spread_by(payload: bytes) -> tuple[str, ...]:
        content = counted_links.with_original_link(Content.from_bytes(payload), shortened)
        return tuple(spread_in(content, known))

    return _at_once(set(content_ids), read)
