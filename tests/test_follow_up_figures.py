"""What is in a follow-up beside posts and sendings: reach as it is known, activities as they were; and what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select

from campaigns import new_year, reach
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.followup import announcing, drafts, signing
from campaigns.followup.document import Document, Section
from campaigns.followup.figures import ReachLine
from campaigns.followup.periods import period_from
from campaigns.followup.reporting import report
from campaigns.followup.sentences import reach_words
from campaigns.local_dates import set_local_date
from campaigns.models import ActivityRow, ClickCount, CountedLink, Post, ReachNote
from campaigns.overviews import follow_up_files
from campaigns.readability import read
from campaigns.sending import delivery
from scheduler import jobs
from scheduler.jobs import Work
from tests.sites import Place, planned

pytestmark = pytest.mark.longer

MAY = datetime(2026, 5, 4, 7, 0, tzinfo=UTC)
TIDIGT = "valborg/2026/valborg/tidigt/foraldrar"
VECKAN = "valborg/2026/valborg/veckan/foraldrar"


@pytest.fixture
def place(database: Database) -> Place:
    """Aneby; the early messages before valborg 2026 went out, and it is Mon 2026-05-04."""
    place = planned(Place(database), at=datetime(2026, 4, 13, 7, 0, tzinfo=UTC))
    place.publish(TIDIGT)
    place.publish(VECKAN)
    place.clock.at = MAY
    return place


def document(place: Place, period: str = "2026-t1", catalog: Catalog | None = None) -> Document:
    used = catalog or place.parts.catalog
    with place.database.read() as session:
        return report(session, used, used.municipality("aneby"), period_from(period), now=place.clock.at)


def langning(found: Document) -> Section:
    [section] = [item for item in found.sections if item.promise == "langning"]
    return section


def note(place: Place, key: str, number: int, *, channel: str = "webb") -> None:
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        reach.note_reach(
            session,
            aneby,
            place.town.post(key).id or 0,
            channel=channel,
            measure="visningar",
            number=number,
            name="Kim Kommun",
            now=place.clock.at,
        )


def reached(place: Place) -> None:
    """Numbers by hand, one put right and one of a post that never went out, and clicks on our own link."""
    for key, number in ((TIDIGT, 900), (TIDIGT, 100), (VECKAN, 20)):
        note(place, key, number)
    with place.database.write() as session:
        session.add(
            ReachNote(
                post_id=place.town.post("valborg/2026/valborg/infor/syskon").id or 0,  # it never went out
                municipality="aneby",
                channel="webb",
                measure="visningar",
                number=5000,
                noted_by="Kim Kommun",
                noted_at=MAY,
            )
        )
        post_id = place.town.post(TIDIGT).id or 0
        session.add(
            CountedLink(
                id="abcdefghijkl",
                municipality="aneby",
                post_id=post_id,
                channel="webb",
                address="https://nattvandring.nu/",
                created_at=MAY,
            )
        )
        session.flush()
        for day, clicks in ((date(2026, 4, 20), 3), (date(2026, 5, 2), 4)):
            session.add(ClickCount(link_id="abcdefghijkl", day=day, clicks=clicks))


def test_reach_is_told_by_channel_and_measure_with_where_it_is_from(place: Place) -> None:
    assert langning(document(place)).reach == ()
    assert reach_words(langning(document(place))) == ""
    note(place, TIDIGT, 1)
    assert reach_words(langning(document(place))).startswith("Siffrorna har vi läst i kanalen.")
    reached(place)
    assert "Andra har vår egen länk räknat." in reach_words(langning(document(place)))

    found = document(place)

    name = place.parts.catalog.municipality("aneby").channel("webb").name
    assert set(langning(found).reach) == {
        ReachLine("webb", name, "visningar", "Visningar", "noted", posts=2, number=120),
        ReachLine("webb", name, "klick-lank", "Klick på vår länk", "counted", posts=1, number=7),
    }


def test_reach_is_in_the_files_and_on_the_page_that_is_published(place: Place) -> None:
    reached(place)
    aneby = place.parts.catalog.municipality("aneby")
    with place.database.write() as session:
        made = drafts.make(session, place.parts.catalog, aneby, period_from("2026-t1"), name="Sam", now=MAY)
        for party, name in (("kommun", "Kim Kommun"), ("polis", "Pia Polis")):
            signing.sign(session, aneby, period_from("2026-t1"), party=party, name=name, digest=made.digest, now=MAY)

    rows = follow_up_files.table(made.document).decode("utf-8-sig").splitlines()
    assert [row for row in rows if "Räckvidd" in row and "Visningar" in row and "120" in row and "för hand" in row]
    assert [row for row in rows if "Klick på vår länk" in row and "Räknat av vår egen länk" in row]
    base = "/sida/aneby/uppfoljning/2026-t1"
    lines = [line for item in json.loads(place.page(f"{base}/fil.json"))["sections"] for line in item["reach"]]
    assert {(line["source"], line["number"]) for line in lines} == {("noted", 120), ("counted", 7)}
    page = place.page(base)
    assert ">Räckvidd</h3>" in page
    assert "<td>Noterat för hand</td>" in page
    assert "<td>Räknat av vår egen länk</td>" in page
    told = page[page.index(">Räckvidd</h3>") :].split("<p>")[1].split("</p>")[0]
    assert read(told).lix <= 40


def test_a_post_about_a_follow_up_is_no_message_of_the_risk_date_and_no_year_begins_with_it(place: Place) -> None:
    aneby = place.parts.catalog.municipality("aneby")
    spring = period_from("2026-t1")
    with place.database.write() as session:
        made = drafts.make(session, place.parts.catalog, aneby, spring, name="Sam", now=MAY)
        for party, name in (("kommun", "Kim Kommun"), ("polis", "Pia Polis")):
            made = signing.sign(session, aneby, spring, party=party, name=name, digest=made.digest, now=MAY)
        place.clock.at = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
        posts = announcing.announce(
            session,
            place.parts.catalog,
            aneby,
            made,
            address="https://kampanj.example.se/sida/aneby/uppfoljning/2026-t1",
            name="Sam",
            now=place.clock.at,
        )
        keys = [post.key.removeprefix("aneby/") for post in posts]
        due = posts[0].due_at
    for key in keys:
        place.town.sign(key)
    place.clock.at = due
    delivery.send_due(place.parts.sender(), place.parts.catalog, local=True)
    with place.database.read() as session:
        years = {post.key.split("/")[2] for post in session.exec(select(Post)) if post.is_extra}
    place.clock.at = datetime(2027, 1, 5, 8, 0, tzinfo=UTC)
    place.town.plan()

    found = document(place, "2026-t3")

    assert years == {"2026"}
    assert (langning(found).messages.out, langning(found).deliveries.out) == (0, 0)
    assert found.totals is not None
    assert (found.totals.posts, found.totals.sendings) == (0, 0)
    assert all(line.own == 0 for line in langning(found).coverage)
    assert langning(found).channels == ()
    with place.database.read() as session:
        assert new_year.additions(session, place.parts.catalog, aneby, 2027) == []


def test_an_activity_whose_day_has_been_stays_when_its_campaign_leaves_the_files(place: Place) -> None:
    work = Work(place.parts, place.parts.sender(), "test")
    jobs.materialise(work, now=MAY)
    for _ in range(2):
        jobs.keep_activities(work, now=MAY)
    whole = langning(document(place)).activities
    left = {name: item for name, item in place.parts.catalog.campaigns.items() if name != "valborg"}

    found = langning(document(place, catalog=replace(place.parts.catalog, campaigns=left))).activities

    assert [line.outcome for line in found] == ["untold"] * len(found)
    assert found
    assert found == whole
    with place.database.read() as session:
        rows = session.exec(select(ActivityRow)).all()
    assert len(rows) == len(found)
    assert {row.created_by for row in rows} == {"Kampanjhjulet"}


def test_activities_before_the_first_planning_and_those_to_come_are_not_kept(database: Database) -> None:
    place = planned(Place(database), at=MAY)
    jobs.keep_activities(Work(place.parts, place.parts.sender(), "test"), now=MAY + timedelta(days=1))
    with database.read() as session:
        assert session.exec(select(ActivityRow)).all() == []


def test_a_kept_activity_follows_a_date_that_is_put_right(place: Place) -> None:
    place.town.set_date("2026-06-11", place="furulidsskolan", risk_date="skolavslutning")
    work = Work(place.parts, place.parts.sender(), "test")

    def days() -> list[date]:
        jobs.keep_activities(work, now=place.clock.at)
        with place.database.read() as session:
            rows = session.exec(select(ActivityRow)).all()
        return sorted(row.day for row in rows if row.campaign == "skolavslutning")

    place.clock.at = datetime(2026, 6, 20, 8, 0, tzinfo=UTC)
    before = days()
    assert before
    with place.database.write() as session:
        set_local_date(
            session,
            place.parts.catalog,
            place.parts.messages,
            place.parts.catalog.municipality("aneby"),
            risk_date="skolavslutning",
            place="furulidsskolan",
            day=date(2026, 6, 12),
            is_confirmed=True,
            name="Sam",
            now=place.clock.at,
            is_forced=True,
        )
    assert days() == [day + timedelta(days=1) for day in before]
