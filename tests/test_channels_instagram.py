"""The Instagram channel against a server that keeps Meta's contract for containers, its errors included."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from campaigns.channels.base import (
    Channel,
    Counting,
    Environment,
    NotSentError,
    Outcome,
    Picture,
    Probing,
    Shipment,
    UnknownOutcomeError,
    Withdrawing,
)
from campaigns.channels.graph import BLOCK_WAIT
from campaigns.channels.instagram import LOOKS, MOST_BYTES, SUBCODES, Instagram
from campaigns.reach_numbers import MEASURES
from tests.builders import make_channel
from tests.contracts import (
    CONTENT,
    DUE,
    Answer,
    Failure,
    MakeTrouble,
    OutsideContract,
    Published,
    Receiver,
    Request,
    Trouble,
    keep_silent,
    make_shipment,
    noted,
    serving,
    unused_port,
    work_and_hang_up,
    work_and_talk_nonsense,
)
from tests.graph_api import PICTURE, POSTED, TOKEN, TRACE, WITH_PICTURE, GraphApi, answered, graph_error, pour, usage

USER = "17841400000000000"
NOW = DUE + timedelta(minutes=1)

Act = Callable[[Receiver, BaseHTTPRequestHandler], None]


@dataclass
class ContainersApi(GraphApi):
    """An account. A new container goes through the states in `course`; `posts` are published, oldest first."""

    time: datetime = DUE
    course: list[dict[str, str]] = field(default_factory=lambda: [{"status_code": "FINISHED"}])
    containers: dict[str, dict[str, str]] = field(default_factory=dict)
    states: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    posts: list[dict[str, Any]] = field(default_factory=list)
    used: int = 3

    def publishes(self, request: Request) -> bool:
        return request.path.endswith("/media_publish")

    def refuse(self, trouble: Trouble, request: Request) -> Answer:
        own = {Trouble.BUSY: graph_error(9007, 2207027), Trouble.BAD_POST: graph_error(36003, 2207009)}
        return own.get(trouble) or super().refuse(trouble, request)

    def act(self, method: str, path: str, fields: dict[str, str]) -> Answer:
        acts: dict[tuple[str, str], Callable[[dict[str, str]], Answer]] = {
            ("POST", f"{USER}/media"): self.make,
            ("POST", f"{USER}/media_publish"): self.publish,
            ("GET", f"{USER}/content_publishing_limit"): self.limit,
            ("GET", f"{USER}/media"): self.listed,
            ("GET", USER): lambda _: answered({"id": USER, "username": "anebykommun"}),
        }
        if (method, path) in acts:
            return acts[method, path](fields)
        if method == "GET" and path in self.containers:
            self.check(fields == {"fields": "status_code,status"}, f"container {fields}")
            return answered({**self.state(path), "id": path})
        for post in self.posts:
            if (method, path) == ("GET", post["id"]):
                return answered({"permalink": post["permalink"], "id": path})
        return graph_error(100, 33)

    def make(self, fields: dict[str, str]) -> Answer:
        self.check(set(fields) == {"image_url", "caption", "alt_text"}, f"container {sorted(fields)}")
        identity = f"1788{len(self.containers)}"
        self.containers[identity] = fields
        self.states[identity] = list(self.course)
        return answered({"id": identity})

    def state(self, container: str) -> dict[str, str]:
        states = self.states[container]
        return states.pop(0) if len(states) > 1 else states[0]

    def publish(self, fields: dict[str, str]) -> Answer:
        self.check(set(fields) == {"creation_id"}, f"publish {sorted(fields)}")
        container = fields["creation_id"]
        if container not in self.containers:
            return graph_error(24, 2207008)
        if self.states[container] != [{"status_code": "FINISHED"}]:
            return graph_error(9007, 2207027)
        self.states[container] = [{"status_code": "PUBLISHED"}]
        self.add(self.containers[container]["caption"], container=container)
        return answered({"id": self.posts[-1]["id"]})

    def add(self, caption: str, *, container: str = "") -> None:
        number = len(self.posts)
        stamp = self.time.strftime("%Y-%m-%dT%H:%M:%S+0000")
        link = f"https://www.instagram.com/p/C{number}/"
        post = {
            "id": f"1799{number}",
            "caption": caption,
            "timestamp": stamp,
            "permalink": link,
            "container": container,
        }
        self.posts.append(post)

    def limit(self, fields: dict[str, str]) -> Answer:
        self.check(fields == {"fields": "quota_usage,config"}, f"limit {fields}")
        config = {"quota_total": 50, "quota_duration": 86400}
        return answered({"data": [{"quota_usage": self.used, "config": config}]})

    def listed(self, fields: dict[str, str]) -> Answer:
        asked = fields["fields"].split(",")
        newest = list(reversed(self.posts))[: int(fields["limit"])]
        return answered({"data": [{name: post[name] for name in ("id", *asked) if name in post} for post in newest]})


@pytest.fixture
def api() -> Iterator[ContainersApi]:
    with serving(ContainersApi()) as api:
        yield api
    assert api.wrong == []


@pytest.fixture
def channel() -> Channel:
    return make_instagram()


@pytest.fixture
def shipment(api: ContainersApi) -> Shipment:
    return shipment_to(api.base)


def make_instagram(token: str = TOKEN) -> Instagram:
    return Instagram(Environment({"NYCKEL": token}, timeout=(1, 0.2), longest=0.4), between_looks=0)


def shipment_to(
    url: str, *, account: str = USER, api_version: str | None = None, secret: str = "env:NYCKEL", **more: Any
) -> Shipment:
    config = make_channel(
        "instagram", url=url, secret=secret, account=account, api_version=api_version, allow_private_addresses=True
    )
    more.setdefault("content", WITH_PICTURE)
    more.setdefault("picture", PICTURE)
    return make_shipment(config, key="aneby/valborg/2027/veckan.unga:instagram:sv:1", **more)


def again(shipment: Shipment, *, maybe_sent: bool = True) -> Shipment:
    return replace(shipment, attempt=2, maybe_sent=maybe_sent, reference=noted(shipment))


class TestInstagram(OutsideContract):
    @pytest.fixture
    def published(self, api: ContainersApi) -> Published:
        return lambda: api.posts

    @pytest.fixture
    def trouble(self, api: ContainersApi) -> MakeTrouble:
        def make(what: Trouble) -> None:
            api.trouble = what

        return make

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return [TOKEN, "hemlignyckel", "hemlig text av Meta", "access_token", "media.example.se"]

    @pytest.fixture
    def failures(self, api: ContainersApi, shipment: Shipment) -> Sequence[Failure]:
        def met_by(ending: str, answer: Answer, sent: Shipment = shipment) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                api.stubs = {ending: answer}
                return make_instagram(), sent

            return arrange

        def first(act: Act) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                api.stubs, api.answers = {}, [act]
                return make_instagram(), shipment

            return arrange

        echo = {"Location": f"/media?access_token={TOKEN}", "Retry-After": TOKEN, **usage(TOKEN)}
        doubtful = replace(shipment, maybe_sent=True, reference="17880")
        answers = [
            *(Answer(status, echo, TOKEN.encode()) for status in (302, 400, 401, 403, 404, 429, 500, 503)),
            *(graph_error(code) for code in (1, 4, 10, 100, 190, 200, 368)),
            *(graph_error(9, subcode) for subcode in SUBCODES),
        ]
        endings = ("/media", "/media_publish", "/content_publishing_limit")
        acts = (keep_silent, work_and_hang_up, work_and_talk_nonsense)
        return [
            *(Failure(ending, met_by(ending, answer)) for ending in endings for answer in answers),
            *(Failure("looked up", met_by("/17880", answer, doubtful)) for answer in answers),
            *(Failure(act.__name__, first(act)) for act in acts),
            Failure("nobody there", lambda: (make_instagram(), shipment_to(f"http://127.0.0.1:{unused_port()}"))),
            Failure("no secret", lambda: (Instagram(Environment({"ANNAN": TOKEN})), shipment)),
            Failure("secret in the file", lambda: (make_instagram(), shipment_to(api.base, secret=TOKEN))),
            Failure("two lines", lambda: (make_instagram(f"{TOKEN}\r\nX-Other: 1"), shipment)),
        ]


# What is sent.


def test_a_container_is_made_noted_and_published_with_its_alternative_text(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=NOW)

    assert api.containers == {
        "17880": {"image_url": PICTURE.url, "caption": POSTED, "alt_text": WITH_PICTURE["alt"]},
    }
    assert noted(shipment) == "17880"
    assert (receipt.outcome, receipt.reference) == (Outcome.PUBLISHED, "17880")
    assert receipt.url == "https://www.instagram.com/p/C0/"


def test_a_container_is_looked_at_until_it_is_finished(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    api.course = [*([{"status_code": "IN_PROGRESS"}] * (LOOKS - 1)), {"status_code": "FINISHED"}]

    channel.send(shipment, now=NOW)

    assert len(api.posts) == 1


def test_a_container_that_is_not_ready_in_time_is_gone_on_with_by_the_next_try(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    api.course = [*([{"status_code": "IN_PROGRESS"}] * (LOOKS + 1)), {"status_code": "FINISHED"}]

    with pytest.raises(NotSentError, match="när den är klar") as caught:
        channel.send(shipment, now=NOW)
    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, False)
    channel.send(again(shipment, maybe_sent=False), now=NOW)

    assert (len(api.containers), len(api.posts)) == (1, 1)


def test_the_container_is_noted_before_anything_is_published(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    seen: list[tuple[str, int]] = []

    channel.send(replace(shipment, note=lambda reference: seen.append((reference, len(api.posts)))), now=NOW)

    assert set(seen) == {("17880", 0)}


def test_another_worker_that_has_taken_over_stops_before_publishing(api: ContainersApi, channel: Channel) -> None:
    def taken(_: str) -> None:
        raise NotSentError("En annan arbetare har tagit över leveransen.", is_permanent=False)

    shipment = shipment_to(api.base, note=taken)
    for taken_up in (shipment, replace(shipment, reference="17880")):
        with pytest.raises(NotSentError, match="tagit över"):
            channel.send(taken_up, now=NOW)
    assert len(api.containers) == 1
    assert api.posts == []


# After an unknown outcome.


@pytest.mark.parametrize("state", ["EXPIRED", "ERROR"])
@pytest.mark.parametrize("maybe_sent", [True, False])
def test_a_container_that_came_to_nothing_is_replaced(
    api: ContainersApi, channel: Channel, shipment: Shipment, state: str, maybe_sent: bool
) -> None:
    api.containers["17880"], api.states["17880"] = {"caption": POSTED}, [{"status_code": state}]

    receipt = channel.send(replace(shipment, maybe_sent=maybe_sent, reference="17880"), now=NOW)

    assert receipt.reference == noted(shipment) == "17881"
    assert len(api.posts) == 1


def test_a_container_in_place_of_one_that_came_to_nothing_is_surely_not_published_while_it_is_made(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    api.containers["17880"], api.states["17880"] = {"caption": POSTED}, [{"status_code": "EXPIRED"}]
    api.course = [{"status_code": "IN_PROGRESS"}]

    with pytest.raises(NotSentError):
        channel.send(replace(shipment, maybe_sent=True, reference="17880"), now=NOW)
    assert noted(shipment) == "17881"


def test_a_container_that_is_forgotten_is_replaced_only_if_nothing_can_have_been_published(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    with pytest.raises(UnknownOutcomeError):
        channel.send(replace(shipment, maybe_sent=True, reference="999"), now=NOW)
    assert (api.containers, api.posts) == ({}, [])

    channel.send(replace(shipment, maybe_sent=False, reference="999"), now=NOW)
    assert len(api.posts) == 1


def test_a_try_that_died_before_it_noted_a_container_published_nothing(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    channel.send(replace(shipment, maybe_sent=True, reference=""), now=NOW)

    assert len(api.posts) == 1


def test_a_container_still_at_work_after_an_unknown_outcome_stays_unknown(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    api.containers["17880"], api.states["17880"] = {"caption": POSTED}, [{"status_code": "IN_PROGRESS"}]

    with pytest.raises(UnknownOutcomeError, match="osäkert"):
        channel.send(replace(shipment, maybe_sent=True, reference="17880"), now=NOW)
    assert api.posts == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500),
        Answer(404),
        Answer(200),
        Answer(302),
        answered({"status_code": "NEW_STATE"}),
        answered({"status_code": ["PUBLISHED"]}),
        graph_error(4),
        graph_error(100, 33),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:30]!r}",
)
def test_a_look_that_fails_leaves_it_unknown_and_makes_nothing(
    api: ContainersApi, channel: Channel, shipment: Shipment, answer: Answer
) -> None:
    api.stubs = {"/17880": answer}

    with pytest.raises(UnknownOutcomeError):
        channel.send(replace(shipment, maybe_sent=True, reference="17880"), now=NOW)
    assert (api.containers, api.posts) == ({}, [])


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (graph_error(4, headers=usage(7)), timedelta(minutes=7)),
        (graph_error(32, headers={"Retry-After": "3600"}), timedelta(hours=1)),
        (Answer(503, {"Retry-After": "120"}), timedelta(minutes=2)),
    ],
)
def test_a_wait_that_is_asked_for_when_looking_is_kept_and_nothing_is_made(
    api: ContainersApi, channel: Channel, shipment: Shipment, answer: Answer, wait: timedelta
) -> None:
    api.stubs = {"/17880": answer}

    with pytest.raises(NotSentError) as caught:
        channel.send(replace(shipment, maybe_sent=True, reference="17880"), now=NOW)
    assert (caught.value.is_permanent, caught.value.stops_channel, caught.value.retry_after) == (False, False, wait)
    assert (api.containers, api.posts) == ({}, [])


@pytest.mark.parametrize(("before", "is_found"), [(timedelta(minutes=10), True), (timedelta(minutes=11), False)])
def test_an_address_is_looked_for_though_clocks_differ_by_ten_minutes(
    api: ContainersApi, channel: Channel, shipment: Shipment, before: timedelta, is_found: bool
) -> None:
    channel.send(shipment, now=NOW)
    api.posts[0]["timestamp"] = (DUE - before).strftime("%Y-%m-%dT%H:%M:%S+0000")

    assert bool(channel.send(again(shipment), now=NOW).url) is is_found


def test_a_published_container_is_the_receipt_though_its_address_cannot_be_found(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    channel.send(shipment, now=NOW)
    api.posts[0]["timestamp"] = "2026-04-22T14:30:00+0000"
    for listed in (None, Answer(500), answered({"data": [3, {"caption": POSTED}]})):
        api.stubs = {f"{USER}/media": listed} if listed else {}

        receipt = channel.send(again(shipment), now=NOW)

        assert (receipt.outcome, receipt.reference, receipt.url) == (Outcome.PUBLISHED, "17880", "")
    assert len(api.posts) == 1


def test_a_post_whose_address_is_not_told_is_published_all_the_same(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    api.stubs = {"/17990": graph_error(190)}

    assert channel.send(shipment, now=NOW).url == ""


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200),
        answered({"id": "../1"}),
        answered({"id": 3}),
        Answer(200, {}, b"[1]"),
        Answer(200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 10**7, mtime=0)),
        graph_error(-1, 2207001),
        graph_error(1),
        graph_error(2, status=500),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:9]!r}",
)
def test_an_answer_to_the_publishing_that_does_not_tell_is_unknown(
    api: ContainersApi, channel: Channel, shipment: Shipment, answer: Answer
) -> None:
    api.stubs = {"/media_publish": answer}

    with pytest.raises(UnknownOutcomeError, match="osäkert"):
        channel.send(shipment, now=NOW)
    channel.send(again(shipment), now=NOW)

    assert len(api.posts) == 1


def test_an_endless_answer_is_cut(api: ContainersApi, channel: Channel, shipment: Shipment) -> None:
    api.answers = [pour]

    channel.send(shipment, now=NOW)  # it was the limit that was asked for, and it told nothing

    assert len(api.posts) == 1


# What the errors mean.


@pytest.mark.parametrize(
    ("subcode", "is_permanent", "stops_channel", "wait"),
    [
        *((subcode, False, False, None) for subcode in (2207003, 2207052, 2207008, 2207020, 2207027, 2207032)),
        *((subcode, True, False, None) for subcode in (2207004, 2207005, 2207009, 36003, 2207010)),
        *((subcode, False, False, BLOCK_WAIT) for subcode in (2207042, 2207051)),
        (2207050, False, True, None),
    ],
)
@pytest.mark.parametrize("where", ["/media", "/media_publish", "status"])
def test_a_subcode_says_what_is_wrong(
    api: ContainersApi,
    channel: Channel,
    shipment: Shipment,
    where: str,
    subcode: int,
    is_permanent: bool,
    stops_channel: bool,
    wait: timedelta | None,
) -> None:
    if where == "status":
        api.course = [{"status_code": "ERROR", "status": f"Error: failed with error code {subcode}"}]
    else:
        api.stubs = {where: graph_error(9, subcode)}

    with pytest.raises(NotSentError, match=str(subcode)) as caught:
        channel.send(shipment, now=NOW)
    error = caught.value
    assert (error.is_permanent, error.stops_channel, error.retry_after) == (is_permanent, stops_channel, wait)
    assert (TRACE in error.message) is (where != "status")
    assert api.posts == []


def test_a_container_that_fails_for_no_known_reason_is_made_anew_by_the_next_try(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    api.course = [{"status_code": "ERROR", "status": "Error"}]
    with pytest.raises(NotSentError) as caught:
        channel.send(shipment, now=NOW)
    assert not caught.value.is_permanent

    api.course = [{"status_code": "FINISHED"}]
    channel.send(again(shipment, maybe_sent=False), now=NOW)

    assert len(api.posts) == 1


@pytest.mark.parametrize("answer", [Answer(500), graph_error(1), Answer(200), answered({"id": "1/2"})])
def test_a_container_that_may_or_may_not_have_been_made_has_sent_nothing(
    api: ContainersApi, channel: Channel, shipment: Shipment, answer: Answer
) -> None:
    api.stubs = {f"{USER}/media": answer}

    with pytest.raises(NotSentError) as caught:
        channel.send(shipment, now=NOW)
    assert not caught.value.is_permanent


# The day's limit.


def test_a_day_that_is_full_waits_and_makes_no_container(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    api.used = 50

    with pytest.raises(NotSentError, match="50 inlägg på ett dygn") as caught:
        channel.send(shipment, now=NOW)
    assert (caught.value.is_permanent, caught.value.retry_after) == (False, BLOCK_WAIT)
    assert api.containers == {}


@pytest.mark.parametrize("found", [{}, {"data": []}, {"data": [3]}, {"data": [{"quota_usage": "9", "config": 3}]}])
def test_a_limit_that_is_not_told_does_not_stop_the_post(
    api: ContainersApi, channel: Channel, shipment: Shipment, found: dict[str, Any]
) -> None:
    api.stubs = {"/content_publishing_limit": answered(found)}

    channel.send(shipment, now=NOW)

    assert len(api.posts) == 1


# What is refused before anything is sent.


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"media_type": "image/png"}, "JPEG"),
        ({"data": b"x" * (MOST_BYTES + 1)}, "8 MB"),
        ({"width": 790, "height": 1000}, "4:5"),
        ({"width": 1930, "height": 1000}, "4:5"),
        ({"height": 0}, "4:5"),
    ],
)
def test_a_picture_that_instagram_would_refuse_is_refused_for_good(
    api: ContainersApi, channel: Channel, shipment: Shipment, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(NotSentError, match=told) as caught:
        channel.send(replace(shipment, picture=replace(PICTURE, **change)), now=NOW)

    assert (caught.value.is_permanent, caught.value.stops_channel) == (True, False)
    assert api.requests == []


@pytest.mark.parametrize(("width", "height"), [(800, 1000), (1080, 1350), (1080, 1080), (1910, 1000), (1080, 566)])
def test_a_picture_at_the_limits_of_shape_goes(
    api: ContainersApi, channel: Channel, shipment: Shipment, width: int, height: int
) -> None:
    channel.send(replace(shipment, picture=replace(PICTURE, width=width, height=height)), now=NOW)

    assert len(api.posts) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://media.example.se/b.jpg",
        "https://localhost/b.jpg",
        "https://kampanj/b.jpg",
        "https://kampanj.local/b.jpg",
        "https://127.0.0.1:8000/b.jpg",
        "https://10.0.0.4/b.jpg",
        "https://[fd00::1]/b.jpg",
        "https://[/b.jpg",
        "https://a:b@media.example.se/b.jpg",
        "",
    ],
)
def test_a_picture_that_meta_cannot_fetch_stops_the_channel_and_says_what_to_set(
    api: ContainersApi, channel: Channel, shipment: Shipment, url: str
) -> None:
    with pytest.raises(NotSentError, match="KAMPANJHJUL_BASE_URL") as caught:
        channel.send(replace(shipment, picture=replace(PICTURE, url=url)), now=NOW)

    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, True)
    assert api.requests == []


@pytest.mark.parametrize(
    ("content", "picture", "told"),
    [
        (CONTENT, None, "kräver en bild"),
        (WITH_PICTURE, None, "finns inte kvar"),
        ({**WITH_PICTURE, "short": "x" * 2201, "link": ""}, PICTURE, "2201 tecken, och gränsen är 2200"),
        ({**WITH_PICTURE, "short": "#valborg " * 31}, PICTURE, "31 hashtaggar"),
    ],
)
def test_a_post_that_instagram_would_refuse_is_refused_for_good(
    api: ContainersApi, channel: Channel, content: dict[str, str], picture: Picture | None, told: str
) -> None:
    with pytest.raises(NotSentError, match=told) as caught:
        channel.send(shipment_to(api.base, content=content, picture=picture), now=NOW)

    assert caught.value.is_permanent
    assert api.requests == []


@pytest.mark.parametrize("account", ["aneby", "1/../2", "1\r\nX-Other: 1", ""])
def test_an_account_that_is_no_id_stops_the_channel(api: ContainersApi, channel: Channel, account: str) -> None:
    with pytest.raises(NotSentError) as caught:
        channel.send(shipment_to(api.base, account=account), now=NOW)

    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, True)
    assert api.requests == []


def test_a_noted_reference_that_is_no_id_is_never_called(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    channel.send(replace(shipment, reference="../me"), now=NOW)

    assert not any("me" in request.path.split("/")[2] for request in api.requests)
    assert len(api.posts) == 1


# What else it can do.


def test_a_probe_says_as_whom_and_how_much_of_the_day_is_left(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    assert isinstance(channel, Probing)

    told = channel.probe(shipment.channel, now=NOW)

    assert told == "Inlägg görs som ”anebykommun” på Instagram. 3 av dygnets 50 inlägg är gjorda."
    assert {request.method for request in api.requests} == {"GET"}


def test_a_post_cannot_be_withdrawn(channel: Channel) -> None:
    assert not isinstance(channel, Withdrawing)


def test_the_totals_are_those_of_the_post_with_the_very_caption(
    api: ContainersApi, channel: Channel, shipment: Shipment
) -> None:
    sent = replace(shipment, reference=channel.send(shipment, now=NOW).reference)
    api.posts[0].update(like_count=12, comments_count=0)
    api.add("Något annat")
    api.posts[1].update(like_count=900, comments_count=900)

    assert isinstance(channel, Counting)
    found = channel.count(sent, now=NOW)

    assert found == {"reaktioner": 12, "kommentarer": 0}
    assert set(found) <= set(MEASURES)
    api.posts.pop(0)
    assert channel.count(sent, now=NOW) == {}


@pytest.mark.parametrize("nonsense", [None, -1, "7", 2.5, True, [1], {"count": 1}])
def test_what_is_no_count_gives_no_number(
    api: ContainersApi, channel: Channel, shipment: Shipment, nonsense: object
) -> None:
    sent = replace(shipment, reference=channel.send(shipment, now=NOW).reference)
    api.posts[0].update(like_count=nonsense, comments_count=4)

    assert isinstance(channel, Counting)
    assert channel.count(sent, now=NOW) == {"kommentarer": 4}


def test_a_fault_when_counting_is_told(api: ContainersApi, channel: Channel, shipment: Shipment) -> None:
    assert isinstance(channel, Counting)
    for answer in (Answer(500), graph_error(190), graph_error(4)):
        api.stubs = {f"{USER}/media": answer}
        with pytest.raises(NotSentError):
            channel.count(shipment, now=NOW)
