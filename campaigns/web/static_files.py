"""The stylesheets, scripts and pictures of the pages. Their addresses change with them: browsers keep them for ever."""

from __future__ import annotations

import gzip
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".webp": "image/webp"}
FOLDER = Path(__file__).parent / "static"
FILES = {
    path.relative_to(FOLDER).as_posix(): path.read_bytes()
    for path in sorted(FOLDER.rglob("*"))
    if path.suffix in _TYPES and path.is_file()
}
# Pressed once, here: pages are read on phones too. Pictures are pressed already.
PRESSED = {name: gzip.compress(data, mtime=0) for name, data in FILES.items() if not name.endswith(".webp")}


@lru_cache
def address(name: str) -> str:
    """Where `name` is fetched from."""
    return f"/static/{name}?v={sha256(FILES[name]).hexdigest()[:12]}"


def is_there(name: str) -> bool:
    """Whether there is such a file: the guide shows the pictures that there are."""
    return name in FILES


async def serve(request: Request) -> Response:
    """The file, from memory."""
    name = request.path_params["name"]
    if name not in FILES:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    is_pressed = name in PRESSED and "gzip" in request.headers.get("Accept-Encoding", "")
    if is_pressed:
        headers["Content-Encoding"] = "gzip"
    data = PRESSED[name] if is_pressed else FILES[name]
    return Response(data, media_type=_TYPES[Path(name).suffix], headers=headers)
