"""The public feeds as files too, for a web server that hands them out by itself: nothing of ours runs when they are
read.

The files lie as the addresses do: `feeds/aneby/riskdatum-aneby.ics`, and the same compressed with `.gz` after it. A
file's time is the feed's Last-Modified, in whole seconds, and rises with every change, since nginx makes its ETag of
the time and the length. Any number of processes may write to one folder: what already stands there is left.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from campaigns.catalog import Catalog
from campaigns.web.feedanswers import Resource
from campaigns.web.feedsnapshots import Snapshot
from campaigns.web.feedstore import Static

logger = logging.getLogger(__name__)

READABLE, OPEN = 0o644, 0o755  # file and folder: the web server is another user


class FeedFiles:
    """Writes to `folder` what has changed since last time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: dict[str, Resource] = {}
        self._is_failing = False

    def write(self, routes: Mapping[str, Snapshot | Static], catalog: Catalog) -> None:
        """Bring the files up to date with what is served. Never raises: what cannot be written is tried next time.

        Files of a municipality that is no longer in the catalog are taken away.
        """
        try:
            for path, found in routes.items():
                if self._written.get(path) is not found.resource:
                    self._write(self._folder.joinpath(*path.strip("/").split("/")), found.resource)
                    self._written[path] = found.resource
            for folder in self._folder.glob("feeds/*/"):
                if folder.name not in catalog.municipalities:
                    shutil.rmtree(folder)
        except OSError as error:
            if not self._is_failing:
                logger.error(
                    "Kalendrarna kunde inte skrivas som filer i %s: %s. De förra ligger kvar.",
                    self._folder,
                    error.strerror or error,
                    extra={"action": "feed_files_failed"},
                )
            self._is_failing = True
        else:
            self._is_failing = False

    def _write(self, plain: Path, resource: Resource) -> None:
        at = _time_for(plain, resource)
        forms = {plain: resource.body}
        if resource.is_gzip_on:
            forms = {_zipped(plain): resource.zipped.body, **forms}
        _make_readable(plain.parent)
        for file, body in forms.items():
            if _bytes_of(file) != body:
                _replace(file, body, at)


def _zipped(file: Path) -> Path:
    return file.with_name(f"{file.name}.gz")


def _time_for(file: Path, resource: Resource) -> int:
    """Unix seconds. Later than that of the file which it takes the place of, even within the same second."""
    at = int(resource.last_modified.timestamp())
    with suppress(FileNotFoundError):
        at = max(at, int(file.stat().st_mtime) + 1)
    return at


def _bytes_of(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _make_readable(folder: Path) -> None:
    """Make the folder and those above it, open to the web server whatever our own umask is."""
    if not folder.is_dir():
        _make_readable(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(OPEN)


def _replace(file: Path, body: bytes, at: int) -> None:
    """A reader gets the old file or the new, never half of one."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_bytes(body)
        draft.chmod(READABLE)
        os.utime(draft, (at, at))
        draft.replace(file)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
