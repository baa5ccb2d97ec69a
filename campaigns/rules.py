"""Date rules: the three ways a risk date finds its day in a year. Pure: a year in, dates out.

Fixed dates are RFC 5545 recurrence rules, movable ones count from Easter Sunday, and local ones (school endings,
student days) are decided each year by each school's huvudman (skolförordningen 2011:185 3 kap. 3 §) and only have a
usual window here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from dateutil.easter import easter
from dateutil.rrule import rrulestr

from campaigns.errors import RuleError

# The span of years for which occurrences are promised to be right, and tested.
FIRST_YEAR, LAST_YEAR = 2024, 2075


@dataclass(frozen=True)
class RecurrenceRule:
    """RFC 5545 section 3.3.10 rule text that meets exactly one day in every year."""

    rrule: str


@dataclass(frozen=True)
class EasterRule:
    """Days from Easter Sunday (lag 1989:253): -1 is påskafton, 39 is Kristi himmelsfärds dag."""

    days: int


@dataclass(frozen=True)
class LocalRule:
    """A day decided locally each year. The window (month, day) says when it usually falls; it is never a guess at the day."""

    usual_first: tuple[int, int]
    usual_last: tuple[int, int]


Rule = RecurrenceRule | EasterRule | LocalRule


@dataclass(frozen=True)
class RiskDate:
    """A recurring reason. The risk time runs from `first_offset` to `last_offset` days around the rule's day, inclusive."""

    id: str
    name: str
    rule: Rule
    first_offset: int = 0
    last_offset: int = 0
    on_by_default: bool = False
    description: str = ""


@lru_cache(maxsize=4096)
def day_in_year(rule: RecurrenceRule | EasterRule, year: int) -> date:
    """The rule's day in `year`.

    Raises RuleError if the rule text is not a rule, or meets no day or more than one day in that year.
    """
    if isinstance(rule, EasterRule):
        return easter(year) + timedelta(days=rule.days)
    parts = dict(part.partition("=")[::2] for part in rule.rrule.split(";"))
    if parts.get("FREQ") != "YEARLY" or parts.keys() & {"COUNT", "INTERVAL", "UNTIL"}:
        raise RuleError(
            f"Regeln ”{rule.rrule}” måste börja med FREQ=YEARLY och får inte ha COUNT, INTERVAL eller UNTIL."
        )
    try:
        recurrence = rrulestr(rule.rrule, dtstart=datetime(year, 1, 1))  # noqa: DTZ001 - a calendar day has no zone
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RuleError(f"”{rule.rrule}” är inte en giltig återkommande regel enligt RFC 5545 ({error}).") from error
    days = [moment.date() for moment in _in_year(recurrence, year)]
    if not days:
        raise RuleError(f"Regeln ”{rule.rrule}” inträffar aldrig år {year}.")
    if len(days) > 1:
        raise RuleError(f"Regeln ”{rule.rrule}” inträffar mer än en gång år {year} ({days[0]} och {days[1]}).")
    return days[0]


def _in_year(recurrence: object, year: int) -> list[datetime]:
    found: list[datetime] = []
    # Iterating, not `between`: an endless rule that never occurs stops by itself at dateutil's year 9999.
    for moment in recurrence:  # type: ignore[attr-defined]  # rrulestr gives rrule or rruleset, both iterable
        if moment.year != year or len(found) > 1:
            break
        found.append(moment)
    return found


def usual_window(rule: LocalRule, year: int) -> tuple[date, date]:
    """First and last day of the window in which the local day usually falls in `year`."""
    return date(year, *rule.usual_first), date(year, *rule.usual_last)
