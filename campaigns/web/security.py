"""What the browser is told and what is refused before any page sees it. Plain ASGI: no cost for what streams past."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from campaigns.sending import reports

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# Authorised by bearer token and never by anything that a browser sends along by itself.
API_PREFIX = "/api/"
# What may stand in a frame on another site: players of info screens often have one, and the page that is made for it.
# Neither has anything to press but links to read by.
_FRAMED = re.compile(r"/skarm/.*|/sida/[^/]+/(uppfoljning/)?inbaddad")
# What only those who are signed in, or have a personal address, may see. A copy that the browser keeps would be shown
# by its Back button to whoever sits down there after them.
_PRIVATE = re.compile(r"/(kommun|drift|signera|valkommen|mina-kommuner|logga-ut)(/.*)?")

_POLICY = (
    "default-src 'self'; base-uri 'none'; connect-src 'self'; form-action 'self'; object-src 'none'; "
    "script-src 'self'; style-src 'self'; frame-ancestors "
)


class SecurityHeaders:
    """Adds the headers that keep a page to its own origin: no inline script or style, no frames, no foreign hosts.

    What is private is kept by no browser and no proxy.
    """

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self._app = app
        self._headers = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        }
        if is_https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_framed = _FRAMED.fullmatch(scope["path"]) is not None
        is_private = _PRIVATE.fullmatch(scope["path"]) is not None

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = _POLICY + ("*" if is_framed else "'none'")
                for name, value in self._headers.items():
                    headers[name] = value
                if is_private:
                    headers["Cache-Control"] = "private, no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class SameOriginOnly:
    """Refuses acts that another site makes a visitor's browser do (cross-site request forgery).

    Sec-Fetch-Site decides; a browser without it must send an Origin that is this host (OWASP CSRF cheat sheet).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_allowed(scope):
            refusal = PlainTextResponse(
                "Anropet kom från en annan webbplats och utfördes inte. Öppna sidan här och försök igen.", 403
            )
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_allowed(scope: Scope) -> bool:
    # A report is authorised by the secret in its address.
    if scope["method"] in _SAFE_METHODS or scope["path"].startswith((API_PREFIX, reports.PREFIX)):
        return True
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    host = headers.get("host", "")
    return bool(host) and urlsplit(headers.get("origin", "")).netloc == host
