"""A municipality adapts the shared pack, and sees when the pack has moved on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from campaigns import pack
from campaigns.database import Database
from campaigns.errors import RefusedError
from campaigns.pack import State
from tests.conftest import CONFIG, TEMPLATES, Run
from tests.sites import Place, copied_config

pytestmark = pytest.mark.pages

JUL = "templates/messages/jul/tidigt.foraldrar.md"
VALBORG = "config/campaigns/valborg.toml"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """The pack, and a folder that has just been laid out from it."""
    found = []
    for side in ("paket", "eget"):
        for name, source in (("config", CONFIG), ("templates", TEMPLATES)):
            shutil.copytree(source, tmp_path / side / name)
        found.append({name: tmp_path / side / name for name in ("config", "templates")})
    pack.record_all(found[0], found[1]["config"])
    return found[0], found[1]


def add(folders: dict[str, Path], name: str, text: str = "\n# mer\n") -> None:
    kind, _, path = name.partition("/")
    file = folders[kind] / path
    file.write_text((file.read_text(encoding="utf-8") if file.exists() else "") + text, encoding="utf-8")


def states(folders: tuple[dict[str, Path], dict[str, Path]]) -> dict[str, State]:
    return {item.name: item.state for item in pack.standings(*folders) if item.state is not State.SAME}


def test_each_file_says_who_has_changed_it(folders: tuple[dict[str, Path], dict[str, Path]]) -> None:
    theirs, ours = folders
    assert states(folders) == {}

    add(ours, JUL)
    add(theirs, VALBORG)
    add(ours, "config/campaigns/jul.toml")
    add(theirs, "config/campaigns/jul.toml", "\n# annat\n")
    add(theirs, "templates/messages/jul/nytt.syskon.md")
    add(ours, "templates/messages/jul/eget.syskon.md")
    (theirs["config"] / "campaigns/nyar.toml").unlink()
    (ours["config"] / "campaigns/student.toml").unlink()

    assert states(folders) == {
        JUL: State.ADAPTED,
        VALBORG: State.MOVED,
        "config/campaigns/jul.toml": State.BOTH,
        "templates/messages/jul/nytt.syskon.md": State.NEW,
        "templates/messages/jul/eget.syskon.md": State.OWN,
        "config/campaigns/nyar.toml": State.GONE,
        "config/campaigns/student.toml": State.REMOVED,
    }


def test_what_has_been_looked_at_is_adapted_from_the_pack_as_it_is_now(
    folders: tuple[dict[str, Path], dict[str, Path]],
) -> None:
    theirs, ours = folders
    add(ours, JUL)
    add(theirs, JUL, "\nannat\n")

    pack.see(theirs, ours, [JUL])

    assert states(folders) == {JUL: State.ADAPTED}
    add(theirs, JUL)
    assert states(folders) == {JUL: State.BOTH}


def test_the_packs_version_is_taken_only_where_nobody_has_adapted(
    folders: tuple[dict[str, Path], dict[str, Path]],
) -> None:
    theirs, ours = folders
    add(theirs, VALBORG)
    add(ours, JUL)
    had = (ours["templates"] / "messages/jul/tidigt.foraldrar.md").read_text(encoding="utf-8")

    pack.take(theirs, ours, [VALBORG])
    with pytest.raises(RefusedError, match="anpassad"):
        pack.take(theirs, ours, [JUL])

    assert states(folders) == {JUL: State.ADAPTED}
    assert (ours["templates"] / "messages/jul/tidigt.foraldrar.md").read_text(encoding="utf-8") == had


def test_the_command_tells_what_differs(run: Run, tmp_path: Path) -> None:
    assert run("init", ".")[0] == 0
    clean = run("pack", "diff")
    add({name: tmp_path / name for name in ("config", "templates")}, VALBORG)

    code, out, _ = run("pack", "diff")
    whole = run("pack", "diff", VALBORG)
    listed = json.loads(run("pack", "diff", "--json")[1])

    assert clean[:2] == (0, "Allt är som i paketet.\n")
    assert (code, VALBORG in out, "anpassad" in out) == (0, True, True)
    assert "+# mer" in whole[1]
    assert [row["file"] for row in listed if row["state"] != "same"] == [VALBORG]


def test_the_page_shows_what_differs(database: Database, tmp_path: Path) -> None:
    def change(config: Path) -> None:
        add({"config": config}, VALBORG, "\n# <b>eget</b>\n")

    page = Place(database, copied_config(tmp_path, change)).staff().page("/kommun/aneby/installningar/paket")

    assert VALBORG in page
    assert "okänt vilken version" in page
    assert "<ins>+ # &lt;b&gt;eget&lt;/b&gt;</ins>" in page
