"""Pause: everything scheduled stands still, now, for a reason; for all, for a municipality or for one channel.

What comes up during a pause is missed, and must be chosen again: nothing is sent at once when it is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, update
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import Act, Delivery, DeliveryState, Pause, Post
from campaigns.prepared import Query
from campaigns.revisions import touch
from campaigns.written import checked_actor, checked_reason

EVERYTHING = ""


@dataclass(frozen=True)
class Standing:
    """The pauses in force: reasons by (municipality, channel), where "" stands for all."""

    reasons: Mapping[tuple[str, str], str]

    def reason(self, municipality: str, channel: str) -> str | None:
        """Why nothing may go out to the channel, or None."""
        for key in ((EVERYTHING, EVERYTHING), (municipality, EVERYTHING), (municipality, channel)):
            if key in self.reasons:
                return self.reasons[key]
        return None

    def of(self, municipality: Municipality) -> list[StandingPause]:
        """The pauses that the municipality's people see: of everything, of all its channels, of one of them."""
        names = {channel.id: channel.name for channel in municipality.channels}
        return [
            StandingPause(of, channel, names.get(channel, channel), reason)
            for (of, channel), reason in self.reasons.items()
            if of in (EVERYTHING, municipality.id)
        ]


@dataclass(frozen=True)
class StandingPause:
    """A pause in force. No `municipality`: of everything. No `channel`: of all the municipality's channels."""

    municipality: str
    channel: str
    channel_name: str
    reason: str


class _Reason(NamedTuple):
    municipality: str
    channel: str
    reason: str


_PAUSE = Pause.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_REASONS = Query(
    sql_select(*(_PAUSE.c[name] for name in _Reason._fields))
    .where(_PAUSE.c.resumed_at.is_(None))
    .order_by(_PAUSE.c.id),
    _Reason,
)


def standing(session: Session) -> Standing:
    return Standing({(row.municipality, row.channel): row.reason for row in _REASONS.rows(session)})


def in_force(session: Session) -> Sequence[Pause]:
    """The pauses that have not been ended, oldest first."""
    return session.exec(select(Pause).where(col(Pause.resumed_at).is_(None)).order_by(col(Pause.id))).all()


def pause(
    session: Session, catalog: Catalog, *, municipality: str, channel: str, reason: str, name: str, now: datetime
) -> Pause:
    """Stop what is scheduled, for `municipality` ("" for all) and its `channel` ("" for all), until `resume`.

    Raises RefusedError without a reason or a name, or if it is paused already; NotFoundError for unknown names.
    """
    actor = checked_actor(name)
    _check(catalog, municipality, channel)
    why = checked_reason(reason, "Skriv varför det pausas, så att alla förstår.")
    if _row(session, municipality, channel) is not None:
        raise RefusedError("Det är redan pausat.")
    made = Pause(
        municipality=municipality,
        channel=channel,
        reason=why,
        paused_by=actor,
        paused_at=now,
    )
    session.add(made)
    _record(session, catalog, made, action="pausade", actor=actor, now=now)
    return made


def resume(session: Session, catalog: Catalog, *, municipality: str, channel: str, name: str, now: datetime) -> Pause:
    """End the pause that was made with the same `municipality` and `channel`. Raises RefusedError if there is none.

    What came up during it and has not been looked at yet is missed too, and is not sent now.
    """
    actor = checked_actor(name)
    row = _row(session, municipality, channel)
    if row is None:
        others = ", ".join(described(item) for item in in_force(session))
        raise RefusedError(f"Det är inte pausat. Pausat just nu: {others}." if others else "Inget är pausat.")
    row.resumed_by, row.resumed_at = actor, now
    session.add(row)
    _miss(session, row, now=now)
    _record(session, catalog, row, action="avslutade pausen", actor=actor, now=now)
    return row


def _miss(session: Session, row: Pause, *, now: datetime) -> None:
    waiting = [
        col(Delivery.state) == DeliveryState.QUEUED,
        col(Delivery.next_attempt_at) <= now,
        col(Delivery.act) != Act.WITHDRAW,
        col(Delivery.post_id).not_in(select(Post.id).where(col(Post.passes_pause))),
    ]
    if row.municipality:
        waiting.append(col(Delivery.municipality) == row.municipality)
    if row.channel:
        waiting.append(col(Delivery.channel) == row.channel)
    for is_uncertain, state in ((False, DeliveryState.MISSED), (True, DeliveryState.UNKNOWN)):
        reason = f"Tiden kom under en paus: {row.reason}"
        session.execute(
            update(Delivery)
            .where(*waiting, col(Delivery.maybe_sent).is_(is_uncertain))
            .values(state=state, reason=reason, changed_at=now, token=Delivery.token + 1)
        )


def missed_in(session: Session, row: Pause) -> int:
    """How many deliveries came up during the pause and were not sent."""
    query = select(func.count()).where(Delivery.state == DeliveryState.MISSED, Delivery.changed_at >= row.paused_at)
    if row.municipality:
        query = query.where(Delivery.municipality == row.municipality)
    if row.channel:
        query = query.where(Delivery.channel == row.channel)
    return session.exec(query).one()


def let_pass(session: Session, post: Post, *, passes: bool, name: str, reason: str, now: datetime) -> None:
    """Mark `post` as one that goes out although everything is paused, or take the mark away.

    Raises RefusedError without a name or a reason.
    """
    actor, why = checked_actor(name), checked_reason(reason, "Skriv varför, så att alla förstår.")
    post.passes_pause = passes
    post.changed_at = now
    session.add(post)
    audit.record(
        session,
        now=now,
        municipality=post.municipality,
        actor=actor,
        action="lät gå förbi pauser" if passes else "lät följa pauser igen",
        subject=post.key,
        detail=why,
    )
    touch(session, post.municipality)


def described(row: Pause) -> str:
    """What a pause stops, in words."""
    if not row.municipality:
        return "allt"
    return f"{row.municipality}, {row.channel}" if row.channel else row.municipality


def _row(session: Session, municipality: str, channel: str) -> Pause | None:
    same = (Pause.municipality == municipality, Pause.channel == channel, col(Pause.resumed_at).is_(None))
    return session.exec(select(Pause).where(*same)).first()


def _check(catalog: Catalog, municipality: str, channel: str) -> None:
    if municipality:
        found = catalog.municipality(municipality)
        if channel:
            found.channel(channel)
    elif channel:
        raise NotFoundError("Ange också vilken kommuns kanal det gäller.")


def subject_of(row: Pause) -> str:
    """What the log calls the pause."""
    return row.channel or "alla kanaler"


def _record(session: Session, catalog: Catalog, row: Pause, *, action: str, actor: str, now: datetime) -> None:
    names = [row.municipality] if row.municipality else list(catalog.municipalities)
    for municipality in names:
        audit.record(
            session,
            now=now,
            municipality=municipality,
            actor=actor,
            action=action,
            subject=subject_of(row),
            detail=row.reason,
        )
        touch(session, municipality)
