"""What was promised to the citizens: in which words, by whom, for how long, and what comes after it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

YEARS = 2  # from the day of signing, as the promise itself says


@dataclass(frozen=True)
class Wording:
    """What a promise says from `first_day` to `last_day`, inclusive. `reason` is why it was revised, if it was."""

    first_day: date
    last_day: date
    text: str
    activity: str
    reason: str = ""


@dataclass(frozen=True)
class Revision:
    """Other words from `first_day` on."""

    first_day: date
    text: str
    activity: str
    reason: str = ""


@dataclass(frozen=True)
class Promise:
    """What was promised, for which period. `first_day` and `last_day` are inclusive; `text` is as it was first given.

    `parties` are the names of those who gave it, `succeeds` the promise that it took over from.
    """

    id: str
    text: str
    activity: str
    municipalities: tuple[str, ...]
    first_day: date
    last_day: date
    source: str
    parties: tuple[str, ...] = ()
    signed_on: date | None = None
    revisions: tuple[Revision, ...] = ()
    succeeds: str | None = None

    @property
    def wordings(self) -> tuple[Wording, ...]:
        """The promise's words through its period, oldest first."""
        every = (Revision(self.first_day, self.text, self.activity), *self.revisions)
        lasts = [*(item.first_day - timedelta(days=1) for item in every[1:]), self.last_day]
        return tuple(
            Wording(item.first_day, last, item.text, item.activity, item.reason)
            for item, last in zip(every, lasts, strict=True)
        )

    def wording(self, day: date) -> Wording:
        """What the promise says on `day`: before its period its first words, after it its last."""
        found = [item for item in self.wordings if item.first_day <= day]
        return found[-1] if found else self.wordings[0]

    def holds_on(self, day: date) -> bool:
        return self.first_day <= day <= self.last_day


def last_day_from(signed_on: date) -> date:
    """The last of the two years that begin with the day of signing."""
    try:
        after = signed_on.replace(year=signed_on.year + YEARS)
    except ValueError:  # signed on a leap day
        after = date(signed_on.year + YEARS, 3, 1)
    return after - timedelta(days=1)


def taken_over(promises: Mapping[str, Promise]) -> dict[str, Promise]:
    """The promises, where one that succeeds another starts from what that one said in the end, and whose it was.

    What a successor says itself stands.
    """
    found = dict(promises)
    for item in sorted(promises.values(), key=lambda each: each.first_day):
        before = found.get(item.succeeds or "")
        if before is not None:
            words = before.wordings[-1]
            found[item.id] = replace(
                item,
                text=item.text or words.text,
                activity=item.activity or ("" if item.text else words.activity),
                municipalities=item.municipalities or before.municipalities,
                parties=item.parties or before.parties,
            )
    return found


def answered_by(promises: Mapping[str, Promise], names: Iterable[str]) -> list[Promise]:
    """The promises that something answers to which was laid out for `names`: those, and in turn what succeeds them."""
    found: dict[str, Promise] = {}
    waiting = [name for name in names if name in promises]
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = promises[name]
            waiting.extend(item.id for item in promises.values() if item.succeeds == name)
    return list(found.values())
