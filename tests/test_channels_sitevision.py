"""Our contract for Sitevision, against the example of a receiver and against one that fails as it is told."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from campaigns.channels.base import (
    Channel,
    Correcting,
    Environment,
    NotSentError,
    Outcome,
    Probing,
    Shipment,
    UnknownOutcomeError,
    Withdrawing,
)
from campaigns.channels.credentials import CredentialError
from campaigns.channels.signing import MOST_BYTES, message_id
from campaigns.channels.sitevision import PROBED, Sitevision
from tests import example_receiver
from tests.builders import make_channel
from tests.contracts import (
    CONTENT,
    Answer,
    Failure,
    FakeApi,
    MakeTrouble,
    OutsideContract,
    Published,
    Request,
    Trouble,
    keep_silent,
    make_shipment,
    serving,
    unused_port,
    work_and_drip_status,
    work_and_hang_up,
    work_and_talk_nonsense,
)

SECRET = "whsec_" + base64.b64encode(b"ett riktigt hemligt ord, 32 byte").decode()
KEY = "aneby/valborg/2027/veckan.foraldrar:sitevision:sv:1"
ITEM = message_id(KEY)
PAGE = f"https://www.aneby.se/nyheter/{ITEM}"


@dataclass
class Site(FakeApi):
    """A site that keeps the contract, and checks each request as a receiver must."""

    items: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    state: str = "published"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/rest-api/hemlig-app"

    def publishes(self, request: Request) -> bool:
        return request.method == "PUT"

    def handle(self, request: Request) -> Answer:
        event, item = self.checked(request)
        known = self.items.get(item, {})
        if request.method == "PUT" and known is not None and known.get("timestamp", "") < event["timestamp"]:
            self.items[item] = event
        if request.method == "DELETE" and item in self.items:
            self.items[item] = None
        if item not in self.items:
            return told(404, "missing")
        return told(200, "removed") if self.items[item] is None else told(200, self.state, PAGE)

    def checked(self, request: Request) -> tuple[dict[str, Any], str]:
        payload = ""
        if request.body:
            assert request.headers["content-type"] == "application/x-www-form-urlencoded"
            [[name, [payload]]] = parse_qs(request.body.decode(), strict_parsing=True).items()
            assert name == "payload"
        event: dict[str, Any] = json.loads(payload) if payload else {}
        start, _, item = request.path.rpartition("/")
        assert start == "/rest-api/hemlig-app/items"
        identity = request.headers["webhook-id"]
        if request.method == "PUT":
            verified = Verifier(SECRET).verify(payload, request.headers)
            assert verified == event
            assert event["data"].get("item", identity) == item
            assert event["type"] == ("post.corrected" if "item" in event["data"] else "post.published")
        else:
            assert not request.body
            assert identity == f"{request.method.lower()}_{item}"
            signer = Verifier(SECRET)
            at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), tz=UTC)
            assert signer.sign(identity, at, "") in request.headers["webhook-signature"].split()
        return event, item

    @property
    def standing(self) -> list[dict[str, Any]]:
        return [event["data"]["content"] for event in self.items.values() if event]


def told(status: int, state: str, url: str = "") -> Answer:
    body = json.dumps({"state": state, "url": url}).encode()
    return Answer(status, {"Content-Type": "application/json"}, body)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site()) as site:
        yield site


@pytest.fixture
def channel() -> Channel:
    return make_sitevision()


@pytest.fixture
def shipment(site: Site) -> Shipment:
    return shipment_to(site.url)


def make_sitevision(secret: str = SECRET) -> Sitevision:
    return Sitevision(Environment({"NYCKEL": secret}, timeout=(1, 0.2), longest=0.4))


def shipment_to(url: str, **config: Any) -> Shipment:
    settings: dict[str, Any] = {"url": url, "secret": "env:NYCKEL", "allow_private_addresses": True, **config}
    return make_shipment(make_channel("sitevision", **settings), key=KEY)


def now() -> datetime:
    return datetime.now(UTC)


def corrected(shipment: Shipment, title: str = "Rättad", *, version: int = 2, item: str = ITEM) -> Shipment:
    payload = json.dumps({**CONTENT, "title": title}, ensure_ascii=False).encode()
    due_at = shipment.due_at + timedelta(hours=version)
    return replace(shipment, key=f"{KEY[:-1]}{version}", payload=payload, reference=item, due_at=due_at)


def withdrawn(shipment: Shipment, item: str = ITEM) -> Shipment:
    return replace(shipment, key=f"{KEY}:dra-tillbaka", reference=item)


class TestSitevision(OutsideContract):
    @pytest.fixture
    def published(self, site: Site) -> Published:
        return lambda: site.standing

    @pytest.fixture
    def trouble(self, site: Site) -> MakeTrouble:
        def make(what: Trouble) -> None:
            site.trouble = what

        return make

    def test_can_be_corrected_withdrawn_and_probed(self, channel: Channel) -> None:
        assert isinstance(channel, Correcting)
        assert isinstance(channel, Withdrawing)
        assert isinstance(channel, Probing)

    def test_never_alters_the_content(self, channel: Channel, shipment: Shipment, published: Published) -> None:
        channel.send(shipment, now=now())

        assert list(published()) == [json.loads(shipment.payload)]

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        raw = SECRET.removeprefix("whsec_")
        return [SECRET, raw, base64.b64decode(raw).decode(), "hemlig-app"]

    @pytest.fixture
    def failures(self, site: Site, shipment: Shipment) -> Sequence[Failure]:
        def met_by(answer: Any, **change: Any) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                site.answers = [answer]
                return make_sitevision(), replace(shipment, **change)

            return arrange

        statuses = (302, 400, 401, 403, 404, 410, 413, 422, 429, 500, 503)
        acts = (keep_silent, work_and_hang_up, work_and_talk_nonsense, work_and_drip_status)
        echo = {"Location": "/rest-api/hemlig-app", "Retry-After": SECRET}
        closed = shipment_to(f"http://127.0.0.1:{unused_port()}/hemlig-app")
        return [
            *(Failure(str(code), met_by(Answer(code, echo, SECRET.encode()))) for code in statuses),
            *(Failure(f"look {code}", met_by(Answer(code, echo), maybe_sent=True)) for code in statuses),
            *(Failure(act.__name__, met_by(act)) for act in acts),
            Failure("state", met_by(told(200, SECRET))),
            Failure("refused", lambda: (make_sitevision(), closed)),
            Failure("query", lambda: (make_sitevision(), shipment_to("https://a.example/?hemlig-app"))),
            Failure("secret", lambda: (make_sitevision(f"{SECRET}å"), shipment)),
        ]


# What comes of it.


@pytest.mark.parametrize(
    ("state", "outcome", "url"), [("published", Outcome.PUBLISHED, PAGE), ("draft", Outcome.HANDED_OVER, PAGE)]
)
def test_the_receipt_says_whether_people_see_it_yet_and_where(
    site: Site, channel: Channel, shipment: Shipment, state: str, outcome: Outcome, url: str
) -> None:
    site.state = state

    receipt = channel.send(shipment, now=now())
    assert (receipt.outcome, receipt.reference, receipt.url) == (outcome, ITEM, url)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "http://a.se", "https://a.se/x\r\ny", "https://a.se:x/", 7, None]
)
def test_an_address_that_people_cannot_be_led_to_is_left_out(
    site: Site, channel: Channel, shipment: Shipment, url: object
) -> None:
    site.answers = [Answer(200, body=json.dumps({"state": "published", "url": url}).encode())]

    receipt = channel.send(shipment, now=now())
    assert (receipt.outcome, receipt.url) == (Outcome.PUBLISHED, "")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>Logga in</html>", b'{"state": "klar"}', b'{"state": ["published"]}']
)
def test_an_answer_that_does_not_keep_the_contract_is_unknown(
    site: Site, channel: Channel, shipment: Shipment, body: bytes
) -> None:
    site.answers = [Answer(200, body=body)]

    with pytest.raises(UnknownOutcomeError, match="läge"):
        channel.send(shipment, now=now())


def test_after_an_unknown_outcome_it_is_looked_for_first(site: Site, channel: Channel, shipment: Shipment) -> None:
    channel.send(shipment, now=now())
    channel.send(replace(shipment, attempt=2, maybe_sent=True), now=now())

    assert [request.method for request in site.requests] == ["PUT", "GET"]


@pytest.mark.parametrize("answer", [Answer(302), Answer(404), Answer(410), Answer(500), Answer(200, body=b"x")])
def test_a_look_that_fails_leaves_the_outcome_unknown_and_puts_nothing(
    site: Site, channel: Channel, shipment: Shipment, answer: Answer
) -> None:
    site.answers = [answer]

    with pytest.raises(UnknownOutcomeError, match="osäkert"):
        channel.send(replace(shipment, attempt=2, maybe_sent=True), now=now())
    assert site.standing == []


def test_what_an_editor_has_taken_away_is_not_put_there_again(site: Site, channel: Channel, shipment: Shipment) -> None:
    channel.send(shipment, now=now())
    site.items[ITEM] = None

    for maybe_sent in (True, False):
        with pytest.raises(NotSentError, match="borttaget") as caught:
            channel.send(replace(shipment, maybe_sent=maybe_sent), now=now())
        assert caught.value.is_permanent
    with pytest.raises(NotSentError, match="borttaget"):
        make_sitevision().correct(corrected(shipment), now=now())
    assert site.standing == []


# Putting right and taking away.


def test_a_correction_takes_the_place_of_what_stands_and_can_be_corrected_again(site: Site, shipment: Shipment) -> None:
    sitevision = make_sitevision()
    first = sitevision.send(shipment, now=now())
    second = sitevision.correct(corrected(shipment, item=first.reference), now=now())
    third = sitevision.correct(corrected(shipment, "Igen", version=3, item=second.reference), now=now())
    sitevision.correct(corrected(shipment, item=first.reference), now=now())  # late, and left alone

    assert first == second == third
    assert [content["title"] for content in site.standing] == ["Igen"]
    assert len({request.headers["webhook-id"] for request in site.requests}) == 3


def test_a_withdrawal_takes_it_away_and_does_so_once_more_without_harm(site: Site, shipment: Shipment) -> None:
    sitevision = make_sitevision()
    item = sitevision.send(shipment, now=now()).reference
    sitevision.withdraw(withdrawn(shipment, item), now=now())
    sitevision.withdraw(withdrawn(shipment, item), now=now())
    sitevision.withdraw(withdrawn(shipment, f"msg_{'a' * 32}"), now=now())

    assert site.standing == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (told(200, "published", PAGE), UnknownOutcomeError),
        (Answer(204), UnknownOutcomeError),
        (Answer(404), NotSentError),
        (Answer(500), UnknownOutcomeError),
    ],
)
def test_a_withdrawal_is_done_only_when_the_receiver_says_so(
    site: Site, shipment: Shipment, answer: Answer, expected: type[Exception]
) -> None:
    site.answers = [answer]

    with pytest.raises(expected):
        make_sitevision().withdraw(withdrawn(shipment), now=now())


@pytest.mark.parametrize("reference", ["", "../../../admin", f"msg_{'/' * 32}", f"msg_{'å' * 32}"])
def test_what_cannot_be_named_is_not_changed(site: Site, shipment: Shipment, reference: str) -> None:
    for act in (make_sitevision().correct, make_sitevision().withdraw):
        with pytest.raises(NotSentError, match="för hand"):
            act(replace(shipment, reference=reference), now=now())

    assert site.requests == []


# What is refused before anything is sent, and the probe.


def test_a_probe_proves_the_address_and_the_secret_and_puts_nothing(site: Site, shipment: Shipment) -> None:
    assert make_sitevision().probe(shipment.channel, now=now()) == "Mottagaren svarar, och godtar vår signatur."
    assert [(request.method, request.path.rpartition("/")[2]) for request in site.requests] == [("GET", PROBED)]

    site.answers = [Answer(404)]
    with pytest.raises(NotSentError, match="404"):
        make_sitevision().probe(shipment.channel, now=now())
    site.answers = [told(200, "published", PAGE)]
    with pytest.raises(NotSentError, match="aldrig har funnits"):
        make_sitevision().probe(shipment.channel, now=now())


@pytest.mark.parametrize(
    "config", [{"url": None}, {"secret": None}, {"url": "https://a.se/x?y=1"}, {"url": "https://a.se/#x"}]
)
def test_a_channel_without_what_it_needs_is_stopped(site: Site, config: dict[str, Any]) -> None:
    shipment = shipment_to(site.url)
    with pytest.raises(CredentialError, match="Sitevision-kanalen"):
        make_sitevision().send(replace(shipment, channel=replace(shipment.channel, **config)), now=now())


def test_a_text_that_is_too_large_is_refused_for_good(site: Site, channel: Channel, shipment: Shipment) -> None:
    payload = json.dumps({**CONTENT, "body": "x" * MOST_BYTES}).encode()
    with pytest.raises(NotSentError, match="för stort") as caught:
        channel.send(replace(shipment, payload=payload), now=now())

    assert caught.value.is_permanent
    assert site.requests == []


# The example that the README shows.


@contextmanager
def example() -> Iterator[tuple[str, type[example_receiver.Receiver]]]:
    class Quiet(example_receiver.Receiver):
        secret = base64.b64decode(SECRET.removeprefix("whsec_"))
        items: dict[str, Any] = {}  # noqa: RUF012 - as in the example

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/x", Quiet
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_example_keeps_the_contract() -> None:
    sitevision = make_sitevision()
    with example() as (url, receiver):
        shipment = shipment_to(url)
        assert sitevision.probe(shipment.channel, now=now()).startswith("Mottagaren svarar")
        first = sitevision.send(shipment, now=now())
        again = sitevision.send(replace(shipment, attempt=2, maybe_sent=True), now=now())
        repeat = sitevision.send(replace(shipment, attempt=3), now=now())
        assert first == again == repeat
        assert (first.outcome, first.url) == (Outcome.PUBLISHED, f"https://www.exempel.se/nyheter/{ITEM}")

        sitevision.correct(corrected(shipment), now=now())
        sitevision.send(shipment, now=now())  # late, and left alone
        assert [event["data"]["content"]["title"] for event in receiver.items.values()] == ["Rättad"]

        sitevision.withdraw(withdrawn(shipment), now=now())
        sitevision.withdraw(withdrawn(shipment), now=now())
        assert receiver.items == {ITEM: None}
        with pytest.raises(NotSentError, match="borttaget"):
            sitevision.send(shipment, now=now())


@pytest.mark.parametrize("age", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_the_example_refuses_an_old_signature(age: timedelta) -> None:
    with example() as (url, receiver), pytest.raises(NotSentError, match="401"):
        make_sitevision().send(shipment_to(url), now=now() - age)

    assert receiver.items == {}


def test_the_example_refuses_another_secret_and_takes_one_of_two() -> None:
    other = "whsec_" + base64.b64encode(b"ett annat hemligt ord av 32 byte").decode()
    with example() as (url, receiver):
        with pytest.raises(NotSentError, match="401"):
            make_sitevision(other).send(shipment_to(url), now=now())
        assert receiver.items == {}

        make_sitevision(f"{other} {SECRET}").send(shipment_to(url), now=now())
        assert list(receiver.items) == [ITEM]


@pytest.mark.parametrize(("method", "path"), [("DELETE", ITEM), ("PUT", f"msg_{'a' * 32}"), ("GET", f"msg_{'a' * 32}")])
def test_the_example_does_nothing_else_by_a_request_that_it_has_seen(site: Site, method: str, path: str) -> None:
    """Somebody has a whole look-up or a whole publication, and sends its bytes by another way."""
    shipment = shipment_to(site.url)
    make_sitevision().send(shipment, now=now())
    make_sitevision().send(replace(shipment, maybe_sent=True), now=now())
    seen = site.requests[0] if method == "PUT" else site.requests[1]

    with example() as (url, receiver):
        make_sitevision().send(shipment_to(url), now=now())
        connection = HTTPConnection("127.0.0.1", int(url.split(":")[2].split("/")[0]), timeout=2)
        kept = {name: value for name, value in seen.headers.items() if name.startswith(("webhook", "content"))}
        connection.request(method, f"/x/items/{path}", body=seen.body or None, headers=kept)
        status = connection.getresponse().status
        connection.close()

        assert status == 400
        assert [event["type"] for event in receiver.items.values()] == ["post.published"]


def test_the_example_runs_as_a_program_of_its_own() -> None:
    file, port = Path(example_receiver.__file__), unused_port()
    environ = {**os.environ, "SECRET": SECRET, "PORT": str(port)}
    with subprocess.Popen([sys.executable, str(file)], env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            said = make_sitevision().probe(shipment_to(f"http://127.0.0.1:{port}").channel, now=now())
        finally:
            process.kill()

    assert said == "Mottagaren svarar, och godtar vår signatur."


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the program never listened")


def test_the_reference_implementation_refuses_the_form_and_takes_the_payload(
    site: Site, channel: Channel, shipment: Shipment
) -> None:
    """It is the payload that is signed: what a RESTApp is given."""
    channel.send(shipment, now=now())
    request = site.requests[0]

    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(request.body, request.headers)
    [payload] = parse_qs(request.body.decode())["payload"]
    assert Verifier(SECRET).verify(payload, request.headers)["type"] == "post.published"
