"""A day like no other, on one machine: all deliveries of the country due in the same second, and all its subscribers.

Five million subscribers ask every other hour, five times as many as that at most: each with a new TLS connection to
nginx, most of them for a calendar that has not changed. Meanwhile two workers send, to receivers that take their time.
Everything shares the machine's cores, also wrk and the receivers, which elsewhere have machines of their own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import timedelta

from campaigns.database import Database
from tests.bench.country import TOWNS, Country, feed, rest
from tests.bench.due_at_once import COUNT, SINK_MS, WORKERS, sent_within, sink
from tests.bench.measuring import Row, at_least, at_most
from tests.bench.processes import fetched, program
from tests.bench.wrk import Contestant, load
from tests.fronts import nginx

SUBSCRIBERS, POLL, PEAK = 5_000_000, timedelta(hours=2), 5
WANTED = SUBSCRIBERS / POLL.total_seconds() * PEAK  # a second
PAUSE = 100  # milliseconds between the questions of one connection
LEAD, LASTS = 8, 20  # seconds before they are due, and altogether


def run(country: Country) -> Iterable[Row]:
    program("wrk", package="wrk")
    url = country.copied("day")
    environ = country.environ(url, "procrastinate")
    with ExitStack() as stack:
        stack.enter_context(sink(country))
        database = Database(url)
        stack.callback(database.close)
        workers = [stack.enter_context(country.worker(environ, f"day-{number}")) for number in range(WORKERS)]
        web, port = stack.enter_context(country.web(environ, "day-web"))
        before = country.folder / "day"
        before.mkdir()
        front = stack.enter_context(nginx(before, [port])).tls
        time.sleep(3)
        rest(*workers, web)
        many = [(feed(town), {"If-None-Match": fetched(port, feed(town))[1]["etag"]}) for town in TOWNS]
        polls = Contestant("nginx", front, many=many, is_tls=True, is_closing=True)
        polling = threading.Thread(target=_poll, args=[polls])
        polling.start()
        took = sent_within(database, lead=LEAD)
        polling.join()
    yield at_most(
        f"Sverige kl. 09.00: {COUNT} leveranser, {WORKERS} arbetare, mottagare på {SINK_MS} ms, alla frågar samtidigt",
        took,
        limit=10,
        unit="s",
    )
    yield at_least(
        f"  {SUBSCRIBERS // 1_000_000} miljoner prenumeranters frågor, nya TLS-anslutningar",
        f"{polls.rate:.0f}/s av {WANTED:.0f}/s",
        ratio=polls.rate / WANTED,
        limit=1.0,
        of="behovet",
        per_second=polls.rate,
    )
    yield at_most("  svaren på dem, p99 (utan handskakningen)", polls.p99, limit=50, unit="ms")


def _poll(polls: Contestant) -> None:
    """As often as they are expected to ask, if they are answered at once."""
    load(polls, connections=round(WANTED * PAUSE / 1000), seconds=LASTS, pause=PAUSE, core=None)
