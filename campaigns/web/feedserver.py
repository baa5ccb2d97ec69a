"""The feeds over HTTP: a bare ASGI application in front of the rest, since calendar programs poll and pages do not.

Every answer is ready in memory (`campaigns.web.feedstore`); what is left is to find it, to hold the validators against
it (RFC 9110 section 13) and to send it. `Accept` and `User-Agent` are not looked at: programs send all sorts.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from campaigns.content import SWEDISH
from campaigns.errors import NotFoundError, suggestion
from campaigns.feed_tokens import token_hash
from campaigns.web.feedanswers import EDITORIAL, PUBLIC, Policy, Representation, Resource
from campaigns.web.feedsnapshots import Selection, Snapshot
from campaigns.web.feedstore import FeedStore, Static, public_path

__all__ = ["FeedApplication", "FeedStore", "mask_access_log", "masked_path"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX = "/feeds/"
PRIVATE = "/feeds/private/"
LONGEST_ENCODINGS = 256  # octets of an Accept-Encoding header: longer ones are not kept in memory, nor heeded
_TAG = re.compile(rb'(?:W/)?("[^"]*")')
_SECRET = re.compile(r"(?i)(/feeds/private/+)[^/?#]+")
_NAMES = {"campaign": "kampanj", "audience": "målgrupp", "channel": "kanal", "lang": "språk"}
_PREFLIGHT = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", PUBLIC.methods),
    (b"access-control-allow-headers", b"If-None-Match, If-Modified-Since"),
    (b"access-control-max-age", b"86400"),
    (b"allow", PUBLIC.methods),
]


class FeedApplication:
    """Answers for `/feeds/…` and hands everything else to `inner`."""

    def __init__(self, store: FeedStore, inner: Application) -> None:
        self.store = store
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.inner(scope, receive, send)
            return
        found = self.store.routes.get(scope["path"])
        if found is None:
            await self._other(scope, receive, send)
            return
        await self._serve(found, scope, send)

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(PRIVATE):
            await self._private(path, scope, send)
        elif path.split("/")[2] in self.store.catalog.municipalities and path == public_path(path.split("/")[2]):
            await _not_yet(scope, send, PUBLIC)
        elif path.endswith(".ics"):
            await _text(scope, send, 404, "Det finns ingen kalender på den här adressen.", PUBLIC)
        else:
            await self.inner(scope, receive, send)

    async def _private(self, path: str, scope: Scope, send: Send) -> None:
        token, _, name = path.removeprefix(PRIVATE).partition("/")
        owner, is_revoked = self.store.tokens.get(token_hash(token), ("", False))
        if not owner or name != f"redaktion-{owner}.ics" or owner not in self.store.catalog.municipalities:
            await _text(scope, send, 404, "Det finns ingen kalender på den här adressen.", EDITORIAL)
        elif is_revoked:
            await _text(scope, send, 410, "Adressen gäller inte längre. Be kommunens samordnare om en ny.", EDITORIAL)
        elif owner not in self.store.editorial:
            await _not_yet(scope, send, EDITORIAL)
        else:
            await self._serve(self.store.editorial[owner], scope, send)

    async def _serve(self, found: Snapshot | Static, scope: Scope, send: Send) -> None:
        resource = found.resource
        if scope["method"] not in ("GET", "HEAD"):
            await _other_method(scope, send, resource.policy)
            return
        if scope["query_string"] and isinstance(found, Snapshot):
            try:
                resource = found.selected(self._selection(found, scope["query_string"]))
            except NotFoundError as error:
                await _text(scope, send, 404, error.message, found.policy)
                return
        representation, is_fresh = negotiate(resource, scope["headers"])
        if is_fresh:
            await send({"type": "http.response.start", "status": 304, "headers": representation.not_modified})
            await send({"type": "http.response.body"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": representation.ok})
        body = representation.body if scope["method"] == "GET" else b""
        await send({"type": "http.response.body", "body": body})

    def _selection(self, snapshot: Snapshot, query: bytes) -> Selection:
        """What the query asks for. Unknown parameters are ignored: people add `?x=1` to make a program fetch again.

        Raises NotFoundError for an unknown value, naming those there are.
        """
        catalog = self.store.catalog
        municipality = catalog.municipality(snapshot.municipality)
        valid: dict[str, tuple[str, ...]] = {
            "campaign": tuple(catalog.campaigns),
            "audience": tuple(catalog.audiences),
            "lang": (SWEDISH,),  # the calendars are in Swedish whatever languages the messages are in
        }
        if not snapshot.policy.is_public:
            valid["channel"] = municipality.channel_ids
        wanted: dict[str, set[str]] = {}
        for name, values in parse_qsl(query.decode("latin-1")):
            if name in valid:
                wanted.setdefault(name, set()).update(filter(None, (value.strip() for value in values.split(","))))
        for name, chosen in wanted.items():
            for value in sorted(chosen - set(valid[name])):
                raise NotFoundError(_unknown(name, value, valid[name]))
        return (
            frozenset(wanted.get("campaign", ())),
            frozenset(wanted.get("audience", ())),
            frozenset(wanted.get("channel", ())),
        )


def negotiate(resource: Resource, headers: list[tuple[bytes, bytes]]) -> tuple[Representation, bool]:
    """The form to answer with, and whether the reader already has it."""
    tags: list[bytes] = []
    since = encodings = b""
    for name, value in headers:
        if name == b"if-none-match":
            tags.append(value)
        elif name == b"if-modified-since":
            since = value
        elif name == b"accept-encoding":
            encodings = value
    is_zipped = 0 < len(encodings) <= LONGEST_ENCODINGS and resource.is_gzip_on and accepts_gzip(encodings)
    chosen = resource.zipped if is_zipped else resource.plain
    if not tags:
        return chosen, bool(since) and is_unmodified(resource, since)
    asked = tags[0] if len(tags) == 1 else b",".join(tags)
    if asked == chosen.etag or asked.strip() == b"*":
        return chosen, True
    given = _TAG.findall(asked)
    # The other form's tag says the same of the content; the answer must then carry the tag that was asked about.
    others = (resource.plain, resource.zipped) if is_zipped else (resource.plain,)
    for form in (chosen, *others):
        if form.etag in given:
            return form, True
    return chosen, False


def is_unmodified(resource: Resource, since: bytes) -> bool:
    """Whether the If-Modified-Since date is at or after the last change. What is not a date is not heeded."""
    try:
        moment = parsedate_to_datetime(since.decode("ascii"))
    except (ValueError, TypeError, IndexError, OverflowError):
        return False
    # RFC 9110 section 5.6.7: a date without a zone is in GMT.
    return resource.last_modified <= (moment if moment.tzinfo else moment.replace(tzinfo=UTC))


@lru_cache(maxsize=256)
def accepts_gzip(encodings: bytes) -> bool:
    """Whether an Accept-Encoding header names gzip, and not as refused (q=0). RFC 9110 section 12.5.3."""
    for part in encodings.decode("latin-1").lower().split(","):
        name, _, quality = part.replace(" ", "").replace("\t", "").partition(";q=")
        if name in ("gzip", "x-gzip"):
            return quality.rstrip("0.") != "" if quality else True
    return False


def masked_path(path: str) -> str:
    """`path` as it may stand in a log: a secret address shows that it is one, and nothing more."""
    return _SECRET.sub(r"\1***", path)


def mask_access_log(record: logging.LogRecord) -> bool:
    """A filter for uvicorn's access log: takes the secrets out of its lines."""
    if isinstance(record.args, tuple):
        record.args = tuple(masked_path(value) if isinstance(value, str) else value for value in record.args)
    return True


def _unknown(name: str, value: str, valid: tuple[str, ...]) -> str:
    shown = value if len(value) <= 40 else value[:40] + "…"
    every = suggestion("", valid)
    return f"Det finns inget val ”{shown}” för {_NAMES[name]} ({name}). {every}"


async def _other_method(scope: Scope, send: Send, policy: Policy) -> None:
    if scope["method"] == "OPTIONS" and policy.is_public:
        await send({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT})
        await send({"type": "http.response.body"})
        return
    await _text(scope, send, 405, "Kalendern går bara att läsa.", policy, extra=[(b"allow", policy.methods)])


async def _not_yet(scope: Scope, send: Send, policy: Policy) -> None:
    # Not an empty calendar: programs would clear what their readers have.
    sentence = "Kalendern är inte klar än. Försök igen om en minut."
    await _text(scope, send, 503, sentence, policy, extra=[(b"retry-after", b"60")])


async def _text(
    scope: Scope,
    send: Send,
    status: int,
    sentence: str,
    policy: Policy,
    *,
    extra: list[tuple[bytes, bytes]] | None = None,
) -> None:
    body = f"{sentence}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"x-content-type-options", b"nosniff"),
        *((name, value) for name, value in policy.headers if name != b"cache-control"),
        (b"cache-control", b"no-cache"),
        *(extra or ()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
