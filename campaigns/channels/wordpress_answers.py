"""What WordPress's answers mean for a post.

Errors are `{"code", "message", "data": {"status"}}`: 401 where WordPress does not know who asks, 403 where the account
may not. All codes here but those of a picture's size have been seen from WordPress 6.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.channels.base import NotSentError, SendError, UnknownOutcomeError
from campaigns.channels.http import Response, refusal
from campaigns.channels.social import shown_address

NO_POST = "rest_post_invalid_id"
_NO_RIGHT = ("rest_cannot_create", "rest_cannot_publish")
_NOT_OURS = ("rest_cannot_edit", "rest_cannot_delete", "rest_forbidden_context")
_PARTS = {"title": "rubriken", "excerpt": "den korta texten", "content": "texten", "slug": "inläggets adress"}


@dataclass(frozen=True)
class Post:
    """`status` is WordPress's own word, or "gone". `link` is where it can be seen, if the site gave a web address."""

    id: int
    status: str
    slug: str = ""
    link: str = ""


def post_in(response: Response) -> Post | None:
    """The post that an answer describes, or None if it describes none."""
    return post_from(response.json())


def items_in(response: Response) -> list[Any]:
    """The list that was answered. Raises UnknownOutcomeError if it is something else: that does not mean empty."""
    items = response.json().get("items")
    if not isinstance(items, list):
        raise UnknownOutcomeError(f"{response.host} svarar inte som WordPress: det går inte att söka efter inlägg.")
    return items


def number_in(table: object) -> int | None:
    """An id: a whole number from 1, and nothing else may become part of an address."""
    found = table.get("id") if isinstance(table, dict) else None
    return found if type(found) is int and found > 0 else None


def post_from(table: object) -> Post | None:
    number = number_in(table)
    status = table.get("status") if isinstance(table, dict) else None
    if number is None or not isinstance(table, dict) or not isinstance(status, str):
        return None
    return Post(number, status, str(table.get("slug")), shown_address(table.get("link"), or_http=True))


def code_of(response: Response) -> str:
    return str(response.json().get("code")) if response.status >= 400 else ""


def fault(response: Response, *, now: datetime) -> SendError | None:
    """What an answer means, where WordPress says more than the status does; otherwise what the status means."""
    status, code, host = response.status, code_of(response), response.host
    is_forbidden = _forbids_status(response)
    if status == 401 or is_forbidden == 401:
        return _stopping(
            f"{host} känner inte igen kontot. Rätta account och secret, och se till att webbservern släpper fram"
            " inloggningen (Authorization) till WordPress."
        )
    if is_forbidden or (status == 403 and code in _NO_RIGHT):
        return _stopping(
            f"Kontot på {host} får inte skriva, publicera eller ladda upp bilder. Ge det rollen författare i WordPress."
        )
    if status == 403 and code in _NOT_OURS:
        return NotSentError(
            "Inlägget i WordPress tillhör en annan användare, och kontot får inte ändra det.", is_permanent=True
        )
    if code == NO_POST:
        return NotSentError("Inlägget finns inte längre i WordPress.", is_permanent=True)
    if status == 404:
        return _stopping(
            f"{host} har ingen WordPress på kanalens url, eller så är dess REST-API avstängt. Saknar webbplatsen"
            " läsbara länkar ska url sluta med ?rest_route=."
        )
    if code.startswith("rest_upload_"):
        return NotSentError(f"WordPress på {host} tog inte emot bilden.", is_permanent=status < 500)
    if code in ("rest_invalid_param", "empty_content", "rest_invalid_json"):
        return NotSentError(f"WordPress på {host} godtar inte {_refused(response)}.", is_permanent=True)
    return refusal(response, now=now)


def _stopping(message: str) -> NotSentError:
    return NotSentError(message, is_permanent=False, stops_channel=True)


def _forbids_status(response: Response) -> int:
    """401 or 403 where a search was refused since we may not see drafts: WordPress hides that in a 400. Otherwise 0."""
    found: Any = response.json()
    for name in ("data", "details", "status"):
        found = found.get(name) if isinstance(found, dict) else None
    if response.status != 400 or not isinstance(found, dict) or found.get("code") != "rest_forbidden_status":
        return 0
    data = found.get("data")
    return 401 if isinstance(data, dict) and data.get("status") == 401 else 403


def _refused(response: Response) -> str:
    data = response.json().get("data")
    params = data.get("params") if isinstance(data, dict) else None
    names = [name for part, name in _PARTS.items() if isinstance(params, dict) and part in params]
    return " och ".join(names) or "innehållet"
