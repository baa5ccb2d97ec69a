"""Those who run the service see how every municipality stands, and nobody else does; a new one takes one command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sqlmodel import col, update

from campaigns import municipality_files
from campaigns.channels import KINDS
from campaigns.database import Database
from campaigns.errors import ConfigurationError, RefusedError
from campaigns.models import Delivery, Role
from campaigns.overviews import operating
from campaigns.people import persons, sign_ins
from campaigns.reading import load
from campaigns.sending import accounts
from campaigns.sending.accounts import Health, Lesson
from tests.conftest import CONFIG, Run
from tests.sites import Place, StaffClient
from tests.strangers import MARK, neighbours
from tests.worlds import typical

pytestmark = pytest.mark.pages


def operator(place: Place) -> StaffClient:
    with place.database.write() as session:
        person = persons.add_person(session, email="drift@example.se", name="Disa Drift", now=place.clock.at)
        persons.give_role(session, None, person, role=Role.OPERATOR, actor="testet", now=place.clock.at)
        secret = sign_ins.begin(session, person.id or 0, now=place.clock.at)
    return StaffClient(place.site.application, place.parts, secret, base_url=place.base_url)


def test_an_operator_sees_all_municipalities_and_opens_none(database: Database, tmp_path: Path) -> None:
    place = neighbours(database, tmp_path).place
    client = operator(place)

    page = client.page("/drift")

    assert "Aneby kommun" in page
    assert "Grannby kommun" in page
    assert MARK not in page
    assert client.get("/kommun/grannby/idag").status_code == 404
    assert client.get("/mina-kommuner").headers["location"] == "/drift"


@pytest.mark.parametrize("municipality", ["aneby", None])
def test_for_administrators_and_strangers_the_page_does_not_exist(database: Database, municipality: str | None) -> None:
    place = Place(database)

    assert place.staff(Role.ADMINISTRATOR, municipality=municipality).get("/drift").status_code == 404
    assert place.client.get("/drift").headers["location"] == "/logga-in"


def test_no_municipality_makes_operators(database: Database) -> None:
    place = Place(database)
    client = place.staff(Role.ADMINISTRATOR)

    answer = client.post(
        "/kommun/aneby/installningar/personer", data={"epost": "n@example.se", "namn": "Ny Person", "roll": "operator"}
    )

    assert answer.status_code == 422
    with database.read() as session:
        assert not any("drift" in role for row in persons.colleagues(session) for role in row.roles)


def test_it_tells_what_waits_fails_and_stands(database: Database) -> None:
    place = typical(Place(database))
    with database.write() as session:
        accounts.learn(session, [Lesson(("aneby", "webb"), Health.DEAD, "Inloggningen nekas.", place.clock.at)])
        session.execute(update(Delivery).where(col(Delivery.state) == "queued").values(next_attempt_at=place.clock.at))
    with database.read() as session:
        [row] = operating.standing(session, place.parts.catalog, now=place.clock.at)
        states = [item.state for item in place.town.deliveries()]

    assert (row.waiting, row.unknown) == (states.count("queued"), states.count("unknown"))
    assert row.failed == sum(states.count(state) for state in ("failed", "skipped", "missed")) > 0
    assert row.held == ("webb",)
    assert row.unsigned > 0
    assert row.last_sent is not None
    assert row.needs_somebody


def test_the_command_line_lists_adds_and_removes(run: Run) -> None:
    code, out, _ = run("operator", "add", "d@example.se", "--name", "Disa Drift", "--as", "Kim")
    listed = run("operator", "--json")
    removed = run("operator", "remove", "d@example.se", "--as", "Kim")

    assert (code, listed[0], removed[0]) == (0, 0, 0), (out, listed, removed)
    assert "/drift" in out
    assert [row["id"] for row in json.loads(listed[1])] == ["aneby"]


def test_a_new_municipality_is_one_file_that_reads_well(tmp_path: Path) -> None:
    config = tmp_path / "config"
    shutil.copytree(CONFIG, config)

    path = municipality_files.add(config, "habo", title="Habo kommun", code="0643", channel_kinds=KINDS)

    habo = load(config, channel_kinds=KINDS).municipality("habo")
    assert (habo.name, habo.short_name, habo.code) == ("Habo kommun", "Habo", "0643")
    assert len(municipality_files.unconfirmed(path)) >= 8
    with pytest.raises(RefusedError, match="finns redan"):
        municipality_files.add(config, "habo", channel_kinds=KINDS)
    assert load(config, channel_kinds=KINDS).municipality("habo").code == "0643"


@pytest.mark.parametrize("name", ["../habo", "Habo", "", "a" * 10 + "/b"])
def test_an_id_that_cannot_be_writes_nothing(tmp_path: Path, name: str) -> None:
    shutil.copytree(CONFIG, tmp_path / "config")

    with pytest.raises(RefusedError, match="kan inte vara ett id"):
        municipality_files.add(tmp_path / "config", name, channel_kinds=KINDS)

    assert [path.name for path in (tmp_path / "config/municipalities").iterdir()] == ["aneby.toml"]


def test_a_file_that_does_not_fit_is_taken_away_again(tmp_path: Path) -> None:
    shutil.copytree(CONFIG, tmp_path / "config")

    with pytest.raises(ConfigurationError):
        municipality_files.add(tmp_path / "config", "habo", code="abc", channel_kinds=KINDS)

    assert not (tmp_path / "config/municipalities/habo.toml").exists()


def test_the_command_tells_what_to_confirm(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("init", ".")[0] == 0

    code, out, err = run("municipality", "add", "habo", "--name", "Habo kommun", "--code", "0643")

    assert code == 0, err
    assert "rad 2: name" in out
    assert run("calendar", "--municipality", "habo", "--json")[0] == 0


def test_what_is_not_confirmed_is_told_of_once_and_not_for_every_text(run: Run) -> None:
    assert run("init", ".")[0] == 0
    assert run("municipality", "add", "habo", "--name", "Habo kommun", "--code", "0643")[0] == 0
    assert run("plan")[0] == 0

    _, out, _ = run("check")

    told = [line for line in out.splitlines() if "BEKRÄFTA" in line]
    assert len(told) == 1, told
    assert told[0].startswith("FEL  municipalities/habo.toml: ”BEKRÄFTA” står kvar")
