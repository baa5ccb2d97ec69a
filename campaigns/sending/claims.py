"""Claiming: which deliveries may be tried now, by whom, and which never will be.

The rules that never bend are checked here, in the transaction that claims: signed by every party, the very bytes, not
too late, not paused. So are the channel's own: whether it is working, how fast it may be sent to, and one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from campaigns.approval import void
from campaigns.catalog import Catalog
from campaigns.channels.base import Pace
from campaigns.enqueue import stopped_as
from campaigns.models import Act, ContentRow, Delivery, DeliveryState, Post, PostState
from campaigns.prepared import Among, ManyRows, Query
from campaigns.sending import accounts, pauses
from campaigns.sending.claimed import Claim
from campaigns.sending.due import due_anywhere, due_of_accounts
from campaigns.sending.leases import LEASE
from campaigns.sending.outbox import Settled, queue_current, settle_untried
from campaigns.sending.turns import Due, Later, Never, Turns
from campaigns.signatures import CHANGED_CONTENT, Checked, checked

_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_CONTENT = ContentRow.__table__  # type: ignore[attr-defined]
_POST = Post.__table__  # type: ignore[attr-defined]

# Nobody else can have taken them since they were read: writers take turns.
_TAKE = ManyRows(
    update(_DELIVERY)
    .where(Among(_DELIVERY.c.id, "ids"))
    .values(
        state="sending",
        token=_DELIVERY.c.token + 1,
        attempts=_DELIVERY.c.attempts + 1,
        lease_until=bindparam("b_lease"),
        changed_at=bindparam("b_now"),
    )
)
_WAIT = ManyRows(
    update(_DELIVERY)
    .where(_DELIVERY.c.id == bindparam("b_id"), _DELIVERY.c.token == bindparam("b_token"))
    .values(next_attempt_at=bindparam("b_next"))
)


class _Payload(NamedTuple):
    id: int
    payload: bytes


_PAYLOADS = Query(select(_CONTENT.c.id, _CONTENT.c.payload).where(Among(_CONTENT.c.id, "ids")), _Payload)


@dataclass(frozen=True)
class Round:
    """What one claiming came to: the deliveries to try, and how many others were settled or told to wait."""

    claims: Sequence[Claim]
    others: int = 0


def claim_local(session: Session, catalog: Catalog, *, kinds: Sequence[str], most: int, now: datetime) -> Round:
    """Lease up to `most` due deliveries to channels of our own, oldest first."""
    rows = due_anywhere(session, catalog, kinds=kinds, most=most, now=now)
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
    known = [account for account in wanted if account[0] in catalog.municipalities]
    rows = due_of_accounts(session, known, kinds=kinds, now=now)
    return _claimed(session, catalog, rows, paces=paces, now=now)


def _claimed(
    session: Session,
    catalog: Catalog,
    found: Sequence[Due],
    *,
    paces: Mapping[str, Pace | None],
    now: datetime,
) -> Round:
    """Sort the rows into what may be tried, what must wait, and what never will be, and write it."""
    if not found:
        return Round([])
    posts = checked(session, catalog, {row.post_id for row in found if row.act != Act.WITHDRAW})
    outdated = [row for row in found if row.act != Act.WITHDRAW and row.content_id not in posts[row.post_id].payloads]
    if outdated:
        # They were under way when the text changed, and came back. The bytes are no longer the signed ones.
        ends = [_settled(row, stopped_as(row), "Texten har ändrats.") for row in outdated]
        settle_untried(session, ends, now=now)
        queue_current(session, catalog, {row.post_id for row in outdated}, now=now)
        found = [row for row in found if row not in outdated]
    known = accounts.load(session, {(row.municipality, row.channel) for row in found}, now=now)
    turns = Turns(catalog, pauses.standing(session), known, paces, now)
    verdicts = [(row, turns.verdict(row)) for row in found]
    turns.save(session)
    ends = [_settled(row, verdict.state, verdict.reason) for row, verdict in verdicts if isinstance(verdict, Never)]
    settle_untried(session, ends, now=now)
    waiting = [(row, verdict.at) for row, verdict in verdicts if isinstance(verdict, Later)]
    _WAIT.run(session, [{"b_id": row.id, "b_token": row.token, "b_next": moment} for row, moment in waiting])
    good = _signed(session, posts, [row for row, verdict in verdicts if verdict is None], now=now)
    if good:
        _TAKE.run(session, [{"ids": [row.id for row in good], "b_lease": now + LEASE, "b_now": now}])
    return Round(_claims(session, posts, good), len(found) + len(outdated) - len(good))


def _settled(row: Due, state: DeliveryState, reason: str) -> Settled:
    return Settled(row.id, row.token, row.municipality, state, reason)


def _signed(session: Session, posts: Mapping[int, Checked], rows: Sequence[Due], *, now: datetime) -> list[Due]:
    """Those of `rows` that every party has signed exactly as stored. The others are stopped."""
    faults = {post_id: post.fault for post_id, post in posts.items() if post.fault is not None}
    stopped = [row for row in rows if row.act != Act.WITHDRAW and row.post_id in faults]
    ends = [_settled(row, stopped_as(row), faults[row.post_id]) for row in stopped]
    settle_untried(session, ends, now=now)
    for post_id in {row.post_id for row in stopped}:
        _back_to_draft(session, post_id, faults[post_id], now=now)
    return [row for row in rows if row.act == Act.WITHDRAW or row.post_id not in faults]


def _claims(session: Session, posts: Mapping[int, Checked], rows: Sequence[Due]) -> list[Claim]:
    """The rows as claims, with the very bytes that were checked; what is withdrawn has its own, of any version."""
    withdrawn = [row.content_id for row in rows if row.act == Act.WITHDRAW]
    old = {row.id: row.payload for row in _PAYLOADS.rows(session, ids=withdrawn)} if withdrawn else {}
    return [
        _claim(row, old[row.content_id] if row.act == Act.WITHDRAW else posts[row.post_id].payloads[row.content_id])
        for row in rows
    ]


def _claim(row: Due, payload: bytes) -> Claim:
    return Claim(
        delivery_id=row.id,
        key=row.key,
        post_id=row.post_id,
        municipality=row.municipality,
        channel=row.channel,
        kind=row.kind,
        language=row.language,
        recipient=row.recipient,
        act=row.act,
        replaces=row.replaces,
        due_at=row.due_at,
        not_after=row.not_after,
        token=row.token + 1,
        attempt=row.attempts + 1,
        maybe_sent=bool(row.maybe_sent),
        reference=row.receipt,
        payload=payload,
    )


class _Still(NamedTuple):
    token: int
    state: str
    post_state: str
    passes_pause: bool


_STILL = Query(
    select(_DELIVERY.c.token, _DELIVERY.c.state, _POST.c.state.label("post_state"), _POST.c.passes_pause)
    .join(_POST, _POST.c.id == _DELIVERY.c.post_id)
    .where(_DELIVERY.c.id == bindparam("id")),
    _Still,
)


def may_go_on(session: Session, catalog: Catalog, item: Claim) -> bool:
    """Whether a claim that has waited its turn may still be tried: it is ours, signed, and nothing has been paused."""
    found = _STILL.rows(session, id=item.delivery_id)
    if not found or found[0].token != item.token or found[0].state != DeliveryState.SENDING:
        return False
    if item.act == Act.WITHDRAW:
        return True
    is_paused = not found[0].passes_pause and pauses.standing(session).reason(*item.account) is not None
    return found[0].post_state == PostState.APPROVED and not is_paused and item.municipality in catalog.municipalities


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
