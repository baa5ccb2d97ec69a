"""What is due: the deliveries whose time has come, those that have waited longest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    column,
    exists,
    func,
    literal_column,
    select,
    true,
)
from sqlmodel import Session

from campaigns.catalog import Catalog
from campaigns.models import Delivery, Post
from campaigns.prepared import Among, Query
from campaigns.sending import accounts
from campaigns.sending.turns import Due

BATCH = 20  # deliveries of one account at a time: they are sent one after another, within one lease

_DELIVERY = Delivery.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_POST = Post.__table__  # type: ignore[attr-defined]

_BUSY = _DELIVERY.alias("busy")
_TARGET = _DELIVERY.alias("target")  # what a correction or a withdrawal is about
# Written out, not as parameters: SQLite uses a partial index only where it can read its condition.
_QUEUED: ColumnElement[str] = literal_column("'queued'")
_SENDING: ColumnElement[str] = literal_column("'sending'")
_IS_DUE: ColumnElement[bool] = and_(
    _DELIVERY.c.state == _QUEUED,
    _DELIVERY.c.next_attempt_at <= bindparam("now"),
    Among(_DELIVERY.c.kind, "kinds"),
    # What this process has no configuration for is another's, or waits until it is configured again.
    Among(_DELIVERY.c.municipality, "municipalities"),
)
_ACCOUNT = (_DELIVERY.c.municipality, _DELIVERY.c.channel)
_OLDEST_FIRST = (_DELIVERY.c.next_attempt_at, _DELIVERY.c.id)


class _Id(NamedTuple):
    id: int


class _Account(NamedTuple):
    municipality: str
    channel: str


_ANY_DUE = Query(select(_DELIVERY.c.id).where(_IS_DUE).limit(1), _Id)
_DUE_ACCOUNTS = Query(
    select(*_ACCOUNT)
    .where(_IS_DUE)
    .group_by(*_ACCOUNT)
    # Nothing of the account is under way: it is sent to by one at a time, whoever that is.
    .having(
        ~exists().where(
            _BUSY.c.state == _SENDING,
            _BUSY.c.municipality == _DELIVERY.c.municipality,
            _BUSY.c.channel == _DELIVERY.c.channel,
        )
    )
    .order_by(func.min(_DELIVERY.c.next_attempt_at))
    .limit(bindparam("most")),
    _Account,
)


def _rows(*conditions: ColumnElement[bool]) -> Select[Any]:
    names = [name for name in Due._fields if name in _DELIVERY.c]
    return (
        select(*(_DELIVERY.c[name] for name in names), _POST.c.passes_pause, _TARGET.c.state.label("target_state"))
        .join(_POST, _POST.c.id == _DELIVERY.c.post_id)
        .join(_TARGET, _TARGET.c.id == _DELIVERY.c.replaces, isouter=True)
        .where(*conditions)
        .order_by(*_OLDEST_FIRST)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True, of=_DELIVERY)
    )


def _of(municipality: ColumnElement[str], channel: ColumnElement[str]) -> Select[Any]:
    """A batch of one account's; none while something of it is under way."""
    return _rows(
        _DELIVERY.c.municipality == municipality,
        _DELIVERY.c.channel == channel,
        _DELIVERY.c.state == _QUEUED,
        _DELIVERY.c.next_attempt_at <= bindparam("now"),
        Among(_DELIVERY.c.kind, "kinds"),
        # Asked again, in the transaction that claims.
        ~exists()
        .where(_BUSY.c.state == _SENDING, _BUSY.c.municipality == municipality, _BUSY.c.channel == channel)
        .correlate_except(_BUSY),
    )


def _of_each() -> Select[Any]:
    """The same for a list of accounts, in their order, on PostgreSQL."""
    lists = (bindparam(name, type_=ARRAY(String)) for name in ("wanted_municipalities", "wanted_channels"))
    names = (column(name, String) for name in ("municipality", "channel"))
    wanted = func.unnest(*lists).table_valued(*names, with_ordinality="place").render_derived(name="wanted")
    batch = _of(wanted.c.municipality, wanted.c.channel).correlate(wanted).lateral("batch")
    return select(batch).select_from(wanted).join(batch, true()).order_by(wanted.c.place)


_ANYWHERE = Query(_rows(_IS_DUE), Due)
_OF_ACCOUNT = Query(_of(bindparam("municipality", type_=String), bindparam("channel", type_=String)), Due)
_OF_ACCOUNTS = Query(_of_each(), Due)


def has_due(session: Session, catalog: Catalog, *, kinds: Sequence[str], now: datetime) -> bool:
    """Whether anything may be tried now. A cheap read, so that an idle sweep takes no write lock."""
    return bool(_ANY_DUE.rows(session, **_values(catalog, kinds, now)))


def due_accounts(
    session: Session, catalog: Catalog, *, kinds: Sequence[str], most: int, now: datetime
) -> list[accounts.Key]:
    """Up to `most` accounts that have something due and nothing under way, those that have waited longest first."""
    found = _DUE_ACCOUNTS.rows(session, **_values(catalog, kinds, now), most=most)
    return [(row.municipality, row.channel) for row in found]


def due_anywhere(session: Session, catalog: Catalog, *, kinds: Sequence[str], most: int, now: datetime) -> list[Due]:
    """Up to `most` deliveries of any account."""
    return _ANYWHERE.rows(session, **_values(catalog, kinds, now), most=most)


def due_of_accounts(
    session: Session, wanted: Sequence[accounts.Key], *, kinds: Sequence[str], now: datetime
) -> list[Due]:
    """A batch of each account's deliveries; none of one that something is under way of, whoever is at work on it."""
    values = {"now": now, "kinds": list(kinds), "most": BATCH}
    if session.connection().dialect.name == "sqlite":  # where a statement costs next to nothing
        return [
            row
            for municipality, channel in wanted
            for row in _OF_ACCOUNT.rows(session, municipality=municipality, channel=channel, **values)
        ]
    municipalities, channels = [key[0] for key in wanted], [key[1] for key in wanted]
    return _OF_ACCOUNTS.rows(session, wanted_municipalities=municipalities, wanted_channels=channels, **values)


def _values(catalog: Catalog, kinds: Sequence[str], now: datetime) -> dict[str, Any]:
    return {"now": now, "kinds": list(kinds), "municipalities": list(catalog.municipalities)}
