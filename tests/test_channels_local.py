"""The channels that need no account: the page, the screens, and what people do by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from campaigns import channels
from campaigns.channels.base import Channel, Outcome, Shipment
from campaigns.channels.manuell import Manuell
from campaigns.channels.skarm import Skarm
from campaigns.channels.webb import Webb
from tests.builders import make_channel
from tests.conftest import CHANNEL_KINDS
from tests.contracts import LocalContract, make_shipment

NOW = datetime(2027, 4, 22, 14, 30, tzinfo=UTC)


class TestWebb(LocalContract):
    @pytest.fixture
    def channel(self) -> Channel:
        return Webb()

    @pytest.fixture
    def shipment(self) -> Shipment:
        return make_shipment(make_channel("webb"))

    def test_is_published_on_its_page_at_once(self, channel: Channel, shipment: Shipment) -> None:
        receipt = channel.send(shipment, now=NOW)

        assert receipt.outcome is Outcome.PUBLISHED
        assert receipt.url == "https://kampanj.example/sida/aneby#7"


class TestSkarm(LocalContract):
    @pytest.fixture
    def channel(self) -> Channel:
        return Skarm()

    @pytest.fixture
    def shipment(self) -> Shipment:
        return make_shipment(make_channel("skarm"))

    def test_is_published_at_once(self, channel: Channel, shipment: Shipment) -> None:
        assert channel.send(shipment, now=NOW).outcome is Outcome.PUBLISHED


class TestManuell(LocalContract):
    @pytest.fixture
    def channel(self) -> Channel:
        return Manuell()

    @pytest.fixture
    def shipment(self) -> Shipment:
        return make_shipment(make_channel("skolplattform", kind="manuell"))

    def test_is_a_task_for_a_person_and_not_published_anywhere_yet(self, channel: Channel, shipment: Shipment) -> None:
        receipt = channel.send(shipment, now=NOW)

        assert receipt.outcome is Outcome.MANUAL
        assert receipt.url == ""


def test_every_kind_builds_a_channel_of_that_kind_without_asking_for_a_secret() -> None:
    built = channels.build(channels.Environment(environ={}))

    assert {kind: channel.kind for kind, channel in built.items()} == {kind: kind for kind in CHANNEL_KINDS}
