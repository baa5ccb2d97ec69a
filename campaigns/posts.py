"""The plan made into rows: occurrences and posts, by stable keys. Planning again changes nothing that is unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from sqlmodel import Session, col

from campaigns import approval, audit
from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError, RefusedError, suggestion
from campaigns.models import LocalDateRow, OccurrenceRow, Post, PostState
from campaigns.occurrences import LocalDate, Occurrence, occurrences
from campaigns.plan import Plan, PlannedStep, plan
from campaigns.revisions import touch
from campaigns.rules import LocalRule


@dataclass
class Changes:
    """What planning did, as keys."""

    created: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.created or self.moved or self.changed or self.cancelled)


@dataclass(frozen=True)
class Season:
    """A municipality's occurrences and plan for a span of years."""

    occurrences: tuple[Occurrence, ...]
    plan: Plan


def entered_dates(session: Session, municipality: Municipality) -> list[LocalDate]:
    """The local dates of the municipality's file, overridden by those that people entered."""
    found = {(item.risk_date, item.place, item.year): item for item in municipality.local_dates}
    rows = session.execute(select(LocalDateRow).where(col(LocalDateRow.municipality) == municipality.id)).scalars()
    for row in rows:
        found[row.risk_date, row.place, row.year] = LocalDate(
            row.risk_date, row.place, row.year, row.day, row.is_confirmed, row.first_day, row.last_day
        )
    return list(found.values())


def season(session: Session, catalog: Catalog, municipality: Municipality, *, years: Iterable[int]) -> Season:
    """The municipality's occurrences in `years` and the plan laid on them."""
    return _season(catalog, municipality, tuple(entered_dates(session, municipality)), tuple(years))


@lru_cache(maxsize=2)  # the jobs of one round ask for the same
def _season(
    catalog: Catalog, municipality: Municipality, local_dates: tuple[LocalDate, ...], years: tuple[int, ...]
) -> Season:
    found = occurrences(
        municipality.id,
        risk_dates=municipality.risk_dates,
        places=dict(municipality.places),
        local_dates=local_dates,
        extra_dates=municipality.extra_dates,
        years=years,
    )
    laid = plan(
        found,
        campaigns=catalog.campaigns.values(),
        channels=municipality.channel_ids,
        zone=municipality.zone,
        recipes=municipality.recipes,
    )
    return Season(tuple(found), laid)


def planned_years(now: datetime, municipality: Municipality) -> tuple[int, int, int]:
    """Last year (its follow-up runs into January), this year and the next, by the municipality's own calendar."""
    year = now.astimezone(municipality.zone).year
    return year - 1, year, year + 1


def materialise(
    session: Session, catalog: Catalog, messages: Path, municipality: Municipality, *, now: datetime
) -> Changes:
    """Make the rows agree with the plan. What is past is left as it was; what people wrote is kept.

    A moved post takes its new times. If it had been approved, its signatures hold only where its text is still
    exactly what was signed (`approval.replan`).
    """
    laid = season(session, catalog, municipality, years=planned_years(now, municipality))
    changes = Changes()
    _occurrence_rows(session, municipality, laid.occurrences, changes, now=now)
    for post_id in _post_rows(session, municipality, laid.plan.steps, changes, now=now):
        approval.replan(session, catalog, messages, post_id, now=now)
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


def _occurrence_rows(
    session: Session, municipality: Municipality, found: Sequence[Occurrence], changes: Changes, *, now: datetime
) -> None:
    columns = [_OCCURRENCE.c[name] for name in ("key", "cancelled_at", *_OCCURRENCE_FIELDS)]
    query = select(*columns).where(_OCCURRENCE.c.municipality == municipality.id)
    years = {occurrence.year for occurrence in found}
    stored = {row.key: row for row in session.execute(query) if row.year in years or row.year >= now.year - 1}
    new, changed = [], []
    for occurrence in found:
        values = _occurrence_values(occurrence)
        row = stored.pop(occurrence.key, None)
        if row is None:
            new.append({"key": occurrence.key, "municipality": municipality.id, "changed_at": now, **values})
        elif row.cancelled_at is not None or any(values[name] != getattr(row, name) for name in _OCCURRENCE_FIELDS):
            changed.append((occurrence.key, {"cancelled_at": None, "changed_at": now, **values}))
    gone = [(row.key, {"cancelled_at": now, "changed_at": now}) for row in stored.values() if row.cancelled_at is None]
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


def _post_rows(
    session: Session, municipality: Municipality, steps: Sequence[PlannedStep], changes: Changes, *, now: datetime
) -> list[int]:
    """Returns the ids of the posts that changed and must be held against their signatures."""
    columns = [_POST.c[name] for name in ("id", "key", "state", *_POST_FIELDS)]
    query = select(*columns).where(_POST.c.municipality == municipality.id)
    # Last year's posts are history, and a long history must not be read each time.
    query = query.where(_POST.c.not_after > now - timedelta(days=400))
    stored = {row.key: row for row in session.execute(query)}
    new, moved = [], []
    for step in steps:
        values = _post_values(step)
        key = step.key
        row = stored.pop(key, None)
        if row is None:
            if step.not_after > now:
                new.append(_new_post(step, key, municipality, values, now=now))
        elif row.state == PostState.CANCELLED or any(values[name] != getattr(row, name) for name in _POST_FIELDS):
            moved.append((row, values))
    if new:
        session.execute(insert(_POST), new)
    changed_ids = [row.id for row, values in moved if _change_post(session, row, values, changes, now=now)]
    for row in stored.values():
        if row.state != PostState.CANCELLED and row.not_after > now:
            _cancel_post(session, row, changes, now=now)
    changes.created.extend(row["key"] for row in new)
    return changed_ids


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
    return {
        "key": key,
        "municipality": municipality.id,
        "campaign": step.campaign,
        "occurrence": step.occurrence.key,
        "step": step.step.id,
        "audience": step.audience,
        "state": PostState.DRAFT.value,
        "reason": "",
        "content_version": 0,
        "digest": None,
        "created_at": now,
        "changed_at": now,
        **values,
    }


def _change_post(session: Session, row: Any, values: Mapping[str, Any], changes: Changes, *, now: datetime) -> bool:
    if row.not_after <= now and values["not_after"] <= now:
        return False  # history, before and after
    state = PostState.DRAFT.value if row.state == PostState.CANCELLED else row.state
    session.execute(update(_POST).where(_POST.c.id == row.id).values({**values, "state": state, "changed_at": now}))
    is_moved = (row.due_at, row.not_after) != (values["due_at"], values["not_after"])
    (changes.moved if is_moved else changes.changed).append(row.key)
    return True


def _cancel_post(session: Session, row: Any, changes: Changes, *, now: datetime) -> None:
    post = session.get_one(Post, row.id, populate_existing=True)
    approval.void(session, post, reason="Steget finns inte längre i planen.", now=now)
    post.state = PostState.CANCELLED
    post.changed_at = now
    session.flush()
    changes.cancelled.append(row.key)


def set_local_date(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    *,
    risk_date: str,
    place: str,
    day: date,
    is_confirmed: bool,
    name: str,
    now: datetime,
) -> Changes:
    """Enter or correct a local date, and plan again. The year is the day's.

    Raises NotFoundError for an unknown risk date or place, RefusedError for a date that is not decided locally.
    """
    known = {item.id: item for item in municipality.risk_dates}
    if risk_date not in known:
        raise NotFoundError(f"{municipality.name} har inget riskdatum ”{risk_date}”. {suggestion(risk_date, known)}")
    rule_of = known[risk_date]
    if not isinstance(rule_of.rule, LocalRule):
        raise RefusedError(f"{rule_of.name} beslutas inte lokalt: dagen räknas ut och kan inte ändras.")
    places = [item.id for item in municipality.places.get(risk_date, ())]
    if place not in (places or [""]):
        raise NotFoundError(f"Ange vilken plats dagen gäller. {suggestion(place, places)}")
    if not name.strip():
        raise RefusedError("Ange vem som lägger in datumet.")
    same = (
        col(LocalDateRow.municipality) == municipality.id,
        col(LocalDateRow.risk_date) == risk_date,
        col(LocalDateRow.place) == place,
        col(LocalDateRow.year) == day.year,
    )
    row = session.execute(select(LocalDateRow).where(*same)).scalar_one_or_none()
    values: dict[str, Any] = {
        "day": day,
        "first_day": day + timedelta(days=rule_of.first_offset),
        "last_day": day + timedelta(days=rule_of.last_offset),
        "is_confirmed": is_confirmed,
        "changed_by": name.strip(),
        "changed_at": now,
    }
    if row is None:
        row = LocalDateRow(municipality=municipality.id, risk_date=risk_date, place=place, year=day.year, **values)
    else:
        row.sqlmodel_update(values)
    session.add(row)
    session.flush()
    audit.record(
        session,
        now=now,
        municipality=municipality.id,
        actor=name.strip(),
        action="bekräftade datum" if is_confirmed else "lade in preliminärt datum",
        subject=f"{risk_date}/{place or '-'}/{day.year}",
        detail=day.isoformat(),
    )
    return materialise(session, catalog, messages, municipality, now=now)


def shown_state(post: Post, *, now: datetime) -> str:
    """The word for where a post stands, as people see it: a key of POST_STATES."""
    if post.state in (PostState.CANCELLED, PostState.APPROVED):
        return post.state
    if post.merged_into:
        return "merged"
    if post.not_after <= now:
        return "missed"
    return "preliminary" if post.is_preliminary else post.state


def find_post(session: Session, reference: str) -> Post:
    """The post with this number or key. Raises NotFoundError."""
    condition = col(Post.id) == int(reference) if reference.isdecimal() else col(Post.key) == reference
    post: Post | None = session.execute(select(Post).where(condition)).scalar_one_or_none()
    if post is None:
        raise NotFoundError(f"Det finns inget budskap ”{reference}”. Se alla med: kampanjhjul posts")
    return post
