"""The stop buttons on the command line and in the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from campaigns.database import Database
from campaigns.models import Delivery, Post
from campaigns.sending import delivery
from tests.conftest import Run
from tests.sites import Place, planned

pytestmark = pytest.mark.longer

INFOR = "valborg/2027/valborg/infor/syskon"


def test_pause_says_what_stands_still_and_how_to_go_on(run: Run) -> None:
    code, out, _ = run("pause", "--reason", "Olycka", "--as", "Kim", "--municipality", "aneby")
    assert code == 0
    assert "Pausat: aneby." in out
    assert "kampanjhjul resume --municipality aneby" in out
    assert "Olycka" in run("pause")[1]
    assert '"reason": "Olycka"' in run("pause", "--json")[1]

    assert run("pause", "--reason", "Igen", "--as", "Kim", "--municipality", "aneby")[0] == 1
    assert "Pausat just nu: aneby" in run("resume", "--as", "Kim")[2]
    code, out, _ = run("resume", "--as", "Kim", "--municipality", "aneby")

    assert (code, "Pausen är slut: aneby." in out) == (0, True)
    assert "Inget är pausat" in run("pause")[1]


def test_who_pauses_must_be_said(run: Run) -> None:
    code, out, err = run("pause", "--reason", "Olycka")

    assert code == 2
    assert "Ange vem" in out + err
    assert "Inget är pausat" in run("pause")[1]


def test_a_post_can_be_let_past_and_back(run: Run) -> None:
    first = run("posts", "--json")[1].split('"id": ')[1].split(",")[0]

    assert "går ut även om allt annat är pausat" in run("crisis", first, "--reason", "Viktigt", "--as", "Kim")[1]
    assert "följer pauser" in run("crisis", first, "--reason", "Över", "--as", "Kim", "--undo")[1]


@pytest.mark.parametrize("words", [("withdraw", "99"), ("correct", "99999"), ("crisis", "99999")])
def test_what_is_not_there_is_said_so(run: Run, words: tuple[str, str]) -> None:
    code, _, err = run(*words, "--reason", "Fel", "--as", "Kim")

    assert code == 1
    assert "Det finns in" in err


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def published(place: Place) -> tuple[Post, Delivery]:
    post = place.publish(INFOR)
    with place.database.read() as session:
        return post, session.exec(select(Delivery).where(Delivery.channel == "webb")).one()


def test_over_the_api_a_published_post_is_taken_back(place: Place) -> None:
    kommun = place.token("kommun", "Kim Kommun")
    _, row = published(place)
    assert "Säg nej" in place.page("/sida/aneby")

    answer = place.client.post(f"/api/v1/deliveries/{row.id}/withdraw", headers=kommun, json={"reason": "Fel datum"})
    delivery.send_due(place.parts.sender(), place.parts.catalog, local=True)

    assert (answer.status_code, answer.json()["act"], answer.json()["state"]) == (200, "withdraw", "queued")
    assert "Säg nej" not in place.page("/sida/aneby")


def test_over_the_api_a_published_post_is_put_right(place: Place) -> None:
    kommun, polis = place.token("kommun", "Kim Kommun"), place.token("polis", "Pia Polis")
    post, _ = published(place)
    api = place.client

    opened = api.post(f"/api/v1/posts/{post.id}/correct", headers=kommun, json={"reason": "Fel ålder"})
    place.write(INFOR, title="Rättad rubrik")
    assert "Rättad rubrik" not in place.page("/sida/aneby")
    shown = api.get(f"/api/v1/posts/{post.id}", headers=polis).json()
    for who in (kommun, polis):
        api.post(f"/api/v1/posts/{post.id}/approve", headers=who, json={"digest": shown["digest"]})
    delivery.send_due(place.parts.sender(), place.parts.catalog, local=True)

    assert opened.status_code == 204
    page = place.page("/sida/aneby")
    assert ("Rättad rubrik" in page, page.count("Säg nej")) == (True, 0)


def test_over_the_api_a_town_pauses_itself_and_no_other(place: Place) -> None:
    kommun = place.token("kommun", "Kim Kommun")
    api = place.client

    paused = api.post("/api/v1/pauses", headers=kommun, json={"reason": "Olycka", "channel": "skarm"})
    again = api.post("/api/v1/pauses", headers=kommun, json={"reason": "Olycka", "channel": "skarm"})
    listed = api.get("/api/v1/pauses", headers=kommun).json()
    post = place.write(INFOR)
    crisis = api.post(f"/api/v1/posts/{post.id}/crisis", headers=kommun, json={"reason": "Viktigt"})
    resumed = api.post("/api/v1/resume", headers=kommun, json={"channel": "skarm"})

    assert (paused.status_code, paused.json()["municipality"], paused.json()["paused_by"]) == (
        200,
        "aneby",
        "Kim Kommun",
    )
    assert again.status_code == 409
    assert [(item["channel"], item["reason"]) for item in listed] == [("skarm", "Olycka")]
    assert crisis.status_code == 204
    assert (resumed.status_code, resumed.json()) == (200, {"missed": 0})
    assert api.post("/api/v1/pauses", json={"reason": "Olycka"}).status_code == 401


def test_over_the_api_missed_deliveries_are_counted(place: Place) -> None:
    kommun = place.token("kommun", "Kim Kommun")
    place.client.post("/api/v1/pauses", headers=kommun, json={"reason": "Olycka"})
    place.publish(INFOR)
    place.clock.at += timedelta(minutes=1)

    assert place.client.post("/api/v1/resume", headers=kommun, json={}).json() == {"missed": 3}
