"""WordPress as it is: Debian's own, with its database, over HTTP. Run by `pytest -m servers`; see `real_wordpress`."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
import requests

from campaigns.channels.base import Environment, NotSentError, Outcome, Picture, Shipment, UnknownOutcomeError
from campaigns.channels.wordpress import WordPress, fields_of, marker
from campaigns.content import Content
from tests.builders import make_channel
from tests.contracts import CONTENT, make_shipment, noted
from tests.real_wordpress import Cutting, RealWordPress, cutting, get, running_wordpress

pytestmark = pytest.mark.servers

NOW = datetime(2027, 4, 22, 14, 30, tzinfo=UTC)
TEXT = {
    "title": "Köp inte ut åt någon annan & säg nej",
    "short": "Nej till langning 🌸",
    "body": "Å, ä och **ö**.\nSamma stycke.\n\n"
    "Se [polisens råd](https://polisen.se/rad?a=1&b=2) [galleri] \\n.\n\nمرحبا",
    "link": "https://www.aneby.se/valborg?a=1&b=å",
    "image": "bild",
    "alt": 'Två vänner vid brasan, "på väg" hem & glada',
    "language": "sv",
}
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def wordpress() -> Iterator[RealWordPress]:
    with running_wordpress() as found:
        yield found


@pytest.fixture(scope="module")
def proxy(wordpress: RealWordPress) -> Iterator[Cutting]:
    with cutting(wordpress.port) as found:
        yield found


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return f"aneby/valborg/2027/{request.node.name}:wordpress:sv:1"


@pytest.fixture
def channel(wordpress: RealWordPress) -> WordPress:
    return channel_as("forfattare", wordpress)


@pytest.fixture
def shipment(wordpress: RealWordPress, key: str) -> Shipment:
    return shipment_to(wordpress.url, key=key)


@pytest.fixture
def ask(wordpress: RealWordPress) -> Ask:
    """What a user, the editor unless another is named, does and sees by hand."""

    def ask(method: str, route: str, *, user: str = "redaktor", **json_body: object) -> dict[str, Any]:
        login = (user, wordpress.passwords[user])
        url = f"{wordpress.url}/wp-json/wp/v2/{route}"
        answer = requests.request(method, url, auth=login, json=json_body or None, timeout=30)
        found = answer.json()
        assert answer.ok, found
        return {"items": found} if isinstance(found, list) else dict(found)

    return ask


def channel_as(user: str, wordpress: RealWordPress) -> WordPress:
    return WordPress(Environment({"NYCKEL": wordpress.passwords[user]}))


def shipment_to(url: str, *, key: str, account: str = "forfattare", content: dict[str, str] = TEXT) -> Shipment:
    config = make_channel("wordpress", url=url, account=account, secret="env:NYCKEL", allow_private_addresses=True)
    picture = Picture("bild", "image/png", 2, 2, png(), "https://kampanj.example/bild")
    return make_shipment(config, key=key, content=content, picture=picture if content["image"] else None)


def png() -> bytes:
    """Two pixels by two."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x10\x40\xff" * 2) * 2)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def again(shipment: Shipment, *, maybe_sent: bool = True) -> Shipment:
    return replace(shipment, attempt=shipment.attempt + 1, maybe_sent=maybe_sent, reference=noted(shipment))


def statuses(ask: Ask, shipment: Shipment) -> list[str]:
    """Of every post that came of the shipment: WordPress makes "-2" of a second one's slug."""
    slug = marker(shipment.key)
    slugs = ",".join(f"{slug}{more}" for more in ("", "-2", "-3", "__trashed", "-2__trashed"))
    found = ask("GET", f"posts?slug={slugs}&status=publish,future,draft,pending,private,trash&_fields=status")
    return [post["status"] for post in found["items"]]


def page(wordpress: RealWordPress, url: str) -> str:
    status, found = get(wordpress.port, "/" + url.split("/", 3)[3])
    assert status == 200
    return found


def publishing(method: str, path: str, body: bytes) -> bool:
    return b'"status": "publish"' in body


def making_a_draft(method: str, path: str, body: bytes) -> bool:
    return b'"status": "draft"' in body


# What anybody sees.


def test_the_page_shows_the_text_the_picture_with_its_alt_and_the_link(
    wordpress: RealWordPress, channel: WordPress, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=NOW)

    seen = page(wordpress, receipt.url)
    [image] = re.findall(r"<img [^>]*>", seen)
    [source] = re.findall(r'src="([^"]*)"', image)
    assert receipt.outcome is Outcome.PUBLISHED
    assert "<h1>Köp inte ut åt någon annan &amp; säg nej</h1>" in seen
    assert "Å, ä och <strong>ö</strong>.\nSamma stycke." in seen
    assert "[galleri]" in unescape(seen)
    assert '<a href="https://polisen.se/rad?a=1&amp;b=2" rel="noopener noreferrer">polisens råd</a>' in seen
    assert "مرحبا" in seen
    assert f'alt="{TEXT["alt"]}"' in unescape(image).replace("&#8221;", '"')
    assert get(wordpress.port, "/" + source.split("/", 3)[3])[0] == 200
    assert f'<a href="{TEXT["link"]}">{TEXT["link"]}</a>' in unescape(seen)
    assert "<br" not in seen


def test_everything_is_stored_as_it_was_signed(
    ask: Ask, channel: WordPress, wordpress: RealWordPress, key: str
) -> None:
    shipment = shipment_to(wordpress.url, key=key, content={**CONTENT, "language": "ar"})

    receipt = channel.send(shipment, now=NOW)

    stored = ask("GET", f"posts/{receipt.reference}?context=edit&_fields=title,excerpt,content")
    raw = {name: unescape(part["raw"]) for name, part in stored.items()}
    wanted = fields_of(Content.from_bytes(shipment.payload), None)
    assert raw == {name: unescape(text) for name, text in wanted.items()}
    assert '<div lang="ar" dir="rtl">' in raw["content"]


def test_a_site_without_pretty_links_works_too(wordpress: RealWordPress, channel: WordPress, key: str) -> None:
    shipment = shipment_to(f"{wordpress.url}/?rest_route=", key=key)

    receipt = channel.send(shipment, now=NOW)

    assert channel.send(again(shipment), now=NOW) == receipt
    assert "Samma stycke" in page(wordpress, receipt.url)


def test_the_same_picture_is_uploaded_once(ask: Ask, channel: WordPress, shipment: Shipment) -> None:
    channel.send(shipment, now=NOW)
    before = ask("GET", "media?_fields=id,alt_text")["items"]

    channel.send(replace(shipment, key=f"{shipment.key}2"), now=NOW)

    assert ask("GET", "media?_fields=id,alt_text")["items"] == before
    assert TEXT["alt"] in [unescape(media["alt_text"]) for media in before]


# The line is cut after WordPress has done the work.


def test_a_line_cut_at_the_publishing_leaves_one_post_which_the_next_try_finds(
    ask: Ask, wordpress: RealWordPress, proxy: Cutting, channel: WordPress, key: str
) -> None:
    shipment = shipment_to(f"http://127.0.0.1:{proxy.server_port}", key=key)
    proxy.cuts = publishing

    with pytest.raises(UnknownOutcomeError):
        channel.send(shipment, now=NOW)
    receipt = channel.send(again(shipment), now=NOW)

    assert proxy.has_cut
    assert (receipt.outcome, receipt.reference) == (Outcome.PUBLISHED, noted(shipment))
    assert "Samma stycke" in page(wordpress, receipt.url)
    assert statuses(ask, shipment) == ["publish"]


def test_a_line_cut_at_the_draft_leaves_one_post_which_the_next_try_publishes(
    ask: Ask, proxy: Cutting, channel: WordPress, key: str
) -> None:
    shipment = shipment_to(f"http://127.0.0.1:{proxy.server_port}", key=key)
    proxy.cuts = making_a_draft

    with pytest.raises(NotSentError) as caught:
        channel.send(shipment, now=NOW)
    assert (caught.value.is_permanent, proxy.has_cut) == (False, True)
    assert statuses(ask, shipment) == ["draft"]
    receipt = channel.send(again(shipment, maybe_sent=False), now=NOW)

    assert receipt.outcome is Outcome.PUBLISHED
    assert statuses(ask, shipment) == ["publish"]


def test_a_line_cut_at_the_picture_leaves_one_picture(ask: Ask, proxy: Cutting, channel: WordPress, key: str) -> None:
    shipment = shipment_to(f"http://127.0.0.1:{proxy.server_port}", key=key, content={**TEXT, "alt": "En annan bild"})
    before = len(ask("GET", "media?_fields=id")["items"])
    proxy.cuts = lambda method, path, body: method == "POST" and "/media" in path

    with pytest.raises(NotSentError):
        channel.send(shipment, now=NOW)
    channel.send(again(shipment, maybe_sent=False), now=NOW)

    assert len(ask("GET", "media?_fields=id")["items"]) == before + 1


def test_after_a_restored_database_what_is_out_is_found_by_its_slug(
    ask: Ask, channel: WordPress, shipment: Shipment
) -> None:
    first = channel.send(shipment, now=NOW)

    assert channel.send(replace(shipment, attempt=1), now=NOW) == first
    assert statuses(ask, shipment) == ["publish"]


# What people do in WordPress.


@pytest.mark.parametrize("is_noted", [True, False])
def test_what_somebody_threw_away_stays_away(ask: Ask, channel: WordPress, shipment: Shipment, is_noted: bool) -> None:
    receipt = channel.send(shipment, now=NOW)
    ask("DELETE", f"posts/{receipt.reference}")

    with pytest.raises(NotSentError, match="tagit bort") as caught:
        channel.send(again(shipment) if is_noted else replace(shipment, attempt=2), now=NOW)
    assert caught.value.is_permanent
    assert statuses(ask, shipment) == ["trash"]


def test_what_somebody_deleted_for_good_stays_away(ask: Ask, channel: WordPress, shipment: Shipment) -> None:
    receipt = channel.send(shipment, now=NOW)
    ask("DELETE", f"posts/{receipt.reference}?force=true")

    with pytest.raises(NotSentError, match="tagit bort"):
        channel.send(again(shipment), now=NOW)
    assert statuses(ask, shipment) == []


def test_a_draft_that_somebody_edited_goes_out_as_it_was_signed(
    ask: Ask, wordpress: RealWordPress, proxy: Cutting, channel: WordPress, key: str
) -> None:
    shipment = shipment_to(f"http://127.0.0.1:{proxy.server_port}", key=key)
    proxy.cuts = making_a_draft
    with pytest.raises(NotSentError):
        channel.send(shipment, now=NOW)
    [draft] = ask("GET", f"posts?slug={marker(key)}&status=draft&_fields=id")["items"]
    ask("POST", f"posts/{draft['id']}", title="Köp gärna ut", content="Något helt annat")

    receipt = channel.send(again(shipment, maybe_sent=False), now=NOW)

    seen = page(wordpress, receipt.url)
    assert "Samma stycke" in seen
    assert "annat" not in seen


@pytest.mark.parametrize("status", ["draft", "future"])
def test_a_date_in_the_future_is_never_called_published(
    ask: Ask, channel: WordPress, shipment: Shipment, status: str
) -> None:
    slug = marker(shipment.key)
    made = ask("POST", "posts", title="x", slug=slug, status=status, date_gmt="2037-01-01T00:00:00", user="forfattare")

    with pytest.raises(NotSentError, match="datum i framtiden") as caught:
        channel.send(shipment, now=NOW)
    assert caught.value.is_permanent
    assert statuses(ask, shipment) == ["draft"]

    ask("POST", f"posts/{made['id']}", date_gmt="2026-01-01T00:00:00")
    assert channel.send(again(shipment, maybe_sent=False), now=NOW).reference == str(made["id"])
    assert statuses(ask, shipment) == ["publish"]


def test_a_slug_that_another_users_post_has_is_not_published_beside_it(
    ask: Ask, channel: WordPress, shipment: Shipment
) -> None:
    ask("POST", "posts", title="En annans", slug=marker(shipment.key), status="draft")

    with pytest.raises(NotSentError, match="finns redan") as caught:
        channel.send(shipment, now=NOW)
    assert caught.value.is_permanent
    assert statuses(ask, shipment) == ["draft"]


def test_a_draft_that_came_late_is_gone_on_with_and_the_second_removed(
    ask: Ask, wordpress: RealWordPress, proxy: Cutting, channel: WordPress, key: str
) -> None:
    """The first try's draft is stored between the second one's look and its own draft."""
    shipment = shipment_to(f"http://127.0.0.1:{proxy.server_port}", key=key)

    def meanwhile(method: str, path: str, body: bytes) -> bool:
        if method == "GET" and "/media" in path:
            ask("POST", "posts", title="x", slug=marker(key), status="draft", user="forfattare")
        return False

    proxy.cuts = meanwhile
    receipt = channel.send(shipment, now=NOW)
    proxy.cuts = None

    assert receipt.url.rstrip("/").endswith(marker(key))
    assert statuses(ask, shipment) == ["publish"]


# The account.


def test_a_wrong_password_stops_the_channel(wordpress: RealWordPress, shipment: Shipment) -> None:
    channel = WordPress(Environment({"NYCKEL": "helt fel"}))

    for act in (
        lambda: channel.send(shipment, now=NOW),
        lambda: channel.send(replace(shipment, reference="1"), now=NOW),
        lambda: channel.withdraw(replace(shipment, reference="1"), now=NOW),
        lambda: channel.probe(shipment.channel, now=NOW),
        lambda: channel.rehearse(shipment.channel, now=NOW),
    ):
        with pytest.raises(NotSentError, match="känner inte igen kontot") as caught:
            act()
        assert caught.value.stops_channel


def test_an_account_that_may_not_publish_is_told_which_role_it_needs(
    ask: Ask, wordpress: RealWordPress, key: str
) -> None:
    channel = channel_as("medarbetare", wordpress)
    plain = {**TEXT, "image": "", "alt": ""}
    for content in (plain, TEXT):
        shipment = shipment_to(wordpress.url, key=key, account="medarbetare", content=content)
        with pytest.raises(NotSentError, match="rollen författare") as caught:
            channel.send(shipment, now=NOW)
        assert caught.value.stops_channel

    assert statuses(ask, shipment) == ["draft"]
    with pytest.raises(NotSentError, match="rollen författare"):
        channel.probe(shipment.channel, now=NOW)


def test_the_probe_says_who_and_where_and_warns_of_too_much_power(
    wordpress: RealWordPress, channel: WordPress, shipment: Shipment
) -> None:
    told = channel.probe(shipment.channel, now=NOW)
    editor = replace(shipment.channel, account="redaktor")

    assert told == "Kanalen publicerar på 127.0.0.1 som Åsa forfattare, med rollen author."
    assert "skript" in channel_as("redaktor", wordpress).probe(editor, now=NOW)


def test_the_rehearsal_leaves_nothing_behind(ask: Ask, channel: WordPress, shipment: Shipment) -> None:
    everything = "posts?status=publish,future,draft,pending,private,trash&per_page=100&_fields=id"
    before = ask("GET", everything)

    assert "tog bort det igen" in channel.rehearse(shipment.channel, now=NOW)
    assert ask("GET", everything) == before


# Afterwards.


def test_a_withdrawn_post_is_in_the_trash_and_withdrawing_again_is_harmless(
    ask: Ask, wordpress: RealWordPress, channel: WordPress, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=NOW)

    for _ in range(2):
        channel.withdraw(replace(shipment, reference=receipt.reference), now=NOW)

    assert statuses(ask, shipment) == ["trash"]
    assert get(wordpress.port, "/" + receipt.url.split("/", 3)[3])[0] == 404


def test_a_correction_keeps_the_address_and_a_repeat_is_harmless(
    wordpress: RealWordPress, channel: WordPress, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=NOW)
    mended = {**TEXT, "title": "Rättad rubrik", "body": "Rättad text."}
    correction = replace(
        shipment_to(wordpress.url, key=f"{shipment.key}2", content=mended), reference=receipt.reference
    )

    assert [channel.correct(correction, now=NOW) for _ in range(2)] == [receipt, receipt]
    seen = page(wordpress, receipt.url)
    assert "Rättad text." in seen
    assert "Samma stycke" not in seen


def test_what_somebody_threw_away_is_not_corrected(ask: Ask, channel: WordPress, shipment: Shipment) -> None:
    receipt = channel.send(shipment, now=NOW)
    ask("DELETE", f"posts/{receipt.reference}")

    with pytest.raises(NotSentError, match="inte publicerat längre"):
        channel.correct(replace(shipment, reference=receipt.reference), now=NOW)
    assert statuses(ask, shipment) == ["trash"]
