"""Bringing calendars up to date: only where something changed, each day, and one that breaks stops no other."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from campaigns import feeds, posts
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.models import FeedEvent
from campaigns.publishing import claim_address, refresh_stale
from tests.fakes import MESSAGES, Clock, Town

NOW = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
BASE = "https://kampanj.example.se"


@pytest.fixture
def two_towns(database: Database, catalog: Catalog) -> tuple[Database, Catalog]:
    aneby = catalog.municipality("aneby")
    both = replace(catalog, municipalities={"aneby": aneby, "ydre": replace(aneby, id="ydre", name="Ydre kommun")})
    for municipality in both.municipalities.values():
        with database.write() as session:
            posts.materialise(session, both, MESSAGES, municipality, now=NOW)
    return database, both


def refresh(database: Database, catalog: Catalog, *, now: datetime = NOW, base_url: str = BASE) -> list[str]:
    return sorted(refresh_stale(database, catalog, now=now, base_url=base_url))


def test_only_what_changed_is_written_again(two_towns: tuple[Database, Catalog]) -> None:
    database, catalog = two_towns
    assert refresh(database, catalog) == ["aneby", "ydre"]
    assert refresh(database, catalog) == []

    town = Town(database, catalog, Clock(NOW))
    town.approve("valborg/2027/valborg/veckan/foraldrar", "kommun", "Kim Kommun")

    assert refresh(database, catalog) == ["aneby"]


def test_each_day_every_calendar_is_looked_at_once(two_towns: tuple[Database, Catalog]) -> None:
    database, catalog = two_towns
    refresh(database, catalog)
    midnight = datetime(2027, 3, 1, 23, 0, tzinfo=UTC)  # Tue 2027-03-02 00.00 local time

    assert refresh(database, catalog, now=midnight - timedelta(seconds=1)) == []
    assert refresh(database, catalog, now=midnight) == ["aneby", "ydre"]


@pytest.mark.parametrize("change", ["configuration", "address"])
def test_a_changed_configuration_or_address_is_seen(two_towns: tuple[Database, Catalog], change: str) -> None:
    database, catalog = two_towns
    refresh(database, catalog)
    if change == "configuration":
        assert refresh(database, replace(catalog, fingerprint="another")) == ["aneby", "ydre"]
    else:
        assert refresh(database, catalog, base_url="https://ny.example.se") == ["aneby", "ydre"]


def test_looking_again_leaves_the_bytes_as_they_were(two_towns: tuple[Database, Catalog]) -> None:
    database, catalog = two_towns
    refresh(database, catalog)
    with database.read() as session:
        before = {row.id: row.fragment for row in session.exec(select(FeedEvent))}

    refresh(database, catalog, now=NOW + timedelta(days=1))

    with database.read() as session:
        assert {row.id: row.fragment for row in session.exec(select(FeedEvent))} == before


def test_a_calendar_that_cannot_be_built_keeps_its_last_good_bytes_and_stops_no_other(
    two_towns: tuple[Database, Catalog], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    database, catalog = two_towns
    refresh(database, catalog)
    with database.read() as session:
        before = {row.id: row.fragment for row in session.exec(select(FeedEvent))}
    working = feeds.refresh

    def breaks(session: object, catalog: object, municipality: str, *rest: object, **named: object) -> bool:
        if municipality == "aneby":
            raise ValueError("trasig")
        return working(session, catalog, municipality, *rest, **named)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(feeds, "refresh", breaks)
    with caplog.at_level(logging.ERROR):
        assert refresh(database, catalog, now=NOW + timedelta(days=1)) == ["ydre"]

    assert "Kalendern för aneby gick inte att bygga" in caplog.text
    with database.read() as session:
        assert {row.id: row.fragment for row in session.exec(select(FeedEvent))} == before
    monkeypatch.setattr(feeds, "refresh", working)
    assert refresh(database, catalog, now=NOW + timedelta(days=1)) == ["aneby"]


def test_a_command_in_a_shell_with_another_address_rewrites_nothing(two_towns: tuple[Database, Catalog]) -> None:
    database, catalog = two_towns
    assert claim_address(database, BASE) is None
    refresh(database, catalog)

    assert refresh(database, catalog, base_url="http://127.0.0.1:9999") == []

    assert claim_address(database, "https://ny.example.se") == BASE
    assert refresh(database, catalog, base_url="http://127.0.0.1:9999") == ["aneby", "ydre"]
