"""Pictures as they were signed, kept by the SHA-256 that the content names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

import sqlalchemy
from sqlalchemy import bindparam, func, text
from sqlmodel import Session, col, select

from campaigns.channels.base import NotSentError, Picture
from campaigns.content import Content
from campaigns.database import Database
from campaigns.errors import TemplateError
from campaigns.models import Act, ContentRow, Delivery, DeliveryState, PictureRow
from campaigns.picture_files import JPEG

_TABLE = PictureRow.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
# From its due time a picture may be seen: the channels fetch it then. Not any more when it has been stopped, taken back
# or left unsent.
_SEEN = (
    DeliveryState.QUEUED,
    DeliveryState.SENDING,
    DeliveryState.PUBLISHED,
    DeliveryState.HANDED_OVER,
    DeliveryState.MANUAL,
    DeliveryState.UNKNOWN,
)


def of_payload(database: Database, payload: bytes, *, base_url: str) -> Picture | None:
    """The picture that belongs to signed content, or None if it has none.

    Raises NotSentError if it is not kept as it was signed.
    """
    if b'"picture":' not in payload:  # within a text the quotes are escaped, so this can only be the key
        return None
    try:
        content = Content.from_bytes(payload)
    except TemplateError:
        return None  # the channel says so
    if not content.picture:
        return None
    row = _kept(database, content.picture)
    return Picture(
        name=content.image,
        media_type=row.media_type,
        width=row.width,
        height=row.height,
        data=row.data,
        url=f"{base_url}{path_of(row.sha256, row.media_type)}",
    )


@lru_cache(maxsize=4)  # the channels of a post go out at the same time, with the same picture
def _kept(database: Database, digest: str) -> PictureRow:
    with database.read() as session:
        row = session.get(PictureRow, digest)
    if row is None:
        raise NotSentError("Den godkända bilden saknas i databasen, så budskapet skickas inte.", is_permanent=True)
    if sha256(row.data).hexdigest() != digest:
        raise NotSentError(
            "Bilden i databasen är inte den som godkändes, så budskapet skickas inte.", is_permanent=True
        )
    return row


def path_of(digest: str, media_type: str) -> str:
    """Where the picture is served, once it may be seen."""
    return f"/bilder/{digest}.{'jpg' if media_type == JPEG else 'png'}"


@dataclass(frozen=True)
class ShownPicture:
    """What a page or a feed needs to show a picture. `size` is bytes, `width` and `height` pixels."""

    path: str
    media_type: str
    width: int
    height: int
    size: int


def shown(session: Session, digests: Collection[str]) -> dict[str, ShownPicture]:
    """Those of the pictures that are kept, without their bytes."""
    if not digests:
        return {}
    row = _TABLE.c
    query = sqlalchemy.select(row.sha256, row.media_type, row.width, row.height, func.length(row.data))
    return {
        digest: ShownPicture(path_of(digest, media_type), media_type, width, height, size)
        for digest, media_type, width, height, size in session.connection().execute(
            query.where(row.sha256.in_(digests))
        )
    }


def is_public(session: Session, digest: str, *, now: datetime) -> bool:
    """Whether the picture belongs to approved content whose time has come and that has not been stopped or taken back.

    Asks only where the picture is kept: a digest that nobody knows costs one look in an index.
    """
    if session.exec(select(PictureRow.sha256).where(PictureRow.sha256 == digest)).first() is None:
        return False
    is_sqlite = session.connection().dialect.name == "sqlite"
    holds = "instr(content.payload, :needle) > 0" if is_sqlite else "position(:needle IN content.payload) > 0"
    needle = bindparam("needle", f'"picture":"{digest}"'.encode(), type_=_TABLE.c.data.type)
    query = (
        select(Delivery.id)
        .join(ContentRow, col(ContentRow.id) == col(Delivery.content_id))
        .where(
            Delivery.due_at <= now,
            Delivery.act != Act.WITHDRAW,
            col(Delivery.state).in_(_SEEN),
            text(holds).bindparams(needle),
        )
        .limit(1)
    )
    return session.exec(query).first() is not None
