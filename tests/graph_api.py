"""Meta's Graph API on this machine, for the tests of Facebook and Instagram. Wrong requests are kept in `wrong`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from campaigns.channels.base import Picture
from tests.contracts import CONTENT, Answer, FakeApi, Receiver, Request, Trouble

TOKEN = "EAAG" + "hemlignyckel" * 5
TRACE = "A6LJylpZRKw2xKLFsAP-cJh"
WITH_PICTURE = {**CONTENT, "image": "blommor.jpg", "alt": "Ungdomar på en äng"}
PICTURE = Picture(
    "blommor.jpg", "image/jpeg", 1080, 1080, b"\xff\xd8\xff\xe0 en bild \r\n", "https://media.example.se/b.jpg"
)
POSTED = f"{CONTENT['short']}\n\n{CONTENT['link']}"


def graph_error(code: int, subcode: int = 0, *, status: int = 400, headers: Mapping[str, str] | None = None) -> Answer:
    """Meta's own form of an error, with a text of theirs that may not be shown."""
    error = {
        "message": f"hemlig text av Meta {TOKEN} {CONTENT['short']}",
        "type": "OAuthException",
        "code": code,
        **({"error_subcode": subcode} if subcode else {}),
        "error_user_title": "Title",
        "error_user_msg": f"hemlig text av Meta {TOKEN}",
        "fbtrace_id": TRACE,
    }
    return Answer(status, dict(headers or {}), json.dumps({"error": error}).encode())


def usage(minutes: object) -> dict[str, str]:
    """The header that says how long to wait."""
    item = {"type": "pages", "call_count": 100, "estimated_time_to_regain_access": minutes}
    return {"X-Business-Use-Case-Usage": json.dumps({"123": [item]})}


def answered(found: Mapping[str, Any]) -> Answer:
    return Answer(200, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(found).encode())


def pour(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
    """Accept, and answer without an end."""
    receiver.read(handler)
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    while not receiver.is_over.is_set():
        handler.wfile.write(b'{"id": "1_1", ' * 5000)


@dataclass
class GraphApi(FakeApi):
    """What every Graph API asks for. A subclass keeps `act`. `stubs`: path endings, and what they answer once."""

    stubs: dict[str, Answer] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def refuse(self, trouble: Trouble, request: Request) -> Answer:
        throttled = graph_error(4, headers=usage(2))
        own = {Trouble.BAD_LOGIN: graph_error(190, 463, status=401), Trouble.THROTTLED: throttled}
        return own.get(trouble) or super().refuse(trouble, request)

    def handle(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        for ending in [found for found in self.stubs if parts.path.endswith(found)]:
            return self.stubs.pop(ending)
        version, _, path = parts.path.removeprefix("/").partition("/")
        self.check(version == "v25.0", f"version {version}")
        self.check(request.headers.get("authorization") == f"Bearer {TOKEN}", "authorization")
        self.check(TOKEN not in request.path and TOKEN.encode() not in request.body, "token outside the header")
        fields = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **self.form(request)}
        return self.act(request.method, path, fields)

    def act(self, method: str, path: str, fields: dict[str, str]) -> Answer:
        raise NotImplementedError

    def check(self, is_right: bool, what: str) -> None:
        if not is_right:
            self.wrong.append(what)

    def form(self, request: Request) -> dict[str, str]:
        kind = request.headers.get("content-type", "")
        if not request.body:
            return {}
        if kind == "application/x-www-form-urlencoded":
            return dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))
        self.check(re.fullmatch(r"multipart/form-data; boundary=[0-9a-f]+", kind) is not None, f"content type {kind}")
        message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + request.body)
        found = {}
        for part in message.iter_parts():
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            is_file = part.get_filename() is not None
            found[str(part.get_param("name", header="content-disposition"))] = (
                f"{part.get_filename()} {part.get_content_type()} {content!r}" if is_file else content.decode()
            )
        return found
