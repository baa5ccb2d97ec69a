"""The public calendar over HTTP against nginx with the same bytes as a file, and against Radicale with the same events.

Each server has one worker, alone on one core; wrk has the other. Keep-alive, 32 connections. They take turns.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from campaigns.wiring import open_parts
from tests.bench.measuring import Row, at_least
from tests.bench.processes import (
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
    wait_until_listening,
)
from tests.bench.worlds import FEED, published, with_extra_dates
from tests.bench.wrk import Contestant, load
from tests.fronts import certified

EXTRA_DATES = 28  # 30 kB
ROUNDS = 3
RADICALE = Path(sys.prefix) / "bench" / "bin" / "python"
COLLECTION = "/bench/riskdatum/"
_NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;
events {{ worker_connections 1024; }}
http {{
    access_log off; server_tokens off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000;
    open_file_cache max=1000; default_type "text/calendar; charset=utf-8";
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} backlog=2048{tls};
        root {folder}/files;
        {headers}
    }}
}}
"""
_OURS_ALONE = {"date", "content-type", "content-length", "etag", "last-modified", "connection", "server"}


def run(folder: Path) -> Iterable[Row]:
    program("wrk", package="wrk")
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
        nginx = stack.enter_context(static_nginx(folder, {FEED: body}, headers))
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
                load(contestant)
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


@contextlib.contextmanager
def static_nginx(
    folder: Path, files: Mapping[str, bytes], headers: Mapping[str, str], *, is_tls: bool = False
) -> Iterator[int]:
    """nginx with feeds as files, by their paths, and the headers that it does not make itself."""
    home = folder / ("nginx-tls" if is_tls else "nginx")
    for name, body in files.items():
        path = home / "files" / name.removeprefix("/")
        path.parent.mkdir(parents=True)
        path.write_bytes(body)
    for part in (folder, *home.rglob("*")):
        part.chmod(0o755)
    port = free_port()
    tls = ""
    if is_tls:
        tls = " ssl; ssl_certificate {}; ssl_certificate_key {}".format(*certified(home))
    added = (
        "add_header {} '{}';".format(name, value.replace("'", ""))
        for name, value in headers.items()
        if name not in _OURS_ALONE
    )
    configuration = home / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=home, port=port, tls=tls, headers="\n        ".join(added)))
    command = pinned([program("nginx", package="nginx-light"), "-p", str(home), "-c", str(configuration)], SERVER_CORE)
    with running(command, log=folder / f"{home.name}.out") as process:
        wait_until_listening(port, process)
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
