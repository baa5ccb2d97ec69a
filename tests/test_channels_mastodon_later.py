"""The Mastodon channel after a try: looking for what may be out, withdrawing, correcting; and before: the probe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from campaigns.channels.base import Counting, NotSentError, Shipment, UnknownOutcomeError
from campaigns.channels.credentials import CredentialError
from campaigns.channels.mastodon import MOST_LOOKS, MOST_PAGES, PAGE_SIZE, Mastodon
from campaigns.reach_numbers import MEASURES
from tests.contracts import (
    DUE,
    Answer,
    noted,
    serving,
    work_and_hang_up,
)
from tests.mammoth import (
    LIST,
    PICTURE,
    PICTURED,
    POST,
    TEXT,
    TOKEN,
    WHO,
    Mammoth,
    answered,
    fault,
    in_doubt,
    mastodon,
    now,
    shipment_to,
)


@pytest.fixture
def mammoth() -> Iterator[Mammoth]:
    with serving(Mammoth()) as mammoth:
        yield mammoth


@pytest.fixture
def channel() -> Mastodon:
    return mastodon()


@pytest.fixture
def shipment(mammoth: Mammoth) -> Shipment:
    return shipment_to(mammoth.url)


# Whether an earlier try got through.


def test_long_after_the_hour_what_is_out_is_found_and_not_sent_again(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    first = channel.send(shipment, now=now())
    mammoth.keys.clear()  # the instance has forgotten them
    for number in range(PAGE_SIZE):
        mammoth.add(f"Något annat {number}", made_at=DUE + timedelta(hours=1))

    second = channel.send(in_doubt(shipment), now=now() + timedelta(hours=5))

    assert second == first
    assert mammoth.calls.count(POST) == 1


def test_what_surely_is_not_out_is_sent(mammoth: Mammoth, channel: Mastodon, shipment: Shipment) -> None:
    mammoth.add("Något annat")
    mammoth.add(TEXT, made_at=DUE - timedelta(days=365))  # the same words last year

    channel.send(in_doubt(shipment), now=now())

    assert [status["text"] for status in mammoth.statuses.values()].count(TEXT) == 2


def test_a_status_from_before_the_due_time_is_never_taken_for_this_one(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    old = mammoth.add(TEXT, made_at=DUE - timedelta(minutes=11))

    assert channel.send(in_doubt(shipment), now=now()).reference != old


def test_white_space_is_not_compared(mammoth: Mammoth, channel: Mastodon, shipment: Shipment) -> None:
    name = mammoth.add(TEXT.replace("\n\n", "\r\n \r\n") + "\n")

    assert channel.send(in_doubt(shipment), now=now()).reference == name


def test_a_status_that_somebody_has_edited_since_is_left_to_a_person(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    mammoth.add("Rättad text", edited_at="2027-04-22T15:00:00.000Z")

    with pytest.raises(UnknownOutcomeError, match="ändrats"):
        channel.send(in_doubt(shipment), now=now())
    assert POST not in mammoth.calls


def test_more_statuses_than_can_be_looked_through_leave_it_unknown(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    for number in range(PAGE_SIZE * MOST_PAGES):
        mammoth.add(f"Något annat {number}")

    with pytest.raises(UnknownOutcomeError, match="se igenom"):
        channel.send(in_doubt(shipment), now=now())
    assert POST not in mammoth.calls


@pytest.mark.parametrize("call", [WHO, LIST, "GET /api/v1/statuses/1000/source"])
@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(status) for status in (302, 400, 404, 422, 500, 503)),
        Answer(200, {}, b""),
        Answer(200, {}, b'"text"'),
        Answer(200, {}, b'[{"id": "../1", "created_at": "2027-04-22T14:31:00Z"}]'),
        Answer(200, {}, b'[{"id": "1", "created_at": "snart"}]'),
        Answer(200, {}, b'{"id": "../9", "text": 7}'),
        Answer(200, {}, b"[" + b" " * 70_000 + b"]"),
    ],
    ids=lambda answer: f"{answer.status}-{answer.body[:30]!r}",
)
def test_a_look_that_fails_leaves_it_unknown(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment, call: str, answer: Answer
) -> None:
    mammoth.add("Något annat")
    mammoth.faults[call] = answer

    with pytest.raises(UnknownOutcomeError):
        channel.send(in_doubt(shipment), now=now())
    assert POST not in mammoth.calls


def test_a_dead_token_stops_the_channel_also_while_looking(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    for status in (401, 403):
        mammoth.faults[WHO] = fault(status)
        with pytest.raises(NotSentError) as caught:
            channel.send(in_doubt(shipment), now=now())
        assert (caught.value.is_permanent, caught.value.stops_channel) == (False, True)


# Afterwards and before.


def test_a_status_can_be_withdrawn_and_withdrawing_again_is_harmless(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    gone = replace(shipment, reference=channel.send(shipment, now=now()).reference)

    channel.withdraw(gone, now=now())
    channel.withdraw(gone, now=now())

    assert mammoth.statuses == {}


def test_a_status_of_another_account_is_not_taken_for_withdrawn(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    name = mammoth.add("Någon annans")
    mammoth.others = {name}

    with pytest.raises(NotSentError, match="för hand") as caught:
        channel.withdraw(replace(shipment, reference=name), now=now())
    assert caught.value.is_permanent


def test_a_wrong_address_is_not_taken_for_withdrawn(mammoth: Mammoth, channel: Mastodon, shipment: Shipment) -> None:
    mammoth.answers = [Answer(404, {}, b"<html>"), Answer(404, {}, b"<html>")]

    with pytest.raises(NotSentError, match="för hand"):
        channel.withdraw(replace(shipment, reference="1000"), now=now())


@pytest.mark.parametrize("reference", ["", "media:500", "key:1", "../1", "1?x=y", "1\r\nX: 1"])
def test_only_a_proper_id_is_withdrawn_or_corrected(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment, reference: str
) -> None:
    for act in (channel.withdraw, channel.correct):
        with pytest.raises(NotSentError, match="för hand"):
            act(replace(shipment, reference=reference), now=now())
    assert mammoth.requests == []


def test_what_is_unknown_of_a_withdrawal_is_said_to_be(mammoth: Mammoth, channel: Mastodon, shipment: Shipment) -> None:
    for answer in (Answer(500), work_and_hang_up):
        mammoth.answers = [answer]
        with pytest.raises(UnknownOutcomeError):
            channel.withdraw(replace(shipment, reference="1000"), now=now())


def test_a_correction_takes_the_place_of_the_text_and_the_picture(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=now())
    content = {**PICTURED, "short": "Rättad text"}
    right = shipment_to(mammoth.url, content=content, picture=PICTURE, reference=receipt.reference)

    for _ in range(2):
        assert channel.correct(right, now=now()) == receipt

    [status] = mammoth.statuses.values()
    assert status["text"].startswith("Rättad text\n\n")
    assert status["media"] == ["501"]
    assert noted(right) == ""  # the receipt stands


def test_a_correction_of_what_is_gone_is_refused_for_good(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    with pytest.raises(NotSentError, match="finns inte kvar") as caught:
        channel.correct(replace(shipment, reference="1000"), now=now())
    assert caught.value.is_permanent


def test_a_correction_with_a_slow_picture_waits(mammoth: Mammoth, channel: Mastodon) -> None:
    name = mammoth.add("Text")
    mammoth.looks = MOST_LOOKS + 1

    with pytest.raises(NotSentError, match="arbetar fortfarande"):
        channel.correct(shipment_to(mammoth.url, content=PICTURED, picture=PICTURE, reference=name), now=now())
    assert mammoth.statuses[name]["text"] == "Text"


def test_a_correction_without_the_same_id_in_its_answer_is_unknown(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    name = mammoth.add("Text")
    mammoth.faults[f"PUT /api/v1/statuses/{name}"] = answered({"id": "7"})

    with pytest.raises(UnknownOutcomeError):
        channel.correct(replace(shipment, reference=name), now=now())


def test_the_probe_says_as_whom_we_post_and_how_much_and_shows_nothing(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    told = channel.probe(shipment.channel, now=now())

    assert told == "Inlägg görs på 127.0.0.1 som @aneby. Ett inlägg får där vara högst 500 tecken."
    assert [request.method for request in mammoth.requests] == ["GET", "GET"]


def test_the_probe_leaves_out_a_limit_that_it_is_not_told(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    bodies: list[dict[str, Any]] = [
        {},
        {"configuration": []},
        {"configuration": {"statuses": {"max_characters": "500"}}},
    ]
    for body in bodies:
        mammoth.faults["GET /api/v2/instance"] = answered(body)
        assert channel.probe(shipment.channel, now=now()) == "Inlägg görs på 127.0.0.1 som @aneby."


def test_the_probe_knows_what_is_not_mastodon(mammoth: Mammoth, channel: Mastodon, shipment: Shipment) -> None:
    mammoth.answers = [Answer(200, {}, b"<html>")]

    with pytest.raises(NotSentError, match="inte som Mastodon"):
        channel.probe(shipment.channel, now=now())


def test_a_channel_without_url_or_secret_stops(channel: Mastodon) -> None:
    for shipment in (shipment_to(None), shipment_to("https://mastodon.example", secret=None)):
        with pytest.raises(CredentialError, match="både url och secret"):
            channel.send(shipment, now=now())


@pytest.mark.parametrize("token", [f"{TOKEN}\r\nX-Evil: 1", f"{TOKEN}å", f"två {TOKEN}"])
def test_a_token_that_cannot_be_is_refused_before_anything_is_sent(
    mammoth: Mammoth, shipment: Shipment, token: str
) -> None:
    with pytest.raises(CredentialError, match="hel rad"):
        mastodon(token).send(shipment, now=now())
    assert mammoth.requests == []


# The totals.


def test_the_totals_of_a_status_are_told_and_nobody_is_asked_for(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    name = channel.send(shipment, now=now()).reference
    counts = {"favourites_count": 12, "reblogs_count": 3, "replies_count": 0}
    mammoth.statuses[name]["counts"] = counts
    mammoth.requests.clear()

    assert isinstance(channel, Counting)
    found = channel.count(replace(shipment, reference=name), now=now())

    assert found == {"reaktioner": 12, "delningar": 3, "kommentarer": 0}
    assert set(found) <= set(MEASURES)
    assert mammoth.calls == [f"GET /api/v1/statuses/{name}"]


@pytest.mark.parametrize("nonsense", [None, -1, "7", 2.5, True, [1], {"count": 1}])
def test_what_is_no_count_gives_no_number(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment, nonsense: object
) -> None:
    name = mammoth.add(TEXT)
    mammoth.statuses[name]["counts"] = {"favourites_count": nonsense, "reblogs_count": 3}

    assert channel.count(replace(shipment, reference=name), now=now()) == {"delningar": 3}


def test_a_status_that_is_gone_has_no_totals_and_a_fault_is_told(
    mammoth: Mammoth, channel: Mastodon, shipment: Shipment
) -> None:
    assert channel.count(replace(shipment, reference="999"), now=now()) == {}

    mammoth.answers = [fault(500)]
    with pytest.raises(NotSentError):
        channel.count(replace(shipment, reference="999"), now=now())
    with pytest.raises(NotSentError, match="Kvittot"):
        channel.count(replace(shipment, reference="../x"), now=now())
