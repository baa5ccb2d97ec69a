"""Campaigns laid on occurrences: the right step on the right day at the right local time, and clashes that are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from campaigns.catalog import Catalog, Municipality
from campaigns.localtime import is_quiet, local
from campaigns.occurrences import LocalDate, Occurrence, OccurrenceStatus, Place, occurrences
from campaigns.plan import Campaign, Plan, PlannedStep, find_clashes, plan
from tests.builders import (
    STOCKHOLM,
    day,
    make_activity,
    make_campaign,
    make_deadline,
    make_local_date,
    make_occurrence,
    make_step,
)

HOLAVEDEN, EKSJO = Place("holaveden", "Holavedsgymnasiet, Tranås"), Place("eksjo", "gymnasieskolan i Eksjö")
ALL = ("foraldrar", "syskon", "unga-vuxna")


def laid(
    found: Sequence[Occurrence],
    *campaigns: Campaign,
    channels: Sequence[str] = ("webb", "skarm"),
    recipes: dict[str, str] | None = None,
) -> Plan:
    return plan(found, campaigns=campaigns, channels=channels, zone=STOCKHOLM, recipes=recipes or {})


def shipped(catalog: Catalog, aneby: Municipality, *entered: LocalDate, years: Sequence[int] = (2027,)) -> Plan:
    found = occurrences(
        "aneby",
        risk_dates=aneby.risk_dates,
        places=aneby.places,
        local_dates=entered,
        extra_dates=(),
        years=years,
    )
    return plan(
        found, campaigns=catalog.campaigns.values(), channels=aneby.channel_ids, zone=aneby.zone, recipes=aneby.recipes
    )


def due(item: PlannedStep) -> str:
    """Local day and time, as "Fri 2027-06-11 16:30"."""
    return f"{local(item.due_at, STOCKHOLM):%a %Y-%m-%d %H:%M}"


def school_end(when: date) -> LocalDate:
    return make_local_date("skolavslutning", place="furulidsskolan", day=when)


# -- one step


@pytest.mark.parametrize(
    ("when", "offset_days", "at", "expected"),
    [
        ("Fri 2027-06-25", -14, time(16, 30), "2027-06-11T14:30+00:00"),
        ("Fri 2027-04-30", 0, time(8), "2027-04-30T06:00+00:00"),
        ("Sat 2027-04-03", -7, time(16, 30), "2027-03-27T15:30+00:00"),  # the day before summer time begins
        ("Sun 2027-04-04", -7, time(16, 30), "2027-03-28T14:30+00:00"),  # the day it begins
        ("Sun 2027-04-04", -7, time(8), "2027-03-28T06:00+00:00"),
        ("Sun 2027-10-31", -1, time(16, 30), "2027-10-30T14:30+00:00"),  # the day before it ends
        ("Sun 2027-10-31", 0, time(8), "2027-10-31T07:00+00:00"),  # the day it ends
        ("Sun 2027-10-31", 0, time(16, 30), "2027-10-31T15:30+00:00"),
        ("Sat 2028-01-01", -14, time(8), "2027-12-18T07:00+00:00"),  # over the turn of the year
        ("Tue 2028-03-07", -7, time(8), "2028-02-29T07:00+00:00"),  # on a leap day
    ],
)
def test_a_step_is_due_at_its_local_time(when: str, offset_days: int, at: time, expected: str) -> None:
    campaign = make_campaign(steps=[make_step(offset_days=offset_days, at=at)])

    (item,) = laid([make_occurrence(day=day(when))], campaign).steps

    assert item.due_at == datetime.fromisoformat(expected)


def test_not_after_has_its_own_day_and_local_time() -> None:
    """Due the day before summer time ends, not after 20.00 the day after: 25 hours a day in between."""
    step = make_step(offset_days=-1, at=time(20), not_after_days=0, not_after_time=time(20))

    (item,) = laid([make_occurrence(day=day("Sun 2027-10-31"))], make_campaign(steps=[step])).steps

    assert item.not_after - item.due_at == timedelta(hours=25)


def test_each_audience_gets_its_own_post_in_the_channels_that_the_municipality_has() -> None:
    step = make_step(audiences=["foraldrar", "syskon"], channels=["webb", "sociala-medier", "skarm"])

    found = laid([make_occurrence()], make_campaign(steps=[step]), channels=["skarm", "webb"]).steps

    assert [(item.audience, item.channels) for item in found] == [
        ("foraldrar", ("webb", "skarm")),
        ("syskon", ("webb", "skarm")),
    ]


def test_a_step_for_which_the_municipality_has_no_channel_is_left_out() -> None:
    campaign = make_campaign(steps=[make_step(channels=["sociala-medier"])], deadlines=[make_deadline()])

    found = laid([make_occurrence()], campaign)

    assert (found.steps, len(found.deadlines)) == ((), 1)


def test_deadlines_and_activities_are_calendar_days() -> None:
    campaign = make_campaign(
        deadlines=[make_deadline(offset_days=-56)], activities=[make_activity("nattvandring", offset_days=-1)]
    )

    found = laid([make_occurrence(day=day("Fri 2027-06-25"))], campaign)

    assert [(item.key, item.day) for item in found.deadlines] == [
        ("midsommar/aneby/midsommar/2027/-/sign", day("Fri 2027-04-30"))
    ]
    assert [(item.key, item.day) for item in found.activities] == [
        ("midsommar/aneby/midsommar/2027/-/nattvandring", day("Thu 2027-06-24"))
    ]


def test_an_extra_date_borrows_a_campaign() -> None:
    market = make_occurrence("marknad-2027", name="Marknaden", day=day("Sat 2027-09-04"))

    found = laid([market, make_occurrence()], make_campaign(), recipes={"marknad-2027": "midsommar"}).steps

    assert [(item.key, due(item)) for item in found] == [
        ("aneby/midsommar/2027/midsommar/veckan/foraldrar", "Fri 2027-06-18 16:30"),
        ("aneby/midsommar/2027/marknad-2027/veckan/foraldrar", "Sat 2027-08-28 16:30"),
    ]


def test_a_risk_date_without_a_campaign_plans_nothing() -> None:
    assert laid([make_occurrence("lucia")], make_campaign("midsommar")) == Plan()


# -- stable keys


def test_keys_stay_when_a_day_moves_or_is_confirmed() -> None:
    campaign = make_campaign("student", steps=[make_step()], deadlines=[make_deadline()], activities=[make_activity()])
    guess = make_occurrence("student", place=HOLAVEDEN, status=OccurrenceStatus.PRELIMINARY, has_day=False)
    known = replace(guess, day=date(2027, 6, 10), status=OccurrenceStatus.CONFIRMED, has_day=True)
    moved = replace(known, day=date(2027, 6, 11))

    plans = [laid([occurrence], campaign) for occurrence in (guess, known, moved)]

    keys = {
        tuple(item.key for item in (*found.steps, *found.deadlines, *found.activities))  # type: ignore[attr-defined]
        for found in plans
    }
    assert keys == {
        (
            "aneby/student/2027/student.holaveden/veckan/foraldrar",
            "student/aneby/student/2027/holaveden/sign",
            "student/aneby/student/2027/holaveden/nattvandring",
        )
    }
    assert len({found.steps[0].due_at for found in plans}) == 3


def test_planning_again_gives_the_same_plan(catalog: Catalog, aneby: Municipality) -> None:
    assert shipped(catalog, aneby) == shipped(catalog, aneby)


def test_keys_are_unique_over_many_years(catalog: Catalog, aneby: Municipality) -> None:
    found = shipped(catalog, aneby, years=range(2024, 2076))

    for items in (found.steps, found.deadlines, found.activities):
        keys = [item.key for item in items]
        assert len(set(keys)) == len(keys) > 0


# -- places that share a day


def students(*places: tuple[Place, str, OccurrenceStatus]) -> list[Occurrence]:
    return [
        make_occurrence("student", name="Studenten", place=place, day=day(when), status=status)
        for place, when, status in places
    ]


CONFIRMED, PRELIMINARY = OccurrenceStatus.CONFIRMED, OccurrenceStatus.PRELIMINARY


def test_places_with_the_same_confirmed_day_share_one_post() -> None:
    found = laid(
        students((HOLAVEDEN, "Fri 2027-06-11", CONFIRMED), (EKSJO, "Fri 2027-06-11", CONFIRMED)),
        make_campaign("student"),
    )

    leader, merged = found.steps
    assert (leader.key, leader.merged_into) == ("aneby/student/2027/student.eksjo/veckan/foraldrar", None)
    assert (merged.key, merged.merged_into) == ("aneby/student/2027/student.holaveden/veckan/foraldrar", leader.key)
    assert leader.places == merged.places == (EKSJO.name, HOLAVEDEN.name)
    assert found.clashes == ()


def test_places_with_different_days_have_their_own_posts() -> None:
    found = laid(
        students((HOLAVEDEN, "Thu 2027-06-10", CONFIRMED), (EKSJO, "Fri 2027-06-11", CONFIRMED)),
        make_campaign("student"),
    )

    assert [(item.merged_into, item.places) for item in found.steps] == [
        (None, (HOLAVEDEN.name,)),
        (None, (EKSJO.name,)),
    ]


@pytest.mark.parametrize("status", [CONFIRMED, PRELIMINARY])
def test_a_preliminary_day_is_never_shared(status: OccurrenceStatus) -> None:
    """Its message cannot be approved, and must not hold the others back."""
    found = laid(
        students((HOLAVEDEN, "Fri 2027-06-11", status), (EKSJO, "Fri 2027-06-11", PRELIMINARY)),
        make_campaign("student"),
    )

    assert [item.merged_into for item in found.steps] == [None, None]


def test_every_place_keeps_its_own_deadlines() -> None:
    found = laid(
        students((HOLAVEDEN, "Fri 2027-06-11", CONFIRMED), (EKSJO, "Fri 2027-06-11", CONFIRMED)),
        make_campaign("student", deadlines=[make_deadline()]),
    )

    assert len({item.key for item in found.deadlines}) == 2


# -- clashes


def test_the_shipped_campaigns_do_not_clash_while_school_days_are_unknown(
    catalog: Catalog, aneby: Municipality
) -> None:
    """Jul and nyår share their parents' message for this reason, and valborg stands alone."""
    assert shipped(catalog, aneby, years=range(2024, 2076)).clashes == ()


def test_midsommar_gives_way_to_the_end_of_school(catalog: Catalog, aneby: Municipality) -> None:
    """Two weeks before midsommar 2027 is Friday 11 June."""
    found = shipped(catalog, aneby, school_end(day("Fri 2027-06-11")))

    assert {(item.day, item.audience, item.first, item.second) for item in found.clashes} == {
        (
            day("Fri 2027-06-11"),
            "foraldrar",
            "aneby/skolavslutning/2027/skolavslutning.furulidsskolan/paminnelse/foraldrar",
            "aneby/midsommar/2027/midsommar/tidigt/foraldrar",
        )
    }
    assert {item.proposal for item in found.clashes} == {
        "Flytta ”Midsommar: Tidigt till föräldrar” till torsdag 10 juni 2027, eller låt ett budskap täcka båda."
    }


@pytest.mark.parametrize(
    ("student_day", "clash_day", "proposed"),
    [
        ("Sat 2027-06-12", "Fri 2027-06-11", "torsdag 10 juni 2027"),  # the student reminder is sent the day before
        ("Fri 2027-06-11", None, None),
    ],
)
def test_midsommar_gives_way_to_the_student_day(
    catalog: Catalog, aneby: Municipality, student_day: str, clash_day: str | None, proposed: str | None
) -> None:
    found = shipped(catalog, aneby, make_local_date(day=day(student_day))).clashes

    assert {item.day for item in found} == ({day(clash_day)} if clash_day else set())
    assert {item.second for item in found} <= {"aneby/midsommar/2027/midsommar/tidigt/foraldrar"}
    assert all(f"till {proposed}," in item.proposal for item in found)


def test_a_reminder_is_not_moved_before_the_step_that_it_reminds_of(catalog: Catalog, aneby: Municipality) -> None:
    """School ends on Thursday and the students leave on Friday, as in many years: two reminders on Thursday morning."""
    found = shipped(
        catalog, aneby, school_end(day("Thu 2027-06-10")), make_local_date(day=day("Fri 2027-06-11"))
    ).clashes

    assert {item.day for item in found} == {day("Thu 2027-06-10")}
    reminder = "”Studenten, Holavedsgymnasiet, Tranås: Påminnelse dagen före”"
    moved = f"Flytta {reminder} till onsdag 9 juni 2027, eller låt ett budskap täcka båda."
    alone = f"Låt ett budskap täcka båda: det finns ingen ledig dag att flytta {reminder} till."
    assert {(item.audience, item.channel): item.proposal for item in found} == {
        ("foraldrar", "webb"): moved,
        ("foraldrar", "skarm"): moved,
        ("syskon", "webb"): alone,
        ("syskon", "skarm"): alone,
        ("unga-vuxna", "webb"): alone,
        ("unga-vuxna", "skarm"): alone,
    }


def test_jul_and_nyar_clash_if_nyar_has_the_usual_timetable(catalog: Catalog, aneby: Municipality) -> None:
    """A week before jul is two weeks before nyår."""
    usual = make_campaign("nyar", steps=catalog.campaigns["midsommar"].steps)
    found = occurrences("aneby", risk_dates=aneby.risk_dates, places={}, local_dates=(), extra_dates=(), years=[2027])

    clashes = laid(found, catalog.campaigns["jul"], usual).clashes

    assert clashes[0].day == day("Fri 2027-12-17")
    assert (clashes[0].first, clashes[0].second) == (
        "aneby/jul/2027/jul/veckan/foraldrar",
        "aneby/nyar/2027/nyar/tidigt/foraldrar",
    )
    assert clashes[0].proposal == (
        "Flytta ”Nyår: Tidigt till föräldrar” till torsdag 16 december 2027, eller låt ett budskap täcka båda."
    )


def test_three_messages_on_one_day_leave_one_and_get_a_day_each() -> None:
    names = ["valborg", "midsommar", "jul"]
    found = laid(
        [make_occurrence(name, day=date(2027, 6, 25) + timedelta(days=index)) for index, name in enumerate(names)],
        *[make_campaign(name, steps=[make_step(offset_days=-7 - index)]) for index, name in enumerate(names)],
    ).clashes

    assert [(item.first.split("/")[1], item.second.split("/")[1]) for item in found] == [
        ("valborg", "midsommar"),
        ("valborg", "jul"),
    ]
    assert [item.proposal.split(" till ")[1].split(",")[0] for item in found] == [
        "torsdag 17 juni 2027",
        "onsdag 16 juni 2027",
    ]


def test_the_proposed_day_is_free_in_all_the_channels_of_the_message() -> None:
    steps = laid(
        [make_occurrence("valborg", day=date(2027, 6, 25)), make_occurrence("midsommar", day=date(2027, 6, 26))],
        make_campaign(
            "valborg",
            steps=[
                make_step("a", channels=["webb"], offset_days=-7),
                make_step("b", channels=["skarm"], offset_days=-8),
            ],
        ),
        make_campaign("midsommar", steps=[make_step(channels=["webb", "skarm"], offset_days=-8)]),
    ).steps

    (clash,) = find_clashes(steps, zone=STOCKHOLM)

    assert (clash.day, clash.channel) == (day("Fri 2027-06-18"), "webb")
    assert "till onsdag 16 juni 2027," in clash.proposal


@pytest.mark.parametrize(
    "other",
    [
        make_step(audiences=["syskon"]),
        make_step(channels=["skarm"]),
        make_step(offset_days=-8),
    ],
    ids=["another audience", "another channel", "another day"],
)
def test_messages_that_do_not_meet_do_not_clash(other: object) -> None:
    found = laid(
        [make_occurrence("valborg"), make_occurrence("midsommar")],
        make_campaign("valborg"),
        make_campaign("midsommar", steps=[other]),  # type: ignore[list-item]  # a Step, as pytest hands it over
    )

    assert found.clashes == ()


def test_a_preliminary_day_clashes_with_nothing() -> None:
    found = laid(
        [make_occurrence("valborg"), make_occurrence("student", status=PRELIMINARY)],
        make_campaign("valborg"),
        make_campaign("student"),
    )

    assert found.clashes == ()


def test_the_day_of_a_clash_is_the_local_day() -> None:
    """00.30 local time in summer is the day before in UTC."""
    found = laid(
        [make_occurrence("valborg"), make_occurrence("midsommar")],
        make_campaign("valborg", steps=[make_step(at=time(0, 30))]),
        make_campaign("midsommar", steps=[make_step(at=time(23, 30))]),
    )

    assert [item.day for item in found.clashes] == [day("Fri 2027-06-18")]


# -- the shipped timetable


@pytest.mark.parametrize("name", ["skolavslutning", "student", "valborg", "midsommar", "jul", "nyar"])
def test_the_editorial_deadlines_of_every_shipped_campaign(catalog: Catalog, name: str) -> None:
    offsets = {item.kind.value: item.offset_days for item in catalog.campaigns[name].deadlines}

    assert offsets == {
        "confirm_dates": -56,
        "plan": -42,
        "write": -28,
        "sign": -21,
        "note": 3,
        "follow_up": 14,
    }


@pytest.mark.parametrize(
    ("name", "parents", "young"),
    [
        ("skolavslutning", [-14, -7, 0], [-5, -2, 0]),
        ("student", [-14, -7, -1], [-5, -2, -1]),
        ("valborg", [-14, -7, 0], [-5, -2, 0]),
        ("midsommar", [-14, -7, -1], [-5, -2, -1]),
        ("jul", [-10, -7, -1], [-5, -2, -1]),
        ("nyar", [-4, 0], [-3, -2, 0]),
    ],
)
def test_the_days_of_the_steps_of_every_shipped_campaign(
    catalog: Catalog, name: str, parents: list[int], young: list[int]
) -> None:
    campaign = catalog.campaigns[name]
    offsets = {
        audience: [step.offset_days for step in campaign.steps if audience in step.audiences] for audience in ALL
    }

    assert offsets == {"foraldrar": parents, "syskon": young, "unga-vuxna": young}
    assert campaign.promises == ("langning",)
    assert campaign.activities, "there is something that people do"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "valborg",
            {
                "foraldrar": ["Fri 2027-04-16 16:30", "Fri 2027-04-23 16:30", "Fri 2027-04-30 08:00"],
                "syskon": ["Sun 2027-04-25 15:30", "Wed 2027-04-28 15:30", "Fri 2027-04-30 08:00"],
            },
        ),
        (
            "midsommar",
            {
                "foraldrar": ["Fri 2027-06-11 16:30", "Fri 2027-06-18 16:30", "Thu 2027-06-24 08:00"],
                "syskon": ["Sun 2027-06-20 15:30", "Wed 2027-06-23 15:30", "Thu 2027-06-24 08:00"],
            },
        ),
        (
            "jul",
            {
                "foraldrar": ["Tue 2027-12-14 16:30", "Fri 2027-12-17 16:30", "Thu 2027-12-23 08:00"],
                "syskon": ["Sun 2027-12-19 15:30", "Wed 2027-12-22 15:30", "Thu 2027-12-23 08:00"],
            },
        ),
        (
            "nyar",
            {
                "foraldrar": ["Mon 2027-12-27 16:30", "Fri 2027-12-31 08:00"],
                "syskon": ["Tue 2027-12-28 15:30", "Wed 2027-12-29 15:30", "Fri 2027-12-31 08:00"],
            },
        ),
    ],
)
def test_the_posts_of_2027(catalog: Catalog, aneby: Municipality, name: str, expected: dict[str, list[str]]) -> None:
    steps = [item for item in shipped(catalog, aneby).steps if item.campaign == name]

    for audience in ALL:
        days = [due(item) for item in steps if item.audience == audience]
        assert days == expected["foraldrar" if audience == "foraldrar" else "syskon"]


def test_no_shipped_step_is_sent_in_quiet_hours_or_after_its_last_time(catalog: Catalog, aneby: Municipality) -> None:
    steps = shipped(catalog, aneby, years=range(2024, 2076)).steps

    assert len(steps) > 52 * 50
    for item in steps:
        assert not is_quiet(item.due_at, STOCKHOLM)
        assert item.due_at < item.not_after


def test_everything_for_young_people_comes_when_they_buy(catalog: Catalog, aneby: Municipality) -> None:
    """Buying happens one to three days before; the last call to young people is never earlier than that."""
    for name in ("valborg", "midsommar", "jul", "nyar"):
        late = [
            item
            for item in shipped(catalog, aneby).steps
            if item.campaign == name and item.audience == "unga-vuxna" and -3 <= item.step.offset_days <= -1
        ]
        assert late, name
