"""The stylesheet and the script: addresses that change with the content, so that browsers may keep them for ever."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOLDER = Path(__file__).parent / "static"
FILES = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.is_file()}


@lru_cache
def address(name: str) -> str:
    """Where `name` is fetched from."""
    return f"/static/{name}?v={sha256(FILES[name]).hexdigest()[:12]}"


async def serve(request: Request) -> Response:
    """The file, from memory."""
    name = request.path_params["name"]
    if name not in FILES:
        raise HTTPException(404)
    return Response(
        FILES[name],
        media_type=_TYPES[Path(name).suffix],
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )
