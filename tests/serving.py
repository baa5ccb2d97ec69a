"""A place's site on a port of this machine, for browsers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.sites import Place


@contextmanager
def served(place: Place, port: int) -> Iterator[None]:
    """The place's site, as long as the block lasts."""
    server = uvicorn.Server(uvicorn.Config(place.site.application, port=port, log_level="error"))
    place.site.start()
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        place.site.stop()
