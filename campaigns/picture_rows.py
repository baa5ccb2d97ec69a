"""Pictures in the database: kept by the SHA-256 of their bytes, and those that editors have uploaded, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PureWindowsPath

from sqlalchemy import bindparam, func, text
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.catalog import Municipality
from campaigns.errors import RefusedError
from campaigns.models import PictureRow, UploadedPicture
from campaigns.picture_files import MOST_BYTES, PictureError, PictureFile, checked_picture, names_in, read_picture
from campaigns.revisions import touch
from campaigns.settings import shipped_directory

LONGEST_NAME = 100
# A municipality's pictures over the years. Each may be 15 MB: the disk must not be filled by mistake.
MOST_UPLOADS = 2_000

_TABLE = PictureRow.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_KEEP = text(
    "INSERT INTO picture (sha256, media_type, width, height, data, created_at)"
    " VALUES (:sha256, :media_type, :width, :height, :data, :created_at) ON CONFLICT (sha256) DO NOTHING"
).bindparams(bindparam("data", type_=_TABLE.c.data.type), bindparam("created_at", type_=_TABLE.c.created_at.type))


def keep(session: Session, found: Iterable[PictureFile], *, now: datetime) -> None:
    """Keep the pictures. One that is kept already is left as it is."""
    for picture in {item.sha256: item for item in found}.values():
        session.connection().execute(
            _KEEP,
            {
                "sha256": picture.sha256,
                "media_type": picture.media_type,
                "width": picture.width,
                "height": picture.height,
                "data": picture.data,
                "created_at": now,
            },
        )


def picture_folders(messages: Path) -> tuple[Path, ...]:
    """Where picture files are looked for: beside the messages, then among the shipped ones."""
    return messages.parent / "pictures", shipped_directory("templates") / "pictures"


def find_picture(session: Session, municipality: str, messages: Path, name: str) -> PictureFile:
    """The picture that texts call `name`: the newest that the municipality has uploaded, else the file.

    Raises PictureError, with what to do about it.
    """
    digest = session.exec(
        select(UploadedPicture.sha256)
        .where(UploadedPicture.municipality == municipality, UploadedPicture.name == name)
        .order_by(col(UploadedPicture.id).desc())
        .limit(1)
    ).first()
    if digest is None:
        return read_picture(picture_folders(messages), name)
    held = _held(name, digest)
    if not held:
        row = session.get_one(PictureRow, digest)
        held.append(PictureFile(name, row.media_type, row.width, row.height, row.data))
    return held[0]


@lru_cache(maxsize=8)  # as many as of files; the bytes behind a digest never change
def _held(_name: str, _digest: str) -> list[PictureFile]:
    """A place of its own for each picture, empty the first time."""
    return []


def upload_picture(
    session: Session, municipality: Municipality, *, filename: str, data: bytes, by: str, now: datetime
) -> UploadedPicture:
    """Keep a picture under its file's name, for the municipality's texts. The newest of a name is used.

    What the camera wrote is left out. The same picture under the same name again changes nothing. A text that is signed
    and uses the name must be signed again: the picture is part of its digest.
    Raises PictureError, or RefusedError when there are too many.
    """
    name, theirs = name_of_upload(filename, data), PureWindowsPath(filename).name[:LONGEST_NAME]
    if len(data) > MOST_BYTES:
        raise PictureError(f"Bilden ”{theirs}” är större än {MOST_BYTES // 10**6} MB. Spara den mindre.")
    picture = replace(checked_picture(theirs, data), name=name)
    earlier = session.exec(
        select(UploadedPicture)
        .where(UploadedPicture.municipality == municipality.id, UploadedPicture.name == name)
        .order_by(col(UploadedPicture.id).desc())
    ).first()
    if earlier is not None and earlier.sha256 == picture.sha256:
        return earlier
    own = select(func.count()).where(UploadedPicture.municipality == municipality.id)
    if session.exec(own).one() >= MOST_UPLOADS:
        raise RefusedError(f"Kommunen har redan {MOST_UPLOADS} bilder. Använd en av dem, eller be it-enheten rensa.")
    keep(session, [picture], now=now)
    row = UploadedPicture(
        municipality=municipality.id, name=name, sha256=picture.sha256, uploaded_by=by, uploaded_at=now
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        now=now,
        municipality=municipality.id,
        actor=by,
        action="laddade upp bild" if earlier is None else "bytte bild",
        subject=name,
        detail=picture.sha256[:12],
    )
    touch(session, municipality.id)
    return row


def name_of_upload(filename: str, data: bytes) -> str:
    """The file's name as texts can call it: no folders, no odd characters, and the right ending."""
    stem = PureWindowsPath(filename).name  # also takes away the folders of other systems
    stem = re.sub(r"\.(jpe?g|jfif|png)$", "", stem, flags=re.IGNORECASE)
    stem = re.sub(r"[^\w .()-]+", "-", stem).strip(" .-()")[:LONGEST_NAME].strip(" .-") or "bild"
    return f"{stem}.png" if data.startswith(b"\x89PNG") else f"{stem}.jpg"


@dataclass(frozen=True)
class Choice:
    """A picture that a text may name. `by` is who uploaded it: nobody, of a file."""

    name: str
    by: str = ""
    at: datetime | None = None


def choices(session: Session, municipality: str, messages: Path) -> list[Choice]:
    """The pictures to choose from, by name: those that the municipality has uploaded, then the files."""
    found: dict[str, Choice] = {}
    for row in _uploads(session, municipality):
        found.setdefault(row.name, Choice(row.name, row.uploaded_by, row.uploaded_at))
    for name in names_in(picture_folders(messages)):
        found.setdefault(name, Choice(name))
    return sorted(found.values(), key=lambda choice: choice.name.casefold())


def _uploads(session: Session, municipality: str) -> Sequence[UploadedPicture]:
    query = select(UploadedPicture).where(UploadedPicture.municipality == municipality)
    return session.exec(query.order_by(col(UploadedPicture.id).desc())).all()
