"""Feeds answered by the server's own protocol, held against the same application asked in the ordinary way."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlmodel import SQLModel
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from campaigns.database import Database
from campaigns.web.feedprotocol import feed_protocol
from campaigns.web.feedserver import FeedApplication, FeedStore
from tests.feedworld import PUBLIC_PATH, FeedWorld

DATE = re.compile(rb"(?i)date: [^\r]+\r\n")


async def _inner(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    await asyncio.sleep(0.02)  # long enough for the next request on the line to have come
    body = scope["path"].encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 299, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(store: FeedStore, protocol: type[HttpToolsProtocol]) -> Iterator[int]:
    config = uvicorn.Config(
        FeedApplication(store, _inner), http=protocol, port=0, lifespan="off", log_level="error", server_header=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeedStore]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('feeds') / 'kampanjhjul.db'}")
    SQLModel.metadata.create_all(database.writer)
    world = FeedWorld(database)
    world.publish(posts=True)
    yield world.store()
    database.close()


@pytest.fixture(scope="module")
def direct(store: FeedStore) -> Iterator[int]:
    with serving(store, feed_protocol(store)) as port:
        yield port


@pytest.fixture(scope="module")
def ordinary(store: FeedStore) -> Iterator[int]:
    with serving(store, HttpToolsProtocol) as port:
        yield port


def said(port: int, *pieces: bytes) -> bytes:
    """All that the server says to `pieces`, sent one after another on one connection, without the date."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        for piece in pieces:
            wire.sendall(piece)
            if len(pieces) > 1:
                time.sleep(0.01)
        found = bytearray()
        while part := wire.recv(65536):
            found += part
    assert len(DATE.findall(found)) == found.count(b"HTTP/1.1 ")
    return DATE.sub(b"", bytes(found))


def request(*headers: str, method: str = "GET", path: str = PUBLIC_PATH, is_last: bool = True, body: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers, *(["Connection: close"] if is_last else [])]
    return "\r\n".join((*lines, "", body)).encode()


LAST = request(path="/sist")
TAG = '"TAG"'


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([request(is_last=False), LAST], id="whole"),
        pytest.param([request("Accept-Encoding: gzip", is_last=False), LAST], id="compressed"),
        pytest.param([request(method="HEAD", is_last=False), LAST], id="head"),
        pytest.param([request(f"If-None-Match: {TAG}", is_last=False), LAST], id="unchanged by tag"),
        pytest.param([request("If-Modified-Since: Mon, 23 Nov 2026 12:00:00 GMT", is_last=False), LAST], id="by date"),
        pytest.param([request("If-Modified-Since: i går", is_last=False), LAST], id="odd date"),
        pytest.param([request(path=f"{PUBLIC_PATH}?campaign=midsommar", is_last=False), LAST], id="query"),
        pytest.param([request(path="/feeds/ingen/riskdatum-ingen.ics", is_last=False), LAST], id="unknown"),
        pytest.param([request(path="/sida/%C3%A5", is_last=False), LAST], id="elsewhere"),
        pytest.param([request(method="POST", is_last=False), LAST], id="method"),
        pytest.param([request("Content-Length: 4", body="hej!", is_last=False), LAST], id="body"),
        pytest.param(
            [request("Expect: 100-continue", "Content-Length: 4", body="hej!", is_last=False), LAST], id="100"
        ),
        pytest.param([request("Upgrade: websocket", "Connection: Upgrade", is_last=False), LAST], id="upgrade"),
        pytest.param([request()], id="close"),
        pytest.param([f"GET {PUBLIC_PATH} HTTP/1.0\r\n\r\n".encode()], id="1.0"),
        pytest.param([request(is_last=False) * 3 + LAST], id="several at once"),
        pytest.param([request(path="/a", is_last=False) + request(is_last=False) + LAST], id="after another"),
        pytest.param([request(is_last=False)[:30], request(is_last=False)[30:], LAST], id="in two pieces"),
        pytest.param([request(is_last=False), b"nonsens\r\n\r\n"], id="nonsense after"),
    ],
)
def test_the_short_way_gives_the_same_bytes_as_the_ordinary(
    pieces: list[bytes], store: FeedStore, direct: int, ordinary: int
) -> None:
    tag = store.routes[PUBLIC_PATH].resource.plain.etag
    sent = [piece.replace(TAG.encode(), tag) for piece in pieces]

    answer = said(direct, *sent)

    assert answer == said(ordinary, *sent)
    assert answer.startswith(b"HTTP/1.1 ")


def test_a_reader_that_does_not_read_holds_no_memory(store: FeedStore, direct: int) -> None:
    """Answers wait for the reader: past the transport's limit the ordinary way takes over and waits."""
    asked = 4000
    size = len(store.routes[PUBLIC_PATH].resource.body)
    with socket.create_connection(("127.0.0.1", direct), timeout=10) as wire:
        sender = threading.Thread(target=lambda: wire.sendall(request(is_last=False) * asked + LAST), daemon=True)
        sender.start()
        time.sleep(0.3)
        got = 0
        while part := wire.recv(1 << 20):
            got += len(part)
        sender.join()
    assert got > asked * size


def test_the_short_way_is_taken(store: FeedStore) -> None:
    """Or the tests above would compare the ordinary way with itself."""
    seen: list[str] = []

    class Watched(feed_protocol(store)):  # type: ignore[misc]  # made when it runs
        def _start_asgi_task(self, *args: Any) -> None:
            seen.append(self.url.decode())
            super()._start_asgi_task(*args)

    with serving(store, Watched) as port:
        said(port, request(is_last=False), request("Accept-Encoding: gzip", is_last=False), LAST)

    assert seen == ["/sist"]


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(["If-None-Match: aaaa"] * 10_000, id="many"),
        pytest.param([f"Accept-Encoding: {'x' * 100_000}"], id="one long"),
        pytest.param([f"X: {'x' * 2_000_000}"], id="one that does not end in time"),
    ],
)
@pytest.mark.parametrize("path", [PUBLIC_PATH, "/annat"])
def test_a_head_without_end_is_refused(head: list[str], path: str, direct: int) -> None:
    with socket.create_connection(("127.0.0.1", direct), timeout=10) as wire, suppress(ConnectionError):
        wire.sendall(request(*head, path=path))
        found = wire.recv(65536)
        assert found.startswith(b"HTTP/1.1 431 ")
    assert said(direct, LAST).startswith(b"HTTP/1.1 299 ")


def test_who_says_nothing_or_only_half_is_hung_up_on(store: FeedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.web.feedprotocol.HEAD_WITHIN", 0.1)
    with serving(store, feed_protocol(store)) as port:
        for start in (b"", request()[:30], request(is_last=False) + request()[:30]):
            answer = said(port, start) if start else said(port)
            assert answer.count(b"HTTP/1.1 200") == start.count(b"Host: x\r\n\r\n")


def test_a_connection_that_rests_is_closed(store: FeedStore, tmp_path: Path) -> None:
    protocol = feed_protocol(store)

    class Hasty(protocol):  # type: ignore[misc, valid-type]  # made when it runs
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.timeout_keep_alive = 0.05

    with serving(store, Hasty) as port:
        answer = said(port, request(is_last=False))

    assert answer.endswith(b"END:VCALENDAR\r\n")
