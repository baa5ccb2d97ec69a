"""The pages of campaigns: read by all with a role, changed by editors; nothing typed is lost, acts can be undone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from sqlmodel import select

from campaigns.database import Database
from campaigns.models import ActivityRow, Post, PostState, Role
from tests.sites import Place, StaffClient, planned

pytestmark = pytest.mark.pages

YEAR = "/kommun/aneby/kampanjer/valborg/2027"
STUDENT_YEAR = "/kommun/aneby/kampanjer/student/2027"
WEEK = "valborg/2027/valborg/veckan/foraldrar"
SIBLINGS = "valborg/2027/valborg/infor/syskon"
YOUNG = "valborg/2027/valborg/infor/unga-vuxna"
NASSJO = "aneby/student/2027/nassjo"


@pytest.fixture
def place(database: Database) -> Place:
    """Aneby on Mon 2027-04-12 at 09.00; valborg is Fri 2027-04-30."""
    return planned(Place(database))


@pytest.fixture
def editor(place: Place) -> StaffClient:
    return place.staff(Role.EDITOR)


def number(place: Place, key: str) -> int:
    return place.town.post(key).id or 0


def undo(client: StaffClient, page: str) -> str:
    """Press the button in the message. Returns where it leads."""
    found = re.search(r'class="told".*?action="([^"]+)"', page, re.DOTALL)
    assert found, page
    return client.act(found[1].replace("&amp;", "&"))


def test_the_list_leads_to_each_campaigns_year(editor: StaffClient) -> None:
    page = editor.page("/kommun/aneby/kampanjer")

    assert f'href="{YEAR}"' in page
    assert "Om 18 dagar" in page


def test_a_campaigns_year_shows_its_steps_with_links_to_text_and_signing(place: Place, editor: StaffClient) -> None:
    page = editor.page(YEAR)

    assert "7 dagar före valborgsmässoafton, fredag 30 april 2027" in page
    assert "I dag, måndag 12 april 2027" in page
    assert f"/kommun/aneby/mallar/{number(place, WEEK)}" in page
    assert f"/kommun/aneby/granska/{number(place, WEEK)}" in page
    assert 'aria-current="page">2027' in page


def test_an_approver_reads_and_is_offered_no_acts(place: Place) -> None:
    reader = place.staff(Role.APPROVER, party="polis", name="Pia Polis")

    page = reader.page(YEAR)

    assert "Veckan före till föräldrar" in page
    assert "/flytta/" not in page
    assert "/lagg-till" not in page
    for path in (f"flytta/{number(place, WEEK)}", f"hoppa-over/{number(place, WEEK)}", "lagg-till", "aktivitet"):
        assert reader.get(f"{YEAR}/{path}").status_code == 403
        assert reader.post(f"{YEAR}/{path}").status_code == 403
    assert reader.post(f"{YEAR}/ta-tillbaka/{number(place, WEEK)}").status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "kampanjer/valborg/2031",
        "kampanjer/mormor/2027",
        "kampanjer/valborg/2027/flytta/99999",
        "kampanjer/jul/2027/flytta/{post}",
        "kampanjer/valborg/2027/aktivitet?nyckel=valborg/eksjo/valborg/2027/-/nattvandring",
        "kampanjer/student/2027/datum?tillfalle=eksjo/student/2027/nassjo",
        "kampanjer/valborg/2027/datum?tillfalle=aneby/valborg/2027/-",
    ],
)
def test_what_is_not_there_and_what_is_anothers_is_the_same(place: Place, editor: StaffClient, path: str) -> None:
    assert editor.get(f"/kommun/aneby/{path.format(post=number(place, WEEK))}").status_code == 404


# -- moving


def test_a_step_is_moved_and_moved_back(place: Place, editor: StaffClient) -> None:
    path = f"{YEAR}/flytta/{number(place, WEEK)}"
    assert 'value="2027-04-23T16:30"' in editor.page(path)
    assert 'max="2027-04-25T20:00"' in editor.page(path)

    assert editor.act(path, tid="2027-04-22T18:00", budskap=str(number(place, WEEK))) == YEAR

    assert place.town.post(WEEK).due_at == datetime(2027, 4, 22, 16, 0, tzinfo=UTC)
    page = editor.page(YEAR)
    assert "Flyttat till tor 22 apr 2027 kl. 18.00." in page
    assert "Flyttat av Kim Kommun" in page

    assert undo(editor, page) == YEAR
    assert place.town.post(WEEK).due_at == datetime(2027, 4, 23, 14, 30, tzinfo=UTC)
    assert "Flyttat till fre 23 apr 2027 kl. 16.30." in editor.page(YEAR)


def test_of_a_step_to_several_audiences_one_or_all_are_moved(place: Place, editor: StaffClient) -> None:
    path = f"{YEAR}/flytta/{number(place, SIBLINGS)}"
    assert editor.page(path).count('name="budskap"') == 2

    editor.act(path, tid="2027-04-24T12:00", budskap=[str(number(place, key)) for key in (SIBLINGS, YOUNG)])
    assert {place.town.post(key).due_at for key in (SIBLINGS, YOUNG)} == {datetime(2027, 4, 24, 10, 0, tzinfo=UTC)}

    editor.act(path, tid="2027-04-25T12:00", budskap=str(number(place, YOUNG)))
    assert place.town.post(SIBLINGS).due_at == datetime(2027, 4, 24, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ("2027-04-25T20:01", "Det är för sent: senast sön 25 apr 2027 kl. 20.00 måste det gå ut."),
        ("2027-04-22T22:00", "Mellan klockan 21 och 07 skickas inget."),
        ("2027-03-28T02:30", "finns inte: då ställs klockan fram."),
        ("i morgon", "Skriv dag och klockslag"),
        ("", "Skriv dag och klockslag"),
    ],
)
def test_a_time_that_cannot_be_is_told_beside_the_field(
    place: Place, editor: StaffClient, when: str, sentence: str
) -> None:
    before = place.town.post(WEEK)

    answer = editor.post(f"{YEAR}/flytta/{before.id}", data={"tid": when, "budskap": str(before.id)})

    assert answer.status_code == 422
    assert '<a href="#tid">' in answer.text
    assert answer.text.count(sentence) == 2  # on top, and by the field
    assert f'value="{when}"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert place.town.post(WEEK) == before


def test_signatures_that_fell_are_told_of(place: Place, editor: StaffClient) -> None:
    place.write(WEEK, body="Valborg är {{ dagar_kvar }}.")
    place.town.sign(WEEK)

    editor.act(f"{YEAR}/flytta/{number(place, WEEK)}", tid="2027-04-22T18:00", budskap=str(number(place, WEEK)))

    assert "godkännandena gäller inte längre" in editor.page(YEAR)


# -- leaving out


def test_a_step_is_left_out_and_taken_back(place: Place, editor: StaffClient) -> None:
    path = f"{YEAR}/hoppa-over/{number(place, WEEK)}"
    assert "Nästa år är det med igen." in editor.page(path)

    answer = editor.post(path, data={"skal": " ", "budskap": str(number(place, WEEK))})
    assert answer.status_code == 422
    assert '<a href="#skal">Skriv varför' in answer.text

    assert editor.act(path, skal="Skolan skriver <själv>.", budskap=str(number(place, WEEK))) == YEAR
    assert place.town.post(WEEK).state == PostState.SKIPPED
    page = editor.page(YEAR)
    assert "Utelämnat av Kim Kommun: Skolan skriver &lt;själv&gt;." in page
    assert f'/mallar/{number(place, WEEK)}"' not in editor.page("/kommun/aneby/mallar")

    assert undo(editor, page) == YEAR
    assert place.town.post(WEEK).state == PostState.DRAFT


def test_what_is_left_out_is_taken_back_from_its_line(place: Place, editor: StaffClient) -> None:
    editor.act(f"{YEAR}/hoppa-over/{number(place, WEEK)}", skal="Lov", budskap=str(number(place, WEEK)))
    editor.page(YEAR)

    editor.act(f"{YEAR}/ta-tillbaka/{number(place, WEEK)}", budskap=str(number(place, WEEK)))

    assert place.town.post(WEEK).state == PostState.DRAFT


# -- adding


def test_a_post_is_added(place: Place, editor: StaffClient) -> None:
    assert "Lägg till budskap" in editor.page(f"{YEAR}/lagg-till")

    where = editor.act(
        f"{YEAR}/lagg-till",
        slag="budskap",
        namn="Ökad langning vid torget",
        malgrupp=["foraldrar", "syskon"],
        kanal=["webb"],
        tid="2027-04-28T16:00",
        senast="",
    )

    assert where == YEAR
    with place.database.read() as session:
        found = [post for post in session.exec(select(Post)) if post.is_extra]
    assert [(post.step, post.audience) for post in found] == [
        ("Ökad langning vid torget", "foraldrar"),
        ("Ökad langning vid torget", "syskon"),
    ]
    page = editor.page(YEAR)
    assert "2 budskap är tillagda" in page
    assert "Tillagt i år" in page
    assert "Ökad langning vid torget" in editor.page(f"/kommun/aneby/mallar/{found[0].id}")


def test_a_day_chosen_in_the_calendar_stands_in_the_form(editor: StaffClient) -> None:
    assert 'value="2027-04-28T16:00"' in editor.page(f"{YEAR}/lagg-till?dag=2027-04-28")
    assert 'value="2027-04-28"' in editor.page(f"{YEAR}/lagg-till?dag=2027-04-28&slag=aktivitet")
    assert 'id="tid" name="tid" value=""' in editor.page(f"{YEAR}/lagg-till?dag=i+morgon")


def test_what_was_typed_is_kept_when_a_post_cannot_be_added(editor: StaffClient) -> None:
    answer = editor.post(
        f"{YEAR}/lagg-till",
        data={
            "slag": "budskap",
            "namn": 'Vid "torget"',
            "malgrupp": ["syskon"],
            "kanal": ["skarm"],
            "tid": "2027-04-28T23:00",
            "senast": "2027-04-28T23:30",
        },
    )

    assert answer.status_code == 422
    assert "Mellan klockan 21 och 07 skickas inget." in answer.text
    assert 'value="Vid &#34;torget&#34;"' in answer.text
    assert 'value="syskon" checked' in answer.text
    assert 'value="skarm" checked' in answer.text
    assert 'value="2027-04-28T23:00"' in answer.text


def test_an_activity_is_added_taken_away_and_brought_back(place: Place, editor: StaffClient) -> None:
    def stored() -> ActivityRow:
        with place.database.read() as session:
            return session.exec(select(ActivityRow)).one()

    editor.act(
        f"{YEAR}/lagg-till",
        slag="aktivitet",
        namn="Föräldramöte",
        dag="2027-04-22",
        ansvarig="Skolan",
        beskrivning="Polisen berättar.",
    )

    page = editor.page(YEAR)
    assert "Aktiviteten är tillagd: Föräldramöte, torsdag 22 april 2027." in page
    assert undo(editor, page) == YEAR
    assert stored().cancelled_at is not None

    page = editor.page(YEAR)
    assert "Föräldramöte" not in page.split("</h1>")[1]
    assert undo(editor, page) == YEAR
    assert stored().cancelled_at is None


# -- dates


def test_a_local_date_is_confirmed(place: Place, editor: StaffClient) -> None:
    path = f"{STUDENT_YEAR}/datum"
    assert "brukar vara 31 maj–16 juni 2027" in editor.page(f"{path}?tillfalle={quote(NASSJO)}")

    assert editor.act(path, tillfalle=NASSJO, dag="2027-06-11", lage="bekraftat") == STUDENT_YEAR

    page = editor.page(STUDENT_YEAR)
    assert "fredag 11 juni 2027 är bekräftat." in page
    assert not place.town.post("student/2027/student.nassjo/veckan/foraldrar").is_preliminary


def test_an_unusual_date_is_asked_about_once_more(place: Place, editor: StaffClient) -> None:
    given = {"tillfalle": NASSJO, "dag": "2027-07-11", "lage": "bekraftat"}

    answer = editor.post(f"{STUDENT_YEAR}/datum", data=given)

    assert answer.status_code == 422
    assert "brukar vara 31 maj–16 juni 2027" in answer.text
    assert 'value="2027-07-11"' in answer.text
    assert 'name="ratt"' in answer.text
    assert place.town.post("student/2027/student.nassjo/veckan/foraldrar").is_preliminary

    editor.act(f"{STUDENT_YEAR}/datum", **given, ratt="ja")
    assert not place.town.post("student/2027/student.nassjo/veckan/foraldrar").is_preliminary


def test_a_date_in_another_year_or_none_is_refused_and_one_entered_can_be_taken_away(
    place: Place, editor: StaffClient
) -> None:
    for written, sentence in (("2028-06-09", "Dagen ska vara i 2027"), ("", "Välj en dag")):
        answer = editor.post(f"{STUDENT_YEAR}/datum", data={"tillfalle": NASSJO, "dag": written, "lage": "bekraftat"})
        assert answer.status_code == 422
        assert sentence in answer.text

    editor.act(f"{STUDENT_YEAR}/datum", tillfalle=NASSJO, dag="2027-06-11", lage="bekraftat")
    editor.act(f"{STUDENT_YEAR}/datum", tillfalle=NASSJO, gor="ta-bort")

    assert place.town.post("student/2027/student.nassjo/veckan/foraldrar").is_preliminary


# -- activities


def test_what_became_of_an_activity_is_told(place: Place, editor: StaffClient) -> None:
    place.clock.at = datetime(2027, 5, 2, 9, 0, tzinfo=UTC)
    editor = place.staff(Role.EDITOR, name="Nina Ny")
    key = "valborg/aneby/valborg/2027/-/nattvandring"
    assert "Blev den av?" in editor.page(f"{YEAR}/aktivitet?nyckel={quote(key)}")

    for given, where in (
        ({"utfall": ""}, "utfall"),
        ({"utfall": "done", "antal": "många"}, "antal"),
        ({"utfall": "not_done"}, "notering"),
    ):
        answer = editor.post(f"{YEAR}/aktivitet", data={"nyckel": key, **given})
        assert answer.status_code == 422
        assert f'<a href="#{where}">' in answer.text

    assert editor.act(f"{YEAR}/aktivitet", nyckel=key, utfall="done", antal="14", notering="Lugnt.", lank="") == YEAR

    page = editor.page(YEAR)
    assert "Gjord" in page
    assert "Antal: 14" in page
    assert "Noterat av Nina Ny" in page


@pytest.mark.parametrize("act", ["flytta", "hoppa-over", "ta-tillbaka"])
def test_only_the_posts_of_the_step_in_the_address_are_changed(place: Place, editor: StaffClient, act: str) -> None:
    inside, other = number(place, WEEK), number(place, SIBLINGS)
    before = place.town.post(SIBLINGS)
    given = {"budskap": f"{inside} {other}", "tid": "2027-04-27T10:00", "skal": "Fel."}

    answer = editor.post(f"{YEAR}/{act}/{inside}", data=given)

    assert answer.status_code == 404
    assert "hör inte till steget" in answer.text
    assert [place.town.post(key).state for key in (WEEK, SIBLINGS)] == [PostState.DRAFT] * 2
    assert place.town.post(SIBLINGS).due_at == before.due_at


def test_a_refusal_names_no_command(editor: StaffClient, place: Place) -> None:
    answer = editor.post(f"{STUDENT_YEAR}/flytta/1", data={"budskap": "1", "tid": "2027-05-01T10:00"})
    missing = editor.post("/kommun/aneby/granska/999999/avsla", data={"part": "kommun"})

    assert "kampanjhjul posts" not in answer.text + missing.text


def test_an_activity_that_has_not_been_is_only_said_not_to_be_done(place: Place, editor: StaffClient) -> None:
    page = editor.page(YEAR)
    assert "Notera att den inte blir av" in page
    form = editor.page(_activity_path(page))

    assert 'value="done"' not in form
    assert 'value="not_done"' in form
    place.clock.at = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)
    later = place.staff(Role.EDITOR, name="Karin Kommun")
    assert 'value="done"' in later.page(_activity_path(later.page(YEAR)))


def _activity_path(page: str) -> str:
    found = re.search(rf'href="({YEAR}/aktivitet[^"]+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("day", ["20270611", "2027-W23-5", "2027-06-11T10:00", "\u0662\u0660\u0662\u0667-06-11"])
def test_a_day_has_one_form(editor: StaffClient, day: str) -> None:
    form = {"tillfalle": NASSJO, "dag": day, "lage": "bekraftat"}

    answer = editor.post(f"{STUDENT_YEAR}/datum", data=form)

    assert answer.status_code == 422
    assert "Välj en dag, till exempel 2027-06-11." in answer.text


def test_a_usual_window_is_told_in_words(editor: StaffClient) -> None:
    answer = editor.post(f"{STUDENT_YEAR}/datum", data={"tillfalle": NASSJO, "dag": "2027-09-11", "lage": "bekraftat"})

    assert re.search(r"brukar vara \d+ maj–\d+ juni 2027", answer.text)
    assert not re.search(r"brukar vara \d{4}-", answer.text)
