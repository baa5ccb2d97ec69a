"""The line to a receiver: to the very addresses that were checked, with TLS, and cut when the time is up."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from threading import Condition, Thread
from typing import Any

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
        self._wires: list[socket.socket] = []

    def watch(self, wire: socket.socket) -> None:
        # A duplicate: TLS takes the socket over, and the connection closes it when it likes.
        wire = wire.dup()
        self._wires.append(wire)
        _WATCHMAN.watch(wire, seconds=self.longest)

    def close(self) -> None:
        for wire in self._wires:
            _WATCHMAN.forget(wire)
            wire.close()


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


class _PinnedTLS(_Pinned, HTTPSConnection):
    """The same over TLS."""


class _Adapter(HTTPAdapter):
    line: Line

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave the checking to the context, which requires a certificate; this would read the authorities anew."""

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        kind = _PinnedTLS if pool.scheme == "https" else _Pinned

        def connection(**settings: Any) -> _Pinned:
            made = kind(**settings)
            made.line = self.line
            return made

        pool.ConnectionCls = connection
        return pool


@contextmanager
def adapter_on(line: Line, trust: ssl.SSLContext) -> Iterator[HTTPAdapter]:
    adapter = _Adapter(max_retries=0)
    adapter.line = line
    adapter.init_poolmanager(1, 1, ssl_context=trust)
    try:
        yield adapter
    finally:
        adapter.close()
        line.close()
