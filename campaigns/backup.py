"""Copies of everything: the database, the configuration and the templates, and the way back.

A copy is a folder: the database's own format, `config`, `templates` and a list of every file with its SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url

from campaigns.database import Database, translated
from campaigns.errors import RefusedError

LIST = "innehall.json"
SQLITE, POSTGRESQL = "kampanjhjul.db", "kampanjhjul.pgdump"
# What a service that has only been started leaves behind it.
_BY_ITSELF = frozenset(("alembic_version", "setting", "heartbeat", "revision"))
_ENVIRONMENT = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


@dataclass(frozen=True)
class Copied:
    """What a copy holds: how many files, and the bytes in them."""

    files: int
    size: int


def back_up(database: Database, folders: Mapping[str, Path], target: Path, *, now: datetime) -> Copied:
    """Write a copy of the database and of `folders` (by name) to `target`, a folder that is new or empty.

    The service may run meanwhile: the copy is of one moment. Raises RefusedError for a folder with something in it,
    and if the copy cannot be made; then nothing is left there.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RefusedError(f"{target} är inte tom. Inget har skrivits. Välj en ny mapp för varje säkerhetskopia.")
    inside = next((folder for folder in folders.values() if target.resolve().is_relative_to(folder.resolve())), None)
    if inside:
        raise RefusedError(f"{target} ligger i {inside}, som ska kopieras. Inget har skrivits. Välj en annan mapp.")
    # Made beside its place and renamed when it is whole: half a copy is never taken for one.
    making = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        making.mkdir(parents=True, mode=0o700)
        _dump(database, making)
        for name, folder in folders.items():
            shutil.copytree(folder, making / name)
        found = _digests(making)
        about = {"format": 1, "at": now.isoformat(), "files": found}
        (making / LIST).write_text(json.dumps(about, indent=1, ensure_ascii=False), encoding="utf-8")
        if target.exists():
            target.rmdir()
        making.rename(target)
    except OSError as error:
        why = error.strerror or str(error)
        raise RefusedError(f"Säkerhetskopian gick inte att skriva: {why}. Inget är kvar av den.") from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return Copied(len(found), sum(path.stat().st_size for path in target.rglob("*") if path.is_file()))


def check(source: Path) -> str:
    """The name of the database's file in the copy, whose files are all there and as they were written.

    Raises RefusedError, naming what is wrong.
    """
    try:
        about = json.loads((source / LIST).read_text(encoding="utf-8"))
        listed: dict[str, str] = dict(about["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(f"{source} är ingen säkerhetskopia: {LIST} saknas eller går inte att läsa.") from error
    found = {name: digest for name, digest in _digests(source).items() if name != LIST}
    wrong = sorted(name for name in {*listed, *found} if listed.get(name) != found.get(name))
    if wrong:
        raise RefusedError(f"Säkerhetskopian är skadad: {', '.join(wrong[:5])}. Inget har ändrats.")
    name = next((name for name in (SQLITE, POSTGRESQL) if name in listed), None)
    if name is None:
        raise RefusedError("Säkerhetskopian har ingen databas. Inget har ändrats.")
    return name


def made_at(source: Path) -> datetime:
    """When the copy was made, in UTC. Raises RefusedError as `check` does."""
    try:
        return datetime.fromisoformat(json.loads((source / LIST).read_text(encoding="utf-8"))["at"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RefusedError(f"{source} är ingen säkerhetskopia: {LIST} saknas eller går inte att läsa.") from error


def restore(source: Path, url: str, *, overwrites: bool = False) -> None:
    """Make the database at `url` the one in the copy. Stop the service first.

    Raises RefusedError for a copy that is damaged or of the other kind of database, and for a database that has
    something in it, unless it is to be overwritten; DatabaseError if the database is away.
    """
    name = check(source)
    is_sqlite = make_url(url).get_backend_name() == "sqlite"
    if is_sqlite != (name == SQLITE):
        kind = "SQLite" if name == SQLITE else "PostgreSQL"
        raise RefusedError(f"Säkerhetskopian är från {kind}. Ange en sådan databas med KAMPANJHJUL_DATABASE_URL.")
    database = Database(url)
    try:
        if not overwrites and not _is_empty(database):
            raise RefusedError(
                "Databasen har redan innehåll. Inget har ändrats. Ange en tom databas, eller --overwrite för att "
                "ersätta allt som finns i den."
            )
    finally:
        database.close()
    if is_sqlite:
        _restore_sqlite(source / name, Path(make_url(url).database or ""))
    else:
        _run("pg_restore", url, "--clean", "--if-exists", "--no-owner", "--single-transaction", str(source / name))


def restore_files(source: Path, target: Path) -> list[str]:
    """Lay out the copy's folders in `target`. Returns their names. Raises RefusedError where they are already."""
    names = [path.name for path in sorted(source.iterdir()) if path.is_dir()]
    taken = [name for name in names if (target / name).exists()]
    if taken:
        raise RefusedError(f"{target} har redan {' och '.join(taken)}. Inget har ändrats. Välj en annan mapp.")
    for name in names:
        shutil.copytree(source / name, target / name)
    return names


def _dump(database: Database, target: Path) -> None:
    if not database.is_sqlite:
        _run("pg_dump", database.url, "--format=custom", "--no-owner", f"--file={target / POSTGRESQL}")
        return
    path = make_url(database.url).database or ""
    with closing(sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)) as connection:
        connection.execute("VACUUM INTO ?", [str(target / SQLITE)])
    _check_sqlite(target / SQLITE)


def _check_sqlite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            [answer] = connection.execute("PRAGMA integrity_check").fetchone()
            is_whole = answer == "ok" and connection.execute("PRAGMA foreign_key_check").fetchone() is None
    except sqlite3.DatabaseError:
        is_whole = False
    if not is_whole:
        raise RefusedError("Databasen i säkerhetskopian är skadad. Inget har ändrats.")


def _restore_sqlite(source: Path, target: Path) -> None:
    _check_sqlite(source)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode=WAL")


def _is_empty(database: Database) -> bool:
    with translated(), database.reader.connect() as connection:
        tables = set(inspect(connection).get_table_names()) - _BY_ITSELF
        quoted = [connection.dialect.identifier_preparer.quote(table) for table in sorted(tables)]
        return not any(connection.execute(text(f"SELECT 1 FROM {name} LIMIT 1")).first() for name in quoted)  # noqa: S608 - names of tables, quoted


def _run(program: str, url: str, *arguments: str) -> None:
    """One of PostgreSQL's programs on the database at `url`. The password goes by the environment, which `ps` hides."""
    path = shutil.which(program)
    if path is None:
        raise RefusedError(f"{program} finns inte. Installera PostgreSQL:s klientprogram (Debian: postgresql-client).")
    try:
        parts = conninfo_to_dict(url.replace("postgresql+psycopg://", "postgresql://", 1))
    except ProgrammingError as error:
        raise RefusedError("KAMPANJHJUL_DATABASE_URL går inte att tyda.") from error
    given = {_ENVIRONMENT[name]: str(value) for name, value in parts.items() if name in _ENVIRONMENT and value}
    database = ("--dbname", given["PGDATABASE"]) if program == "pg_restore" and "PGDATABASE" in given else ()
    run = subprocess.run(  # noqa: S603 - a program of PostgreSQL's, with arguments of our own
        [path, *database, *arguments], env={**os.environ, **given}, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        if "version mismatch" in run.stderr:
            raise RefusedError(f"{program} är äldre än databasservern. Installera klientprogram av serverns version.")
        why = (run.stderr.strip().splitlines() or ["okänt fel"])[0]
        raise RefusedError(f"{program} misslyckades: {why}")


def _digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
