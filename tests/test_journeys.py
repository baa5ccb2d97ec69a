"""From signing in to ”publicerad” in a real browser: by keyboard alone, on a phone, and without JavaScript.

An editor writes and signs for the municipality, a police officer signs, and the worker sends at the hour.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.database import Database
from campaigns.migrate import upgrade
from campaigns.models import Role
from campaigns.people import links, persons
from campaigns.sending import delivery
from campaigns.web.staff.frame import cookie_name
from tests.serving import served
from tests.sites import Place, planned

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).with_name("journey.mjs")
KEY = "valborg/2027/valborg/infor/syskon"
TEXT = "Säg nej till ditt syskon. Det är omtanke."
PASSWORD = "fyra ord i rad"


def invited(place: Place, name: str, *roles: tuple[Role, str]) -> dict[str, str]:
    """Somebody who has been invited and has chosen a password."""
    email = f"{name.split()[0].lower()}@example.se"
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        person = persons.add_person(session, email=email, name=name, now=place.clock.at)
        for role, party in roles:
            persons.give_role(session, aneby, person, role=role, party=party, actor="testet", now=place.clock.at)
        secret = links.link_for(session, person, now=place.clock.at)
        links.use(session, secret, email="", name="", password=PASSWORD, now=place.clock.at)
    return {"email": email, "password": PASSWORD}


@contextmanager
def hurrying(place: Place) -> Iterator[None]:
    """A worker that sends what is due on channels of our own, while the clock runs twenty times as fast."""
    stopped = threading.Event()

    def work() -> None:
        while not stopped.wait(0.1):
            place.clock.at += timedelta(seconds=2)
            delivery.send_due(place.parts.sender(), place.parts.catalog, local=True)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


@pytest.mark.parametrize(("way", "port"), [("keyboard", 18_761), ("phone", 18_762), ("plain", 18_763)])
def test_one_text_goes_the_whole_way(way: str, port: int, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'kampanjhjul.db'}")
    upgrade(database)
    place = planned(Place(database, base_url=f"http://127.0.0.1:{port}"))
    post = place.write(KEY)
    place.clock.at = post.due_at
    people = [
        invited(place, "Kim Kommun", (Role.EDITOR, ""), (Role.APPROVER, "kommun")),
        invited(place, "Pia Polis", (Role.APPROVER, "polis")),
    ]
    wanted = {"base": place.base_url, "way": way, "post": post.id, "text": TEXT, "people": people}

    with served(place, port), hurrying(place):
        run = subprocess.run(
            ["node", str(SCRIPT)], input=json.dumps(wanted), capture_output=True, text=True, timeout=300, check=False
        )

    assert run.returncode == 0, run.stderr
    seen: dict[str, Any] = json.loads(run.stdout)
    assert TEXT in seen["shown"]
    assert "Publicerad" in seen["queue"]
    assert TEXT in place.page("/sida/aneby") or "Säg nej" in place.page("/sida/aneby")
    assert place.town.states()["webb"] == "published"
    assert {name: seen[name] for name in ("errors", "foreign", "unseenFocus", "sideways")} == {
        "errors": [],
        "foreign": [],
        "unseenFocus": [],
        "sideways": [],
    }
    database.close()


def test_going_back_after_signing_out_shows_nothing_private(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'kampanjhjul.db'}")
    upgrade(database)
    place = planned(Place(database, base_url="http://127.0.0.1:18764"))
    client = place.staff()
    cookie = {"name": cookie_name(place.parts), "value": client.cookie}
    wanted = {"base": place.base_url, "path": "/kommun/aneby/logg", "cookie": cookie}

    with served(place, 18_764):
        run = subprocess.run(
            ["node", str(SCRIPT.with_name("back.mjs"))],
            input=json.dumps(wanted),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert run.returncode == 0, run.stderr
    seen: dict[str, Any] = json.loads(run.stdout)
    assert "Kim Kommun" in seen["before"] or "testet" in seen["before"]
    assert seen["landed"] == "/logga-in"
    assert "testet" not in seen["after"]
    assert "Lösenord" in seen["after"]
    database.close()
