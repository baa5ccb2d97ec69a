"""School platforms and closed groups, where a person does it: a task with the text to copy and a button."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.channels.base import Outcome, Receipt, Shipment


@dataclass(frozen=True)
class Manuell:
    kind: str = "manuell"
    is_local: bool = True
    is_idempotent: bool = True

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:  # noqa: ARG002 - the protocol's
        """The task is made by the delivery's own state. There is no address until the person has pasted one."""
        return Receipt(Outcome.MANUAL, reference=shipment.key)
