"""Pictures, served to anyone from their due time: for pages, feeds, and channels that fetch them themselves.

The address is the SHA-256 of the bytes, so that they may be kept for ever by whoever has fetched them.
"""

from __future__ import annotations

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from campaigns import pictures
from campaigns.models import PictureRow
from campaigns.wiring import Parts

_NAME = re.compile(r"([0-9a-f]{64})\.(?:jpg|png)")


class Pictures:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[BaseRoute]:
        return [Route("/bilder/{name}", self.serve)]

    def serve(self, request: Request) -> Response:
        """The picture; 404 also for one that is not yet to be seen, or not any more."""
        name = _NAME.fullmatch(request.path_params["name"])
        if name is None:
            raise HTTPException(404)
        digest, tag = name[1], f'"{name[1]}"'
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": tag}
        with self._parts.database.read() as session:
            if not pictures.is_public(session, digest, now=self._parts.clock()):
                raise HTTPException(404)
            if tag in request.headers.get("If-None-Match", ""):
                return Response(status_code=304, headers=headers)
            row = session.get_one(PictureRow, digest)
        if request.url.path != pictures.path_of(digest, row.media_type):
            raise HTTPException(404)
        return Response(row.data, media_type=row.media_type, headers=headers)
