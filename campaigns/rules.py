"""Date rules: the three ways a risk date finds its day in a year. Pure: a year in, dates out.

Fixed dates are RFC 5545 recurrence rules, movable ones count from Easter Sunday, and local ones (school endings,
student days) are decided each year by each school's huvudman (skolförordningen 2011:185 3 kap. 3 §) and only have a
usual window here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from dateutil.easter import easter
from dateutil.rrule import rrulestr

from campaigns.errors import RuleError

# The span of years for which occurrences are promised to be right, and tested.
FIRST_YEAR, LAST_YEAR = 2024, 2075

_RULE = re.compile("[A-Z]+=[A-Z0-9,+-]+(;[A-Z]+=[A-Z0-9,+-]+)*")
_DAYS = frozenset({"BYMONTHDAY", "BYDAY", "BYYEARDAY", "BYWEEKNO"})
# Not COUNT, INTERVAL and UNTIL, which leave years out; not times of day; not dateutil's own BYEASTER.
_PARTS = _DAYS | {"FREQ", "BYMONTH", "BYSETPOS", "WKST"}


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
    """A day decided locally each year. The window (month, day) is when it usually falls, never a guess at the day."""

    usual_first: tuple[int, int]
    usual_last: tuple[int, int]


Rule = RecurrenceRule | EasterRule | LocalRule


@dataclass(frozen=True)
class RiskDate:
    """A recurring reason. Its risk time is from `first_offset` to `last_offset` days from the rule's day, inclusive.

    `day_name` is what the rule's day is called in a sentence (midsommarafton), where that is not the name itself.
    """

    id: str
    name: str
    rule: Rule
    first_offset: int = 0
    last_offset: int = 0
    on_by_default: bool = False
    description: str = ""
    day_name: str = ""


@lru_cache(maxsize=4096)
def day_in_year(rule: RecurrenceRule | EasterRule, year: int) -> date:
    """The rule's day in `year`.

    Raises RuleError if the rule text is not a rule, or meets no day or more than one day in that year.
    """
    if isinstance(rule, EasterRule):
        return easter(year) + timedelta(days=rule.days)
    _check_parts(rule.rrule)
    try:
        recurrence = rrulestr(rule.rrule, dtstart=datetime(year, 1, 1))  # noqa: DTZ001 - a calendar day has no zone
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RuleError(f"”{rule.rrule}” är inte en giltig återkommande regel enligt RFC 5545.") from error
    days = [moment.date() for moment in _in_year(recurrence, year)]
    if not days:
        raise RuleError(f"Regeln ”{rule.rrule}” inträffar aldrig år {year}.")
    if len(days) > 1:
        raise RuleError(f"Regeln ”{rule.rrule}” inträffar mer än en gång år {year} ({days[0]} och {days[1]}).")
    return days[0]


def _check_parts(rrule: str) -> None:
    names = {part.partition("=")[0] for part in rrule.split(";")}
    if not _RULE.fullmatch(rrule) or "FREQ=YEARLY" not in rrule.split(";"):
        raise RuleError(f"Regeln ”{rrule}” måste vara årlig. Skriv till exempel ”FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=30”.")
    if names - _PARTS:
        wrong = " eller ".join(sorted(names - _PARTS))
        raise RuleError(f"Regeln ”{rrule}” får inte ha {wrong}: den ska bara säga vilken dag på året.")
    if not names & _DAYS:
        # dateutil would take the missing day from the start of the year, and say nothing.
        raise RuleError(f"Regeln ”{rrule}” säger inte vilken dag. Lägg till BYMONTHDAY, BYDAY eller BYYEARDAY.")


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
