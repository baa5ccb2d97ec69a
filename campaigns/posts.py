"""The plan made into rows: occurrences and posts, by stable keys. Planning again changes nothing that is unchanged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, text, update
from sqlmodel import Session, col

from campaigns import approval, audit, extra_posts
from campaigns.catalog import Catalog, Municipality
from campaigns.enqueue import LEFT_OUT, left_posts
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import OccurrenceRow, Post, PostState
from campaigns.occurrences import Occurrence
from campaigns.plan import PlannedStep
from campaigns.revisions import touch
from campaigns.rules import FIRST_YEAR
from campaigns.season import decided_steps, entered_dates, planned_years, season


@dataclass
class Changes:
    """What planning did, as keys."""

    created: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.created or self.moved or self.changed or self.cancelled)


def materialise(
    session: Session, catalog: Catalog, messages: Path, municipality: Municipality, *, now: datetime
) -> Changes:
    """Make the rows agree with the plan. What is past or has gone out is left as it was; what people wrote is kept.

    What a person has moved or left out stays so. A moved post takes its new times. If it had been approved, its
    signatures hold only where its text is still exactly what was signed (`approval.replan`).
    Raises RefusedError when the clock shows a year before any that is planned for: a machine that starts so must not
    throw away a season.
    """
    if now.year < FIRST_YEAR:
        raise RefusedError(f"Datorns klocka visar år {now.year}. Ställ den; inget planeras förrän den går rätt.")
    years = planned_years(now, municipality)
    standing = _standing(session, catalog, municipality, years)
    if session.execute(_PLANNED_FOR, {"municipality": municipality.id}).scalar() == standing:
        return Changes()
    stored = _stored_posts(session, municipality, now=now)
    settled = _settled(session, stored)
    laid = season(session, catalog, municipality, years=years, settled=settled)
    changes = Changes()
    _occurrence_rows(session, municipality, laid.occurrences, changes, now=now)
    ahead = {key: row for key, row in stored.items() if key not in settled and row.year in years}
    steps = [step for step in laid.plan.steps if step.key not in settled]
    touched = _post_rows(session, municipality, steps, ahead, changes, now=now)
    followed = extra_posts.follow(session, municipality, laid.occurrences, years=years, now=now)
    changes.changed.extend(followed.changed)
    changes.cancelled.extend(followed.cancelled)
    for post_id in (*touched, *followed.signed):
        approval.replan(session, catalog, messages, post_id, now=now)
    session.execute(_NOW_PLANNED, {"municipality": municipality.id, "standing": standing})
    if changes:
        touch(session, municipality.id)
        audit.record(
            session,
            now=now,
            municipality=municipality.id,
            actor="planeringen",
            action="planerade",
            subject=municipality.id,
            detail=f"{len(changes.created)} nya, {len(changes.moved)} flyttade, {len(changes.cancelled)} inställda",
        )
    return changes


# Raise it when the same configuration and dates are to give other rows.
PLAN_EDITION = 1
_PLANNED_FOR = text("SELECT planned_for FROM revision WHERE municipality = :municipality")
_NOW_PLANNED = text(
    "INSERT INTO revision (municipality, value, published, planned_for) VALUES (:municipality, 0, 0, :standing) "
    "ON CONFLICT (municipality) DO UPDATE SET planned_for = excluded.planned_for"
)


def _standing(session: Session, catalog: Catalog, municipality: Municipality, years: Sequence[int]) -> str:
    """All that the plan depends on, as one short text: while it is the same there is nothing to plan."""
    dates = sorted(
        f"{item.risk_date} {item.place} {item.day} {item.first_day} {item.last_day} {item.is_confirmed}"
        for item in entered_dates(session, municipality)
    )
    decided = (f"{key} {item}" for key, item in decided_steps(session, municipality).items())
    depends_on = "\n".join((str(PLAN_EDITION), catalog.fingerprint, str(years), *dates, *decided))
    return hashlib.sha256(depends_on.encode()).hexdigest()


_OCCURRENCE = OccurrenceRow.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_POST = Post.__table__  # type: ignore[attr-defined]
_OCCURRENCE_FIELDS = (
    "risk_date",
    "name",
    "year",
    "place",
    "place_name",
    "day",
    "first_day",
    "last_day",
    "status",
    "has_day",
)
_POST_FIELDS = ("channels", "places", "merged_into", "is_preliminary", "due_at", "not_after")
_CHANGE = (
    update(_POST)
    .where(_POST.c.id == bindparam("row_id"))
    .values({name: bindparam(name) for name in (*_POST_FIELDS, "state", "reason", "changed_at")})
)


def _occurrence_rows(
    session: Session, municipality: Municipality, found: Sequence[Occurrence], changes: Changes, *, now: datetime
) -> None:
    columns = [_OCCURRENCE.c[name] for name in ("key", "cancelled_at", *_OCCURRENCE_FIELDS)]
    query = select(*columns).where(_OCCURRENCE.c.municipality == municipality.id)
    years = {occurrence.year for occurrence in found}
    stored = {row.key: row for row in session.execute(query) if row.year in years}
    new, changed = [], []
    for occurrence in found:
        values = _occurrence_values(occurrence)
        row = stored.pop(occurrence.key, None)
        if row is None:
            new.append({"key": occurrence.key, "municipality": municipality.id, "changed_at": now, **values})
        elif row.cancelled_at is not None or any(values[name] != getattr(row, name) for name in _OCCURRENCE_FIELDS):
            changed.append((occurrence.key, {"cancelled_at": None, "changed_at": now, **values}))
    today = now.astimezone(municipality.zone).date()
    gone = [
        (row.key, {"cancelled_at": now, "changed_at": now})
        for row in stored.values()
        if row.cancelled_at is None and row.last_day >= today
    ]
    if new:
        session.execute(insert(_OCCURRENCE), new)
    for key, values in (*changed, *gone):
        session.execute(update(_OCCURRENCE).where(_OCCURRENCE.c.key == key).values(values))
    changes.created.extend(row["key"] for row in new)
    changes.changed.extend(key for key, _ in changed)
    changes.cancelled.extend(key for key, _ in gone)


def _occurrence_values(occurrence: Occurrence) -> dict[str, Any]:
    return {
        "risk_date": occurrence.risk_date,
        "name": occurrence.name,
        "year": occurrence.year,
        "place": occurrence.place.id if occurrence.place else "",
        "place_name": occurrence.place.name if occurrence.place else "",
        "day": occurrence.day,
        "first_day": occurrence.first_day,
        "last_day": occurrence.last_day,
        "status": occurrence.status.value,
        "has_day": occurrence.has_day,
    }


def _stored_posts(session: Session, municipality: Municipality, *, now: datetime) -> dict[str, Row[Any]]:
    columns = [_POST.c[name] for name in ("id", "key", "state", "reason", "digest", *_POST_FIELDS)]
    query = (
        select(*columns, _OCCURRENCE.c.year)
        .join(_OCCURRENCE, _OCCURRENCE.c.key == _POST.c.occurrence)
        .where(
            _POST.c.municipality == municipality.id,
            _POST.c.is_extra.is_(False),
            # Last year's posts are history, and a long history must not be read each time.
            _POST.c.not_after > now - timedelta(days=400),
        )
    )
    return {row.key: row for row in session.execute(query)}


def _settled(session: Session, stored: Mapping[str, Row[Any]]) -> set[str]:
    """Keys of the posts that have gone out in all their channels, by themselves or in the post that they share."""
    left = left_posts(session, [row.id for row in stored.values() if row.digest is not None])
    out = {key for key, row in stored.items() if row.id in left}
    return out | {key for key, row in stored.items() if row.merged_into in out}


def _post_rows(
    session: Session,
    municipality: Municipality,
    steps: Sequence[PlannedStep],
    stored: dict[str, Row[Any]],
    changes: Changes,
    *,
    now: datetime,
) -> list[int]:
    """Returns the ids of the posts that changed and must be held against their signatures: those that have content."""
    new, moved = [], []
    for step in steps:
        values = _post_values(step)
        key = step.key
        row = stored.pop(key, None)
        if row is None:
            if step.not_after > now:
                new.append(_new_post(step, key, municipality, values, now=now))
        elif _is_changed(step, row, values) and max(row.not_after, step.not_after) > now:
            moved.append((row, values, step.left_out))
    if new:
        session.execute(insert(_POST), new)
    _change_rows(session, moved, changes, now=now)
    for row in stored.values():
        if row.state != PostState.CANCELLED and row.not_after > now:
            approval.take_out(session, row.id, PostState.CANCELLED, "Steget finns inte längre i planen.", now=now)
            changes.cancelled.append(row.key)
    changes.created.extend(row["key"] for row in new)
    return [row.id for row, _, _ in moved if row.digest is not None]


def _change_rows(
    session: Session, moved: Sequence[tuple[Row[Any], dict[str, Any], str]], changes: Changes, *, now: datetime
) -> None:
    """Write the new values of each row; one that a person has left out, which the text says, leaves the campaign."""
    if not moved:
        return
    session.connection().execute(_CHANGE, [_changed_post(row, values, changes, now=now) for row, values, _ in moved])
    for row, _, left_out in moved:
        if left_out:
            approval.take_out(session, row.id, PostState.SKIPPED, left_out, now=now)


def _is_changed(step: PlannedStep, row: Any, values: Mapping[str, Any]) -> bool:
    is_out = row.state == PostState.SKIPPED
    if row.state == PostState.CANCELLED or is_out != bool(step.left_out):
        return True
    return any(values[name] != getattr(row, name) for name in _POST_FIELDS)


def _post_values(step: PlannedStep) -> dict[str, Any]:
    return {
        "channels": " ".join(step.channels),
        "places": "\n".join(step.places),
        "merged_into": step.merged_into,
        "is_preliminary": step.is_preliminary,
        "due_at": step.due_at,
        "not_after": step.not_after,
    }


def _new_post(
    step: PlannedStep, key: str, municipality: Municipality, values: Mapping[str, Any], *, now: datetime
) -> dict[str, Any]:
    state = PostState.SKIPPED if step.left_out else PostState.DRAFT
    return {
        "key": key,
        "municipality": municipality.id,
        "campaign": step.campaign,
        "occurrence": step.occurrence.key,
        "step": step.step.id,
        "audience": step.audience,
        "state": state.value,
        "reason": step.left_out,
        "content_version": 0,
        "digest": None,
        "created_at": now,
        "changed_at": now,
        **values,
    }


def _changed_post(row: Any, values: Mapping[str, Any], changes: Changes, *, now: datetime) -> dict[str, Any]:
    state = PostState.DRAFT.value if row.state in LEFT_OUT else row.state
    reason = "" if row.state == PostState.SKIPPED else row.reason
    is_moved = (row.due_at, row.not_after) != (values["due_at"], values["not_after"])
    (changes.moved if is_moved else changes.changed).append(row.key)
    return {**values, "row_id": row.id, "state": state, "reason": reason, "changed_at": now}


def shown_state(post: Post, *, now: datetime) -> str:
    """The word for where a post stands, as people see it: a key of POST_STATES."""
    if post.state in (*LEFT_OUT, PostState.APPROVED):
        return post.state
    if post.merged_into:
        return "merged"
    if post.is_preliminary:
        return "preliminary"
    return "missed" if post.not_after <= now else post.state


def told_reason(post: Post) -> str:
    """Why a post stands where it does, as a sentence that says who decided it; empty if there is nothing to tell."""
    said = {PostState.REJECTED: "Avslaget av ", PostState.SKIPPED: "Utelämnat av "}.get(PostState(post.state), "")
    return f"{said}{post.reason}" if post.reason else ""


def find_post(session: Session, reference: str) -> Post:
    """The post with this number or key. Raises NotFoundError."""
    condition = (
        col(Post.id) == int(reference) if reference.isdecimal() and len(reference) < 10 else col(Post.key) == reference
    )
    post: Post | None = session.execute(select(Post).where(condition)).scalar_one_or_none()
    if post is None:
        raise NotFoundError(f"Det finns inget budskap ”{reference}”. Se alla med: kampanjhjul posts")
    return post
