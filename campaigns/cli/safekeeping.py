"""The commands that copy everything and bring it back: backup and restore."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from campaigns import backup as copies
from campaigns import channels, migrate
from campaigns.cli import show
from campaigns.database import Database
from campaigns.sending.restored import doubt
from campaigns.settings import read_settings
from campaigns.wiring import wall_clock


def backup(given: argparse.Namespace) -> int:
    """Copy the database, the configuration and the templates. The service may run."""
    settings = read_settings(os.environ)
    database = Database(settings.database_url)
    folders = {"config": settings.config_dir, "templates": settings.templates_dir}
    try:
        made = copies.back_up(database, folders, Path(given.directory), now=wall_clock())
    finally:
        database.close()
    show.line(f"Säkerhetskopian finns i {given.directory}: {made.files} filer, {made.size / 1e6:.1f} MB.")
    show.line("Nycklar och lösenord i miljön eller i filer utanför config ingår inte: spara dem för sig.")
    return 0


def restore(given: argparse.Namespace) -> int:
    """Bring a copy back into an empty database, and up to date with the program."""
    source = Path(given.directory)
    settings = read_settings(os.environ)
    copies.check(source)
    if given.files:
        names = copies.restore_files(source, Path(given.files))
        show.line(f"Återlagt i {given.files}: {' och '.join(names)}.")
    since = copies.made_at(source)
    copies.restore(source, settings.database_url, overwrites=given.overwrite)
    database = Database(settings.database_url, secret_key=settings.secret_key)
    made = channels.build(channels.Environment(environ=os.environ))
    try:
        migrate.upgrade(database)
        with database.write() as session:
            doubted = doubt(
                session,
                since=since,
                now=wall_clock(),
                repeatable_kinds=channels.repeatable(made),
                local_kinds=[kind for kind, item in made.items() if item.is_local],
            )
    finally:
        database.close()
    show.line("Databasen är återlagd.")
    if doubted:
        show.line(f"{doubted} leveranser kan ha gått ut sedan kopian gjordes ({since:%Y-%m-%d %H:%M} UTC).")
        show.line("De som kanalen inte själv kan svara för är osäkra: avgör dem med kampanjhjul queue --state unknown.")
    show.line("Det som godkändes efter kopian är ogodkänt igen. Se i kanalerna vad som redan har gått ut före nästa.")
    show.line("Starta sedan tjänsten.")
    return 0
