"""The Facebook channel against a server that keeps Meta's contract for Pages, its errors included."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import quote

import pytest

from campaigns.channels.base import (
    Channel,
    Counting,
    Environment,
    NotSentError,
    Outcome,
    Probing,
    Rehearsing,
    Shipment,
    UnknownOutcomeError,
    Withdrawing,
)
from campaigns.channels.facebook import MOST_CHARACTERS, TOTALS, Facebook
from campaigns.channels.graph import BLOCK_WAIT, throttle_wait
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
    serving,
    unused_port,
    work_and_hang_up,
    work_and_talk_nonsense,
)
from tests.graph_api import PICTURE, POSTED, TOKEN, TRACE, WITH_PICTURE, GraphApi, answered, graph_error, pour, usage

PAGE = "1234567890"
NOW = DUE + timedelta(minutes=1)

Act = Callable[[Receiver, BaseHTTPRequestHandler], None]


@dataclass
class PagesApi(GraphApi):
    """A page. `time` is what its clock shows; `posts` are published, oldest first; `unpublished` what nobody sees."""

    time: datetime = DUE
    posts: list[dict[str, Any]] = field(default_factory=list)
    photos: dict[str, dict[str, str]] = field(default_factory=dict)
    unpublished: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    counts: dict[str, Any] = field(default_factory=dict)

    def publishes(self, request: Request) -> bool:
        return request.path.endswith("/feed") and b"published=true" in request.body

    def refuse(self, trouble: Trouble, request: Request) -> Answer:
        own = {Trouble.BUSY: graph_error(368), Trouble.BAD_POST: graph_error(1609005)}
        return own.get(trouble) or super().refuse(trouble, request)

    def act(self, method: str, path: str, fields: dict[str, str]) -> Answer:
        if (method, path) == ("POST", f"{PAGE}/photos"):
            return self.photo(fields)
        if (method, path) == ("POST", f"{PAGE}/feed"):
            return self.feed(fields)
        if (method, path) == ("GET", f"{PAGE}/published_posts"):
            return self.listed(fields)
        if (method, path) == ("GET", PAGE):
            return answered({"id": PAGE, "name": "Aneby kommun"})
        if method == "DELETE":
            return self.delete(path)
        if method == "GET" and path in [post["id"] for post in self.posts]:
            self.check(fields == {"fields": TOTALS}, f"post {fields}")
            return answered({"id": path, **self.counts})
        self.check(False, f"{method} {path}")
        return graph_error(100)

    def photo(self, fields: dict[str, str]) -> Answer:
        self.check(set(fields) == {"source", "published", "alt_text_custom"}, f"photo {sorted(fields)}")
        self.check(fields.get("published") == "false", "a picture that is seen at once")
        identity = f"77{len(self.photos)}"
        self.photos[identity] = fields
        return answered({"id": identity})

    def feed(self, fields: dict[str, str]) -> Answer:
        post = {name: value for name, value in fields.items() if name in ("message", "link", "attached_media")}
        self.check(set(fields) - set(post) == {"published", "fields"}, f"feed {sorted(fields)}")
        for media in json.loads(fields.get("attached_media", "[]")):
            self.check(media["media_fbid"] in self.photos, "a picture that is not there")
        identity = f"{PAGE}_{len(self.posts) + len(self.unpublished) + 1}"
        if fields["published"] == "false":
            self.unpublished[identity] = fields["message"]
            return answered({"id": identity})
        if self.posts and self.posts[-1].get("message") == fields["message"]:
            return graph_error(506)
        self.add(identity, **post)
        return answered({"id": identity, "permalink_url": self.posts[-1]["permalink_url"]})

    def add(self, identity: str, **post: Any) -> None:
        created = self.time.strftime("%Y-%m-%dT%H:%M:%S+0000")
        link = f"https://www.facebook.com/{identity}"
        self.posts.append(
            {"id": identity, "created_time": created, "permalink_url": link, "is_published": True, **post}
        )

    def listed(self, fields: dict[str, str]) -> Answer:
        since = datetime.fromtimestamp(int(fields["since"]), tz=UTC)
        found = [post for post in reversed(self.posts) if datetime.fromisoformat(post["created_time"]) >= since]
        start, limit = int(fields.get("after") or 0), int(fields["limit"])
        asked = fields["fields"].split(",")
        page = [{name: post[name] for name in asked if name in post} for post in found[start : start + limit]]
        paging: dict[str, Any] = {"cursors": {"before": "0", "after": str(start + limit)}}
        if start + limit < len(found):
            paging["next"] = f"https://graph.facebook.com/v25.0/{PAGE}/published_posts?access_token={TOKEN}"
        return answered({"data": page, "paging": paging})

    def delete(self, path: str) -> Answer:
        if path in self.deleted or path not in [*self.unpublished, *(post["id"] for post in self.posts)]:
            return graph_error(100, 33)
        self.deleted.append(path)
        return answered({"success": True})


@pytest.fixture
def api() -> Iterator[PagesApi]:
    with serving(PagesApi()) as api:
        yield api
    assert api.wrong == []


@pytest.fixture
def channel() -> Channel:
    return make_facebook()


@pytest.fixture
def shipment(api: PagesApi) -> Shipment:
    return shipment_to(api.base)


def make_facebook(token: str = TOKEN) -> Facebook:
    return Facebook(Environment({"NYCKEL": token}, timeout=(1, 0.2), longest=0.4))


def shipment_to(
    url: str | None,
    *,
    secret: str = "env:NYCKEL",
    account: str = PAGE,
    api_version: str | None = None,
    allow_private: bool = True,
    **more: Any,
) -> Shipment:
    config = make_channel(
        "facebook",
        url=url,
        secret=secret,
        account=account,
        api_version=api_version,
        allow_private_addresses=allow_private,
    )
    return make_shipment(config, key="aneby/valborg/2027/veckan.foraldrar:facebook:sv:1", **more)


def again(shipment: Shipment) -> Shipment:
    return replace(shipment, attempt=2, maybe_sent=True)


class TestFacebook(OutsideContract):
    @pytest.fixture
    def published(self, api: PagesApi) -> Published:
        return lambda: api.posts

    @pytest.fixture
    def trouble(self, api: PagesApi) -> MakeTrouble:
        def make(what: Trouble) -> None:
            api.trouble = what

        return make

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return [TOKEN, "hemlignyckel", "hemlig text av Meta", "access_token", f"/{PAGE}/feed", quote(CONTENT["link"])]

    @pytest.fixture
    def failures(self, api: PagesApi, shipment: Shipment) -> Sequence[Failure]:
        def met_by(answer: Answer | Act, sent: Shipment = shipment) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                api.answers = [answer]
                return make_facebook(), sent

            return arrange

        echo = {"Location": f"/{PAGE}/feed?access_token={TOKEN}", "Retry-After": TOKEN, **usage(TOKEN)}
        statuses = (302, 400, 401, 403, 404, 429, 500, 503)
        codes = (1, 2, 4, 10, 17, 100, 102, 190, 200, 299, 341, 368, 506, 1609005)
        acts = (keep_silent, work_and_hang_up, work_and_talk_nonsense, pour)
        return [
            *(Failure(f"http {status}", met_by(Answer(status, echo, TOKEN.encode()))) for status in statuses),
            *(Failure(f"code {code}", met_by(graph_error(code))) for code in codes),
            *(Failure(f"looked up, code {code}", met_by(graph_error(code), again(shipment))) for code in codes),
            *(Failure(act.__name__, met_by(act)) for act in acts),
            Failure("nobody there", lambda: (make_facebook(), shipment_to(f"http://127.0.0.1:{unused_port()}"))),
            Failure("inside", lambda: (make_facebook(), shipment_to("https://127.0.0.1", allow_private=False))),
            Failure("query in url", lambda: (make_facebook(), shipment_to(f"{api.base}?access_token={TOKEN}"))),
            Failure("no secret", lambda: (Facebook(Environment({"ANNAN": TOKEN})), shipment)),
            Failure("secret in the file", lambda: (make_facebook(), shipment_to(api.base, secret=TOKEN))),
            Failure("two lines", lambda: (make_facebook(f"{TOKEN}\r\nX-Other: 1"), shipment)),
        ]


# What is sent.


def test_posts_the_short_text_and_the_link_with_a_preview(api: PagesApi, channel: Channel, shipment: Shipment) -> None:
    receipt = channel.send(shipment, now=NOW)

    [post] = api.posts
    assert (post["message"], post["link"]) == (POSTED, CONTENT["link"])
    assert (receipt.outcome, receipt.reference, receipt.url) == (
        Outcome.PUBLISHED,
        f"{PAGE}_1",
        f"https://www.facebook.com/{PAGE}_1",
    )


def test_a_picture_is_uploaded_unseen_with_its_alternative_text_and_then_attached(
    api: PagesApi, channel: Channel
) -> None:
    channel.send(shipment_to(api.base, content=WITH_PICTURE, picture=PICTURE), now=NOW)

    [post] = api.posts
    assert json.loads(post["attached_media"]) == [{"media_fbid": "770"}]
    assert (post["message"], "link" in post) == (POSTED, False)
    assert api.photos["770"]["alt_text_custom"] == WITH_PICTURE["alt"]
    assert api.photos["770"]["source"] == f"bild.jpg image/jpeg {PICTURE.data!r}"


def test_a_picture_that_cannot_be_uploaded_leaves_nothing_sent(api: PagesApi, channel: Channel) -> None:
    api.stubs["/photos"] = Answer(500)

    with pytest.raises(NotSentError) as caught:
        channel.send(shipment_to(api.base, content=WITH_PICTURE, picture=PICTURE), now=NOW)
    assert not caught.value.is_permanent
    assert api.posts == []


def test_a_picture_that_was_signed_and_is_gone_stops_the_post(api: PagesApi, channel: Channel) -> None:
    with pytest.raises(NotSentError, match="finns inte kvar") as caught:
        channel.send(shipment_to(api.base, content=WITH_PICTURE), now=NOW)

    assert caught.value.is_permanent
    assert api.requests == []


def test_a_text_above_the_limit_is_refused_with_its_length(api: PagesApi, channel: Channel) -> None:
    content = {**CONTENT, "short": "x" * (MOST_CHARACTERS + 1), "link": ""}

    with pytest.raises(NotSentError, match="63207 tecken, och gränsen är 63206") as caught:
        channel.send(shipment_to(api.base, content=content), now=NOW)
    assert caught.value.is_permanent
    assert api.requests == []


def test_another_worker_that_has_taken_over_stops_the_post_before_it_is_made(api: PagesApi, channel: Channel) -> None:
    def taken(_: str) -> None:
        raise NotSentError("En annan arbetare har tagit över leveransen.", is_permanent=False)

    with pytest.raises(NotSentError, match="tagit över"):
        channel.send(shipment_to(api.base, note=taken), now=NOW)
    assert api.posts == []


# What the errors mean.


@pytest.mark.parametrize(
    ("code", "is_permanent", "stops_channel", "wait"),
    [
        *((code, False, False, timedelta(minutes=7)) for code in (4, 17, 32, 341, 613)),
        *((code, False, True, None) for code in (102, 190, 10, 200, 230, 299)),
        (368, False, False, BLOCK_WAIT),
        (1609005, True, False, None),
        (100, True, False, None),
    ],
)
def test_a_code_says_what_is_wrong(
    api: PagesApi,
    channel: Channel,
    shipment: Shipment,
    code: int,
    is_permanent: bool,
    stops_channel: bool,
    wait: timedelta | None,
) -> None:
    api.answers = [graph_error(code, headers=usage(7))]

    with pytest.raises(NotSentError, match=rf"svarade fel {code} \(fbtrace_id {TRACE}\)") as caught:
        channel.send(shipment, now=NOW)
    error = caught.value
    assert (error.is_permanent, error.stops_channel, error.retry_after) == (is_permanent, stops_channel, wait)


@pytest.mark.parametrize("trace", [None, 7, "", "x" * 41, "<b>fet</b>", f"{TOKEN}\r\n"])
def test_a_trace_that_is_none_is_not_told(api: PagesApi, channel: Channel, shipment: Shipment, trace: object) -> None:
    api.answers = [Answer(400, {}, json.dumps({"error": {"code": 506000, "fbtrace_id": trace}}).encode())]

    with pytest.raises(NotSentError) as caught:
        channel.send(shipment, now=NOW)
    assert caught.value.message == "127.0.0.1 svarade fel 506000. 127.0.0.1 svarade 400: innehållet går inte att tyda."


@pytest.mark.parametrize(
    "answer",
    [
        graph_error(1, status=500),
        graph_error(2, status=503),
        graph_error(2, status=400),
        graph_error(999_999, status=500),
        graph_error(1, status=200),
        Answer(200),
        answered({"id": "../../me"}),
        answered({"id": f"{PAGE}_1/../2"}),
        answered({"id": 17}),
        answered({"id": ["1_1"]}),
        Answer(200, {}, b'"text"'),
        Answer(200, {}, b"[" * 60_000),
        Answer(200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 10**7, mtime=0)),
        pour,
    ],
    ids=lambda answer: getattr(answer, "__name__", None) or f"{answer.status} {answer.body[-20:]!r}",
)
def test_an_answer_that_does_not_tell_is_unknown_and_a_look_finds_what_went_out(
    api: PagesApi, channel: Channel, shipment: Shipment, answer: Answer | Act
) -> None:
    api.answers = [answer]
    with pytest.raises(UnknownOutcomeError, match="osäkert"):
        channel.send(shipment, now=NOW)

    api.add(f"{PAGE}_9", message=f" {POSTED}\n")
    receipt = channel.send(again(shipment), now=NOW)

    assert receipt.reference == f"{PAGE}_9"
    assert len(api.posts) == 1


def test_a_redirect_is_not_followed(api: PagesApi, channel: Channel, shipment: Shipment) -> None:
    api.answers = [Answer(307, {"Location": f"{api.base}/v25.0/{PAGE}/feed"})] * 5

    with pytest.raises(NotSentError):
        channel.send(shipment, now=NOW)
    assert len(api.requests) == 1


def test_the_text_of_a_permalink_is_an_address_or_nothing(api: PagesApi, channel: Channel, shipment: Shipment) -> None:
    api.answers = [answered({"id": f"{PAGE}_1", "permalink_url": "javascript:alert(1)"})]

    assert channel.send(shipment, now=NOW).url == ""


# Looking for what an earlier try may have posted.


def test_a_look_takes_neither_another_text_nor_an_older_nor_an_unpublished_post(
    api: PagesApi, channel: Channel, shipment: Shipment
) -> None:
    api.time = DUE - timedelta(days=365)
    api.add("1_1", message=POSTED)
    api.time = DUE
    api.add("1_2", message=POSTED, is_published=False)
    api.add("1_3", message=f"{POSTED} mer")
    api.add("1_4", story="Aneby kommun har bytt omslagsbild")

    receipt = channel.send(again(shipment), now=NOW)

    assert receipt.reference == api.posts[-1]["id"]
    assert len(api.posts) == 5


def test_a_look_takes_no_older_post_though_the_list_shows_it(
    api: PagesApi, channel: Channel, shipment: Shipment
) -> None:
    old = {"id": "1_1", "message": POSTED, "created_time": "2026-04-22T14:30:00+0000"}
    api.answers = [answered({"data": [old]})]

    assert channel.send(again(shipment), now=NOW).reference == f"{PAGE}_1"


@pytest.mark.parametrize("created", [None, "nyss", "2027-04-22T14:30:00", 5])
def test_a_look_takes_the_same_text_though_its_time_cannot_be_read(
    api: PagesApi, channel: Channel, shipment: Shipment, created: object
) -> None:
    api.answers = [answered({"data": [{"id": "1_1", "message": POSTED, "created_time": created}]})]

    assert channel.send(again(shipment), now=NOW).reference == "1_1"
    assert api.posts == []


def test_a_look_goes_on_over_the_pages_of_a_list_without_following_its_addresses(
    api: PagesApi, channel: Channel, shipment: Shipment
) -> None:
    api.add("1_1", message=POSTED)
    for number in range(2, 30):
        api.add(f"1_{number}", message=f"Inlägg {number}")

    assert channel.send(again(shipment), now=NOW).reference == "1_1"
    assert len(api.posts) == 29


def test_a_list_without_an_end_is_not_read_for_ever(api: PagesApi, channel: Channel, shipment: Shipment) -> None:
    endless = answered({"data": [], "paging": {"next": "https://graph.facebook.com/", "cursors": {"after": "x"}}})
    api.answers = [endless] * 100

    with pytest.raises(UnknownOutcomeError, match="för många"):
        channel.send(again(shipment), now=NOW)
    assert len(api.requests) == 20


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500),
        Answer(404),
        Answer(200),
        Answer(302),
        Answer(200, {}, b"[]"),
        answered({"data": {}}),
        answered({"data": [], "paging": {"next": "x"}}),
        graph_error(4),
        graph_error(100),
        pour,
        keep_silent,
    ],
    ids=lambda answer: getattr(answer, "__name__", None) or f"{answer.status} {answer.body[:9]!r}",
)
def test_a_look_that_fails_leaves_it_unknown_and_posts_nothing(
    api: PagesApi, channel: Channel, shipment: Shipment, answer: Answer | Act
) -> None:
    api.answers = [answer]

    with pytest.raises(UnknownOutcomeError):
        channel.send(again(shipment), now=NOW)
    assert api.posts == []


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (graph_error(32, headers={"Retry-After": "3600"}), timedelta(hours=1)),
        (graph_error(4, headers=usage(7)), timedelta(minutes=7)),
        (graph_error(368), BLOCK_WAIT),
        (Answer(429, {"Retry-After": "120"}), timedelta(minutes=2)),
    ],
)
def test_a_wait_that_is_asked_for_when_looking_is_kept_and_nothing_is_posted(
    api: PagesApi, channel: Channel, shipment: Shipment, answer: Answer, wait: timedelta
) -> None:
    api.answers = [answer]

    with pytest.raises(NotSentError) as caught:
        channel.send(again(shipment), now=NOW)
    assert (caught.value.is_permanent, caught.value.stops_channel, caught.value.retry_after) == (False, False, wait)
    assert api.posts == []


@pytest.mark.parametrize(("before", "is_found"), [(timedelta(minutes=10), True), (timedelta(minutes=11), False)])
def test_a_look_allows_for_clocks_that_differ_by_ten_minutes(
    api: PagesApi, channel: Channel, shipment: Shipment, before: timedelta, is_found: bool
) -> None:
    api.time = DUE - before
    api.add("1_1", message=POSTED)
    api.add("1_2", message="Ett annat inlägg")  # or the page itself would refuse the double

    assert (channel.send(again(shipment), now=NOW).reference == "1_1") is is_found
    assert len(api.posts) == (2 if is_found else 3)


def test_a_dead_token_stops_the_channel_when_looking_too(api: PagesApi, channel: Channel, shipment: Shipment) -> None:
    api.answers = [graph_error(190)]

    with pytest.raises(NotSentError) as caught:
        channel.send(again(shipment), now=NOW)
    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, True)


def test_a_double_is_found_though_no_earlier_try_is_known(api: PagesApi, channel: Channel, shipment: Shipment) -> None:
    api.add(f"{PAGE}_5", message=POSTED)

    assert channel.send(shipment, now=NOW).reference == f"{PAGE}_5"
    assert len(api.posts) == 1


def test_a_double_of_an_old_post_is_refused_for_good_but_unknown_after_an_earlier_try(
    api: PagesApi, channel: Channel, shipment: Shipment
) -> None:
    api.time = DUE - timedelta(days=365)
    api.add("1_1", message=POSTED)

    with pytest.raises(NotSentError, match="senaste inlägg") as caught:
        channel.send(shipment, now=NOW)
    assert caught.value.is_permanent
    with pytest.raises(UnknownOutcomeError):
        channel.send(again(shipment), now=NOW)


# Withdrawing, probing, rehearsing.


def test_a_post_is_withdrawn_and_again_is_harmless(api: PagesApi, channel: Channel, shipment: Shipment) -> None:
    assert isinstance(channel, Withdrawing)
    receipt = channel.send(shipment, now=NOW)
    posted = replace(shipment, reference=receipt.reference)

    channel.withdraw(posted, now=NOW)
    channel.withdraw(posted, now=NOW)

    assert api.deleted == [receipt.reference]


def test_a_post_that_the_token_may_not_see_is_not_said_to_be_gone(
    api: PagesApi, channel: Channel, shipment: Shipment
) -> None:
    assert isinstance(channel, Withdrawing)
    api.answers = [graph_error(100, 33), graph_error(100, 33)]

    with pytest.raises(NotSentError):
        channel.withdraw(replace(shipment, reference=f"{PAGE}_1"), now=NOW)


@pytest.mark.parametrize("answer", [Answer(500), Answer(200), answered({"success": False}), graph_error(1)])
def test_a_withdrawal_without_a_yes_is_unknown(
    api: PagesApi, channel: Channel, shipment: Shipment, answer: Answer
) -> None:
    assert isinstance(channel, Withdrawing)
    api.answers = [answer]

    with pytest.raises(UnknownOutcomeError):
        channel.withdraw(replace(shipment, reference=f"{PAGE}_1"), now=NOW)


@pytest.mark.parametrize("reference", ["", "../me", "1_1/comments", "1_1?x=1", "feed", "１_１"])
def test_a_reference_that_is_no_post_is_never_called(
    api: PagesApi, channel: Channel, shipment: Shipment, reference: str
) -> None:
    assert isinstance(channel, Withdrawing)

    with pytest.raises(NotSentError, match="inläggs-id") as caught:
        channel.withdraw(replace(shipment, reference=reference), now=NOW)
    assert caught.value.is_permanent
    assert api.requests == []


def test_a_probe_says_which_page_and_sends_nothing(api: PagesApi, channel: Channel, shipment: Shipment) -> None:
    assert isinstance(channel, Probing)

    assert channel.probe(shipment.channel, now=NOW) == "Inlägg görs på Facebooksidan ”Aneby kommun”."
    assert [request.method for request in api.requests] == ["GET"]


def test_a_page_without_a_proper_name_is_shown_without_what_is_not_text(
    api: PagesApi, channel: Channel, shipment: Shipment
) -> None:
    assert isinstance(channel, Probing)
    api.answers = [answered({"name": "A\r\n\x1b" + "b" * 500}), Answer(200)]

    assert channel.probe(shipment.channel, now=NOW) == f"Inlägg görs på Facebooksidan ”A{'b' * 99}”."
    assert channel.probe(shipment.channel, now=NOW) == "Inlägg görs på Facebooksidan ”utan namn”."


def test_a_rehearsal_makes_a_post_that_nobody_sees_and_takes_it_away(
    api: PagesApi, channel: Channel, shipment: Shipment
) -> None:
    assert isinstance(channel, Rehearsing)

    told = channel.rehearse(shipment.channel, now=NOW)

    assert told == "Ett opublicerat prov gick att lägga upp på Facebook och togs sedan bort."
    assert api.posts == []
    assert list(api.unpublished) == api.deleted
    assert "Prov från Kampanjhjulet" in "".join(api.unpublished.values())


def test_a_rehearsal_that_cannot_be_taken_away_says_what_is_left(
    api: PagesApi, channel: Channel, shipment: Shipment
) -> None:
    assert isinstance(channel, Rehearsing)
    api.answers = [answered({"id": f"{PAGE}_4"}), graph_error(200)]

    assert channel.rehearse(shipment.channel, now=NOW).endswith(f"Ta bort inlägg {PAGE}_4 för hand.")


# What is refused before anything is sent.


@pytest.mark.parametrize("account", ["aneby", "12/../34", "12\r\nX-Other: 1", "１２", "1_2"])
def test_an_account_that_is_no_page_id_stops_the_channel(api: PagesApi, channel: Channel, account: str) -> None:
    with pytest.raises(NotSentError, match="bara siffror") as caught:
        channel.send(shipment_to(api.base, account=account), now=NOW)

    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, True)
    assert api.requests == []


@pytest.mark.parametrize("version", ["25", "v25", "v25.0/../v1.0", "v25.0\r\n", "202611"])
def test_a_version_of_the_wrong_form_stops_the_channel(api: PagesApi, channel: Channel, version: str) -> None:
    with pytest.raises(NotSentError, match=r"som v25\.0") as caught:
        channel.send(shipment_to(api.base, api_version=version), now=NOW)

    assert caught.value.stops_channel
    assert api.requests == []


def test_without_a_url_it_is_metas_own_address_over_https() -> None:
    asked: list[tuple[str, int]] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return []

    channel = Facebook(Environment({"NYCKEL": TOKEN}, resolver=resolver))
    with pytest.raises(NotSentError, match=r"graph\.facebook\.com går inte att slå upp"):
        channel.send(shipment_to(None, allow_private=False), now=NOW)
    assert asked == [("graph.facebook.com", 443)]


def test_another_version_of_the_right_form_is_used(api: PagesApi, channel: Channel) -> None:
    api.answers = [answered({"id": "1_1"})]

    channel.send(shipment_to(api.base, api_version="v26.0"), now=NOW)

    assert api.requests[0].path == f"/v26.0/{PAGE}/feed"


@pytest.mark.parametrize("token", ["två ord", "två\r\nrader", "nyckel\x00", "nyckel å"])
def test_a_token_that_cannot_be_one_stops_the_channel_and_says_so(
    api: PagesApi, shipment: Shipment, token: str
) -> None:
    with pytest.raises(NotSentError, match="åtkomstnyckel") as caught:
        make_facebook(token).send(shipment, now=NOW)

    assert caught.value.stops_channel
    assert api.requests == []


def test_a_channel_without_account_or_secret_stops(channel: Channel, shipment: Shipment) -> None:
    for config in (replace(shipment.channel, account=None), replace(shipment.channel, secret=None)):
        with pytest.raises(NotSentError) as caught:
            channel.send(replace(shipment, channel=config), now=NOW)
        assert caught.value.stops_channel


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (0, None),
        (-5, None),
        (True, None),
        ("9", None),
        (30, timedelta(minutes=30)),
        (10**30, None),
        (10**9, timedelta(7)),
    ],
)
def test_how_long_to_wait_is_read_or_not_said(minutes: object, expected: timedelta | None) -> None:
    assert throttle_wait(usage(minutes), now=NOW) == expected


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"1": 3}', '{"1": [4, {"x": 1}]}', "[" * 50_000])
def test_a_damaged_header_says_nothing_of_the_wait(text: str) -> None:
    assert throttle_wait({"X-Business-Use-Case-Usage": text}, now=NOW) is None


def summary(count: object) -> dict[str, Any]:
    return {"data": [], "summary": {"total_count": count}}


def test_the_totals_of_a_post_are_told_and_nobody_is_asked_for(
    api: PagesApi, channel: Channel, shipment: Shipment
) -> None:
    sent = replace(shipment, reference=channel.send(shipment, now=NOW).reference)
    api.counts = {"shares": {"count": 3}, "reactions": summary(12), "comments": summary(0)}

    assert isinstance(channel, Counting)
    found = channel.count(sent, now=NOW)

    assert found == {"reaktioner": 12, "delningar": 3, "kommentarer": 0}
    assert set(found) <= set(MEASURES)


@pytest.mark.parametrize("nonsense", [None, -1, "7", 2.5, True, [1], {"count": 1}])
def test_what_is_no_count_gives_no_number(
    api: PagesApi, channel: Channel, shipment: Shipment, nonsense: object
) -> None:
    sent = replace(shipment, reference=channel.send(shipment, now=NOW).reference)
    api.counts = {"shares": {"count": nonsense}, "reactions": nonsense, "comments": summary(4)}

    assert isinstance(channel, Counting)
    assert channel.count(sent, now=NOW) == {"kommentarer": 4}


def test_a_fault_when_counting_is_told(api: PagesApi, channel: Channel, shipment: Shipment) -> None:
    sent = replace(shipment, reference=channel.send(shipment, now=NOW).reference)
    assert isinstance(channel, Counting)
    for answer in (Answer(500), graph_error(190), graph_error(100, 33)):
        api.stubs = {sent.reference: answer}
        with pytest.raises(NotSentError):
            channel.count(sent, now=NOW)
    with pytest.raises(NotSentError, match="Kvittot"):
        channel.count(replace(sent, reference="../me"), now=NOW)
