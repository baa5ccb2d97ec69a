"""Microsoft's own reader of Adaptive Cards takes the card that the Teams channel sends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from campaigns.channels.base import Picture
from campaigns.channels.teams import card_of
from campaigns.content import Content
from tests.contracts import CONTENT

pytestmark = pytest.mark.clients

ROOT = Path(__file__).parent.parent
PICTURE = Picture("tält.png", "image/png", 800, 600, b"\x89PNG", "https://kampanj.example/bilder/1.png")


def read(card: dict[str, Any]) -> dict[str, Any]:
    run = subprocess.run(
        ["node", str(ROOT / "tests/teams_card.mjs")],
        input=json.dumps(card),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_the_reader_finds_no_fault_and_every_word() -> None:
    card = card_of(Content(**{**CONTENT, "image": "tält.png", "alt": "Ett tält."}), PICTURE)

    found = read(card)

    assert found["faults"] == []
    assert found["types"] == [block["type"] for block in card["body"]]
    assert "Image" in found["types"]
    assert found["texts"] == [run["text"] for block in card["body"] for run in block.get("inlines", ())]
    assert found["texts"][0] == CONTENT["title"]


def test_the_reader_takes_a_card_from_right_to_left_without_a_link() -> None:
    assert read(card_of(Content("عنوان", "نص", "نص", language="ar"), None))["faults"] == []


def test_the_reader_does_find_faults() -> None:
    card = card_of(Content(**CONTENT), None)
    card["body"].append({"type": "Rubrik", "text": "Hej"})
    del card["actions"][0]["url"]

    assert len(read(card)["faults"]) >= 2
