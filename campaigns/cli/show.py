"""Printing: aligned rows for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any


def line(text: str = "") -> None:
    """One line on standard output."""
    sys.stdout.write(f"{text}\n")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """Rows in columns under `headings`, or the sentence `empty`."""
    cells = [tuple(str(cell) for cell in row) for row in rows]
    if not cells:
        line(empty)
        return
    widths = [max(len(row[index]) for row in (tuple(headings), *cells)) for index in range(len(headings))]
    for row in (tuple(headings), *cells):
        line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def as_json(value: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> None:
    """`value` as JSON, moments and days as ISO 8601 texts."""
    line(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
