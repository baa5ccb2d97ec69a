"""Hjälp: a guide that is easy to read, whose links lead somewhere, and whose pictures are shown when they are there."""

from __future__ import annotations

import re
from html import unescape

import pytest

from campaigns import readability
from campaigns.database import Database
from campaigns.models import Role
from campaigns.web import static_files
from campaigns.web.staff.frame import MENU, SHORTCUTS
from tests.sites import Place, planned

pytestmark = pytest.mark.pages

PAGE = "/kommun/aneby/hjalp"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def text_of(page: str) -> str:
    """The guide as plain text, one paragraph or list item after another."""
    guide = page[page.index('<div class="guide-text">') : page.index("</main>")]
    parts = re.split(r"</(?:p|li|h2|dt|dd)>", guide)
    plain = (" ".join(unescape(re.sub(r"<[^>]+>", "", part)).split()) for part in parts)
    return "\n\n".join(part if part.endswith((".", "?", ":")) else f"{part}." for part in plain if part)


def test_the_guide_is_easy_to_read_and_takes_about_ten_minutes(place: Place) -> None:
    found = readability.read(text_of(place.staff(Role.APPROVER).page(PAGE)))

    assert found.is_reliable
    assert found.lix <= 40
    assert found.hard_sentences == ()
    assert 500 <= found.words <= 2000  # at 200 words a minute


def test_every_heading_can_be_reached_from_the_list_of_contents(place: Place) -> None:
    page = place.staff().page(PAGE)
    contents = page[page.index('class="guide-contents"') : page.index('class="guide-text"')]

    wanted = re.findall(r'href="#([^"]+)"', contents)

    assert wanted == re.findall(r'<h2 id="([^"]+)"', page[page.index('class="guide-text"') :])
    for word in ("datum", "skriva", "godkanna", "for-hand", "fel", "paus", "prenumerera", "folja-upp", "ord", "fraga"):
        assert word in wanted


def test_its_links_lead_to_pages_of_the_municipality(place: Place) -> None:
    page = place.staff().page(PAGE)
    known = {f"/kommun/aneby/{rest}" for rest, _ in MENU} | {
        "/kommun/aneby/paus",
        "/kommun/aneby/nytt-ar",
        "/kommun/aneby/kampanjer/nationella",
        "/kommun/aneby/uppfoljning/rackvidd",
        "/kommun/aneby/installningar/kanaler",
        "/kommun/aneby/installningar/fakta",
        "/kommun/aneby/installningar/jag",
    }

    links = set(re.findall(r'href="(/[^"#]*)', page[page.index('class="guide-text"') : page.index("</main>")]))

    assert links <= known
    assert len(links) >= 10


def test_the_shortcuts_it_tells_of_are_those_that_the_menu_has(place: Place) -> None:
    page = place.staff().page(PAGE)

    assert re.findall(r'aria-keyshortcuts="(.)"', page) == list(SHORTCUTS.values())
    assert re.findall(r"<li><kbd>(.)</kbd>", page) == list(SHORTCUTS.values())


def test_pictures_are_shown_when_they_are_there(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = {name: data for name, data in static_files.FILES.items() if not name.startswith("hjalp/")}
    monkeypatch.setattr(static_files, "FILES", bare)
    without = place.staff().page(PAGE)
    monkeypatch.setitem(static_files.FILES, "hjalp/granska.webp", b"RIFF")
    with_one = place.staff(name="Bo Berg").page(PAGE)
    [address] = re.findall(r'src="(/static/hjalp/granska\.webp\?v=[^"]+)"', with_one)

    assert "<figure" not in without
    assert 'loading="lazy"' in with_one
    answer = place.client.get(address)
    assert (answer.content, answer.headers["content-type"]) == (b"RIFF", "image/webp")


def test_a_static_file_is_never_looked_for_outside_its_folder(place: Place) -> None:
    for name in ("../pages.py", "%2e%2e/pages.py", "hjalp/../../pages.py", "hjalp/"):
        assert place.client.get(f"/static/{name}").status_code == 404
