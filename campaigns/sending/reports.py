"""Reports from channels on what became of a delivery, at a secret address for each: the only way in without a login."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

from sqlmodel import Session

from campaigns import audit
from campaigns.channels.sms import Report, ReportState
from campaigns.database import Database
from campaigns.models import Delivery, DeliveryState, Setting
from campaigns.revisions import touch

PREFIX = "/rapport/"


def secret_key(database: Database, given: str | None) -> bytes:
    """The key that secret addresses are made with: the one given, or one made once and kept in the database."""
    if given:
        return given.encode()
    with database.read() as session:
        row = session.get(Setting, audit.KEY)
    if row is None:
        with database.write() as session:
            row = session.get(Setting, audit.KEY) or Setting(name=audit.KEY, value=secrets.token_urlsafe(32))
            session.add(row)
    return row.value.encode()


def report_path(key: bytes, delivery_id: int) -> str:
    """The path at which a channel may report on the delivery. Whoever knows it may."""
    return f"{PREFIX}{delivery_id}-{_mark(key, delivery_id)}"


def delivery_of(key: bytes, name: str) -> int | None:
    """The delivery that the last part of a report's path is for, or None if we did not make it."""
    number, _, mark = name.partition("-")
    if not (number.isascii() and number.isdecimal() and len(number) < 12):
        return None
    delivery_id = int(number)
    is_ours = hmac.compare_digest(mark.encode(), _mark(key, delivery_id).encode())
    return delivery_id if is_ours else None


def take_in(session: Session, delivery_id: int, report: Report, *, now: datetime) -> bool:
    """What the channel says has become of a delivery. An uncertain one is settled by it; a failed one is told of.

    The same report again, and one for a delivery that is gone, changes nothing. False for a delivery that is under way
    still: the report has overtaken the answer, and is to come again.
    """
    row = session.get(Delivery, delivery_id)
    if row is None:
        return True
    if row.state == DeliveryState.SENDING:
        return False
    is_waiting = row.state == DeliveryState.QUEUED and row.maybe_sent
    has_arrived = report.state is not ReportState.FAILED
    if has_arrived and (row.state == DeliveryState.UNKNOWN or is_waiting):
        row.state, row.reason, row.published_at = DeliveryState.HANDED_OVER, "", now
        action = "kanalen rapporterade att den gick ut"
    elif not has_arrived and row.state in (DeliveryState.HANDED_OVER, DeliveryState.UNKNOWN):
        row.state = DeliveryState.FAILED
        row.reason = "Kanalen rapporterade att meddelandet inte kom fram till mottagaren."
        action = "kanalen rapporterade att den inte kom fram"
    else:
        return True
    row.receipt = report.reference
    row.token += 1
    row.changed_at = now
    session.add(row)
    audit.record(session, now=now, municipality=row.municipality, actor="kanalen", action=action, subject=row.key)
    touch(session, row.municipality)
    return True


def _mark(key: bytes, delivery_id: int) -> str:
    digest = hmac.digest(key, f"rapport/{delivery_id}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:18]).decode()
