"""The API's channels, as a program meets them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytest

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import NotSentError
from campaigns.database import Database
from campaigns.sending import accounts
from campaigns.sending.accounts import Health, Lesson
from tests.fakes import FakeChannel
from tests.sites import Place, planned

LIST = "/api/v1/channels"


@dataclass
class Rehearsed(FakeChannel):
    fault: str = ""

    def rehearse(self, channel: ChannelConfig, *, now: datetime) -> str:
        if self.fault:
            raise NotSentError(self.fault, is_permanent=False, stops_channel=True)
        return "Provet syntes för redaktörerna och är borttaget."


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def test_the_channels_are_listed_with_their_state(place: Place) -> None:
    with place.database.write() as session:
        lesson = Lesson(("aneby", "webb"), Health.DEAD, "Inloggningen godtas inte.", place.clock.at)
        accounts.learn(session, [lesson])

    rows = place.client.get(LIST, headers=place.token()).json()

    by_channel = {row["channel"]: row for row in rows}
    assert set(by_channel) == set(place.parts.catalog.municipality("aneby").channel_ids)
    assert (by_channel["webb"]["state"], by_channel["webb"]["reason"]) == ("stopped", "Inloggningen godtas inte.")
    assert (by_channel["skarm"]["state"], by_channel["skarm"]["can_probe"]) == ("working", False)


def test_a_stopped_channel_is_started_once(place: Place) -> None:
    with place.database.write() as session:
        accounts.learn(session, [Lesson(("aneby", "webb"), Health.DEAD, "Fel.", place.clock.at)])
    token = place.token()

    assert place.client.post(f"{LIST}/webb/start", headers=token).status_code == 204
    again = place.client.post(f"{LIST}/webb/start", headers=token)

    assert (again.status_code, again.json()["detail"]) == (404, "Kanalen ”webb” är inte stoppad.")
    assert {row["state"] for row in place.client.get(LIST, headers=token).json()} == {"working"}


def test_a_marked_test_is_sent_or_it_is_said_why_not(place: Place) -> None:
    token = place.token()
    refused = place.client.post(f"{LIST}/webb/test", headers=token)
    unknown = place.client.post(f"{LIST}/web/test", headers=token)
    tested = Rehearsed()
    place.parts.channels["webb"] = tested  # type: ignore[index]  # a Mapping for all others
    sent = place.client.post(f"{LIST}/webb/test", headers=token)
    tested.fault = "Inloggningen godtas inte."
    failed = place.client.post(f"{LIST}/webb/test", headers=token)

    assert (refused.status_code, "behövs inte" in refused.json()["detail"]) == (409, True)
    assert (unknown.status_code, "Menade du ”webb”" in unknown.json()["detail"]) == (404, True)
    assert sent.json() == {"message": "Provet syntes för redaktörerna och är borttaget."}
    assert (failed.status_code, failed.json()["detail"]) == (409, "Inloggningen godtas inte.")


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/webb/test"), ("POST", "/webb/start")])
def test_without_a_token_nothing_is_told_or_done(place: Place, method: str, path: str) -> None:
    assert place.client.request(method, LIST + path).status_code == 401
