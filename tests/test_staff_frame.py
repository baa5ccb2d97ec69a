"""What every page for staff has around it: the right people let in, forms of its own, nothing written lost."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.responses import Response

from campaigns.database import Database
from campaigns.models import Membership, Role
from campaigns.sending import pauses
from campaigns.web.pages import Pages
from campaigns.web.problems import install
from campaigns.web.staff.frame import Frame, StaffPage, Visit, editors, signers
from tests.sites import Place, StaffClient

pytestmark = pytest.mark.pages

LONG = "En lång text som någon har skrivit <b>och</b> inte vill förlora."


def shown(visit: Visit) -> Response:
    return visit.page("arbetsyta.html")


def written(visit: Visit) -> Response:
    return visit.redirect("prov", f"Sparat: {visit.field('text')}", undo_path="prov")


class Frames:
    """An application with one page of the test's own."""

    def __init__(self, place: Place, page: StaffPage) -> None:
        self.place = place
        app = Starlette(routes=Frame(place.parts, Pages(place.parts)).routes([page]))
        install(app, Pages(place.parts))  # type: ignore[arg-type]  # it adds handlers, which both kinds have
        self.app = app

    def of(self, client: StaffClient) -> StaffClient:
        client._app = self.app
        return client


@pytest.fixture
def place(database: Database) -> Place:
    return Place(database)


def test_a_stranger_is_led_to_the_sign_in_and_back(place: Place) -> None:
    client = Frames(place, StaffPage("prov", get=shown)).of(place.staff())
    client._cookies.clear()

    answer = client.get("/kommun/aneby/prov?a=1&b=2")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/logga-in?till=/kommun/aneby/prov%3Fa%3D1%26b%3D2"


def test_another_municipality_is_as_if_it_did_not_exist(place: Place) -> None:
    client = Frames(place, StaffPage("prov", get=shown)).of(place.staff())
    with place.database.write() as session:
        session.execute(update(Membership).values(municipality="eksjo"))

    mine, none = client.get("/kommun/aneby/prov"), client.get("/kommun/finns-inte/prov")

    assert (mine.status_code, none.status_code) == (404, 404)
    assert mine.text == none.text


@pytest.mark.parametrize(("role", "status"), [(Role.EDITOR, 200), (Role.ADMINISTRATOR, 200), (Role.APPROVER, 403)])
def test_a_page_is_open_to_the_roles_that_it_needs(place: Place, role: Role, status: int) -> None:
    client = Frames(place, StaffPage("prov", get=shown, needs=editors)).of(place.staff(role))

    assert client.get("/kommun/aneby/prov").status_code == status


def test_an_act_can_need_more_than_reading(place: Place) -> None:
    client = Frames(place, StaffPage("prov", get=shown, post=written, post_needs=signers)).of(place.staff())

    assert client.get("/kommun/aneby/prov").status_code == 200
    refused = client.post("/kommun/aneby/prov", data={"text": LONG})
    assert refused.status_code == 403
    assert "Din roll räcker inte till" in refused.text


def test_a_form_from_elsewhere_does_nothing_and_what_was_written_is_shown(place: Place) -> None:
    client = Frames(place, StaffPage("prov", post=written)).of(place.staff())

    answer = client.post("/kommun/aneby/prov", data={"csrf": "0" * 64, "text": LONG})

    assert answer.status_code == 403
    assert "En lång text som någon har skrivit &lt;b&gt;och&lt;/b&gt; inte vill förlora." in answer.text
    assert "Formuläret är för gammalt" in answer.text
    assert "Du är utloggad" not in answer.text


def test_short_fields_are_shown_too_by_their_names_but_no_passwords(place: Place) -> None:
    client = Frames(place, StaffPage("prov", post=written)).of(place.staff())
    fields = {"skal": "Regn.", "kort": "Säg nej", "ansvarig": "Fältarna", "losenord": "fyra ord i rad som inte visas"}

    answer = client.post("/kommun/aneby/prov", data={"csrf": "0" * 64, "kanal": "webb", "rubrik": " ", **fields})

    shown = re.findall(r'<label for="skrivet-\d">([^<]*)</label>\s*<textarea[^>]*>\n([^<]*)</textarea>', answer.text)
    assert shown == [("Skäl", "Regn."), ("Kort text", "Säg nej"), ("Ansvarig", "Fältarna")]


def test_whoever_is_no_longer_signed_in_is_told_that(place: Place) -> None:
    client = Frames(place, StaffPage("prov", post=written)).of(place.staff())
    client._cookies.clear()

    answer = client.post("/kommun/aneby/prov", data={"skal": "Regn."})

    assert "Du är utloggad" in answer.text
    assert "Regn." in answer.text


def test_a_message_is_told_once_with_its_way_back(place: Place) -> None:
    client = Frames(place, StaffPage("prov", get=shown, post=written)).of(place.staff())

    assert client.act("/kommun/aneby/prov", text="<i>klart</i>") == "/kommun/aneby/prov"
    first, second = client.page("/kommun/aneby/prov"), client.page("/kommun/aneby/prov")

    assert "Sparat: &lt;i&gt;klart&lt;/i&gt;" in first
    assert '<form method="post" action="/kommun/aneby/prov"><input type="hidden" name="csrf"' in first
    assert "Sparat" not in second


def test_a_pause_is_told_on_every_page_with_its_reason(place: Place) -> None:
    with place.database.write() as session:
        pauses.pause(
            session,
            place.parts.catalog,
            municipality="aneby",
            channel="",
            reason="Olycka <vid> skolan",
            name="Kim",
            now=place.clock.at,
        )

    page = Frames(place, StaffPage("prov", get=shown)).of(place.staff()).page("/kommun/aneby/prov")

    assert "<strong>Alla utskick är pausade:</strong> Olycka &lt;vid&gt; skolan" in page
