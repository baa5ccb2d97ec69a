"""A published follow-up is news by itself: in the feeds and on the municipality's page, under its own signatures."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlmodel import select

from campaigns.database import Database
from campaigns.followup import drafts, signing
from campaigns.followup.periods import period_from
from campaigns.models import FollowUpRow, Post
from tests.sites import BASE_URL, Place, planned

pytestmark = pytest.mark.longer

MAY = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
SPRING = period_from("2026-t1")
ADDRESS = f"{BASE_URL}/sida/aneby/uppfoljning/2026-t1"
TITLE = "Så höll vi löftet: Tertial 1 2026, januari–april"
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def place(database: Database) -> Place:
    """Aneby on Mon 2026-05-04; a message went out before valborg."""
    place = planned(Place(database), at=datetime(2026, 4, 13, 7, 0, tzinfo=UTC))
    place.publish("valborg/2026/valborg/tidigt/foraldrar")
    place.clock.at = MAY
    return place


def publish(place: Place) -> None:
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        made = drafts.make(session, place.parts.catalog, aneby, SPRING, name="Sam", now=place.clock.at)
        for party, name in (("kommun", "Kim Kommun"), ("polis", "Pia Polis")):
            signing.sign(session, aneby, SPRING, party=party, name=name, digest=made.digest, now=place.clock.at)


def feed(place: Place) -> list[dict[str, Any]]:
    place.site.freshness.refresh()
    items: list[dict[str, Any]] = json.loads(place.page("/feeds/aneby/nyheter.json"))["items"]
    return items


def test_it_is_an_entry_in_each_feed_without_any_post_of_its_own(place: Place) -> None:
    before = feed(place)
    publish(place)
    first, *others = feed(place)

    assert others == before
    assert len(others) == 1
    assert (first["title"], first["url"], first["date_published"]) == (TITLE, ADDRESS, "2026-05-04T07:00:00Z")
    assert first["summary"].startswith("Vi skickade ett budskap.")
    assert "luckor finns kvar." in first["summary"]
    assert "nedan" not in first["summary"] + first["content_html"]
    assert f'href="{ADDRESS}"' in first["content_html"]
    rss = ElementTree.fromstring(place.page("/feeds/aneby/nyheter.rss"))
    [item, _] = rss.findall("channel/item")
    assert (item.findtext("title"), item.findtext("link"), item.findtext("guid")) == (TITLE, ADDRESS, first["id"])
    atom = ElementTree.fromstring(place.page("/feeds/aneby/nyheter.atom"))
    [entry, _] = atom.findall(f"{ATOM}entry")
    assert (entry.findtext(f"{ATOM}title"), entry.findtext(f"{ATOM}id")) == (TITLE, first["id"])
    with place.database.read() as session:
        assert not [post for post in session.exec(select(Post)) if post.is_extra]


def test_a_draft_and_one_that_is_opened_or_changed_past_the_product_are_in_none(place: Place) -> None:
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        drafts.make(session, place.parts.catalog, aneby, SPRING, name="Sam", now=MAY)
    assert TITLE not in [item["title"] for item in feed(place)]
    publish(place)
    [identity] = [item["id"] for item in feed(place) if item["title"] == TITLE]
    with place.database.write() as session:
        signing.reopen(session, aneby, SPRING, reason="Fel", name="Sam", now=MAY)
    assert TITLE not in [item["title"] for item in feed(place)]
    assert "Läs hela uppföljningen" not in place.page("/sida/aneby")

    place.clock.at += timedelta(hours=1)
    publish(place)
    assert [item["id"] for item in feed(place) if item["title"] == TITLE] == [identity]
    with place.database.write() as session:
        row = session.exec(select(FollowUpRow)).one()
        row.payload = row.payload.replace(b"Tertial 1", b"Tertial 7")
        session.add(row)
    assert "Läs hela uppföljningen" not in place.page("/sida/aneby")


def test_the_newest_one_is_told_of_on_the_municipalitys_page(place: Place) -> None:
    assert "Läs hela uppföljningen" not in place.page("/sida/aneby")
    publish(place)
    page = place.page("/sida/aneby")
    assert "Tertial 1 2026, januari–april. Vi skickade ett budskap. Det gick ut en gång." in page
    assert "Du ser dem nedan." not in page
    assert '<a href="/sida/aneby/uppfoljning/2026-t1">Läs hela uppföljningen</a>' in page
