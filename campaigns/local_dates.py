"""Entering the dates that are decided locally, each year, by each school."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError, RefusedError, suggestion
from campaigns.models import LocalDateRow
from campaigns.posts import Changes, materialise
from campaigns.rules import FIRST_YEAR, LAST_YEAR, LocalRule, RiskDate, usual_window


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
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise RefusedError(f"Året {day.year} går inte att lägga in: {FIRST_YEAR}–{LAST_YEAR} går.")
    if not name.strip():
        raise RefusedError("Ange vem som lägger in datumet.")
    same = (
        col(LocalDateRow.municipality) == municipality.id,
        col(LocalDateRow.risk_date) == risk_date,
        col(LocalDateRow.place) == place,
        col(LocalDateRow.year) == day.year,
    )
    row = session.exec(select(LocalDateRow).where(*same)).one_or_none()
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


def unusual(risk_date: RiskDate, day: date) -> str:
    """A word of warning if `day` lies outside the risk date's usual window; else empty."""
    if not isinstance(risk_date.rule, LocalRule):
        return ""
    first, last = usual_window(risk_date.rule, day.year)
    if first <= day <= last:
        return ""
    return f"{risk_date.name} brukar vara {first.isoformat()} till {last.isoformat()}. Kontrollera att dagen är rätt."
