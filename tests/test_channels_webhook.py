"""The signed webhook against a real server that verifies with the reference implementation of Standard Webhooks."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from campaigns.channels.base import (
    Channel,
    Correcting,
    Environment,
    NotSentError,
    Outcome,
    Picture,
    Probing,
    Shipment,
    UnknownOutcomeError,
    Withdrawing,
)
from campaigns.channels.credentials import CredentialError
from campaigns.channels.signing import MOST_BYTES, Event, body_of, headers_of, item_of, keys, message_id
from campaigns.channels.webhook import Webhook
from tests.builders import make_channel
from tests.contracts import (
    CONTENT,
    Answer,
    Failure,
    FakeApi,
    MakeTrouble,
    OutsideContract,
    Published,
    Receiver,
    Request,
    Trouble,
    keep_silent,
    make_shipment,
    receiving,
    serving,
    unused_port,
    work_and_drip_body,
    work_and_drip_status,
    work_and_hang_up,
    work_and_keep_silent,
    work_and_talk_nonsense,
)

SECRET = "whsec_" + base64.b64encode(b"ett riktigt hemligt ord, 32 byte").decode()
NEXT_SECRET = "whsec_" + base64.b64encode(b"det nya riktigt hemliga ordet!! ").decode()
QUERY = "token=hemlig-fraga"

Act = Callable[[Receiver, BaseHTTPRequestHandler], None]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def shipment(receiver: Receiver) -> Shipment:
    return shipment_to(f"{receiver.url}?{QUERY}")


@pytest.fixture
def channel() -> Channel:
    return make_webhook()


def shipment_to(url: str, *, secret: str = "env:NYCKEL", allow_private: bool = True) -> Shipment:
    return make_shipment(
        make_channel("webhook", url=url, secret=secret, allow_private_addresses=allow_private),
        key="aneby/valborg/2027/veckan.foraldrar:webhook:sv:1",
    )


def make_webhook(secret: str = SECRET) -> Webhook:
    return Webhook(Environment({"NYCKEL": secret}, timeout=(1, 0.2), longest=0.4))


def verify(request: Request, secret: str = SECRET) -> object:
    return Verifier(secret).verify(request.body, request.headers)


def contents(receiver: Receiver) -> list[dict[str, str]]:
    """What a receiver after the specification publishes: what verifies, once for each webhook-id."""
    known: dict[str, dict[str, str]] = {}
    for request in receiver.requests:
        message = verify(request)
        assert isinstance(message, dict)
        known.setdefault(request.headers["webhook-id"], message["data"]["content"])
    return list(known.values())


@dataclass
class Subscriber(FakeApi):
    """A receiver after the specification that refuses and fails as it is told."""

    known: dict[str, dict[str, str]] = field(default_factory=dict)

    def publishes(self, request: Request) -> bool:
        return True

    def handle(self, request: Request) -> Answer:
        message = verify(request)
        assert isinstance(message, dict)
        self.known.setdefault(request.headers["webhook-id"], message["data"]["content"])
        return Answer(204)


def now() -> datetime:
    """The reference implementation refuses signatures more than five minutes old."""
    return datetime.now(UTC)


class TestWebhook(OutsideContract):
    @pytest.fixture
    def receiver(self) -> Iterator[Subscriber]:
        with serving(Subscriber()) as receiver:
            yield receiver

    @pytest.fixture
    def published(self, receiver: Subscriber) -> Published:
        return lambda: list(receiver.known.values())

    @pytest.fixture
    def trouble(self, receiver: Subscriber) -> MakeTrouble:
        def make(what: Trouble) -> None:
            receiver.trouble = what

        return make

    def test_can_be_corrected_and_withdrawn(self, channel: Channel) -> None:
        assert isinstance(channel, Correcting)
        assert isinstance(channel, Withdrawing)

    def test_never_alters_the_content(self, channel: Channel, shipment: Shipment, published: Published) -> None:
        channel.send(shipment, now=now())

        assert list(published()) == [json.loads(shipment.payload)]

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        raw = SECRET.removeprefix("whsec_")
        return [SECRET, raw, base64.b64decode(raw).decode(), QUERY, "hemlig-fraga", "/ta-emot"]

    @pytest.fixture
    def failures(self, receiver: Receiver, shipment: Shipment) -> Sequence[Failure]:
        def met_by(answer: Answer | Act) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                receiver.answers = [answer]
                return make_webhook(), shipment

            return arrange

        statuses = (302, 400, 401, 403, 404, 410, 413, 422, 429, 500, 502, 503)
        acts = (keep_silent, work_and_hang_up, work_and_talk_nonsense, work_and_drip_status)
        echo = {"Location": f"/ta-emot?{QUERY}", "Retry-After": SECRET}
        refused = shipment_to(f"http://127.0.0.1:{unused_port()}/ta-emot?{QUERY}")
        inside = shipment_to(f"https://127.0.0.1/ta-emot?{QUERY}", allow_private=False)
        plain = shipment_to(f"http://1.1.1.1/ta-emot?{QUERY}", allow_private=False)
        broken = shipment_to(f"https://[/ta-emot?{QUERY}")
        return [
            *(Failure(str(status), met_by(Answer(status, echo, SECRET.encode()))) for status in statuses),
            *(Failure(act.__name__, met_by(act)) for act in acts),
            Failure("refused", lambda: (make_webhook(), refused)),
            Failure("inside", lambda: (make_webhook(), inside)),
            Failure("plain http", lambda: (make_webhook(), plain)),
            Failure("broken url", lambda: (make_webhook(), broken)),
            Failure("no secret", lambda: (Webhook(Environment(environ={"ANNAN": SECRET})), shipment)),
            Failure("secret in the file", lambda: (make_webhook(), shipment_to(receiver.url, secret=SECRET))),
            Failure("damaged secret", lambda: (make_webhook(f"{SECRET}å"), shipment)),
        ]


# What is sent.


def test_the_receiver_verifies_the_signature_and_reads_what_was_approved(
    receiver: Receiver, channel: Channel, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=now())

    assert verify(receiver.requests[0]) == {
        "type": "post.published",
        "timestamp": "2027-04-22T14:30:00Z",
        "data": {
            "key": "aneby/valborg/2027/veckan.foraldrar:webhook:sv:1",
            "municipality": "aneby",
            "channel": "webhook",
            "language": "sv",
            "page_url": "https://kampanj.example/sida/aneby#7",
            "content": CONTENT,
        },
    }
    assert receiver.requests[0].headers["content-type"] == "application/json"
    assert (receipt.outcome, receipt.reference) == (Outcome.HANDED_OVER, receiver.requests[0].headers["webhook-id"])


def test_every_try_has_the_same_id_and_body_and_a_signature_of_its_own(
    receiver: Receiver, channel: Channel, shipment: Shipment
) -> None:
    channel.send(shipment, now=now() - timedelta(minutes=2))
    channel.send(replace(shipment, attempt=2), now=now())

    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert verify(first) == verify(second)


def test_the_id_is_the_keys_own_and_has_no_full_stop() -> None:
    ids = {message_id(f"aneby/valborg/2027/dagen.foraldrar:webhook:sv:{version}") for version in range(50)}

    assert len(ids) == 50
    assert all(re.fullmatch(r"msg_[0-9a-f]{32}", found) for found in ids)
    # Fixed for ever: a new release must not make a receiver see a new message.
    assert message_id("a:webhook:sv:1") == "msg_38e85eec63645b4694b777e4711f90e7"


@pytest.mark.parametrize("change", ["body", "webhook-id", "webhook-timestamp"])
def test_what_has_been_tampered_with_does_not_verify(
    receiver: Receiver, channel: Channel, shipment: Shipment, change: str
) -> None:
    channel.send(shipment, now=now())
    true = receiver.requests[0]
    later = str(int(true.headers["webhook-timestamp"]) + 1)
    tampered = {
        "body": replace(true, body=true.body.replace("Köp inte".encode(), "Köp gärna".encode())),
        "webhook-id": replace(true, headers={**true.headers, "webhook-id": "msg_annan"}),
        "webhook-timestamp": replace(true, headers={**true.headers, "webhook-timestamp": later}),
    }[change]
    assert tampered != true

    with pytest.raises(WebhookVerificationError):
        verify(tampered)


def test_while_the_secret_is_changed_both_the_new_and_the_old_verify(receiver: Receiver, shipment: Shipment) -> None:
    make_webhook(f"{NEXT_SECRET} {SECRET}").send(shipment, now=now())
    request = receiver.requests[0]

    assert len(request.headers["webhook-signature"].split(" ")) == 2
    assert verify(request, NEXT_SECRET) == verify(request, SECRET)


def test_another_secret_does_not_verify(receiver: Receiver, channel: Channel, shipment: Shipment) -> None:
    channel.send(shipment, now=now())

    with pytest.raises(WebhookVerificationError):
        verify(receiver.requests[0], NEXT_SECRET)


def test_the_signature_is_that_of_the_specifications_example() -> None:
    """The test vector of the reference libraries."""
    [secret] = keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    headers = headers_of(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        secrets=[secret],
        now=datetime.fromtimestamp(1614265330, tz=UTC),
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


# What comes of it.


@pytest.mark.parametrize("status", [400, 404, 410, 413, 422, 301, 307])
def test_refused_for_good(receiver: Receiver, channel: Channel, shipment: Shipment, status: int) -> None:
    receiver.answers = [Answer(status, {"Location": receiver.url})]

    with pytest.raises(NotSentError, match=str(status)) as caught:
        channel.send(shipment, now=now())
    assert caught.value.is_permanent
    assert caught.value.stops_channel is (status == 410)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_stop_the_channel_and_spare_the_post(
    receiver: Receiver, channel: Channel, shipment: Shipment, status: int
) -> None:
    receiver.answers = [Answer(status)]

    with pytest.raises(NotSentError) as caught:
        channel.send(shipment, now=now())
    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("is_date", [True, False], ids=["date", "seconds"])
def test_refused_for_now_waits_as_long_as_it_is_asked_to(
    receiver: Receiver, channel: Channel, shipment: Shipment, status: int, is_date: bool
) -> None:
    moment = datetime(2027, 4, 22, 14, 30, tzinfo=UTC)
    until = format_datetime(moment + timedelta(minutes=10), usegmt=True)
    receiver.answers = [Answer(status, {"Retry-After": until if is_date else "600"})]

    with pytest.raises(NotSentError) as caught:
        channel.send(shipment, now=moment)
    assert not caught.value.is_permanent
    assert caught.value.retry_after == timedelta(minutes=10)


@pytest.mark.parametrize(
    "answer",
    [Answer(500), Answer(502), keep_silent, work_and_keep_silent, work_and_hang_up, work_and_talk_nonsense],
    ids=lambda answer: getattr(answer, "__name__", None) or str(answer.status),
)
def test_an_unknown_outcome_is_said_to_be_unknown_and_its_repeat_publishes_once(
    receiver: Receiver, channel: Channel, shipment: Shipment, answer: Answer | Act
) -> None:
    receiver.answers = [answer]

    with pytest.raises(UnknownOutcomeError, match="osäkert"):
        channel.send(shipment, now=now())
    channel.send(replace(shipment, attempt=2), now=now())

    assert contents(receiver) == [CONTENT]


def test_an_accepting_status_counts_though_the_body_never_ends(
    receiver: Receiver, channel: Channel, shipment: Shipment
) -> None:
    receiver.answers = [work_and_drip_body]

    assert channel.send(shipment, now=now()).outcome is Outcome.HANDED_OVER


def test_a_refused_connection_was_surely_not_sent(channel: Channel) -> None:
    with pytest.raises(NotSentError) as caught:
        channel.send(shipment_to(f"http://127.0.0.1:{unused_port()}/"), now=now())

    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, False)


def test_a_receiver_inside_our_own_network_is_refused_unless_the_channel_says_so(
    receiver: Receiver, channel: Channel, shipment: Shipment
) -> None:
    with pytest.raises(NotSentError, match="internt nät"):
        channel.send(shipment_to(receiver.url.replace("http:", "https:"), allow_private=False), now=now())
    assert receiver.requests == []

    channel.send(shipment, now=now())
    assert len(receiver.requests) == 1


# What comes after.


CORRECTION = "aneby/valborg/2027/veckan.foraldrar:webhook:sv:2"
WITHDRAWAL = "aneby/valborg/2027/veckan.foraldrar:webhook:sv:1:dra-tillbaka"


def test_a_correction_names_what_was_published_and_carries_the_new_content(
    receiver: Receiver, shipment: Shipment
) -> None:
    webhook = make_webhook()
    published = webhook.send(shipment, now=now())
    new = {**CONTENT, "title": "Rättad"}
    payload = json.dumps(new, ensure_ascii=False).encode()
    correction = replace(
        shipment,
        key=CORRECTION,
        payload=payload,
        reference=published.reference,
        due_at=shipment.due_at + timedelta(hours=1),
    )
    receipt = webhook.correct(correction, now=now())
    again = webhook.correct(replace(correction, attempt=2), now=now())

    _, first, second = receiver.requests
    message = verify(first)
    assert isinstance(message, dict)
    assert (message["type"], message["timestamp"]) == ("post.corrected", "2027-04-22T15:30:00Z")
    assert (message["data"]["item"], message["data"]["content"]) == (published.reference, new)
    assert first.headers["webhook-id"] == second.headers["webhook-id"] != published.reference
    assert first.body == second.body
    # What it can be corrected by once more, or withdrawn by.
    assert receipt.reference == again.reference == published.reference


def test_a_withdrawal_names_what_was_published_and_carries_no_content(receiver: Receiver, shipment: Shipment) -> None:
    webhook = make_webhook()
    published = webhook.send(shipment, now=now())
    webhook.withdraw(replace(shipment, key=WITHDRAWAL, reference=published.reference), now=now())

    message = verify(receiver.requests[1])
    assert isinstance(message, dict)
    assert (message["type"], message["data"]["item"]) == ("post.withdrawn", published.reference)
    assert "content" not in message["data"]


@pytest.mark.parametrize("reference", ["", "msg_kort", "../../annat", f"msg_{'a' * 31}.", f"corrected_{'a' * 32}"])
def test_what_cannot_be_named_is_not_changed(receiver: Receiver, shipment: Shipment, reference: str) -> None:
    after = replace(shipment, reference=reference)
    with pytest.raises(NotSentError, match="för hand") as caught:
        make_webhook().correct(after, now=now())
    with pytest.raises(NotSentError, match="för hand"):
        make_webhook().withdraw(after, now=now())

    assert caught.value.is_permanent
    assert receiver.requests == []


def test_each_act_has_an_id_of_its_own_for_the_same_key() -> None:
    assert len({message_id("a:webhook:sv:1", event) for event in Event}) == 3
    assert message_id("a:webhook:sv:1", Event.CORRECTED) == "corrected_38e85eec63645b4694b777e4711f90e7"


def test_a_picture_is_told_of_by_its_address(shipment: Shipment) -> None:
    picture = Picture("eld.jpg", "image/jpeg", 1200, 630, b"...", "https://kampanj.example/bilder/eld.jpg")
    with_picture = replace(shipment, picture=picture, reference=message_id(shipment.key))

    assert json.loads(body_of(with_picture))["data"]["picture"] == {
        "url": "https://kampanj.example/bilder/eld.jpg",
        "media_type": "image/jpeg",
        "width": 1200,
        "height": 630,
    }
    assert "picture" not in json.loads(body_of(shipment))["data"]
    assert item_of(with_picture) == message_id(shipment.key)


# What is refused before anything is sent.


@pytest.mark.parametrize(
    "secret",
    ["whsec_", "whsec_" + base64.b64encode(b"x" * 23).decode(), "whsec_inte base64", f"{SECRET} kort", "whsec_åäö"],
)
def test_a_secret_that_cannot_be_is_refused_without_being_told(
    receiver: Receiver, shipment: Shipment, secret: str
) -> None:
    with pytest.raises(CredentialError, match="minst 24 byte") as caught:
        make_webhook(secret).send(shipment, now=now())

    assert secret not in caught.value.message.replace("”whsec_”", "")
    assert receiver.requests == []


def test_a_secret_may_lack_its_prefix_and_padding_as_in_the_reference_implementation() -> None:
    assert keys(SECRET) == keys(SECRET.removeprefix("whsec_").rstrip("=")) == [b"ett riktigt hemligt ord, 32 byte"]


def test_a_webhook_without_address_or_secret_stops_its_channel(channel: Channel) -> None:
    with pytest.raises(CredentialError, match="både url och secret"):
        channel.send(make_shipment(make_channel("webhook")), now=now())


def test_a_body_at_the_limit_is_refused_with_its_size_and_one_below_is_sent(
    receiver: Receiver, channel: Channel, shipment: Shipment
) -> None:
    def with_body(text: str) -> Shipment:
        return replace(shipment, payload=json.dumps({**CONTENT, "body": text}, ensure_ascii=False).encode())

    room = MOST_BYTES - len(body_of(with_body("")))
    with pytest.raises(NotSentError, match="20000 byte, och gränsen är 20000") as caught:
        channel.send(with_body("x" * room), now=now())
    assert caught.value.is_permanent

    channel.send(with_body("x" * (room - 1)), now=now())
    assert [len(request.body) for request in receiver.requests] == [MOST_BYTES - 1]


def test_bytes_that_are_not_json_are_refused_for_good(channel: Channel, shipment: Shipment) -> None:
    with pytest.raises(NotSentError, match="går inte att läsa") as caught:
        channel.send(replace(shipment, payload=b"\xff{"), now=now())

    assert caught.value.is_permanent


# Probing.


def lead_to(address: str, secret: str = SECRET) -> Webhook:
    """A webhook for which every name has the one address."""
    return Webhook(Environment({"NYCKEL": secret}, resolver=lambda _host, _port: [address]))


def test_a_probe_checks_the_settings_says_that_it_is_no_more_and_sends_nothing(
    receiver: Receiver, channel: Channel, shipment: Shipment
) -> None:
    assert isinstance(channel, Probing)
    public = shipment_to(f"https://kommun.example/hemlig-vag?{QUERY}", allow_private=False)

    told = lead_to("93.184.216.34").probe(public.channel, now=now())

    assert told.startswith("Adressen hos kommun.example finns och hemligheten är rätt skriven. Bara inställningarna")
    assert "hemlig-" not in told
    assert "Adressen hos 127.0.0.1 finns" in channel.probe(shipment.channel, now=now())
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://kommun.example/hemlig-vag", "ska börja med https://"),
        ("https:///hemlig-vag", "url"),
        ("kommun.example/hemlig-vag", "url"),
        ("https://anna:hemlig-vag@kommun.example/", "användarnamn eller lösenord"),
        ("https://[hemlig-vag", "url"),
    ],
)
def test_a_probe_finds_an_address_of_the_wrong_form(url: str, told: str) -> None:
    with pytest.raises(NotSentError, match=told) as caught:
        lead_to("93.184.216.34").probe(shipment_to(url, allow_private=False).channel, now=now())

    assert caught.value.stops_channel
    assert "hemlig-vag" not in caught.value.message


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.4", "169.254.169.254", "::1", "fd00::1"])
def test_a_probe_finds_an_address_in_a_network_of_our_own(address: str) -> None:
    with pytest.raises(NotSentError, match="internt nät"):
        lead_to(address).probe(shipment_to("https://kommun.example/", allow_private=False).channel, now=now())


def test_a_probe_finds_a_name_that_is_not_there() -> None:
    def resolver(_host: str, _port: int) -> list[str]:
        raise OSError

    channel = Webhook(Environment({"NYCKEL": SECRET}, resolver=resolver))
    with pytest.raises(NotSentError, match=r"kommun\.example går inte att slå upp"):
        channel.probe(shipment_to("https://kommun.example/").channel, now=now())


@pytest.mark.parametrize(("secret", "told"), [("whsec_kort", "minst 24 byte"), ("", "NYCKEL saknas")])
def test_a_probe_finds_a_secret_that_is_wrong(secret: str, told: str) -> None:
    with pytest.raises(CredentialError, match=told):
        lead_to("93.184.216.34", secret).probe(shipment_to("https://kommun.example/").channel, now=now())
    with pytest.raises(CredentialError, match="både url och secret"):
        lead_to("93.184.216.34", secret).probe(make_channel("webhook"), now=now())
