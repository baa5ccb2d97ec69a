"""One call over HTTP: what surely was not sent, what may have been, and where it may go."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest

from campaigns.channels.base import Environment, NotSentError, UnknownOutcomeError
from campaigns.channels.http import MOST_BYTES, Response, call
from campaigns.channels.line import Lines
from tests.builders import make_channel
from tests.contracts import (
    Answer,
    Receiver,
    keep_silent,
    receiving,
    unused_port,
    work_and_drip_body,
    work_and_drip_status,
    work_and_hang_up,
    work_and_keep_silent,
    work_and_talk_nonsense,
)

NOW = datetime(2027, 4, 22, 14, 30, tzinfo=UTC)

# A pair for mottagare.example that protects nothing, good until 2126. Made with: openssl req -x509 -newkey ec
# -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -addext subjectAltName=DNS:mottagare.example
TLS_PAIR = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgk3vOeex69AVNc/sV
V53WsAWJHEdNoXqNx6QkULziSbihRANCAASSfFMOL2GlUjATv32hkW6drL0H/BVU
lyF2vJ4WbvmtjELXu8VtMy+pNR62yZujy2Gpj/7P9B1dQUaDbaLS/NEQ
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBrDCCAVOgAwIBAgIUHQqEpey1LOqYi+zMHU5zevMfBj4wCgYIKoZIzj0EAwIw
HDEaMBgGA1UEAwwRbW90dGFnYXJlLmV4YW1wbGUwIBcNMjYxMTIzMjIzMzUyWhgP
MjEyNjEwMzAyMjMzNTJaMBwxGjAYBgNVBAMMEW1vdHRhZ2FyZS5leGFtcGxlMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEknxTDi9hpVIwE799oZFunay9B/wVVJch
dryeFm75rYxC17vFbTMvqTUetsmbo8thqY/+z/QdXUFGg22i0vzREKNxMG8wHQYD
VR0OBBYEFOVOeLAeKyh6Dazwk1BgqM+ts+C3MB8GA1UdIwQYMBaAFOVOeLAeKyh6
Dazwk1BgqM+ts+C3MA8GA1UdEwEB/wQFMAMBAf8wHAYDVR0RBBUwE4IRbW90dGFn
YXJlLmV4YW1wbGUwCgYIKoZIzj0EAwIDRwAwRAIgGt1zbgwez8qAku2Kil9xDPS1
+EL/x0kI6tIw7SpTzI0CIE1b5on3h5/xxAEpvJTXSuvr9XLqo9NbD+K0j7YLCqgK
-----END CERTIFICATE-----
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    path = tmp_path / "pair.pem"
    path.write_text(TLS_PAIR, encoding="ascii")
    return path


@pytest.fixture
def tls_receiver(pair: Path) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    with receiving(tls=context) as receiver:
        yield receiver


class Names:
    """A name server whose answers change: each question gets the next, and the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def post(
    url: str,
    *,
    body: bytes = b"hej",
    allow_private: bool = True,
    timeout: tuple[float, float] = (1, 1),
    longest: float = 5,
    ca_file: str | None = None,
    names: Names | None = None,
    lines: Lines | None = None,
) -> Response:
    environ = {"REQUESTS_CA_BUNDLE": ca_file} if ca_file else {}
    return call(
        "POST",
        url,
        environment=Environment(environ, timeout, longest, names or Names(["127.0.0.1"])),
        channel=make_channel("webhook", allow_private_addresses=allow_private),
        headers={"Authorization": "Bearer hemligt"},
        body=body,
        lines=lines,
    )


# What leaves, and what comes back.


def test_the_exact_bytes_and_headers_arrive(receiver: Receiver) -> None:
    body = "Å ä ö\r\n\x00".encode()

    post(receiver.url, body=body)

    assert [(each.method, each.path, each.body) for each in receiver.requests] == [("POST", "/ta-emot", body)]
    assert receiver.requests[0].headers["authorization"] == "Bearer hemligt"
    assert receiver.requests[0].headers["host"] == f"127.0.0.1:{receiver.port}"
    assert "cookie" not in receiver.requests[0].headers


def test_an_answer_of_any_status_is_returned(receiver: Receiver) -> None:
    receiver.answers = [Answer(422, {"X-Restli-Id": "urn:1"}, b"nej")]

    answer = post(receiver.url)

    assert (answer.status, answer.body, answer.is_whole) == (422, b"nej", True)
    assert answer.headers["x-restli-id"] == "urn:1"


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answers = [Answer(307, {"Location": receiver.url})]

    assert post(receiver.url).status == 307
    assert len(receiver.requests) == 1


def test_no_proxy_or_login_is_taken_from_the_environment(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login l password p", encoding="ascii")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_port()}")

    channel = make_channel("webhook", allow_private_addresses=True)
    call("GET", receiver.url, environment=Environment({}), channel=channel)

    assert "authorization" not in receiver.requests[0].headers


@pytest.mark.parametrize(("size", "is_whole"), [(MOST_BYTES, True), (MOST_BYTES + 1, False), (1_000_000, False)])
def test_no_more_of_the_body_is_read_than_there_is_room_for(receiver: Receiver, size: int, is_whole: bool) -> None:
    receiver.answers = [Answer(200, body=b"x" * size)]

    answer = post(receiver.url)

    assert (answer.status, len(answer.body), answer.is_whole) == (200, min(size, MOST_BYTES), is_whole)


def test_a_body_that_is_cut_short_does_not_hide_the_status(receiver: Receiver) -> None:
    receiver.answers = [Answer(201, {"Content-Length": "100"}, b'{"id":')]

    answer = post(receiver.url)

    assert (answer.status, answer.body, answer.is_whole) == (201, b'{"id":', False)


def test_a_body_that_drips_for_ever_is_cut_when_the_time_is_up(receiver: Receiver) -> None:
    receiver.answers = [work_and_drip_body]
    started = monotonic()

    answer = post(receiver.url, longest=0.3)

    assert (answer.status, answer.is_whole) == (200, False)
    assert monotonic() - started < 3


# Lines that are kept for a batch.


@pytest.fixture
def patient(receiver: Receiver) -> Lingering:
    """A receiver that keeps its lines, and knows how many there have been."""
    return Lingering(receiver)


class Lingering:
    """Answers every request with 204 and keeps the line, until told to `hang_up`."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.lines: list[socket.socket] = []
        receiver.answers = [self.answer] * 10

    def answer(self, receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
        if handler.connection not in self.lines:
            self.lines.append(handler.connection)
        receiver.read(handler)
        receiver.write(handler, Answer())
        handler.close_connection = False

    def hang_up(self) -> None:
        self.lines[-1].shutdown(socket.SHUT_RDWR)


def test_a_batch_keeps_its_line_and_other_calls_have_their_own(patient: Lingering) -> None:
    url = patient.receiver.url
    with Lines() as lines:
        for _ in range(3):
            assert post(url, lines=lines).status == 204
    post(url)
    post(url)

    assert len(patient.receiver.requests) == 5
    assert len(patient.lines) == 3


def test_a_line_is_not_kept_between_places_or_for_long(patient: Lingering, monkeypatch: pytest.MonkeyPatch) -> None:
    with Lines() as lines:
        post(patient.receiver.url, lines=lines)
        post(f"http://mottagare.example:{patient.receiver.port}/", lines=lines)
        assert len(patient.lines) == 2
        monkeypatch.setattr(Lines, "KEPT_FOR", 0)
        post(f"http://mottagare.example:{patient.receiver.port}/", lines=lines)

    assert len(patient.lines) == 3


def test_a_kept_line_that_the_receiver_has_left_is_not_used(patient: Lingering) -> None:
    with Lines() as lines:
        post(patient.receiver.url, lines=lines)
        patient.hang_up()
        assert post(patient.receiver.url, lines=lines).status == 204

    assert (len(patient.lines), len(patient.receiver.requests)) == (2, 2)


def test_a_kept_line_that_breaks_after_the_request_is_unknown_and_not_repeated(patient: Lingering) -> None:
    patient.receiver.answers = [patient.answer, work_and_hang_up]
    with Lines() as lines:
        post(patient.receiver.url, lines=lines)
        with pytest.raises(UnknownOutcomeError):
            post(patient.receiver.url, lines=lines)

    assert len(patient.receiver.requests) == 2


def test_each_call_on_a_kept_line_has_its_own_time(patient: Lingering) -> None:
    patient.receiver.answers = [patient.answer, patient.answer, work_and_drip_status]
    started = monotonic()
    with Lines() as lines:
        for _ in range(2):
            post(patient.receiver.url, lines=lines, longest=0.6)
        with pytest.raises(UnknownOutcomeError):
            post(patient.receiver.url, lines=lines, longest=0.6)

    assert 0.6 <= monotonic() - started < 5


def test_a_batch_keeps_its_line_over_tls(tls_receiver: Receiver, pair: Path) -> None:
    patient = Lingering(tls_receiver)
    url = f"https://mottagare.example:{tls_receiver.port}/x"
    with Lines() as lines:
        for _ in range(3):
            post(url, lines=lines, ca_file=str(pair))

    assert (len(patient.lines), tls_receiver.server_names) == (1, ["mottagare.example"])


# The three outcomes, on the wire.


@pytest.mark.parametrize(
    "act", [keep_silent, work_and_keep_silent, work_and_hang_up, work_and_talk_nonsense], ids=lambda act: act.__name__
)
def test_no_status_after_the_connection_stood_is_unknown(
    receiver: Receiver, act: Callable[[Receiver, BaseHTTPRequestHandler], None]
) -> None:
    receiver.answers = [act]

    with pytest.raises(UnknownOutcomeError, match=r"127\.0\.0\.1.*osäkert"):
        post(receiver.url, timeout=(1, 0.2))


def test_an_answer_that_drips_for_ever_is_cut_when_the_time_is_up_and_unknown(receiver: Receiver) -> None:
    receiver.answers = [work_and_drip_status]
    started = monotonic()

    with pytest.raises(UnknownOutcomeError):
        post(receiver.url, longest=0.3)
    assert monotonic() - started < 3


def test_a_status_counts_though_the_line_is_cut_among_the_headers(receiver: Receiver) -> None:
    def answer_half(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
        receiver.read(handler)
        handler.wfile.write(b"HTTP/1.1 202 Accepted\r\nContent-Ty")

    receiver.answers = [answer_half]

    assert post(receiver.url).status == 202


def test_contradictory_headers_after_the_work_are_unknown(receiver: Receiver) -> None:
    def contradict(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
        receiver.read(handler)
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhej")

    receiver.answers = [contradict]

    with pytest.raises(UnknownOutcomeError):
        post(receiver.url)


def test_a_refused_connection_was_surely_not_sent() -> None:
    with pytest.raises(NotSentError, match="ansluta till 127") as caught:
        post(f"http://127.0.0.1:{unused_port()}/")

    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, False)


def test_a_connection_that_never_stands_was_surely_not_sent() -> None:
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for waiting in (first, second):  # fill the queue of a server that never answers the door
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())

        with pytest.raises(NotSentError, match="svarar inte på anslutningen"):
            post(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=(0.2, 1))


# Where it may go.


def test_the_address_that_was_checked_is_the_one_called_even_if_the_name_has_moved(receiver: Receiver) -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])

    post(f"http://mottagare.example:{receiver.port}/x", names=names)

    assert names.asked == ["mottagare.example"]
    assert receiver.requests[0].headers["host"] == f"mottagare.example:{receiver.port}"


def test_a_name_that_leads_inside_is_refused_before_any_connection(receiver: Receiver) -> None:
    names = Names(["127.0.0.1"], ["1.1.1.1"])

    with pytest.raises(NotSentError, match="internt nät") as caught:
        post(f"https://mottagare.example:{receiver.port}/x", allow_private=False, names=names)
    assert caught.value.stops_channel
    assert receiver.requests == []


def test_the_next_address_is_tried_when_the_first_does_not_answer(receiver: Receiver) -> None:
    post(f"http://mottagare.example:{receiver.port}/x", names=Names(["127.0.0.2", "127.0.0.1"]))

    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://mottagare.example/", "https://"),
        ("mottagare.example", "tyda"),
        ("https://", "tyda"),
        ("https://[::1/", "tyda"),
        ("https://mottagare.example:99999/", "tyda"),
        ("file:///etc/passwd", "https://"),
        ("https://namn:hemligt@mottagare.example/", "lösenord"),
        ("http://mottagare.example/", "bara med allow_private_addresses"),
    ],
)
def test_a_wrong_url_stops_the_channel_with_a_sentence_that_does_not_repeat_it(url: str, why: str) -> None:
    with pytest.raises(NotSentError, match=why) as caught:
        post(url, allow_private=False)

    assert caught.value.stops_channel
    assert "mottagare" not in caught.value.message
    assert "hemligt" not in caught.value.message


# TLS.


def test_over_tls_the_name_is_what_the_receiver_hears_and_proves(tls_receiver: Receiver, pair: Path) -> None:
    answer = post(
        f"https://mottagare.example:{tls_receiver.port}/x", ca_file=str(pair), names=Names(["127.0.0.1"], ["1.1.1.1"])
    )

    assert answer.status == 204
    assert tls_receiver.server_names == ["mottagare.example"]
    assert tls_receiver.requests[0].headers["host"] == f"mottagare.example:{tls_receiver.port}"


def test_a_certificate_for_another_name_is_refused_and_nothing_is_sent(tls_receiver: Receiver, pair: Path) -> None:
    with pytest.raises(NotSentError, match="certifikatet") as caught:
        post(f"https://annan.example:{tls_receiver.port}/x", ca_file=str(pair))

    assert caught.value.stops_channel
    assert tls_receiver.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_receiver: Receiver) -> None:
    with pytest.raises(NotSentError, match="certifikatet"):
        post(f"https://mottagare.example:{tls_receiver.port}/x")

    assert tls_receiver.requests == []


def test_a_missing_file_of_authorities_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotSentError, match=r"saknas\.pem") as caught:
        post("https://mottagare.example/x", ca_file=str(tmp_path / "saknas.pem"))

    assert caught.value.stops_channel


def test_tls_that_breaks_after_the_request_is_unknown_and_not_a_certificate_fault(
    tls_receiver: Receiver, pair: Path
) -> None:
    def break_tls(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
        receiver.read(handler)
        with socket.socket(fileno=socket.dup(handler.connection.fileno())) as raw:
            raw.sendall(b"HTTP/1.1 200 OK\r\n\r\n")  # not encrypted

    tls_receiver.answers = [break_tls]

    with pytest.raises(UnknownOutcomeError):
        post(f"https://mottagare.example:{tls_receiver.port}/x", ca_file=str(pair))
    assert len(tls_receiver.requests) == 1


def test_a_connection_that_is_cut_in_the_handshake_was_surely_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        waiting = Thread(target=lambda: server.accept()[0].close())
        waiting.start()
        with pytest.raises(NotSentError):
            post(f"https://mottagare.example:{server.getsockname()[1]}/x")
        waiting.join()
