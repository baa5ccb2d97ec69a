"""Lanes: one thread's work, a batch of one account, one delivery after another, for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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


class Ends(NamedTuple):
    """When no more of a batch may begin, by the clock that may be set and by the one that may not."""

    clock: datetime
    monotonic: float

    @classmethod
    def of_claims_at(cls, now: datetime) -> Ends:
        return cls(now + BEGUN_WITHIN, time.monotonic() + BEGUN_WITHIN.total_seconds())


@dataclass(frozen=True)
class Lane:
    """What is sent, in this order, until `ends`. Each claim's result goes to `tell`, whatever becomes of it."""

    claims: Sequence[Claim]
    ends: Ends
    means: Means
    catalog: Catalog
    is_stopping: Callable[[], bool]
    tell: Callable[[Result], None]

    def send(self) -> None:
        is_shut = False
        asked = time.monotonic()
        with Lines() as lines:
            for item in self.claims:
                now = self.means.clock()
                is_over = now > min(self.ends.clock, item.not_after) or time.monotonic() > self.ends.monotonic
                is_long_ago = time.monotonic() - asked > ASKED_AFTER
                if is_long_ago:
                    asked = time.monotonic()
                is_shut = is_shut or is_over or self.is_stopping()
                if is_shut or (is_long_ago and not self._may_go_on(item)):
                    self.tell(given_back(item, now=now))
                    continue
                result = attempt(self.means, self.catalog, item, lines=lines)
                self.tell(result)
                # A refused login, or a wish to be left alone, holds for the rest of the batch.
                is_shut = result.health is Health.DEAD or result.rests_until is not None

    def _may_go_on(self, item: Claim) -> bool:
        """Whether nobody has stopped it since it was claimed."""
        try:
            with self.means.database.read() as session:
                return may_go_on(session, self.catalog, item)
        except DatabaseError:
            return False


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
