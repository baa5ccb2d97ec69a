"""The library of national campaigns: which may be spread, to whom, when, and which are proposed for a message. Pure.

Nothing of theirs is copied: what is proposed is a link, and the words around it are our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from campaigns.catalog import Fact, National

# An address that nobody has read for so long is told of.
READ_WITHIN = timedelta(days=180)


class Standing(StrEnum):
    """Whether a national campaign may be spread on a day. Only the first two are proposed."""

    OPEN = "open"
    UNCONFIRMED = "unconfirmed"  # somebody must look first: until then it stops the approval of the text
    COMING = "coming"
    OVER = "over"  # it must be looked at again before anybody spreads it
    DEAD = "dead"  # its page is not there
    CLOSED = "closed"


@dataclass(frozen=True)
class Spreadable:
    """A national campaign as it stands on a day. `is_old`: nobody has read its page for long."""

    fact: Fact
    national: National
    standing: Standing
    is_old: bool

    @property
    def is_proposed(self) -> bool:
        return self.standing in (Standing.OPEN, Standing.UNCONFIRMED)


def library(facts: Mapping[str, Fact], *, day: date, today: date, dead: Iterable[str] = ()) -> list[Spreadable]:
    """Every national campaign, as it stands on `day`; `dead` are addresses that lead nowhere."""
    gone = set(dead)
    return [
        Spreadable(
            fact, fact.national, _standing(fact, fact.national, day, gone), today - fact.checked_on > READ_WITHIN
        )
        for fact in facts.values()
        if fact.national is not None
    ]


def proposed(found: Iterable[Spreadable], *, audience: str, risk_date: str) -> list[Spreadable]:
    """Those that may be spread to the audience at the risk date, those that somebody has confirmed first."""
    fitting = [
        item
        for item in found
        if item.is_proposed
        and (not item.national.audiences or audience in item.national.audiences)
        and (not item.national.risk_dates or risk_date in item.national.risk_dates)
    ]
    return sorted(fitting, key=lambda item: item.standing is Standing.UNCONFIRMED)


def _standing(fact: Fact, national: National, day: date, dead: set[str]) -> Standing:
    if national.is_closed:
        return Standing.CLOSED
    if national.valid_from is not None and day < national.valid_from:
        return Standing.COMING
    if national.link in dead:
        return Standing.DEAD
    if not fact.is_confirmed:
        return Standing.UNCONFIRMED
    return Standing.OVER if fact.valid_until < day else Standing.OPEN
