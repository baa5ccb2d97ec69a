"""Pictures as they were signed, found by the SHA-256 that the content names."""

from __future__ import annotations

from campaigns.channels.base import Picture
from campaigns.database import Database


def of_payload(database: Database, payload: bytes, *, base_url: str) -> Picture | None:
    """The picture that belongs to signed content, or None if it has none."""
    return None
