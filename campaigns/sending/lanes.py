"""Lanes: one thread's work, a batch of one account, one delivery after another, for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import NamedTuple

from campaigns.catalog import Catalog
from campaigns.channels.line import Lines
from campaigns.errors import DatabaseError
from campaigns.sending.accounts import Health
from campaigns.sending.attempts import Means, attempt, given_back
from campaigns.sending.claimed import Claim, Result
from campaigns.sending.claims import may_go_on

# The tries of a batch begin within so long after it was claimed, and so with half of the lease left even where nobody
# can renew it. A call that takes longer than the rest is kept by renewing, or else taken for one whose worker died.
BEGUN_WITHIN = timedelta(seconds=25)
# Seconds since the batch was claimed, or last asked about: then it is seen whether anybody has stopped it meanwhile.
ASKED_AFTER = 1.0


class Claimed(NamedTuple):
    """When a batch was claimed, by the clock that may be set and by the one that may not (seconds)."""

    clock: datetime
    monotonic: float

    @property
    def is_old(self) -> bool:
        return time.monotonic() > self.monotonic + BEGUN_WITHIN.total_seconds()


@dataclass
class Lane:
    """What is sent, in this order, for a while. Each claim's result goes to `tell`, whatever becomes of it."""

    claims: Sequence[Claim]
    claimed: Claimed
    means: Means
    catalog: Catalog
    is_stopping: Callable[[], bool]
    tell: Callable[[Result], None]
    asked: float = field(init=False)

    def __post_init__(self) -> None:
        self.asked = self.claimed.monotonic

    def send(self) -> None:
        is_shut = False
        with Lines() as lines:
            for item in self.claims:
                is_shut = is_shut or self._is_over(item)
                if is_shut:
                    self.tell(given_back(item, now=self.means.clock()))
                    continue
                result = attempt(self.means, self.catalog, item, lines=lines, may_begin=partial(self._may_begin, item))
                self.tell(result)
                # A refused login, or a wish to be left alone, holds for the rest of the batch.
                is_shut = result.health is Health.DEAD or result.rests_until is not None

    def _is_over(self, item: Claim) -> bool:
        is_late = self.means.clock() > min(self.claimed.clock + BEGUN_WITHIN, item.not_after)
        return is_late or self.claimed.is_old or self.is_stopping()

    def _may_begin(self, item: Claim) -> bool:
        """Asked when all else is ready: there is still time, and nobody has stopped it since it was claimed."""
        if self._is_over(item):
            return False
        if time.monotonic() - self.asked <= ASKED_AFTER:
            return True
        self.asked = time.monotonic()
        try:
            with self.means.database.read() as session:
                is_standing = may_go_on(session, self.catalog, item)
        except DatabaseError:
            return False
        return is_standing and not self._is_over(item)  # the question may have had to wait, too


def lanes(catalog: Catalog, claims: Sequence[Claim]) -> list[list[Claim]]:
    """The claims by account, each account's spread over as many lanes as it may have at once."""
    found: list[list[Claim]] = []
    for (municipality, channel), of_account in groupby(sorted(claims, key=_by_account), key=lambda item: item.account):
        items = list(of_account)
        known = catalog.municipalities.get(municipality)
        at_once = known.channel(channel).at_once if known and channel in known.channel_ids else 1
        found.extend(items[start::at_once] for start in range(min(at_once, len(items))))
    return found


def _by_account(item: Claim) -> tuple[str, str, datetime, int]:
    return (*item.account, item.due_at, item.delivery_id)
