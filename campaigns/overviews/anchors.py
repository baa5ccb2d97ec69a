"""What a step counts from, in words: ”10 dagar före midsommarafton, fredag 25 juni 2027”. Pure."""

from __future__ import annotations

from datetime import date

from campaigns.swedish import long_date


def distance(days: int, *, is_alone: bool = False) -> str:
    """”10 dagar före”, ”dagen före”, ”samma dag som”, ”dagen efter”, ”3 dagar efter”: `days` from the day, signed.

    With `is_alone` no day follows in the sentence: ”samma dag”.
    """
    if days == 0:
        return "samma dag" if is_alone else "samma dag som"
    where = "före" if days < 0 else "efter"
    return f"dagen {where}" if abs(days) == 1 else f"{abs(days)} dagar {where}"


def anchor(days: int, day_name: str, day: date | None) -> str:
    """The distance with the day's name and date. `day` is None while it is not known."""
    told = f"{distance(days)} {day_name}"
    return f"{told}, {long_date(day)}" if day else f"{told}, som inte har något datum än"


def day_name(name: str, own: str = "") -> str:
    """What a risk date's day is called in a sentence: `own`, or else its name with a small first letter."""
    return own or name[:1].lower() + name[1:]
