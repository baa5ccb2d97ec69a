"""What every channel must keep. Its test class inherits LocalContract or OutsideContract and gives the fixtures.

`channel`    the channel, ready to be sent to
`shipment`   a delivery that it accepts

and for an OutsideContract also

`published`  a function: what stands with the receiver now, oldest first, however the channel writes it
`trouble`    a function: from now on, the next sending meets this `Trouble`
`failures`   what else can go wrong, each with the channel and the shipment that meet it
`secrets`    the texts that no error, traceback or log may hold

`Receiver` is a real server on this machine that answers as told; `FakeApi` one that keeps a contract.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import pytest

from campaigns.catalog import ChannelConfig
from campaigns.channels import KINDS, Environment
from campaigns.channels.base import (
    Channel,
    NotSentError,
    Outcome,
    Receipt,
    SendError,
    Shipment,
    UnknownOutcomeError,
)
from tests.builders import make_channel

DUE = datetime(2027, 4, 22, 14, 30, tzinfo=UTC)
# What goes wrong when texts are passed on: Swedish, quotes, typography, emoji, another direction, line separators.
CONTENT = {
    "title": "Köp inte ut åt någon annan – ”bara en gång” räcker",
    "short": "Nej till langning 🌸 <b>&amp;</b>",
    "body": "**Hej!**\r\n\nRad två\u2028rad tre\u00a0\\ \"citat\" 'apostrof' {{ kommun }}\n\nمرحبا",
    "link": "https://www.aneby.se/valborg?a=1&b=å",
    "image": "",
    "alt": "",
    "language": "sv",
}


def make_shipment(
    channel: ChannelConfig | None = None,
    *,
    key: str = "aneby/valborg/2027/veckan.foraldrar:webb:sv:1",
    content: dict[str, str] | None = None,
    page_url: str = "https://kampanj.example/sida/aneby#7",
    due_at: datetime = DUE,
    attempt: int = 1,
    **more: Any,
) -> Shipment:
    payload = json.dumps(content or CONTENT, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    config = channel or make_channel("webb")
    more.setdefault("note", _Notes())
    return Shipment(key, payload, "aneby", config, "sv", page_url, due_at, attempt, **more)


Published = Callable[[], Sequence[object]]


def noted(shipment: Shipment) -> str:
    """What the channel has noted for `shipment`, made by `make_shipment`: later tries get it back."""
    notes: list[str] = getattr(shipment.note, "notes")  # noqa: B009 - a Callable has no such attribute for mypy
    return notes[-1] if notes else ""


class _Notes:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def __call__(self, reference: str) -> None:
        self.notes.append(reference)


class ChannelContract:
    """Kept by every channel."""

    def test_is_registered_under_its_kind(self, channel: Channel) -> None:
        made = KINDS[channel.kind](Environment(environ={}))

        assert (made.kind, made.is_local) == (channel.kind, channel.is_local)
        assert (made.is_idempotent, made.can_find) == (channel.is_idempotent, channel.can_find)

    def test_accepts_an_approved_post_with_a_receipt(self, channel: Channel, shipment: Shipment) -> None:
        receipt = channel.send(shipment, now=datetime.now(UTC))

        assert isinstance(receipt, Receipt)
        assert receipt.outcome in Outcome
        assert receipt.reference

    def test_a_repeat_of_the_same_key_gives_the_same_receipt_if_it_is_idempotent(
        self, channel: Channel, shipment: Shipment
    ) -> None:
        now = datetime.now(UTC)
        first = channel.send(shipment, now=now)
        again = replace(shipment, attempt=2, maybe_sent=True, reference=noted(shipment))
        second = channel.send(again, now=now + timedelta(minutes=2))

        assert (first == second) is (channel.is_idempotent or channel.can_find)

    def test_does_not_show_secrets_or_texts_when_it_is_printed(self, channel: Channel, shipment: Shipment) -> None:
        environment = Environment(environ={"NYCKEL": "hemligheten"})

        assert "hemligheten" not in repr(KINDS[channel.kind](environment))
        assert CONTENT["short"] not in repr(shipment)


class LocalContract(ChannelContract):
    """Kept by channels where nothing leaves our own database."""

    @pytest.fixture(autouse=True)
    def _no_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise AssertionError("a local channel must not use the network")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)

    def test_is_local_and_repeatable(self, channel: Channel) -> None:
        assert channel.is_local
        assert channel.is_idempotent


@dataclass(frozen=True)
class Failure:
    """Something that goes wrong. `arrange` makes it so, and gives the channel and the shipment that will meet it."""

    name: str
    arrange: Callable[[], tuple[Channel, Shipment]]


class Trouble(StrEnum):
    """What a sending can meet, as `channels.base` tells the outcomes apart."""

    BUSY = "refused for now"
    BAD_POST = "refused for good"
    BAD_LOGIN = "credentials dead"
    THROTTLED = "throttled, with Retry-After: 120 where the channel has it"
    SILENT = "timeout before the work was done"
    WORKED_SILENTLY = "timeout after the work was done"
    WORKED_AND_CUT = "line cut after the work was done"
    REDIRECT = "an answer that leads elsewhere"
    NONSENSE = "the work was done, and the answer is no answer"


REFUSED = (Trouble.BUSY, Trouble.BAD_POST, Trouble.BAD_LOGIN, Trouble.THROTTLED, Trouble.REDIRECT)
UNCERTAIN = (Trouble.SILENT, Trouble.WORKED_SILENTLY, Trouble.WORKED_AND_CUT, Trouble.NONSENSE)
MakeTrouble = Callable[[Trouble], None]


class OutsideContract(ChannelContract):
    """Kept by channels that call somebody else. A class may narrow what it cannot meet, and says why beside it."""

    @pytest.mark.parametrize("what", REFUSED)
    def test_a_refusal_is_surely_not_sent_and_a_later_try_publishes_once(
        self, what: Trouble, channel: Channel, shipment: Shipment, trouble: MakeTrouble, published: Published
    ) -> None:
        trouble(what)
        with pytest.raises(NotSentError) as caught:
            channel.send(shipment, now=datetime.now(UTC))

        error = caught.value
        assert error.stops_channel is (what is Trouble.BAD_LOGIN)
        assert error.is_permanent is (what in (Trouble.BAD_POST, Trouble.REDIRECT))
        if what is Trouble.THROTTLED:
            assert error.retry_after in self.waits
        assert list(published()) == []

        later = datetime.now(UTC) + timedelta(minutes=2)
        channel.send(replace(shipment, attempt=2, reference=noted(shipment)), now=later)
        assert len(published()) == 1

    # What a throttled channel may ask us to wait: None where its answer says nothing of it.
    waits: tuple[timedelta | None, ...] = (timedelta(seconds=120),)

    @pytest.mark.parametrize("what", UNCERTAIN)
    def test_what_may_have_been_sent_is_unknown_and_a_look_finds_out(
        self, what: Trouble, channel: Channel, shipment: Shipment, trouble: MakeTrouble, published: Published
    ) -> None:
        trouble(what)
        with pytest.raises(UnknownOutcomeError):
            channel.send(shipment, now=datetime.now(UTC))
        assert len(published()) == (0 if what is Trouble.SILENT else 1)

        if channel.is_idempotent or channel.can_find:
            later = datetime.now(UTC) + timedelta(minutes=2)
            again = replace(shipment, attempt=2, maybe_sent=True, reference=noted(shipment))
            receipt = channel.send(again, now=later)

            assert receipt.outcome in Outcome
            assert len(published()) == 1

    def test_is_not_local(self, channel: Channel) -> None:
        assert not channel.is_local

    def test_a_repeat_of_the_same_key_publishes_once_if_it_is_idempotent(
        self, channel: Channel, shipment: Shipment, published: Published
    ) -> None:
        now = datetime.now(UTC)
        channel.send(shipment, now=now)
        again = replace(shipment, attempt=2, maybe_sent=True, reference=noted(shipment))
        channel.send(again, now=now + timedelta(minutes=2))

        assert len(published()) == (1 if channel.is_idempotent or channel.can_find else 2)

    def test_fails_with_a_swedish_sentence_without_secrets_in_error_traceback_or_log(
        self, failures: Sequence[Failure], secrets: Sequence[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        caplog.set_level(logging.DEBUG, logger="urllib3")
        assert failures
        assert all(secrets)

        for failure in failures:
            channel, shipment = failure.arrange()
            with pytest.raises(SendError) as caught:
                channel.send(shipment, now=datetime.now(UTC))

            error = caught.value
            told = "".join((repr(error), *traceback.format_exception(error), caplog.text, *_chained(error)))
            assert error.message.endswith("."), failure.name
            assert [secret for secret in secrets if secret in told] == [], failure.name
            assert CONTENT["short"] not in told, failure.name


def _chained(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield repr(error)
        error = error.__cause__ or error.__context__


# A real server on this machine.


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


# Instead of an answer: what the server does with the open connection.
Act = Callable[["Receiver", BaseHTTPRequestHandler], None]


@dataclass
class Receiver:
    """Answers each request with the next of `answers`, then with 204. `is_over` is set when the test ends."""

    port: int = 0
    answers: list[Answer | Act] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    server_names: list[str | None] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ta-emot"

    def meet(self, handler: BaseHTTPRequestHandler) -> None:
        answer = self.answers.pop(0) if self.answers else Answer()
        handler.close_connection = True
        if not isinstance(answer, Answer):
            answer(self, handler)
            return
        self.read(handler)
        self.write(handler, answer)

    def write(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer.body)

    def read(self, handler: BaseHTTPRequestHandler) -> None:
        """Take the request in: the work is done from here on."""
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append(Request(handler.command, handler.path, headers, body))


@dataclass
class FakeApi(Receiver):
    """A server that keeps one channel's contract. A subclass says what its API does with each request.

    `trouble` is met by the next request that publishes something, once. What a test has put in `answers` comes first.
    """

    trouble: Trouble | None = None

    def publishes(self, request: Request) -> bool:
        """Whether it is by this request that people get to see something."""
        raise NotImplementedError

    def handle(self, request: Request) -> Answer:
        """Do what the request asks for, and answer."""
        raise NotImplementedError

    def refuse(self, trouble: Trouble, request: Request) -> Answer:
        """The API's own way of refusing, for the troubles in REFUSED."""
        statuses = {Trouble.BUSY: 503, Trouble.BAD_POST: 422, Trouble.BAD_LOGIN: 401, Trouble.THROTTLED: 429}
        if trouble is Trouble.REDIRECT:
            return Answer(302, {"Location": self.url})
        headers = {"Retry-After": "120"} if trouble is Trouble.THROTTLED else {}
        return Answer(statuses[trouble], headers)

    def meet(self, handler: BaseHTTPRequestHandler) -> None:
        if self.answers:
            super().meet(handler)
            return
        handler.close_connection = True
        self.read(handler)
        request = self.requests[-1]
        trouble = self.trouble if self.publishes(request) else None
        if trouble is not None:
            self.trouble = None
        if trouble in REFUSED:
            self.write(handler, self.refuse(trouble, request))
            return
        answer = self.handle(request) if trouble is not Trouble.SILENT else None
        if trouble in (Trouble.SILENT, Trouble.WORKED_SILENTLY):
            self.is_over.wait(5)
        elif trouble is Trouble.WORKED_AND_CUT:
            handler.connection.shutdown(socket.SHUT_RDWR)
        elif trouble is Trouble.NONSENSE:
            self.write(handler, Answer(500, {"Content-Type": "text/html"}, b"<html>Fel</html>"))
        else:
            assert answer is not None
            self.write(handler, answer)


@contextmanager
def receiving(*, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that listens on 127.0.0.1, over TLS if given a context."""
    with serving(Receiver(), tls=tls) as receiver:
        yield receiver


R = TypeVar("R", bound=Receiver)


@contextmanager
def serving(receiver: R, *, tls: ssl.SSLContext | None = None) -> Iterator[R]:
    """`receiver` listening on 127.0.0.1, over TLS if given a context."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            with suppress(OSError):  # the caller may have hung up
                receiver.meet(self)

        do_GET = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_POST  # noqa: N815 - the base class looks for these names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: receiver.server_names.append(name)
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def keep_silent(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
    """Neither work nor answer."""
    receiver.is_over.wait(5)


def work_and_keep_silent(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
    """Do the work, and never say so."""
    receiver.read(handler)
    receiver.is_over.wait(5)


def work_and_hang_up(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
    """Do the work and cut the line without a word."""
    receiver.read(handler)
    handler.connection.shutdown(socket.SHUT_RDWR)


def work_and_talk_nonsense(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
    """Do the work and answer in another protocol."""
    receiver.read(handler)
    handler.wfile.write(b"220 post.example ESMTP\r\n\r\n")


def work_and_drip_status(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
    """An answer that never comes to the point, a little at a time, so that no read is ever late."""
    receiver.read(handler)
    while not receiver.is_over.wait(0.02):
        handler.wfile.write(b"x")


def work_and_drip_body(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
    """Accept at once, and never finish saying so."""
    receiver.read(handler)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not receiver.is_over.wait(0.02):
        handler.wfile.write(b"x")


def unused_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
