"""The archive with its printed part and checksums, as files in a folder or in one zip file."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path

from campaigns import audit
from campaigns.catalog import Municipality
from campaigns.errors import RefusedError
from campaigns.overviews.archive import SUMS, Archive, archive_of, sums
from campaigns.web.follow_up_files import pdf, pdf_of
from campaigns.web.pages import Pages
from campaigns.wiring import Parts

SUMMARY = "sammanfattning.pdf"
_FIXED = (1980, 1, 1, 0, 0, 0)  # zip files know no earlier; the true time is in the manifest


def whole(
    parts: Parts, pages: Pages, municipality: Municipality, year: int, campaign: str, *, name: str, now: datetime
) -> tuple[Archive, dict[str, bytes]]:
    """The archive and all its files by path, SHA256SUMS over the rest among them; it is written in the log.

    Raises NotFoundError where there is nothing to keep, RefusedError where no PDF can be made here.
    """
    with parts.database.read() as session:
        made = archive_of(session, parts.catalog, municipality, year, campaign, name=name, now=now)
    files = dict(made.files)
    files[SUMMARY] = pdf_of(pages.text("arkiv-utskrift.html", archive=made, municipality=municipality))
    for item in made.follow_ups:
        files[f"uppfoljning/{item.document.period}.pdf"] = pdf(
            pages, municipality, item.document, signatures=item.signatures
        )
    files[SUMS] = sums(files)
    with parts.database.write() as session:
        audit.record(
            session,
            now=now,
            municipality=municipality.id,
            actor=name,
            action="gjorde arkiv",
            subject=f"{municipality.id}/{year}",
            detail=f"{campaign or 'hela året'}, {len(files)} filer",
        )
    return made, files


def written(files: dict[str, bytes], folder: Path) -> None:
    """Write the files in a new folder. Raises RefusedError if it is there already, or cannot be written."""
    try:
        folder.mkdir(parents=True)
        for path, body in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(body)
    except FileExistsError as error:
        raise RefusedError(f"Mappen {folder} finns redan. Ange en ny: ett arkiv skrivs aldrig över.") from error
    except OSError as error:
        raise RefusedError(f"Det gick inte att skriva {folder}: {error.strerror}.") from error


def zipped_to(files: dict[str, bytes], name: str, target: Path) -> None:
    """Write the files in a new zip file. Raises RefusedError if it cannot be written."""
    try:
        with target.open("xb") as file:
            file.write(zipped(files, name))
    except OSError as error:
        raise RefusedError(f"Det gick inte att skriva {target}: {error.strerror}.") from error


def zipped(files: dict[str, bytes], name: str) -> bytes:
    """The files in one zip file, in a folder called `name`. The same files give the same bytes."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, body in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{name}/{path}", _FIXED)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, body)
    return made.getvalue()
