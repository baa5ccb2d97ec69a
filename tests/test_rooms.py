"""Every page there is, empty, half done and full: accessible, valid, light, and within its own origin.

The pages are found from the application, so that none is forgotten. Needs node with the packages in
tests/package.json, Chromium and Java (`apt install chromium default-jre-headless`).
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from campaigns.database import Database
from campaigns.migrate import upgrade
from campaigns.web.app import create_app
from campaigns.web.pages import Pages
from campaigns.web.staff.frame import cookie_name
from campaigns.web.staff.rooms import ROOMS
from tests import worlds
from tests.serving import served
from tests.sites import Place
from tests.worlds import WORLDS

pytestmark = pytest.mark.browser

OF_OPERATORS = "/drift"  # no room of a municipality's
SCRIPT = Path(__file__).with_name("rooms.mjs")
VALIDATOR = Path(__file__).parent.parent / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
HEAVIEST = 100_000  # bytes as they are sent, pictures not counted
# Files and pictures are no pages.
_FILES = re.compile(r"\.(csv|svg|css|ics|pdf|json)$|/bild/")


def addresses(place: Place) -> list[str]:
    """An address for every page of the application. A parameter that nobody knows a value for fails the test."""
    values = worlds.examples(place)
    asked = worlds.questions(place)
    found = []
    for page in ROOMS:
        if page.get is None or _FILES.search(page.path):
            continue
        names = re.findall(r"{(\w+)(?::\w+)?}", page.address)
        if any(values[name] is None for name in names):  # there is none in this world
            continue
        question = asked.get(page.path, "")
        if question is not None:
            found.append(re.sub(r"{(\w+)(?::\w+)?}", lambda name: str(values[name[1]]), page.address) + question)
    return [*found, *worlds.variants(place), OF_OPERATORS]


@pytest.mark.parametrize("world", WORLDS)
def test_every_page_is_accessible_valid_light_and_keeps_to_itself(world: str, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'kampanjhjul.db'}")
    upgrade(database)
    port = 18_740 + list(WORLDS).index(world)
    base = f"http://127.0.0.1:{port}"
    place = WORLDS[world](Place(database, base_url=base))
    cookie = worlds.staffed(place)
    signed_in, opened = addresses(place), worlds.open_pages(place)
    paths = [*signed_in, *opened]
    wanted = {
        "base": base,
        "cookie": {"name": cookie_name(place.parts), "value": cookie},
        "folder": str(tmp_path),
        "pages": signed_in,
        "open": opened,
    }

    with served(place, port):
        run = subprocess.run(
            ["node", str(SCRIPT)], input=json.dumps(wanted), capture_output=True, text=True, timeout=900, check=False
        )
    assert run.returncode == 0, run.stderr
    seen: list[dict[str, Any]] = json.loads(run.stdout)

    assert len(seen) == len(paths) > 3
    assert [(page["path"], page["status"]) for page in seen if page["status"] != 200] == []
    assert [(page["path"], page["landed"]) for page in seen if page["path"].split("?")[0] != page["landed"]] == []
    assert [(page["path"], page["violations"]) for page in seen if page["violations"]] == []
    assert [(page["path"], page["errors"]) for page in seen if page["errors"]] == []
    assert [(page["path"], page["foreign"]) for page in seen if page["foreign"]] == []
    assert [(page["path"], page["overflow"]) for page in seen if page["overflow"]] == []
    assert [(page["path"], page["bytes"]) for page in seen if page["bytes"] > HEAVIEST] == []
    # A page that axe found nothing to look at would pass too.
    assert min(page["passes"] for page in seen) >= 10
    assert _invalid(tmp_path, paths) == []
    database.close()


# It guesses the language from the words; of a page of dates it guesses Danish.
_A_GUESS = "This document appears to be written in "


def _invalid(folder: Path, pages: list[str]) -> list[str]:
    """What the validator of HTML says against the files in `folder`."""
    files = sorted(folder.glob("*.html"))
    assert len(files) == len(pages)
    run = subprocess.run(
        ["java", "-jar", str(VALIDATOR), "--stdout", "--format", "json", "--exit-zero-always", *map(str, files)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    messages = json.loads(run.stdout)["messages"]
    return [
        f"{pages[int(Path(item['url']).stem)]}: {item['message']} ({item.get('extract', '')!r})"
        for item in messages
        if (item["type"] == "error" or item.get("subType") == "warning") and not item["message"].startswith(_A_GUESS)
    ]


# Answers that are no pages: for programs, files and pictures, and those that only lead on.
_NO_PAGES = re.compile(
    r"/api/.*|/healthz|/readyz|/metrics|/robots\.txt|/mina-kommuner|/l/.*|/bilder/.*|/static/.*|.*/bild/.*|.*\.\{(ending|kind)\}|.*\.(css|svg)"
)


def test_no_open_page_of_the_application_is_forgotten(tmp_path: Path) -> None:
    """Every address that can be read, found from the application, is one of those that the browser opens."""
    database = Database(f"sqlite:///{tmp_path / 'kampanjhjul.db'}")
    upgrade(database)
    place = WORLDS["full"](Place(database))
    opened = [*(path.partition("?")[0] for path in worlds.open_pages(place)), OF_OPERATORS]
    app = create_app(place.parts, Pages(place.parts))
    found = [route for route in app.routes if isinstance(route, Route) and "GET" in (route.methods or ())]
    of_rooms = {page.address for page in ROOMS}

    wanted = [route for route in found if route.path not in of_rooms and not _NO_PAGES.fullmatch(route.path)]
    forgotten = [route.path for route in wanted if not any(route.path_regex.fullmatch(path) for path in opened)]

    assert len(wanted) >= 8
    assert forgotten == []
    database.close()
