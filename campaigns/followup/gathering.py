"""The rows that a follow-up is counted from, read once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session, col, select

from campaigns import counted_links
from campaigns.catalog import Catalog, Municipality
from campaigns.content import Content
from campaigns.followup.gathered import Answering, Gathered
from campaigns.followup.national import national_campaigns, spread_in
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
    return Gathered(
        catalog=catalog,
        municipality=municipality,
        now=now,
        posts=tuple(posts),
        deliveries=by_post,
        signatures=_by_post(signatures),
        spread=_spread(session, catalog, municipality, contents),
        occurrences={row.key: row for row in occurrences},
        activities=tuple(activities),
        planned=tuple(item for item in laid.plan.activities if item.occurrence.has_day),
        pauses=tuple(pauses),
        campaigns=_answering(session, catalog),
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


def _spread(
    session: Session, catalog: Catalog, municipality: Municipality, content_ids: Iterable[int]
) -> dict[int, tuple[str, ...]]:
    known = national_campaigns(catalog)
    shortened = counted_links.originals(session, municipality.id)
    wanted = sorted(set(content_ids))
    found: dict[int, tuple[str, ...]] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        rows = session.exec(select(ContentRow.id, ContentRow.payload).where(col(ContentRow.id).in_(some)))
        for content_id, payload in rows:
            content = counted_links.with_original_link(Content.from_bytes(payload), shortened)
            found[content_id or 0] = tuple(spread_in(content, known))
    return found
