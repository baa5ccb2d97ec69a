"""Ready HTTP answers: a feed's bytes, their compressed twin and every header, made once and sent many times."""

from __future__ import annotations

import gzip
import unicodedata
from bisect import bisect_left, insort
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha256
from typing import NamedTuple

from campaigns.feeds import PublishedEvent
from campaigns.ical import CALENDAR_TAIL
from campaigns.ical_check import check_fragment

Headers = list[tuple[bytes, bytes]]
# Selected campaigns, audiences and channels; an empty set selects all.
Selection = tuple[frozenset[str], frozenset[str], frozenset[str]]

CALENDAR_TYPE = "text/calendar; charset=utf-8"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Every combination that subscribers really use, and a bound for those who try them all.
MOST_VARIANTS = 64
# With more changes than this, sorting everything is quicker than moving each into place.
FEW_CHANGES = 64


@dataclass(frozen=True)
class Policy:
    """Who may read a feed, as headers. `methods` is the Allow header."""

    is_public: bool
    methods: bytes
    headers: tuple[tuple[bytes, bytes], ...]


PUBLIC = Policy(
    is_public=True,
    methods=b"GET, HEAD, OPTIONS",
    headers=(
        (b"cache-control", b"public, max-age=900"),
        (b"access-control-allow-origin", b"*"),
        (b"access-control-expose-headers", b"ETag"),
    ),
)
# The address is a password: it must not travel on in a Referer header or into a search engine.
EDITORIAL = Policy(
    is_public=False,
    methods=b"GET, HEAD",
    headers=(
        (b"cache-control", b"private, max-age=300"),
        (b"x-robots-tag", b"noindex"),
        (b"referrer-policy", b"no-referrer"),
    ),
)


class Representation:
    """One form of a resource: its bytes and its headers for 200 and 304, also as bytes for the wire."""

    __slots__ = ("body", "etag", "not_modified", "not_modified_head", "ok", "ok_head")

    def __init__(self, body: bytes, etag: bytes, shared: Headers, own: Headers) -> None:
        self.body = body
        self.etag = etag
        tagged = [(b"etag", etag), *shared]
        self.ok: Headers = [*own, (b"content-length", b"%d" % len(body)), *tagged]
        self.not_modified: Headers = tagged
        self.ok_head = _head(b"200 OK", self.ok)
        self.not_modified_head = _head(b"304 Not Modified", self.not_modified)


def _head(status: bytes, headers: Headers) -> bytes:
    """A status line and headers, without the empty line that ends them."""
    return b"".join((b"HTTP/1.1 %b\r\n" % status, *[b"%b: %b\r\n" % header for header in headers]))


class Resource:
    """A feed at one moment. `last_modified` is in UTC; `digest` is a hash of the bytes, and becomes the strong ETag."""

    def __init__(
        self,
        body: bytes,
        policy: Policy,
        file_name: str,
        last_modified: datetime,
        *,
        digest: bytes,
        content_type: str = CALENDAR_TYPE,
        is_gzip_on: bool = True,
    ) -> None:
        self.body = body
        self.policy = policy
        self.last_modified = last_modified.astimezone(UTC).replace(microsecond=0)
        self.is_gzip_on = is_gzip_on
        self._digest = digest.hex()[:32].encode()
        self._shared: Headers = [
            (b"last-modified", format_datetime(self.last_modified, usegmt=True).encode()),
            (b"vary", b"Accept-Encoding"),
            (b"x-content-type-options", b"nosniff"),
            *policy.headers,
        ]
        self._own: Headers = [
            (b"content-type", content_type.encode()),
            (b"content-disposition", f'inline; filename="{_ascii(file_name)}"'.encode()),
        ]
        self.plain = Representation(body, b'"%b"' % self._digest, self._shared, self._own)
        self._zipped: Representation | None = None

    @property
    def zipped(self) -> Representation:
        """The compressed form, under an ETag of its own; made when first asked for, the same bytes each time."""
        if self._zipped is None:
            body = gzip.compress(self.body, compresslevel=6, mtime=0)
            own = [*self._own, (b"content-encoding", b"gzip")]
            self._zipped = Representation(body, b'"%b-gzip"' % self._digest, self._shared, own)
        return self._zipped


class Placed(NamedTuple):
    """An event in its place: sorts by its start and UID. `digest` is the SHA-256 of the fragment."""

    starts: str
    uid: str
    fragment: bytes
    digest: bytes


class Snapshot:
    """One calendar at one moment: its events in order, and the answers made from them, whole or filtered.

    A calendar of 10,000 events must be ready milliseconds after one of them has changed. So its hash is taken over the
    hashes of its events, each of which is computed once.
    """

    def __init__(
        self,
        municipality: str,
        head: Callable[[datetime], bytes],
        policy: Policy,
        file_name: str,
        *,
        is_gzip_on: bool = True,
    ) -> None:
        self.municipality = municipality
        self.head = head
        self.policy = policy
        self.file_name = file_name
        self.is_gzip_on = is_gzip_on
        self.last_modified = EPOCH
        self.events: dict[str, PublishedEvent] = {}
        self._placed: list[Placed] = []
        self._variants: dict[Selection, Resource] = {}
        self.resource = self._resource(self._placed)

    def with_changes(self, changed: Sequence[PublishedEvent]) -> Snapshot:
        """A new snapshot with the changed events added, replaced or, where no bytes are left of them, removed.

        Raises ValueError, and changes nothing, if the bytes of an event are not fit to be published.
        """
        for event in changed:
            faults = check_fragment(event.fragment) if event.fragment else ()
            if faults:
                raise ValueError(f"Händelsen {event.uid} {', '.join(faults)}.")
        fresh = copy(self)
        fresh.last_modified = max((self.last_modified, *(event.last_modified for event in changed)))
        fresh.events = dict(self.events)
        fresh._placed = self._placed.copy()
        fresh._variants = {}
        if len(changed) > FEW_CHANGES:
            fresh._rebuild(changed)
        else:
            fresh._adjust(changed)
        fresh.resource = fresh._resource(fresh._placed)
        return fresh

    def selected(self, selection: Selection) -> Resource:
        """The answer with only the events that belong to one of each selected campaign, audience and channel."""
        if not any(selection):
            return self.resource
        known = self._variants.get(selection)
        if known is not None:
            return known
        made = self._resource([item for item in self._placed if _belongs(self.events[item.uid], selection)])
        while len(self._variants) >= MOST_VARIANTS:
            self._variants.pop(next(iter(self._variants)), None)
        self._variants[selection] = made
        return made

    def _resource(self, placed: list[Placed]) -> Resource:
        head = self.head(self.last_modified)
        body = b"".join((head, *[item.fragment for item in placed], CALENDAR_TAIL))
        digest = sha256(b"".join((sha256(head).digest(), *[item.digest for item in placed]))).digest()
        return Resource(
            body, self.policy, self.file_name, self.last_modified, digest=digest, is_gzip_on=self.is_gzip_on
        )

    def _rebuild(self, changed: Sequence[PublishedEvent]) -> None:
        self.events.update((event.uid, event) for event in changed)
        self.events = {uid: event for uid, event in self.events.items() if event.fragment}
        self._placed = sorted(map(_placed, self.events.values()))

    def _adjust(self, changed: Sequence[PublishedEvent]) -> None:
        for event in changed:
            old = self.events.pop(event.uid, None)
            if old is not None:
                del self._placed[bisect_left(self._placed, (old.starts, old.uid))]
            if event.fragment:
                insort(self._placed, _placed(event))
                self.events[event.uid] = event


def _placed(event: PublishedEvent) -> Placed:
    return Placed(event.starts, event.uid, event.fragment, sha256(event.fragment).digest())


def _belongs(event: PublishedEvent, selection: Selection) -> bool:
    values = (event.campaign, event.audience, event.channel)
    return all(
        not wanted or not wanted.isdisjoint(value.split()) for wanted, value in zip(selection, values, strict=True)
    )


def _ascii(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().replace('"', "")
