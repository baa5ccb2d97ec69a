"""Everything that can be written has a bound, which is told of where it is written, and nothing written is lost."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from sqlmodel import select

from campaigns.database import Database
from campaigns.models import ActivityRow, Pause, Post, PostState, Role, SigningLink
from campaigns.signing_links import make_link
from tests.sites import Place, StaffClient, planned

pytestmark = pytest.mark.pages

KEY = "valborg/2027/valborg/infor/syskon"
YEAR = "/kommun/aneby/kampanjer/valborg/2027"


def long(most: int) -> str:
    return "x" * (most + 1)


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


@pytest.fixture
def client(place: Place) -> StaffClient:
    return place.staff(Role.EDITOR, Role.APPROVER, party="polis")


def number(place: Place) -> int:
    return place.write(KEY).id or 0


def refused(client: StaffClient, path: str, what: str, most: str, **data: str) -> None:
    answer = client.post(path, data=data)
    assert answer.status_code == 422, answer.text
    assert f"{what} får ha högst {most} tecken. Du skrev " in answer.text
    assert next(value for value in data.values() if value.startswith("xxx")) in answer.text


def test_why_a_text_is_rejected(place: Place, client: StaffClient) -> None:
    path = f"/kommun/aneby/granska/{number(place)}/avsla"

    refused(client, path, "Kommentaren", "1\u00a0000", part="polis", kommentar=long(1000))

    assert place.town.post(KEY).state == PostState.DRAFT
    client.act(path, part="polis", kommentar="x" * 1000)


def test_why_a_text_is_rejected_by_a_personal_address(place: Place, client: StaffClient) -> None:
    post = number(place)
    parts = place.parts
    with place.database.write() as session:
        made = make_link(
            session,
            parts.catalog,
            parts.messages,
            parts.catalog.municipality("aneby"),
            [post],
            party="polis",
            name="Pia Polis",
            created_by="Kim Kommun",
            now=place.clock.at,
        )
    path = made.url("")

    refused(client, path, "Kommentaren", "1\u00a0000", gor="avsla", post=str(post), kommentar=long(1000))


def test_why_a_step_is_left_out(place: Place, client: StaffClient) -> None:
    post = number(place)

    refused(client, f"{YEAR}/hoppa-over/{post}", "Skälet", "300", budskap=str(post), skal=long(300))

    assert place.town.post(KEY).state == PostState.DRAFT


def test_the_name_on_a_personal_address(place: Place, client: StaffClient) -> None:
    post = number(place)

    refused(client, "/kommun/aneby/granska/lankar", "Namnet", "100", vad=str(post), part="polis", namn=long(100))

    with place.database.read() as session:
        assert session.exec(select(SigningLink)).all() == []


def test_why_everything_is_paused(place: Place, client: StaffClient) -> None:
    refused(client, "/kommun/aneby/paus", "Skälet", "300", skal=long(300), kanal="")

    with place.database.read() as session:
        assert session.exec(select(Pause)).all() == []


def test_why_a_post_passes_a_pause(place: Place, client: StaffClient) -> None:
    given = {"budskap": str(number(place)), "budskap-skal": long(300)}

    refused(client, "/kommun/aneby/paus/budskap", "Skälet", "300", **given)

    with place.database.read() as session:
        assert not session.exec(select(Post).where(Post.passes_pause)).all()


@pytest.mark.parametrize("act", ["dra-tillbaka", "ratta"])
def test_why_what_has_gone_out_is_taken_back_or_put_right(place: Place, act: str) -> None:
    place.publish(KEY)
    delivery = next(item.id for item in place.town.deliveries() if item.channel == "webb")

    refused(place.staff(), f"/kommun/aneby/ko/{delivery}/{act}", "Skälet", "300", skal=long(300))


def test_an_activitys_link_and_note(place: Place, client: StaffClient) -> None:
    key = _activity(client)
    given = {"nyckel": key, "utfall": "not_done", "antal": ""}
    path = f"{YEAR}/aktivitet"

    refused(client, path, "Länken", "500", **given, notering="Regn.", lank=long(500))
    refused(client, path, "Noteringen", "2\u00a0000", **given, notering=long(2000), lank="")

    with place.database.read() as session:
        assert session.exec(select(ActivityRow).where(ActivityRow.outcome != "")).all() == []


def _activity(client: StaffClient) -> str:
    key = client.page(YEAR).partition(f"{YEAR}/aktivitet?nyckel=")[2].partition('"')[0]
    assert key
    return unquote(key)


def test_too_large_a_form_is_told_of_in_words_for_people(place: Place, client: StaffClient) -> None:
    post = number(place)
    with place.database.write() as session:
        made = make_link(
            session,
            place.parts.catalog,
            place.parts.messages,
            place.parts.catalog.municipality("aneby"),
            [post],
            party="polis",
            name="Pia Polis",
            created_by="Kim Kommun",
            now=place.clock.at,
        )
    many = {f"falt-{index}": "x" for index in range(600)}
    answers = [
        client.post(made.url(""), data={"gor": "avsla", "kommentar": "x" * 21_000}),
        client.post("/logga-in", data={"email": "x" * 11_000, "losenord": "y"}),
        client.post("/kommun/aneby/paus", data=many),
        client.post("/kommun/aneby/paus", files={"skal": (None, "x" * 401_000)}),
    ]

    assert [answer.status_code for answer in answers] == [413] * 4
    for answer in answers:
        assert "Det är för långt eller för stort" in answer.text
        assert "det du skrev finns kvar där" in answer.text
        assert "JSON" not in answer.text


def test_a_form_that_is_none_is_told_of_without_the_words_of_programs(place: Place, client: StaffClient) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}

    answer = client.request("POST", "/kommun/aneby/paus", content=b"--x\r\nfel", headers=headers)

    assert answer.status_code in (400, 403)
    assert "JSON" not in answer.text


def test_programs_are_still_told_of_json(place: Place) -> None:
    headers = {**place.token("kommun"), "Content-Type": "application/json"}

    answer = place.client.post("/api/v1/posts/1/approve", content=b"\xff{", headers=headers)

    assert answer.status_code in (400, 422)
    assert "JSON" in answer.text
