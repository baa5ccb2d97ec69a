"""Tables as files for Swedish spreadsheet programs. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

# A cell that begins with one of these is a formula to a spreadsheet, whoever wrote it (OWASP: CSV injection).
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_file(header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> bytes:
    """CSV with semicolons, in UTF-8 with a byte order mark: what Excel in Swedish opens as it is."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return file.getvalue().encode("utf-8-sig", "replace")


def _harmless(cell: str | int) -> str:
    text = str(cell)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULAS) else text
