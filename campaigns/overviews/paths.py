"""Where things are found on the site: the paths that pages link to, so that each is spelt in one place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from campaigns.catalog import Municipality


def staff(municipality: Municipality, rest: str, query: Mapping[str, str | int] | None = None) -> str:
    """A page for those who are signed in: ”/kommun/aneby/kalender?ar=2027”. What is empty in `query` is left out."""
    asked = urlencode({key: value for key, value in (query or {}).items() if value != ""})
    return f"/kommun/{municipality.id}/{rest}{f'?{asked}' if asked else ''}"


def follow_up(municipality: Municipality, period: str) -> str:
    """Where citizens read the published follow-up of a period."""
    return f"/sida/{municipality.id}/uppfoljning/{period}"


def published(municipality: Municipality, post_id: int) -> str:
    """Where citizens read a published post."""
    return f"/sida/{municipality.id}#{post_id}"
