"""Workers and webs behind PgBouncer in transaction pooling, with few connections to the database, over its restarts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from campaigns.database import Database
from tests import machines
from tests.bench.processes import fetched, free_port, is_listening, program, running
from tests.machines import Machines, PostgreSQL, Sink

pytestmark = pytest.mark.servers

TOWNS = {f"kommun-{number}": "webhook" for number in range(5)}
EACH = 40
CONNECTIONS = 6  # to the database, for all of them together


@contextmanager
def pgbouncer(folder: Path, server: PostgreSQL) -> Iterator[int]:
    """Its port. As it comes with Debian 12 (1.18), it knows nothing of prepared statements."""
    port = free_port()
    folder.chmod(0o755)
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"""
[databases]
postgres = host=127.0.0.1 port={server.port} dbname=postgres user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {CONNECTIONS}
max_client_conn = 500
server_login_retry = 1
admin_users = postgres
""",
        encoding="utf-8",
    )
    configuration.chmod(0o644)
    as_another = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to run as root
    with running([program("pgbouncer", package="pgbouncer"), *as_another, str(configuration)], log=folder / "bouncer"):
        assert machines.until(lambda: is_listening(port), seconds=20)
        yield port


@pytest.mark.parametrize("engine", ["embedded", "procrastinate"])
def test_everything_works_behind_pgbouncer_and_survives_a_restart_of_the_database(engine: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(machines.postgresql())
        sink = Sink()
        stack.callback(sink.stop)
        port = stack.enter_context(pgbouncer(tmp_path, server))
        pooled = server.url.replace(str(server.port), str(port))
        config = machines.configured(tmp_path, TOWNS, f"http://127.0.0.1:{sink.port}")
        site = Machines(tmp_path, machines.environment(tmp_path, config, pooled, engine))
        stack.callback(site.stop)
        workers = [site.start("worker") for _ in range(2)]
        own = machines.own_port()
        web = site.start("web", environ=own)
        database = Database(pooled)
        stack.callback(database.close)
        assert machines.until(lambda: machines.planned(database, len(TOWNS)), seconds=120), site.words()

        machines.fill(database, TOWNS, EACH)
        count = len(TOWNS) * EACH
        assert machines.until(lambda: machines.states(database) == {"handed_over": count}, seconds=120), site.words()
        server.restart()
        assert machines.until(lambda: machines.states(database) == {"handed_over": count}, seconds=30)  # it is back
        machines.fill(database, TOWNS, EACH, first=2 * machines.FIRST)
        assert machines.until(lambda: machines.states(database) == {"handed_over": 2 * count}, seconds=120), (
            site.words()
        )

        assert sum(sink.calls.values()) == 2 * count
        number = int(own["KAMPANJHJUL_PORT"])
        feed = "/feeds/kommun-0/riskdatum-kommun-0.ics"
        assert machines.until(lambda: fetched(number, feed)[0] == 200, seconds=30)
        assert machines.until(lambda: fetched(number, "/sida/kommun-0")[0] == 200, seconds=30)
        assert [process.poll() for process in (*workers, web)] == [None] * 3
        with psycopg.connect(server.url) as connection:
            row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres'").fetchone()
        assert row is not None
        assert row[0] <= CONNECTIONS + 1  # with the one that asks
        assert "prepared statement" not in site.words()
