"""Signing a follow-up, or sending it back, without a browser: over the API with a token, and on the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.followup import drafts
from campaigns.followup.periods import period_from
from tests.conftest import Run
from tests.sites import Place, planned

pytestmark = pytest.mark.longer

MAY = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
API = "/api/v1/follow-ups"


@pytest.fixture
def place(database: Database) -> Place:
    """Aneby on Mon 2026-05-04, with a draft of the first tertial."""
    place = planned(Place(database), at=MAY)
    _made(database, place.parts.catalog, "2026-t1", MAY)
    return place


def _made(database: Database, catalog: Catalog, period: str, now: datetime) -> None:
    with database.write() as session:
        drafts.make(session, catalog, catalog.municipality("aneby"), period_from(period), name="Sam", now=now)


def listed(place: Place, token: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = next(
        item for item in place.client.get(API, headers=token).json() if item["id"] == "2026-t1"
    )
    return found


def test_each_party_signs_what_it_was_shown_and_the_last_one_publishes_it(place: Place) -> None:
    kommun, polis = place.token("kommun", "Kim Kommun"), place.token("polis", "Pia Polis")
    draft = listed(place, kommun)
    assert (draft["state"], draft["missing"]) == ("draft", ["kommun", "polis"])
    shown = place.client.get(f"{API}/2026-t1/stored", headers=kommun).json()
    assert shown["digest"] == draft["digest"]
    assert shown["document"]["title"] == "Tertial 1 2026, januari–april"

    body = {"digest": shown["digest"]}
    first = place.client.post(f"{API}/2026-t1/approve", headers=kommun, json=body).json()
    assert (first["state"], first["missing"]) == ("draft", ["polis"])
    second = place.client.post(f"{API}/2026-t1/approve", headers=polis, json=body).json()

    assert (second["state"], second["missing"]) == ("published", [])
    assert [(item["party"], item["name"]) for item in second["signatures"]] == [
        ("kommun", "Kim Kommun"),
        ("polis", "Pia Polis"),
    ]
    assert listed(place, polis)["state"] == "published"
    assert "tertial 1 2026" in place.page("/sida/aneby/uppfoljning/2026-t1")


def test_a_party_sends_it_back_with_what_should_be_changed(place: Place) -> None:
    kommun, polis = place.token("kommun", "Kim Kommun"), place.token("polis", "Pia Polis")
    digest = listed(place, kommun)["digest"]
    place.client.post(f"{API}/2026-t1/approve", headers=kommun, json={"digest": digest})

    sent = place.client.post(f"{API}/2026-t1/reject", headers=polis, json={"reason": "Nämn mötet."}).json()

    assert (sent["missing"], sent["signatures"]) == (["kommun", "polis"], [])
    assert sent["sent_back"] == {
        "party": "polis",
        "name": "Pia Polis",
        "at": "2026-05-04T07:00:00Z",
        "reason": "Nämn mötet.",
    }


def test_what_may_not_be_signed_is_refused(place: Place) -> None:
    kommun, nobody = place.token("kommun", "Kim Kommun"), place.token()
    body = {"digest": listed(place, kommun)["digest"]}

    def status(where: str, token: dict[str, str], given: dict[str, str]) -> int:
        return place.client.post(f"{API}/{where}", headers=token, json=given).status_code

    assert status("2026-t1/approve", nobody, body) == 403
    assert status("2026-t1/reject", nobody, {"reason": "Nej."}) == 403
    assert status("2026-t1/approve", {}, body) == 401
    assert status("2026-t1/approve", kommun, {"digest": "0" * 64}) == 409
    assert status("2026-t1/approve", kommun, {"digest": "kort"}) == 422
    assert status("2026-t1/reject", kommun, {"reason": ""}) == 422
    assert status("2025-t1/approve", kommun, body) == 404
    assert status("2026-t9/reject", kommun, {"reason": "Nej."}) == 404
    other = place.token("polis", "Pia Polis")
    assert status("2026-t1/approve", kommun, body) == 200
    assert status("2026-t1/approve", place.token("polis", "Kim Kommun"), body) == 409
    assert status("2026-t1/approve", other, body) == 200
    assert status("2026-t1/reject", other, {"reason": "Nej."}) == 409


def test_on_the_command_line(run: Run, tmp_path: Path, catalog: Catalog) -> None:
    assert run("posts")[0] == 0
    database = Database(f"sqlite:///{tmp_path / 'data' / 'kampanjhjul.db'}")
    _made(database, catalog, "2025-t1", datetime.now(UTC))
    database.close()

    def stored() -> dict[str, Any]:
        code, out, _ = run("follow-up", "--list", "--municipality", "aneby", "--json")
        assert code == 0
        found: dict[str, Any] = next(item for item in json.loads(out) if item["id"] == "2025-t1")
        return found

    whose = ("--municipality", "aneby", "--party")
    digest = stored()["digest"]
    assert run("approve-follow-up", "2025-t1", *whose, "kommun", "--as", "Kim", "--digest", digest)[0] == 0
    assert stored()["missing"] == ["polis"]
    code, out, _ = run("reject-follow-up", "2025-t1", *whose, "polis", "--as", "Pia", "--reason", "Nämn mötet.")
    assert (code, "skickad tillbaka" in out) == (0, True)
    assert (stored()["missing"], stored()["sent_back"]) == (["kommun", "polis"], "Nämn mötet.")
    assert "skickad tillbaka: Nämn mötet." in run("follow-up", "--list", "--municipality", "aneby")[1]
    code, _, told = run("approve-follow-up", "2025-t1", *whose, "kommun", "--as", "Kim", "--digest", "0" * 64)
    assert (code, "har ändrats" in told) == (1, True)
    for party, name in (("kommun", "Kim"), ("polis", "Pia")):
        code, out, _ = run("approve-follow-up", "2025-t1", *whose, party, "--as", name)
        assert code == 0
    assert "Uppföljningen är publicerad." in out
    assert stored()["state"] == "published"
