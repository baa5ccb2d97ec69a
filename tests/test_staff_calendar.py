"""The page Kalender as a browser gets it: a table that can be read aloud, a form that keeps what is shown, little."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from sqlmodel import col, select

from campaigns.database import Database
from campaigns.models import Post, Role
from tests.sites import Place, planned
from tests.test_web_pages import words

pytestmark = pytest.mark.pages

KALENDER = "/kommun/aneby/kalender"
EARLY = "valborg/2027/valborg/tidigt/foraldrar"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def table(page: str) -> ElementTree.Element:
    [found] = re.findall(r"<table class=\"month\">.*?</table>", page, flags=re.DOTALL)
    return ElementTree.fromstring(found)


def test_a_month_is_a_table_with_headings_for_days_and_weeks(place: Place) -> None:
    page = place.staff().page(KALENDER)

    month = table(page)
    assert "<h1>April 2027</h1>" in page
    heads = ["".join(head.itertext()).strip() for head in month.findall("thead/tr/th")]
    assert heads == ["V.", "Måndag", "Tisdag", "Onsdag", "Torsdag", "Fredag", "Lördag", "Söndag"]
    assert {head.get("scope") for head in month.findall("thead/tr/th")} == {"col"}
    weeks = month.findall("tbody/tr/th")
    assert ["".join(week.itertext()).replace("v.", "").split() for week in weeks] == [
        ["Vecka", str(number)] for number in range(13, 18)
    ]
    assert {week.get("scope") for week in weeks} == {"row"}
    days = [time.get("datetime") for time in month.iter("time")]
    assert (days[0], days[-1], len(days)) == ("2027-03-29", "2027-05-02", 35)
    [today] = [cell for cell in month.iter("td") if cell.get("aria-current") == "date"]
    assert "12" in "".join(today.itertext())


def test_an_entry_is_a_link_whose_words_say_it_all(place: Place) -> None:
    number = place.town.post(EARLY).id

    [link] = [
        link
        for link in table(place.staff().page(KALENDER)).iter("a")
        if link.get("href", "").endswith(f"/mallar/{number}")
    ]

    assert " ".join("".join(link.itertext()).split()) == (
        "Budskap 16.30 Valborg: Tidigt till föräldrar, Webbsidan, Skolplattformen Utkast"
    )


def test_the_filter_form_keeps_the_period_and_the_choice(place: Place) -> None:
    page = place.staff().page(f"{KALENDER}?ar=2027&manad=6&vy=lista&malgrupp=syskon&lage=utkast")

    assert '<form class="filters" method="get" action="/kommun/aneby/kalender"' in page
    for name, value in (("ar", 2027), ("manad", 6), ("vy", "lista")):
        assert f'<input type="hidden" name="{name}" value="{value}">' in page
    assert '<option value="syskon" selected>Syskon</option>' in page
    assert '<option value="utkast" selected>Utkast</option>' in page
    assert '<a href="/kommun/aneby/kalender?ar=2027&amp;manad=6&amp;vy=lista">Rensa filter</a>' in page
    assert "malgrupp=syskon&amp;lage=utkast" in page.split('rel="next"')[1].split(">")[0]
    assert "Rensa filter" not in place.staff(Role.EDITOR).page(KALENDER)


def test_a_week_is_a_list_of_its_seven_days(place: Place) -> None:
    page = place.staff().page(f"{KALENDER}?vecka=53&ar=2026")

    text = words(page)
    assert "Vecka 53, 28 december 2026–3 januari 2027" in text
    assert page.count('<li class="agenda-day') == 7
    assert "Torsdag 31 december 2026 Riskdatum Nyår" in text
    assert "Fredag 1 januari 2027 Inget den här dagen." in text


def test_an_unknown_date_is_said_beside_the_month(place: Place) -> None:
    text = words(place.staff().page(f"{KALENDER}?ar=2027&manad=6"))

    assert (
        "Preliminärt Studenten (5 skolor eller platser): dagen är inte bekräftad. Brukar vara 31 maj–16 juni 2027."
        in text
    )


@pytest.mark.parametrize(
    ("query", "status"),
    [("ar=2027&vecka=53", 404), ("ar=1999", 404), ("ar=x&manad=y&vecka=z", 200), ("dag=2027-02-29", 200)],
)
def test_an_address_that_is_wrong_is_answered(place: Place, query: str, status: int) -> None:
    assert place.staff().get(f"{KALENDER}?{query}").status_code == status


def test_hostile_words_in_the_address_stay_words(place: Place) -> None:
    page = place.staff().page(f"{KALENDER}?kampanj=%22%3E%3Cscript%3E&vy=%3Cb%3E&ar=%3Ci%3E")

    assert "<script>" not in page.split("<main")[1]
    assert "<b>&" not in page


def test_sixty_posts_in_a_month_stay_light_and_none_is_lost(place: Place) -> None:
    with place.database.write() as session:
        original = session.exec(select(Post).where(col(Post.key) == f"aneby/{EARLY}")).one()
        values = original.model_dump(exclude={"id", "key", "due_at", "not_after"})
        for number in range(51):
            due = original.due_at + timedelta(days=number % 9 - 6, minutes=number)
            session.add(Post(key=f"aneby/extra/{number}", due_at=due, not_after=due + timedelta(days=2), **values))

    grid, listed = place.staff().page(KALENDER), place.staff(name="Lo Lista").page(f"{KALENDER}?vy=lista")

    assert "60 budskap." in words(grid)
    assert len(grid.encode()) < 100_000
    assert len(listed.encode()) < 100_000
    assert listed.count('class="entry entry-budskap') == 60
    left = [int(number) for number in re.findall(r'class="more"[^>]*>\+(\d+) fler', grid)]
    assert len(left) > 5
    assert grid.count('<a class="entry') + sum(left) == listed.count('<a class="entry')
