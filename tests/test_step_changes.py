"""Moving a step, leaving it out and taking it back: what follows, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from campaigns import approval, feeds, swedish, texts
from campaigns.catalog import Catalog
from campaigns.channels.base import NotSentError
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.localtime import chosen
from campaigns.models import Approval, AuditEntry, DeliveryState, FeedEvent, Post, PostState, Reminder, StepChange
from campaigns.occurrences import ExtraDate
from campaigns.post_list import next_post
from campaigns.posts import shown_state
from campaigns.reminding import reminders
from campaigns.season import planned_years, season
from campaigns.sending import delivery
from campaigns.step_changes import move_step, restore_step, skip_step
from tests.builders import STOCKHOLM, day
from tests.conftest import Run
from tests.fakes import Clock, FakeChannel, Town

pytestmark = pytest.mark.pages

# Valborg is Fri 2027-04-30. The week before: due Fri 2027-04-23 16.30, at the latest Sun 2027-04-25 20.00.
VALBORG = "valborg/2027/valborg/veckan/foraldrar"
EARLY = "valborg/2027/valborg/tidigt/foraldrar"
STUDENT = "student/2027/student.holaveden/veckan/foraldrar"
EKSJO = "student/2027/student.eksjo/veckan/foraldrar"


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock())
    town.plan()
    return town


def ids(town: Town, keys: Sequence[str]) -> list[int]:
    return [town.post(key).id or 0 for key in keys]


def move(town: Town, *keys: str, to: str, name: str = "Sam Samordnare") -> list[Post]:
    """`to` as "Fri 2027-04-16 16:30": the weekday must be the right one."""
    day(to[:14])
    with town.database.write() as session:
        return move_step(
            session,
            town.catalog,
            town.messages,
            town.catalog.municipality("aneby"),
            ids(town, keys),
            to=chosen(to[4:], STOCKHOLM),
            name=name,
            now=town.clock.at,
        )


def skip(town: Town, *keys: str, reason: str = "Skolan har ett eget brev.", name: str = "Sam Samordnare") -> None:
    with town.database.write() as session:
        aneby = town.catalog.municipality("aneby")
        skip_step(
            session, town.catalog, town.messages, aneby, ids(town, keys), reason=reason, name=name, now=town.clock.at
        )


def restore(town: Town, *keys: str) -> None:
    with town.database.write() as session:
        aneby = town.catalog.municipality("aneby")
        restore_step(
            session, town.catalog, town.messages, aneby, ids(town, keys), name="Sam Samordnare", now=town.clock.at
        )


def write(town: Town, key: str, body: str = "Prata om hemresan.") -> None:
    """A text that names no day and rests on no facts."""
    with town.database.write() as session:
        texts.write_text(
            session,
            town.catalog,
            town.post(key).id or 0,
            language="sv",
            channel="",
            source=f'+++\ntitle = "Säg nej"\nshort = "Kort sagt."\n+++\n\n{body}\n',
            author="Kim Kommun",
            now=town.clock.at,
        )


# -- moving


def test_a_moved_step_is_due_at_the_new_time_and_keeps_its_last_time(town: Town) -> None:
    before = town.post(VALBORG)

    move(town, VALBORG, to="Thu 2027-04-22 18:00")

    after = town.post(VALBORG)
    assert after.id == before.id
    assert after.due_at == datetime(2027, 4, 22, 16, 0, tzinfo=UTC)  # summer time
    assert after.not_after == before.not_after
    with town.database.read() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "flyttade")).one()
    assert (entry.actor, entry.subject) == ("Sam Samordnare", f"aneby/{VALBORG}")
    assert entry.detail == "från fre 23 apr 2027 kl. 16.30 till tor 22 apr 2027 kl. 18.00"


def test_planning_again_keeps_a_moved_step(town: Town) -> None:
    move(town, VALBORG, to="Thu 2027-04-22 18:00")
    town.clock.at += timedelta(days=1)

    changes = town.plan()
    renewed = town.plan(town.catalog)  # as if the files had been read again

    assert (bool(changes), bool(renewed)) == (False, False)
    assert town.post(VALBORG).due_at == datetime(2027, 4, 22, 16, 0, tzinfo=UTC)


def test_the_plan_shows_the_moved_step_to_all_who_ask(town: Town) -> None:
    move(town, VALBORG, to="Thu 2027-04-22 18:00")

    with town.database.read() as session:
        aneby = town.catalog.municipality("aneby")
        laid = season(session, town.catalog, aneby, years=planned_years(town.clock.at, aneby))
    assert {item.due_at for item in laid.plan.steps if item.key == f"aneby/{VALBORG}"} == {
        datetime(2027, 4, 22, 16, 0, tzinfo=UTC)
    }


def test_moving_back_to_the_recipes_time_leaves_nothing_decided(town: Town) -> None:
    move(town, VALBORG, to="Thu 2027-04-22 18:00")

    move(town, VALBORG, to="Fri 2027-04-23 16:30")

    assert town.post(VALBORG).due_at == datetime(2027, 4, 23, 14, 30, tzinfo=UTC)
    with town.database.read() as session:
        assert session.exec(select(StepChange)).all() == []


def test_a_moved_step_follows_a_corrected_date(town: Town) -> None:
    town.set_date("2027-06-11")
    move(town, STUDENT, to="Thu 2027-06-03 18:00")  # eight days before

    town.set_date("2027-06-09")

    assert town.post(STUDENT).due_at == datetime(2027, 6, 1, 16, 0, tzinfo=UTC)  # Tue 2027-06-01 18.00


@pytest.mark.parametrize(
    ("now", "planned", "moved", "expected"),
    [
        # påsk: the clocks are put forward on Sun 2027-03-28, påskafton is Sat 2027-03-27
        ("2027-03-01 08:00", "Sat 2027-03-27", "Mon 2027-03-29 09:00", "2027-03-29 07:00"),
        ("2027-03-01 08:00", "Sat 2027-03-27", "Sat 2027-03-27 09:00", "2027-03-27 08:00"),
        # a leap day
        ("2028-02-01 08:00", "Tue 2028-02-29", "Tue 2028-02-29 08:00", "2028-02-29 07:00"),
        # back over a new year
        ("2027-11-01 08:00", "Sat 2028-01-01", "Fri 2027-12-31 18:00", "2027-12-31 17:00"),
        # the clocks are put back on Sun 2027-10-31
        ("2027-10-01 08:00", "Mon 2027-11-01", "Sat 2027-10-30 16:30", "2027-10-30 14:30"),
        ("2027-10-01 08:00", "Mon 2027-11-01", "Sun 2027-10-31 16:30", "2027-10-31 15:30"),
    ],
)
def test_a_moved_step_keeps_its_wall_clock_time(
    database: Database, catalog: Catalog, now: str, planned: str, moved: str, expected: str
) -> None:
    when = day(planned)
    own = ExtraDate("marknad", "Marknaden", when, when, when, "valborg")
    aneby = replace(catalog.municipality("aneby"), extra_dates=(own,))
    valborg = catalog.campaigns["valborg"]
    steps = tuple(replace(step, not_after_days=10) for step in valborg.steps)
    town = Town(database, catalog, Clock(datetime.fromisoformat(now).replace(tzinfo=UTC)))
    town.plan(
        replace(
            catalog,
            municipalities={"aneby": aneby},
            campaigns={**catalog.campaigns, "valborg": replace(valborg, steps=steps)},
        )
    )
    key = f"valborg/{when.year}/marknad/paminnelse/foraldrar"

    move(town, key, to=moved)

    assert town.post(key).due_at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("Sun 2027-04-25 20:01", "senast sön 25 apr 2027 kl. 20.00 måste det gå ut"),
        ("Mon 2027-04-12 08:59", "har redan varit"),
        ("Thu 2027-04-22 21:00", "Mellan klockan 21 och 07"),
        ("Thu 2027-04-22 06:59", "Mellan klockan 21 och 07"),
    ],
)
def test_a_time_that_cannot_be_is_refused_and_nothing_is_changed(town: Town, to: str, why: str) -> None:
    before = town.post(VALBORG)

    with pytest.raises(RefusedError, match=why):
        move(town, VALBORG, to=to)

    assert town.post(VALBORG) == before


@pytest.mark.parametrize("to", ["Sun 2027-04-25 20:00", "Thu 2027-04-22 20:59", "Thu 2027-04-22 07:00"])
def test_the_last_moments_that_can_be_are_taken(town: Town, to: str) -> None:
    [post] = move(town, VALBORG, to=to)

    assert post.due_at == chosen(to[4:], STOCKHOLM).at


def test_all_the_posts_of_a_step_are_moved_or_none(town: Town) -> None:
    last = "valborg/2027/valborg/paminnelse/foraldrar"

    with pytest.raises(RefusedError, match="senast"):
        move(town, last, VALBORG, to="Fri 2027-04-30 07:30")

    assert town.post(last).due_at == datetime(2027, 4, 30, 6, 0, tzinfo=UTC)


def test_a_step_without_a_known_day_cannot_be_moved(town: Town) -> None:
    with pytest.raises(RefusedError, match="Dagen är inte känd än"):
        move(town, STUDENT, to="Thu 2027-05-20 16:30")


def test_another_municipalitys_post_does_not_exist(town: Town) -> None:
    with town.database.write() as session:
        session.exec(select(Post).where(Post.key == f"aneby/{VALBORG}")).one().municipality = "eksjo"

    with pytest.raises(NotFoundError, match="Det finns inget budskap med nummer"):
        move(town, VALBORG, to="Thu 2027-04-22 18:00")


def test_signatures_fall_when_the_text_names_the_day(town: Town) -> None:
    write(town, VALBORG, "Valborg är {{ dagar_kvar }}.")
    town.sign(VALBORG)

    move(town, VALBORG, to="Thu 2027-04-22 18:00")

    assert town.post(VALBORG).state == PostState.DRAFT
    assert {item.state for item in town.deliveries()} == {DeliveryState.STOPPED}
    with town.database.read() as session:
        assert all(item.voided_at is not None for item in session.exec(select(Approval)))


def test_signatures_hold_when_the_text_is_the_same_and_the_deliveries_move_along(town: Town) -> None:
    write(town, VALBORG)
    town.sign(VALBORG)

    move(town, VALBORG, to="Thu 2027-04-22 18:00")

    assert town.post(VALBORG).state == PostState.APPROVED
    waiting = {(item.state, item.due_at, item.next_attempt_at) for item in town.deliveries()}
    assert waiting == {(DeliveryState.QUEUED, *(datetime(2027, 4, 22, 16, 0, tzinfo=UTC),) * 2)}


def test_what_has_gone_out_is_neither_moved_nor_left_out(town: Town) -> None:
    write(town, VALBORG)
    town.sign(VALBORG)
    town.clock.at = datetime(2027, 4, 23, 14, 30, tzinfo=UTC)
    delivery.send_due(town.sender(FakeChannel()), town.catalog, local=True)
    before = town.post(VALBORG)

    with pytest.raises(RefusedError, match="kan inte flyttas: leveransen till webb har redan gått ut"):
        move(town, VALBORG, to="Sat 2027-04-24 12:00")
    with pytest.raises(RefusedError, match="kan inte utelämnas: leveransen till webb har redan gått ut"):
        skip(town, VALBORG)

    assert town.post(VALBORG) == before


def test_schools_that_share_a_post_are_moved_together(town: Town) -> None:
    town.set_date("2027-06-11", place="holaveden")
    town.set_date("2027-06-11", place="eksjo")
    with pytest.raises(RefusedError, match="ingår i"):
        move(town, STUDENT, to="Thu 2027-06-03 18:00")

    move(town, EKSJO, to="Thu 2027-06-03 18:00")

    assert town.post(STUDENT).merged_into == f"aneby/{EKSJO}"
    assert {town.post(key).due_at for key in (STUDENT, EKSJO)} == {datetime(2027, 6, 3, 16, 0, tzinfo=UTC)}


# -- leaving out


def test_a_step_is_left_out_for_a_reason(town: Town) -> None:
    with pytest.raises(RefusedError, match="Skriv varför"):
        skip(town, VALBORG, reason="  ")

    skip(town, VALBORG)

    post = town.post(VALBORG)
    assert (post.state, post.reason) == (PostState.SKIPPED, "Sam Samordnare: Skolan har ett eget brev.")
    assert shown_state(post, now=town.clock.at) == "skipped"
    with town.database.read() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "utelämnade")).one()
    assert (entry.actor, entry.detail) == ("Sam Samordnare", "Skolan har ett eget brev.")


def test_what_is_left_out_loses_its_signatures_and_its_deliveries_are_stopped(town: Town) -> None:
    write(town, VALBORG)
    town.sign(VALBORG)

    skip(town, VALBORG)

    assert {item.state for item in town.deliveries()} == {DeliveryState.STOPPED}
    with town.database.read() as session:
        assert all(item.voided_at is not None for item in session.exec(select(Approval)))
    town.clock.at = datetime(2027, 4, 23, 14, 30, tzinfo=UTC)
    channel = FakeChannel()
    delivery.send_due(town.sender(channel), town.catalog, local=True)
    assert channel.sent == []


def test_what_is_left_out_is_neither_signed_written_nor_rejected(town: Town) -> None:
    skip(town, VALBORG)

    with pytest.raises(RefusedError, match="Budskapet är utelämnat"):
        town.sign(VALBORG)
    with pytest.raises(RefusedError, match="Budskapet är utelämnat"):
        write(town, VALBORG)
    with pytest.raises(RefusedError, match="utelämnat"), town.database.write() as session:
        approval.reject(
            session,
            town.catalog,
            town.post(VALBORG).id or 0,
            party="polis",
            name="Pia Polis",
            reason="Fel",
            now=town.clock.at,
        )
    with pytest.raises(RefusedError, match="är utelämnat"):
        move(town, VALBORG, to="Thu 2027-04-22 18:00")


def test_planning_again_keeps_what_is_left_out(town: Town) -> None:
    skip(town, VALBORG)
    town.clock.at += timedelta(days=1)

    town.plan()
    changes = town.plan(town.catalog)

    assert not changes
    assert town.post(VALBORG).state == PostState.SKIPPED


def test_what_is_left_out_stays_so_when_its_campaign_has_been_away(town: Town, catalog: Catalog) -> None:
    skip(town, VALBORG)
    town.plan(replace(catalog, campaigns={key: item for key, item in catalog.campaigns.items() if key != "valborg"}))
    assert town.post(VALBORG).state == PostState.CANCELLED

    town.plan(catalog)

    assert town.post(VALBORG).state == PostState.SKIPPED
    assert town.post(VALBORG).reason == "Sam Samordnare: Skolan har ett eget brev."


def test_nobody_is_reminded_of_what_is_left_out(town: Town) -> None:
    skip(town, VALBORG)
    town.clock.at = datetime(2027, 4, 23, 9, 0, tzinfo=UTC)  # the day that it was to go out

    with town.database.write() as session:
        aneby = town.catalog.municipality("aneby")
        due = reminders.due(session, town.catalog, aneby, now=town.clock.at)
        reminders.make(session, aneby, due, now=town.clock.at)

    with town.database.read() as session:
        about = session.exec(select(Reminder).where(Reminder.post_id == town.post(VALBORG).id)).all()
        others = session.exec(select(Reminder).where(col(Reminder.post_id).is_not(None))).all()
    assert about == []
    assert others  # the others that nobody has signed are still told of


def test_what_is_left_out_leaves_the_calendar_and_the_lists(town: Town) -> None:
    def status() -> str:
        with town.database.write() as session:
            aneby = town.catalog.municipality("aneby")
            laid = season(session, town.catalog, aneby, years=planned_years(town.clock.at, aneby))
            feeds.refresh(session, town.catalog, "aneby", laid.plan, now=town.clock.at, base_url="http://test")
            query = select(FeedEvent.status).where(FeedEvent.key == f"publicering/aneby/{VALBORG}")
            return session.exec(query).one()

    assert status() == "TENTATIVE"

    skip(town, VALBORG)

    assert status() == "CANCELLED"
    with town.database.read() as session:
        found = next_post(
            session, campaign="valborg", step="veckan", audience="foraldrar", municipality="aneby", now=town.clock.at
        )
        assert found is not None
        assert found.key == "aneby/valborg/2028/valborg/veckan/foraldrar"

    restore(town, VALBORG)
    town.clock.at += timedelta(minutes=1)

    assert status() == "TENTATIVE"


def test_schools_that_share_a_post_are_left_out_together(town: Town) -> None:
    town.set_date("2027-06-11", place="holaveden")
    town.set_date("2027-06-11", place="eksjo")

    skip(town, EKSJO)

    assert {town.post(key).state for key in (STUDENT, EKSJO)} == {PostState.SKIPPED}
    town.set_date("2027-06-09", place="holaveden")
    assert {town.post(key).state for key in (STUDENT, EKSJO)} == {PostState.SKIPPED}
    assert town.post(STUDENT).merged_into is None


def test_what_never_got_its_chance_cannot_be_left_out_afterwards(town: Town) -> None:
    town.clock.at = datetime(2027, 4, 26, 9, 0, tzinfo=UTC)

    with pytest.raises(RefusedError, match=r"senaste tiden var sön 25 apr 2027 kl\. 20\.00"):
        skip(town, VALBORG)


def test_a_delivery_that_failed_is_stopped_and_one_that_may_be_out_is_not_touched(town: Town) -> None:
    write(town, VALBORG)
    town.sign(VALBORG)
    town.clock.at = datetime(2027, 4, 23, 14, 30, tzinfo=UTC)
    refusing = FakeChannel(answers=[NotSentError("Nej.", is_permanent=True)])
    delivery.send_due(town.sender(refusing), town.catalog, local=True)
    assert town.states()["webb"] == DeliveryState.FAILED

    with pytest.raises(RefusedError, match="påbörjad"):
        move(town, VALBORG, to="Sat 2027-04-24 12:00")
    skip(town, VALBORG)

    assert town.post(VALBORG).state == PostState.SKIPPED


# -- taking back


def test_what_was_left_out_comes_back_as_a_draft(town: Town) -> None:
    move(town, VALBORG, to="Thu 2027-04-22 18:00")
    skip(town, VALBORG)

    restore(town, VALBORG)

    post = town.post(VALBORG)
    assert (post.state, post.reason) == (PostState.DRAFT, "")
    assert post.due_at == datetime(2027, 4, 22, 16, 0, tzinfo=UTC)  # it is still moved
    town.sign(VALBORG)
    assert town.post(VALBORG).state == PostState.APPROVED


def test_nothing_is_taken_back_when_it_is_too_late_or_was_never_left_out(town: Town) -> None:
    with pytest.raises(RefusedError, match="är inte utelämnat"):
        restore(town, VALBORG)
    skip(town, VALBORG)
    town.clock.at = datetime(2027, 4, 25, 18, 0, tzinfo=UTC)  # Sun 20.00, the last time

    with pytest.raises(RefusedError, match="Det är för sent"):
        restore(town, VALBORG)

    assert town.post(VALBORG).state == PostState.SKIPPED


# -- clashes


def test_a_step_that_is_left_out_or_moved_away_clashes_with_nothing(town: Town) -> None:
    market = ExtraDate("marknad", "Marknaden", *(day("Fri 2027-05-07"),) * 3, "valborg")
    aneby = replace(town.catalog.municipality("aneby"), extra_dates=(market,))
    town.plan(replace(town.catalog, municipalities={"aneby": aneby}))
    week, early = (f"valborg/2027/marknad/{step}/foraldrar" for step in ("veckan", "tidigt"))

    def clashing() -> set[str]:
        with town.database.read() as session:
            laid = season(session, town.catalog, aneby, years=planned_years(town.clock.at, aneby))
            return {clash.second for clash in laid.plan.clashes}

    assert {f"aneby/{week}", f"aneby/{early}"} <= clashing()

    skip(town, week)
    move(town, early, to="Sat 2027-04-24 16:30")

    assert not {f"aneby/{week}", f"aneby/{early}"} & clashing()


# -- the command line


def test_on_the_command_line_a_step_is_moved_left_out_and_taken_back(run: Run) -> None:
    year = datetime.now(UTC).year + 1
    code, out, _ = run("posts", "--json", "--campaign", "nyar")
    post = next(item for item in json.loads(out) if f"/{year}/" in item["key"])
    number, due = str(post["id"]), datetime.fromisoformat(post["due_at"]).astimezone(STOCKHOLM)
    earlier = due - timedelta(days=1)

    code, out, _ = run("move", number, "--to", f"{earlier:%Y-%m-%d} 18:00", "--as", "Kim")
    assert code == 0
    assert f"kl. 18.00, senast {swedish.moment(datetime.fromisoformat(post['not_after']), STOCKHOLM)}." in out

    code, _, err = run("move", number, "--to", f"{earlier:%Y-%m-%d} 22:00", "--as", "Kim")
    assert (code, err) == (1, "Mellan klockan 21 och 07 skickas inget. Välj en tid från 07.00 till 20.59.\n")
    code, _, err = run("skip", number, "--as", "Kim")
    assert (code, err) == (1, "Skriv varför med --reason, så att alla förstår det efteråt.\n")

    code, out, _ = run("skip", number, "--reason", "Lov", "--as", "Kim")
    assert code == 0
    assert f"Ta tillbaka det med: kampanjhjul skip {number} --undo" in out
    assert "Läge: Utelämnat" in run("posts", number)[1]
    assert "Utelämnat av Kim: Lov" in run("posts", number)[1]
    assert post["key"] not in run("posts", "--json")[1]

    assert run("skip", number, "--undo", "--as", "Kim")[0] == 0
    assert "Läge: Utkast" in run("posts", number)[1]
