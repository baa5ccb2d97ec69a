"""The public page and its news feeds. They show what is published in our own database, so nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.channels.base import Outcome, Pace, Receipt, Shipment


@dataclass(frozen=True)
class Webb:
    kind: str = "webb"
    is_local: bool = True
    is_idempotent: bool = True
    can_find: bool = False
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:  # noqa: ARG002 - the protocol's
        return Receipt(Outcome.PUBLISHED, reference=shipment.key, url=shipment.page_url)

    def withdraw(self, shipment: Shipment, *, now: datetime) -> None:
        """The page shows what is published in our own database: its state is all there is to change."""

    def correct(self, shipment: Shipment, *, now: datetime) -> Receipt:
        return self.send(shipment, now=now)
