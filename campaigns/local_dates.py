"""Entering the dates that are decided locally, each year, by each school."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.catalog import Catalog, Municipality
from campaigns.enqueue import OUT
from campaigns.errors import NotFoundError, RefusedError, suggestion
from campaigns.models import Delivery, DeliveryState, LocalDateRow, Post
from campaigns.posts import Changes, materialise
from campaigns.rules import FIRST_YEAR, LAST_YEAR, LocalRule, RiskDate, usual_window
from campaigns.swedish import usual
from campaigns.written import checked_actor


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
    is_forced: bool = False,
) -> Changes:
    """Enter or correct a local date, and plan again. The year is the day's.

    A day outside the usual window is taken as confirmed only with `is_forced`: it is most often a slip.
    Raises NotFoundError for an unknown risk date or place, RefusedError for a date that is not decided locally.
    """
    rule_of = _decided_locally(municipality, risk_date, place)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise RefusedError(f"Året {day.year} går inte att lägga in: {FIRST_YEAR}–{LAST_YEAR} går.")
    actor = checked_actor(name, "Ange vem som lägger in datumet.")
    warning = unusual(rule_of, day)
    if warning and is_confirmed and not is_forced:
        raise RefusedError(
            f"{warning} Inget har ändrats. Stämmer den, lägg till --force (”force” i API:et). "
            "Är den osäker, lägg in den som preliminär."
        )
    row = _entered(session, municipality, risk_date, place, day.year)
    values: dict[str, Any] = {
        "day": day,
        "first_day": day + timedelta(days=rule_of.first_offset),
        "last_day": day + timedelta(days=rule_of.last_offset),
        "is_confirmed": is_confirmed,
        "changed_by": actor,
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
        actor=actor,
        action="bekräftade datum" if is_confirmed else "lade in preliminärt datum",
        subject=f"{risk_date}/{place or '-'}/{day.year}",
        detail=day.isoformat(),
    )
    return materialise(session, catalog, messages, municipality, now=now)


def unset_local_date(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    *,
    risk_date: str,
    place: str,
    year: int,
    name: str,
    now: datetime,
) -> Changes:
    """Take back the date that a person entered, and plan again: what the municipality's file says holds once more.

    Raises NotFoundError where nobody has entered one, RefusedError when messages about the day have gone out.
    """
    rule_of = _decided_locally(municipality, risk_date, place)
    actor = checked_actor(name, "Ange vem som tar bort datumet.")
    row = _entered(session, municipality, risk_date, place, year)
    if row is None:
        raise NotFoundError(
            f"Ingen har lagt in något datum för {rule_of.name} {year} här, så det finns inget att ta bort. "
            "Det som står i kommunens fil ändras där."
        )
    if _has_gone_out(session, municipality, f"{municipality.id}/{risk_date}/{year}/{place or '-'}"):
        raise RefusedError(
            "Dagen kan inte tas bort: budskap om den har redan gått ut. "
            "Är den fel, lägg in den rätta dagen och rätta det som har gått ut."
        )
    session.delete(row)
    session.flush()
    audit.record(
        session,
        now=now,
        municipality=municipality.id,
        actor=actor,
        action="tog bort datum",
        subject=f"{risk_date}/{place or '-'}/{year}",
        detail=row.day.isoformat(),
    )
    return materialise(session, catalog, messages, municipality, now=now)


def _decided_locally(municipality: Municipality, risk_date: str, place: str) -> RiskDate:
    known = {item.id: item for item in municipality.risk_dates}
    if risk_date not in known:
        raise NotFoundError(f"{municipality.name} har inget riskdatum ”{risk_date}”. {suggestion(risk_date, known)}")
    if not isinstance(known[risk_date].rule, LocalRule):
        raise RefusedError(f"{known[risk_date].name} beslutas inte lokalt: dagen räknas ut och kan inte ändras.")
    places = [item.id for item in municipality.places.get(risk_date, ())]
    if place not in (places or [""]):
        raise NotFoundError(f"Ange vilken plats dagen gäller. {suggestion(place, places)}")
    return known[risk_date]


def _entered(
    session: Session, municipality: Municipality, risk_date: str, place: str, year: int
) -> LocalDateRow | None:
    return session.exec(
        select(LocalDateRow).where(
            LocalDateRow.municipality == municipality.id,
            LocalDateRow.risk_date == risk_date,
            LocalDateRow.place == place,
            LocalDateRow.year == year,
        )
    ).one_or_none()


def _has_gone_out(session: Session, municipality: Municipality, occurrence: str) -> bool:
    """Whether any of the occurrence's posts, or one that it shares with other schools, has left or is leaving."""
    own = session.exec(select(Post.key, Post.merged_into).where(Post.occurrence == occurrence)).all()
    keys = {shared or key for key, shared in own}
    leaving = (
        select(Delivery.id)
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .where(Post.municipality == municipality.id, col(Post.key).in_(keys))
        .where(col(Delivery.state).in_((*OUT, DeliveryState.SENDING)))
    )
    return session.exec(leaving.limit(1)).first() is not None


def unusual(risk_date: RiskDate, day: date) -> str:
    """A word of warning if `day` lies outside the risk date's usual window; else empty."""
    if not isinstance(risk_date.rule, LocalRule):
        return ""
    first, last = usual_window(risk_date.rule, day.year)
    if first <= day <= last:
        return ""
    return f"{risk_date.name} brukar vara {usual(first, last)}. Kontrollera att dagen är rätt."
