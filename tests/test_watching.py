"""What those who run the service are told: the figures, the ping that falls silent, logs for programs, held secrets."""

from __future__ import annotations

import json
import logging
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session, col, update

from campaigns.channels.http import Response
from campaigns.cli.logs import JsonLines
from campaigns.database import Database
from campaigns.errors import ConfigurationError
from campaigns.models import Delivery, DeliveryState
from campaigns.sending import accounts
from campaigns.sending.accounts import Health, Lesson
from campaigns.settings import read_settings
from scheduler import pinging
from tests.sites import Place
from tests.test_web_probes import beat
from tests.worlds import typical


@pytest.fixture
def place(database: Database) -> Place:
    return typical(Place(database))


def figure(place: Place, name: str) -> float:
    [line] = [line for line in place.page("/metrics").splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[-1])


def late(session: Session, place: Place) -> None:
    """What failed has been chosen again, and nobody has sent it for seven minutes."""
    at = place.clock.at - timedelta(minutes=7)
    failed = update(Delivery).where(col(Delivery.state) == DeliveryState.FAILED)
    session.execute(failed.values(state=DeliveryState.QUEUED, next_attempt_at=at))


def test_the_figures_tell_what_an_operator_raises_the_alarm_for(place: Place) -> None:
    with place.database.write() as session:
        accounts.learn(session, [Lesson(("aneby", "webb"), Health.DEAD, "Inloggningen nekas.", place.clock.at)])
        late(session, place)
    beat(place, seconds_ago=4)
    states = [item.state for item in place.town.deliveries()]

    assert figure(place, "kampanjhjul_heartbeat_seconds") == 4
    assert figure(place, "kampanjhjul_oldest_overdue_seconds") == 420
    assert figure(place, "kampanjhjul_overdue_deliveries") == states.count("queued") > 0
    assert figure(place, 'kampanjhjul_deliveries{municipality="aneby",state="unknown"}') == states.count("unknown") > 0
    assert figure(place, 'kampanjhjul_channels{municipality="aneby",state="stopped"}') == 1
    assert figure(place, 'kampanjhjul_channels{municipality="aneby",state="resting"}') == 0
    assert figure(place, 'kampanjhjul_unsigned_posts{municipality="aneby"}') > 0
    assert figure(place, "kampanjhjul_configuration_faults") == 0


def test_there_are_no_more_series_than_municipalities_in_the_files(place: Place) -> None:
    with place.database.write() as session:
        session.execute(update(Delivery).values(municipality="borta"))

    assert "borta" not in place.page("/metrics")


def test_every_alert_rule_asks_for_a_figure_there_is(place: Place) -> None:
    rules = (Path(__file__).parent.parent / "deploy" / "prometheus-larm.yml").read_text(encoding="utf-8")
    known = {line.split()[2] for line in place.page("/metrics").splitlines() if line.startswith("# TYPE")}
    asked = {
        word
        for word in rules.replace("(", " ").replace("{", " ").replace("[", " ").replace(")", " ").split()
        if word.startswith("kampanjhjul_")
    }

    assert len(asked) >= 6
    assert asked - known == set()


def test_the_ping_is_sent_when_all_is_well_and_not_otherwise(
    place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []

    def call(method: str, url: str, **_rest: object) -> Response:
        called.append(f"{method} {url}")
        return Response("larm.example.se", 200, {}, b"")

    monkeypatch.setattr(pinging, "call", call)
    url = "https://larm.example.se/hemlig"

    def ping() -> bool:
        return pinging.ping(place.database, place.parts.catalog, url, environ={}, now=place.clock.at)

    with place.database.write() as session:
        session.execute(update(Delivery).values(next_attempt_at=place.clock.at))
    assert not ping()  # no worker has been seen
    beat(place)
    assert ping()
    with place.database.write() as session:
        late(session, place)
    assert not ping()
    with place.database.write() as session:  # of a municipality whose file has been taken away
        session.execute(update(Delivery).values(municipality="borta"))
    assert ping()
    assert called == [f"GET {url}"] * 2


def test_the_ping_calls_nothing_within_a_private_network_and_tells_no_secret(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    with place.database.write() as session:
        session.execute(update(Delivery).values(next_attempt_at=place.clock.at))
    beat(place)

    for url in ("https://127.0.0.1/hemlig", "http://larm.example.se/hemlig", "https://169.254.169.254/hemlig"):
        assert not pinging.ping(place.database, place.parts.catalog, url, environ={}, now=place.clock.at)

    assert len(caplog.records) == 3
    assert "hemlig" not in caplog.text


def test_a_log_for_programs_is_one_object_a_line() -> None:
    try:
        raise ValueError("rad ett\nrad två")
    except ValueError:
        record = logging.LogRecord("kampanj", logging.ERROR, "x.py", 1, "Det gick %s.", ("fel",), sys.exc_info())
    record.action = "job_broke"

    line = JsonLines().format(record)

    found = json.loads(line)
    assert "\n" not in line
    assert (found["level"], found["logger"], found["message"]) == ("error", "kampanj", "Det gick fel.")
    assert found["action"] == "job_broke"
    assert "ValueError" in found["error"]
    assert found["time"].endswith("+00:00")


def test_a_secret_can_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://kampanj@db/kampanj\n", encoding="utf-8")

    settings = read_settings({"KAMPANJHJUL_DATABASE_URL": f"file:{tmp_path / 'url'}"})

    assert settings.database_url == "postgresql://kampanj@db/kampanj"
    with pytest.raises(ConfigurationError, match=r"KAMPANJHJUL_SECRET_KEY: filen .* går inte att läsa"):
        read_settings({"KAMPANJHJUL_SECRET_KEY": "file:/finns/inte"})
    with pytest.raises(ConfigurationError, match="KAMPANJHJUL_LOG"):
        read_settings({"KAMPANJHJUL_LOG": "xml"})
