"""The municipalities' colours and logos, at addresses that change with them, so that browsers may keep them."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from campaigns import look
from campaigns.wiring import Parts

_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
# Asked for without the hash in the address, as by somebody who is curious, it may be another next time.
_EACH_TIME = {"Cache-Control": "no-cache"}


class Looks:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/utseende/{municipality}.css", self.stylesheet),
            Route("/utseende/{municipality}/{digest}.{ending}", self.logo),
        ]

    def stylesheet(self, request: Request) -> Response:
        """The colours of a municipality that has chosen some."""
        with self._parts.database.read() as session:
            found = look.look_of(session, request.path_params["municipality"])
        if found is None:
            raise HTTPException(404)
        is_this = found.path == f"{request.url.path}?{request.url.query}"
        return Response(look.stylesheet(found), media_type="text/css", headers=_FOR_EVER if is_this else _EACH_TIME)

    def logo(self, request: Request) -> Response:
        """The logo that the municipality shows now; 404 for one that it has stopped showing."""
        with self._parts.database.read() as session:
            found = look.look_of(session, request.path_params["municipality"])
            if found is None or found.logo_path != request.url.path:
                raise HTTPException(404)
            data, media_type = look.logo_bytes(session, found)
        return Response(data, media_type=media_type, headers=_FOR_EVER)
