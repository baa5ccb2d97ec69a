"""The job that all of them do: one byte more in a file, so that several processes can be counted together."""

from __future__ import annotations

import os

from tests.bench.contestants import JOBS, NAME_OF_TICKS

_FILE = os.open(os.environ[NAME_OF_TICKS], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


__all__ = ["JOBS", "tick", "ticks"]


def tick() -> None:
    os.write(_FILE, b".")


def ticks() -> int:
    return os.fstat(_FILE).st_size
