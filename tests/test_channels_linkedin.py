"""The LinkedIn channel against a server that keeps the contract of the Posts and Images APIs, its errors included."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote

import pytest

from campaigns.channels.base import (
    Channel,
    Environment,
    NotSentError,
    Outcome,
    Probing,
    Shipment,
    UnknownOutcomeError,
    Withdrawing,
)
from campaigns.channels.linkedin import MOST_CHARACTERS, REMEMBERED, VERSION, LinkedIn, little
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
from tests.graph_api import PICTURE, POSTED, WITH_PICTURE, pour

TOKEN = "AQX" + "hemlignyckel" * 5
AUTHOR = "urn:li:organization:5583111"
NOW = DUE + timedelta(minutes=1)

Act = Callable[[Receiver, BaseHTTPRequestHandler], None]


def fault(status: int, code: str, message: str = f"hemlig text av LinkedIn {TOKEN}", **more: Any) -> Answer:
    return Answer(status, {}, json.dumps({"status": status, "code": code, "message": message, **more}).encode())


def duplicate_of(urn: str) -> Answer:
    errors = {"inputErrors": [{"code": "DUPLICATE_POST", "description": f"Content is a duplicate of {urn}"}]}
    return fault(422, "UNPROCESSABLE_ENTITY", f"Content is a duplicate of {urn}", errorDetails=errors)


def read_little(text: str) -> str:
    """What people read of `text` in little format: cut at the first reserved character that is not escaped."""
    allowed = re.compile(r"https?://\S+|#[^\W_]+|\\[\\|{}@\[\]()<>#*_~]|[^\\|{}@\[\]()<>#*_~]")
    shown, place = "", 0
    while (found := allowed.match(text, place)) is not None:
        shown += found.group()[1:] if found.group().startswith("\\") else found.group()
        place = found.end()
    return shown


@dataclass
class PostsApi(FakeApi):
    """An organisation's page. `posts` are published, by their URN; `images` maps a URN to the bytes uploaded to it."""

    posts: dict[str, dict[str, Any]] = field(default_factory=dict)
    images: dict[str, bytes] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    stubs: dict[str, Answer | Act] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    upload_url: str = ""

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def publishes(self, request: Request) -> bool:
        return (request.method, request.path) == ("POST", "/rest/posts")

    def handle(self, request: Request) -> Answer:
        for ending in [found for found in self.stubs if request.path.endswith(found)]:
            stub = self.stubs.pop(ending)
            assert isinstance(stub, Answer)
            return stub
        self.check(request.headers.get("authorization") == f"Bearer {TOKEN}", "authorization")
        self.check(TOKEN not in request.path and TOKEN.encode() not in request.body, "token outside the header")
        if request.method == "PUT" and request.path.startswith("/dms-uploads/"):
            self.check(request.headers.get("content-type") == "image/jpeg", "content type of the picture")
            self.images[f"urn:li:image:{request.path.rpartition('/')[2]}"] = request.body
            return Answer(201)
        self.check(request.headers.get("linkedin-version") == VERSION, "LinkedIn-Version")
        self.check(request.headers.get("x-restli-protocol-version") == "2.0.0", "X-Restli-Protocol-Version")
        if request.method == "DELETE":
            return self.delete(request)
        self.check(request.headers.get("content-type") == "application/json", "content type")
        if (request.method, request.path) == ("POST", "/rest/images?action=initializeUpload"):
            return self.place(json.loads(request.body))
        if (request.method, request.path) == ("POST", "/rest/posts"):
            return self.post(json.loads(request.body))
        self.check(False, f"{request.method} {request.path}")
        return Answer(404)

    def place(self, asked: dict[str, Any]) -> Answer:
        self.check(asked == {"initializeUploadRequest": {"owner": AUTHOR}}, f"upload {asked}")
        name = f"C4D00-{len(self.images)}_x"
        url = self.upload_url or f"{self.base}/dms-uploads/{name}"
        value = {"uploadUrlExpiresAt": 1_800_000_000_000, "uploadUrl": url, "image": f"urn:li:image:{name}"}
        return Answer(200, {}, json.dumps({"value": value}).encode())

    def post(self, body: dict[str, Any]) -> Answer:
        text, content = body.pop("commentary"), body.pop("content", None)
        fixed = {
            "author": AUTHOR,
            "visibility": "PUBLIC",
            "distribution": {
                "feedDistribution": "MAIN_FEED",
                "targetEntities": [],
                "thirdPartyDistributionChannels": [],
            },
            "lifecycleState": "PUBLISHED",
            "isReshareDisabledByAuthor": False,
        }
        self.check(body == fixed, f"post {body}")
        self.check(content is None or content["media"]["id"] in self.images, "a picture that is not there")
        post = {"text": read_little(text), "content": content}
        for urn, earlier in self.posts.items():
            if earlier == post:
                return duplicate_of(urn)
        urn = f"urn:li:share:70000{len(self.posts)}"
        self.posts[urn] = post
        return Answer(201, {"x-restli-id": urn})

    def delete(self, request: Request) -> Answer:
        self.check(request.headers.get("x-restli-method") == "DELETE", "X-RestLi-Method")
        self.check(request.path.count("/") == 3 and ":" not in request.path, "a URN that is not encoded")
        urn = unquote(request.path.rpartition("/")[2])
        if urn not in self.posts:
            return fault(404, "NOT_FOUND")
        self.deleted.append(urn)
        return Answer(204)

    def check(self, is_right: bool, what: str) -> None:
        if not is_right:
            self.wrong.append(what)


@pytest.fixture
def api() -> Iterator[PostsApi]:
    with serving(PostsApi()) as api:
        yield api
    assert api.wrong == []


@pytest.fixture
def channel() -> Channel:
    return make_linkedin()


@pytest.fixture
def shipment(api: PostsApi) -> Shipment:
    return shipment_to(api.base)


def make_linkedin(token: str = TOKEN) -> LinkedIn:
    return LinkedIn(Environment({"NYCKEL": token}, timeout=(1, 0.2), longest=0.4))


def shipment_to(
    url: str | None,
    *,
    account: str = AUTHOR,
    api_version: str | None = None,
    secret: str = "env:NYCKEL",
    allow_private: bool = True,
    **more: Any,
) -> Shipment:
    config = make_channel(
        "linkedin",
        url=url,
        secret=secret,
        account=account,
        api_version=api_version,
        allow_private_addresses=allow_private,
    )
    return make_shipment(config, key="aneby/valborg/2027/veckan.foraldrar:linkedin:sv:1", **more)


def with_picture(api: PostsApi) -> Shipment:
    return shipment_to(api.base, content=WITH_PICTURE, picture=PICTURE)


def again(shipment: Shipment) -> Shipment:
    return replace(shipment, attempt=2, maybe_sent=True, reference=noted(shipment))


class TestLinkedIn(OutsideContract):
    @pytest.fixture
    def published(self, api: PostsApi) -> Published:
        return lambda: list(api.posts)

    @pytest.fixture
    def trouble(self, api: PostsApi) -> MakeTrouble:
        def make(what: Trouble) -> None:
            api.trouble = what

        return make

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return [TOKEN, "hemlignyckel", "hemlig text av LinkedIn", "dms-uploads", "hemlig-plats"]

    @pytest.fixture
    def failures(self, api: PostsApi, shipment: Shipment) -> Sequence[Failure]:
        def met_by(answer: Answer | Act, sent: Shipment = shipment) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                api.answers = [answer]
                return make_linkedin(), sent

            return arrange

        def led_to(place: str) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                api.upload_url = place
                return make_linkedin(), with_picture(api)

            return arrange

        echo = {"Location": f"/rest/posts?token={TOKEN}", "Retry-After": TOKEN, "x-restli-id": TOKEN}
        statuses = (201, 302, 400, 401, 403, 404, 422, 426, 429, 500, 503)
        answers = [Answer(status, echo, TOKEN.encode()) for status in statuses]
        acts = (keep_silent, work_and_hang_up, work_and_talk_nonsense, pour)
        return [
            *(Failure(f"{answer.status}", met_by(answer)) for answer in answers),
            *(Failure(f"repeated, {answer.status}", met_by(answer, again(shipment))) for answer in answers),
            *(Failure(f"picture, {answer.status}", met_by(answer, with_picture(api))) for answer in answers),
            *(Failure(act.__name__, met_by(act)) for act in acts),
            Failure("a double", met_by(duplicate_of("urn:li:share:1"))),
            Failure("led elsewhere", led_to("https://evil.example/hemlig-plats")),
            Failure("nobody there", lambda: (make_linkedin(), shipment_to(f"http://127.0.0.1:{unused_port()}"))),
            Failure("no secret", lambda: (LinkedIn(Environment({"ANNAN": TOKEN})), shipment)),
            Failure("secret in the file", lambda: (make_linkedin(), shipment_to(api.base, secret=TOKEN))),
            Failure("two lines", lambda: (make_linkedin(f"{TOKEN}\r\nX-Other: 1"), shipment)),
        ]


# What is sent.


def test_posts_the_short_text_and_the_link_so_that_people_read_all_of_it(
    api: PostsApi, channel: Channel, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=NOW)

    assert api.posts == {"urn:li:share:700000": {"text": POSTED, "content": None}}
    assert (receipt.outcome, receipt.reference, receipt.url) == (
        Outcome.PUBLISHED,
        "urn:li:share:700000",
        "https://www.linkedin.com/feed/update/urn:li:share:700000",
    )


def test_a_picture_is_uploaded_and_posted_with_its_alternative_text(api: PostsApi, channel: Channel) -> None:
    shipment = with_picture(api)

    channel.send(shipment, now=NOW)

    [(image, data)] = api.images.items()
    [post] = api.posts.values()
    assert data == PICTURE.data
    assert post["content"] == {"media": {"id": image, "altText": WITH_PICTURE["alt"]}}
    assert noted(shipment) == f"{image}@{int(NOW.timestamp())}"


def test_a_repeat_after_an_unknown_outcome_has_the_same_picture_so_that_it_is_seen_to_be_a_double(
    api: PostsApi, channel: Channel
) -> None:
    shipment = with_picture(api)
    api.trouble = Trouble.WORKED_AND_CUT
    with pytest.raises(UnknownOutcomeError):
        channel.send(shipment, now=NOW)

    receipt = channel.send(again(shipment), now=NOW)

    assert receipt.reference == "urn:li:share:700000"
    assert (len(api.images), len(api.posts)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Hej (alla) [här] {nu}", r"Hej \(alla\) \[här\] \{nu\}"),
        (r"a\b|c@d<e>f*g_h~i", r"a\\b\|c\@d\<e\>f\*g\_h\~i"),
        ("Se #valborg och #ÅretRunt2027!", "Se #valborg och #ÅretRunt2027!"),
        ("Nummer #1 och # ensam, #a_b, a#b, ##c", r"Nummer \#1 och \# ensam, \#a\_b, a\#b, \#\#c"),
        ("https://a.se/x_y?b=(c)#d_e (f)", r"https://a.se/x_y?b=(c)#d_e \(f\)"),
        ("#a https://a.se/b_* c", r"#a https://a.se/b\_\* c"),
        ("(se https://a.se/b_c).", r"(se https://a.se/b_c).".replace("(", r"\(").replace(")", r"\)")),
        ("http://a.se/å_ä, och sedan_dess", r"http://a.se/å_ä, och sedan\_dess"),
        ("", ""),
    ],
)
def test_reserved_characters_are_escaped_but_not_in_addresses_and_hashtags(text: str, written: str) -> None:
    assert little(text) == written


@pytest.mark.parametrize("text", [r"\|{}@[]()<>#*_~" * 3, "a_b https://a.se/c_d (e) #f #g_h", CONTENT["short"]])
def test_all_of_a_text_is_read_in_little_format(text: str) -> None:
    assert read_little(little(text)) == text


def test_a_text_above_the_limit_is_refused_with_its_length(api: PostsApi, channel: Channel) -> None:
    content = {**CONTENT, "short": "x" * (MOST_CHARACTERS + 1), "link": ""}

    with pytest.raises(NotSentError, match="3001 tecken, och gränsen är 3000") as caught:
        channel.send(shipment_to(api.base, content=content), now=NOW)
    assert caught.value.is_permanent
    assert api.requests == []


def test_a_picture_that_was_signed_and_is_gone_stops_the_post(api: PostsApi, channel: Channel) -> None:
    with pytest.raises(NotSentError, match="finns inte kvar") as caught:
        channel.send(shipment_to(api.base, content=WITH_PICTURE), now=NOW)

    assert caught.value.is_permanent
    assert api.requests == []


def test_another_worker_that_has_taken_over_stops_the_post_before_it_is_made(api: PostsApi, channel: Channel) -> None:
    def taken(_: str) -> None:
        raise NotSentError("En annan arbetare har tagit över leveransen.", is_permanent=False)

    with pytest.raises(NotSentError, match="tagit över"):
        channel.send(shipment_to(api.base, note=taken), now=NOW)
    assert api.requests == []


# Where the picture goes.


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/dms-uploads/x",
        "https://linkedin.com.evil.example/x",
        "https://evillinkedin.com/x",
        "https://www.linkedin.com@evil.example/x",
        "https://evil.example\\@www.linkedin.com/x",
        "https://evil.example#www.linkedin.com/",
        "https://169.254.169.254/latest/meta-data",
        "http://[::1]/x",
        "ftp://www.linkedin.com/x",
        "file:///etc/passwd",
        "https://www.linkedin.com/x\r\nX-Other: 1",
        "//www.linkedin.com/x",
    ],
)
def test_the_picture_and_the_token_go_to_linkedin_only(api: PostsApi, channel: Channel, place: str) -> None:
    api.upload_url = place

    with pytest.raises(NotSentError, match="ingen plats") as caught:
        channel.send(with_picture(api), now=NOW)
    assert not caught.value.is_permanent
    assert len(api.requests) == 1


def test_a_linkedin_name_that_leads_inside_is_refused(api: PostsApi, shipment: Shipment) -> None:
    """The name is one of LinkedIn's, and its address one of ours."""
    api.upload_url = "http://www.linkedin.com/dms-uploads/x"
    names = {"127.0.0.1": "127.0.0.1", "www.linkedin.com": "169.254.169.254"}
    environment = Environment({"NYCKEL": TOKEN}, timeout=(1, 0.2), resolver=lambda host, _: [names[host]])

    with pytest.raises(NotSentError, match="internt nät"):
        LinkedIn(environment).send(with_picture(api), now=NOW)
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"uploadUrl": 3, "image": 4},
        {"uploadUrl": "https://www.linkedin.com/x", "image": "urn:li:image:../x"},
    ],
)
def test_an_answer_without_a_place_for_the_picture_has_sent_nothing(
    api: PostsApi, channel: Channel, value: object
) -> None:
    api.answers = [Answer(200, {}, json.dumps({"value": value}).encode())]

    with pytest.raises(NotSentError, match="ingen plats") as caught:
        channel.send(with_picture(api), now=NOW)
    assert not caught.value.is_permanent


@pytest.mark.parametrize("ending", ["initializeUpload", "/C4D00-0_x"])
@pytest.mark.parametrize(
    ("status", "is_permanent", "stops_channel"),
    [(500, False, False), (401, False, True), (400, True, False), (429, False, False), (426, False, True)],
)
def test_an_upload_that_fails_has_sent_nothing(
    api: PostsApi, channel: Channel, ending: str, status: int, is_permanent: bool, stops_channel: bool
) -> None:
    api.stubs = {ending: Answer(status)}

    with pytest.raises(NotSentError) as caught:
        channel.send(with_picture(api), now=NOW)
    assert (caught.value.is_permanent, caught.value.stops_channel) == (is_permanent, stops_channel)
    assert api.posts == {}


# What the answers mean.


def test_a_version_that_is_taken_away_stops_the_channel_and_says_what_to_set(
    api: PostsApi, channel: Channel, shipment: Shipment
) -> None:
    api.answers = [fault(426, "NONEXISTENT_VERSION", "Requested version 20260801 is not active")]

    with pytest.raises(NotSentError, match="api_version") as caught:
        channel.send(shipment, now=NOW)
    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, True)


def test_a_text_that_somebody_else_has_posted_is_refused_and_named(
    api: PostsApi, channel: Channel, shipment: Shipment
) -> None:
    api.answers = [duplicate_of("urn:li:share:42")]

    with pytest.raises(NotSentError, match="urn:li:share:42") as caught:
        channel.send(shipment, now=NOW)
    assert caught.value.is_permanent


def test_a_text_that_is_refused_for_another_reason_is_not_said_to_be_a_double(
    api: PostsApi, channel: Channel, shipment: Shipment
) -> None:
    api.answers = [fault(422, "UNPROCESSABLE_ENTITY", errorDetails={"inputErrors": [{"code": "INVALID_VALUE"}]})]

    with pytest.raises(NotSentError, match="godtas inte") as caught:
        channel.send(shipment, now=NOW)
    assert caught.value.is_permanent


@pytest.mark.parametrize(
    "answer",
    [
        duplicate_of("urn:li:ugcPost:42"),
        fault(422, "UNPROCESSABLE_ENTITY", "Content is a DUPLICATE of urn:li:ugcPost:42"),
        fault(
            422,
            "X",
            "",
            errorDetails={"inputErrors": [{"code": "DUPLICATE_POST", "d": "duplicate of urn:li:ugcPost:42"}]},
        ),
    ],
)
def test_a_double_after_an_earlier_try_is_the_receipt(
    api: PostsApi, channel: Channel, shipment: Shipment, answer: Answer
) -> None:
    api.answers = [answer]

    receipt = channel.send(again(shipment), now=NOW)

    assert (receipt.outcome, receipt.reference) == (Outcome.PUBLISHED, "urn:li:ugcPost:42")


@pytest.mark.parametrize(
    "answer",
    [
        duplicate_of("urn:li:person:782bbtaQ"),
        duplicate_of("urn:li:share:../../me"),
        fault(422, "X", errorDetails={"inputErrors": [3, {"code": "OTHER"}]}),
        fault(422, "X", errorDetails=[1]),
        fault(422, "X", errorDetails={"inputErrors": "DUPLICATE_POST"}),
        Answer(400),
        Answer(404),
        Answer(302),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[-20:]!r}",
)
def test_a_repeat_that_is_refused_does_not_tell_what_the_earlier_try_did(
    api: PostsApi, channel: Channel, shipment: Shipment, answer: Answer
) -> None:
    api.answers = [answer]

    with pytest.raises(UnknownOutcomeError):
        channel.send(again(shipment), now=NOW)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(201),
        Answer(201, {"x-restli-id": "urn:li:share:1/../2"}),
        Answer(201, {"x-restli-id": "urn:li:person:1"}),
        Answer(200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 10**7, mtime=0)),
        Answer(500),
        pour,
    ],
    ids=lambda answer: getattr(answer, "__name__", None) or f"{answer.status} {answer.headers}",
)
def test_an_answer_that_does_not_tell_is_unknown_and_a_repeat_posts_once(
    api: PostsApi, channel: Channel, shipment: Shipment, answer: Answer | Act
) -> None:
    api.answers = [answer]
    with pytest.raises(UnknownOutcomeError, match="osäkert"):
        channel.send(shipment, now=NOW)

    channel.send(again(shipment), now=NOW)

    assert len(api.posts) == 1


def test_a_repeat_is_made_only_while_linkedin_surely_remembers(
    api: PostsApi, channel: Channel, shipment: Shipment
) -> None:
    """The hour is counted from the first try that may have got through, however late that was made."""
    first = NOW + timedelta(days=1)
    api.trouble = Trouble.WORKED_AND_CUT
    with pytest.raises(UnknownOutcomeError):
        channel.send(shipment, now=first)

    asked = len(api.requests)
    with pytest.raises(UnknownOutcomeError, match="Kontrollera på sidan"):
        channel.send(again(shipment), now=first + REMEMBERED + timedelta(seconds=1))
    assert len(api.requests) == asked
    receipt = channel.send(again(shipment), now=first + REMEMBERED)

    assert (receipt.reference, len(api.posts)) == ("urn:li:share:700000", 1)


def test_the_hour_is_the_same_over_all_repeats_and_begins_anew_when_a_person_says_that_nothing_went_out(
    api: PostsApi, channel: Channel, shipment: Shipment
) -> None:
    api.answers = [Answer(500), Answer(500), Answer(500)]
    for minutes, sent in ((0, shipment), (50, None)):
        with pytest.raises(UnknownOutcomeError, match="fel hos mottagaren"):
            channel.send(sent or again(shipment), now=NOW + timedelta(minutes=minutes))
    late = NOW + timedelta(minutes=70)
    with pytest.raises(UnknownOutcomeError, match="Kontrollera på sidan"):
        channel.send(again(shipment), now=late)

    with pytest.raises(UnknownOutcomeError, match="fel hos mottagaren"):
        channel.send(replace(again(shipment), maybe_sent=False), now=late)
    channel.send(again(shipment), now=late + timedelta(minutes=50))

    assert len(api.posts) == 1


@pytest.mark.parametrize("reference", ["", "text", "urn:li:image:C4D00-0_x", "text@", "text@９", "@5", "annat@1"])
def test_without_a_noted_time_the_hour_begins_when_the_post_was_due(
    api: PostsApi, channel: Channel, shipment: Shipment, reference: str
) -> None:
    sent = replace(shipment, maybe_sent=True, reference=reference)

    with pytest.raises(UnknownOutcomeError, match="Kontrollera på sidan"):
        channel.send(sent, now=DUE + REMEMBERED + timedelta(seconds=1))
    assert api.requests == []
    channel.send(sent, now=DUE + REMEMBERED)
    assert len(api.posts) == 1


def test_an_encoded_id_is_read(api: PostsApi, channel: Channel, shipment: Shipment) -> None:
    api.answers = [Answer(201, {"X-RestLi-Id": "urn%3Ali%3AugcPost%3A7"})]

    assert channel.send(shipment, now=NOW).reference == "urn:li:ugcPost:7"


def test_a_redirect_is_not_followed(api: PostsApi, channel: Channel, shipment: Shipment) -> None:
    api.answers = [Answer(307, {"Location": f"{api.base}/rest/posts"})] * 5

    with pytest.raises(NotSentError):
        channel.send(shipment, now=NOW)
    assert len(api.requests) == 1


# Withdrawing and probing.


def test_a_post_is_withdrawn_and_again_is_harmless(api: PostsApi, channel: Channel, shipment: Shipment) -> None:
    assert isinstance(channel, Withdrawing)
    posted = replace(shipment, reference=channel.send(shipment, now=NOW).reference)

    channel.withdraw(posted, now=NOW)
    api.posts.clear()
    channel.withdraw(posted, now=NOW)

    assert api.deleted == ["urn:li:share:700000"]


@pytest.mark.parametrize("reference", ["", "urn:li:person:1", "urn:li:share:1/../2", "../posts", "urn:li:share:１"])
def test_a_reference_that_is_no_post_is_never_called(
    api: PostsApi, channel: Channel, shipment: Shipment, reference: str
) -> None:
    assert isinstance(channel, Withdrawing)

    with pytest.raises(NotSentError, match="inläggs-id") as caught:
        channel.withdraw(replace(shipment, reference=reference), now=NOW)
    assert caught.value.is_permanent
    assert api.requests == []


def test_a_withdrawal_that_is_not_allowed_stops_the_channel(
    api: PostsApi, channel: Channel, shipment: Shipment
) -> None:
    assert isinstance(channel, Withdrawing)
    api.answers = [fault(403, "ACCESS_DENIED")]

    with pytest.raises(NotSentError) as caught:
        channel.withdraw(replace(shipment, reference="urn:li:share:1"), now=NOW)
    assert caught.value.stops_channel


def test_a_probe_shows_the_right_to_post_and_posts_nothing(api: PostsApi, channel: Channel, shipment: Shipment) -> None:
    assert isinstance(channel, Probing)

    assert channel.probe(shipment.channel, now=NOW) == "Nyckeln får lägga upp för organisation 5583111 på LinkedIn."
    assert (api.posts, api.images) == ({}, {})


def test_a_probe_with_a_dead_token_says_so(api: PostsApi, channel: Channel, shipment: Shipment) -> None:
    assert isinstance(channel, Probing)
    api.answers = [fault(401, "INVALID_ACCESS_TOKEN")]

    with pytest.raises(NotSentError) as caught:
        channel.probe(shipment.channel, now=NOW)
    assert caught.value.stops_channel


# What is refused before anything is sent.


@pytest.mark.parametrize(
    "account", ["5583111", "urn:li:person:1", "urn:li:organization:1\r\nX: 1", "urn:li:organization:"]
)
def test_an_account_that_is_no_organisation_stops_the_channel(api: PostsApi, channel: Channel, account: str) -> None:
    with pytest.raises(NotSentError, match="urn:li:organization") as caught:
        channel.send(shipment_to(api.base, account=account), now=NOW)

    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, True)
    assert api.requests == []


@pytest.mark.parametrize("version", ["v25.0", "2026-11", "202613", "202611\r\nX-Other: 1", "20261101"])
def test_a_version_of_the_wrong_form_stops_the_channel(api: PostsApi, channel: Channel, version: str) -> None:
    with pytest.raises(NotSentError, match="202608") as caught:
        channel.send(shipment_to(api.base, api_version=version), now=NOW)

    assert caught.value.stops_channel
    assert api.requests == []


def test_without_a_url_it_is_linkedins_own_address_over_https() -> None:
    asked: list[tuple[str, int]] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return []

    channel = LinkedIn(Environment({"NYCKEL": TOKEN}, resolver=resolver))
    with pytest.raises(NotSentError, match=r"api\.linkedin\.com går inte att slå upp"):
        channel.send(shipment_to(None, allow_private=False), now=NOW)
    assert asked == [("api.linkedin.com", 443)]


def test_another_version_of_the_right_form_is_used(api: PostsApi, channel: Channel) -> None:
    api.answers = [Answer(201, {"x-restli-id": "urn:li:share:1"})]

    channel.send(shipment_to(api.base, api_version="202611"), now=NOW)

    assert api.requests[0].headers["linkedin-version"] == "202611"
