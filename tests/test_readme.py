"""The README is true: its commands are run, its tables are complete."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.channels import KINDS, Environment, can
from campaigns.channels.base import Correcting, Withdrawing
from campaigns.schema import NEEDED
from campaigns.settings import DESCRIPTIONS, PREFIX

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def shell_blocks() -> list[list[str]]:
    return [block.strip().splitlines() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]


def tour() -> list[str]:
    """Every `kampanjhjul …` line and inline command of the tour, in order."""
    section = README.split("## Fem minuters rundtur")[1].split("\n## ")[0]
    lines = [line.removeprefix(".venv/bin/") for line in shell_blocks()[2]]
    return lines + list(re.findall(r"`(kampanjhjul [^`]+)`", section.replace("\n   ", " ")))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    (tmp_path / "min-text.md").write_text(
        '+++\ntitle = "Jul"\nshort = "Prata om julen."\n+++\nPrata om julen i god tid.\n', encoding="utf-8"
    )
    return {**kept, "KAMPANJHJUL_DATA_DIR": str(tmp_path / "data")}


def test_the_first_two_commands_are_run_and_test() -> None:
    assert shell_blocks()[:2] == [["make run"], ["make test"]]


@pytest.fixture
def served(environ: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """What `make run` starts, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    child = subprocess.Popen(
        ["make", "run"],
        cwd=ROOT,
        env={**environ, "KAMPANJHJUL_PORT": str(port), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield f"http://127.0.0.1:{port}", child
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()


def test_make_run_serves_a_page_says_what_to_do_first_and_stops_when_asked(
    served: tuple[str, subprocess.Popen[str]],
) -> None:
    base, child = served
    assert child.stdout is not None
    said = []
    for line in child.stdout:
        said.append(line)
        if "Stoppa med" in line:
            break
    text = "".join(said)
    assert "Nästa riskdatum: " in text
    assert f"{base}/feeds/aneby/riskdatum-aneby.ics" in text
    assert "Börja här: " in text
    for path, word in (("/", "Aneby"), ("/feeds/aneby/riskdatum-aneby.ics", "BEGIN:VCALENDAR"), ("/readyz", "ok")):
        with urllib.request.urlopen(base + path, timeout=10) as answer:
            assert word in answer.read().decode()

    os.killpg(child.pid, signal.SIGTERM)

    child.wait(timeout=20)
    with pytest.raises(OSError):
        urllib.request.urlopen(base, timeout=5)


def test_make_test_runs_the_tests_and_lets_none_be_skipped() -> None:
    shown = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "pytest" in shown
    assert "--no-skips" in shown


@pytest.mark.clients
def test_the_tour_can_be_walked_from_start_to_end(environ: dict[str, str], tmp_path: Path) -> None:
    """Numbers in the README are examples: here they are the first post there is."""
    commands = tour()
    assert len(commands) >= 10
    for line in commands:
        words = ["1" if word == "12" else word for word in shlex.split(line)]
        result = subprocess.run(
            [str(BIN / words[0]), *words[1:]], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{line}\n{result.stdout}\n{result.stderr}"
        assert "Traceback" not in result.stderr


def test_every_setting_stands_in_the_readme() -> None:
    assert [name for name in DESCRIPTIONS if f"`{PREFIX}{name}`" not in README] == []


def test_every_dependency_stands_in_the_readme_and_is_bounded_and_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for requirement in wanted:
        name = re.split(r"[\[<>=]", requirement)[0]
        assert re.search(rf"\b{re.escape(name)}\b", README) or name.startswith("types-"), f"{name} saknas i README"
        assert re.search(rf"^{re.escape(name)}(\[.*\])?==", locked, re.MULTILINE), f"{name} är inte låst"
        assert ">=" in requirement
        assert "<" in requirement
    assert "://" not in locked
    assert "index" not in locked


def test_the_table_of_channels_says_what_each_can_do() -> None:
    rows = [line.split("|")[1:-1] for line in README.splitlines() if re.match(r"\| `[a-z]+`.*\|.*\|.*\|.*\|.*\|", line)]
    told = {kind: [cell.strip() for cell in cells] for cells in rows for kind in re.findall(r"`([a-z]+)`", cells[0])}
    assert set(told) == set(KINDS)
    for kind, (_, needs, after, withdraws, corrects, tried) in told.items():
        channel = KINDS[kind](Environment(environ={}))
        assert (withdraws == "ja") is can(kind, Withdrawing), kind
        assert (corrects != "nej") is can(kind, Correcting), kind
        assert (after == "en person avgör") is not (channel.is_local or channel.is_idempotent or channel.can_find), kind
        assert all(f"`{name}`" in needs for name in NEEDED.get(kind, ())), kind
        assert ("kontraktet" in tried) is (kind not in ("webb", "skarm", "manuell", "wordpress", "bluesky", "smtp")), (
            kind
        )
