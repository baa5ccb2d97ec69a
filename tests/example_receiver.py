"""An example of a receiver for the channel `sitevision`: publishes at once, and keeps what it got in memory."""

import base64
import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


class Receiver(BaseHTTPRequestHandler):
    secret = b""
    site = "https://www.exempel.se/nyheter/"
    items: dict[str, Any] = {}  # noqa: RUF012 - one for all requests; None where an item was removed

    def handle_item(self) -> None:
        field = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()).get("payload", [""])[0]
        identity, at = self.headers.get("webhook-id", ""), self.headers.get("webhook-timestamp", "0")
        mark = hmac.digest(self.secret, f"{identity}.{at}.{field}".encode(), hashlib.sha256)
        signature = f"v1,{base64.b64encode(mark).decode()}".encode()
        marks = self.headers.get("webhook-signature", "").encode().split()
        if abs(time.time() - int(at)) > 300 or not any(hmac.compare_digest(signature, one) for one in marks):
            return self.answer(401, "refused")
        event = json.loads(field or "{}")
        item = self.path.rpartition("/items/")[2]
        named = event["data"].get("item", identity) if self.command == "PUT" else identity
        if named != (item if self.command == "PUT" else f"{self.command.lower()}_{item}"):
            return self.answer(400, "refused")
        known = self.items.get(item, "missing")
        if self.command == "PUT" and (known == "missing" or (known and known["timestamp"] < event["timestamp"])):
            self.items[item] = known = event  # here the page is made from event["data"]["content"], or changed
        if self.command == "DELETE" and known != "missing":
            self.items[item] = known = None  # here the page is taken away
        if known == "missing":
            return self.answer(404, "missing")
        return self.answer(200, "published" if known else "removed", self.site + item if known else "")

    do_PUT = do_GET = do_DELETE = handle_item  # noqa: N815 - the names that the base class looks for

    def answer(self, status: int, state: str, url: str = "") -> None:
        body = json.dumps({"state": state, "url": url}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Receiver.secret = base64.b64decode(os.environ["SECRET"].removeprefix("whsec_"))
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8099"))), Receiver).serve_forever()
