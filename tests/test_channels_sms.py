"""SMS against a server that answers as 46elks' documentation says."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from campaigns.channels.base import Channel, Environment, NotSentError, Outcome, Shipment, UnknownOutcomeError
from campaigns.channels.credentials import CredentialError
from campaigns.channels.sms import PAGE, Price, Report, ReportState, Sms, report
from campaigns.sms import segments
from tests.builders import make_channel
from tests.contracts import (
    CONTENT,
    DUE,
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

SECRET = "u0123456789abcdef:PFEDCBA9876543210"
BASIC = base64.b64encode(SECRET.encode()).decode()
NUMBER = "+46766861004"
REPORT_URL = "https://kampanj.example/rapport/hemligt-spar"
NOW = DUE + timedelta(minutes=1)


@dataclass
class Elks(FakeApi):
    """46elks: sends each message it is asked to, doubles too, and keeps a history, newest first."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    clock: datetime = NOW

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/a1"

    def publishes(self, request: Request) -> bool:
        return request.method == "POST" and "dryrun" not in _form(request)

    def handle(self, request: Request) -> Answer:
        assert urlsplit(request.path).path == "/a1/sms"
        if request.headers.get("authorization") != f"Basic {BASIC}":
            return Answer(401, body=b"Missing or invalid credentials")
        return self._send(_form(request)) if request.method == "POST" else self._history(request)

    def refuse(self, trouble: Trouble, request: Request) -> Answer:
        if trouble is Trouble.BAD_POST:
            return Answer(400, body=f"Invalid to: {NUMBER}".encode())
        return super().refuse(trouble, request)

    def _send(self, form: dict[str, str]) -> Answer:
        assert set(form) <= {"from", "to", "message", "whendelivered", "dryrun"}
        assert re.fullmatch(r"[A-Za-z0-9]{1,11}|\+\d+", form["from"])
        assert re.fullmatch(r"\+\d{7,15}", form["to"])
        parts = segments(form["message"]).parts
        if form.get("dryrun") == "yes":
            return _json({"parts": parts, "estimated_cost": 3500 * parts, "to": form["to"]})
        assert self.clock.tzinfo is not None
        made = {
            "id": f"s{len(self.sent):032x}",
            "created": self.clock.astimezone(UTC).replace(tzinfo=None).isoformat(),
            "direction": "outgoing",
            "from": form["from"],
            "to": form["to"],
            "message": form["message"],
            "status": "created",
            "parts": parts,
            "cost": 3500 * parts,
        }
        self.sent.insert(0, made)
        return _json(made)

    def _history(self, request: Request) -> Answer:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        limit = int(query["limit"])
        assert 1 <= limit <= 100
        found = [item for item in self.sent if item["to"] == query["to"]]
        found = [item for item in found if item["created"] < query.get("start", "9")]
        page = found[:limit]
        following = {"next": page[-1]["created"]} if len(found) > limit else {}
        return _json({"data": page, **following})


def _form(request: Request) -> dict[str, str]:
    if request.method != "POST":
        return {}
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    return {name: value for name, [value] in parse_qs(request.body.decode(), strict_parsing=True).items()}


def _json(table: object) -> Answer:
    return Answer(200, {"Content-Type": "application/json"}, json.dumps(table).encode())


@pytest.fixture
def elks() -> Iterator[Elks]:
    with serving(Elks()) as elks:
        yield elks


@pytest.fixture
def channel() -> Channel:
    return make_sms()


@pytest.fixture
def shipment(elks: Elks) -> Shipment:
    return shipment_to(elks.url)


def make_sms(secret: str = SECRET) -> Sms:
    return Sms(Environment({"ELKS": secret}, timeout=(1, 0.2), longest=0.4))


def shipment_to(url: str | None, *, short: str = CONTENT["short"], report_url: str = "", **config: Any) -> Shipment:
    settings: dict[str, Any] = {
        "url": url,
        "secret": "env:ELKS",
        "sender": "AnebyKommun",
        "recipients": {"jour": NUMBER},
        "allow_private_addresses": True,
        **config,
    }
    return make_shipment(
        make_channel("sms", **settings),
        key="aneby/valborg/2027/veckan.foraldrar:sms:jour:sv:1",
        recipient="jour",
        report_url=report_url,
        content={**CONTENT, "short": short},
    )


class TestSms(OutsideContract):
    @pytest.fixture
    def published(self, elks: Elks) -> Published:
        return lambda: elks.sent

    @pytest.fixture
    def trouble(self, elks: Elks) -> MakeTrouble:
        def make(what: Trouble) -> None:
            elks.trouble = what

        return make

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return [*SECRET.split(":"), BASIC, NUMBER, "766861004", REPORT_URL, "hemligt-spar", "/a1"]

    @pytest.fixture
    def failures(self, elks: Elks) -> Sequence[Failure]:
        shipment = shipment_to(elks.url, report_url=REPORT_URL)

        def met_by(*answers: Any, **change: Any) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                elks.answers = list(answers)
                return make_sms(), replace(shipment, **change)

            return arrange

        echo = {"Location": REPORT_URL, "Retry-After": NUMBER}
        statuses = (302, 400, 401, 403, 404, 429, 500, 503)
        acts = (keep_silent, work_and_hang_up, work_and_talk_nonsense, work_and_drip_status)
        closed = f"http://127.0.0.1:{unused_port()}/a1"
        return [
            *(Failure(str(code), met_by(Answer(code, echo, f"{NUMBER} {SECRET}".encode()))) for code in statuses),
            *(Failure(f"history {code}", met_by(Answer(code, echo), maybe_sent=True)) for code in statuses),
            *(Failure(act.__name__, met_by(act)) for act in acts),
            Failure("no id", met_by(_json({"id": f"../{NUMBER}"}))),
            Failure("refused", lambda: (make_sms(), shipment_to(closed))),
            Failure("inside", lambda: (make_sms(), shipment_to(closed, allow_private_addresses=False))),
            Failure("no such recipient", lambda: (make_sms(), replace(shipment, recipient="annan"))),
            Failure("bad number", lambda: (make_sms(), shipment_to(elks.url, recipients={"jour": f"{NUMBER}\n1"}))),
            Failure("bad secret", lambda: (make_sms(SECRET + "å"), shipment)),
            Failure("no secret", lambda: (make_sms(""), shipment)),
        ]


# What is sent.


def test_the_short_text_goes_out_exactly_as_it_was_signed(elks: Elks, channel: Channel, shipment: Shipment) -> None:
    receipt = channel.send(shipment, now=NOW)

    assert _form(elks.requests[0]) == {"from": "AnebyKommun", "to": NUMBER, "message": CONTENT["short"]}
    assert (receipt.outcome, receipt.reference) == (Outcome.HANDED_OVER, elks.sent[0]["id"])


def test_the_report_is_asked_for_where_there_is_an_address_for_it(elks: Elks, channel: Channel) -> None:
    channel.send(shipment_to(elks.url, report_url=REPORT_URL), now=NOW)

    assert _form(elks.requests[0])["whendelivered"] == REPORT_URL


def test_without_a_url_it_is_46elks_own() -> None:
    asked: list[str] = []

    def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(f"{host}:{port}")
        return []

    with pytest.raises(NotSentError):
        Sms(Environment({"ELKS": SECRET}, resolver=resolver)).send(shipment_to(None), now=NOW)
    assert asked == ["api.46elks.com:443"]


# What each answer means.


@pytest.mark.parametrize(
    ("status", "is_permanent", "stops_channel"),
    [(400, True, False), (401, False, True), (403, False, True), (404, True, False), (429, False, False)],
)
def test_what_46elks_refuses(
    elks: Elks, channel: Channel, shipment: Shipment, status: int, is_permanent: bool, stops_channel: bool
) -> None:
    elks.answers = [Answer(status, body=b"Not enough credits")]

    with pytest.raises(NotSentError, match=str(status)) as caught:
        channel.send(shipment, now=NOW)
    assert (caught.value.is_permanent, caught.value.stops_channel) == (is_permanent, stops_channel)
    assert ("Fyll på" in caught.value.message) is (status == 403)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"id": 1}', b'{"id": "../x"}', b'{"id": ""}', b"<html>", b'{"id": null']
)
def test_an_answer_without_an_id_is_unknown(elks: Elks, channel: Channel, shipment: Shipment, body: bytes) -> None:
    elks.answers = [Answer(200, body=body)]

    with pytest.raises(UnknownOutcomeError, match="osäkert"):
        channel.send(shipment, now=NOW)


# What is looked up.


def again(shipment: Shipment, **change: Any) -> Shipment:
    return replace(shipment, attempt=2, maybe_sent=True, **change)


def sent(moment: datetime, **change: Any) -> dict[str, Any]:
    return {
        "id": "s1",
        "created": moment.replace(tzinfo=None).isoformat(),
        "direction": "outgoing",
        "to": NUMBER,
        "message": CONTENT["short"],
        "status": "created",
        **change,
    }


@pytest.mark.parametrize(
    ("message", "is_found"),
    [
        (sent(NOW), True),
        (sent(NOW, status="delivered"), True),
        (sent(NOW, message=f" {CONTENT['short']}\n"), True),
        (sent(NOW, created=f"{NOW:%Y-%m-%dT%H:%M:%S}Z"), True),
        (sent(DUE - timedelta(minutes=1)), True),
        (sent(DUE - timedelta(days=365)), False),
        (sent(NOW, message="Något annat"), False),
        (sent(NOW, direction="incoming"), False),
        (sent(NOW, to="+46766861005"), False),
    ],
)
def test_what_an_earlier_try_sent_is_known_by_number_text_and_time(
    elks: Elks, channel: Channel, shipment: Shipment, message: dict[str, Any], is_found: bool
) -> None:
    elks.sent = [message]

    receipt = channel.send(again(shipment), now=NOW)
    assert (receipt.reference == "s1") is is_found
    assert len(elks.sent) == (1 if is_found else 2)


def test_what_46elks_could_not_deliver_is_said_and_not_sent_again(
    elks: Elks, channel: Channel, shipment: Shipment
) -> None:
    elks.sent = [sent(NOW, status="failed")]

    with pytest.raises(NotSentError, match="kunde inte leverera") as caught:
        channel.send(again(shipment), now=NOW)
    assert caught.value.is_permanent
    assert len(elks.sent) == 1


def test_the_history_is_turned_page_by_page_as_far_as_needed(elks: Elks, channel: Channel, shipment: Shipment) -> None:
    others = [sent(NOW + timedelta(seconds=60 - n), id=f"o{n}", message="Annat") for n in range(PAGE + 2)]
    elks.sent = [*others, sent(NOW), sent(NOW - timedelta(days=30), id="old")]

    assert channel.send(again(shipment), now=NOW).reference == "s1"
    assert len(elks.requests) == 2


def test_a_history_that_never_ends_is_unknown_and_nothing_is_sent(
    elks: Elks, channel: Channel, shipment: Shipment
) -> None:
    elks.answers = [_json({"data": [sent(NOW, message="Annat")], "next": "2027-04-22T14:00:00"})] * 50

    with pytest.raises(UnknownOutcomeError, match="historik"):
        channel.send(again(shipment), now=NOW)
    assert len(elks.requests) == 10
    assert elks.sent == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"data": {}}',
        b'{"data": ["x"]}',
        b'{"data": [{"id": "s1"}]}',
        b'{"data": [{"created": "nyss"}]}',
        json.dumps({"data": [sent(NOW, id="../x")]}).encode(),
        b'{"data": [' + b" " * 70_000 + b"]}",
    ],
)
def test_a_history_that_cannot_be_read_is_unknown_and_nothing_is_sent(
    elks: Elks, channel: Channel, shipment: Shipment, body: bytes
) -> None:
    elks.answers = [Answer(200, body=body)]

    with pytest.raises(UnknownOutcomeError, match="historik"):
        channel.send(again(shipment), now=NOW)
    assert elks.sent == []


@pytest.mark.parametrize("status", [302, 400, 404, 500, 502])
def test_a_history_that_is_refused_leaves_the_outcome_unknown(
    elks: Elks, channel: Channel, shipment: Shipment, status: int
) -> None:
    elks.answers = [Answer(status)]

    with pytest.raises(UnknownOutcomeError, match=r"osäkert|historik"):
        channel.send(again(shipment), now=NOW)
    assert elks.sent == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_history_that_the_login_may_not_see_stops_the_channel(
    elks: Elks, channel: Channel, shipment: Shipment, status: int
) -> None:
    elks.answers = [Answer(status)]

    with pytest.raises(NotSentError) as caught:
        channel.send(again(shipment), now=NOW)
    assert caught.value.stops_channel
    assert not caught.value.is_permanent


def test_a_longest_page_of_the_dearest_text_fits_in_what_is_read(elks: Elks) -> None:
    page = {"data": [sent(NOW, message="🌸" * 250, whendelivered="x" * 200)] * PAGE, "next": "2027-04-22T14:00:00"}

    assert len(json.dumps(page)) < 64 * 1024


def test_another_try_to_a_number_that_has_been_taken_away_is_unknown(channel: Channel, shipment: Shipment) -> None:
    with pytest.raises(NotSentError, match="finns inte längre") as caught:
        channel.send(replace(shipment, recipient="annan"), now=NOW)
    assert caught.value.is_permanent

    with pytest.raises(UnknownOutcomeError, match="finns inte längre"):
        channel.send(again(shipment, recipient="annan"), now=NOW)


# What is refused before anything is sent.


@pytest.mark.parametrize("sender", ["", "TolvTeckenXY", "Med å", "Två ord", "123", "+4", "+46\n70", "Aneby\r\n"])
def test_a_sender_that_46elks_does_not_take_stops_the_channel(elks: Elks, channel: Channel, sender: str) -> None:
    with pytest.raises(NotSentError, match="sender") as caught:
        channel.send(shipment_to(elks.url, sender=sender), now=NOW)

    assert caught.value.stops_channel
    assert elks.requests == []


@pytest.mark.parametrize(
    "number", ["0701234567", "+46 70 123 45 67", "112", "+0701234567", "+4670123456\n", "46701234567"]
)
def test_a_number_that_is_not_whole_stops_the_channel(elks: Elks, channel: Channel, number: str) -> None:
    with pytest.raises(NotSentError, match="landsnummer") as caught:
        channel.send(shipment_to(elks.url, recipients={"jour": number}), now=NOW)

    assert caught.value.stops_channel
    assert elks.requests == []


def test_a_number_may_be_the_sender(elks: Elks, channel: Channel) -> None:
    channel.send(shipment_to(elks.url, sender="+46766861999"), now=NOW)

    assert elks.sent[0]["from"] == "+46766861999"


@pytest.mark.parametrize("secret", ["bara-ett-ord", ":x", "u:", "u :p", "u:p p", "u:p\r\nX: y", "ü:p"])
def test_a_secret_that_cannot_be_is_refused_without_being_told(elks: Elks, shipment: Shipment, secret: str) -> None:
    with pytest.raises(CredentialError, match="API-användare") as caught:
        make_sms(secret).send(shipment, now=NOW)

    assert secret not in caught.value.message
    assert elks.requests == []


def test_an_empty_text_is_refused_for_good(elks: Elks, channel: Channel) -> None:
    with pytest.raises(NotSentError, match="tom") as caught:
        channel.send(shipment_to(elks.url, short=" \n"), now=NOW)

    assert caught.value.is_permanent
    assert elks.requests == []


# What it costs, and what became of it.


def test_the_price_is_that_of_all_numbers_and_nothing_is_sent(elks: Elks) -> None:
    shipment = shipment_to(elks.url, recipients={"jour": NUMBER, "falt": "+46766861005"})
    price = make_sms().price(shipment.channel, "å" * 161, now=NOW)

    assert price == Price(recipients=2, parts=2, cost=14000)
    assert [_form(request)["dryrun"] for request in elks.requests] == ["yes", "yes"]
    assert elks.sent == []


@pytest.mark.parametrize("body", [b"", b"{}", b'{"parts": 1}', b'{"parts": "1", "estimated_cost": 1}'])
def test_a_price_that_is_not_told_is_said(elks: Elks, shipment: Shipment, body: bytes) -> None:
    elks.answers = [Answer(200, body=body)]

    with pytest.raises(NotSentError, match="kosta"):
        make_sms().price(shipment.channel, "Hej", now=NOW)


def test_a_probe_says_from_whom_and_to_how_many_and_sends_nothing(elks: Elks, shipment: Shipment) -> None:
    said = make_sms().probe(shipment.channel, now=NOW)

    assert said == "Kanalen skickar SMS genom 46elks från AnebyKommun till ett nummer."
    assert elks.sent == []


@pytest.mark.parametrize("state", ["sent", "delivered", "failed"])
def test_a_report_tells_what_became_of_a_message(state: str) -> None:
    form = {"id": "s3633fa8e62f823e52fbc67ebf6925ab5", "status": state, "delivered": "2027-04-22T14:31:02Z"}

    assert report(form) == Report("s3633fa8e62f823e52fbc67ebf6925ab5", ReportState(state))


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"id": "s1"},
        {"status": "sent"},
        {"id": "s1", "status": "borta"},
        {"id": "../s1", "status": "sent"},
        {"id": "s" * 65, "status": "sent"},
    ],
)
def test_what_is_not_a_report_is_none(form: dict[str, str]) -> None:
    assert report(form) is None
