"""The shared campaign pack: the recipes and texts that travel with the program, and what a folder has made of them.

`paket.json` in the folder's config holds, per file, the SHA-256 of the pack's version that it was adapted from.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from campaigns.errors import NotFoundError, RefusedError, suggestion

LIST = "paket.json"
# The folders of the pack, under config and templates, and what their files end with.
_PARTS = (("config", "campaigns", "*.toml"), ("templates", "messages", "*.md"))


class State(StrEnum):
    """How a file stands against the pack."""

    SAME = "same"
    ADAPTED = "adapted"  # ours differs, the pack is as it was
    MOVED = "moved"  # the pack has moved on, ours is as it was taken
    BOTH = "both"  # ours differs, and the pack has moved on since
    UNKNOWN = "unknown"  # ours differs, from nobody knows which version
    NEW = "new"  # only the pack has it
    REMOVED = "removed"  # ours has been taken away
    GONE = "gone"  # the pack no longer has what we took
    OWN = "own"  # the pack has never had it


WORDS = {
    State.SAME: "som i paketet",
    State.ADAPTED: "anpassad",
    State.MOVED: "paketet har ändrats",
    State.BOTH: "anpassad, och paketet har ändrats sedan dess",
    State.UNKNOWN: "skiljer sig; okänt vilken version den kommer från",
    State.NEW: "ny i paketet",
    State.REMOVED: "borttagen hos er",
    State.GONE: "finns inte längre i paketet",
    State.OWN: "egen",
}
# What somebody should look at.
OPEN = frozenset((State.MOVED, State.BOTH, State.UNKNOWN, State.NEW, State.GONE))


@dataclass(frozen=True)
class Standing:
    """A file of the pack, by its path under `config` or `templates`, and how ours stands against it."""

    name: str
    state: State
    ours: str
    theirs: str

    @property
    def words(self) -> str:
        return WORDS[self.state]

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def lines(self) -> list[str]:
        """What differs, as a unified difference from the pack to ours."""
        names = (f"paketet/{self.name}", f"er/{self.name}")
        return list(difflib.unified_diff(self.theirs.splitlines(), self.ours.splitlines(), *names, lineterm=""))


def record_all(shipped: Mapping[str, Path], config: Path) -> None:
    """Note that every file has just been taken from the pack as it is."""
    _write(config, {name: _digest(text) for name, text in _read(shipped).items()})


def standings(shipped: Mapping[str, Path], own: Mapping[str, Path]) -> list[Standing]:
    """Every file that either has, by name. `shipped` and `own` are the folders `config` and `templates`."""
    theirs, ours, taken = _read(shipped), _read(own), _taken(own["config"])
    return [
        Standing(
            name,
            _state(ours.get(name), theirs.get(name), taken.get(name)),
            ours.get(name, ""),
            theirs.get(name, ""),
        )
        for name in sorted({*theirs, *ours})
    ]


def see(shipped: Mapping[str, Path], own: Mapping[str, Path], names: Iterable[str]) -> None:
    """Note that ours has been held against the pack as it is now, and stays. Raises NotFoundError."""
    _settle(shipped, own, names, takes=False)


def take(shipped: Mapping[str, Path], own: Mapping[str, Path], names: Iterable[str]) -> None:
    """Take the pack's version of files that nobody has adapted. Raises RefusedError for others, NotFoundError."""
    _settle(shipped, own, names, takes=True)


def _settle(shipped: Mapping[str, Path], own: Mapping[str, Path], names: Iterable[str], *, takes: bool) -> None:
    known = {item.name: item for item in standings(shipped, own)}
    chosen = []
    for name in names:
        if name not in known:
            raise NotFoundError(f"Filen ”{name}” finns inte. {suggestion(name, known)}")
        chosen.append(known[name])
    adapted = [item.name for item in chosen if item.state not in (State.MOVED, State.NEW, State.SAME)]
    if takes and adapted:
        raise RefusedError(f"{adapted[0]} är anpassad hos er. Inget har ändrats. För in ändringen själv.")
    taken = _taken(own["config"])
    for item in chosen:
        kind, _, path = item.name.partition("/")
        if takes:
            target = own[kind] / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(shipped[kind] / path, target)
        if item.theirs:
            taken[item.name] = _digest(item.theirs)
        else:
            taken.pop(item.name, None)
    _write(own["config"], taken)


def _state(ours: str | None, theirs: str | None, taken: str | None) -> State:
    if ours == theirs:
        return State.SAME
    if theirs is None:
        return State.GONE if taken else State.OWN
    if ours is None:
        return State.REMOVED if taken == _digest(theirs) else State.NEW
    if taken is None:
        return State.UNKNOWN
    if taken == _digest(theirs):
        return State.ADAPTED
    return State.MOVED if taken == _digest(ours) else State.BOTH


def _read(folders: Mapping[str, Path]) -> dict[str, str]:
    return {
        f"{kind}/{path.relative_to(folders[kind]).as_posix()}": path.read_text(encoding="utf-8")
        for kind, part, pattern in _PARTS
        for path in (folders[kind] / part).rglob(pattern)
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _taken(config: Path) -> dict[str, str]:
    try:
        return dict(json.loads((config / LIST).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise RefusedError(f"{config / LIST} går inte att läsa. Ta bort den, eller läs tillbaka den.") from error


def _write(config: Path, taken: Mapping[str, str]) -> None:
    try:
        (config / LIST).write_text(json.dumps(dict(sorted(taken.items())), indent=1), encoding="utf-8")
    except OSError as error:
        raise RefusedError(f"{config / LIST} går inte att skriva: {error.strerror}.") from error
