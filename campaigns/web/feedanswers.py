"""Ready HTTP answers: a feed's bytes, their compressed twin and every header, made once and sent many times."""

from __future__ import annotations

import gzip
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

Headers = list[tuple[bytes, bytes]]

CALENDAR_TYPE = "text/calendar; charset=utf-8"


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


@dataclass(frozen=True)
class Deferred:
    """A body of `size` octets that is made each time it is asked for."""

    size: int
    make: Callable[[], bytes]


Body = bytes | Deferred


class Representation:
    """One form of a resource: its bytes and its headers for 200 and 304, also as bytes for the wire."""

    __slots__ = ("_body", "etag", "not_modified", "not_modified_head", "ok", "ok_head")

    def __init__(self, body: Body, etag: bytes, shared: Headers, own: Headers) -> None:
        self._body = body
        self.etag = etag
        tagged = [(b"etag", etag), *shared]
        size = len(body) if isinstance(body, bytes) else body.size
        self.ok: Headers = [*own, (b"content-length", b"%d" % size), *tagged]
        self.not_modified: Headers = tagged
        self.ok_head = _head(b"200 OK", self.ok)
        self.not_modified_head = _head(b"304 Not Modified", self.not_modified)

    @property
    def body(self) -> bytes:
        return self._body if isinstance(self._body, bytes) else self._body.make()


def _head(status: bytes, headers: Headers) -> bytes:
    """A status line and headers, without the empty line that ends them."""
    return b"".join((b"HTTP/1.1 %b\r\n" % status, *[b"%b: %b\r\n" % header for header in headers]))


class Resource:
    """A feed at one moment. `last_modified` is in UTC; `digest` is a hash of the bytes, and becomes the strong ETag."""

    def __init__(
        self,
        body: Body,
        policy: Policy,
        file_name: str,
        last_modified: datetime,
        *,
        digest: bytes,
        content_type: str = CALENDAR_TYPE,
        is_gzip_on: bool = True,
    ) -> None:
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
    def body(self) -> bytes:
        return self.plain.body

    @property
    def zipped(self) -> Representation:
        """The compressed form, under an ETag of its own; made when first asked for, the same bytes each time."""
        if self._zipped is None:
            body = gzip.compress(self.body, compresslevel=6, mtime=0)
            own = [*self._own, (b"content-encoding", b"gzip")]
            self._zipped = Representation(body, b'"%b-gzip"' % self._digest, self._shared, own)
        return self._zipped


def _ascii(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().replace('"', "")
