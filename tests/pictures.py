"""Takes the pictures that the README and the help page show: `make pictures`, or, of every page, into a folder:

    python -m tests.pictures FOLDER

Needs node with the packages in tests/package.json, and Chromium (`apt install chromium`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image

from campaigns.database import Database
from campaigns.migrate import upgrade
from campaigns.web.staff.frame import cookie_name
from tests import worlds
from tests.serving import served
from tests.sites import Place
from tests.test_rooms import addresses

SCRIPT = Path(__file__).with_name("pictures.mjs")
SHOWN = Path(__file__).parent.parent / "campaigns" / "web" / "static" / "hjalp"
PORT = 18_750
# The file, and the page.
MAIN = (
    ("idag", "/kommun/aneby/idag"),
    ("kalender", "/kommun/aneby/kalender"),
    ("arshjul", "/kommun/aneby/arshjul"),
    ("kampanjer", "/kommun/aneby/kampanjer/valborg/2027"),
    ("mallar", "/kommun/aneby/mallar/{post}"),
    ("granska", "/kommun/aneby/granska/{post}"),
    ("ko", "/kommun/aneby/ko?flik=osakert"),
    ("paus", "/kommun/aneby/paus"),
)


def main(arguments: list[str]) -> None:
    """Take the pictures for the README, or with a folder as argument of all pages, wide and narrow, light and dark."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/kampanjhjul.db")
        upgrade(database)
        place = worlds.typical(Place(database, base_url=f"http://127.0.0.1:{PORT}"))
        wanted = every(place, Path(arguments[0])) if arguments else shown(place, Path(folder))
        cookie = {"name": cookie_name(place.parts), "value": worlds.staffed(place)}
        with served(place, PORT):
            asked = json.dumps({"base": place.base_url, "cookie": cookie, "pictures": wanted})
            subprocess.run(["node", str(SCRIPT)], input=asked, text=True, check=True, timeout=900)
        database.close()
        if not arguments:
            for picture in wanted:
                _shrink(Path(picture["file"]))


def shown(place: Place, folder: Path) -> list[dict[str, Any]]:
    """The pictures of the README and the help page."""
    values = worlds.examples(place)
    return [
        {
            "path": path.format(**values),
            "file": str(folder / f"{name}.png"),
            "width": 1280,
            "height": 800,
            "scheme": "light",
            "full": False,
        }
        for name, path in MAIN
    ]


def every(place: Place, folder: Path) -> list[dict[str, Any]]:
    """Every page in four ways, the whole of it."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        {
            "path": path,
            "file": str(folder / f"{number:02}{path.replace('/', '_').replace('?', '_')}-{width}-{scheme}.png"),
            "width": width,
            "height": 900,
            "scheme": scheme,
            "full": True,
        }
        for number, path in enumerate(addresses(place))
        for width, scheme in product((1280, 390), ("light", "dark"))
    ]


def _shrink(path: Path) -> None:
    SHOWN.mkdir(exist_ok=True)
    with Image.open(path) as picture:
        picture.save(SHOWN / f"{path.stem}.webp", quality=70, method=6)


if __name__ == "__main__":
    main(sys.argv[1:])
