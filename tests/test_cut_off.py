"""A worker that is stopped past its lease, or cut off from the database, while it holds deliveries: it does no harm."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from campaigns.database import Database
from campaigns.sending.leases import LEASE
from tests import machines
from tests.bench.processes import program
from tests.machines import SPEED, Machines, Sink

pytestmark = pytest.mark.servers

# One that drops what it has had before, and one that does not.
TOWNS = {"aby": "webhook", "aneby": "teams"}
EACH = 60
SLOW = 0.4  # seconds that the receivers take, so that much is under way
TO_DATABASE, OUT = "10.77.1", "10.77.2"


def _ip(*words: str) -> None:
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    subprocess.run([*sudo, program("ip", package="iproute2"), *words], check=True)


@contextmanager
def namespace() -> Iterator[str]:
    """A network of its own with two wires to this one: to the database, and to the channels."""
    name = f"kh{os.getpid()}"
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        for wire, network in ((f"d{name}", TO_DATABASE), (f"o{name}", OUT)):
            _ip("link", "add", wire, "type", "veth", "peer", "name", "far", "netns", name)
            _ip("addr", "add", f"{network}.1/24", "dev", wire)
            _ip("link", "set", wire, "up")
            _ip("-n", name, "link", "set", "far", "name", f"x{wire}")
            _ip("-n", name, "addr", "add", f"{network}.2/24", "dev", f"x{wire}")
            _ip("-n", name, "link", "set", f"x{wire}", "up")
        yield name
    finally:
        with suppress(subprocess.CalledProcessError):
            for wire in (f"d{name}", f"o{name}"):
                _ip("link", "delete", wire)
        _ip("netns", "delete", name)


@pytest.mark.parametrize(
    ("how", "engine"), [("stopped", "procrastinate"), ("cut off", "procrastinate"), ("cut off", "embedded")]
)
def test_what_it_held_is_taken_over_and_nothing_goes_twice(how: str, engine: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(machines.postgresql())
        sink = Sink(seconds=SLOW, address="0.0.0.0")
        stack.callback(sink.stop)
        address, prefix, url = "127.0.0.1", [], server.url
        if how == "cut off":
            name = stack.enter_context(namespace())
            address, url = f"{OUT}.1", server.url.replace("127.0.0.1", f"{TO_DATABASE}.1")
            prefix = ([] if os.geteuid() == 0 else ["sudo", "-n", "-E"]) + ["ip", "netns", "exec", name]
        config = machines.configured(tmp_path, TOWNS, f"http://{address}:{sink.port}")
        environ = machines.environment(tmp_path, config, server.url, engine, sink=f"http://{address}:{sink.port}")
        site = Machines(tmp_path, environ)
        stack.callback(site.stop)
        database = Database(server.url)
        stack.callback(database.close)
        holder = site.start("worker", prefix=prefix, environ={"KAMPANJHJUL_DATABASE_URL": url})
        assert machines.until(lambda: machines.planned(database, len(TOWNS)), seconds=240), site.words()
        machines.fill(database, TOWNS, EACH)
        at_work = machines.until(lambda: machines.states(database).get("handed_over", 0) >= 4, seconds=20)
        assert at_work, site.words()
        assert machines.until(lambda: machines.states(database).get("sending", 0) >= 10, seconds=60), site.words()

        def stop() -> None:
            if how == "stopped":
                holder.send_signal(signal.SIGSTOP)
            else:
                _ip("link", "set", f"d{name}", "down")

        def go_on() -> None:
            if how == "stopped":
                holder.send_signal(signal.SIGCONT)
            else:
                _ip("link", "set", f"d{name}", "up")

        stop()
        held = _held(database)
        began = time.monotonic()
        other = site.start("worker")
        assert held
        assert machines.until(lambda: not held & _held(database), seconds=60), site.words()
        took = time.monotonic() - began
        go_on()
        done = machines.until(lambda: machines.states(database).keys() <= {"handed_over", "unknown"}, seconds=60)
        assert done, f"{machines.states(database)}\n{site.words()}"
        time.sleep(2)  # what the first still had under way
        assert (holder.poll(), other.poll()) == (None, None), site.words()

        # A minute of theirs, and the start of the other; a transaction that was stopped half-way costs eight seconds.
        assert took <= 60 / SPEED + 20
        assert LEASE.total_seconds() < 60
        rows = _rows(database)
        assert len(rows) == len(TOWNS) * EACH
        for number, kind, state, maybe_sent, reason in rows:
            seen, ids = sink.calls[number], sink.ids[number]
            where = f"{kind} {number}: {state} {reason} seen {seen}"
            if kind == "teams":
                assert seen <= 1, where
                assert state == ("handed_over" if seen and not maybe_sent else "unknown"), where
            else:
                assert state == "handed_over", where
                assert seen >= 1, where
                assert len(ids) == 1, where  # every repeat under the key that the receiver drops doubles by
        assert any(state == "unknown" for _, _, state, _, _ in rows)  # it did hold some


def _held(database: Database) -> set[tuple[int, int]]:
    """What is under way, with the tokens."""
    with database.read() as session:
        found = session.execute(text("SELECT id, token FROM delivery WHERE id >= 1000000 AND state = 'sending'"))
        return {(row[0], row[1]) for row in found}


def _rows(database: Database) -> list[tuple[int, str, str, bool, str]]:
    with database.read() as session:
        found = session.execute(
            text("SELECT post_id, kind, state, maybe_sent, reason FROM delivery WHERE id >= 1000000 ORDER BY id")
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in found]
