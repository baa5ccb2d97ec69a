"""Which account's turn it is: found by looking (embedded), or asked for by one who keeps the turns (drain jobs)."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition
from typing import Protocol

from campaigns.sending.accounts import Key
from campaigns.sending.claimed import Claim, Result

MOST_ROWS = 500  # of one account at its turn
LONGEST_TURN = 30.0  # seconds


class Supply(Protocol):
    """Hands out accounts to claim for, and hears what came of it."""

    def next(self, count: int) -> list[Key]:
        """Up to `count` accounts."""

    def has_more(self) -> bool:
        """Whether there are accounts left to hand out at once."""

    def claimed(self, wanted: Sequence[Key], claims: Sequence[Claim], *, others: int) -> None:
        """The accounts were claimed for; `others` deliveries of them were settled or told to wait."""

    def written(self, results: Iterable[Result]) -> None:
        """These claims are over and written down."""


class Searching:
    """The accounts that `look` finds, those that have waited longest first. It looks when none is left."""

    def __init__(self, look: Callable[[], Iterable[Key]]) -> None:
        self._look = look
        self._found: deque[Key] = deque()

    def next(self, count: int) -> list[Key]:
        if not self._found:
            self._found.extend(self._look())
        return [self._found.popleft() for _ in range(min(count, len(self._found)))]

    def has_more(self) -> bool:
        return bool(self._found)

    def claimed(self, wanted: Sequence[Key], claims: Sequence[Claim], *, others: int) -> None:
        """It will look again."""

    def written(self, results: Iterable[Result]) -> None:
        """As above."""


@dataclass
class _Turn:
    """An account's turn. `is_over` becomes whether there may be more to send."""

    began: float
    rows: int = 0
    is_over: Future[bool] = field(default_factory=Future)


class Asked:
    """The accounts that have been asked for. Each has its turn until it is empty or its turn has been long enough."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._turns: dict[Key, _Turn] = {}
        self._wanted: deque[Key] = deque()
        self._waiting: Counter[Key] = Counter()  # claims whose results have not been written

    def ask(self, account: Key) -> Future[bool]:
        """Give the account its turn. The answer comes when it is over: whether there may be more to send."""
        with self._changed:
            turn = self._turns.get(account)
            if turn is None:
                turn = self._turns[account] = _Turn(time.monotonic())
                self._wanted.append(account)
                self._changed.notify_all()
            return turn.is_over

    def wait(self, seconds: float) -> bool:
        """Whether any account has been asked for, at most `seconds` from now."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: self._wanted, seconds))

    def give_up(self) -> None:
        """End every turn: whoever keeps them asks again."""
        with self._changed:
            for account in list(self._turns):
                self._end(account, is_more=False)
            self._wanted.clear()
            self._waiting.clear()

    def next(self, count: int) -> list[Key]:
        with self._changed:
            return [self._wanted.popleft() for _ in range(min(count, len(self._wanted)))]

    def has_more(self) -> bool:
        return bool(self._wanted)

    def claimed(self, wanted: Sequence[Key], claims: Sequence[Claim], *, others: int) -> None:
        found = Counter(item.account for item in claims)
        with self._changed:
            self._waiting.update(found)
            for account in wanted:
                if found[account] and account in self._turns:
                    self._turns[account].rows += found[account]
                elif others:
                    self._go_on(account)  # those may have been the account's
                else:
                    self._end(account, is_more=False)

    def written(self, results: Iterable[Result]) -> None:
        with self._changed:
            for account, count in Counter(result.claim.account for result in results).items():
                self._waiting[account] -= count
                if self._waiting[account] <= 0:
                    del self._waiting[account]
                    self._go_on(account)

    def _go_on(self, account: Key) -> None:
        turn = self._turns.get(account)
        if turn is None:
            return
        if turn.rows >= MOST_ROWS or time.monotonic() - turn.began >= LONGEST_TURN:
            self._end(account, is_more=True)
        else:
            self._wanted.append(account)

    def _end(self, account: Key, *, is_more: bool) -> None:
        turn = self._turns.pop(account, None)
        if turn is not None and not turn.is_over.cancelled():
            turn.is_over.set_result(is_more)
