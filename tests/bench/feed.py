"""The public calendar over HTTP against nginx with the same bytes as a file, and against Radicale with the same events.

Each server has one worker, alone on one core; wrk has the other. Keep-alive, 32 connections. They take turns.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import re
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from campaigns.wiring import open_parts
from tests.bench.measuring import Row, at_least
from tests.bench.processes import (
    CLIENT_CORE,
    LOOPBACK,
    SERVER_CORE,
    NotAvailableError,
    fetched,
    free_port,
    kampanjhjul,
    pinned,
    program,
    running,
    settings,
    wait_for,
)
from tests.bench.worlds import FEED, published, with_extra_dates

EXTRA_DATES = 28  # 30 kB
CONNECTIONS, SECONDS, ROUNDS = 32, 3, 3
RADICALE = Path(sys.prefix) / "bench" / "bin" / "python"
COLLECTION = "/bench/riskdatum/"
_NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;
events {{ worker_connections 1024; }}
http {{
    access_log off; server_tokens off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000;
    open_file_cache max=10; default_type "text/calendar; charset=utf-8";
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        root {folder}/files;
        {headers}
    }}
}}
"""
_OURS_ALONE = {"date", "content-type", "content-length", "etag", "last-modified", "connection", "server"}


@dataclass
class Contestant:
    """A server, what is asked of it, and how it did: requests a second and the 99th percentile in milliseconds."""

    name: str
    port: int
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def p99(self) -> float:
        return statistics.median(self.slowest)

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s (p99 {self.p99:.1f} ms)".replace(",", " ")


def run(folder: Path) -> Iterable[Row]:
    wrk = program("wrk", package="wrk")
    program("nginx", package="nginx-light")
    port = free_port()
    environ = settings(folder / "data", port, config=with_extra_dates(folder, EXTRA_DATES))
    parts = open_parts(environ)
    published(parts)
    parts.database.close()
    with contextlib.ExitStack() as stack:
        command = pinned(kampanjhjul("web"), SERVER_CORE)
        process = stack.enter_context(running(command, log=folder / "web.log", environ=environ))
        wait_for(port, FEED, process)
        _, headers, body = fetched(port, FEED)
        nginx = stack.enter_context(_nginx(folder, body, headers))
        radicale = stack.enter_context(_radicale(folder, body))
        ours = Contestant("Kampanjhjulet", port, FEED)
        unchanged = Contestant("Kampanjhjulet 304", port, FEED, {"If-None-Match": headers["etag"]})
        static = Contestant("nginx", nginx, FEED)
        tag = fetched(nginx, FEED)[1]["etag"]
        static_unchanged = Contestant("nginx 304", nginx, FEED, {"If-None-Match": tag})
        collection = Contestant("Radicale", radicale, COLLECTION, _NOBODY)
        contestants = (static, ours, collection, static_unchanged, unchanged)
        for contestant in contestants:
            expected = 304 if "If-None-Match" in contestant.headers else 200
            assert fetched(contestant.port, contestant.path, contestant.headers)[0] == expected, contestant.name
        for _ in range(ROUNDS):
            for contestant in contestants:
                _load(wrk, contestant)
    size = f"{len(body) / 1000:.1f} kB".replace(".", ",")
    yield at_least(
        f"Flödet, 200, {size}",
        f"{ours} mot nginx {static}",
        ratio=ours.rate / static.rate,
        limit=0.30,
        of="nginx",
        ours=ours.rate,
        nginx=static.rate,
        p99_ms=ours.p99,
    )
    yield at_least(
        f"  mot Radicale, samma {body.count(b'BEGIN:VEVENT')} händelser",
        f"{ours} mot {collection}",
        ratio=ours.rate / collection.rate,
        limit=200,
        of="Radicale",
        ours=ours.rate,
        radicale=collection.rate,
    )
    yield at_least(
        "Flödet, 304",
        f"{unchanged} mot nginx {static_unchanged}",
        ratio=unchanged.rate / static_unchanged.rate,
        limit=0.25,
        of="nginx",
        ours=unchanged.rate,
        nginx=static_unchanged.rate,
        p99_ms=unchanged.p99,
    )


def _load(wrk: str, contestant: Contestant) -> None:
    """One round of wrk against `contestant`. Raises NotAvailableError if it was not answered as it should be."""
    headers = [part for name, value in contestant.headers.items() for part in ("-H", f"{name}: {value}")]
    url = f"http://{LOOPBACK}:{contestant.port}{contestant.path}"
    command = pinned(
        [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "10s", "--latency", *headers, url], CLIENT_CORE
    )
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    slowest = re.search(r"99%\s+([\d.]+)(us|ms|s)", told)
    if rate is None or slowest is None or "Non-2xx" in told:
        raise NotAvailableError(f"wrk mot {contestant.name}: {told[-200:]}")
    contestant.rates.append(float(rate[1]))
    contestant.slowest.append(float(slowest[1]) * {"us": 0.001, "ms": 1, "s": 1000}[slowest[2]])


@contextlib.contextmanager
def _nginx(folder: Path, body: bytes, headers: Mapping[str, str]) -> Iterator[int]:
    """nginx with the feed as a file and the headers that it does not make itself."""
    home = folder / "nginx"
    path = home / "files" / FEED.removeprefix("/")
    path.parent.mkdir(parents=True)
    path.write_bytes(body)
    for part in (home, *path.parents):
        if folder in (part, *part.parents):
            part.chmod(0o755)
    port = free_port()
    added = (
        "add_header {} '{}';".format(name, value.replace("'", ""))
        for name, value in headers.items()
        if name not in _OURS_ALONE
    )
    configuration = home / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=home, port=port, headers="\n        ".join(added)))
    command = pinned([program("nginx", package="nginx-light"), "-p", str(home), "-c", str(configuration)], SERVER_CORE)
    with running(command, log=folder / "nginx.out") as process:
        wait_for(port, FEED, process)
        yield port


# Radicale takes anyone's word for who they are; without a name it lets nobody in.
_NOBODY = {"Authorization": f"Basic {base64.b64encode(b'bench:bench').decode()}"}


@contextlib.contextmanager
def _radicale(folder: Path, body: bytes) -> Iterator[int]:
    """Radicale's own server with the calendar put into it, on files, without authentication."""
    if not RADICALE.exists():
        raise NotAvailableError("Radicale saknas: make bench lägger det i .venv/bench")
    port = free_port()
    command = [str(RADICALE), "-m", "radicale", "--config", "", "--server-hosts", f"{LOOPBACK}:{port}"]
    command += ["--auth-type", "none", "--web-type", "none", "--logging-level", "error"]
    command += ["--server-max-connections", "100", "--storage-filesystem-folder", str(folder / "radicale")]
    with running(pinned(command, SERVER_CORE), log=folder / "radicale.log") as process:
        wait_for(port, "/.well-known/caldav", process, status=301)
        _put(port, body)
        yield port


def _put(port: int, body: bytes) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=20)
    try:
        connection.request("PUT", COLLECTION, body, {"Content-Type": "text/calendar; charset=utf-8", **_NOBODY})
        answer = connection.getresponse()
        if answer.status not in (200, 201):
            raise NotAvailableError(f"Radicale tog inte emot kalendern: {answer.status} {answer.read()[:100]!r}")
    finally:
        connection.close()
