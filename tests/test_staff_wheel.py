"""The page Årshjul: a drawing whose every arc leads on, the same as a table, and a file that stands by itself."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from campaigns.database import Database
from campaigns.models import Role
from campaigns.overviews.wheel import Wheel, wheel
from campaigns.wheel_drawing import Ring
from tests.builders import day
from tests.sites import BASE_URL, Place, planned
from tests.test_web_pages import words

pytestmark = pytest.mark.pages

ARSHJUL = "/kommun/aneby/arshjul"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def seen(place: Place, year: int = 2027) -> Wheel:
    with place.database.read() as session:
        catalog = place.parts.catalog
        return wheel(session, catalog, catalog.municipality("aneby"), year=year, now=place.clock.at)


def titles(found: Wheel, ring: Ring) -> list[str]:
    return [arc.mark.title for arc in dict(found.drawing.rings)[ring]]


def test_a_campaign_reaches_from_its_first_post_to_its_last(place: Place) -> None:
    found = seen(place)

    assert "Valborg utan langning 2027, budskap fre 16 apr 2027 – fre 30 apr 2027" in titles(found, Ring.CAMPAIGNS)
    assert "Valborg: fre 30 apr 2027" in titles(found, Ring.RISK_DATES)
    assert "3 budskap fre 30 apr 2027: Valborg utan langning 2027" in titles(found, Ring.POSTS)
    assert "Utkast klara, fre 2 apr 2027: Valborg utan langning 2027" in titles(found, Ring.DEADLINES)
    assert found.drawing.today is not None


def test_an_unknown_day_is_dashed_as_wide_as_it_could_be_and_has_no_posts(place: Place) -> None:
    found = seen(place)

    [student] = [
        arc.mark for arc in dict(found.drawing.rings)[Ring.RISK_DATES] if arc.mark.title.startswith("Studenten")
    ]
    assert student.title == "Studenten: preliminärt, brukar vara 31 maj–16 juni 2027"
    assert (student.first, student.last) == (day("Mon 2027-05-31"), day("Wed 2027-06-16"))
    assert student.is_preliminary
    assert not [title for title in titles(found, Ring.POSTS) if "Studenten" in title]
    assert "Studenten utan langning 2027, budskap någon gång mån 17 maj 2027 – tis 15 jun 2027 (preliminärt)" in titles(
        found, Ring.CAMPAIGNS
    )
    [row] = [row for row in found.rows if row.name == "Studenten utan langning"]
    assert (row.posts, row.waiting, row.is_preliminary) == (0, 9, True)


def test_last_christmas_is_followed_up_in_this_years_january(place: Place) -> None:
    found = seen(place)

    assert "För in siffror i uppföljningen, tor 7 jan 2027: Jul utan langning 2026" in titles(found, Ring.DEADLINES)
    assert [(row.name, row.year) for row in found.rows][:2] == [
        ("Jul utan langning", 2026),
        ("Nyår utan langning", 2026),
    ]


def test_every_campaign_of_the_year_is_a_row_with_its_link(place: Place) -> None:
    place.publish("valborg/2027/valborg/paminnelse/foraldrar")

    rows = {row.path: row for row in seen(place).rows if row.year == 2027}

    assert [path.rpartition("kampanjer/")[2] for path in rows] == [
        "valborg/2027",
        "student/2027",
        "skolavslutning/2027",
        "midsommar/2027",
        "jul/2027",
        "nyar/2027",
    ]
    valborg = rows["/kommun/aneby/kampanjer/valborg/2027"]
    assert (valborg.days, valborg.between, valborg.posts, valborg.out) == (
        ("fre 30 apr",),
        "fre 16 apr – fre 30 apr",
        9,
        1,
    )
    assert [(item.when, item.name) for item in valborg.deadlines][:2] == [
        ("5 mar", "Bekräfta datum"),
        ("19 mar", "Planera och välj material"),
    ]


def test_a_year_that_is_not_planned_yet_is_drawn_from_its_plan(place: Place) -> None:
    found = seen(place, 2031)

    assert "3 budskap ons 30 apr 2031: Valborg utan langning 2031" in titles(found, Ring.POSTS)
    assert found.drawing.today is None


def test_every_arc_in_the_page_is_a_link_with_words(place: Place) -> None:
    page = place.staff().page(ARSHJUL)

    [drawn] = re.findall(r"<svg class=\"wheel\".*?</svg>", page, flags=re.DOTALL)
    links = list(ElementTree.fromstring(drawn).iter("a"))
    assert len(links) > 60
    assert all(link.get("href", "").startswith("/kommun/aneby/kampanjer/") for link in links)
    assert all((link.findtext("title") or "").strip() for link in links)
    assert "style=" not in drawn
    assert "Årets kampanjer" in words(page)
    assert '<a href="/kommun/aneby/kampanjer/valborg/2027">Valborg utan langning</a>' in page


def test_one_can_go_to_the_years_beside(place: Place) -> None:
    page = place.staff().page(f"{ARSHJUL}?ar=2028")

    assert '<a href="/kommun/aneby/arshjul?ar=2028" aria-current="true">2028</a>' in page
    assert 'href="/kommun/aneby/arshjul?ar=2027"' in page
    assert "I dag" not in page.split("<main")[1]
    assert "<h1>Årshjul 2027</h1>" in place.staff(Role.EDITOR).page(f"{ARSHJUL}?ar=x")
    assert place.staff(Role.EDITOR).get(f"{ARSHJUL}?ar=1999").status_code == 404
    assert place.staff(Role.EDITOR).get(f"{ARSHJUL}/1999.svg").status_code == 404


def test_the_file_is_a_drawing_by_itself(place: Place) -> None:
    answer = place.staff().get(f"{ARSHJUL}/2027.svg")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["content-disposition"] == 'attachment; filename="arshjul-aneby-2027.svg"'
    assert answer.text.startswith("<?xml")
    root = ElementTree.fromstring(answer.content)
    assert root.tag == f"{SVG}svg"
    links = list(root.iter(f"{SVG}a"))
    assert all(link.get("href", "").startswith(f"{BASE_URL}/kommun/aneby/") for link in links)
    assert "var(" not in answer.text
    assert "<script" not in answer.text
    assert {ring.get("fill") for ring in root.iter(f"{SVG}g") if "ring-" in ring.get("class", "")} == {
        "#ffc24b",
        "#0c5563",
        "#ffffff",
        "#5c8f9b",
    }


def test_the_file_is_for_staff(place: Place) -> None:
    assert place.client.get(f"{ARSHJUL}/2027.svg").status_code == 303
