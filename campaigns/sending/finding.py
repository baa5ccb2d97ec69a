"""Finding the one delivery that a person acts on."""

from __future__ import annotations

from sqlmodel import Session, select

from campaigns.errors import NotFoundError
from campaigns.models import Delivery

# More than any database numbers its rows to; what is larger is no delivery's number.
MOST_ROWS = 2**31 - 1


def locked(session: Session, delivery_id: int, *, municipality: str | None) -> Delivery:
    """The delivery, locked until the transaction ends; with `municipality`, only if it is that one's.

    Raises NotFoundError, the same for another municipality's as for one that there is not.
    """
    if 0 < delivery_id <= MOST_ROWS:
        query = select(Delivery).where(Delivery.id == delivery_id).with_for_update()
        delivery = session.exec(query).one_or_none()
        if delivery is not None and municipality in (None, delivery.municipality):
            return delivery
    where = "" if municipality else " Se alla med: kampanjhjul queue"
    raise NotFoundError(f"Det finns ingen leverans med nummer {delivery_id}.{where}")
