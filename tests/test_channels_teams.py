"""The Teams channel against a workflow's address that validates every card."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from campaigns.channels.base import (
    Channel,
    Correcting,
    Environment,
    NotSentError,
    Outcome,
    Picture,
    Probing,
    Rehearsing,
    Shipment,
    UnknownOutcomeError,
    Withdrawing,
)
from campaigns.channels.credentials import CredentialError
from campaigns.channels.teams import MOST_BYTES, Teams, body_of, card_of
from campaigns.content import Content
from tests.builders import make_channel
from tests.contracts import (
    CONTENT,
    Act,
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
    work_and_drip_body,
    work_and_hang_up,
    work_and_talk_nonsense,
)

QUERY = "api-version=1&sig=hemlig-signatur"
PATH = f"/workflows/hemligt-flode/triggers/manual/paths/invoke?{QUERY}"
PICTURE = Picture("tält.png", "image/png", 800, 600, b"\x89PNG", "https://kampanj.example/bilder/1.png")


@dataclass
class Workflow(FakeApi):
    """Takes any well-formed card at its own address, and says only that the flow has started."""

    cards: list[dict[str, Any]] = field(default_factory=list)

    def publishes(self, request: Request) -> bool:
        return True

    def refuse(self, trouble: Trouble, request: Request) -> Answer:
        return Answer(400) if trouble is Trouble.BAD_POST else super().refuse(trouble, request)

    def handle(self, request: Request) -> Answer:
        assert (request.method, request.path) == ("POST", PATH)
        assert request.headers["content-type"] == "application/json"
        message = json.loads(request.body)
        assert message["type"] == "message"
        [attachment] = message["attachments"]
        assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        assert attachment["contentUrl"] is None
        card = attachment["content"]
        assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
        self.cards.append(card)
        return Answer(202, {"x-ms-workflow-run-id": f"08584{len(self.cards):010}CU12"})


@pytest.fixture
def workflow() -> Iterator[Workflow]:
    with serving(Workflow()) as workflow:
        yield workflow


@pytest.fixture
def channel(workflow: Workflow) -> Teams:
    return teams(f"http://127.0.0.1:{workflow.port}{PATH}")


@pytest.fixture
def shipment() -> Shipment:
    return shipment_of()


def teams(address: str) -> Teams:
    return Teams(Environment({"FLODE": address}, timeout=(1, 0.2), longest=0.4))


def shipment_of(*, secret: str | None = "env:FLODE", allow_private: bool = True, **more: Any) -> Shipment:
    config = make_channel("teams", secret=secret, allow_private_addresses=allow_private)
    return make_shipment(config, key="aneby/valborg/2027/veckan.personal:teams:sv:1", **more)


def now() -> datetime:
    return datetime.now(UTC)


def texts(card: dict[str, Any]) -> list[str]:
    return [run["text"] for block in card["body"] for run in block.get("inlines", ())]


class TestTeams(OutsideContract):
    @pytest.fixture
    def published(self, workflow: Workflow) -> Published:
        return lambda: workflow.cards

    @pytest.fixture
    def trouble(self, workflow: Workflow) -> MakeTrouble:
        def make(what: Trouble) -> None:
            workflow.trouble = what

        return make

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return [QUERY, "hemlig-signatur", "hemligt-flode"]

    @pytest.fixture
    def failures(self, workflow: Workflow, channel: Teams, shipment: Shipment) -> Sequence[Failure]:
        def met_by(answer: Answer | Act) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                workflow.answers = [answer]
                return channel, shipment

            return arrange

        echo = {"Location": PATH, "Retry-After": PATH}
        statuses = (302, 400, 401, 403, 404, 410, 413, 429, 500, 502)
        public = shipment_of(allow_private=False)
        return [
            *(Failure(str(status), met_by(Answer(status, echo, PATH.encode()))) for status in statuses),
            *(Failure(act.__name__, met_by(act)) for act in (keep_silent, work_and_hang_up, work_and_talk_nonsense)),
            Failure("nobody there", lambda: (teams(f"http://127.0.0.1:{unused_port()}{PATH}"), shipment)),
            Failure("inside", lambda: (teams(f"https://127.0.0.1{PATH}"), public)),
            Failure("plain http", lambda: (teams(f"http://1.1.1.1{PATH}"), public)),
            Failure("broken address", lambda: (teams(f"https://[{PATH}"), shipment)),
            Failure("no address", lambda: (teams("hemlig-signatur"), shipment)),
            Failure("two lines", lambda: (teams(f"http://127.0.0.1:{workflow.port}{PATH}\r\nX: 1"), shipment)),
            Failure("secret in the file", lambda: (channel, shipment_of(secret=PATH))),
            Failure("no secret", lambda: (channel, shipment_of(secret=None))),
        ]


# The card.


def test_the_card_holds_every_word_that_was_signed_and_nothing_is_read_as_markdown(
    workflow: Workflow, channel: Teams
) -> None:
    body = "# Hej!\n\n- *ett*\n- två_tre_fyra \\*\n\nSe [sidan](https://www.aneby.se/)."
    receipt = channel.send(shipment_of(content={**CONTENT, "body": body}), now=now())

    [card] = workflow.cards
    assert texts(card) == [
        CONTENT["title"],
        "Hej!",
        "- ett",
        "- två_tre_fyra *",
        "Se sidan (https://www.aneby.se/).",
    ]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": CONTENT["link"], "url": CONTENT["link"]}]
    assert card["lang"] == "sv"
    assert (receipt.outcome, receipt.reference) == (Outcome.HANDED_OVER, "085840000000001CU12")


def test_the_picture_has_its_public_address_and_its_alternative_text() -> None:
    content = Content.from_bytes(make_shipment(content={**CONTENT, "image": "tält.png", "alt": "Ett tält."}).payload)
    [picture] = [block for block in card_of(content, PICTURE)["body"] if block["type"] == "Image"]

    assert (picture["url"], picture["altText"]) == (PICTURE.url, "Ett tält.")


def test_a_missing_picture_is_refused_before_anything_is_sent(workflow: Workflow, channel: Teams) -> None:
    with pytest.raises(NotSentError, match="Bilden") as caught:
        channel.send(shipment_of(content={**CONTENT, "image": "tält.png", "alt": "Ett tält."}), now=now())

    assert caught.value.is_permanent
    assert workflow.requests == []


def test_a_text_from_right_to_left_stands_to_the_right_and_one_without_a_link_has_no_button() -> None:
    card = card_of(Content("عنوان", "نص", "نص", language="ar"), None)

    assert {block["horizontalAlignment"] for block in card["body"]} == {"right"}
    assert "actions" not in card


def test_a_message_at_the_limit_is_sent_and_one_byte_more_is_refused_with_its_size(
    workflow: Workflow, channel: Teams
) -> None:
    def with_body(length: int) -> dict[str, str]:
        return {**CONTENT, "body": "x" * length}

    room = MOST_BYTES - len(body_of(Content(**with_body(1)), None)) + 1
    with pytest.raises(NotSentError, match="25001 byte, och gränsen är 25000") as caught:
        channel.send(shipment_of(content=with_body(room + 1)), now=now())
    assert caught.value.is_permanent

    channel.send(shipment_of(content=with_body(room)), now=now())
    assert [len(request.body) for request in workflow.requests] == [MOST_BYTES]


# What comes of it.


@pytest.mark.parametrize(
    ("status", "is_permanent", "stops_channel"),
    [(400, True, False), (413, True, False), (401, False, True), (403, False, True), (404, False, True)],
)
def test_a_refusal_is_of_the_post_or_of_the_workflow(
    workflow: Workflow, channel: Teams, shipment: Shipment, status: int, is_permanent: bool, stops_channel: bool
) -> None:
    workflow.answers = [Answer(status)]

    with pytest.raises(NotSentError) as caught:
        channel.send(shipment, now=now())
    assert (caught.value.is_permanent, caught.value.stops_channel) == (is_permanent, stops_channel)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_accepting_status_is_a_handing_over(
    workflow: Workflow, channel: Teams, shipment: Shipment, status: int
) -> None:
    workflow.answers = [Answer(status)]

    receipt = channel.send(shipment, now=now())

    assert receipt.outcome is Outcome.HANDED_OVER
    assert (len(receipt.reference), receipt.url) == (32, "")


def test_an_accepting_status_counts_though_the_body_never_ends(
    workflow: Workflow, channel: Teams, shipment: Shipment
) -> None:
    workflow.answers = [work_and_drip_body]

    assert channel.send(shipment, now=now()).outcome is Outcome.HANDED_OVER


def test_a_hostile_run_id_is_not_kept(workflow: Workflow, channel: Teams, shipment: Shipment) -> None:
    workflow.answers = [Answer(202, {"x-ms-workflow-run-id": "../../<script>"})]

    assert "/" not in channel.send(shipment, now=now()).reference


def test_another_worker_that_has_taken_over_is_found_out_before_the_card_is_sent(
    workflow: Workflow, channel: Teams, shipment: Shipment
) -> None:
    def taken(_: str) -> None:
        raise NotSentError("En annan arbetare har tagit över leveransen.", is_permanent=False)

    with pytest.raises(NotSentError, match="annan arbetare"):
        channel.send(replace(shipment, note=taken), now=now())
    assert workflow.requests == []


def test_what_may_have_come_through_is_left_to_a_person(workflow: Workflow, channel: Teams, shipment: Shipment) -> None:
    workflow.answers = [work_and_hang_up]

    with pytest.raises(UnknownOutcomeError):
        channel.send(shipment, now=now())
    assert (channel.is_idempotent, channel.can_find) == (False, False)
    assert [isinstance(channel, what) for what in (Withdrawing, Correcting, Rehearsing)] == [False, False, False]


def test_a_channel_without_a_secret_stops(channel: Teams) -> None:
    with pytest.raises(CredentialError, match="måste ha secret"):
        channel.send(shipment_of(secret=None), now=now())


@pytest.mark.parametrize(
    "address", ["flödet", "https://", "ftp://a.se/x", "https://a.se/x\r\nX-Evil: 1", "https://a.se/å"]
)
def test_a_secret_that_is_no_address_stops_the_channel(shipment: Shipment, address: str) -> None:
    with pytest.raises(CredentialError, match="hela adress"):
        teams(address).send(shipment, now=now())


def test_a_probe_checks_the_address_says_that_it_is_no_more_and_sends_nothing(
    workflow: Workflow, channel: Teams, shipment: Shipment
) -> None:
    assert isinstance(channel, Probing)

    told = channel.probe(shipment.channel, now=now())

    assert told.startswith("Adressen hos 127.0.0.1 finns och hemligheten är rätt skriven. Bara inställningarna")
    assert workflow.requests == []


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (f"http://1.1.1.1{PATH}", "ska börja med https://"),
        (f"https://127.0.0.1{PATH}", "internt nät"),
        ("hemlig-signatur", "arbetsflödets hela adress"),
        ("", "FLODE saknas"),
    ],
)
def test_a_probe_finds_an_address_that_nothing_could_be_sent_to(address: str, told: str) -> None:
    with pytest.raises(NotSentError, match=told) as caught:
        teams(address).probe(shipment_of(allow_private=False).channel, now=now())

    assert caught.value.stops_channel
    assert "hemlig" not in caught.value.message.replace("hemlighet", "")
