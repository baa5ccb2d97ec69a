"""Claiming: which deliveries may be tried now, by whom, and which never will be.

The rules that never bend are checked here, in the transaction that claims: signed by every party, the very bytes, not
too late, not paused. So are the channel's own: whether it is working, how fast it may be sent to, and one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, Subquery, and_, bindparam, exists, func, select, tuple_, update
from sqlmodel import Session

from campaigns.approval import void
from campaigns.catalog import Catalog
from campaigns.channels.base import Pace
from campaigns.enqueue import STANDING, stopped_as
from campaigns.errors import NotFoundError
from campaigns.localtime import after_quiet
from campaigns.models import Act, ContentRow, Delivery, DeliveryState, Post, PostState
from campaigns.sending import accounts, pauses
from campaigns.sending.accounts import Account
from campaigns.sending.outbox import LEASE, Claim, queue_current, settle_rows
from campaigns.signatures import CHANGED_CONTENT, unapproved_reasons

A_SECOND = timedelta(seconds=1)
BATCH = 20  # deliveries of one account at a time: they are sent one after another, within one lease

_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_CONTENT = ContentRow.__table__  # type: ignore[attr-defined]
_POST = Post.__table__  # type: ignore[attr-defined]

_BUSY = _DELIVERY.alias("busy")
_TARGET = _DELIVERY.alias("target")  # what a correction or a withdrawal is about
_IS_DUE: ColumnElement[bool] = and_(
    _DELIVERY.c.state == "queued",
    _DELIVERY.c.next_attempt_at <= bindparam("now"),
    _DELIVERY.c.kind.in_(bindparam("kinds", expanding=True)),
    # What this process has no configuration for is another's, or waits until it is configured again.
    _DELIVERY.c.municipality.in_(bindparam("municipalities", expanding=True)),
)
# Nothing of the account is under way: it is sent to by one at a time, whoever that is.
_IS_FREE = ~exists().where(
    _BUSY.c.state == "sending",
    _BUSY.c.municipality == _DELIVERY.c.municipality,
    _BUSY.c.channel == _DELIVERY.c.channel,
)
_ACCOUNT = (_DELIVERY.c.municipality, _DELIVERY.c.channel)
_ANY_DUE = select(_DELIVERY.c.id).where(_IS_DUE).limit(1)
_DUE_ACCOUNTS = (
    select(*_ACCOUNT)
    .where(_IS_DUE, _IS_FREE)
    .group_by(*_ACCOUNT)
    .order_by(func.min(_DELIVERY.c.next_attempt_at))
    .limit(bindparam("most"))
)


# In the order of Claim's fields, which end with the payload.
_OF_DELIVERY = (
    *("id", "key", "post_id", "municipality", "channel", "kind", "language", "recipient", "act", "replaces"),
    *("due_at", "not_after", "token", "attempts", "maybe_sent", "receipt"),
)


def _due(ids: Subquery) -> Any:
    return (
        select(
            *(_DELIVERY.c[name] for name in _OF_DELIVERY),
            _CONTENT.c.payload,
            _POST.c.passes_pause,
            (_CONTENT.c.version == _POST.c.content_version).label("is_current"),
            _TARGET.c.state.label("target_state"),
        )
        .join(ids, ids.c.id == _DELIVERY.c.id)
        .join(_CONTENT, _CONTENT.c.id == _DELIVERY.c.content_id)
        .join(_POST, _POST.c.id == _DELIVERY.c.post_id)
        .join(_TARGET, _TARGET.c.id == _DELIVERY.c.replaces, isouter=True)
        .order_by(_DELIVERY.c.next_attempt_at, _DELIVERY.c.id)
        .with_for_update(skip_locked=True, of=_DELIVERY)
    )


_LOCAL = _due(
    select(_DELIVERY.c.id)
    .where(_IS_DUE)
    .order_by(_DELIVERY.c.next_attempt_at, _DELIVERY.c.id)
    .limit(bindparam("most"))
    .subquery()
)
_RANKED = (
    select(
        _DELIVERY.c.id,
        func.row_number()
        .over(partition_by=_ACCOUNT, order_by=(_DELIVERY.c.next_attempt_at, _DELIVERY.c.id))
        .label("place"),
    )
    .where(_IS_DUE, _IS_FREE, tuple_(*_ACCOUNT).in_(bindparam("accounts", expanding=True)))
    .subquery()
)
_OUTSIDE = _due(select(_RANKED.c.id).where(_RANKED.c.place <= BATCH).subquery())
# Nobody else can have taken them since they were read: writers take turns.
_TAKE = (
    update(_DELIVERY)
    .where(_DELIVERY.c.id.in_(bindparam("ids", expanding=True, literal_execute=True)))
    .values(
        state="sending",
        token=_DELIVERY.c.token + 1,
        attempts=_DELIVERY.c.attempts + 1,
        lease_until=bindparam("b_lease"),
        changed_at=bindparam("b_now"),
    )
)
_WAIT = (
    update(_DELIVERY)
    .where(_DELIVERY.c.id == bindparam("b_id"), _DELIVERY.c.token == bindparam("b_token"))
    .values(next_attempt_at=bindparam("b_next"))
)


@dataclass(frozen=True)
class Round:
    """What one claiming came to: the deliveries to try, and how many others were settled or told to wait."""

    claims: Sequence[Claim]
    others: int = 0


def has_due(session: Session, catalog: Catalog, *, kinds: Sequence[str], now: datetime) -> bool:
    """Whether anything may be tried now. A cheap read, so that an idle sweep takes no write lock."""
    return session.execute(_ANY_DUE, _values(catalog, kinds, now)).first() is not None


def due_accounts(
    session: Session, catalog: Catalog, *, kinds: Sequence[str], most: int, now: datetime
) -> list[accounts.Key]:
    """Up to `most` accounts that have something due and nothing under way, those that have waited longest first."""
    found = session.execute(_DUE_ACCOUNTS, {**_values(catalog, kinds, now), "most": most})
    return [(row.municipality, row.channel) for row in found]


def _values(catalog: Catalog, kinds: Sequence[str], now: datetime) -> dict[str, Any]:
    return {"now": now, "kinds": list(kinds), "municipalities": list(catalog.municipalities)}


def claim_local(session: Session, catalog: Catalog, *, kinds: Sequence[str], most: int, now: datetime) -> Round:
    """Lease up to `most` due deliveries to channels of our own, oldest first."""
    rows = session.execute(_LOCAL, {**_values(catalog, kinds, now), "most": most}).all()
    return _claimed(session, catalog, rows, paces={}, now=now)


def claim_outside(
    session: Session,
    catalog: Catalog,
    *,
    kinds: Sequence[str],
    wanted: Sequence[accounts.Key],
    paces: Mapping[str, Pace | None],
    now: datetime,
) -> Round:
    """Lease the due deliveries of the accounts `wanted`, a batch of each, oldest first. `paces` is by channel kind."""
    rows = session.execute(_OUTSIDE, {**_values(catalog, kinds, now), "accounts": list(wanted)}).all()
    return _claimed(session, catalog, rows, paces=paces, now=now)


def _claimed(
    session: Session,
    catalog: Catalog,
    found: Sequence[Row[Any]],
    *,
    paces: Mapping[str, Pace | None],
    now: datetime,
) -> Round:
    """Sort the rows into what may be tried, what must wait, and what never will be, and write it.

    What is too late, or would be when it may go, becomes skipped (or unknown, if an earlier attempt may have reached
    the channel); what is not signed exactly as stored is stopped; what comes up in a pause is missed.
    """
    outdated = [row for row in found if not row.is_current and row.act != Act.WITHDRAW]
    if outdated:
        settle_rows(session, outdated, _outdated, now=now)
        queue_current(session, catalog, {row.post_id for row in outdated}, now=now)
    rows = [row for row in found if row.is_current or row.act == Act.WITHDRAW]
    gone = {row.id for row in rows if row.act == Act.CORRECT and row.target_state not in STANDING}
    settle_rows(session, [row for row in rows if row.id in gone], _without_target, now=now)
    rows = [row for row in rows if row.id not in gone]
    if not rows:
        return Round([], len(found))
    standing = pauses.standing(session)
    paused = {row.id: reason for row in rows if (reason := _pause(standing, row)) is not None}
    settle_rows(session, [row for row in rows if row.id in paused], lambda row: _missed(row, paused[row.id]), now=now)
    alive = [row for row in rows if row.id not in paused]
    known = accounts.load(session, {(row.municipality, row.channel) for row in alive}, now=now)
    turns = _Turns(catalog, known, paces, now)
    late = [row for row in alive if row.not_after < turns.wakes(row)]
    settle_rows(session, late, lambda row: _too_late(row, known.get((row.municipality, row.channel))), now=now)
    opens = {row.id: turns.opens(row) for row in alive if row.not_after >= turns.wakes(row)}
    in_time = [row for row in alive if row.id in opens]
    # Not later than it must be looked at again: its channel may come back, or the last time pass.
    waiting = [
        {
            "b_id": row.id,
            "b_token": row.token,
            "b_next": min(opens[row.id], max(turns.wakes(row), now + accounts.LONGEST_REST), row.not_after + A_SECOND),
        }
        for row in in_time
        if opens[row.id] > now
    ]
    if waiting:
        session.connection().execute(_WAIT, waiting)
    good = _signed(session, catalog, [row for row in in_time if opens[row.id] <= now], now=now)
    turns.save(session)
    if good:
        values = {"ids": [row.id for row in good], "b_lease": now + LEASE, "b_now": now}
        session.connection().execute(_TAKE, values)
    return Round([_claim(row) for row in good], len(found) - len(good))


def _signed(session: Session, catalog: Catalog, rows: Sequence[Row[Any]], *, now: datetime) -> list[Row[Any]]:
    """Those of `rows` that every party has signed exactly as stored. The others are stopped."""
    publishing = {row.post_id for row in rows if row.act != Act.WITHDRAW}
    reasons = unapproved_reasons(session, catalog, publishing)
    stopped = [row for row in rows if row.act != Act.WITHDRAW and reasons[row.post_id] is not None]
    settle_rows(session, stopped, lambda row: (stopped_as(row), reasons[row.post_id] or ""), now=now)
    for post_id in {row.post_id for row in stopped}:
        _back_to_draft(session, post_id, reasons[post_id] or "", now=now)
    gone = {row.id for row in stopped}
    return [row for row in rows if row.id not in gone]


class _Turns:
    """When each delivery may start: after the quiet hours, when its account works, and at its account's pace."""

    def __init__(
        self,
        catalog: Catalog,
        known: Mapping[accounts.Key, Account],
        paces: Mapping[str, Pace | None],
        now: datetime,
    ) -> None:
        self.catalog = catalog
        self.accounts = dict(known)
        self.paces = paces
        self.now = now
        self.morning: dict[str, datetime] = {}
        self.probed: set[accounts.Key] = set()
        self.moved: dict[accounts.Key, datetime] = {}

    def wakes(self, row: Row[Any]) -> datetime:
        """When the delivery's municipality lets it out: at `now`, or when the quiet hours end."""
        if row.act == Act.WITHDRAW:
            return self.now
        if row.municipality not in self.morning:
            zone = self.catalog.municipality(row.municipality).zone
            self.morning[row.municipality] = after_quiet(self.now, zone)
        return self.morning[row.municipality]

    def opens(self, row: Row[Any]) -> datetime:
        """When the delivery may start: at `now`, or later."""
        wakes = self.wakes(row)
        if wakes > self.now:
            return wakes
        key = (row.municipality, row.channel)
        account = self.accounts.get(key)
        if account is not None and account.probe_at > self.now:
            return account.probe_at
        if account is not None and not account.is_working:
            # One is let through to see whether it works again; the rest wait for what that shows.
            if key in self.probed:
                return self.now + accounts.FIRST_REST
            self.probed.add(key)
            return self.now
        return self._paced(key, row.kind, account)

    def _paced(self, key: accounts.Key, kind: str, account: Account | None) -> datetime:
        pace = self._pace(key, kind)
        if pace is None:
            return self.now
        step = timedelta(minutes=1) / pace.per_minute
        free_at = max(self.moved.get(key) or (account and account.free_at) or self.now, self.now)
        opens = free_at - step * (pace.burst - 1)
        if opens > self.now:
            return opens
        self.moved[key] = free_at + step
        return self.now

    def _pace(self, key: accounts.Key, kind: str) -> Pace | None:
        own = self.paces.get(kind)
        try:
            wanted = self.catalog.municipality(key[0]).channel(key[1]).per_minute
        except NotFoundError:
            return own
        if wanted is None or (own is not None and own.per_minute <= wanted):
            return own
        return Pace(wanted, burst=1)

    def save(self, session: Session) -> None:
        accounts.book(session, self.moved, now=self.now)


def _pause(standing: pauses.Standing, row: Row[Any]) -> str | None:
    if row.passes_pause or row.act == Act.WITHDRAW:
        return None
    return standing.reason(row.municipality, row.channel)


def _claim(row: Row[Any]) -> Claim:
    claim = Claim._make(row[: len(Claim._fields)])
    return claim._replace(token=claim.token + 1, attempt=claim.attempt + 1)


def _outdated(row: Row[Any]) -> tuple[DeliveryState, str]:
    """It was under way when the text changed, and came back. The bytes are no longer the signed ones."""
    return stopped_as(row), "Texten har ändrats."


def _without_target(row: Row[Any]) -> tuple[DeliveryState, str]:
    return stopped_as(row), "Det som skulle rättas står inte längre i kanalen."


def may_go_on(session: Session, catalog: Catalog, item: Claim) -> bool:
    """Whether a claim that has waited its turn may still be tried: it is ours, signed, and nothing has been paused."""
    row = session.connection().execute(_STILL, {"id": item.delivery_id}).first()
    if row is None or row.token != item.token or row.state != DeliveryState.SENDING:
        return False
    if item.act == Act.WITHDRAW:
        return True
    is_paused = not row.passes_pause and pauses.standing(session).reason(*item.account) is not None
    return row.post_state == PostState.APPROVED and not is_paused and item.municipality in catalog.municipalities


_STILL = (
    select(_DELIVERY.c.token, _DELIVERY.c.state, _POST.c.state.label("post_state"), _POST.c.passes_pause)
    .join(_POST, _POST.c.id == _DELIVERY.c.post_id)
    .where(_DELIVERY.c.id == bindparam("id"))
)


def _missed(row: Row[Any], reason: str) -> tuple[DeliveryState, str]:
    if row.maybe_sent:
        return DeliveryState.UNKNOWN, f"Ett försök kan ha nått kanalen innan pausen ({reason}). Kontrollera i kanalen."
    return DeliveryState.MISSED, f"Tiden kom under en paus: {reason}"


def _too_late(row: Row[Any], account: Account | None) -> tuple[DeliveryState, str]:
    if row.maybe_sent:
        return (
            DeliveryState.UNKNOWN,
            "Ett försök kan ha nått kanalen innan senaste tiden passerade. Kontrollera i kanalen.",
        )
    if account is not None and not account.is_working:
        return DeliveryState.SKIPPED, f"Senaste tiden passerade medan kanalen stod still. {account.reason}".strip()
    return DeliveryState.SKIPPED, "Senaste tiden hade passerat, så det skickades inte."


def _back_to_draft(session: Session, post_id: int, reason: str, *, now: datetime) -> None:
    """A post that may not go out as it is must be signed again, and be seen to wait for it."""
    post = session.get_one(Post, post_id, populate_existing=True)
    if post.state == PostState.APPROVED:
        post.state = PostState.DRAFT
        post.reason = reason
        post.changed_at = now
        if reason == CHANGED_CONTENT:
            void(session, post, reason=reason, now=now)
        session.flush()
