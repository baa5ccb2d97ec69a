"""The product as installed: a wheel in an empty folder, and a published message in a real feed reader."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
import venv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.catalog import Catalog
from campaigns.channels.webb import Webb
from campaigns.database import Database
from campaigns.migrate import upgrade
from campaigns.sending.delivery import send_due
from tests.fakes import Clock, Town

pytestmark = pytest.mark.clients

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def clean_environ(**more: str) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if not name.startswith("KAMPANJHJUL_")}, **more}


def test_a_wheel_runs_from_an_empty_folder_with_what_it_ships(tmp_path: Path) -> None:
    subprocess.run(
        [str(BIN / "pip"), "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path / "dist"), str(ROOT)],
        check=True,
        capture_output=True,
    )
    [wheel] = (tmp_path / "dist").glob("kampanjhjul-*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--no-deps", str(wheel)], check=True)
    # The dependencies are those that this run is tested with.
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    folder = next((tmp_path / "venv" / "lib").glob("python3*")) / "site-packages"
    (folder / "dependencies.pth").write_text(packages, encoding="utf-8")
    empty = tmp_path / "tom"
    empty.mkdir()

    def kampanjhjul(*words: str) -> str:
        command = [str(tmp_path / "venv" / "bin" / "kampanjhjul"), *words]
        return subprocess.run(
            command, cwd=empty, env=clean_environ(), check=True, capture_output=True, text=True
        ).stdout

    assert "0 fel" in kampanjhjul("check")
    assert "Aneby kommun" in kampanjhjul("preview", "jul", "tidigt", "foraldrar")
    where = subprocess.run(
        [str(python), "-c", "import campaigns; print(campaigns.__file__)"], cwd=empty, capture_output=True, text=True
    )
    assert str(tmp_path) in where.stdout
    kampanjhjul("init", ".")
    assert (empty / "config" / "municipalities" / "aneby.toml").is_file()
    assert "0 fel" in kampanjhjul("check")


def test_a_feed_reader_shows_the_published_message_once(tmp_path: Path, catalog: Catalog) -> None:
    data = tmp_path / "data"
    database = Database(f"sqlite:///{data}/kampanjhjul.db")
    upgrade(database)
    town = Town(database, catalog, Clock(datetime(2026, 4, 12, 7, 0, tzinfo=UTC)))
    town.plan()
    town.sign("valborg/2026/valborg/paminnelse/foraldrar")
    town.clock.at = datetime(2026, 4, 30, 6, 0, tzinfo=UTC)  # Thu 2026-04-30 08.00 summer time
    assert send_due(town.sender(Webb()), catalog, local=True) == 1
    database.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = clean_environ(KAMPANJHJUL_DATA_DIR=str(data), KAMPANJHJUL_PORT=str(port))
    child = subprocess.Popen([str(BIN / "kampanjhjul"), "web"], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        for name in ("rss", "atom"):
            url = f"http://127.0.0.1:{port}/feeds/aneby/nyheter.{name}"
            _wait_for(url)
            assert _read_by_newsboat(url, tmp_path / name) == ["Valborg: var nåbar hela kvällen"]
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=20)


def _read_by_newsboat(url: str, folder: Path) -> list[str]:
    """The title of each article that newsboat has after two fetches."""
    folder.mkdir()
    (folder / "urls").write_text(url + "\n", encoding="utf-8")
    (folder / "config").touch()
    cache = folder / "cache.db"
    for _ in range(2):
        subprocess.run(
            ["newsboat", "-C", str(folder / "config"), "-u", str(folder / "urls"), "-c", str(cache), "-x", "reload"],
            check=True,
            capture_output=True,
            env={**os.environ, "HOME": str(folder)},
        )
    connection = sqlite3.connect(cache)
    rows = connection.execute("SELECT title FROM rss_item").fetchall()
    connection.close()
    return [str(title) for (title,) in rows]


def _wait_for(url: str) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
