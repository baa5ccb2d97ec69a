"""School platforms and closed groups, where a person does it: a task with the text to copy and a button."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.channels.base import Outcome, Pace, Receipt, Shipment


@dataclass(frozen=True)
class Manuell:
    kind: str = "manuell"
    is_local: bool = True
    is_idempotent: bool = True
    can_find: bool = False
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:  # noqa: ARG002 - the protocol's
        """The task is made by the delivery's own state. There is no address until the person has pasted one."""
        return Receipt(Outcome.MANUAL, reference=shipment.key)

    def correct(self, shipment: Shipment, *, now: datetime) -> Receipt:
        """A task again: to put the new text in the place of the old."""
        return self.send(shipment, now=now)
