"""Two web processes on one PostgreSQL: what one is told the other knows, and feeds stand behind nginx."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlmodel import col, select

from campaigns.local_dates import set_local_date
from campaigns.models import Delivery
from campaigns.people import links, throttle
from campaigns.publishing import refresh_stale
from campaigns.wiring import Parts, open_parts
from scheduler import jobs
from tests import machines
from tests.conftest import TEMPLATES
from tests.fronts import Web, nginx
from tests.machines import Machines

pytestmark = pytest.mark.servers

FEED = "/feeds/aneby/riskdatum-aneby.ics"
EMAIL, PASSWORD = "anna.andersson@aneby.se", "fyra ord i rad"
FRESH_WITHIN = 2.0  # seconds


@dataclass
class Site:
    parts: Parts
    webs: tuple[Web, Web]
    folder: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Two web processes and no worker; what a worker would do the test does itself."""
    folder = tmp_path_factory.mktemp("webs")
    with machines.postgresql() as server:
        config = machines.configured(folder, {"aneby": "webhook"}, "http://127.0.0.1:9")
        environ = machines.environment(folder, config, server.url, "procrastinate")
        processes = Machines(folder, environ)
        clock = partial(machines.clock, processes.began)
        parts = open_parts({**environ, "KAMPANJHJUL_TEMPLATES_DIR": str(TEMPLATES)}, clock=clock)
        jobs.materialise(jobs.Work(parts, parts.sender(), "test"), now=clock())
        refresh_stale(parts.database, parts.catalog, now=clock(), base_url=parts.settings.base_url)
        own = [machines.own_port() for _ in range(2)]
        ports = [int(item["KAMPANJHJUL_PORT"]) for item in own]
        try:
            for item in own:
                processes.start("web", environ=item)
            is_up = machines.until(lambda: all(machines.answers(port) for port in ports), seconds=120)
            assert is_up, processes.words()
            yield Site(parts, (Web(ports[0]), Web(ports[1])), folder)
        finally:
            processes.stop()
            parts.database.close()


def seconds_until(web: Web, path: str, sign: bytes) -> float:
    began = time.monotonic()
    while sign not in web.get(path).body:
        assert time.monotonic() - began < 20, f"{path} never showed {sign!r}"
        time.sleep(0.02)
    return time.monotonic() - began


def set_date(site: Site, day: str) -> bytes:
    """As a person and a worker elsewhere would. Returns what the calendar then says: the risk begins the day before."""
    parts = site.parts
    with parts.database.write() as session:
        set_local_date(
            session,
            parts.catalog,
            parts.messages,
            parts.catalog.municipality("aneby"),
            risk_date="student",
            place="holaveden",
            day=date.fromisoformat(day),
            is_confirmed=True,
            name="Sam Samordnare",
            now=parts.clock(),
        )
    refresh_stale(parts.database, parts.catalog, now=parts.clock(), base_url=parts.settings.base_url)
    return f"DTSTART;VALUE=DATE:{date.fromisoformat(day) - timedelta(days=1):%Y%m%d}".encode()


def test_a_change_made_elsewhere_is_in_every_process_within_two_seconds(site: Site) -> None:
    for day in ("2027-06-10", "2027-06-11", "2027-06-09"):
        sign = set_date(site, day)
        with ThreadPoolExecutor(2) as pool:
            feeds = list(pool.map(lambda web, sign=sign: seconds_until(web, FEED, sign), site.webs))
        assert max(feeds) < FRESH_WITHIN, feeds

    first, second = (web.get(FEED) for web in site.webs)
    assert (first.body, first.headers["etag"], first.headers["last-modified"]) == (
        second.body,
        second.headers["etag"],
        second.headers["last-modified"],
    )
    assert site.webs[1].get(FEED, If_None_Match=first.headers["etag"]).status == 304


def test_what_is_published_elsewhere_is_on_every_page_within_two_seconds(site: Site) -> None:
    said = "Köp inte ut åt någon i dag"
    assert machines.until(lambda: site.parts.clock() >= machines.NOON, seconds=30)  # when it is due
    machines.fill(site.parts.database, {"aneby": "webb"}, 1, text=said)
    jobs.publish_local(jobs.Work(site.parts, site.parts.sender(), "test"), now=site.parts.clock())

    for web in site.webs:
        assert seconds_until(web, "/sida/aneby", said.encode()) < FRESH_WITHIN
        assert seconds_until(web, "/feeds/aneby/nyheter.rss", said.encode()) < FRESH_WITHIN
    with site.parts.database.read() as session:
        states = session.exec(select(Delivery.state).where(col(Delivery.channel) == "webb")).all()
    assert set(states) == {"published"}


def test_a_one_time_address_works_once_however_many_processes_it_is_given_to(site: Site) -> None:
    database = site.parts.database
    with database.write() as session:
        secret = links.first_link(session, now=site.parts.clock()) or ""
    form = {"namn": "Anna Andersson", "email": EMAIL, "losenord": PASSWORD, "losenord-igen": PASSWORD}

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: site.webs[n % 2].post(f"/valkommen/{secret}", form), range(8)))

    assert sorted({answer.status for answer in answers}) == [303, 404]
    assert sum(answer.status == 303 for answer in answers) == 1


def test_who_signs_in_at_one_is_signed_in_at_the_other_until_out_at_either(site: Site) -> None:
    first, second = site.webs
    cookie = first.post("/logga-in", {"email": EMAIL, "losenord": PASSWORD}).cookies

    page = second.get("/kommun/aneby/idag", Cookie=cookie)
    assert page.status == 200
    csrf = re.search(r'name="csrf" value="([^"]+)"', second.get("/logga-ut", Cookie=cookie).body.decode())
    assert csrf
    assert second.post("/logga-ut", {"csrf": csrf[1]}, Cookie=cookie).status == 303

    assert first.get("/kommun/aneby/idag", Cookie=cookie).status == 303


def test_guessing_at_both_at_once_gives_no_more_guesses_than_at_one(site: Site) -> None:
    form = {"email": "nagon.annan@aneby.se", "losenord": "gissning"}

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda n: site.webs[n % 2].post("/logga-in", form), range(24)))

    guesses = sum("stämmer inte" in answer.body.decode() for answer in answers)
    assert guesses == throttle.MOST_PER_ADDRESS
    assert sum("Vänta en kvart" in answer.body.decode() for answer in answers) == 24 - guesses


def test_feeds_behind_nginx_are_kept_revalidated_and_fresh(site: Site) -> None:
    with nginx(site.folder, [web.port for web in site.webs]) as ports:
        front = Web(ports.tls, is_tls=True)
        plain = front.get(FEED)
        zipped = front.get(FEED, Accept_Encoding="gzip")
        again = front.get(FEED)

        assert plain.body == gzip.decompress(zipped.body) == site.webs[0].get(FEED).body
        assert plain.headers["etag"] != zipped.headers["etag"]
        assert {plain.headers["vary"], zipped.headers["vary"]} == {"Accept-Encoding"}
        assert again.headers["x-cache"] == "HIT"
        for answer in (plain, zipped):
            tag = answer.headers["etag"]
            own = {"Accept_Encoding": "gzip"} if answer is zipped else {}
            assert front.get(FEED, If_None_Match=tag, **own).status == 304
        # The headers that make it work pass through whole.
        straight = site.webs[0].get(FEED).headers
        for name in ("etag", "last-modified", "cache-control", "vary", "content-type", "content-disposition"):
            assert plain.headers[name] == straight[name], name

        sign = set_date(site, "2027-06-08")
        assert seconds_until(front, FEED, sign) < FRESH_WITHIN + 1  # nginx keeps it a second
        # A secret address is no one else's: it is never kept.
        assert front.get("/logga-in").headers.get("x-cache") is None
