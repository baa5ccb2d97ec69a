"""A server that keeps the contract of com.atproto.*, with one account."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from campaigns.channels.base import Environment, Picture, Shipment
from campaigns.channels.bluesky import Bluesky
from tests.builders import make_channel
from tests.contracts import CONTENT, Act, Answer, FakeApi, Request, Trouble, make_shipment

DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
HANDLE = "aneby.bsky.social"
SECRET = "hemligt-app-losenord"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.hemlig-session.x"
CID = "bafkreib4t2ylqfk4gzkh4n5hdx7jwr3bqc3rrzjvxl2n7ywmqoalpcw2vq"
PICTURE = Picture("tält.png", "image/png", 800, 600, b"\x89PNG bild", "https://kampanj.example/bilder/1.png")
PICTURED = {**CONTENT, "image": "tält.png", "alt": "Ett tält på en äng."}
SIGN_IN, UPLOAD = "com.atproto.server.createSession", "com.atproto.repo.uploadBlob"
LOOK = "app.bsky.feed.getPosts"
PUT, DELETE = "com.atproto.repo.putRecord", "com.atproto.repo.deleteRecord"


def fault(name: str, message: str = "", status: int = 400, **headers: str) -> Answer:
    return Answer(status, headers, json.dumps({"error": name, "message": message}).encode())


@dataclass
class Server(FakeApi):
    """A PDS with one account. `faults` is what it answers to a method, once."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: dict[str, Answer | Act] = field(default_factory=dict)
    counts: dict[str, object] = field(default_factory=dict)
    session: dict[str, Any] = field(default_factory=lambda: {"did": DID, "handle": HANDLE, "accessJwt": TOKEN})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def methods(self) -> list[str]:
        return [method_of(request) for request in self.requests]

    def publishes(self, request: Request) -> bool:
        return method_of(request) == PUT

    def refuse(self, trouble: Trouble, request: Request) -> Answer:
        if trouble is Trouble.BAD_POST:
            return fault("InvalidRequest", "Invalid app.bsky.feed.post record")
        if trouble is Trouble.BAD_LOGIN:
            return fault("AuthenticationRequired", status=401)
        return super().refuse(trouble, request)

    def handle(self, request: Request) -> Answer:
        method = method_of(request)
        assert request.method == ("GET" if method == LOOK else "POST")
        if method in self.faults:
            answer = self.faults.pop(method)
            assert isinstance(answer, Answer)
            return answer
        if method == SIGN_IN:
            given = json.loads(request.body)
            if given != {"identifier": HANDLE, "password": SECRET}:
                return fault("AuthenticationRequired", "Invalid identifier or password", 401)
            return answered({**self.session, "refreshJwt": TOKEN, "active": self.session.get("active", True)})
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return fault("AuthMissing", status=401)
        if method == LOOK:
            [uri] = parse_qs(urlsplit(request.path).query)["uris"]
            author = {"did": DID, "handle": HANDLE}
            shown = [{"uri": uri, "cid": CID, "author": author, **self.counts}] if uri in self.records else []
            return answered({"posts": shown})
        if method == UPLOAD:
            assert request.headers["content-type"] == "image/png"
            blob = {"$type": "blob", "ref": {"$link": CID}, "mimeType": "image/png", "size": len(request.body)}
            return answered({"blob": blob})
        assert request.headers["content-type"] == "application/json"
        given = json.loads(request.body)
        assert (given["repo"], given["collection"]) == (DID, "app.bsky.feed.post")
        assert re.fullmatch(r"[2-7a-j][2-7a-z]{12}", given["rkey"])
        uri = f"at://{DID}/app.bsky.feed.post/{given['rkey']}"
        if method == DELETE:
            self.records.pop(uri, None)
            return answered({"commit": {"cid": CID, "rev": "1"}})
        assert method == PUT
        assert given["record"]["$type"] == "app.bsky.feed.post"
        self.records[uri] = given["record"]
        return answered({"uri": uri, "cid": CID})


def method_of(request: Request) -> str:
    assert request.path.startswith("/xrpc/")
    return request.path.removeprefix("/xrpc/").partition("?")[0]


def answered(body: dict[str, Any]) -> Answer:
    return Answer(200, {"Content-Type": "application/json"}, json.dumps(body).encode())


def bluesky(secret: str = SECRET) -> Bluesky:
    return Bluesky(Environment({"LOSENORD": secret}, timeout=(1, 0.2), longest=0.4))


def shipment_to(url: str | None, **more: Any) -> Shipment:
    config = make_channel(
        "bluesky",
        url=url,
        account=more.pop("account", HANDLE),
        secret=more.pop("secret", "env:LOSENORD"),
        allow_private_addresses=more.pop("allow_private", True),
    )
    return make_shipment(config, key="aneby/valborg/2027/veckan.foraldrar:bluesky:sv:1", **more)


def now() -> datetime:
    return datetime.now(UTC)


def meeting(server: Server, method: str, answer: Answer) -> None:
    server.faults[method] = answer
