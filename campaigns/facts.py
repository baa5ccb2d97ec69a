"""Facts as they stand now: what the file says, and what people have confirmed since."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session

from campaigns import audit
from campaigns.catalog import Catalog, Fact
from campaigns.errors import NotFoundError, RefusedError, suggestion
from campaigns.models import FactConfirmation
from campaigns.swedish import long_date
from campaigns.written import checked_actor

# Laws and addresses change: nobody can say today what holds longer than this.
LONGEST_VALIDITY = timedelta(days=2 * 366)


def facts_at(session: Session, catalog: Catalog) -> dict[str, Fact]:
    """The facts as people have confirmed them since the file was written. One that was reworded is unchecked again."""
    facts = dict(catalog.facts)
    for row in session.execute(_CONFIRMATIONS):
        fact = facts.get(row.fact)
        if fact is not None and row.wording == wording(fact):
            checked_on = row.confirmed_at.date()
            facts[row.fact] = replace(fact, is_confirmed=True, valid_until=row.valid_until, checked_on=checked_on)
    return facts


_CONFIRMATION = FactConfirmation.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_CONFIRMATIONS = select(
    *(_CONFIRMATION.c[name] for name in ("fact", "wording", "valid_until", "confirmed_at"))
).order_by(_CONFIRMATION.c.id)


def wording(fact: Fact) -> str:
    """What a person who confirms a fact has seen, as a digest."""
    return hashlib.sha256(f"{fact.text}\n{fact.source}".encode()).hexdigest()


def confirm_fact(
    session: Session, catalog: Catalog, fact_id: str, *, name: str, valid_until: date, now: datetime
) -> None:
    """Note that a person has checked a fact and until when it holds, at most two years from now.

    Raises NotFoundError or RefusedError.
    """
    if fact_id not in catalog.facts:
        raise NotFoundError(f"Det finns inget faktum ”{fact_id}”. {suggestion(fact_id, catalog.facts)}")
    actor = checked_actor(name, "Ange vem som har kontrollerat uppgiften.")
    if valid_until < now.date():
        raise RefusedError(
            f"{long_date(valid_until).capitalize()} har redan varit. Ange till och med när uppgiften gäller."
        )
    longest = now.date() + LONGEST_VALIDITY
    if valid_until > longest:
        raise RefusedError(f"En uppgift gäller högst två år. Ange en dag till och med {long_date(longest)}.")
    session.add(
        FactConfirmation(
            fact=fact_id,
            wording=wording(catalog.facts[fact_id]),
            valid_until=valid_until,
            confirmed_by=actor,
            confirmed_at=now,
        )
    )
    audit.record(
        session,
        now=now,
        municipality="",
        actor=actor,
        action="bekräftade faktum",
        subject=fact_id,
        detail=f"till och med {valid_until.isoformat()}",
    )
