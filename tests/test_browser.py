"""The pages in a real browser: accessible, within their own origin, and without scrolling sideways.

Needs node with the packages in tests/package.json, and Chromium (`apt install chromium`, or its path in CHROMIUM).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from campaigns.database import Database
from campaigns.migrate import upgrade
from tests.serving import served
from tests.sites import Place, planned

pytestmark = pytest.mark.clients

SCRIPT = Path(__file__).with_name("test_browser.mjs")
PORT = 18_734
BASE_URL = f"http://127.0.0.1:{PORT}"
LONG_TITLE = "Midsommarafton närmar sig med stormsteg: prata om kvällen och bestäm hemvägen nu"
LONG_SHORT = " ".join(["Ungdomsmottagningen"] * 6 + ["är", "öppen"] * 9)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A site on a port of this machine, with a season half done: published, failed, unsigned, undated."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('browser') / 'kampanjhjul.db'}")
    upgrade(database)
    place = planned(Place(database, base_url=BASE_URL))
    for key in ("tidigt/foraldrar", "veckan/foraldrar", "infor/syskon"):
        place.publish(
            f"valborg/2027/valborg/{key}", body="Köp **inte** ut.\n\n- Ring\n- Hämta\n\n[Läs mer](https://www.iq.se)"
        )
    place.publish("valborg/2027/valborg/paminnelse/syskon", title=LONG_TITLE, short=LONG_SHORT)
    with served(place, PORT):
        yield place
    database.close()


def opened(*wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """What the browser saw of each page."""
    pages = [{"height": 900, **page, "url": BASE_URL + page["url"]} for page in wanted]
    run = subprocess.run(
        ["node", str(SCRIPT), json.dumps(pages)], capture_output=True, text=True, timeout=300, env=dict(os.environ)
    )
    assert run.returncode == 0, run.stderr
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


def test_the_pages_meet_wcag_aa_wide_and_narrow_light_and_dark(place: Place) -> None:
    seen = opened(
        *(
            {"url": url, "width": width, "scheme": scheme}
            for url, width, scheme in product(
                ("/", "/sida/aneby", "/skarm/aneby", "/finns-inte"), (1280, 320), ("light", "dark")
            )
        )
    )

    assert [(page["url"], page["violations"]) for page in seen if page["violations"]] == []
    # A page that axe found nothing to look at would pass too.
    assert min(page["passes"] for page in seen) >= 10
    assert [page["url"] for page in seen if page["foreign"]] == []
    assert [(page["url"], page["errors"]) for page in seen if page["errors"] and page["status"] == 200] == []
    assert [(page["url"], page["overflow"]["x"]) for page in seen if page["overflow"]["x"] > 0] == []


def test_the_first_thing_that_the_keyboard_meets_is_the_way_past_the_menu(place: Place) -> None:
    seen = opened({"url": "/", "width": 1280}, {"url": "/sida/aneby", "width": 320})

    assert [page["focused"] for page in seen] == ["Hoppa till innehållet"] * 2


def test_a_screen_never_scrolls_and_never_cuts_its_text(place: Place) -> None:
    sizes = [(1920, 1080), (1080, 1920), (3840, 2160), (1280, 720), (1024, 768)]

    seen = opened(
        *(
            {"url": f"/skarm/aneby?n={number}", "width": width, "height": height}
            for (width, height), number in product(sizes, (0, 1))
        )
    )

    assert [page["overflow"] for page in seen] == [{"x": 0, "y": 0, "cut": 0}] * len(seen)


def test_the_pages_show_everything_without_javascript(place: Place) -> None:
    seen = opened(*({"url": url, "width": 1280, "script": False} for url in ("/", "/sida/aneby", "/skarm/aneby")))

    assert [(page["status"], page["errors"], page["foreign"]) for page in seen] == [(200, [], [])] * 3


def test_the_copy_button_answers(place: Place) -> None:
    [page] = opened({"url": "/", "width": 1280, "click": "button.copy"})

    assert page["errors"] == []
    assert page["violations"] == []
