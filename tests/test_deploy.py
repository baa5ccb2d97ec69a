"""The files in deploy/ are held against the programs that read them: systemd, nginx and Prometheus.

Needs `apt install systemd nginx-light prometheus openssl`.
"""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from campaigns import publishing
from campaigns.database import Database
from campaigns.migrate import upgrade
from campaigns.settings import DESCRIPTIONS, PREFIX
from tests.serving import served
from tests.sites import Place, planned

pytestmark = pytest.mark.servers

DEPLOY = Path(__file__).parent.parent / "deploy"
PROGRAM = Path(sys.executable).with_name("kampanjhjul")
PORT, TLS, PLAIN = 18_790, 18_791, 18_792


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
    assert any("/readyz" in line for line in lines)


def test_a_real_nginx_stands_before_the_service(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'kampanjhjul.db'}")
    upgrade(database)
    place = planned(Place(database, base_url="https://kampanj.exempel.se"))
    publishing.refresh_stale(database, place.parts.catalog, now=place.clock.at, base_url=place.base_url)
    configuration = _configured(tmp_path)
    tested = subprocess.run(
        ["nginx", "-t", "-c", configuration], capture_output=True, text=True, timeout=30, check=False
    )
    assert tested.returncode == 0, tested.stderr
    running = subprocess.Popen(["nginx", "-c", str(configuration)])
    try:
        with served(place, PORT):
            page = _fetched("/sida/aneby")
            calendar = _fetched("/feeds/aneby/riskdatum-aneby.ics")
            again = _fetched("/feeds/aneby/riskdatum-aneby.ics", etag=calendar[2])
            sign_in = [_fetched("/logga-in")[0] for _ in range(20)]
            hidden = _fetched("/metrics")
    finally:
        running.terminate()
        running.wait(timeout=20)
    database.close()

    assert page[0] == 200
    assert calendar[:2] == (200, place.client.get("/feeds/aneby/riskdatum-aneby.ics").content)
    assert again[:2] == (304, b"")
    assert 200 in sign_in
    assert 503 in sign_in  # guessing is slowed down
    assert hidden[0] == 403
    assert "private" not in (tmp_path / "error.log").read_text(encoding="utf-8")


def _configured(folder: Path) -> str:
    """The example with this machine's paths and ports, within a whole configuration."""
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ),
            *("-subj", "/CN=kampanj.exempel.se", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for old, new in (
        ("/etc/ssl/certs/kampanj.pem", f"{folder}/cert.pem"),
        ("/etc/ssl/private/kampanj.key", f"{folder}/key.pem"),
        ("127.0.0.1:8000", f"127.0.0.1:{PORT}"),
        ("listen 443 ssl", f"listen {TLS} ssl"),
        ("listen 80;", f"listen {PLAIN};"),
        ("location = /metrics { allow 127.0.0.1;", "location = /metrics { allow 192.0.2.1;"),
    ):
        assert old in site
        site = site.replace(old, new)
    whole = folder / "nginx.conf"
    whole.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;"
        f" uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{site}\n}}\n",
        encoding="utf-8",
    )
    return str(whole)


def _fetched(path: str, *, etag: str = "") -> tuple[int, bytes, str]:
    """Status, body and ETag, through nginx with TLS."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    headers = {"Host": "kampanj.exempel.se", **({"If-None-Match": etag} if etag else {})}
    request = urllib.request.Request(f"https://127.0.0.1:{TLS}{path}", headers=headers)
    for _ in range(50):
        try:
            with urllib.request.urlopen(request, timeout=10, context=trust) as answer:
                return answer.status, answer.read(), answer.headers.get("ETag", "")
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 502:
                    return error.code, error.read() if error.code == 304 else b"", ""
        except urllib.error.URLError:
            pass
        time.sleep(0.1)
    raise AssertionError("nginx never answered.")
