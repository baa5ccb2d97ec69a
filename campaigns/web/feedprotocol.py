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


@dataclass
class _Answered:
    """What uvicorn sees of a request that has been answered: its body is let pass, and nothing more is to be sent."""

    response_complete: bool = True
    message_event: asyncio.Event = field(default_factory=asyncio.Event)


def feed_protocol(store: FeedStore) -> type[HttpToolsProtocol]:
    """The protocol class for uvicorn's `http` setting, with the feeds of `store`."""

    answered: Any = _Answered()

    class FeedProtocol(HttpToolsProtocol):
        def on_headers_complete(self) -> None:
            found = store.routes.get(self.url.decode("latin-1"))
            method = self.parser.get_method()
            if (
                found is None
                or method not in (b"GET", b"HEAD")
                or (self.cycle is not None and not self.cycle.response_complete)
                or self.flow.write_paused
                or self.expect_100_continue
                or self.parser.should_upgrade()
                or not self.parser.should_keep_alive()
                or self.parser.get_http_version() != "1.1"
            ):
                super().on_headers_complete()
                return
            form, is_fresh = negotiate(found.resource, self.headers)
            head = form.not_modified_head if is_fresh else form.ok_head
            dated = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
            body = b"" if is_fresh or method == b"HEAD" else form.body
            self.transport.write(b"".join((head, *dated, b"\r\n", body)))
            self.cycle = answered
            self.on_response_complete()

    return FeedProtocol
