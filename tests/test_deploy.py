"""The files in deploy/ are held against the programs that read them: systemd, nginx and Prometheus.

Needs `apt install systemd nginx-light prometheus openssl`.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns import publishing
from campaigns.database import Database
from campaigns.migrate import upgrade
from campaigns.settings import DESCRIPTIONS, PREFIX
from tests.bench.processes import free_port
from tests.fronts import Web, nginx
from tests.serving import served
from tests.sites import Place, planned

pytestmark = pytest.mark.servers

DEPLOY = Path(__file__).parent.parent / "deploy"
PROGRAM = Path(sys.executable).with_name("kampanjhjul")
FEED = "/feeds/aneby/riskdatum-aneby.ics"
NEWS = tuple(f"/feeds/aneby/nyheter.{kind}" for kind in ("rss", "atom", "json"))
SAME = (
    *("content-type", "content-length", "content-disposition", "last-modified", "cache-control", "vary"),
    *("x-content-type-options", "access-control-allow-origin", "access-control-expose-headers"),
)


@pytest.mark.parametrize("unit", sorted(path.name for path in (DEPLOY / "systemd").iterdir()))
def test_systemd_takes_the_units_without_a_word(unit: str, tmp_path: Path) -> None:
    for path in (DEPLOY / "systemd").iterdir():
        text = path.read_text(encoding="utf-8").replace("/opt/kampanjhjul/.venv/bin/kampanjhjul", str(PROGRAM))
        (tmp_path / path.name).write_text(text, encoding="utf-8")

    run = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / unit)], capture_output=True, text=True, timeout=60, check=False
    )

    assert (run.returncode, run.stdout + run.stderr) == (0, "")


@pytest.mark.parametrize("role", ["web", "worker"])
def test_the_services_are_closed_in(role: str) -> None:
    run = subprocess.run(
        [
            "systemd-analyze",
            "security",
            "--offline=true",
            "--threshold=20",
            str(DEPLOY / "systemd" / f"kampanjhjul-{role}.service"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-300:]


def test_prometheus_takes_the_rules() -> None:
    run = subprocess.run(
        ["promtool", "check", "rules", str(DEPLOY / "prometheus-larm.yml")],
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stderr


def test_every_setting_in_the_files_is_one_there_is() -> None:
    found = {
        name
        for path in DEPLOY.rglob("*")
        if path.is_file()
        for name in re.findall(rf"{PREFIX}([A-Z_]+)", path.read_text(encoding="utf-8"))
    }

    assert len(found) > 5
    assert found - set(DESCRIPTIONS) == set()


def test_the_container_runs_as_nobody_in_particular_and_tells_how_it_is() -> None:
    lines = (DEPLOY / "Containerfile").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if line.startswith("USER")] == ["USER 10001"]
    # Not /readyz: a worker that is away is no reason to stop the web.
    assert any("/healthz" in line for line in lines)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A planned year with its calendars written, as nginx's own address."""
    database = Database(f"sqlite:///{tmp_path / 'kampanjhjul.db'}")
    upgrade(database)
    place = planned(Place(database, base_url="https://localhost", feed_files=tmp_path / "offentligt"))
    publishing.refresh_stale(database, place.parts.catalog, now=place.clock.at, base_url=place.base_url)
    yield place
    database.close()


def test_a_real_nginx_stands_before_the_service(place: Place, tmp_path: Path) -> None:
    port = free_port()
    with nginx(tmp_path, [port], metrics_for="192.0.2.1") as ports, served(place, port):
        front = Web(ports.tls, is_tls=True)
        page = front.get("/sida/aneby")
        calendar = front.get(FEED)
        again = front.get(FEED, If_None_Match=calendar.headers["etag"])
        sign_in = [front.get("/logga-in").status for _ in range(20)]
        hidden = front.get("/metrics")
        unsafe = Web(ports.plain).get(FEED)

    assert page.status == 200
    assert (calendar.status, calendar.body) == (200, place.client.get(FEED).content)
    assert (again.status, again.body) == (304, b"")
    assert 200 in sign_in
    assert 503 in sign_in  # guessing is slowed down
    assert hidden.status == 403
    assert (unsafe.status, unsafe.headers["location"][:8]) == (301, "https://")


def test_nginx_hands_out_the_calendars_with_nothing_of_ours_running(place: Place, tmp_path: Path) -> None:
    port = free_port()
    with nginx(tmp_path, [port], files=place.feed_files) as ports:
        front = Web(ports.tls, is_tls=True)
        with served(place, port):
            ours = {path: Web(port).get(path) for path in (FEED, *NEWS)}
            chosen = front.get(f"{FEED}?campaign=valborg&x=1")
            asked = front.ask("OPTIONS", FEED)
            ours_chosen = Web(port).get(f"{FEED}?campaign=valborg")
        alone = {path: front.get(path) for path in ours}
        zipped = front.get(FEED, Accept_Encoding="gzip")
        head = front.ask("HEAD", FEED)
        tagged = front.get(FEED, If_None_Match=alone[FEED].headers["etag"])
        dated = front.get(FEED, If_Modified_Since=alone[FEED].headers["last-modified"])
        whatever = front.get(f"{FEED}?x=1")
        missing = front.get("/feeds/aneby/riskdatum-annan.ics")

    assert chosen.status == ours_chosen.status == 200
    assert chosen.body == ours_chosen.body != alone[FEED].body
    assert asked.status == 204
    for path, answer in alone.items():
        assert (answer.status, answer.body) == (200, ours[path].body), path
        for name in SAME:
            assert answer.headers[name] == ours[path].headers[name], (path, name)
    assert gzip.decompress(zipped.body) == alone[FEED].body
    assert zipped.headers["etag"] != alone[FEED].headers["etag"]
    assert zipped.headers["vary"] == "Accept-Encoding"
    assert (head.status, head.body) == (200, b"")
    assert (tagged.status, dated.status) == (304, 304)
    assert (whatever.status, whatever.body) == (200, alone[FEED].body)
    assert missing.status == 502  # that one is for the service, which is away
