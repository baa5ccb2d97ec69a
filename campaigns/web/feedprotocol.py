"""The shortest way for a feed: uvicorn's protocol, which answers from memory as soon as the headers have been read.

A GET or HEAD for a public feed needs no scope, no task and no headers put together anew: the whole answer lies ready.
Everything else, and a connection that has something else under way, goes on to the application, which gives the same
answers (`campaigns.web.feedserver`; the tests hold the two together).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from campaigns.web.feedserver import negotiate
from campaigns.web.feedstore import FeedStore

MOST_OCTETS = 64 * 1024  # of a request's head: what more there is can only be meant to do harm
HEAD_WITHIN = 30.0  # seconds for a request's head to come
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass
class _Answered:
    """What uvicorn sees of a request that has been answered: its body is let pass, and nothing more is to be sent."""

    response_complete: bool = True
    message_event: asyncio.Event = field(default_factory=asyncio.Event)


class BoundedHead(HttpToolsProtocol):
    """uvicorn's protocol, which has no bound on a request's head, with one: in octets and in time."""

    is_reading_head = True
    has_body = False
    head_octets = 0
    unread_octets = 0
    head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.head_timer = self.loop.call_later(HEAD_WITHIN, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.is_reading_head:
            self._stop_timer()
            return
        # A header's value is told of when it is whole: what has come of one that is not is counted here.
        self.unread_octets += len(data)
        if self.unread_octets > 8 * MOST_OCTETS:
            self._refuse()
        elif self.head_timer is None and not self.transport.is_closing():
            self.head_timer = self.loop.call_later(HEAD_WITHIN, self.transport.close)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.is_reading_head, self.has_body = True, False
        self.head_octets = self.unread_octets = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self.head_octets += len(name) + len(value)
        if self.head_octets <= MOST_OCTETS:
            super().on_header(name, value)
            self.has_body = self.has_body or self.headers[-1][0] in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        self.is_reading_head = False
        if self.head_octets + len(self.url) > MOST_OCTETS:
            self._refuse()
        else:
            self.answer()

    def answer(self) -> None:
        """The head has been read."""
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.is_reading_head = False
        if self.cycle is not None:
            super().on_message_complete()

    def _stop_timer(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def _refuse(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_TOO_LARGE)
        self.cycle = _ANSWERED
        self.transport.close()


_ANSWERED: Any = _Answered()


def feed_protocol(store: FeedStore) -> type[HttpToolsProtocol]:
    """The protocol class for uvicorn's `http` setting, with the feeds of `store`."""

    class FeedProtocol(BoundedHead):
        def answer(self) -> None:
            found = store.routes.get(self.url.decode("latin-1"))
            method = self.parser.get_method()
            if (
                found is None
                or method not in (b"GET", b"HEAD")
                or (self.cycle is not None and not self.cycle.response_complete)
                or self.flow.write_paused
                or self.transport.is_closing()
                or self.has_body
                or self.parser.should_upgrade()
                or not self.parser.should_keep_alive()
                or self.parser.get_http_version() != "1.1"
            ):
                super().answer()
                return
            form, is_fresh = negotiate(found.resource, self.headers)
            head = form.not_modified_head if is_fresh else form.ok_head
            dated = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
            body = b"" if is_fresh or method == b"HEAD" else form.body
            self.transport.write(b"".join((head, *dated, b"\r\n", body)))
            self.cycle = _ANSWERED
            self.on_response_complete()

    return FeedProtocol
