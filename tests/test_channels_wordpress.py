"""The WordPress channel against a server that keeps WordPress's contract. `test_real_wordpress` has the real one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
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
    Receipt,
    Rehearsing,
    SendError,
    Shipment,
    UnknownOutcomeError,
    Withdrawing,
)
from campaigns.channels.credentials import CredentialError
from campaigns.channels.wordpress import WordPress, fields_of, marker
from campaigns.content import Content
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
    keep_silent,
    make_shipment,
    noted,
    serving,
    unused_port,
    work_and_hang_up,
    work_and_talk_nonsense,
)
from tests.wordpress_api import ACCOUNT, FORBIDDEN_SEARCH, LOGIN, PASSWORD, WordPressApi, answered, wp_error

NOW = DUE + timedelta(minutes=1)
KEY = "aneby/valborg/2027/veckan.foraldrar:wordpress:sv:1"
SLUG = marker(KEY)
FIRST = 41  # the fake site's first post
PICTURE = Picture("vän.png", "image/png", 2, 2, b"\x89PNG bild", "https://kampanj.example/bild")

Act = Callable[[Receiver, BaseHTTPRequestHandler], None]


@pytest.fixture
def site() -> Iterator[WordPressApi]:
    with serving(WordPressApi()) as site:
        yield site
    assert site.wrong == []


@pytest.fixture
def channel() -> WordPress:
    return make_wordpress()


@pytest.fixture
def shipment(site: WordPressApi) -> Shipment:
    return shipment_to(site.address)


def make_wordpress(secret: str = PASSWORD) -> WordPress:
    return WordPress(Environment({"NYCKEL": secret}, timeout=(1, 0.2), longest=0.4))


def shipment_to(
    url: str | None, *, account: str | None = ACCOUNT, secret: str | None = "env:NYCKEL", private: bool = True
) -> Shipment:
    config = make_channel("wordpress", url=url, account=account, secret=secret, allow_private_addresses=private)
    return make_shipment(config, key=KEY)


def with_picture(shipment: Shipment, picture: Picture | None = PICTURE, alt: str = "Två vänner") -> Shipment:
    content = {**CONTENT, "image": "bild", "alt": alt}
    return replace(shipment, payload=json.dumps(content).encode(), picture=picture)


def again(shipment: Shipment, *, maybe_sent: bool = True) -> Shipment:
    return replace(shipment, attempt=2, maybe_sent=maybe_sent, reference=noted(shipment))


def statuses(site: WordPressApi) -> list[str]:
    return [post["status"] for post in site.posts.values()]


class TestWordPress(OutsideContract):
    @pytest.fixture
    def published(self, site: WordPressApi) -> Published:
        return lambda: [post for post in site.posts.values() if post["status"] == "publish"]

    @pytest.fixture
    def trouble(self, site: WordPressApi) -> MakeTrouble:
        return lambda what: setattr(site, "trouble", what)

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return [PASSWORD, LOGIN.removeprefix("Basic "), ACCOUNT, "/wp-json", SLUG]

    @pytest.fixture
    def failures(self, site: WordPressApi, shipment: Shipment) -> Sequence[Failure]:
        def met_by(answer: Answer | Act) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                site.answers = [answer]
                return make_wordpress(), shipment

            return arrange

        def refused_at(call: str, status: int) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                site.posts.clear()
                site.meets = {call: [wp_error(status, PASSWORD, params={PASSWORD: PASSWORD})]}
                return make_wordpress(), with_picture(shipment)

            return arrange

        statuses = (302, 400, 401, 403, 404, 410, 413, 422, 429, 500, 502, 503)
        calls = ("GET posts", "GET media", "POST media", "POST posts", f"POST posts/{FIRST}")
        acts = (keep_silent, work_and_hang_up, work_and_talk_nonsense)
        echo = {"Location": f"/wp-json/{PASSWORD}", "Retry-After": PASSWORD}
        closed = shipment_to(f"http://127.0.0.1:{unused_port()}/")
        inside = shipment_to("https://127.0.0.1/", private=False)
        queried = shipment_to(f"https://www.exempel.se/?nyckel={PASSWORD}")
        return [
            *(Failure(str(status), met_by(Answer(status, echo, PASSWORD.encode()))) for status in statuses),
            *(Failure(act.__name__, met_by(act)) for act in acts),
            *(Failure(f"{call} {status}", refused_at(call, status)) for call in calls for status in (400, 403, 500)),
            Failure("closed", lambda: (make_wordpress(), closed)),
            Failure("inside", lambda: (make_wordpress(), inside)),
            Failure("queried", lambda: (make_wordpress(), queried)),
            Failure("no secret", lambda: (WordPress(Environment(environ={"ANNAN": PASSWORD})), shipment)),
            Failure("secret in the file", lambda: (make_wordpress(), shipment_to(site.address, secret=PASSWORD))),
        ]


# What is sent.


def test_a_hidden_draft_with_its_picture_is_noted_and_then_published(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    seen_at_note: list[tuple[str, list[str]]] = []
    shipment = with_picture(shipment)
    watched = replace(shipment, note=lambda reference: seen_at_note.append((reference, statuses(site))))

    receipt = channel.send(watched, now=NOW)

    assert site.calls == ["GET posts", "GET media", "POST media", "POST posts", "POST posts/41"]
    assert seen_at_note == [("41", ["draft"])]
    assert receipt == Receipt(Outcome.PUBLISHED, "41", f"{site.address}/2027/{SLUG}/")
    [media] = site.media.values()
    assert (media["type"], bytes.fromhex(media["data"]), media["alt_text"]) == ("image/png", PICTURE.data, "Två vänner")
    fields = fields_of(shipment.content, (901, media["source_url"]))
    assert site.posts == {41: {**fields, "status": "publish", "slug": SLUG}}


def test_nothing_is_published_when_another_worker_has_taken_over(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    def refuse(_: str) -> None:
        raise NotSentError("En annan arbetare har tagit över.", is_permanent=False)

    with pytest.raises(NotSentError, match="tagit över"):
        channel.send(replace(shipment, note=refuse), now=NOW)
    assert statuses(site) == ["draft"]


def test_a_site_without_pretty_links_or_in_a_folder_is_found(channel: WordPress, site: WordPressApi) -> None:
    for ending in ("/", "/?rest_route=", "?rest_route=/"):
        channel.send(replace(shipment_to(f"{site.address}{ending}"), key=ending), now=NOW)
    with suppress(SendError):
        channel.send(shipment_to(f"{site.address}/kommun/"), now=NOW)

    assert statuses(site) == ["publish"] * 3
    assert site.requests[-1].path.startswith("/kommun/wp-json/wp/v2/posts?")
    site.wrong.clear()  # the folder is none of the fake's


def test_the_slug_is_the_keys_own_for_ever() -> None:
    assert marker("a:wordpress:sv:1") == "kb-e790d5e87b0552d487476ef4685e1afa"
    assert len({marker(f"a:wordpress:sv:{version}") for version in range(50)}) == 50


def test_plain_text_stays_plain_and_shortcodes_do_nothing() -> None:
    content = Content(title="A & <b>", short="1 < 2", body="[gallery] *x* [länk](https://x.se/[a])", alt='"[x]"')

    fields = fields_of(content, (7, "https://x.se/b.png?a=1&b=2"))

    assert (fields["title"], fields["excerpt"]) == ("A &amp; &lt;b&gt;", "1 &lt; 2")
    assert "[" not in fields["content"]
    assert "&#91;gallery] <em>x</em>" in fields["content"]
    assert (
        '<img src="https://x.se/b.png?a=1&amp;b=2" alt="&quot;&#91;x]&quot;" class="wp-image-7"/>' in fields["content"]
    )


@pytest.mark.parametrize(
    ("link", "body", "is_added"),
    [
        ("https://www.aneby.se/valborg", "Text.", True),
        ("https://www.aneby.se/valborg", "Läs [mer](https://www.aneby.se/valborg).", False),
        ("javascript:alert(1)", "Text.", False),
        ("", "Text.", False),
    ],
)
def test_the_link_stands_last_unless_the_text_has_it(link: str, body: str, is_added: bool) -> None:
    content = fields_of(Content(title="A", short="b", body=body, link=link), None)["content"]

    assert ("<!-- wp:paragraph -->" in content) is is_added
    assert content.count("<a ") == (1 if link.startswith("https") else 0)
    assert "javascript" not in content


def test_another_language_is_marked_with_its_direction() -> None:
    content = fields_of(Content(title="A", short="b", body="مرحبا", language="ar"), None)["content"]

    assert '<div lang="ar" dir="rtl">' in content


# The picture.


def test_a_picture_that_is_there_already_is_used_again(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    channel.send(with_picture(shipment), now=NOW)
    channel.send(replace(with_picture(shipment), key="en annan"), now=NOW)
    channel.send(replace(with_picture(shipment, alt="En annan text"), key="en tredje"), now=NOW)

    assert [media["alt_text"] for media in site.media.values()] == ["Två vänner", "En annan text"]


@pytest.mark.parametrize("picture", [None, replace(PICTURE, media_type="image/gif\r\nX: y")])
def test_a_picture_that_cannot_be_sent_is_refused_for_good(
    site: WordPressApi, channel: WordPress, shipment: Shipment, picture: Picture | None
) -> None:
    with pytest.raises(NotSentError, match="Bilden") as caught:
        channel.send(with_picture(shipment, picture), now=NOW)
    assert caught.value.is_permanent
    assert site.posts == site.media == {}


# What the answers mean.

LOGIN_FAULT = (NotSentError, "känner inte igen kontot", False, True)
ROLE_FAULT = (NotSentError, "rollen författare", False, True)
PICTURE_CALL, DRAFT, PUBLISH = "POST media", "POST posts", f"POST posts/{FIRST}"
Meaning = tuple[type[SendError], str, bool, bool]  # the error, its words, for good, the channel too


@pytest.mark.parametrize(
    ("call", "answer", "meaning"),
    [
        ("GET posts", FORBIDDEN_SEARCH["unknown"], LOGIN_FAULT),
        ("GET posts", FORBIDDEN_SEARCH["subscriber"], ROLE_FAULT),
        ("GET posts", wp_error(404, "rest_no_route"), (NotSentError, "ingen WordPress", False, True)),
        ("GET posts", Answer(404, {}, b"<html>"), (NotSentError, "ingen WordPress", False, True)),
        ("GET posts", Answer(200, {}, b"<html>"), (NotSentError, "svarar inte som WordPress", False, False)),
        ("GET posts", answered({"id": 1}), (NotSentError, "svarar inte som WordPress", False, False)),
        ("GET posts", Answer(500), (NotSentError, "Inget har publicerats", False, False)),
        ("GET media", answered({}), (NotSentError, "Inget har publicerats", False, False)),
        (PICTURE_CALL, wp_error(403, "rest_cannot_create"), ROLE_FAULT),
        (PICTURE_CALL, wp_error(400, "rest_upload_file_too_big"), (NotSentError, "inte emot bilden", True, False)),
        (PICTURE_CALL, wp_error(500, "rest_upload_sideload_error"), (NotSentError, "inte emot bilden", False, False)),
        (PICTURE_CALL, Answer(413), (NotSentError, "för stort", True, False)),
        (PICTURE_CALL, answered({"id": "9/../1", "source_url": "https://x.se"}), (NotSentError, "Inget", False, False)),
        (PICTURE_CALL, answered({"id": 9, "source_url": "javascript:x"}), (NotSentError, "Inget", False, False)),
        (PICTURE_CALL, answered([1]), (NotSentError, "Inget har publicerats", False, False)),
        (DRAFT, wp_error(401, "rest_cannot_create"), LOGIN_FAULT),
        (DRAFT, wp_error(403, "rest_cannot_create"), ROLE_FAULT),
        (DRAFT, wp_error(403, "okänd"), (NotSentError, "godtas inte", False, True)),
        (DRAFT, wp_error(400, "rest_invalid_param", params={"title": "x"}), (NotSentError, "rubriken", True, False)),
        (DRAFT, wp_error(400, "rest_invalid_param", params=["x"]), (NotSentError, "innehållet", True, False)),
        (DRAFT, wp_error(400, "empty_content"), (NotSentError, "innehållet", True, False)),
        (DRAFT, wp_error(400, "rest_invalid_json"), (NotSentError, "innehållet", True, False)),
        (DRAFT, wp_error(503, "db"), (NotSentError, "upptagen", False, False)),
        (DRAFT, Answer(500), (NotSentError, "Inget har publicerats", False, False)),
        (DRAFT, answered([]), (NotSentError, "Inget har publicerats", False, False)),
        (DRAFT, answered({"id": "41/../7", "status": "draft"}), (NotSentError, "Inget", False, False)),
        (DRAFT, answered({"id": True, "status": "draft"}), (NotSentError, "Inget", False, False)),
        (DRAFT, answered({"id": -1, "status": "draft"}), (NotSentError, "Inget", False, False)),
        (PUBLISH, wp_error(401, "rest_cannot_edit"), LOGIN_FAULT),
        (PUBLISH, wp_error(403, "rest_cannot_publish"), ROLE_FAULT),
        (PUBLISH, wp_error(403, "rest_cannot_edit"), (NotSentError, "annan användare", True, False)),
        (PUBLISH, wp_error(404, "rest_post_invalid_id"), (NotSentError, "finns inte längre", True, False)),
        (PUBLISH, answered({"id": 41, "status": "pending"}), ROLE_FAULT),
        (PUBLISH, answered({"id": 41, "status": "draft"}), (UnknownOutcomeError, "Kontrollera", False, False)),
        (PUBLISH, answered({"id": 41}), (UnknownOutcomeError, "osäkert", False, False)),
        (PUBLISH, answered({"id": 42, "status": "publish"}), (UnknownOutcomeError, "osäkert", False, False)),
        (PUBLISH, Answer(200, {}, b"<b>Notice</b>"), (UnknownOutcomeError, "osäkert", False, False)),
        (PUBLISH, Answer(200, {}, b"[" * 60_000), (UnknownOutcomeError, "osäkert", False, False)),
        (PUBLISH, Answer(500), (UnknownOutcomeError, "osäkert", False, False)),
    ],
)
def test_an_answer_means_what_it_means(
    site: WordPressApi, channel: WordPress, shipment: Shipment, call: str, answer: Answer, meaning: Meaning
) -> None:
    kind, words, is_permanent, stops_channel = meaning
    site.meets = {call: [answer]}

    with pytest.raises(kind, match=words) as caught:
        channel.send(with_picture(shipment), now=NOW)

    error = caught.value
    assert (getattr(error, "is_permanent", False), getattr(error, "stops_channel", False)) == (
        is_permanent,
        stops_channel,
    )
    assert error.message.endswith(".")
    assert "publish" not in statuses(site)


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "https://x/\ud800", "https://x/\0", 'https://x/"onload=x'], ids=ascii
)
def test_a_link_that_is_no_web_address_is_not_told(
    site: WordPressApi, channel: WordPress, shipment: Shipment, link: str
) -> None:
    site.meets = {PUBLISH: [answered({"id": 41, "status": "publish", "link": link})]}

    assert channel.send(shipment, now=NOW).url == ""


def test_a_busy_site_is_waited_for_as_long_as_it_asks(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    site.answers = [Answer(429, {"Retry-After": "600"})]

    with pytest.raises(NotSentError) as caught:
        channel.send(again(shipment), now=NOW)
    assert caught.value.retry_after == timedelta(minutes=10)


# What an earlier try left.


@pytest.mark.parametrize("status", ["draft", "pending", "publish"])
@pytest.mark.parametrize("reference", ["41", "", "41/../42", "²", "0", "9" * 5000])
def test_what_an_earlier_try_left_is_gone_on_with(
    site: WordPressApi, channel: WordPress, shipment: Shipment, status: str, reference: str
) -> None:
    number = site.add(slug=SLUG, status=status, title="Ändrad för hand")

    receipt = channel.send(replace(shipment, maybe_sent=True, attempt=2, reference=reference), now=NOW)

    assert (receipt.reference, statuses(site)) == (str(number), ["publish"])
    is_signed = site.posts[number].get("content") == fields_of(shipment.content, None)["content"]
    assert is_signed is (status != "publish")


@pytest.mark.parametrize("maybe_sent", [True, False])
@pytest.mark.parametrize("reference", ["41", ""])
@pytest.mark.parametrize(
    ("status", "slug", "words"),
    [
        ("trash", f"{SLUG}__trashed", "tagit bort"),
        ("private", SLUG, "dolt"),
        ("egen-status", SLUG, "dolt"),
        ("future", SLUG, "datum i framtiden"),
    ],
)
def test_what_a_person_decided_in_wordpress_stands(
    site: WordPressApi,
    channel: WordPress,
    shipment: Shipment,
    status: str,
    slug: str,
    words: str,
    reference: str,
    maybe_sent: bool,
) -> None:
    site.add(slug=slug, status=status)

    with pytest.raises(NotSentError, match=words) as caught:
        channel.send(replace(shipment, maybe_sent=maybe_sent, reference=reference), now=NOW)
    assert caught.value.is_permanent
    assert statuses(site) == ["draft" if status == "future" else status]


def test_a_noted_post_that_is_gone_for_good_is_not_made_again(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    with pytest.raises(NotSentError, match="tagit bort") as caught:
        channel.send(replace(shipment, maybe_sent=True, reference="41"), now=NOW)
    assert caught.value.is_permanent
    assert site.posts == {}


def test_the_answer_about_another_post_says_nothing_of_ours(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    site.meets = {"GET posts/41": [answered({"id": 42, "status": "publish"})]}

    with pytest.raises(UnknownOutcomeError):
        channel.send(replace(shipment, maybe_sent=True, reference="41"), now=NOW)


def test_of_several_posts_the_one_that_is_out_counts(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    for status, slug in (("draft", SLUG), ("trash", f"{SLUG}__trashed"), ("publish", SLUG)):
        site.posts[41 + len(site.posts)] = {"slug": slug, "status": status}

    assert channel.send(shipment, now=NOW).reference == "43"


@pytest.mark.parametrize("reference", ["41", ""])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(500),
        Answer(503),
        Answer(302, {"Location": "/"}),
        Answer(200, {}, b"<html>"),
        Answer(400),
        keep_silent,
        work_and_hang_up,
        wp_error(403, "rest_forbidden_context"),
    ],
    ids=lambda answer: getattr(answer, "__name__", None) or str(getattr(answer, "status", answer)),
)
def test_where_the_post_may_be_out_a_look_that_fails_leaves_it_unknown(
    site: WordPressApi, channel: WordPress, shipment: Shipment, answer: Answer | Act, reference: str
) -> None:
    site.answers = [answer]

    with pytest.raises(UnknownOutcomeError, match="går inte att se"):
        channel.send(replace(shipment, maybe_sent=True, reference=reference), now=NOW)
    assert site.posts == {}


def test_a_post_set_to_a_future_date_is_hidden_again_and_never_called_published(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    site.publishes_as = "future"

    with pytest.raises(NotSentError, match="datum i framtiden") as caught:
        channel.send(shipment, now=NOW)
    assert caught.value.is_permanent
    assert statuses(site) == ["draft"]


@pytest.mark.parametrize("answer", [Answer(500), answered({"id": 41, "status": "future"}), wp_error(403, "x")])
def test_a_future_date_that_cannot_be_undone_is_unknown_until_it_can(
    site: WordPressApi, channel: WordPress, shipment: Shipment, answer: Answer
) -> None:
    site.publishes_as = "future"
    scheduled = answered({"id": 41, "status": "future"})
    site.meets = {PUBLISH: [scheduled, answer]}

    with pytest.raises(UnknownOutcomeError, match="kan gå ut"):
        channel.send(shipment, now=NOW)

    site.posts[41]["status"] = "future"
    with pytest.raises(NotSentError, match="datum i framtiden"):
        channel.send(again(shipment), now=NOW)
    assert statuses(site) == ["draft"]


@pytest.mark.parametrize("status", ["draft", "publish"])
@pytest.mark.parametrize("is_deletable", [True, False])
def test_a_draft_that_came_late_is_gone_on_with_and_our_second_removed(
    site: WordPressApi, channel: WordPress, shipment: Shipment, status: str, is_deletable: bool
) -> None:
    site.add(slug=SLUG, status=status)
    site.meets = {"GET posts": [answered([])], "DELETE posts/42": [] if is_deletable else [Answer(500)]}

    receipt = channel.send(shipment, now=NOW)

    assert receipt.reference == "41"
    assert statuses(site) == (["publish"] if is_deletable else ["publish", "draft"])


def test_a_slug_that_a_hidden_post_has_is_not_published_beside_it(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    site.add(slug=SLUG, status="draft")
    site.meets = {"GET posts": [answered([]), answered([])]}

    with pytest.raises(NotSentError, match="finns redan") as caught:
        channel.send(shipment, now=NOW)
    assert caught.value.is_permanent
    assert statuses(site) == ["draft"]


# Afterwards.


def test_a_withdrawn_post_lies_in_the_trash_and_a_repeat_is_harmless(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=NOW)

    for _ in range(2):
        channel.withdraw(replace(shipment, reference=receipt.reference), now=NOW)
    assert statuses(site) == ["trash"]
    channel.withdraw(replace(shipment, reference="77"), now=NOW)  # gone already


def test_a_site_without_trash_gets_the_post_back_as_a_draft(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=NOW)
    site.meets = {"DELETE posts/41": [wp_error(501, "rest_trash_not_supported")]}

    channel.withdraw(replace(shipment, reference=receipt.reference), now=NOW)
    assert statuses(site) == ["draft"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (answered({"id": 41, "status": "publish"}), UnknownOutcomeError),
        (Answer(200, {}, b"<html>"), UnknownOutcomeError),
        (Answer(500), UnknownOutcomeError),
        (wp_error(403, "rest_cannot_delete"), NotSentError),
        (wp_error(401, "rest_cannot_delete"), NotSentError),
        (Answer(410), NotSentError),
    ],
)
def test_a_withdrawal_that_was_not_done_is_not_called_done(
    site: WordPressApi, channel: WordPress, shipment: Shipment, answer: Answer, kind: type[SendError]
) -> None:
    site.meets = {"DELETE posts/41": [answer]}

    with pytest.raises(kind):
        channel.withdraw(replace(shipment, reference="41"), now=NOW)


def test_a_correction_changes_the_text_and_neither_address_nor_status(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=NOW)
    mended = replace(with_picture(shipment), key=f"{KEY}2", reference=receipt.reference)

    assert [channel.correct(mended, now=NOW) for _ in range(2)] == [receipt, receipt]
    [media] = site.media.values()
    fields = fields_of(mended.content, (901, media["source_url"]))
    assert site.posts == {41: {**fields, "status": "publish", "slug": SLUG}}


@pytest.mark.parametrize("status", ["trash", "draft", "private", "future", None])
def test_what_is_not_out_any_longer_is_not_corrected(
    site: WordPressApi, channel: WordPress, shipment: Shipment, status: str | None
) -> None:
    if status:
        site.add(slug=SLUG, status=status)

    with pytest.raises(NotSentError, match="inte publicerat längre") as caught:
        channel.correct(replace(shipment, reference="41"), now=NOW)
    assert caught.value.is_permanent
    assert statuses(site) == ([status] if status else [])


@pytest.mark.parametrize("reference", ["", "../users/1", "41?force=true", "-1"])
def test_a_receipt_that_is_no_id_never_becomes_part_of_an_address(
    site: WordPressApi, channel: WordPress, shipment: Shipment, reference: str
) -> None:
    for act in (channel.withdraw, channel.correct):
        with pytest.raises(NotSentError, match="Kvittot") as caught:
            act(replace(shipment, reference=reference), now=NOW)
        assert caught.value.is_permanent
    assert site.requests == []


# Proving the settings.


def test_keeps_every_protocol_that_wordpress_allows(channel: WordPress) -> None:
    for protocol in (Withdrawing, Correcting, Probing, Rehearsing):
        assert isinstance(channel, protocol)


@pytest.mark.parametrize(
    ("may", "told"),
    [
        ({}, None),
        ({"upload_files": False}, "ladda upp bilder"),
        ({"unfiltered_html": True}, "skript"),
    ],
)
def test_the_probe_says_who_we_are_and_what_the_account_should_not_have(
    site: WordPressApi, channel: WordPress, shipment: Shipment, may: dict[str, bool], told: str | None
) -> None:
    site.me["capabilities"] = {**site.me["capabilities"], **may}

    found = channel.probe(shipment.channel, now=NOW)

    assert found.startswith("Kanalen publicerar på 127.0.0.1 som Åsa, med rollen author.")
    assert found.count(".") == (4 if told is None else 5)
    assert told is None or told in found


def test_what_the_site_calls_itself_cannot_look_like_another_line(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    site.me |= {"name": "\ud800\x1b[31mÅsa\n", "roles": ["author\x1b[2J\nOK:  allt bra", 7, *["x" * 500] * 50]}

    found = channel.probe(shipment.channel, now=NOW)

    assert found.isprintable()
    assert "som [31mÅsa, med rollen author[2JOK:  allt bra, utan namn, x" in found
    assert len(found) < 500
    found.encode()


@pytest.mark.parametrize(
    ("answer", "words", "stops"),
    [
        (wp_error(401, "rest_not_logged_in"), "känner inte igen", True),
        (answered({"id": 1, "name": "x", "roles": ["subscriber"], "capabilities": {}}), "får inte publicera", True),
        (answered({"id": 1, "roles": [], "capabilities": []}), "svarar inte som WordPress", False),
        (Answer(200, {}, b"<html>"), "svarar inte som WordPress", False),
    ],
)
def test_the_probe_finds_what_is_wrong(
    site: WordPressApi, channel: WordPress, shipment: Shipment, answer: Answer, words: str, stops: bool
) -> None:
    site.meets = {"GET users/me": [answer]}

    with pytest.raises(NotSentError, match=words) as caught:
        channel.probe(shipment.channel, now=NOW)
    assert caught.value.stops_channel is stops


def test_the_rehearsal_makes_reads_and_removes_a_marked_draft(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    assert "tog bort det igen" in channel.rehearse(shipment.channel, now=NOW)
    assert b"Prov fr\xc3\xa5n Kampanjhjulet" in site.requests[0].body
    assert site.calls == ["POST posts", "GET posts/41", "DELETE posts/41"]
    assert site.posts == {}


def test_the_rehearsal_says_what_it_could_not_remove(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    site.meets = {"DELETE posts/41": [Answer(500)]}

    assert "för hand" in channel.rehearse(shipment.channel, now=NOW)


def test_a_rehearsal_that_was_not_hidden_is_a_fault(site: WordPressApi, channel: WordPress, shipment: Shipment) -> None:
    site.meets = {"GET posts/41": [answered({"id": 41, "status": "publish"})]}

    with pytest.raises(NotSentError, match="inte provet till ett utkast"):
        channel.rehearse(shipment.channel, now=NOW)
    assert site.posts == {}


# Settings that cannot be, and servers that mean ill.


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": None},
        {"account": None},
        {"secret": None},
        {"account": "kampanj:hjul"},
        {"account": "kampanj\r\nX-Admin: ja"},
        {"url": "https://www.exempel.se/?p=1"},
        {"url": "https://www.exempel.se/#a"},
        {"url": "https://www.exempel.se/?p=1?rest_route="},
    ],
    ids=str,
)
def test_settings_that_cannot_be_stop_the_channel(channel: WordPress, wrong: dict[str, Any]) -> None:
    with pytest.raises(CredentialError) as caught:
        channel.send(shipment_to(**{"url": "https://www.exempel.se", **wrong}), now=NOW)
    assert caught.value.stops_channel


def test_a_secret_with_line_breaks_becomes_no_header(site: WordPressApi, shipment: Shipment) -> None:
    with suppress(SendError):
        make_wordpress(f"{PASSWORD}\r\nX-Admin: ja").send(shipment, now=NOW)

    assert "x-admin" not in site.requests[0].headers
    site.wrong.clear()  # it is the wrong password


def pour(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
    """Accept, and answer without end."""
    receiver.read(handler)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n[")
    while not receiver.is_over.is_set():
        handler.wfile.write(b" " * 65_536)


BOMB = Answer(200, {"Content-Encoding": "gzip"}, gzip.compress(b"[" + b" " * 50_000_000, 1))


@pytest.mark.parametrize("answer", [pour, BOMB], ids=["without end", "bomb"])
@pytest.mark.parametrize("maybe_sent", [True, False])
def test_an_answer_that_is_too_much_is_neither_read_nor_believed(
    site: WordPressApi, channel: WordPress, shipment: Shipment, answer: Answer | Act, maybe_sent: bool
) -> None:
    site.answers = [answer]

    with pytest.raises(UnknownOutcomeError if maybe_sent else NotSentError):
        channel.send(replace(shipment, maybe_sent=maybe_sent), now=NOW)
    assert site.posts == {}


def test_an_answer_that_leads_elsewhere_is_not_followed(
    site: WordPressApi, channel: WordPress, shipment: Shipment
) -> None:
    site.answers = [Answer(307, {"Location": f"{site.address}/wp-json/wp/v2/posts"})]

    with pytest.raises(NotSentError, match="Rätta kanalens url") as caught:
        channel.send(shipment, now=NOW)
    assert caught.value.is_permanent
    assert len(site.requests) == 1
