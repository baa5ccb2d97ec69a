"""An instance that keeps the contract of Mastodon's API, with one account."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.message import Message
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from campaigns.channels.base import Environment, Picture, Shipment
from campaigns.channels.mastodon import Mastodon
from tests.builders import make_channel
from tests.contracts import CONTENT, DUE, Answer, FakeApi, Request, make_shipment, noted

TOKEN = "hemlig-nyckel_abcDEF"
TEXT = f"{CONTENT['short']}\n\n{CONTENT['link']}"
PICTURE = Picture("tält.png", "image/png", 800, 600, b"\x89PNG\r\n--bild--", "https://kampanj.example/bilder/1.png")
PICTURED = {**CONTENT, "image": "tält.png", "alt": "Ett tält på en äng.\n”Åh!”"}
ACCOUNT = "109"
UPLOAD, POST = "POST /api/v2/media", "POST /api/v1/statuses"
WHO = "GET /api/v1/accounts/verify_credentials"
LIST = f"GET /api/v1/accounts/{ACCOUNT}/statuses"


def fault(status: int = 422, **headers: str) -> Answer:
    return Answer(status, headers, b'{"error": "Validation failed"}')


def answered(body: object, status: int = 200) -> Answer:
    return Answer(status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(body).encode())


@dataclass
class Mammoth(FakeApi):
    """An instance with one account. `faults` is what it answers to a call, once. `looks` is how slow pictures are."""

    statuses: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    media: dict[str, dict[str, str]] = field(default_factory=dict)
    faults: dict[str, Answer] = field(default_factory=dict)
    looks: int = 0
    made_at: datetime = DUE
    others: set[str] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def calls(self) -> list[str]:
        return [call_of(request) for request in self.requests]

    def publishes(self, request: Request) -> bool:
        return call_of(request) == POST

    def add(self, text: str, *, made_at: datetime | None = None, edited_at: str | None = None) -> str:
        name = str(1000 + len(self.statuses))
        made = (made_at or self.made_at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.statuses[name] = {"text": text, "created_at": made, "edited_at": edited_at, "media": []}
        return name

    def shown(self, name: str) -> dict[str, Any]:
        status = self.statuses[name]
        url = f"https://mastodon.example/@aneby/{name}"
        return {
            **status.get("counts", {}),
            "id": name,
            "uri": url,
            "url": url,
            **{key: status[key] for key in ("created_at", "edited_at")},
        }

    def handle(self, request: Request) -> Answer:
        call = call_of(request)
        if call in self.faults:
            return self.faults.pop(call)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return answered({"error": "The access token is invalid"}, 401)
        if call == UPLOAD:
            return self.upload(request)
        if call == POST:
            return self.post(request)
        if call == WHO:
            return answered({"id": ACCOUNT, "acct": "aneby", "note": "x" * 5000})
        if call == LIST:
            return self.listing(request)
        if call == "GET /api/v2/instance":
            return answered({"configuration": {"statuses": {"max_characters": 500}}})
        return self.handle_one(request, *call.split(" "))

    def handle_one(self, request: Request, method: str, path: str) -> Answer:
        if (found := re.fullmatch(r"/api/v1/media/([0-9]+)", path)) and method == "GET" and found[1] in self.media:
            self.looks -= 1
            return answered({"id": found[1]}, 200 if self.looks < 0 else 206)
        found = re.fullmatch(r"/api/v1/statuses/([0-9]+)(/source)?", path)
        name = found[1] if found else ""
        is_ours = name in self.statuses and (method == "GET" or name not in self.others)
        if found is None or not is_ours:
            return answered({"error": "Record not found"}, 404)
        if method == "DELETE":
            return answered({"id": name, "text": self.statuses.pop(name)["text"]})
        if method == "PUT":
            form = form_of(request)
            self.statuses[name].update(text=form["status"], media=[form.get("media_ids[]")], edited_at="2027-04-23")
            return answered(self.shown(name))
        assert method == "GET"
        if found[2]:
            return answered({"id": name, "text": self.statuses[name]["text"], "spoiler_text": ""})
        return answered(self.shown(name))

    def post(self, request: Request) -> Answer:
        form = form_of(request)
        key = str(UUID(request.headers["idempotency-key"]))
        assert form["visibility"] == "public"
        assert form["language"] == "sv"
        media = form.get("media_ids[]")
        assert media is None or media in self.media
        if self.keys.get(key) not in self.statuses:
            self.keys[key] = self.add(form["status"])
            self.statuses[self.keys[key]]["media"] = [media]
        return answered(self.shown(self.keys[key]))

    def upload(self, request: Request) -> Answer:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts = {
            str(part.get_param("name", header="content-disposition")): part
            for part in BytesParser().parsebytes(head + request.body).walk()
            if not part.is_multipart()
        }
        assert parts["file"].get_content_type() == "image/png"
        assert parts["file"].get_filename()
        name = str(500 + len(self.media))
        self.media[name] = {"data": content_of(parts["file"]).decode("latin-1")}
        self.media[name]["description"] = content_of(parts["description"]).decode()
        return answered({"id": name, "url": None}, 202 if self.looks > 0 else 200)

    def listing(self, request: Request) -> Answer:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        assert query["exclude_reblogs"] == "true"
        before = int(query.get("max_id", "9" * 9))
        names = [name for name in sorted(self.statuses, key=int, reverse=True) if int(name) < before]
        return answered([self.shown(name) for name in names[: int(query["limit"])]])


def call_of(request: Request) -> str:
    return f"{request.method} {urlsplit(request.path).path}"


def form_of(request: Request) -> dict[str, str]:
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    return {name: values[0] for name, values in parse_qs(request.body.decode(), strict_parsing=True).items()}


def content_of(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def mastodon(token: str = TOKEN) -> Mastodon:
    return Mastodon(Environment({"NYCKEL": token}, timeout=(1, 0.2), longest=0.4))


def shipment_to(url: str | None, *, secret: str | None = "env:NYCKEL", **more: Any) -> Shipment:
    private = more.pop("allow_private", True)
    config = make_channel("mastodon", url=url, secret=secret, allow_private_addresses=private)
    return make_shipment(config, key="aneby/valborg/2027/veckan.foraldrar:mastodon:sv:1", **more)


def in_doubt(shipment: Shipment, **more: Any) -> Shipment:
    return replace(shipment, attempt=2, maybe_sent=True, reference=noted(shipment), **more)


def now() -> datetime:
    return datetime.now(UTC)
