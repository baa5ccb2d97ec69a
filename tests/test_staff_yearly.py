"""The pages for what comes once a year: the new year, national campaigns and reach; and their commands."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import select

from campaigns.database import Database
from campaigns.models import ReachNote, Role, YearStart
from tests.conftest import Run
from tests.sites import Place, StaffClient, planned

pytestmark = pytest.mark.pages

VECKAN = "valborg/2027/valborg/veckan/foraldrar"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


@pytest.fixture
def kim(place: Place) -> StaffClient:
    return place.staff()


def told(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(page)).split())


def test_the_new_year_is_led_through_in_order_and_begun(place: Place, kim: StaffClient) -> None:
    place.write(VECKAN, title="Prata hemma")

    page = told(kim.page("/kommun/aneby/nytt-ar/2028"))

    order = [
        "Datum",
        "Uppgifter",
        "Det som ni lade till förra året",
        "Översättningar",
        "Texter och godkännanden",
        "Löftet",
    ]
    places = [page.index(f"{number}. {name}") for number, name in enumerate(order, 1)]
    assert places == sorted(places)
    assert "Holavedsgymnasiet, Tranås: inte beslutat, brukar vara" in page
    assert "Förra gångens text, skriven av Kim Kommun. 0 av 2 godkännanden." in page
    assert kim.act("/kommun/aneby/nytt-ar/2028") == "/kommun/aneby/nytt-ar/2028"
    assert "Året är börjat av Kim Kommun" in told(kim.page("/kommun/aneby/nytt-ar/2028"))
    with place.database.read() as session:
        assert [(row.year, row.begun_by) for row in session.exec(select(YearStart))] == [(2028, "Kim Kommun")]


def test_those_who_only_sign_see_the_year_and_cannot_begin_it(place: Place) -> None:
    pia = place.staff(Role.APPROVER, party="polis", name="Pia Polis")

    assert "Börja året" not in pia.page("/kommun/aneby/nytt-ar/2028")
    assert pia.post("/kommun/aneby/nytt-ar/2028").status_code == 403
    assert pia.get("/kommun/aneby/nytt-ar/2031").status_code == 404


def test_a_national_campaign_is_chosen_into_a_text_as_a_link_without_words(place: Place, kim: StaffClient) -> None:
    address = f"/kommun/aneby/mallar/{place.town.post(VECKAN).id}"
    form = {"kanal": "", "sprak": "sv", "utgick_fran": "0", "rubrik": "Gå ut", "kort": "Gå med.", "text": "Var ute."}
    page = kim.page(address)
    assert 'value="nattvandring">Sprid' in page
    assert 'value="tank_om"' not in page

    answer = kim.post(address, data={**form, "bild": "", "alt": "", "lank": "", "sprid": "nattvandring"})

    assert answer.status_code == 200
    assert 'name="lank" value="https://nattvandring.nu"' in answer.text
    assert 'name="uppgift" value="nattvandring" checked' in answer.text
    assert ">Var ute.</textarea>" in answer.text.replace("\n", "")


def test_what_is_closed_cannot_be_chosen_by_hand_either(place: Place, kim: StaffClient) -> None:
    address = f"/kommun/aneby/mallar/{place.town.post(VECKAN).id}"
    form = {"kanal": "", "sprak": "sv", "utgick_fran": "0", "rubrik": "A", "kort": "B", "text": "C", "sprid": "tank_om"}

    answer = kim.post(address, data={**form, "bild": "", "alt": "", "lank": ""})

    assert "Den kampanjen kan inte spridas i det här budskapet." in answer.text
    assert 'name="uppgift" value="tank_om" checked' not in answer.text


def test_the_library_says_whose_each_is_and_where_it_stands(kim: StaffClient) -> None:
    page = told(kim.page("/kommun/aneby/kampanjer/nationella"))

    assert "TÄNK OM Avslutad Ägare Statens folkhälsoinstitut med flera" in page
    assert "Tonårsparlören Ska kontrolleras först Ägare IQ Målgrupp Föräldrar" in page
    assert "nattvandring.nu Får spridas" in page


def test_a_number_is_typed_in_and_shown_with_who_and_when(place: Place) -> None:
    post = place.publish(VECKAN)
    kim = place.staff()
    address = f"/kommun/aneby/uppfoljning/rackvidd/{post.id}"

    kim.act(address, kanal="webb", matt="visningar", antal="1 240")

    assert "Visningar: 1240 Kim Kommun, fre 23 apr 2027" in told(kim.page(address))
    assert "visningar 1240" in told(kim.page("/kommun/aneby/uppfoljning/rackvidd"))
    with place.database.read() as session:
        assert [(row.channel, row.number) for row in session.exec(select(ReachNote))] == [("webb", 1240)]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"kanal": "webb", "matt": "visningar", "antal": "många"}, "Skriv antalet med siffror"),
        ({"kanal": "webb", "matt": "visningar", "antal": "99999999999"}, "Antalet ska vara mellan 0 och"),
        ({"kanal": "fax", "matt": "visningar", "antal": "1"}, "Budskapet går inte ut i kanalen"),
    ],
)
def test_what_is_no_number_comes_back_with_what_to_do(place: Place, form: dict[str, str], sentence: str) -> None:
    post = place.publish(VECKAN)
    kim = place.staff()

    answer = kim.post(f"/kommun/aneby/uppfoljning/rackvidd/{post.id}", data=form)

    assert answer.status_code == 422
    assert sentence in html.unescape(answer.text)
    with place.database.read() as session:
        assert session.exec(select(ReachNote)).all() == []


def test_those_who_only_sign_read_the_numbers_and_cannot_write_any(place: Place) -> None:
    post = place.publish(VECKAN)
    pia = place.staff(Role.APPROVER, party="polis", name="Pia Polis")
    address = f"/kommun/aneby/uppfoljning/rackvidd/{post.id}"

    assert "Skriv in en siffra" not in pia.page(address)
    assert pia.post(address, data={"kanal": "webb", "matt": "visningar", "antal": "1"}).status_code == 403


# The commands.


def test_the_log_is_verified_from_the_command_line(run: Run) -> None:
    run("plan")

    code, out, _ = run("log", "verify")
    head = out.split()[-1]

    assert (code, len(head)) == (0, 64)
    assert out.startswith("Loggen är hel: 1 rader.")
    assert run("log", "verify", "--known", head)[0] == 0
    code, out, _ = run("log", "verify", "--known", "0" * 64)
    assert (code, "finns inte i loggen" in out) == (1, True)
    assert json.loads(run("log", "verify", "--json")[1])["is_whole"] is True


def test_a_changed_key_shows_until_somebody_seals_the_log_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("plan")
    monkeypatch.setenv("KAMPANJHJUL_SECRET_KEY", "en egen nyckel")

    code, out, _ = run("log", "verify")

    assert (code, "nyckeln bytts" in out) == (1, True)
    assert run("log", "seal", "--reason", "Nyckeln ligger nu i miljön.", "--as", "Drift")[0] == 0
    assert run("log", "verify")[0] == 0
    code, _, err = run("log", "seal", "--reason", "Igen.", "--as", "Drift")
    assert (code, "redan förseglad" in err) == (1, True)


@pytest.mark.parametrize("year", ["0", "10000", "99999999999999999999"])
def test_an_archive_of_a_year_that_cannot_be_is_refused(run: Run, tmp_path: Path, year: str) -> None:
    code, _, err = run("archive", "aneby", year, "arkiv", "--as", "Alva")

    assert (code, "fyra siffror" in err) == (1, True)
    assert not (tmp_path / "arkiv").exists()


def test_translations_in_files_are_listed_and_vouched_for(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init", "eget")
    municipality = tmp_path / "eget" / "config" / "municipalities" / "aneby.toml"
    text = municipality.read_text(encoding="utf-8")
    municipality.write_text(text.replace('languages = ["sv"]', 'languages = ["sv", "en"]', 1), encoding="utf-8")
    monkeypatch.setenv("KAMPANJHJUL_CONFIG_DIR", str(tmp_path / "eget" / "config"))
    monkeypatch.setenv("KAMPANJHJUL_TEMPLATES_DIR", str(tmp_path / "eget" / "templates"))
    english = tmp_path / "eget" / "templates" / "messages" / "valborg" / "infor.syskon.en.md"
    english.write_text('+++\ntitle = "Say no"\nshort = "Say no."\n+++\n\nSay no.\n', encoding="utf-8")

    code, out, _ = run("translations")

    assert (code, "valborg/infor.syskon.en.md" in out, "läs den igen" in out) == (1, True, True)
    assert run("translations", "vouch", "valborg/infor.syskon.en.md")[0] == 0
    code, out, _ = run("translations", "--json")
    assert (code, json.loads(out)[0]["is_current"]) == (0, True)


def test_a_new_year_is_begun_from_the_command_line_as_often_as_one_likes(run: Run) -> None:
    code, out, _ = run("new-year", "--json")
    [before] = json.loads(out)

    assert (code, before["begun"], before["signatures"], len(before["dates_missing"])) == (0, None, 0, 6)
    for _ in range(2):
        assert run("new-year", "--begin", "--as", "Sam Samordnare")[0] == 0
    [after] = json.loads(run("new-year", "--json")[1])
    assert after["begun"].startswith("Sam Samordnare, ")
    assert run("log", "verify", "--json")[0] == 0


def test_an_archive_is_written_once_and_never_over_another(run: Run, tmp_path: Path) -> None:
    run("plan")
    year = str(datetime.now(UTC).year + 1)

    code, out, _ = run("archive", "aneby", year, "arkiv", "--as", "Alva")

    assert code == 0, out
    assert (tmp_path / "arkiv" / "SHA256SUMS").is_file()
    code, _, err = run("archive", "aneby", year, "arkiv", "--as", "Alva")
    assert code != 0
    assert "finns redan" in err
    assert run("archive", "aneby", year, "arkiv.zip", "--campaign", "valborg", "--as", "Alva")[0] == 0
    assert (tmp_path / "arkiv.zip").read_bytes().startswith(b"PK")


def test_the_library_and_what_is_to_be_thrown_away_are_listed(run: Run) -> None:
    national = json.loads(run("national", "--json")[1])
    assert {"closed", "open", "unconfirmed"} & {item["standing"] for item in national} >= {"closed", "open"}
    kept = json.loads(run("retention", "--json")[1])
    assert [(item["kind"], item["days"], item["rows"]) for item in kept] == [
        (kind, None, 0) for kind in ("texts", "contents", "attempts", "reminders")
    ]
    assert json.loads(run("reach", "--json")[1]) == []
