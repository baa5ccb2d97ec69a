"""News feeds: what has been published, in three formats that every reader understands."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import feedparser
import pytest
from sqlmodel import select, update

from campaigns.content import Content
from campaigns.database import Database
from campaigns.models import ContentRow, Delivery
from campaigns.news import Message, NewsFeed, _tell_of, news_feeds, on_screens, published
from campaigns.settings import shipped_directory
from tests.builders import day, make_municipality
from tests.sites import BASE_URL, Place, planned

INFOR, NARMAST = "valborg/2027/valborg/infor/syskon", "valborg/2027/valborg/narmast/syskon"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def make_message(
    title: str = "Säg nej", *, body: str = "Köp **inte** ut.", post_id: int = 7, hour: int = 14
) -> Message:
    return Message(
        key=f"aneby/valborg/2027/valborg/infor/syskon:webb:sv:{post_id}",
        post_id=post_id,
        campaign="valborg",
        audience="syskon",
        occurrence="Valborg",
        language="sv",
        published_at=datetime(2027, 4, 25, hour, 30, tzinfo=UTC),
        last_day=day("Fri 2027-04-30"),
        content=Content(title=title, short="Kort & gott", body=body),
    )


def feeds(*messages: Message) -> dict[str, NewsFeed]:
    made = news_feeds(make_municipality(), messages, base_url=BASE_URL, templates=[shipped_directory("templates")])
    return {feed.path.rpartition(".")[2]: feed for feed in made}


def test_only_what_has_gone_out_on_that_channel_is_news_and_the_newest_comes_first(place: Place) -> None:
    place.publish(INFOR, title="Först")
    place.publish(NARMAST, title="Sedan")
    place.town.sign("valborg/2027/valborg/paminnelse/foraldrar")

    with place.database.read() as session:
        news = published(session, "aneby", kind="webb", most=10)
        newest = published(session, "aneby", kind="webb", most=1)
        elsewhere = published(session, "tranas", kind="webb", most=10)

    assert [message.content.title for message in news] == ["Sedan", "Först"]
    assert [message.content.title for message in newest] == ["Sedan"]
    assert elsewhere == []


def test_a_screen_shows_a_message_through_the_last_day_by_the_towns_own_clock(place: Place) -> None:
    place.publish(NARMAST)
    aneby = place.parts.catalog.municipality("aneby")
    last_minute = datetime(2027, 4, 30, 21, 59, tzinfo=UTC)  # 23.59 in Aneby
    midnight = datetime(2027, 4, 30, 22, 0, tzinfo=UTC)

    with place.database.read() as session:
        shown = on_screens(session, aneby, now=last_minute)
        afterwards = on_screens(session, aneby, now=midnight)

    assert [message.content.title for message in shown] == ["Säg nej"]
    assert afterwards == []


@pytest.mark.parametrize("extension", ["rss", "atom"])
def test_a_feed_reader_understands_the_feed(extension: str) -> None:
    feed = feeds(make_message("Nytt", post_id=8, hour=15), make_message("Äldre: å, ä & ö"))[extension]

    read = feedparser.parse(feed.body)

    assert not read.bozo
    assert read.feed.title == "Budskap från Aneby kommun och polisen"
    assert read.feed.language == "sv"
    assert [entry.title for entry in read.entries] == ["Nytt", "Äldre: å, ä & ö"]
    assert [entry.link for entry in read.entries] == [f"{BASE_URL}/sida/aneby#8", f"{BASE_URL}/sida/aneby#7"]
    assert all(entry.id.startswith("urn:uuid:") for entry in read.entries)
    assert read.entries[0].published_parsed[:5] == (2027, 4, 25, 15, 30)
    assert read.entries[0].content[0].value == "<p>Köp <strong>inte</strong> ut.</p>"
    assert read.entries[0].summary == "Kort & gott"
    assert read.feed.updated_parsed[:5] == (2027, 4, 25, 15, 30)
    assert feed.last_modified == datetime(2027, 4, 25, 15, 30, tzinfo=UTC)


def test_the_json_feed_holds_what_version_1_1_demands() -> None:
    feed = json.loads(feeds(make_message())["json"].body)

    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == f"{BASE_URL}/feeds/aneby/nyheter.json"
    assert feed["home_page_url"] == f"{BASE_URL}/sida/aneby"
    assert feed["language"] == "sv"
    assert feed["items"] == [
        {
            "id": make_message().id,
            "url": f"{BASE_URL}/sida/aneby#7",
            "title": "Säg nej",
            "summary": "Kort & gott",
            "content_html": "<p>Köp <strong>inte</strong> ut.</p>",
            "date_published": "2027-04-25T14:30:00Z",
            "language": "sv",
            "tags": ["Valborg"],
        }
    ]


def test_the_same_messages_always_give_the_same_bytes_and_ids() -> None:
    first, second = feeds(make_message()), feeds(make_message())

    assert [feed.body for feed in first.values()] == [feed.body for feed in second.values()]
    assert make_message().id == "urn:uuid:" + make_message("En annan rubrik").id.removeprefix("urn:uuid:")
    assert make_message().id != make_message(post_id=8).id


@pytest.mark.parametrize("extension", ["rss", "atom"])
def test_a_feed_without_messages_is_a_feed(extension: str) -> None:
    read = feedparser.parse(feeds()[extension].body)

    assert not read.bozo
    assert read.feed.title == "Budskap från Aneby kommun och polisen"
    assert read.entries == []


@pytest.mark.parametrize("extension", ["rss", "atom"])
def test_hostile_text_stays_text(extension: str) -> None:
    hostile = make_message("<script>alert(1)</script> ]]> \ufffe", body="<script>alert(1)</script> ]]>")

    body = feeds(hostile)[extension].body
    read = feedparser.parse(body)

    assert not read.bozo
    assert b"<script" not in body
    assert "<script" not in read.entries[0].content[0].value


def test_what_a_fast_clock_has_stamped_is_shown_all_the_same(place: Place) -> None:
    place.publish(INFOR)
    with place.database.write() as session:
        session.exec(update(Delivery).values(published_at=place.clock.at + timedelta(hours=1)))

    with place.database.read() as session:
        assert len(published(session, "aneby", kind="webb", most=10)) == 1


def test_a_message_that_cannot_be_read_is_left_out_and_told_of_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    _tell_of.cache_clear()
    place.publish(INFOR, title="Trasig")
    place.publish(NARMAST, title="Hel")
    with place.database.write() as session:
        for row in session.exec(select(ContentRow)).all():
            if b"Trasig" in row.payload:
                row.payload = b"{"

    with place.database.read() as session:
        found = [published(session, "aneby", kind="webb", most=10) for _ in range(3)]

    assert [[message.content.title for message in messages] for messages in found] == [["Hel"]] * 3
    assert [record.action for record in caplog.records if hasattr(record, "action")].count("message_unreadable") == 1


def test_a_message_in_several_languages_is_one_item_in_swedish() -> None:
    english = replace(make_message("No"), language="en", key="en")

    items = json.loads(feeds(make_message("Nej"), english)["json"].body)["items"]

    assert [item["title"] for item in items] == ["Nej"]
