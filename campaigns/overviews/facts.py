"""The facts that texts rest on, as they stand: those that stop something first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import Session

from campaigns.catalog import Catalog, Fact
from campaigns.facts import LONGEST_VALIDITY, facts_at

SOON = timedelta(days=60)
_USUAL = timedelta(days=365)
_ADDRESS = re.compile(r"https?://[^\s,;”\"]+")
KINDS = {
    "lag": "Lag",
    "nummer": "Nummer",
    "hjalplinje": "Hjälplinje",
    "kampanj": "Kampanj",
    "oppettider": "Öppettider",
    "statistik": "Statistik",
}


@dataclass(frozen=True)
class ShownFact:
    """A fact. `state` is what it is called in words; one that is not `is_good` stops approval of texts that use it.

    `address` is where its source can be read, if the source begins with one.
    """

    fact: Fact
    kind: str
    state: str
    is_good: bool
    is_soon_over: bool
    address: str


@dataclass(frozen=True)
class FactsPage:
    """`usual` is the last day that a confirmation is proposed for, `latest` the last that it can have."""

    facts: Sequence[ShownFact]
    usual: date
    latest: date


def facts_page(session: Session, catalog: Catalog, *, today: date) -> FactsPage:
    """Every fact but closed campaigns: those that stop approval, those that soon will, the rest, by the file."""
    found = [_shown(fact, today) for fact in facts_at(session, catalog).values() if not fact.is_closed]
    ordered = sorted(found, key=lambda item: (item.is_good, not item.is_soon_over))
    return FactsPage(ordered, today + _USUAL, today + LONGEST_VALIDITY)


def count_of_stopping(session: Session, catalog: Catalog, *, today: date) -> int:
    """How many facts stop approval."""
    open_ones = (fact for fact in facts_at(session, catalog).values() if not fact.is_closed)
    return sum(not _shown(fact, today).is_good for fact in open_ones)


def _shown(fact: Fact, today: date) -> ShownFact:
    is_over = fact.valid_until < today
    is_good = fact.is_confirmed and not is_over
    is_soon_over = is_good and fact.valid_until < today + SOON
    if not fact.is_confirmed:
        state = "Inte bekräftad"
    else:
        state = "Har gått ut" if is_over else "Går snart ut" if is_soon_over else "Bekräftad"
    address = _ADDRESS.match(fact.source)
    return ShownFact(fact, KINDS.get(fact.kind, fact.kind), state, is_good, is_soon_over, address[0] if address else "")
