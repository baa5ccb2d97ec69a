"""Whose turn it is: what becomes of a delivery whose time has come. It is tried now, waits, or never goes out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session

from campaigns.catalog import Catalog
from campaigns.channels.base import Pace
from campaigns.enqueue import STANDING, stopped_as
from campaigns.errors import NotFoundError
from campaigns.localtime import after_quiet
from campaigns.models import Act, DeliveryState
from campaigns.sending import accounts
from campaigns.sending.accounts import Account
from campaigns.sending.pauses import Standing

A_SECOND = timedelta(seconds=1)


class Due(NamedTuple):
    """A delivery that waits and whose time has come. `target_state` is that of what a correction is about."""

    id: int
    key: str
    post_id: int
    content_id: int
    municipality: str
    channel: str
    kind: str
    language: str
    recipient: str
    act: str
    replaces: int | None
    due_at: datetime
    not_after: datetime
    token: int
    attempts: int
    maybe_sent: bool
    receipt: str
    passes_pause: bool
    target_state: str | None


class Never(NamedTuple):
    """It does not go out, and this is what is shown of it."""

    state: DeliveryState
    reason: str


class Later(NamedTuple):
    """It waits until `at` (UTC)."""

    at: datetime


class Turns:
    """The verdicts of one claiming, at `now`. `known` are the accounts that something is known of."""

    def __init__(
        self,
        catalog: Catalog,
        standing: Standing,
        known: Mapping[accounts.Key, Account],
        paces: Mapping[str, Pace | None],
        now: datetime,
    ) -> None:
        self._catalog = catalog
        self._standing = standing
        self._accounts = known
        self._kinds = paces
        self._now = now
        self._morning: dict[str, datetime] = {}
        self._reasons: dict[accounts.Key, str | None] = {}
        self._paces: dict[tuple[accounts.Key, str], Pace | None] = {}
        self._probed: set[accounts.Key] = set()
        self._moved: dict[accounts.Key, datetime] = {}

    def verdict(self, row: Due) -> Never | Later | None:
        """None if it may be tried now, as far as its time, its channel and the pauses go.

        What is too late, or would be when it may go, becomes skipped (or unknown, if an earlier attempt may have
        reached the channel); what comes up in a pause is missed.
        """
        if row.act == Act.CORRECT and row.target_state not in STANDING:
            return Never(stopped_as(row), "Det som skulle rättas står inte längre i kanalen.")
        key = row.municipality, row.channel
        paused = self._pause(key, row)
        if paused is not None:
            return _missed(row, paused)
        wakes = self._wakes(row)
        if row.not_after < wakes:
            return _too_late(row, self._accounts.get(key))
        opens = self._opens(key, row, wakes)
        if opens <= self._now:
            return None
        # Not later than it must be looked at again: its channel may come back, or the last time pass.
        return Later(min(opens, max(wakes, self._now + accounts.LONGEST_REST), row.not_after + A_SECOND))

    def save(self, session: Session) -> None:
        """Note how far each account's pace has come."""
        accounts.book(session, self._moved, now=self._now)

    def _pause(self, key: accounts.Key, row: Due) -> str | None:
        if row.passes_pause or row.act == Act.WITHDRAW:
            return None
        if key not in self._reasons:
            self._reasons[key] = self._standing.reason(*key)
        return self._reasons[key]

    def _wakes(self, row: Due) -> datetime:
        """When the delivery's municipality lets it out: now, or when the quiet hours end."""
        if row.act == Act.WITHDRAW:
            return self._now
        if row.municipality not in self._morning:
            zone = self._catalog.municipality(row.municipality).zone
            self._morning[row.municipality] = after_quiet(self._now, zone)
        return self._morning[row.municipality]

    def _opens(self, key: accounts.Key, row: Due, wakes: datetime) -> datetime:
        """When the delivery may start: now, or later."""
        if wakes > self._now:
            return wakes
        account = self._accounts.get(key)
        if account is not None and account.probe_at > self._now:
            return account.probe_at
        if account is not None and not account.is_working:
            # One is let through to see whether it works again; the rest wait for what that shows.
            if key in self._probed:
                return self._now + accounts.FIRST_REST
            self._probed.add(key)
            return self._now
        return self._paced(key, row.kind, account)

    def _paced(self, key: accounts.Key, kind: str, account: Account | None) -> datetime:
        if (key, kind) not in self._paces:
            self._paces[key, kind] = self._pace(key, kind)
        pace = self._paces[key, kind]
        if pace is None:
            return self._now
        step = timedelta(minutes=1) / pace.per_minute
        free_at = max(self._moved.get(key) or (account and account.free_at) or self._now, self._now)
        opens = free_at - step * (pace.burst - 1)
        if opens > self._now:
            return opens
        self._moved[key] = free_at + step
        return self._now

    def _pace(self, key: accounts.Key, kind: str) -> Pace | None:
        own = self._kinds.get(kind)
        try:
            wanted = self._catalog.municipality(key[0]).channel(key[1]).per_minute
        except NotFoundError:
            return own
        if wanted is None or (own is not None and own.per_minute <= wanted):
            return own
        return Pace(wanted, burst=1)


def _missed(row: Due, reason: str) -> Never:
    if row.maybe_sent:
        sentence = f"Ett försök kan ha nått kanalen innan pausen ({reason}). Kontrollera i kanalen."
        return Never(DeliveryState.UNKNOWN, sentence)
    return Never(DeliveryState.MISSED, f"Tiden kom under en paus: {reason}")


def _too_late(row: Due, account: Account | None) -> Never:
    if row.maybe_sent:
        sentence = "Ett försök kan ha nått kanalen innan senaste tiden passerade. Kontrollera i kanalen."
        return Never(DeliveryState.UNKNOWN, sentence)
    if account is not None and not account.is_working:
        sentence = f"Senaste tiden passerade medan kanalen stod still. {account.reason}".strip()
        return Never(DeliveryState.SKIPPED, sentence)
    return Never(DeliveryState.SKIPPED, "Senaste tiden hade passerat, så det skickades inte.")
