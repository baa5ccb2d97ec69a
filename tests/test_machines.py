"""Many machines on one PostgreSQL: workers are killed and stopped, the database is restarted, none goes twice."""

from __future__ import annotations

import http.client
import random
import signal
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from campaigns.database import Database
from campaigns.sending.due import BATCH
from tests import machines
from tests.machines import Machines, Sink

pytestmark = pytest.mark.servers

TOWNS = {f"kommun-{number}": "webhook" for number in range(20)}
EACH = 250
COUNT = len(TOWNS) * EACH
# What one worker may hold when it dies: a batch of each account.
HELD = len(TOWNS) * BATCH  # at most


class Readers:
    """People who read from each web process all the while, and count what they get."""

    def __init__(self, ports: list[int]) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=[port]) for port in ports]
        for thread in self._threads:
            thread.start()

    def _read(self, port: int) -> None:
        town = next(iter(TOWNS))
        while not self._is_over.wait(0.2):
            for name, path in (("feed", f"/feeds/{town}/riskdatum-{town}.ics"), ("page", f"/sida/{town}")):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                try:
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    answer.read()
                    self.answers[name, answer.status] += 1
                except OSError:
                    self.answers[name, 0] += 1
                finally:
                    connection.close()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.parametrize("engine", ["embedded", "procrastinate"])
def test_each_of_five_thousand_goes_once_whoever_is_killed_or_stopped(engine: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(machines.postgresql())
        sink = Sink(seconds=0.03)
        stack.callback(sink.stop)
        config = machines.configured(tmp_path, TOWNS, f"http://127.0.0.1:{sink.port}")
        site = Machines(tmp_path, machines.environment(tmp_path, config, server.url, engine))
        stack.callback(site.stop)
        workers = [site.start("worker") for _ in range(3)]
        database = Database(server.url)
        stack.callback(database.close)
        assert machines.until(lambda: machines.planned(database, len(TOWNS)), seconds=240), site.words()
        ports = [machines.own_port() for _ in range(2)]
        for own in ports:
            site.start("web", environ=own)
        numbers = [int(own["KAMPANJHJUL_PORT"]) for own in ports]
        assert machines.until(lambda: all(machines.answers(port) for port in numbers), seconds=120)
        readers = Readers(numbers)
        stack.callback(readers.stop)
        machines.fill(database, TOWNS, EACH)

        chance = random.Random(f"2027 {engine}")
        deaths, stops, began = 0, 0, time.monotonic()
        is_restarted = False
        while time.monotonic() - began < 25:
            time.sleep(chance.uniform(1.0, 2.5))
            place = chance.randrange(3)
            assert workers[place].poll() is None, site.words()
            if chance.random() < 0.5:
                workers[place].send_signal(signal.SIGKILL)
                workers[place].wait()
                workers[place] = site.start("worker")
                deaths += 1
            else:
                workers[place].send_signal(signal.SIGSTOP)
                # Past its lease, which is nine of our seconds, or not.
                pause = chance.choice((1.0, 12.0))
                threading.Timer(pause, workers[place].send_signal, [signal.SIGCONT]).start()
                stops += 1
            if not is_restarted and time.monotonic() - began > 8:
                server.restart()
                is_restarted = True
        finished = machines.until(lambda: machines.states(database) == {"handed_over": COUNT}, seconds=300)

        assert finished, f"{machines.states(database)}\n{site.words()[-4000:]}"
        assert is_restarted
        assert deaths >= 3
        assert stops >= 3
        time.sleep(1)  # what a stopped one still had under way
        readers.stop()
        assert len(sink.calls) == COUNT
        assert all(len(ids) == 1 for ids in sink.ids.values())  # every repeat under the key that it drops doubles by
        assert sum(sink.calls.values()) - COUNT <= (deaths + stops + 3) * HELD  # dropped by the sink
        with database.read() as session:
            for table in ("reminder", "post", "feed_event", "occurrence", "delivery"):
                assert _doubles(session, table) == 0, table
            plannings = "SELECT municipality, count(*) FROM audit WHERE action = 'planerade' GROUP BY municipality"
            planned = {row[0]: row[1] for row in session.execute(text(plannings))}
        assert planned == dict.fromkeys(TOWNS, 1)
        # Feeds never ask the database; pages say that it is away while it is. On a machine that is busy with other
        # things a few may get no answer in time.
        asked = {kind: sum(n for (name, _), n in readers.answers.items() if name == kind) for kind in ("feed", "page")}
        assert {status for (name, status) in readers.answers if name == "feed"} <= {0, 200}, readers.answers
        assert readers.answers["feed", 200] > 0.98 * asked["feed"]
        assert readers.answers["page", 200] > 0.8 * asked["page"]


def _doubles(session: object, table: str) -> int:
    key = {"feed_event": "uid || calendar", "occurrence": "key"}.get(table, "key")
    found = session.execute(text(f"SELECT count(*) - count(DISTINCT {key}) FROM {table}"))  # type: ignore[attr-defined]
    return int(found.scalar() or 0)
