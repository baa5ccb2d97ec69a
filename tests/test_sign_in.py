"""Signing in: the right people, never by guessing, never for longer than it should."""

from __future__ import annotations

from datetime import timedelta

import pytest

from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import Person, Role
from campaigns.people import links, persons, sign_ins, throttle
from campaigns.people.roles import Roles, roles_in
from campaigns.people.sign_ins import IDLE, LONGEST
from tests.fakes import MORNING
from tests.sites import Place, StaffClient

pytestmark = pytest.mark.pages

PASSWORD = "fyra ord i rad"
EMAIL = "anna.andersson@aneby.se"


@pytest.fixture
def place(database: Database) -> Place:
    return Place(database)


def first_administrator(place: Place) -> Person:
    with place.database.write() as session:
        secret = links.first_link(session, now=place.clock.at)
    assert secret is not None
    with place.database.write() as session:
        return links.use(session, secret, email=EMAIL, name="Anna Andersson", password=PASSWORD, now=place.clock.at)


def tried(place: Place, *, email: str = EMAIL, password: str = PASSWORD, origin: str = "192.0.2.1") -> str:
    return sign_ins.sign_in(place.database, email=email, password=password, origin=origin, now=place.clock.at)


def who(place: Place, secret: str) -> str | None:
    with place.database.read() as session:
        found = sign_ins.find(session, secret, now=place.clock.at)
    return found.name if found else None


def test_the_first_administrator_chooses_a_password_by_an_address_that_works_once(place: Place) -> None:
    with place.database.write() as session:
        secret = links.first_link(session, now=place.clock.at) or ""
    welcome = f"/valkommen/{secret}"
    assert "Du blir den första administratören" in place.page(welcome)
    form = {"namn": "Anna Andersson", "email": EMAIL, "losenord": PASSWORD, "losenord-igen": PASSWORD}

    answer = place.client.post(welcome, data=form, headers={"Origin": place.base_url})

    assert (answer.status_code, answer.headers["location"]) == (303, "/mina-kommuner")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-kampanjhjul=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
    again = place.client.get(welcome)
    assert again.status_code == 404
    assert "Be en administratör om en ny" in again.text
    with place.database.read() as session:
        [row] = persons.colleagues(session)
    assert (row.email, row.roles) == (EMAIL, ("administratör för alla kommuner",))


def test_a_start_after_the_first_administrator_prints_no_address(place: Place) -> None:
    first_administrator(place)

    with place.database.write() as session:
        assert links.first_link(session, now=place.clock.at) is None


def test_each_start_before_it_replaces_the_address_of_the_one_before(place: Place) -> None:
    with place.database.write() as session:
        earlier = links.first_link(session, now=place.clock.at) or ""
    with place.database.write() as session:
        later = links.first_link(session, now=place.clock.at) or ""

    assert place.client.get(f"/valkommen/{earlier}").status_code == 404
    assert place.client.get(f"/valkommen/{later}").status_code == 200


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("kort", "för kort"),
        ("aaaaaaaaaaaaaaaa", "lätt att gissa"),
        ("Kampanjhjulet123", "lätt att gissa"),
        ("annaandersson", "lätt att gissa"),
        ("x" * 300, "för långt"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused_and_the_address_is_kept(
    place: Place, password: str, sentence: str
) -> None:
    with place.database.write() as session:
        secret = links.first_link(session, now=place.clock.at) or ""
    form = {"namn": "Anna Andersson", "email": EMAIL, "losenord": password, "losenord-igen": password}

    answer = place.client.post(f"/valkommen/{secret}", data=form, headers={"Origin": place.base_url})

    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="Anna Andersson"' in answer.text
    assert place.client.get(f"/valkommen/{secret}").status_code == 200


def test_the_right_password_lets_in_and_a_wrong_one_says_the_same_whatever_was_wrong(place: Place) -> None:
    first_administrator(place)

    assert who(place, tried(place, email=f" {EMAIL.upper()} ")) == "Anna Andersson"
    with pytest.raises(RefusedError) as wrong:
        tried(place, password="inte det rätta")
    with pytest.raises(RefusedError) as unknown:
        tried(place, email="ingen@aneby.se")
    assert wrong.value.message == unknown.value.message


def test_guessing_is_stopped_for_a_quarter_of_an_hour(place: Place) -> None:
    first_administrator(place)
    for _ in range(throttle.MOST_PER_ADDRESS):
        with pytest.raises(RefusedError, match="stämmer inte"):
            tried(place, password="gissning")

    with pytest.raises(RefusedError, match="Vänta en kvart"):
        tried(place)
    with pytest.raises(RefusedError, match="Vänta en kvart"):
        tried(place, origin="198.51.100.7")
    place.clock.at += throttle.WINDOW
    assert who(place, tried(place)) == "Anna Andersson"


def test_one_who_tries_many_addresses_is_stopped_and_others_are_not(place: Place) -> None:
    first_administrator(place)
    with place.database.write() as session:
        for number in range(throttle.MOST_PER_ORIGIN):
            throttle.count_failure(session, f"{number}@example.se", "192.0.2.1", now=place.clock.at)

    with pytest.raises(RefusedError, match="Vänta en kvart"):
        tried(place)
    assert tried(place, origin="198.51.100.7")


def test_a_sign_in_ends_when_it_has_been_idle_or_in_use_for_too_long(place: Place) -> None:
    first_administrator(place)
    secret = tried(place)
    place.clock.at = MORNING + IDLE
    assert who(place, secret) is None
    place.clock.at = MORNING
    assert who(place, secret) == "Anna Andersson"
    while place.clock.at < MORNING + LONGEST:
        with place.database.write() as session:
            sign_ins.see(session, secret, now=place.clock.at)
        assert who(place, secret) == "Anna Andersson"
        place.clock.at += IDLE - timedelta(minutes=1)
    assert who(place, secret) is None


def test_a_new_password_signs_every_browser_out(place: Place) -> None:
    person = first_administrator(place)
    secret = tried(place)
    with place.database.write() as session:
        link = links.link_for(session, person, now=place.clock.at)
    with place.database.write() as session:
        links.use(session, link, email="", name="", password="fem nya ord i rad", now=place.clock.at)

    assert who(place, secret) is None
    with pytest.raises(RefusedError):
        tried(place)
    assert who(place, tried(place, password="fem nya ord i rad")) == "Anna Andersson"


def test_a_disabled_person_is_out_at_once_and_no_address_lets_back_in(place: Place) -> None:
    first_administrator(place)
    with place.database.write() as session:
        person = persons.add_person(session, email="bo@aneby.se", name="Bo Berg", now=place.clock.at)
        persons.give_role(session, None, person, role=Role.ADMINISTRATOR, actor="Anna", now=place.clock.at)
        link = links.link_for(session, person, now=place.clock.at)
        secret = sign_ins.begin(session, person.id or 0, now=place.clock.at)
    with place.database.write() as session:
        persons.disable(session, persons.find_person(session, "bo@aneby.se"), actor="Anna", now=place.clock.at)

    assert who(place, secret) is None
    with place.database.read() as session, pytest.raises(NotFoundError):
        links.whose(session, link, now=place.clock.at)


def test_the_last_administrator_stays(place: Place) -> None:
    person = first_administrator(place)
    with place.database.write() as session, pytest.raises(RefusedError, match="den enda administratören"):
        persons.disable(session, person, actor="Anna", now=place.clock.at)
    with place.database.write() as session:
        [own] = persons.memberships(session, person)
        with pytest.raises(RefusedError, match="den enda administratören"):
            persons.take_role(session, "", own.id or 0, actor="Anna", now=place.clock.at)


def test_roles_are_of_one_municipality_and_administrators_may_edit(place: Place) -> None:
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        person = persons.add_person(session, email="pia@polisen.se", name="Pia Polis", now=place.clock.at)
        persons.give_role(session, aneby, person, role=Role.APPROVER, party="polis", actor="Anna", now=place.clock.at)
        found = persons.memberships(session, person)

    assert roles_in(found, "aneby") == Roles(parties=("polis",))
    assert not roles_in(found, "eksjo")


def test_signing_in_by_the_page_leads_where_one_was_going_but_never_to_another_site(place: Place) -> None:
    first_administrator(place)
    for target, expected in (
        ("/kommun/aneby/kalender?vy=lista", "/kommun/aneby/kalender?vy=lista"),
        ("https://ond.example", "/mina-kommuner"),
        ("//ond.example", "/mina-kommuner"),
        ("/kommun/\\ond.example", "/mina-kommuner"),
    ):
        answer = place.client.post(
            "/logga-in",
            data={"email": EMAIL, "losenord": PASSWORD, "till": target},
            headers={"Origin": place.base_url},
        )
        assert (answer.status_code, answer.headers["location"]) == (303, expected)


def test_signing_out_ends_it_and_only_by_the_forms_own_button(place: Place) -> None:
    kim: StaffClient = place.staff()

    forged = kim.post("/logga-ut", data={"csrf": "fel"})
    assert forged.status_code == 303
    assert kim.get("/mina-kommuner").headers["location"] == "/kommun/aneby/idag"
    kim.post("/logga-ut")

    assert kim.get("/mina-kommuner").headers["location"] == "/logga-in"


@pytest.mark.parametrize("name", ["Anna Andersson", "ANNA  andersson", "\uff21nna Andersson"])
def test_nobody_is_added_with_a_name_that_another_has(place: Place, name: str) -> None:
    first_administrator(place)

    with (
        pytest.raises(RefusedError, match="Det finns redan någon som heter"),
        place.database.write() as session,
    ):
        persons.add_person(session, email="annan@aneby.se", name=name, now=place.clock.at)


def test_a_name_is_written_with_one_alphabet(place: Place) -> None:
    with pytest.raises(RefusedError, match="olika alfabet"), place.database.write() as session:
        persons.add_person(session, email="annan@aneby.se", name="Аnna Andersson", now=place.clock.at)


def test_a_guesser_shuts_out_nobody_who_has_signed_in_in_their_browser_before(place: Place) -> None:
    first_administrator(place)
    form = {"email": f" {EMAIL.upper()}", "losenord": PASSWORD}
    headers = {"Origin": place.base_url}
    before = place.client.post("/logga-in", data=form, headers=headers)
    known = next(
        item.partition(";")[0] for item in before.headers.get_list("set-cookie") if item.startswith("kampanjhjul-kand=")
    )
    for number in range(throttle.MOST_PER_ORIGIN):
        guess = {"email": f"gissning-{number}@example.se", "losenord": "fel"}
        place.client.post("/logga-in", data=guess, headers=headers)

    stranger = place.client.post("/logga-in", data=form, headers=headers)
    other = place.client.post(
        "/logga-in", data={**form, "email": "annan@aneby.se"}, headers={**headers, "Cookie": known}
    )
    colleague = place.client.post("/logga-in", data=form, headers={**headers, "Cookie": known})

    assert (stranger.status_code, other.status_code) == (422, 422)
    assert "för många gånger" in stranger.text
    assert "för många gånger" in other.text
    assert colleague.status_code == 303


def test_a_known_browser_still_cannot_guess_at_one_account(place: Place) -> None:
    first_administrator(place)
    for _ in range(throttle.MOST_PER_ADDRESS):
        with pytest.raises(RefusedError, match="stämmer inte"):
            sign_ins.sign_in(
                place.database, email=EMAIL, password="fel", origin="192.0.2.1", now=place.clock.at, is_known=True
            )

    with pytest.raises(RefusedError, match="för många gånger"):
        sign_ins.sign_in(
            place.database, email=EMAIL, password=PASSWORD, origin="192.0.2.1", now=place.clock.at, is_known=True
        )
