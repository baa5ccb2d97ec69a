"""What the chaos test and its workers share: a town with six channels to servers on this machine, and its clock."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from campaigns.catalog import Catalog
from campaigns.reading import load
from tests.builders import make_channel
from tests.conftest import CHANNEL_KINDS, CONFIG
from tests.fake_bluesky import HANDLE
from tests.fake_bluesky import SECRET as APP_PASSWORD
from tests.graph_api import TOKEN as PAGE_TOKEN
from tests.test_channels_facebook import PAGE
from tests.test_channels_sms import NUMBER
from tests.test_channels_sms import SECRET as ELKS
from tests.test_channels_teams import PATH
from tests.test_channels_webhook import SECRET
from tests.wordpress_api import ACCOUNT, PASSWORD

SPEED = 60  # a second of ours is a minute of theirs


@dataclass(frozen=True)
class FileClock:
    """A clock that every process reads from the same file, and that runs `SPEED` times as fast as ours."""

    path: Path

    def __call__(self) -> datetime:
        began, real = json.loads(self.path.read_text(encoding="utf-8"))
        return datetime.fromtimestamp(began + SPEED * (time.time() - real), tz=UTC)

    def set(self, moment: datetime) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps([moment.timestamp(), time.time()]), encoding="utf-8")
        new.replace(self.path)


def secrets(ports: Mapping[str, int]) -> dict[str, str]:
    return {
        "WEBHOOK": SECRET,
        "WORDPRESS": PASSWORD,
        "BLUESKY": APP_PASSWORD,
        "FACEBOOK": PAGE_TOKEN,
        "SMS": ELKS,
        "TEAMS": f"http://127.0.0.1:{ports['teams']}{PATH}",
    }


def catalog_of(ports: Mapping[str, int]) -> Catalog:
    """The shipped catalog, where Aneby has the six channels and nothing else."""
    own: dict[str, dict[str, Any]] = {
        "wordpress": {"account": ACCOUNT},
        "bluesky": {"account": HANDLE},
        "facebook": {"account": PAGE},
        "sms": {"sender": "AnebyKommun", "recipients": {"jour": NUMBER}},
    }
    channels = tuple(
        make_channel(
            kind,
            url=None if kind == "teams" else f"http://127.0.0.1:{port}{'/a1' if kind == 'sms' else ''}",
            secret=f"env:{kind.upper()}",
            allow_private_addresses=True,
            **own.get(kind, {}),
        )
        for kind, port in ports.items()
    )
    catalog = load(CONFIG, channel_kinds=CHANNEL_KINDS)
    aneby = replace(catalog.municipality("aneby"), channels=channels)
    return replace(catalog, municipalities={"aneby": aneby})
