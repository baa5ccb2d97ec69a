"""A channel reports what became of a delivery, at a secret address."""

from __future__ import annotations

import pytest
from sqlmodel import select

from campaigns.database import Database
from campaigns.models import AuditEntry, Delivery, DeliveryState
from campaigns.sending import reports
from tests.sites import Place, planned

INFOR = "valborg/2027/valborg/infor/syskon"
SENT = {"id": "s70df59406a1b4643b96f3f91e0bfb7b0", "status": "delivered", "delivered": "2027-04-25T13:31:00"}
FAILED = {**SENT, "status": "failed"}


@pytest.fixture
def place(database: Database) -> Place:
    place = planned(Place(database, base_url="https://kampanj.example"))
    place.publish(INFOR)
    return place


def deliver(place: Place, state: DeliveryState, *, maybe_sent: bool = False) -> tuple[int, str]:
    """One of the deliveries in `state`. Returns its number and the path for its report."""
    with place.database.write() as session:
        row = session.exec(select(Delivery).where(Delivery.channel == "skarm")).one()
        row.state, row.maybe_sent = state, maybe_sent
        session.add(row)
        assert row.id is not None
        return row.id, reports.report_path(place.parts.secret_key, row.id)


def state_of(place: Place, delivery_id: int) -> tuple[str, str]:
    with place.database.read() as session:
        row = session.get_one(Delivery, delivery_id)
        return row.state, row.receipt


@pytest.mark.parametrize(
    ("state", "maybe_sent", "form", "after"),
    [
        (DeliveryState.UNKNOWN, True, SENT, DeliveryState.HANDED_OVER),
        (DeliveryState.QUEUED, True, SENT, DeliveryState.HANDED_OVER),
        (DeliveryState.UNKNOWN, True, FAILED, DeliveryState.FAILED),
        (DeliveryState.HANDED_OVER, False, FAILED, DeliveryState.FAILED),
        (DeliveryState.HANDED_OVER, False, SENT, None),
        (DeliveryState.QUEUED, False, SENT, None),
        (DeliveryState.SENDING, True, SENT, None),
        (DeliveryState.STOPPED, False, FAILED, None),
        (DeliveryState.UNKNOWN, True, {"id": "../../etc", "status": "delivered"}, None),
        (DeliveryState.UNKNOWN, True, {"hej": "då"}, None),
    ],
)
def test_a_report_settles_what_is_uncertain_and_tells_of_what_failed(
    place: Place, state: DeliveryState, maybe_sent: bool, form: dict[str, str], after: DeliveryState | None
) -> None:
    number, path = deliver(place, state, maybe_sent=maybe_sent)
    before = state_of(place, number)

    answers = [place.client.post(path, data=form).status_code for _ in range(2)]

    assert answers == [503 if state is DeliveryState.SENDING else 204] * 2
    assert state_of(place, number) == (before if after is None else (after, SENT["id"]))
    with place.database.read() as session:
        told = session.exec(select(AuditEntry).where(AuditEntry.actor == "kanalen")).all()
    assert len(told) == (after is not None)


def test_an_address_that_we_did_not_make_is_not_there(place: Place) -> None:
    number, path = deliver(place, DeliveryState.UNKNOWN)

    for wrong in (f"{path}x", path[:-1], path.replace(f"/{number}-", f"/{number + 1}-"), "/rapport/x", "/rapport/1-å"):
        assert place.client.post(wrong, data=SENT).status_code == 404
    assert place.client.get(path).status_code == 405
    assert state_of(place, number)[0] == DeliveryState.UNKNOWN


@pytest.mark.parametrize(
    "content", [b"&".join(b"f=x" for _ in range(500)) + b"&id=s1&status=delivered", b"\xff\xfe", b"", b"a" * 5000]
)
def test_nonsense_changes_nothing_and_is_not_asked_for_again(place: Place, content: bytes) -> None:
    number, path = deliver(place, DeliveryState.UNKNOWN)

    assert place.client.post(path, content=content).status_code == 204
    assert state_of(place, number)[0] == DeliveryState.UNKNOWN


def test_the_key_is_made_once_and_shared_by_all_processes(database: Database) -> None:
    first, second = reports.secret_key(database, None), reports.secret_key(database, None)

    assert first == second
    assert len(first) >= 32
    assert reports.secret_key(database, "egen nyckel") == b"egen nyckel"


def test_only_an_address_that_can_be_reached_is_given_to_the_channel(database: Database) -> None:
    outside = Place(database, base_url="https://kampanj.example").parts.sender().means.report_url(7)
    inside = Place(database, base_url="http://127.0.0.1:8000").parts.sender().means.report_url(7)

    assert outside.startswith("https://kampanj.example/rapport/7-")
    assert inside == ""
