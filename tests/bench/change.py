"""From a change to its new bytes over HTTP, in `serve`: dates confirmed, and posts approved, through the API.

The time runs from when the request is sent, so it holds the API's own work too, until the first poll of the calendar
that brings another ETag has been answered.
"""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from campaigns import approval, feed_tokens
from campaigns.errors import RefusedError
from campaigns.facts import confirm_fact
from campaigns.models import Post, PostState
from campaigns.tokens import create_api_token
from campaigns.wiring import Parts, open_parts
from tests.bench.measuring import Row, at_most, percentile, spread
from tests.bench.processes import LOOPBACK, free_port, kampanjhjul, running, settings, wait_for
from tests.bench.worlds import FEED, published

EACH = 60
POLL_EVERY = 0.004
WITHIN = 10.0


@dataclass(frozen=True)
class Change:
    """A request that changes what the calendar at `feed` shows."""

    method: str
    path: str
    body: Mapping[str, Any]
    feed: str


def run(folder: Path) -> Iterable[Row]:
    port = free_port()
    environ = settings(folder / "data", port)
    parts = open_parts(environ)
    published(parts)
    token, secret, post_ids = _prepared(parts)
    parts.database.close()
    private = f"/feeds/private/{secret}/redaktion-aneby.ics"
    with running(kampanjhjul("serve"), log=folder / "serve.log", environ=environ) as process:
        wait_for(port, private, process)
        time.sleep(2)  # the first round of every job is no part of this
        dates = [_until_served(port, token, change) for change in _dates()]
        approvals = [_until_served(port, token, change) for change in _approvals(post_ids, private)]
    every = [*dates, *approvals]
    yield at_most(f"Ändring till nya byte över HTTP, p99 av {len(every)}", percentile(every, 99), limit=100, unit="ms")
    yield Row("  datum bekräftade, det offentliga flödet", f"{spread(dates)} ms")
    yield Row("  budskap godkända, redaktionens flöde", f"{spread(approvals)} ms")


def _prepared(parts: Parts) -> tuple[str, str, list[int]]:
    """A token for the police, the editorial calendar's secret, and posts that only wait for the police."""
    now = parts.clock()
    aneby = parts.catalog.municipality("aneby")
    ahead = (
        select(Post)
        .where(Post.municipality == aneby.id, Post.state == PostState.DRAFT, Post.due_at > now + timedelta(days=2))
        .where(col(Post.is_preliminary).is_(False), col(Post.merged_into).is_(None))
        .order_by(col(Post.due_at))
    )
    signed: list[int] = []
    with parts.database.write() as session:
        for fact_id in parts.catalog.facts:
            until = now.date() + timedelta(days=700)
            confirm_fact(session, parts.catalog, fact_id, name="Mätning", valid_until=until, now=now)
        for post in session.exec(ahead).all():
            if len(signed) == EACH:
                break
            assert post.id is not None
            try:
                approval.approve(
                    session, parts.catalog, parts.messages, post.id, party="kommun", name="Kim Kommun", now=now
                )
            except RefusedError:
                continue
            signed.append(post.id)
        token = create_api_token(session, municipality=aneby, party="polis", name="Pia Polis", now=now)
        secret = feed_tokens.create_feed_token(session, municipality=aneby.id, name="Mätning", now=now)
    return token, secret, signed


def _dates() -> Iterator[Change]:
    """Confirmations, each of another day than that school had."""
    year = date.today().year + 1  # noqa: DTZ011 - which day does not matter
    schools = ("holaveden", "eksjo", "nassjo", "vetlanda", "jonkoping")
    for number in range(EACH):
        day = date(year, 6, 1) + timedelta(days=number // len(schools))
        body = {"place": schools[number % len(schools)], "day": day.isoformat(), "confirmed": True}
        yield Change("PUT", f"/api/v1/dates/aneby/student/{year}", body, FEED)


def _approvals(post_ids: Iterable[int], private: str) -> Iterator[Change]:
    for post_id in post_ids:
        yield Change("POST", f"/api/v1/posts/{post_id}/approve", {}, private)


def _until_served(port: int, token: str, change: Change) -> float:
    """Milliseconds from sending `change` until the calendar comes with another ETag."""
    time.sleep(random.uniform(0.03, 0.15))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with (
        closing(http.client.HTTPConnection(LOOPBACK, port, timeout=WITHIN)) as asking,
        closing(http.client.HTTPConnection(LOOPBACK, port, timeout=WITHIN)) as polling,
        ThreadPoolExecutor(1) as pool,
    ):
        body = dict(change.body)
        if change.path.endswith("/approve"):
            body["digest"] = json.loads(_ask(asking, "GET", change.path.removesuffix("/approve"), headers))["digest"]
        asking.connect()
        before = _tag(polling, change.feed)
        began = time.perf_counter()
        answered = pool.submit(_ask, asking, change.method, change.path, headers, json.dumps(body))
        while _tag(polling, change.feed) == before:
            if time.perf_counter() - began > WITHIN:
                answered.result()
                raise TimeoutError(f"{change.path} syntes aldrig i {change.feed}")
            time.sleep(POLL_EVERY)
        took = time.perf_counter() - began
        answered.result()
    return 1000 * took


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, headers: Mapping[str, str], body: str | None = None
) -> bytes:
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, f"{method} {path}: {answer.status} {content[:300]!r}"
    return content


def _tag(connection: http.client.HTTPConnection, path: str) -> str:
    connection.request("HEAD", path)
    answer = connection.getresponse()
    answer.read()
    return answer.headers["ETag"]
