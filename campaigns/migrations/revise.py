"""Writes the next migration from what `campaigns/models.py` has and the migrations lack.

    python -m campaigns.migrations.revise "What the migration does"

Read what it wrote, run `ruff format` on it and set HEAD in `campaigns/migrate.py` to its number. As long as no release
has been made, the first migration may instead be written anew: delete it and run the command.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from alembic import command
from alembic.config import Config
from sqlmodel.sql.sqltypes import AutoString, UTCDateTime

from campaigns.database import Database
from campaigns.migrate import MIGRATIONS, apply_missing


def plain_type(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """SQLModel's column types written as SQLAlchemy's: a migration must not change when a library does."""
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def revise(message: str) -> Path:
    """The path of the new migration, made against an empty SQLite database that has had all the others."""
    number = f"{len(list((MIGRATIONS / 'versions').glob('[0-9]*.py'))) + 1:04}"
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/empty.db")
        with database.writer.begin() as connection:
            apply_missing(connection)
            config.attributes["connection"] = connection
            script = command.revision(config, message, autogenerate=True, rev_id=number)
        database.close()
    if script is None or isinstance(script, list):
        raise RuntimeError("Alembic did not write exactly one migration")
    return Path(script.path)


if __name__ == "__main__":
    sys.stdout.write(f"{revise(sys.argv[1])}\n")
