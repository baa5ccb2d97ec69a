"""The composition root: settings become a database, a catalog, channels. Only this and the edges know them all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Lock

from campaigns import channels, migrate
from campaigns.catalog import Catalog
from campaigns.channels.base import Channel
from campaigns.database import Database
from campaigns.errors import ConfigurationError
from campaigns.reading import load
from campaigns.sending import reports
from campaigns.sending.attempts import Means
from campaigns.sending.delivery import Sender
from campaigns.settings import Settings, read_settings

logger = logging.getLogger(__name__)


def wall_clock() -> datetime:
    """The real time, aware UTC. The only place that asks for it."""
    return datetime.now(UTC)


class Configuration:
    """The catalog in use. Changed files are read again; when one is broken the last good catalog stays."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = Lock()
        self._signature = self._sign()
        self._catalog = load(directory, channel_kinds=channels.KINDS)
        self.problems: tuple[str, ...] = ()

    @property
    def catalog(self) -> Catalog:
        return self._catalog

    def reread(self) -> bool:
        """Read the files again if any has changed. Returns whether the catalog is a new one."""
        with self._lock:
            signature = self._sign()
            if signature == self._signature:
                return False
            self._signature = signature
            try:
                self._catalog = load(self.directory, channel_kinds=channels.KINDS)
            except ConfigurationError as error:
                self.problems = tuple(str(problem) for problem in error.problems)
                logger.error(
                    "Inställningarna har fel; de förra gäller tills de är rättade:\n%s",
                    error.message,
                    extra={"action": "configuration_broken"},
                )
                return False
            self.problems = ()
            return True

    def _sign(self) -> tuple[tuple[str, int, int], ...]:
        found = []
        for path in sorted(self.directory.rglob("*.toml")):
            try:
                state = path.stat()
            except OSError:
                continue
            found.append((str(path), state.st_mtime_ns, state.st_size))
        return tuple(found)


@dataclass(frozen=True)
class Parts:
    """Everything that the edges (web, scheduler, command line) hand to the use cases."""

    settings: Settings
    database: Database
    configuration: Configuration
    channels: Mapping[str, Channel]
    clock: Callable[[], datetime]
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)  # full of secrets

    @property
    def catalog(self) -> Catalog:
        return self.configuration.catalog

    @property
    def messages(self) -> Path:
        return self.settings.messages_dir

    @cached_property
    def secret_key(self) -> bytes:
        """What secret addresses are made with; the same in every process on this database."""
        return reports.secret_key(self.database, self.settings.secret_key)

    def sender(self) -> Sender:
        return Sender(
            Means(self.database, self.channels, self.settings.base_url, self.clock, report_url=self._report_url),
            newest=lambda: self.catalog,
        )

    def _report_url(self, delivery_id: int) -> str:
        # Nobody outside can reach an address without https.
        base = self.settings.base_url
        return f"{base}{reports.report_path(self.secret_key, delivery_id)}" if base.startswith("https://") else ""


def open_parts(
    environ: Mapping[str, str],
    *,
    clock: Callable[[], datetime] = wall_clock,
    database: Database | None = None,
) -> Parts:
    """Open everything that `environ` points to and bring the database up to date.

    Raises ConfigurationError with every problem in the environment or the configuration, DatabaseError if the database
    cannot be used.
    """
    settings = read_settings(environ)
    configuration = Configuration(settings.config_dir)
    if database is None:
        database = Database(settings.database_url, secret_key=settings.secret_key)
        migrate.upgrade(database)
    if settings.engine == "procrastinate":
        from campaigns import drain_jobs

        drain_jobs.prepare(database)
        database.waker = drain_jobs.defer
    made = channels.build(channels.Environment(environ=environ))
    return Parts(settings, database, configuration, made, clock, environ)
