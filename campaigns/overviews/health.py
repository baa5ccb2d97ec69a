"""Whether the machinery works: for the probes, the figures and the dead-man ping."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from campaigns.catalog import Catalog
from campaigns.models import Delivery, DeliveryState, Heartbeat

# The worker leaves a sign of life every five seconds; one that has missed six is taken for stopped.
SILENT_AFTER = timedelta(seconds=30)
# The worker looks every second. What has waited this long past its time is not being sent.
OVERDUE_AFTER = timedelta(minutes=2)


@dataclass(frozen=True)
class Health:
    """How the machinery stands. `silence` is the time since any worker's last sign of life, None if there was none.

    `oldest` is how long the oldest waiting delivery has waited past its time; nothing if none has.
    """

    silence: timedelta | None
    overdue: int
    oldest: timedelta

    @property
    def is_worker_alive(self) -> bool:
        return self.silence is not None and self.silence <= SILENT_AFTER

    @property
    def is_ready(self) -> bool:
        return self.is_worker_alive and self.overdue == 0


def health(session: Session, catalog: Catalog, *, now: datetime) -> Health:
    """How the worker and the queue stand at `now`. What waits for a municipality that is no longer in the files is left
    where it is, and is nobody's fault."""
    newest = session.exec(select(func.max(Heartbeat.at))).one()
    overdue, oldest = session.exec(
        select(func.count(), func.min(Delivery.next_attempt_at)).where(
            Delivery.state == DeliveryState.QUEUED,
            Delivery.next_attempt_at < now - OVERDUE_AFTER,
            col(Delivery.municipality).in_(list(catalog.municipalities)),
        )
    ).one()
    return Health(None if newest is None else now - newest, overdue, now - oldest if oldest else timedelta(0))
