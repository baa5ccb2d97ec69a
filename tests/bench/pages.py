"""The pages for staff: how long the server takes to make what people wait for."""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from campaigns.content import decomposed
from campaigns.database import Database
from campaigns.migrate import upgrade
from campaigns.posts import materialise
from tests import worlds
from tests.bench.measuring import Row, at_most, percentile, seconds
from tests.conftest import CONFIG
from tests.sites import Place, StaffClient, planned
from tests.test_rooms import addresses

PREVIEW_MS, ROUNDS = 30, 120
PAGE_MS, TRIES = 50, 5
POST = "valborg/2027/valborg/infor/syskon"
# Every kind of channel that can be previewed, in the step that is measured.
CHANNELS = """
[channels.wordpress]
kind = "wordpress"
url = "https://www.aneby.se"
account = "kampanj"
secret = "env:X"
[channels.facebook]
kind = "facebook"
account = "1"
secret = "env:X"
[channels.linkedin]
kind = "linkedin"
account = "urn:li:organization:1"
secret = "env:X"
[channels.mastodon]
kind = "mastodon"
url = "https://social.example.se"
secret = "env:X"
[channels.bluesky]
kind = "bluesky"
account = "aneby.example.se"
secret = "env:X"
[channels.teams]
kind = "teams"
secret = "env:X"
[channels.epost]
kind = "smtp"
secret = "env:X"
sender = "kampanj@aneby.se"
recipients = { alla = "alla@aneby.se" }
[channels.sms]
kind = "sms"
secret = "env:X"
sender = "Aneby"
recipients = { jour = "+46701740605" }
"""
NAMED = ("wordpress", "facebook", "linkedin", "mastodon", "bluesky", "teams", "epost", "sms")


def run(folder: Path) -> Iterable[Row]:
    database = Database(f"sqlite:///{folder / 'kampanjhjul.db'}")
    upgrade(database)
    place = planned(Place(database, config=_config(folder)))
    try:
        yield from previews(place, place.staff())
    finally:
        database.close()
    yield from every_page(folder)


def every_page(folder: Path) -> Iterable[Row]:
    """Every page of one of six municipalities whose year is planned, asked for as a browser does, a few times each."""
    database = Database(f"sqlite:///{folder / 'six.db'}")
    upgrade(database)
    place = worlds.full(Place(database, config=_six_towns(folder)))
    for municipality in place.parts.catalog.municipalities.values():
        with database.write() as session:
            materialise(session, place.parts.catalog, place.parts.messages, municipality, now=place.clock.at)
    client = StaffClient(place.site.application, place.parts, worlds.staffed(place))
    middles = {}
    for path in addresses(place):
        client.page(path)  # its template is read the first time
        middles[path] = statistics.median(1000 * seconds(partial(client.page, path)) for _ in range(TRIES))
    slowest = max(middles, key=middles.__getitem__)
    yield at_most(
        f"Alla {len(middles)} sidor, sex kommuner, hela anropet",
        statistics.median(middles.values()),
        limit=PAGE_MS,
        unit="ms",
        detail=f"median; långsammast {middles[slowest]:.0f} ms: {slowest}",
    )
    database.close()


def previews(place: Place, client: StaffClient) -> Iterable[Row]:
    """A preview of a post in all its channels, asked for as the editor's page does, with a new word each time."""
    post = place.town.post(POST)
    source = (place.parts.messages / "valborg" / "infor.syskon.md").read_text(encoding="utf-8")
    fields = decomposed(source)
    took, worked = [], []
    for number in range(ROUNDS):
        form = {
            "sprak": "sv",
            "rubrik": fields.title,
            "kort": f"{fields.short} – {number}",
            "text": f"{fields.body}\n\nOrd nummer {number}.",
            "uppgift": list(fields.sources),
        }
        began = time.process_time()
        took.append(1000 * seconds(partial(_asked, client, f"/kommun/aneby/mallar/{post.id}", form)))
        worked.append(1000 * (time.process_time() - began))
    middle = statistics.median(took)
    yield at_most(
        f"Förhandsvisning i {len(post.channels.split())} kanaler, hela anropet",
        middle,
        limit=PREVIEW_MS,
        unit="ms",
        detail=f"median; p99 {percentile(took, 99):.1f} ms, processortid {statistics.median(worked):.1f} ms".replace(
            ".", ","
        ),
    )


def _asked(client: StaffClient, address: str, form: Mapping[str, object]) -> None:
    answer = client.post(f"{address}/forhandsvisning", data=form)
    assert answer.status_code == 200, answer.text
    assert answer.text.count('class="look"') == len(NAMED) + 3, "a channel is not shown"


def _config(folder: Path) -> Path:
    """The shipped configuration with all those channels in the step."""
    target = folder / "config"
    shutil.copytree(CONFIG, target)
    town = target / "municipalities" / "aneby.toml"
    town.write_text(town.read_text(encoding="utf-8") + CHANNELS, encoding="utf-8")
    campaign = target / "campaigns" / "valborg.toml"
    old = '"sociala-medier", "webhook"]'
    named = ", ".join(f'"{name}"' for name in NAMED)
    text = campaign.read_text(encoding="utf-8").replace(old, f'"sociala-medier", {named}]')
    campaign.write_text(text, encoding="utf-8")
    return target


def _six_towns(folder: Path) -> Path:
    """The shipped configuration with five made-up municipalities beside Aneby."""
    target = folder / "six"
    shutil.copytree(CONFIG, target)
    towns = target / "municipalities"
    own = (towns / "aneby.toml").read_text(encoding="utf-8")
    promises = target / "promises.toml"
    names = [f"kommun-{number}" for number in range(1, 6)]
    for name in names:
        (towns / f"{name}.toml").write_text(own, encoding="utf-8")
    given = ", ".join(f'"{name}"' for name in ("aneby", *names))
    text = promises.read_text(encoding="utf-8").replace('municipalities = ["aneby"]', f"municipalities = [{given}]")
    promises.write_text(text, encoding="utf-8")
    return target
