"""Posts and activities that people add to a campaign, and what is told of activities."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from campaigns import feeds, texts
from campaigns.activities import (
    Outcome,
    Told,
    add_extra_activity,
    cancel_extra_activity,
    extra_activities,
    restore_extra_activity,
    tell_activity,
)
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.drafts import faults_by_channel, render_post
from campaigns.errors import NotFoundError, RefusedError
from campaigns.extras import add_extra_post
from campaigns.facts import facts_at
from campaigns.localtime import chosen
from campaigns.models import ActivityRow, AuditEntry, DeliveryState, FeedEvent, Post, PostState, PostText
from campaigns.post_names import post_name
from campaigns.season import planned_years, season
from campaigns.sending import delivery
from campaigns.step_changes import move_step, restore_step, skip_step
from tests.builders import STOCKHOLM, day
from tests.fakes import Clock, FakeChannel, Town

pytestmark = pytest.mark.pages

VALBORG = "aneby/valborg/2027/-"
STUDENT = "aneby/student/2027/holaveden"
NIGHT_WALK = f"valborg/{VALBORG}/nattvandring"
# Valborg is Fri 2027-04-30; the town's clock stands at Mon 2027-04-12 09.00.
WHEN = "Wed 2027-04-28 16:00"


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock())
    town.plan()
    return town


def add(town: Town, due: str = WHEN, last: str | None = None, **given: Any) -> list[Post]:
    """`due` and `last` as "Fri 2027-04-30 16:30"; the weekday must be the right one."""
    day(due[:14])
    values: dict[str, Any] = {
        "campaign": "valborg",
        "occurrence": VALBORG,
        "audiences": ["foraldrar"],
        "title": "Ökad langning vid torget",
        "channels": ["webb", "skarm"],
        "name": "Kim Kommun",
        **given,
    }
    with town.database.write() as session:
        return add_extra_post(
            session,
            town.catalog,
            town.catalog.municipality("aneby"),
            due=chosen(due[4:], STOCKHOLM),
            last=chosen(last[4:], STOCKHOLM) if last else None,
            now=town.clock.at,
            **values,
        )


def write(town: Town, post: Post) -> None:
    with town.database.write() as session:
        texts.write_text(
            session,
            town.catalog,
            post.id or 0,
            language="sv",
            channel="",
            source='+++\ntitle = "Vid torget"\nshort = "Köp inte ut."\n+++\n\nKöp inte ut.\n',
            author="Kim Kommun",
            now=town.clock.at,
        )


def stored(town: Town, post: Post) -> Post:
    with town.database.read() as session:
        return session.get_one(Post, post.id)


# -- an added post


def test_an_added_post_is_a_draft_with_a_title_and_the_rest_to_be_written(town: Town) -> None:
    [post] = add(town)

    assert (post.state, post.is_extra, post.step) == (PostState.DRAFT, True, "Ökad langning vid torget")
    assert post.key == "aneby/valborg/2027/valborg/extra-1/foraldrar"
    assert post.due_at == datetime(2027, 4, 28, 14, 0, tzinfo=UTC)
    assert post.not_after == datetime(2027, 4, 28, 18, 0, tzinfo=UTC)  # Wed 20.00, unless another is given
    assert post_name(town.catalog, post) == "Valborg utan langning: Ökad langning vid torget, till föräldrar"
    with town.database.read() as session:
        draft = render_post(
            session, town.catalog, town.messages, post, now=town.clock.at, facts=facts_at(session, town.catalog)
        )
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "lade till budskap")).one()
    assert {piece.content.title for piece in draft.pieces} == {"Ökad langning vid torget"}
    assert "Den korta texten är tom. Skriv den." in [fault.message for fault, _ in faults_by_channel(draft)]
    assert entry.actor == "Kim Kommun"


def test_an_added_post_cannot_be_approved_before_it_is_written_and_then_goes_out_as_any_other(town: Town) -> None:
    [post] = add(town)
    key = post.key.removeprefix("aneby/")
    with pytest.raises(RefusedError, match="Den korta texten är tom"):
        town.sign(key)

    write(town, post)
    town.sign(key)
    town.clock.at = post.due_at
    channel = FakeChannel()
    delivery.send_due(town.sender(channel, FakeChannel("skarm")), town.catalog, local=True)

    assert [shipment.content.title for shipment in channel.sent] == ["Vid torget"]


def test_a_post_is_added_for_each_audience_with_a_key_of_its_own(town: Town) -> None:
    made = add(town, audiences=["foraldrar", "syskon"])
    more = add(town, title="Ännu ett")

    assert [post.key.split("/", 4)[4] for post in (*made, *more)] == [
        "extra-1/foraldrar",
        "extra-2/syskon",
        "extra-3/foraldrar",
    ]


def test_a_name_with_quotation_marks_is_a_title_as_it_stands(town: Town) -> None:
    [post] = add(town, title='Om "vänner" som\\köper ut')

    with town.database.read() as session:
        draft = render_post(
            session, town.catalog, town.messages, post, now=town.clock.at, facts=facts_at(session, town.catalog)
        )
    assert draft.pieces[0].content.title == 'Om "vänner" som\\köper ut'


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"title": " "}, "Skriv vad det ska heta"),
        ({"title": "x" * 81}, "högst 80 tecken"),
        ({"title": "{{ fakta }}"}, "kan inte innehålla"),
        ({"title": "veckan"}, "har redan ett steg som heter"),
        ({"title": "veckan före till föräldrar"}, "har redan ett steg som heter"),
        ({"audiences": []}, "minst en målgrupp"),
        ({"channels": []}, "minst en kanal"),
        ({"audiences": ["mormor"]}, "ingen målgrupp|finns ingen"),
        ({"channels": ["brevduva"]}, "ingen kanal ”brevduva”"),
        ({"occurrence": "aneby/midsommar/2027/-"}, "hör inte till Valborg utan langning"),
        ({"occurrence": "eksjo/valborg/2027/-"}, "Tillfället finns inte"),
        ({"due": "Mon 2027-04-12 08:00"}, "har redan varit"),
        ({"due": "Wed 2027-04-28 22:00"}, "Mellan klockan 21 och 07"),
        ({"last": "Wed 2027-04-28 15:59"}, "Det är för sent"),
        ({"last": "Thu 2027-05-13 16:00"}, "högst 14 dagar"),
        ({"name": " "}, "Ange vem"),
    ],
)
def test_what_cannot_be_added_is_refused_and_leaves_nothing_behind(town: Town, given: dict[str, Any], why: str) -> None:
    with pytest.raises((RefusedError, NotFoundError), match=why):
        add(town, **given)

    with town.database.read() as session:
        assert session.exec(select(Post).where(Post.is_extra)).all() == []
        assert session.exec(select(PostText)).all() == []


def test_the_same_post_is_not_added_twice(town: Town) -> None:
    add(town)

    with pytest.raises(RefusedError, match="Det finns redan ett budskap"):
        add(town)

    add(town, "Thu 2027-04-29 16:00")


def test_planning_again_leaves_an_added_post_alone(town: Town) -> None:
    [post] = add(town)
    town.clock.at += timedelta(days=1)

    changes = town.plan(town.catalog)

    assert not changes
    assert stored(town, post) == post


def test_an_added_post_follows_its_occurrence(town: Town, catalog: Catalog) -> None:
    [post] = add(town, "Thu 2027-05-20 16:00", campaign="student", occurrence=STUDENT)
    assert (post.is_preliminary, post.places) == (True, "Holavedsgymnasiet, Tranås")

    town.set_date("2027-06-11")
    assert not stored(town, post).is_preliminary
    assert stored(town, post).due_at == post.due_at

    aneby = catalog.municipality("aneby")
    without = {key: tuple(place for place in found if place.id != "holaveden") for key, found in aneby.places.items()}
    write(town, post)
    town.sign(post.key.removeprefix("aneby/"))
    town.plan(replace(catalog, municipalities={"aneby": replace(aneby, places=without)}))
    assert stored(town, post).state == PostState.CANCELLED
    assert {item.state for item in town.deliveries()} == {DeliveryState.STOPPED}

    town.plan(catalog)
    assert stored(town, post).state == PostState.DRAFT


def test_a_corrected_date_voids_signatures_on_an_added_post_that_names_the_day(town: Town) -> None:
    town.set_date("2027-06-11")
    [post] = add(town, "Thu 2027-05-20 16:00", campaign="student", occurrence=STUDENT)
    key = post.key.removeprefix("aneby/")
    with town.database.write() as session:
        source = '+++\ntitle = "Studenten"\nshort = "Studenten är {{ datum }}."\n+++\n\nKöp inte ut.\n'
        texts.write_text(
            session,
            town.catalog,
            post.id or 0,
            language="sv",
            channel="",
            source=source,
            author="Kim",
            now=town.clock.at,
        )
    town.sign(key)

    town.set_date("2027-06-10")

    assert stored(town, post).state == PostState.DRAFT


def test_an_added_post_is_moved_left_out_and_taken_back(town: Town) -> None:
    [post] = add(town, last="Thu 2027-04-29 20:00")
    aneby = town.catalog.municipality("aneby")

    def act(use: Any, **given: Any) -> Post:
        with town.database.write() as session:
            [done] = use(session, town.catalog, town.messages, aneby, [post.id], name="Kim", now=town.clock.at, **given)
            return done  # type: ignore[no-any-return]  # one of three

    moved = act(move_step, to=chosen("2027-04-29 09:00", STOCKHOLM))
    assert moved.due_at == datetime(2027, 4, 29, 7, 0, tzinfo=UTC)
    with pytest.raises(RefusedError, match="senast tor 29 apr 2027"):
        act(move_step, to=chosen("2027-04-30 09:00", STOCKHOLM))
    left_out = act(skip_step, reason="Det lugnade sig.")
    assert (left_out.state, left_out.reason) == (PostState.SKIPPED, "Kim: Det lugnade sig.")
    town.plan(town.catalog)
    assert stored(town, post).state == PostState.SKIPPED
    assert act(restore_step).state == PostState.DRAFT


# -- activities


def activity(town: Town, **given: Any) -> ActivityRow:
    values: dict[str, Any] = {
        "campaign": "valborg",
        "occurrence": VALBORG,
        "title": "Extra nattvandring",
        "day": day("Thu 2027-04-29"),
        "responsible": "Fritidsgården",
        "description": "Runt badplatsen.",
        "name": "Kim Kommun",
        **given,
    }
    with town.database.write() as session:
        return add_extra_activity(
            session, town.catalog, town.catalog.municipality("aneby"), now=town.clock.at, **values
        )


def tell(town: Town, key: str, outcome: Outcome = Outcome.DONE, **given: Any) -> ActivityRow:
    with town.database.write() as session:
        return tell_activity(
            session,
            town.catalog,
            town.catalog.municipality("aneby"),
            key,
            told=Told(outcome, **given),
            name="Kim Kommun",
            now=town.clock.at,
        )


def calendar(town: Town) -> dict[str, str]:
    """The editorial calendar's activities: status by key."""
    town.clock.at += timedelta(minutes=1)
    with town.database.write() as session:
        aneby = town.catalog.municipality("aneby")
        laid = season(session, town.catalog, aneby, years=planned_years(town.clock.at, aneby))
        feeds.refresh(session, town.catalog, "aneby", laid.plan, now=town.clock.at, base_url="http://test")
        return {
            row.key: row.status
            for row in session.exec(select(FeedEvent).where(FeedEvent.calendar == "editorial"))
            if row.key.startswith("aktivitet/") or "/extra-" in row.key
        }


def test_added_posts_and_activities_stand_in_the_editorial_calendar(town: Town) -> None:
    [post] = add(town)
    row = activity(town)

    found = calendar(town)
    assert found[f"aktivitet/{row.key}"] == "CONFIRMED"
    assert found[f"publicering/{post.key}"] == "TENTATIVE"

    with town.database.write() as session:
        cancel_extra_activity(
            session, town.catalog.municipality("aneby"), row.key, name="Kim Kommun", now=town.clock.at
        )

    assert calendar(town)[f"aktivitet/{row.key}"] == "CANCELLED"


def test_an_added_activity_is_called_off_and_taken_back(town: Town) -> None:
    row = activity(town)
    aneby = town.catalog.municipality("aneby")

    with town.database.write() as session:
        cancel_extra_activity(session, aneby, row.key, name="Kim", now=town.clock.at)
        assert extra_activities(session, aneby) == []
    with pytest.raises(RefusedError, match="är inställd"):
        tell(town, row.key, Outcome.NOT_DONE, note="Regn")
    with town.database.write() as session:
        restore_extra_activity(session, aneby, row.key, name="Kim", now=town.clock.at)
        assert [item.key for item in extra_activities(session, aneby)] == [row.key]


def test_the_same_activity_on_the_same_day_is_not_added_twice(town: Town) -> None:
    activity(town)

    with pytest.raises(RefusedError, match="finns redan torsdag 29 april 2027"):
        activity(town)


def test_a_planned_activity_has_a_row_once_it_has_been_told_of(town: Town) -> None:
    town.clock.at = datetime(2027, 5, 2, 9, 0, tzinfo=UTC)

    told = tell(town, NIGHT_WALK, number=14, note="Lugnt.", link="https://aneby.se/natt")

    assert (told.name, told.day, told.is_extra) == ("Nattvandring", day("Fri 2027-04-30"), False)
    assert (told.outcome, told.number, told.told_by) == ("done", 14, "Kim Kommun")
    again = tell(town, NIGHT_WALK, Outcome.NOT_DONE, note="Fel noterat: den ställdes in.")
    assert (again.id, again.outcome, again.number) == (told.id, "not_done", None)
    with town.database.read() as session:
        assert len(session.exec(select(ActivityRow)).all()) == 1
        entries = session.exec(select(AuditEntry).where(AuditEntry.action == "noterade aktivitet")).all()
    assert [entry.detail for entry in entries] == ["done", "not_done"]  # never the note


@pytest.mark.parametrize(
    ("key", "outcome", "given", "why"),
    [
        (NIGHT_WALK, Outcome.DONE, {}, "är planerad till fredag 30 april 2027"),
        (NIGHT_WALK, Outcome.NOT_DONE, {}, "Skriv varför"),
        (NIGHT_WALK, Outcome.NOT_DONE, {"note": "x" * 2001}, "högst 2\u00a0000 tecken"),
        (NIGHT_WALK, Outcome.NOT_DONE, {"note": "Regn", "number": -1}, "mellan 0 och"),
        (NIGHT_WALK, Outcome.NOT_DONE, {"note": "Regn", "link": "javascript:alert(1)"}, "en hel adress"),
        (f"student/{STUDENT}/vuxna-pa-plats", Outcome.NOT_DONE, {"note": "Regn"}, "har inget datum än"),
        ("valborg/eksjo/valborg/2027/-/nattvandring", Outcome.DONE, {}, "finns inte i kampanjen"),
    ],
)
def test_what_cannot_be_told_of_an_activity_is_refused(
    town: Town, key: str, outcome: Outcome, given: dict[str, Any], why: str
) -> None:
    with pytest.raises((RefusedError, NotFoundError), match=why):
        tell(town, key, outcome, **given)

    with town.database.read() as session:
        assert session.exec(select(ActivityRow)).all() == []


def test_an_activity_that_has_been_told_of_is_not_called_off(town: Town) -> None:
    row = activity(town, day=date(2027, 4, 11))
    tell(town, row.key, number=3)

    with pytest.raises(RefusedError, match="är redan noterad"), town.database.write() as session:
        cancel_extra_activity(session, town.catalog.municipality("aneby"), row.key, name="Kim", now=town.clock.at)
