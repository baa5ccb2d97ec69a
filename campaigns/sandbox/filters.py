"""The filters of a template: each takes and gives short plain values, so that no chain of them can grow. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from jinja2.runtime import Undefined

from campaigns.errors import suggestion
from campaigns.swedish import MONTHS, WEEKDAYS

MAX_VALUE = 2_000  # characters into and out of a filter
MAX_TURNS = 200  # of all loops together, in one rendering


class Refusal(Exception):  # noqa: N818 - not a fault of the program: turned into TemplateError with its place
    """Stops a compilation or a rendering; the argument is a Swedish sentence."""


def swedish_date(day: date, form: str = "dag") -> str:
    """The day in words: ”fredag 30 april”; `form` is dag, kort (30 april), lang (with year) or iso."""
    short = f"{day.day} {MONTHS[day.month - 1]}"
    forms = {
        "dag": f"{WEEKDAYS[day.weekday()]} {short}",
        "kort": short,
        "lang": f"{WEEKDAYS[day.weekday()]} {short} {day.year}",
        "iso": f"{day.year:04}-{day.month:02}-{day.day:02}",
    }
    if form not in forms:
        raise Refusal(f"datum kan inte visas som ”{form}”. {suggestion(form, forms)}")
    return forms[form]


def _text(value: object) -> str:
    """The value as text; refuses what is not plain, and what is too long."""
    text = value if type(value) is str else shown(value)
    if len(text) > MAX_VALUE:
        raise Refusal(f"ett värde är längre än {MAX_VALUE} tecken och kan inte ändras med filter.")
    return text


def shown(value: object) -> str:
    """How a value stands in the text: Jinja's `finalize`."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[return-value]  # the line above is the check, without isinstance's cost
    if kind is int:
        return str(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return swedish_date(value)
    if isinstance(value, Undefined):
        return str(value)  # raises, with the name
    raise Refusal("bara text, heltal och datum kan skrivas ut. Välj en del av värdet, till exempel fakta.namn.")


def _changed(change: Callable[[str], str]) -> Callable[[object], str]:
    return lambda value: change(_text(value))


def _date(value: object, form: str = "dag") -> str:
    if isinstance(value, Undefined):
        return str(value)
    if not isinstance(value, date):
        raise Refusal("filtret datum kan bara visa ett datum, till exempel {{ datum|datum }}.")
    return swedish_date(value, form)


def _replaced(value: object, old: object, new: object) -> str:
    text, before, after = _text(value), _text(old), _text(new)
    if not before or len(text) + text.count(before) * (len(after) - len(before)) > MAX_VALUE:
        raise Refusal(f"filtret replace behöver något att byta ut, och får ge högst {MAX_VALUE} tecken.")
    return text.replace(before, after)


def _joined(value: object, separator: object = "") -> str:
    between, parts, size = _text(separator), [], 0
    for item in _sequence(value):
        parts.append(_text(item))
        size += len(parts[-1]) + len(between)
        if size > MAX_VALUE:
            raise Refusal(f"filtret join får ge högst {MAX_VALUE} tecken.")
    return between.join(parts)


def _sequence(value: Any) -> Any:
    if not isinstance(value, (list, tuple, dict)):
        len(value)  # an undefined value says its name here
        raise Refusal("det går bara att gå igenom en lista.")
    return value


def _default(value: object, instead: object = "", for_empty: object = None) -> object:
    return instead if isinstance(value, Undefined) or (for_empty and not value) else value


def _end(index: int) -> Callable[[Any], object]:
    def pick(value: Any) -> object:
        if not len(value):
            raise Refusal("listan är tom: skriv {% if … %} runt den.")
        return value[index] if isinstance(value, (str, list, tuple)) else _sequence(list(value))[index]

    return pick


def paid_turns(value: Any, left: list[int]) -> Any:
    """Wrapped round what every loop goes through: pays for all its turns before the first."""
    left[0] -= len(_sequence(value)) + 1
    if left[0] < 0:
        raise Refusal(f"slingorna går fler än {MAX_TURNS} varv tillsammans. Gör listorna kortare.")
    return value


FILTERS: dict[str, Callable[..., object]] = {
    "datum": _date,
    "lower": _changed(str.lower),
    "upper": _changed(str.upper),
    "capitalize": _changed(lambda text: text[:1].upper() + text[1:]),
    "trim": _changed(str.strip),
    "replace": _replaced,
    "join": _joined,
    "default": _default,
    "d": _default,
    "first": _end(0),
    "last": _end(-1),
    "length": len,
    "count": len,
}
