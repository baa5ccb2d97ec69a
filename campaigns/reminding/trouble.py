"""What has gone wrong, as reminders: deliveries that did not go out or may not have, and channels that stand still."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, text
from sqlmodel import Session

from campaigns.catalog import Municipality
from campaigns.models import AccountState, Act, ChannelAccount, Delivery, DeliveryState, Post, Reminder
from campaigns.reminder_kinds import Kind
from campaigns.reminding.rows import Row, untold

# What went wrong longer ago than this is not told of: the product was not in use, or somebody has seen it.
LATEST = timedelta(days=7)
# How far back the look goes that is made every few seconds.
JUST_NOW = timedelta(days=1)

_STATES = {
    DeliveryState.FAILED: (Kind.DELIVERY_FAILED, "Misslyckades"),
    DeliveryState.UNKNOWN: (Kind.DELIVERY_UNKNOWN, "Osäkert om det gick ut"),
    DeliveryState.SKIPPED: (Kind.DELIVERY_SKIPPED, "Skickades inte"),
    DeliveryState.MISSED: (Kind.DELIVERY_MISSED, "Missades under pausen"),
}
# As in the partial index: SQLite sees that it fits only if the states are written out.
IS_TROUBLE = text("delivery.state IN ('failed', 'unknown', 'skipped', 'missed')")
_ACTS = {Act.PUBLISH: "", Act.WITHDRAW: "Tillbakadragandet: ", Act.CORRECT: "Rättelsen: "}
_STANDING = {
    AccountState.STOPPED: (Kind.CHANNEL_STOPPED, "Kanalen {} är stoppad"),
    AccountState.RESTING: (Kind.CHANNEL_RESTING, "Kanalen {} vilar efter upprepade fel"),
}
_CHANNEL_KINDS = (Kind.CHANNEL_STOPPED, Kind.CHANNEL_RESTING, Kind.CHANNEL_WORKING)


def troubles(
    session: Session, municipalities: Iterable[Municipality], *, now: datetime, since: datetime
) -> Iterator[Row]:
    """A reminder of each thing that has gone wrong from `since` on, told or not."""
    known = {item.id: item for item in municipalities}
    if not known:
        return
    yield from _deliveries(session, known, since)
    yield from _channels(session, known, since=since, now=now)


def untold_troubles(session: Session, municipalities: Iterable[Municipality], *, now: datetime) -> dict[str, list[Row]]:
    """By municipality, what went wrong just now and has not been told. Nothing is written."""
    found: dict[str, list[Row]] = {}
    for row in untold(session, troubles(session, municipalities, now=now, since=now - JUST_NOW)):
        found.setdefault(row.municipality, []).append(row)
    return found


_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_POST = Post.__table__  # type: ignore[attr-defined]
_ACCOUNT = ChannelAccount.__table__  # type: ignore[attr-defined]
_REMINDER = Reminder.__table__  # type: ignore[attr-defined]
_TROUBLES = (
    select(
        *(_DELIVERY.c[name] for name in ("id", "key", "municipality", "channel", "act", "state", "token")),
        *(_DELIVERY.c[name] for name in ("post_id", "changed_at", "reason")),
        _POST.c.key.label("post_key"),
        _POST.c.occurrence,
    )
    .join(_POST, _POST.c.id == _DELIVERY.c.post_id)
    .where(
        IS_TROUBLE,
        _DELIVERY.c.changed_at >= bindparam("since"),
        _DELIVERY.c.municipality.in_(bindparam("municipalities", expanding=True)),
    )
    .order_by(_DELIVERY.c.changed_at, _DELIVERY.c.id)
)
_ACCOUNTS = (
    select(*(_ACCOUNT.c[name] for name in ("municipality", "channel", "state", "changed_at", "reason")))
    .where(_ACCOUNT.c.municipality.in_(bindparam("municipalities", expanding=True)))
    .order_by(_ACCOUNT.c.municipality, _ACCOUNT.c.channel)
)


def _deliveries(session: Session, known: dict[str, Municipality], since: datetime) -> Iterator[Row]:
    values = {"since": since, "municipalities": list(known)}
    for delivery in session.connection().execute(_TROUBLES, values):
        municipality = known[delivery.municipality]
        kind, sentence = _STATES[DeliveryState(delivery.state)]
        yield Row(
            key=f"{delivery.key}/{delivery.act}/{kind}/{delivery.token}",
            municipality=municipality.id,
            kind=kind,
            subject=f"{_ACTS[Act(delivery.act)]}{sentence} i {delivery.channel}: {delivery.post_key}",
            occurrence=delivery.occurrence,
            deadline_day=delivery.changed_at.astimezone(municipality.zone).date(),
            post_id=delivery.post_id,
            delivery_id=delivery.id,
            detail=delivery.reason,
        )


def _channels(session: Session, known: dict[str, Municipality], *, since: datetime, now: datetime) -> Iterator[Row]:
    found = session.connection().execute(_ACCOUNTS, {"municipalities": list(known)}).all()
    told = _last_told(session, known, now=now) if found else {}
    for account in found:
        municipality = known[account.municipality]
        if account.state in _STANDING:
            # One that has stood still for longer than we look back is told of if it has not been.
            kind, sentence = _STANDING[AccountState(account.state)]
        elif account.changed_at >= since and told.get(f"{account.municipality}/{account.channel}") in (
            Kind.CHANNEL_STOPPED,
            Kind.CHANNEL_RESTING,
        ):
            kind, sentence = Kind.CHANNEL_WORKING, "Kanalen {} fungerar igen"
        else:
            continue
        day = account.changed_at.astimezone(municipality.zone).date()
        # One that comes and goes is told to rest once a day, and so also to work again.
        when = day.isoformat() if kind is Kind.CHANNEL_RESTING else f"{account.changed_at:%Y%m%dT%H%M%SZ}"
        yield Row(
            key=f"{_CHANNEL}{account.municipality}/{account.channel}/{kind}/{when}",
            municipality=municipality.id,
            kind=kind,
            subject=sentence.format(account.channel),
            occurrence="",
            deadline_day=day,
            detail=account.reason,
        )


_CHANNEL = "channel/"


def _last_told(session: Session, known: dict[str, Municipality], *, now: datetime) -> dict[str, str]:
    """What was last said of each channel: kind by municipality and channel."""
    query = (
        select(_REMINDER.c.key, _REMINDER.c.kind)
        .where(
            _REMINDER.c.municipality.in_(list(known)),
            _REMINDER.c.kind.in_(_CHANNEL_KINDS),
            _REMINDER.c.created_at > now - 4 * LATEST,
        )
        .order_by(_REMINDER.c.id)
    )
    return {key.removeprefix(_CHANNEL).rsplit("/", 2)[0]: kind for key, kind in session.connection().execute(query)}
