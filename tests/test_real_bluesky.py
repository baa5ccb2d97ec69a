"""The Bluesky channel against a real server (PDS), with a proxy that can cut the line when the work is done."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import Environment, NotSentError, Picture, Shipment, UnknownOutcomeError
from campaigns.channels.bluesky import Bluesky
from tests.builders import make_channel
from tests.contracts import CONTENT, DUE, make_shipment, noted
from tests.real_wordpress import Cutting, cutting

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Server:
    """`url` is the server's own, and `proxy` stands before it."""

    url: str
    handle: str
    did: str
    password: str
    proxy: Cutting

    def posts(self) -> list[dict[str, Any]]:
        """The account's posts as anybody can read them: `uri`, `cid` and `value`."""
        query = {"repo": self.did, "collection": "app.bsky.feed.post", "limit": "100"}
        answer = requests.get(f"{self.url}/xrpc/com.atproto.repo.listRecords", query, timeout=10)
        answer.raise_for_status()
        records: list[dict[str, Any]] = answer.json()["records"]
        return records

    def config(self, **more: Any) -> ChannelConfig:
        wanted = {"account": self.handle, "secret": "env:LOSENORD", "allow_private_addresses": True, **more}
        return make_channel("bluesky", url=f"http://127.0.0.1:{self.proxy.server_port}", **wanted)

    def shipment(self, key: str, **more: Any) -> Shipment:
        return make_shipment(self.config(), key=f"aneby/{key}:bluesky:sv:1", **more)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    node = shutil.which("node")
    assert node is not None, "Node.js is missing: apt install nodejs"
    command = [node, str(ROOT / "tests/bluesky_server.mjs")]
    place = {**os.environ, "TMPDIR": str(tmp_path_factory.mktemp("bluesky"))}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=place) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with cutting(int(told["url"].rpartition(":")[2])) as proxy:
            yield Server(**told, proxy=proxy)
        process.communicate(timeout=30)  # closes its input, by which it stops


@pytest.fixture
def channel(server: Server) -> Bluesky:
    return Bluesky(Environment({"LOSENORD": server.password}))


@pytest.fixture(autouse=True)
def _nothing_posted(server: Server, channel: Bluesky) -> Iterator[None]:
    yield
    for post in server.posts():
        channel.withdraw(replace(server.shipment("städning"), reference=post["uri"]), now=now())


def now() -> datetime:
    return datetime.now(UTC)


def shown_by(post: dict[str, Any]) -> list[str]:
    """What each facet of a post points at."""
    raw = post["value"]["text"].encode()
    indexes = [facet["index"] for facet in post["value"].get("facets", ())]
    return [raw[index["byteStart"] : index["byteEnd"]].decode() for index in indexes]


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x40\x80\x40" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_sent_twice_is_one_post_with_the_same_name_and_bytes(server: Server, channel: Bluesky) -> None:
    shipment = server.shipment("tva-ganger")
    first = channel.send(shipment, now=now())
    [before] = server.posts()
    again = replace(shipment, attempt=2, maybe_sent=True, reference=noted(shipment))
    second = channel.send(again, now=now() + timedelta(hours=3))

    assert (first, [before]) == (second, server.posts())
    assert before["uri"] == first.reference
    assert before["value"]["createdAt"] == "2027-04-22T14:30:00.000Z"


def test_a_line_cut_when_the_post_is_stored_is_unknown_and_the_next_try_finds_one_post(
    server: Server, channel: Bluesky
) -> None:
    shipment = server.shipment("avbrott")
    server.proxy.cuts = lambda method, path, body: path.endswith("putRecord")
    with pytest.raises(UnknownOutcomeError):
        channel.send(shipment, now=now())
    assert len(server.posts()) == 1

    receipt = channel.send(replace(shipment, attempt=2, maybe_sent=True, reference=noted(shipment)), now=now())

    assert [post["uri"] for post in server.posts()] == [receipt.reference]


@pytest.mark.parametrize("method", ["createSession", "uploadBlob"])
def test_a_line_cut_before_the_post_is_surely_not_sent(server: Server, channel: Bluesky, method: str) -> None:
    picture = Picture("tält.png", "image/png", 40, 30, png(40, 30), "https://kampanj.example/bilder/1.png")
    content = {**CONTENT, "image": "tält.png", "alt": "Ett tält."}
    server.proxy.cuts = lambda _, path, body: path.endswith(method)

    with pytest.raises(NotSentError) as caught:
        channel.send(server.shipment("tidigt-avbrott", content=content, picture=picture), now=now())
    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, False)
    assert server.posts() == []


def test_a_wrong_password_stops_the_channel(server: Server) -> None:
    wrong = Bluesky(Environment({"LOSENORD": "fel-losenord"}))

    with pytest.raises(NotSentError) as caught:
        wrong.send(server.shipment("fel"), now=now())
    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, True)
    assert server.posts() == []


def test_an_account_that_is_not_there_stops_the_channel(server: Server, channel: Bluesky) -> None:
    missing = make_shipment(server.config(account="finns-inte.test"))

    with pytest.raises(NotSentError) as caught:
        channel.send(missing, now=now())
    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, True)


def test_300_graphemes_are_taken_and_301_are_refused_in_swedish(server: Server, channel: Bluesky) -> None:
    family = "👨‍👩‍👧‍👦"  # one grapheme, seven code points, 25 bytes
    short = family * 50 + "å" * 250

    channel.send(server.shipment("lagom", content={**CONTENT, "short": short, "link": ""}), now=now())
    with pytest.raises(NotSentError, match="300 tecken") as caught:
        channel.send(server.shipment("langt", content={**CONTENT, "short": short + "ö", "link": ""}), now=now())

    assert caught.value.is_permanent
    assert [post["value"]["text"] for post in server.posts()] == [short]


def test_the_facets_that_the_server_keeps_point_at_the_right_bytes(server: Server, channel: Bluesky) -> None:
    content = {**CONTENT, "short": "Åh, ö! 🌸 Läs https://å.se/ä, #valborg"}
    channel.send(server.shipment("facetter", content=content), now=now())

    [post] = server.posts()
    assert shown_by(post) == ["https://å.se/ä", "#valborg", CONTENT["link"]]
    assert post["value"]["embed"]["external"]["uri"] == "https://www.aneby.se/valborg?a=1&b=%C3%A5"


def test_a_picture_is_stored_with_its_alternative_text_and_shown_once(server: Server, channel: Bluesky) -> None:
    picture = Picture("tält.png", "image/png", 40, 30, png(40, 30), "https://kampanj.example/bilder/1.png")
    content = {**CONTENT, "image": "tält.png", "alt": "Ett tält på en äng."}
    shipment = server.shipment("bild", content=content, picture=picture)
    first = channel.send(shipment, now=now())
    [before] = server.posts()
    again = replace(shipment, attempt=2, maybe_sent=True, reference=noted(shipment))

    assert channel.send(again, now=now()) == first
    assert server.posts() == [before]
    [image] = before["value"]["embed"]["images"]
    assert (image["alt"], image["image"]["mimeType"]) == ("Ett tält på en äng.", "image/png")
    query = {"did": server.did, "cid": image["image"]["ref"]["$link"]}
    stored = requests.get(f"{server.url}/xrpc/com.atproto.sync.getBlob", query, timeout=10)
    assert stored.content == picture.data


def test_deliveries_that_are_due_together_are_posts_of_their_own(server: Server, channel: Bluesky) -> None:
    for key in ("ett", "två", "tre"):
        channel.send(server.shipment(key), now=now())

    assert len(server.posts()) == 3
    assert {post["value"]["createdAt"] for post in server.posts()} == {f"{DUE:%Y-%m-%dT%H:%M:%S}.000Z"}


def test_a_withdrawn_post_is_gone_and_withdrawing_it_again_is_harmless(server: Server, channel: Bluesky) -> None:
    shipment = server.shipment("bort")
    receipt = channel.send(shipment, now=now())
    gone = replace(shipment, reference=receipt.reference)

    channel.withdraw(gone, now=now())
    channel.withdraw(gone, now=now())

    assert server.posts() == []


def test_the_probe_names_the_account(server: Server, channel: Bluesky) -> None:
    assert channel.probe(server.config(), now=now()) == f"Inlägg görs på Bluesky som {server.handle}."
