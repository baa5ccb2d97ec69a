"""The commands about the files with texts: pack, the shared campaign pack, and translations."""

from __future__ import annotations

import argparse
import os

from campaigns import pack as packs
from campaigns import translation_files as files
from campaigns.channels import KINDS
from campaigns.cli import show
from campaigns.reading import load
from campaigns.settings import read_settings, shipped_directory


def pack(given: argparse.Namespace) -> int:
    """How our recipes and texts stand against the pack; or note that they have been looked at, or take the pack's."""
    settings = read_settings(os.environ)
    shipped = {name: shipped_directory(name) for name in ("config", "templates")}
    own = {"config": settings.config_dir, "templates": settings.templates_dir}
    if given.act == "diff":
        return _diff(packs.standings(shipped, own), given)
    act = packs.see if given.act == "seen" else packs.take
    act(shipped, own, given.files)
    show.line("Noterat." if given.act == "seen" else "Paketets version är införd. Kör kampanjhjul check.")
    return 0


def _diff(found: list[packs.Standing], given: argparse.Namespace) -> int:
    """The exit code is 1 where somebody should look at something."""
    chosen = [item for item in found if item.name in given.files or not given.files]
    if given.json:
        show.as_json([{"file": item.name, "state": item.state, "diff": item.lines()} for item in chosen])
    elif given.files:
        for item in chosen:
            show.line(f"{item.name}: {item.words}")
            for line in item.lines():
                show.line(line)
    else:
        differing = [(item.name, item.words) for item in chosen if item.state is not packs.State.SAME]
        show.table(("fil", "läge"), differing, empty="Allt är som i paketet.")
    return 1 if any(item.is_open for item in chosen) else 0


def translations(given: argparse.Namespace) -> int:
    """The translations that are files, with those that nobody has vouched for: exit 1 if there are any. Or vouch."""
    settings = read_settings(os.environ)
    languages = load(settings.config_dir, channel_kinds=KINDS).languages
    if getattr(given, "files", None):
        files.vouch(settings.messages_dir, languages, given.files)
        show.line("Noterat i filerna.")
        return 0
    found = files.translation_files(settings.messages_dir, languages)
    if given.json:
        show.as_json([{**vars(item), "is_current": item.is_current} for item in found])
    else:
        show.table(
            ("Fil", "Svensk text", "Läge"),
            (
                (item.name, ", ".join(item.originals), item.fault or ("läst" if item.is_current else "läs den igen"))
                for item in found
            ),
            empty="Inga översättningar ligger i filer.",
        )
    return 0 if all(item.is_current for item in found) else 1
