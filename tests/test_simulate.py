"""The rehearsal: a whole year of the true pipeline, every step at its local hour, nothing unsigned, doubled or late."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import SQLModel, select

from campaigns import approval
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.extras import add_extra_post
from campaigns.localtime import chosen
from campaigns.models import Delivery, Post
from campaigns.occurrences import LocalDate
from campaigns.plan import DeadlineKind
from campaigns.step_changes import move_step, skip_step
from campaigns.wiring import Parts, open_parts
from scheduler.simulate import Rehearsal, simulate
from scheduler.story import EventKind
from tests.builders import day
from tests.fakes import Clock, Town

pytestmark = pytest.mark.longer

STOCKHOLM = ZoneInfo("Europe/Stockholm")
DATES = {
    "student/eksjo": "Wed 2027-06-09",
    "student/holaveden": "Fri 2027-06-11",
    "student/jonkoping": "Fri 2027-06-11",
    "student/nassjo": "Fri 2027-06-04",
    "student/vetlanda": "Thu 2027-06-10",
    "skolavslutning/furulidsskolan": "Tue 2027-06-08",
}
FIRST, LAST = date(2027, 1, 1), date(2027, 12, 31)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    folder = tmp_path_factory.mktemp("data")
    database = Database(f"sqlite:///{folder}/x.db")
    SQLModel.metadata.create_all(database.writer)
    environ = {"KAMPANJHJUL_DATA_DIR": str(folder)}
    return open_parts(environ, clock=lambda: datetime(2026, 11, 23, 9, 0, tzinfo=STOCKHOLM), database=database)


def local_dates() -> list[LocalDate]:
    found = []
    for key, text in DATES.items():
        risk_date, place = key.split("/")
        found.append(LocalDate(risk_date, place, day(text).year, day(text), is_confirmed=True))
    return found


def rehearse(parts: Parts, *, is_approving: bool) -> Rehearsal:
    return simulate(parts, first_day=FIRST, last_day=LAST, is_approving=is_approving, dates=local_dates())


@pytest.fixture(scope="module")
def approved(parts: Parts) -> Rehearsal:
    return rehearse(parts, is_approving=True)


@pytest.fixture(scope="module")
def unsigned(parts: Parts) -> Rehearsal:
    return rehearse(parts, is_approving=False)


def expected(catalog: Catalog) -> set[tuple[str, str, str, str, str]]:
    """(campaign, step, audience, channel, local time) for every step in 2027, counted by hand from the files."""
    days = {"valborg": "2027-04-30", "midsommar": "2027-06-25", "jul": "2027-12-24", "nyar": "2027-12-31"}
    when: dict[str, list[date]] = {key: [date.fromisoformat(text)] for key, text in days.items()}
    when["student"] = sorted({day(text) for key, text in DATES.items() if key.startswith("student")})
    when["skolavslutning"] = [day(DATES["skolavslutning/furulidsskolan"])]
    channels = set(catalog.municipality("aneby").channel_ids)
    return {
        (
            campaign.id,
            step.id,
            audience,
            channel,
            datetime.combine(each + timedelta(days=step.offset_days), step.at, STOCKHOLM).isoformat(),
        )
        for campaign in catalog.campaigns.values()
        for each in when[campaign.id]
        for step in campaign.steps
        for audience in step.audiences
        for channel in step.channels
        if channel in channels
    }


def test_every_step_goes_out_at_its_local_hour_and_once(approved: Rehearsal, catalog: Catalog) -> None:
    out = [event for event in approved.events if event.kind in (EventKind.SENT, EventKind.BY_HAND)]

    seen = Counter(
        (event.campaign, event.step, event.audience, event.channel, event.local.isoformat() if event.local else "")
        for event in out
    )

    assert set(seen) == expected(catalog)
    assert set(seen.values()) == {1}
    assert {(event.campaign, event.audience) for event in out} == {
        (campaign, audience)
        for campaign in ("valborg", "skolavslutning", "student", "midsommar", "jul", "nyar")
        for audience in ("foraldrar", "syskon", "unga-vuxna")
    }


def test_summer_and_winter_time_keep_the_wall_clock(approved: Rehearsal) -> None:
    hours = {
        (event.campaign, event.local.strftime("%H:%M %z"))
        for event in approved.events
        if event.kind is EventKind.SENT and event.step == "infor" and event.local
    }
    assert ("valborg", "15:30 +0200") in hours
    assert ("jul", "15:30 +0100") in hours


def test_nothing_goes_out_unsigned_or_late(approved: Rehearsal) -> None:
    signed: dict[str, set[str]] = {}
    for event in approved.events:
        if event.kind is EventKind.APPROVED:
            signed.setdefault(event.post, set()).add(event.party)
        if event.kind in (EventKind.SENT, EventKind.BY_HAND):
            assert signed[event.post] == {"kommun", "polis"}
            assert event.due_at is not None
            assert event.not_after is not None
            assert event.due_at <= event.at <= event.not_after
    assert not [event for event in approved.events if event.kind in (EventKind.MISSED, EventKind.REFUSED)]


def test_schools_with_the_same_day_share_one_post(approved: Rehearsal) -> None:
    sent = {event.post for event in approved.events if event.kind is EventKind.SENT and event.campaign == "student"}
    assert not any("holaveden" in key for key in sent) or not any("jonkoping" in key for key in sent)
    assert len({key.split("/")[3] for key in sent}) == 4


def test_without_approval_nothing_goes_out_and_every_deadline_is_reminded_of(unsigned: Rehearsal, parts: Parts) -> None:
    assert {event.kind for event in unsigned.events} == {EventKind.REMINDED, EventKind.MISSED}
    told = Counter((event.occurrence, event.step) for event in unsigned.events if event.kind is EventKind.REMINDED)
    occurrences = [
        *(f"aneby/{name}/2027/-" for name in ("valborg", "midsommar", "jul", "nyar")),
        *(f"aneby/{key.replace('/', '/2027/')}" for key in DATES),
    ]
    told_once = {(occurrence, kind.value) for occurrence in occurrences for kind in DeadlineKind}
    # Jönköping shares its day, and so its posts, with Holaveden: there is nothing of its own to write or sign.
    shared = {("aneby/student/2027/jonkoping", "write"), ("aneby/student/2027/jonkoping", "sign")}
    next_year = {("aneby/jul/2027/-", "follow_up"), ("aneby/nyar/2027/-", "note"), ("aneby/nyar/2027/-", "follow_up")}
    assert {item: told[item] for item in told_once} == {
        item: 0 if item in shared | next_year else 1 for item in told_once
    }


def test_reminders_of_deadlines_come_at_eight_in_the_morning(unsigned: Rehearsal) -> None:
    hours = {
        event.local.strftime("%H:%M")
        for event in unsigned.events
        if event.kind is EventKind.REMINDED and event.local and event.step in set(DeadlineKind)
    }
    assert hours == {"08:00"}


def test_every_unsigned_post_is_told_of_as_missed(unsigned: Rehearsal, approved: Rehearsal) -> None:
    missed = {event.post for event in unsigned.events if event.kind is EventKind.MISSED}
    sent = {event.post for event in approved.events if event.kind is EventKind.SENT}
    assert missed == sent


def test_the_rehearsal_touches_nothing(parts: Parts, approved: Rehearsal) -> None:
    with parts.database.read() as session:
        assert session.exec(select(Post)).first() is None
        assert session.exec(select(Delivery)).first() is None


def test_the_same_rehearsal_tells_the_same_story(parts: Parts, unsigned: Rehearsal) -> None:
    again = rehearse(parts, is_approving=False)
    assert [event.as_json() for event in again.events] == [event.as_json() for event in unsigned.events]
    json.dumps([event.as_json() for event in again.events])


def test_without_local_dates_the_schools_posts_are_missed_and_said_so(parts: Parts) -> None:
    result = simulate(parts, first_day=date(2027, 4, 1), last_day=date(2027, 7, 1), is_approving=True)
    missed = [event for event in result.events if event.kind is EventKind.MISSED]
    assert {event.campaign for event in missed} == {"student", "skolavslutning"}
    assert all("datumet bekräftades aldrig" in event.text for event in missed)


def test_an_unknown_place_is_told_with_the_nearest_name(parts: Parts) -> None:
    wrong = LocalDate("student", "holavedn", 2027, date(2027, 6, 11), is_confirmed=True)
    with pytest.raises(NotFoundError, match="Menade du ”student/holaveden”"):
        simulate(parts, first_day=FIRST, last_day=LAST, is_approving=True, dates=[wrong])


@pytest.fixture
def signed_jul(tmp_path: Path) -> Iterator[Parts]:
    """Aneby on 24 November 2026 with nyår's early message, due on 27 December, signed by both."""
    database = Database(f"sqlite:///{tmp_path}/signed.db")
    SQLModel.metadata.create_all(database.writer)
    clock = Clock(datetime(2026, 11, 24, 9, 0, tzinfo=STOCKHOLM))
    parts = open_parts({"KAMPANJHJUL_DATA_DIR": str(tmp_path)}, clock=clock, database=database)
    town = Town(database, parts.catalog, clock)
    town.plan()
    town.sign(MELLANDAGARNA)
    yield parts
    database.close()


MELLANDAGARNA = "nyar/2026/nyar/veckan/foraldrar"


@pytest.mark.parametrize("is_approving", [True, False])
def test_what_goes_out_before_the_span_has_gone_out_when_the_story_begins(
    signed_jul: Parts, is_approving: bool
) -> None:
    before = simulate(signed_jul, first_day=date(2026, 12, 1), last_day=date(2026, 12, 31), is_approving=is_approving)
    after = simulate(signed_jul, first_day=date(2027, 1, 1), last_day=date(2027, 1, 31), is_approving=is_approving)

    told = {event.kind for event in before.events if event.post == f"aneby/{MELLANDAGARNA}"}
    assert told == {EventKind.SENT, EventKind.BY_HAND}
    assert not [event for event in after.events if event.post == f"aneby/{MELLANDAGARNA}"]
    assert all(event.local and event.local.date() >= date(2027, 1, 1) for event in after.events)


def test_what_was_too_late_before_the_span_is_no_part_of_the_story(signed_jul: Parts) -> None:
    """Also where nothing ran in between: a span that begins in what is now the past or long after it."""
    late = replace(signed_jul, clock=lambda: datetime(2027, 1, 7, 9, 0, tzinfo=STOCKHOLM))

    for parts, first in ((late, date(2027, 1, 1)), (signed_jul, date(2027, 12, 1))):
        result = simulate(parts, first_day=first, last_day=first + timedelta(days=30), is_approving=False)
        assert not [event for event in result.events if event.kind is EventKind.SKIPPED]


def test_a_text_that_cannot_be_signed_before_the_span_is_told_of_in_it(
    signed_jul: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RefusedError("Texten kan inte godkännas än.")

    monkeypatch.setattr(approval, "approve", refuse)

    result = simulate(signed_jul, first_day=date(2026, 12, 20), last_day=date(2026, 12, 31), is_approving=True)

    refused = [event for event in result.events if event.kind is EventKind.REFUSED]
    assert {event.post.split("/")[1] for event in refused} == {"jul", "nyar"}
    assert {event.local.date() for event in refused if event.local} == {date(2026, 12, 20)}


def test_new_year_is_crossed_in_one_rehearsal(parts: Parts, tmp_path: Path) -> None:
    result = simulate(parts, first_day=date(2027, 12, 1), last_day=date(2028, 5, 1), is_approving=True)
    sent = {(event.campaign, event.post.split("/")[2]) for event in result.events if event.kind is EventKind.SENT}
    assert sent == {("jul", "2027"), ("nyar", "2027"), ("valborg", "2028")}


def test_what_people_have_moved_left_out_and_added_is_rehearsed_so(signed_jul: Parts) -> None:
    aneby, now = signed_jul.catalog.municipality("aneby"), signed_jul.clock()
    moved, left_out = MELLANDAGARNA, "nyar/2026/nyar/paminnelse/foraldrar"
    with signed_jul.database.write() as session:
        ids = [session.exec(select(Post).where(Post.key == f"aneby/{key}")).one().id or 0 for key in (moved, left_out)]
        where = session, signed_jul.catalog, signed_jul.messages, aneby
        move_step(*where, ids[:1], to=chosen("2026-12-26 10:00", STOCKHOLM), name="Kim", now=now)
        skip_step(*where, ids[1:], reason="Lov", name="Kim", now=now)
        [added] = add_extra_post(
            session,
            signed_jul.catalog,
            aneby,
            campaign="nyar",
            occurrence="aneby/nyar/2026/-",
            audiences=["foraldrar"],
            title="Smällare",
            channels=["webb"],
            due=chosen("2026-12-29 10:00", STOCKHOLM),
            last=None,
            name="Kim",
            now=now,
        )
        key = added.key

    result = simulate(signed_jul, first_day=date(2026, 12, 1), last_day=date(2026, 12, 31), is_approving=True)

    sent = {event.local for event in result.events if event.post == f"aneby/{moved}" and event.kind is EventKind.SENT}
    assert sent == {datetime(2026, 12, 26, 10, 0, tzinfo=STOCKHOLM)}
    assert not [event for event in result.events if event.post == f"aneby/{left_out}"]
    told = [event for event in result.events if event.post == key]
    assert {event.kind for event in told} == {EventKind.REFUSED, EventKind.MISSED}  # nobody has written it
