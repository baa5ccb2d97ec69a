"""What machines ask of the site."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import col, update

from campaigns.database import Database
from campaigns.models import Delivery, Heartbeat
from tests.sites import Place, planned

KEY = "valborg/2027/valborg/infor/syskon"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def beat(place: Place, *, seconds_ago: float = 0) -> None:
    with place.database.write() as session:
        at = place.clock.at - timedelta(seconds=seconds_ago)
        session.add(Heartbeat(worker=f"arbetare-{seconds_ago}", at=at))


def test_a_process_that_answers_is_alive(place: Place) -> None:
    response = place.client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert place.client.head("/healthz").status_code == 200


def test_it_is_not_ready_before_a_worker_has_run(place: Place) -> None:
    response = place.client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["status"] == "fel"
    assert response.json()["seconds_since_heartbeat"] is None


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (30, 200), (31, 503)])
def test_it_is_ready_while_a_worker_shows_signs_of_life(place: Place, seconds: int, status: int) -> None:
    beat(place, seconds_ago=3600)
    beat(place, seconds_ago=seconds)

    response = place.client.get("/readyz")

    assert response.status_code == status
    assert response.json()["seconds_since_heartbeat"] == seconds


@pytest.mark.parametrize(("minutes", "status", "overdue"), [(2, 200, 0), (3, 503, 2)])
def test_what_should_have_been_sent_and_was_not_is_an_alarm(
    place: Place, minutes: int, status: int, overdue: int
) -> None:
    post = place.write(KEY)
    place.town.sign(KEY)
    with place.database.write() as session:
        session.execute(update(Delivery).where(col(Delivery.kind) == "manuell").values(state="manual"))
    place.clock.at = post.due_at + timedelta(minutes=minutes)
    beat(place)

    response = place.client.get("/readyz")

    assert (response.status_code, response.json()["overdue"]) == (status, overdue)


def test_a_database_that_is_away_is_told_as_that() -> None:
    away = Place(Database("postgresql://nobody@127.0.0.1:1/nothing"))

    ready = away.client.get("/readyz")
    page = away.client.get("/sida/aneby")
    figures = away.client.get("/metrics")

    assert (ready.status_code, ready.json()["status"]) == (503, "fel")
    assert ready.json()["database"].startswith("Det går inte att nå databasen.")
    assert page.status_code == 503
    assert "Det går inte att nå databasen." in page.text
    assert figures.status_code == 503
    assert away.client.get("/healthz").status_code == 200


def test_prometheus_reads_the_figures(place: Place) -> None:
    beat(place, seconds_ago=4)
    place.publish(KEY)

    text = place.page("/metrics")

    assert 'kampanjhjul_deliveries{municipality="aneby",state="published"} 2.0' in text
    assert 'kampanjhjul_deliveries{municipality="aneby",state="unknown"} 0.0' in text
    assert 'kampanjhjul_posts{municipality="aneby",state="approved"} 1.0' in text
    assert "kampanjhjul_overdue_deliveries 0.0" in text
    assert "kampanjhjul_heartbeat_seconds " in text


def test_robots_may_read_every_feed(place: Place) -> None:
    """The secret addresses too: calendar services heed the file, and search engines are told by X-Robots-Tag."""
    rules = place.page("/robots.txt").splitlines()

    assert rules == ["User-agent: *", "Disallow: /api/"]
