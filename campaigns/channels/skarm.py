"""Screens in schools, libraries and town halls. They fetch their page from us, so nothing is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.channels.base import Outcome, Pace, Receipt, Shipment


@dataclass(frozen=True)
class Skarm:
    kind: str = "skarm"
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
