"""Inställningar: who may do what, and never more than one's own municipality; and the settings that are shown."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from campaigns.database import Database
from campaigns.errors import RefusedError
from campaigns.models import AuditEntry, Membership, Notice, OneTimeLink, Person, Role, Token
from campaigns.people import passwords, persons, sign_ins
from campaigns.reminding import reminders
from campaigns.sending import accounts
from campaigns.sending.accounts import Health, Lesson
from tests.sites import Place, StaffClient, copied_config, planned

pytestmark = pytest.mark.pages

SETTINGS = "/kommun/aneby/installningar"
PEOPLE = f"{SETTINGS}/personer"
PASSWORD = "sju lugna sjöar"
NEW = "fem nya ord i rad"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


@pytest.fixture
def anna(place: Place) -> StaffClient:
    client = place.staff(Role.ADMINISTRATOR, name="Anna Andersson")
    let_choose_password(place, "Anna Andersson")
    return client


@pytest.fixture
def towns(database: Database, tmp_path: Path) -> Place:
    """Aneby and Tranås."""

    def add_neighbour(folder: Path) -> None:
        text = (folder / "municipalities" / "aneby.toml").read_text(encoding="utf-8")
        neighbour = text.replace('name = "Aneby kommun"', 'name = "Tranås kommun"', 1)
        (folder / "municipalities" / "tranas.toml").write_text(neighbour, encoding="utf-8")

    return planned(Place(database, config=copied_config(tmp_path, add_neighbour)))


def number_of(place: Place, name: str) -> int:
    with place.database.read() as session:
        return session.exec(select(Person.id).where(Person.name == name)).one() or 0


def let_choose_password(place: Place, name: str, password: str = PASSWORD) -> None:
    with place.database.write() as session:
        person = session.exec(select(Person).where(Person.name == name)).one()
        person.password_hash = passwords.hashed(password, email=person.email, name=person.name)
        session.add(person)


def roles_of(place: Place, name: str) -> list[tuple[str, str, str]]:
    with place.database.read() as session:
        person = session.exec(select(Person).where(Person.name == name)).one()
        return [(item.municipality, item.role, item.party) for item in persons.memberships(session, person)]


def membership_of(place: Place, name: str, municipality: str = "aneby") -> int:
    with place.database.read() as session:
        query = select(Membership.id).join(Person, col(Person.id) == col(Membership.person_id))
        return session.exec(query.where(Person.name == name, Membership.municipality == municipality)).first() or 0


def acts(place: Place) -> list[tuple[str, str, str]]:
    with place.database.read() as session:
        return [(item.actor, item.action, item.subject) for item in session.exec(select(AuditEntry))]


def invitation(name: str = "Pia Polis", email: str = "pia@polisen.se", role: str = "approver:polis") -> dict[str, str]:
    return {"namn": name, "epost": email, "roll": role}


def welcome_on(page: str) -> str:
    [path] = set(re.findall(r"https://kampanj\.example\.se(/valkommen/[\w-]+)", page))
    return str(path)


# -- the front page and who may see what


def test_the_front_page_shows_each_role_its_doors(place: Place, anna: StaffClient) -> None:
    mine, hers = place.staff(name="Bo Berg").page(SETTINGS), anna.page(SETTINGS)

    assert f'href="{PEOPLE}"' in hers
    assert "Minst två administratörer rekommenderas" in hers
    assert f'href="{PEOPLE}"' not in mine
    for rest in ("jag", "parter", "kanaler", "paminnelser", "fakta"):
        assert f'href="{SETTINGS}/{rest}"' in mine


@pytest.mark.parametrize("rest", ["personer", "personer/1", "utseende", "nycklar"])
def test_what_is_for_administrators_is_closed_to_editors_and_approvers(place: Place, rest: str) -> None:
    assert place.staff(Role.EDITOR).get(f"{SETTINGS}/{rest}").status_code == 403
    assert place.staff(Role.APPROVER, party="polis", name="Pia").get(f"{SETTINGS}/{rest}").status_code == 403


# -- people


def test_somebody_is_invited_by_an_address_that_is_shown_once_and_works_once(place: Place, anna: StaffClient) -> None:
    answer = anna.post(PEOPLE, data=invitation())

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-store"
    assert "gäller i en vecka" in answer.text
    path = welcome_on(answer.text)
    assert "/valkommen/" not in anna.page(PEOPLE)
    assert "har inte valt lösenord än" in anna.page(PEOPLE)
    form = {"losenord": PASSWORD, "losenord-igen": PASSWORD}
    chosen = place.client.post(path, data=form, headers={"Origin": place.base_url})
    assert chosen.status_code == 303
    assert roles_of(place, "Pia Polis") == [("aneby", "approver", "polis")]
    assert ("Anna Andersson", "gav rollen godkännare för polis", f"person {number_of(place, 'Pia Polis')}") in acts(
        place
    )


def test_somebody_who_has_an_account_gets_the_role_and_no_address(place: Place, anna: StaffClient) -> None:
    place.staff(name="Bo Berg")
    let_choose_password(place, "Bo Berg")

    anna.act(PEOPLE, **invitation("Bo B", "bo.berg@example.se", "administrator"))

    assert "Bo Berg har fått rollen och loggar in som vanligt." in anna.page(PEOPLE)
    assert "Minst två administratörer" not in anna.page(PEOPLE)
    with place.database.read() as session:
        assert session.exec(select(OneTimeLink)).all() == []


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        (invitation(email="ingen adress"), "epost", "hel e-postadress"),
        (invitation(name=""), "namn", "för- och efternamn"),
        (invitation(name="x" * 101), "namn", "för- och efternamn"),
        (invitation(role=""), "roll", "Välj en roll"),
        (invitation(role="kung"), "roll", "Välj en roll"),
        (invitation(role="approver:"), "roll", "Välj vilken part"),
        (invitation(role="approver:tullen"), "roll", "ingen part ”tullen”"),
    ],
)
def test_a_faulty_invitation_loses_nothing_and_says_where_the_fault_is(
    place: Place, anna: StaffClient, form: dict[str, str], field: str, sentence: str
) -> None:
    answer = anna.post(PEOPLE, data=form)

    assert answer.status_code == 422
    assert sentence.lower() in answer.text.lower()
    assert f'<a href="#{field}">' in answer.text
    assert f'id="{field}"' in answer.text
    assert f'value="{form["epost"]}"' in answer.text
    with place.database.read() as session:
        assert session.exec(select(Person).where(col(Person.name).in_(["Pia Polis", "x" * 101]))).all() == []


def test_hostile_names_stay_text(place: Place, anna: StaffClient) -> None:
    name = '<script>alert(1)</script> "><img src=x onerror=alert(1)>'

    page = anna.post(PEOPLE, data=invitation(name=name)).text + anna.page(PEOPLE)
    person = anna.page(f"{PEOPLE}/{number_of(place, name)}")

    for each in (page, person):
        assert "<script>alert" not in each
        assert "<img src=x" not in each
        assert "&lt;script&gt;" in each


def test_one_who_forgot_gets_a_new_address_and_the_earlier_one_ends(place: Place, anna: StaffClient) -> None:
    first = welcome_on(anna.post(PEOPLE, data=invitation()).text)
    person = number_of(place, "Pia Polis")

    second = welcome_on(anna.post(f"{PEOPLE}/{person}/lank").text)

    assert place.client.get(first).status_code == 404
    assert place.client.get(second).status_code == 200
    assert ("Anna Andersson", "gav en ny inloggningslänk", f"person {person}") in acts(place)


def test_roles_are_given_and_taken_and_the_last_administrator_stays(place: Place, anna: StaffClient) -> None:
    place.staff(name="Bo Berg")
    bo = number_of(place, "Bo Berg")

    anna.act(f"{PEOPLE}/{bo}/roll", roll="approver:kommun")
    anna.act(f"{PEOPLE}/roll/{membership_of(place, 'Bo Berg')}/ta-bort")

    assert roles_of(place, "Bo Berg") == [("aneby", "approver", "kommun")]
    refused = anna.post(f"{PEOPLE}/roll/{membership_of(place, 'Anna Andersson')}/ta-bort")
    assert refused.status_code == 422
    assert "Anna Andersson är den enda administratören" in refused.text
    assert anna.post(f"{PEOPLE}/roll/99999/ta-bort").status_code == 404
    assert anna.post(f"{PEOPLE}/{bo}/roll", data={"roll": "kung"}).status_code == 422


def test_one_who_leaves_is_out_at_once_with_the_calendar_and_can_be_let_in_again(
    place: Place, anna: StaffClient
) -> None:
    bo = place.staff(name="Bo Berg")
    bo.post("/kommun/aneby/prenumerera")
    number = number_of(place, "Bo Berg")

    anna.act(f"{PEOPLE}/{number}/stang-av")

    assert bo.get(SETTINGS).status_code == 303
    assert "avstängd" in anna.page(PEOPLE)
    with place.database.read() as session:
        assert all(item.revoked_at is not None for item in session.exec(select(Token)))
    assert "Bo Berg är avstängd" in anna.post(f"{PEOPLE}/{number}/lank").text
    anna.act(f"{PEOPLE}/{number}/slapp-in")
    assert "avstängd" not in anna.page(PEOPLE)


def test_nobody_shuts_themselves_out(place: Place, anna: StaffClient) -> None:
    answer = anna.post(f"{PEOPLE}/{number_of(place, 'Anna Andersson')}/stang-av")

    assert answer.status_code == 422
    assert "Du kan inte stänga av dig själv" in answer.text


def test_a_new_name_is_in_the_log_and_is_nobody_elses(place: Place, anna: StaffClient) -> None:
    place.staff(Role.APPROVER, party="polis", name="Pia Polis")
    pia = number_of(place, "Pia Polis")

    taken = anna.post(f"{PEOPLE}/{pia}/namn", data={"namn": "anna andersson"})
    anna.act(f"{PEOPLE}/{pia}/namn", namn="Pia Persson")

    assert taken.status_code == 422
    assert "Det finns redan någon som heter" in taken.text
    assert ("Anna Andersson", "bytte namn", f"person {pia}") in acts(place)


# -- people of other municipalities


def test_a_person_of_another_municipality_is_as_if_there_were_none(towns: Place) -> None:
    anna = towns.staff(Role.ADMINISTRATOR, name="Anna Andersson")
    towns.staff(Role.EDITOR, name="Tor Tranås", municipality="tranas")
    tor, his = number_of(towns, "Tor Tranås"), membership_of(towns, "Tor Tranås", "tranas")

    assert "Tor Tranås" not in anna.page(PEOPLE)
    strange, none = anna.get(f"{PEOPLE}/{tor}"), anna.get(f"{PEOPLE}/99999")
    assert (strange.status_code, strange.text) == (none.status_code, none.text)
    for rest in ("lank", "roll", "stang-av", "slapp-in", "namn"):
        data = {"roll": "editor", "namn": "Ny"}
        assert anna.post(f"{PEOPLE}/{tor}/{rest}", data=data).status_code == 404, rest
    assert anna.post(f"{PEOPLE}/roll/{his}/ta-bort").status_code == 404
    assert roles_of(towns, "Tor Tranås") == [("tranas", "editor", "")]


def test_one_with_roles_elsewhere_too_keeps_them_and_gets_no_address_from_here(towns: Place) -> None:
    anna = towns.staff(Role.ADMINISTRATOR, name="Anna Andersson")
    towns.staff(Role.EDITOR, name="Tor Tranås", municipality="tranas")
    anna.act(PEOPLE, **invitation("Tor Tranås", "tor.tranås@example.se", "editor"))
    tor = number_of(towns, "Tor Tranås")

    assert "inbjuden från en annan kommun" in anna.page(PEOPLE)
    for rest in ("lank", "namn", "slapp-in"):
        refused = anna.post(f"{PEOPLE}/{tor}/{rest}", data={"namn": "Ny Namnsson"})
        assert refused.status_code == 422, rest
        assert "/valkommen/" not in refused.text
    with towns.database.read() as session:
        assert session.exec(select(OneTimeLink)).all() == []
    anna.act(f"{PEOPLE}/{tor}/stang-av")
    assert roles_of(towns, "Tor Tranås") == [("tranas", "editor", "")]
    with towns.database.read() as session:
        assert session.get_one(Person, tor).disabled_at is None


def test_one_who_administers_everything_is_touched_only_by_another_such(towns: Place) -> None:
    anna = towns.staff(Role.ADMINISTRATOR, name="Anna Andersson")
    root = towns.staff(Role.ADMINISTRATOR, name="Rut Root", municipality=None)
    other = towns.staff(Role.ADMINISTRATOR, name="Ove Overallt", municipality=None)
    for name in ("Anna Andersson", "Rut Root", "Ove Overallt"):
        let_choose_password(towns, name)
    rut, everything = number_of(towns, "Rut Root"), membership_of(towns, "Rut Root", "")

    for rest, data in (("lank", {}), ("stang-av", {}), ("namn", {"namn": "Ny Namnsson"})):
        assert anna.post(f"{PEOPLE}/{rut}/{rest}", data=data).status_code == 422, rest
    assert anna.post(f"{PEOPLE}/roll/{everything}/ta-bort").status_code == 422
    assert root.page(SETTINGS)
    other.act(f"{PEOPLE}/{rut}/stang-av")
    assert root.get(SETTINGS).status_code == 303


# -- oneself


def test_a_new_password_asks_for_the_present_one_and_signs_the_other_browsers_out(place: Place) -> None:
    kim = place.staff()
    let_choose_password(place, "Kim Kommun")
    with place.database.write() as session:
        elsewhere = sign_ins.begin(session, number_of(place, "Kim Kommun"), now=place.clock.at)
    mine = f"{SETTINGS}/jag/losenord"

    wrong = kim.post(mine, data={"nuvarande": "fel", "losenord": NEW, "losenord-igen": NEW})
    unlike = kim.post(mine, data={"nuvarande": PASSWORD, "losenord": NEW, "losenord-igen": NEW + "!"})
    weak = kim.post(mine, data={"nuvarande": PASSWORD, "losenord": "kort", "losenord-igen": "kort"})
    kim.act(mine, nuvarande=PASSWORD, losenord=NEW, **{"losenord-igen": NEW})

    assert "Det nuvarande lösenordet stämmer inte" in wrong.text
    assert "inte lika" in unlike.text
    assert "för kort" in weak.text
    for answer in (wrong, unlike, weak):
        assert answer.status_code == 422
        assert PASSWORD not in answer.text
        assert NEW not in answer.text
    assert "Lösenordet är bytt" in kim.page(f"{SETTINGS}/jag")
    with place.database.read() as session:
        assert sign_ins.find(session, elsewhere, now=place.clock.at) is None
    email = "kim.kommun@example.se"
    assert sign_ins.sign_in(place.database, email=email, password=NEW, origin="", now=place.clock.at)
    with pytest.raises(RefusedError):
        sign_ins.sign_in(place.database, email=email, password=PASSWORD, origin="", now=place.clock.at)


def test_the_present_password_cannot_be_guessed_at_by_whoever_sits_down_at_the_browser(place: Place) -> None:
    kim = place.staff()
    let_choose_password(place, "Kim Kommun")
    form = {"nuvarande": "fel", "losenord": NEW, "losenord-igen": NEW}
    for _ in range(8):
        kim.post(f"{SETTINGS}/jag/losenord", data=form)

    answer = kim.post(f"{SETTINGS}/jag/losenord", data={**form, "nuvarande": PASSWORD})

    assert "Vänta en kvart" in answer.text


def test_shortcuts_can_be_turned_off(place: Place) -> None:
    kim = place.staff()
    before = kim.page(f"{SETTINGS}/jag")

    kim.act(f"{SETTINGS}/jag/kortkommandon", kortkommandon="nej")

    after = kim.page(f"{SETTINGS}/jag")
    assert "genvagar.js" in before
    assert 'aria-keyshortcuts="k"' in before
    assert "genvagar.js" not in after
    assert "aria-keyshortcuts" not in after


def test_a_name_is_changed_by_oneself_unless_it_stands_under_texts(place: Place) -> None:
    kim, pia = place.staff(), place.staff(Role.APPROVER, party="polis", name="Pia Polis")

    kim.act(f"{SETTINGS}/jag/namn", namn="Kim Karlsson")
    refused = pia.post(f"{SETTINGS}/jag/namn", data={"namn": "Någon Annan"})

    assert "Kim Karlsson" in kim.page(SETTINGS)
    assert refused.status_code == 422
    assert "Be en administratör" in refused.text


def test_one_can_sign_out_of_every_browser(place: Place) -> None:
    kim = place.staff()
    with place.database.write() as session:
        elsewhere = sign_ins.begin(session, number_of(place, "Kim Kommun"), now=place.clock.at)

    assert kim.act(f"{SETTINGS}/jag/logga-ut") == "/logga-in"

    assert kim.get(SETTINGS).status_code == 303
    with place.database.read() as session:
        assert sign_ins.find(session, elsewhere, now=place.clock.at) is None


# -- what stands in the municipality's file


def test_parties_are_shown_with_those_who_sign_and_the_promises(place: Place) -> None:
    place.staff(Role.APPROVER, party="polis", name="Pia Polis")

    page = place.staff().page(f"{SETTINGS}/parter")

    assert "Lokalpolisområde Höglandet" in page
    assert "Pia Polis" in page
    assert "Förebygga barn och ungas brottslighet." in page
    assert "config/municipalities/aneby.toml" in page


REMINDED = """
[[reminders]]
role = "Samordnare"
email = "samordnare@aneby.example"
apprise = "env:ANEBY_TEAMS"
escalate_to = "Chef"

[[reminders]]
role = "Chef"
kinds = ["escalation"]
email = "chef@aneby.example"
"""


def with_lines(database: Database, folder: Path, lines: str) -> Place:
    def add(config: Path) -> None:
        file = config / "municipalities" / "aneby.toml"
        file.write_text(file.read_text(encoding="utf-8") + lines, encoding="utf-8")

    return planned(Place(database, config=copied_config(folder, add)))


def test_reminders_tell_who_is_reminded_and_hide_most_of_the_address(database: Database, tmp_path: Path) -> None:
    place = with_lines(database, tmp_path, REMINDED)
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        wanted = reminders.due(session, place.parts.catalog, aneby, now=place.clock.at)
        reminders.make(session, aneby, wanted, now=place.clock.at)

    page = place.staff().page(f"{SETTINGS}/paminnelser")

    assert "s…@aneby.example" in page
    assert "samordnare@" not in page
    assert "ANEBY_TEAMS" not in page
    assert "går det till Chef" in page
    assert "56 dagar före riskdatumet" in page
    assert "Väntar på att skickas till Samordnare, e-post" in page
    assert "aneby/valborg/" not in page
    with place.database.read() as session:
        assert session.exec(select(Notice)).first() is not None


# -- channels

FACEBOOK = """
[channels.facebook]
kind = "facebook"
account = "123456"
secret = "env:ANEBY_FACEBOOK"

[channels.wordpress]
kind = "wordpress"
url = "https://127.0.0.1"
account = "kampanj"
secret = "file:FILE"
"""


@pytest.fixture
def channelled(database: Database, tmp_path: Path) -> Place:
    secret = tmp_path / "hemlig"
    secret.write_text("s3cr3t-w0rd", encoding="utf-8")
    return with_lines(database, tmp_path, FACEBOOK.replace("FILE", str(secret)))


def test_channels_tell_how_they_are_and_whether_secrets_are_there_but_never_the_secrets(channelled: Place) -> None:
    lesson = Lesson(("aneby", "wordpress"), Health.DEAD, "WordPress godtar inte lösenordet.", channelled.clock.at)
    with channelled.database.write() as session:
        accounts.learn(session, [lesson])

    page = channelled.staff().page(f"{SETTINGS}/kanaler")

    assert "Miljövariabeln ANEBY_FACEBOOK saknas" in page
    assert "På plats" in page
    assert "s3cr3t-w0rd" not in page
    assert "WordPress godtar inte lösenordet." in page
    assert f'action="{SETTINGS}/kanaler/wordpress/starta"' in page
    assert f'action="{SETTINGS}/kanaler/webb/prova"' not in page
    assert "2 att se över" in channelled.staff(name="Bo Berg").page(SETTINGS)


def test_proving_a_channel_says_what_is_wrong_and_calls_nothing_in_our_own_net(channelled: Place) -> None:
    kim = channelled.staff()

    missing = kim.post(f"{SETTINGS}/kanaler/facebook/prova")
    inside = kim.post(f"{SETTINGS}/kanaler/wordpress/prova")
    shown = kim.post(f"{SETTINGS}/kanaler/wordpress/prov")

    for answer in (missing, inside, shown):
        assert answer.status_code == 422
        assert "s3cr3t-w0rd" not in answer.text
    assert "Miljövariabeln ANEBY_FACEBOOK saknas" in missing.text
    assert 'href="#kanal-facebook"' in missing.text
    assert "internt nät" in inside.text
    assert ("Kim Kommun", "prövade kanalen, utan att det gick", "facebook") in acts(channelled)


def test_a_stopped_channel_is_started_again(channelled: Place) -> None:
    kim = channelled.staff()
    lesson = Lesson(("aneby", "facebook"), Health.DEAD, "Nyckeln gäller inte.", channelled.clock.at)
    with channelled.database.write() as session:
        accounts.learn(session, [lesson])

    kim.act(f"{SETTINGS}/kanaler/facebook/starta")
    kim.act(f"{SETTINGS}/kanaler/facebook/starta")

    assert "Nyckeln gäller inte." not in kim.page(f"{SETTINGS}/kanaler")
    assert ("Kim Kommun", "startade kanalen", "facebook") in acts(channelled)


def test_channels_are_for_editors_to_prove_and_only_those_there_are(channelled: Place) -> None:
    pia = channelled.staff(Role.APPROVER, party="polis", name="Pia Polis")
    kim = channelled.staff()

    assert "Pröva inloggningen" not in pia.page(f"{SETTINGS}/kanaler")
    for act in ("prova", "prov", "starta"):
        assert pia.post(f"{SETTINGS}/kanaler/facebook/{act}").status_code == 403
        assert kim.post(f"{SETTINGS}/kanaler/finns-inte/{act}").status_code == 404


# -- facts


def test_a_fact_that_stops_texts_stands_first_and_is_confirmed_with_a_day(place: Place) -> None:
    kim = place.staff()
    today = place.clock.at.date()
    before = kim.page(f"{SETTINGS}/fakta")
    fact = re.findall(r'name="uppgift" value="(\w+)"', before)[0]

    faulty = kim.post(f"{SETTINGS}/fakta", data={"uppgift": fact, "till": "snart"})
    over = kim.post(f"{SETTINGS}/fakta", data={"uppgift": fact, "till": (today - timedelta(days=1)).isoformat()})
    kim.act(f"{SETTINGS}/fakta", uppgift=fact, till=(today + timedelta(days=100)).isoformat())

    assert "Inte bekräftad" in before or "Har gått ut" in before
    assert (faulty.status_code, over.status_code) == (422, 422)
    assert f'href="#till-{fact}"' in faulty.text
    assert "har redan varit" in over.text
    assert re.findall(r'name="uppgift" value="(\w+)"', kim.page(f"{SETTINGS}/fakta"))[0] != fact
    assert ("Kim Kommun", "bekräftade faktum", fact) in acts(place)


def test_facts_are_read_by_all_and_confirmed_by_editors(place: Place) -> None:
    pia = place.staff(Role.APPROVER, party="polis", name="Pia Polis")

    assert "<summary>Bekräfta" not in pia.page(f"{SETTINGS}/fakta")
    assert pia.post(f"{SETTINGS}/fakta", data={"uppgift": "langning_lag", "till": "2028-01-01"}).status_code == 403
    assert place.staff().post(f"{SETTINGS}/fakta", data={"uppgift": "x", "till": "2028-01-01"}).status_code == 404


# -- keys


def test_a_key_is_shown_once_works_and_is_revoked(place: Place, anna: StaffClient) -> None:
    answer = anna.post(f"{SETTINGS}/nycklar", data={"namn": "Kommunens <webbplats>"})

    [secret] = re.findall(r'data-copy="(kh_[\w-]+)"', answer.text)
    assert answer.headers["cache-control"] == "private, no-store"
    header = {"Authorization": f"Bearer {secret}"}
    assert place.client.get("/api/v1/posts", headers=header).status_code == 200
    page = anna.page(f"{SETTINGS}/nycklar")
    assert secret not in page
    assert "Kommunens &lt;webbplats&gt;" in page
    assert "Kan inte godkänna." in page
    with place.database.read() as session:
        [token] = session.exec(select(Token)).all()
    anna.act(f"{SETTINGS}/nycklar/{token.id}/dra-in")
    assert place.client.get("/api/v1/posts", headers=header).status_code == 401
    assert ("Anna Andersson", "skapade API-nyckel", "-") in acts(place)
    assert anna.post(f"{SETTINGS}/nycklar", data={"namn": " "}).status_code == 422


def test_a_key_signs_only_for_a_party_that_its_maker_signs_for_and_in_that_name(
    place: Place, anna: StaffClient
) -> None:
    refused = anna.post(f"{SETTINGS}/nycklar", data={"namn": "Pia Polis", "part": "polis"})
    both = place.staff(Role.ADMINISTRATOR, Role.APPROVER, party="kommun", name="Bo Berg")
    made = both.post(f"{SETTINGS}/nycklar", data={"namn": "Pia Polis", "part": "kommun"})

    assert refused.status_code == 422
    assert made.status_code == 200
    with place.database.read() as session:
        [token] = session.exec(select(Token)).all()
    assert (token.name, token.party) == ("Bo Berg", "kommun")
