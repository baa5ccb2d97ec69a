"""The Bluesky channel against a server that keeps the contract of com.atproto.*."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from campaigns.channels.base import (
    Channel,
    Correcting,
    Counting,
    Environment,
    NotSentError,
    Outcome,
    Shipment,
    UnknownOutcomeError,
)
from campaigns.channels.bluesky import Bluesky, record_name
from campaigns.channels.credentials import CredentialError
from campaigns.reach_numbers import MEASURES
from tests.contracts import (
    CONTENT,
    DUE,
    Act,
    Answer,
    Failure,
    MakeTrouble,
    OutsideContract,
    Published,
    Trouble,
    keep_silent,
    noted,
    serving,
    unused_port,
    work_and_hang_up,
    work_and_keep_silent,
    work_and_talk_nonsense,
)
from tests.fake_bluesky import (
    CID,
    DELETE,
    DID,
    HANDLE,
    LOOK,
    PICTURE,
    PICTURED,
    PUT,
    SECRET,
    SIGN_IN,
    TOKEN,
    UPLOAD,
    Server,
    answered,
    bluesky,
    fault,
    meeting,
    method_of,
    now,
    shipment_to,
)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as server:
        yield server


@pytest.fixture
def channel() -> Bluesky:
    return bluesky()


@pytest.fixture
def shipment(server: Server) -> Shipment:
    return shipment_to(server.url)


class TestBluesky(OutsideContract):
    @pytest.fixture
    def published(self, server: Server) -> Published:
        return lambda: list(server.records.values())

    @pytest.fixture
    def trouble(self, server: Server) -> MakeTrouble:
        def make(what: Trouble) -> None:
            server.trouble = what

        return make

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return [SECRET, TOKEN, "hemlig-session", "hemlig-fraga"]

    @pytest.fixture
    def failures(self, server: Server, channel: Bluesky, shipment: Shipment) -> Sequence[Failure]:
        def met_by(*answers: Answer | Act) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                server.answers = list(answers)
                return channel, shipment

            return arrange

        signed_in = answered(server.session)
        statuses = (302, 400, 401, 403, 404, 413, 429, 500, 502)
        echoes = [fault("InvalidRequest", f"{SECRET} {TOKEN}", status, Location="/xrpc/") for status in statuses]
        acts = (keep_silent, work_and_hang_up, work_and_talk_nonsense)
        nobody = shipment_to(f"http://127.0.0.1:{unused_port()}")
        return [
            *(Failure(f"signing in: {echo.status}", met_by(echo)) for echo in echoes),
            *(Failure(f"posting: {echo.status}", met_by(signed_in, echo)) for echo in echoes),
            *(Failure(f"signing in: {act.__name__}", met_by(act)) for act in acts),
            *(Failure(f"posting: {act.__name__}", met_by(signed_in, act)) for act in acts),
            Failure("no object", met_by(signed_in, Answer(200, {}, b"[]"))),
            Failure("no session", met_by(Answer(200, {}, b'{"did": 1}'))),
            Failure("nobody there", lambda: (channel, nobody)),
            Failure("broken url", lambda: (channel, shipment_to("https://[/xrpc/?token=hemlig-fraga"))),
            Failure("inside", lambda: (channel, shipment_to("https://127.0.0.1", allow_private=False))),
            Failure("no secret", lambda: (Bluesky(Environment({})), shipment)),
            Failure("secret in the file", lambda: (channel, shipment_to(server.url, secret=SECRET))),
            Failure("wrong secret", lambda: (bluesky(f"{SECRET}\r\nX: 1"), shipment)),
        ]


# What is posted.


def test_the_post_is_the_short_text_with_its_link_and_the_same_bytes_for_every_try(
    server: Server, channel: Bluesky, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=now())
    channel.send(replace(shipment, attempt=2, maybe_sent=True, reference=noted(shipment)), now=now() + timedelta(1))

    [(uri, record)] = server.records.items()
    name = record_name(shipment.key, DUE)
    assert record["text"] == f"{CONTENT['short']}\n\n{CONTENT['link']}"
    assert (record["createdAt"], record["langs"]) == ("2027-04-22T14:30:00.000Z", ["sv"])
    assert record["embed"]["external"] == {
        "uri": "https://www.aneby.se/valborg?a=1&b=%C3%A5",
        "title": CONTENT["title"],
        "description": "",
    }
    assert (receipt.outcome, receipt.reference) == (Outcome.PUBLISHED, uri)
    assert receipt.url == f"https://bsky.app/profile/{HANDLE}/post/{name}"
    puts = [request.body for request in server.requests if method_of(request) == PUT]
    assert puts[0] == puts[1]


def test_the_record_is_named_before_it_is_put(server: Server, channel: Bluesky, shipment: Shipment) -> None:
    receipt = channel.send(shipment, now=now())

    assert noted(shipment) == receipt.reference


def test_a_later_try_keeps_the_noted_name_though_the_due_time_has_been_moved(
    server: Server, channel: Bluesky, shipment: Shipment
) -> None:
    channel.send(shipment, now=now())
    moved = replace(shipment, due_at=DUE + timedelta(days=1), maybe_sent=True, reference=noted(shipment))
    channel.send(moved, now=now())

    assert len(server.records) == 1


def test_a_repeat_for_another_account_is_left_to_a_person(server: Server, channel: Bluesky, shipment: Shipment) -> None:
    other = "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3kabcdefghijk"

    with pytest.raises(UnknownOutcomeError, match="bytts"):
        channel.send(replace(shipment, maybe_sent=True, reference=other), now=now())
    assert server.records == {}


def test_a_picture_is_uploaded_with_its_alternative_text_and_shape(server: Server, channel: Bluesky) -> None:
    channel.send(shipment_to(server.url, content=PICTURED, picture=PICTURE), now=now())

    [record] = server.records.values()
    [image] = record["embed"]["images"]
    assert (image["alt"], image["aspectRatio"]) == (PICTURED["alt"], {"width": 800, "height": 600})
    assert image["image"]["ref"] == {"$link": CID}
    assert server.methods == [SIGN_IN, UPLOAD, PUT]
    assert server.requests[1].body == PICTURE.data


@pytest.mark.parametrize("blob", [None, [], {"ref": "x"}, {"ref": {"$link": "../../x"}}, {"ref": {"$link": 7}}])
def test_a_picture_without_a_proper_name_is_surely_not_posted(server: Server, channel: Bluesky, blob: object) -> None:
    meeting(server, UPLOAD, answered({"blob": blob}))

    with pytest.raises(NotSentError, match="bilden"):
        channel.send(shipment_to(server.url, content=PICTURED, picture=PICTURE), now=now())
    assert server.records == {}


def test_what_is_unknown_of_signing_in_is_surely_not_sent(server: Server, channel: Bluesky, shipment: Shipment) -> None:
    for answer in (Answer(500), Answer(502), work_and_hang_up, work_and_keep_silent):
        server.answers = [answer]
        with pytest.raises(NotSentError, match="före publiceringen") as caught:
            channel.send(shipment, now=now())
        assert (caught.value.is_permanent, caught.value.stops_channel) == (False, False)


def test_what_is_unknown_of_the_picture_is_surely_not_sent(server: Server, channel: Bluesky) -> None:
    meeting(server, UPLOAD, fault("InternalServerError", status=500))

    with pytest.raises(NotSentError, match="före publiceringen") as caught:
        channel.send(shipment_to(server.url, content=PICTURED, picture=PICTURE), now=now())
    assert not caught.value.is_permanent


def test_a_handle_that_does_not_hold_gives_a_page_by_the_did(
    server: Server, channel: Bluesky, shipment: Shipment
) -> None:
    for handle in ("handle.invalid", "a/../b", 'x"><script>', None):
        server.session["handle"] = handle
        assert channel.send(shipment, now=now()).url.startswith(f"https://bsky.app/profile/{DID}/post/")


# What the server answers.


@pytest.mark.parametrize(
    ("method", "answer", "is_permanent", "stops_channel"),
    [
        (SIGN_IN, fault("AuthenticationRequired", status=401), False, True),
        (SIGN_IN, fault("AccountTakedown", status=401), False, True),
        (SIGN_IN, fault("AuthFactorTokenRequired", status=401), False, True),
        (SIGN_IN, fault("InvalidRequest"), False, True),
        (SIGN_IN, Answer(404), False, True),
        (SIGN_IN, Answer(302, {"Location": "https://bsky.social/xrpc/"}), False, True),
        (UPLOAD, fault("InvalidRequest"), True, False),
        (UPLOAD, fault("PayloadTooLarge", status=413), True, False),
        (PUT, fault("InvalidRequest"), True, False),
        (PUT, fault("InvalidToken"), False, True),
        (PUT, fault("ExpiredToken"), False, False),
        (PUT, fault("AuthMissing", status=401), False, True),
        (PUT, fault("AuthenticationRequired", status=401), False, True),
    ],
    ids=lambda value: getattr(value, "body", b"").decode() or None,
)
def test_an_error_is_of_the_post_or_of_the_account(
    server: Server, channel: Bluesky, method: str, answer: Answer, is_permanent: bool, stops_channel: bool
) -> None:
    meeting(server, method, answer)

    with pytest.raises(NotSentError) as caught:
        channel.send(shipment_to(server.url, content=PICTURED, picture=PICTURE), now=now())
    assert (caught.value.is_permanent, caught.value.stops_channel) == (is_permanent, stops_channel)
    assert server.records == {}


def test_too_many_graphemes_are_said_in_swedish(server: Server, channel: Bluesky, shipment: Shipment) -> None:
    meeting(server, PUT, fault("InvalidRequest", "grapheme too big (maximum 300, got 301)"))

    with pytest.raises(NotSentError, match="300 tecken") as caught:
        channel.send(shipment, now=now())
    assert caught.value.is_permanent


@pytest.mark.parametrize("method", [SIGN_IN, PUT])
@pytest.mark.parametrize(
    ("reset", "wait"), [(120, 120), (-60, 0), (10**9, 7 * 24 * 3600)], ids=["two minutes", "past", "for ever"]
)
def test_a_throttled_account_waits_until_its_limit_is_reset(
    server: Server, channel: Bluesky, shipment: Shipment, method: str, reset: int, wait: int
) -> None:
    meeting(server, method, Answer(429, {"RateLimit-Reset": str(int(DUE.timestamp()) + reset)}))

    with pytest.raises(NotSentError) as caught:
        channel.send(shipment, now=DUE)
    assert (caught.value.is_permanent, caught.value.retry_after) == (False, timedelta(seconds=wait))


def test_a_limit_that_cannot_be_read_gives_no_time(server: Server, channel: Bluesky, shipment: Shipment) -> None:
    meeting(server, PUT, Answer(429, {"RateLimit-Reset": "9" * 400}))

    with pytest.raises(NotSentError) as caught:
        channel.send(shipment, now=DUE)
    assert caught.value.retry_after is None


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b'{"uri": "at://annan/x/y"}', b"[" * 60_000])
def test_an_accepting_status_without_the_records_address_is_unknown(
    server: Server, channel: Bluesky, shipment: Shipment, body: bytes
) -> None:
    meeting(server, PUT, Answer(200, {}, body))

    with pytest.raises(UnknownOutcomeError, match="osäkert"):
        channel.send(shipment, now=now())


@pytest.mark.parametrize(
    "session", [{"did": "did:plc:../x"}, {"did": ""}, {"accessJwt": "a\r\nb"}, {"accessJwt": ""}, {"active": False}]
)
def test_a_session_that_cannot_be_used_posts_nothing(
    server: Server, channel: Bluesky, shipment: Shipment, session: dict[str, Any]
) -> None:
    server.session.update(session)

    with pytest.raises(NotSentError) as caught:
        channel.send(shipment, now=now())
    assert caught.value.stops_channel is ("active" in session)
    assert server.methods == [SIGN_IN]


def test_a_channel_without_account_or_secret_stops(server: Server, channel: Bluesky) -> None:
    for missing in ("account", "secret"):
        with pytest.raises(CredentialError, match="både account och secret"):
            channel.send(shipment_to(server.url, **{missing: None}), now=now())
    assert server.requests == []


def test_line_breaks_in_the_account_are_only_a_wrong_account(server: Server, channel: Bluesky) -> None:
    with pytest.raises(NotSentError) as caught:
        channel.send(shipment_to(server.url, account=f"{HANDLE}\r\nX-Evil: 1"), now=now())

    assert caught.value.stops_channel
    assert "x-evil" not in server.requests[0].headers


# Afterwards and before.


def test_a_post_can_be_withdrawn_and_withdrawing_again_is_harmless(
    server: Server, channel: Bluesky, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=now())
    gone = replace(shipment, reference=receipt.reference)

    channel.withdraw(gone, now=now())
    channel.withdraw(gone, now=now())

    assert server.records == {}
    assert not isinstance(channel, Correcting)


@pytest.mark.parametrize(
    "reference",
    ["", "3kabcdefghijk", f"at://{DID}/app.bsky.feed.post/../x", "at://did:plc:annan/app.bsky.feed.post/3kabcdefghijk"],
)
def test_only_the_accounts_own_posts_are_withdrawn(
    server: Server, channel: Bluesky, shipment: Shipment, reference: str
) -> None:
    with pytest.raises(NotSentError, match="för hand"):
        channel.withdraw(replace(shipment, reference=reference), now=now())
    assert DELETE not in server.methods


def test_the_probe_says_as_whom_we_post_and_shows_nothing(server: Server, channel: Bluesky, shipment: Shipment) -> None:
    assert channel.probe(shipment.channel, now=now()) == f"Inlägg görs på Bluesky som {HANDLE}."
    assert server.methods == [SIGN_IN]


def test_the_totals_of_a_post_are_told_with_quotes_among_the_shares(
    server: Server, channel: Bluesky, shipment: Shipment
) -> None:
    sent = replace(shipment, reference=channel.send(shipment, now=now()).reference)
    server.counts = {"likeCount": 12, "repostCount": 3, "quoteCount": 2, "replyCount": 0}

    assert isinstance(channel, Counting)
    found = channel.count(sent, now=now())

    assert found == {"reaktioner": 12, "delningar": 5, "kommentarer": 0}
    assert set(found) <= set(MEASURES)
    assert server.methods[-2:] == [SIGN_IN, LOOK]


@pytest.mark.parametrize("nonsense", [None, -1, "7", 2.5, True, [1], {"count": 1}])
def test_what_is_no_count_gives_no_number(
    server: Server, channel: Bluesky, shipment: Shipment, nonsense: object
) -> None:
    sent = replace(shipment, reference=channel.send(shipment, now=now()).reference)
    server.counts = {"likeCount": nonsense, "repostCount": 3, "quoteCount": nonsense}

    assert channel.count(sent, now=now()) == {"delningar": 3}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b'{"posts": 7}', b'{"posts": [7, {"uri": "x", "likeCount": 1}]}']
)
def test_a_post_that_is_not_shown_has_no_totals(
    server: Server, channel: Bluesky, shipment: Shipment, body: bytes
) -> None:
    sent = replace(shipment, reference=channel.send(shipment, now=now()).reference)
    server.records.clear()
    assert channel.count(sent, now=now()) == {}

    meeting(server, LOOK, Answer(200, {}, body))
    assert channel.count(sent, now=now()) == {}


def test_a_fault_when_counting_is_told(server: Server, channel: Bluesky, shipment: Shipment) -> None:
    sent = replace(shipment, reference=channel.send(shipment, now=now()).reference)
    for answer in (Answer(500), fault("ExpiredToken"), fault("RateLimitExceeded", status=429)):
        meeting(server, LOOK, answer)
        with pytest.raises(NotSentError):
            channel.count(sent, now=now())
    with pytest.raises(NotSentError, match="Kvittot"):
        channel.count(replace(sent, reference="at://annan"), now=now())
