"""The line to a receiver: to the very addresses that were checked, with TLS, and cut when the time is up."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from functools import lru_cache
from threading import Condition, Thread
from typing import Any, Self

from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from campaigns.channels.base import NotSentError


@lru_cache(maxsize=256)
def trusting(ca_file: str | None, _thread: int) -> ssl.SSLContext:
    """Whom to trust, kept since it takes 26 ms to read. One for each thread: urllib3 writes to it while connecting."""
    try:
        return ssl.create_default_context(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH)
    except OSError as error:
        raise NotSentError(
            f"Filen {ca_file} med betrodda certifikat går inte att läsa. Rätta REQUESTS_CA_BUNDLE.",
            is_permanent=False,
            stops_channel=True,
        ) from error


class Line:
    """One connection: which addresses it may go to, whether it came to stand, and its end when the time is up.

    A read timeout starts anew with every byte; an answer that drips would hold a sending thread for hours.
    """

    def __init__(self, addresses: tuple[str, ...], longest: float) -> None:
        self.addresses = addresses
        self.longest = longest
        self.is_connected = False
        self._wire: socket.socket | None = None

    def watch(self, wire: socket.socket) -> None:
        """From now on it is cut when its time is up."""
        self.close()
        # A duplicate: TLS takes the socket over, and the connection closes it when it likes.
        self._wire = wire.dup()
        _WATCHMAN.watch(self._wire, seconds=self.longest)

    def begin(self) -> None:
        """Another call on a line that was kept: its time begins anew."""
        self.is_connected = False
        if self._wire is not None:
            _WATCHMAN.watch(self._wire, seconds=self.longest)

    def rest(self) -> None:
        """Nothing is waited for."""
        if self._wire is not None:
            _WATCHMAN.forget(self._wire)

    def close(self) -> None:
        if self._wire is not None:
            _WATCHMAN.forget(self._wire)
            self._wire.close()
            self._wire = None


class _Watchman:
    """One thread that cuts every line whose time is up, within a quarter of a second; a thread for each costs more."""

    LOOKS_EVERY = 0.25  # seconds

    def __init__(self) -> None:
        self._ends: dict[socket.socket, float] = {}
        self._changed = Condition()
        self._thread: Thread | None = None

    def watch(self, wire: socket.socket, *, seconds: float) -> None:
        with self._changed:
            self._ends[wire] = time.monotonic() + seconds
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="lines", daemon=True)
                self._thread.start()
            elif len(self._ends) == 1:
                self._changed.notify()

    def forget(self, wire: socket.socket) -> None:
        # Under the lock: when this returns, nobody will touch the socket any more.
        with self._changed:
            self._ends.pop(wire, None)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._ends:
                    self._changed.wait()
                now = time.monotonic()
                for wire in [wire for wire, end in self._ends.items() if end <= now]:
                    del self._ends[wire]
                    with suppress(OSError):  # closed by the other end already
                        wire.shutdown(socket.SHUT_RDWR)
            time.sleep(self.LOOKS_EVERY)


_WATCHMAN = _Watchman()


class _Pinned(HTTPConnection):
    """Connects to the addresses that were checked, whatever the name says by then. Host and TLS see the name."""

    line: Line

    def _new_conn(self) -> socket.socket:
        name = self.host
        failure: Exception | None = None
        for address in self.line.addresses:
            self.host = address
            try:
                wire = super()._new_conn()
            except (NewConnectionError, ConnectTimeoutError) as error:
                failure = error
            else:
                self.line.watch(wire)
                return wire
            finally:
                self.host = name
        assert failure is not None, "there is always an address"
        raise failure

    def connect(self) -> None:
        super().connect()
        self.line.is_connected = True

    def request(self, *args: Any, **options: Any) -> None:
        # A line that was kept stands already: what breaks from here on may have arrived.
        self.line.is_connected = self.sock is not None
        super().request(*args, **options)


class _PinnedTLS(_Pinned, HTTPSConnection):
    """The same over TLS."""


class Adapter(HTTPAdapter):
    """Sends over one line. `trust` is for TLS, where there is any."""

    def __init__(self, line: Line, trust: ssl.SSLContext | None) -> None:
        super().__init__(1, 1, max_retries=0)
        self.line = line
        self._pool: Any = None
        if trust is not None:
            self.init_poolmanager(1, 1, ssl_context=trust)

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave the checking to the context, which requires a certificate; this would read the authorities anew."""

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        if self._pool is None:  # one line leads to one place: it need not be looked up for each call
            self._pool = self._pinned(super().get_connection_with_tls_context(*args, **options))
        return self._pool

    def _pinned(self, pool: Any) -> Any:
        kind = _PinnedTLS if pool.scheme == "https" else _Pinned

        def connection(**settings: Any) -> _Pinned:
            made = kind(**settings)
            made.line = self.line
            return made

        pool.ConnectionCls = connection
        return pool

    def close(self) -> None:
        super().close()
        self.line.close()


Place = tuple[str, str, int, bool]  # scheme, host, port, and whether it may be a private address


class Lines:
    """The lines of one batch of calls: one that has just answered is used again for the next call to the same place.

    For calls that may be repeated, and for no others: what breaks on a kept line may or may not have arrived.
    """

    KEPT_FOR = 1.0  # seconds since it answered: far less than receivers wait before they hang up

    def __init__(self) -> None:
        self._kept: tuple[Place, Adapter, float] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._kept is not None:
            self._kept[1].close()
            self._kept = None

    def taken(self, place: Place) -> Adapter | None:
        """The line to `place` that was kept, if it was lately. It is looked at once more before anything is sent."""
        if self._kept is None:
            return None
        kept, adapter, since = self._kept
        self._kept = None
        if kept == place and time.monotonic() - since < self.KEPT_FOR:
            adapter.line.begin()
            return adapter
        adapter.close()
        return None

    def keep(self, place: Place, adapter: Adapter) -> None:
        adapter.line.rest()
        self._kept = place, adapter, time.monotonic()
