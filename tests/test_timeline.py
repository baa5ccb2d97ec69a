"""A campaign's year as a line of time: what stands where, in which words, beside the year before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from campaigns.activities import Outcome, Told, tell_activity
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.errors import NotFoundError
from campaigns.extras import add_extra_post
from campaigns.localtime import chosen
from campaigns.models import PostState
from campaigns.occurrences import ExtraDate
from campaigns.overviews.anchors import anchor, day_name
from campaigns.overviews.campaign_list import ListedCampaign, campaign_list
from campaigns.overviews.timeline import CampaignYear, campaign_year
from campaigns.overviews.timeline_posts import ShownPost
from campaigns.overviews.timeline_work import Row
from campaigns.step_changes import move_step, skip_step
from tests.builders import STOCKHOLM, day
from tests.sites import Place, planned

pytestmark = pytest.mark.pages

WEEK = "valborg/2027/valborg/veckan/foraldrar"
REMINDER = "valborg/2027/valborg/paminnelse/foraldrar"


@pytest.fixture
def place(database: Database) -> Place:
    """Aneby on Mon 2027-04-12 at 09.00; valborg is Fri 2027-04-30."""
    return planned(Place(database))


def year(place: Place, campaign: str = "valborg", number: int = 2027) -> CampaignYear:
    with place.database.read() as session:
        catalog = place.town.catalog
        return campaign_year(session, catalog, catalog.municipality("aneby"), campaign, number, now=place.clock.at)


def listed(place: Place) -> list[ListedCampaign]:
    with place.database.read() as session:
        catalog = place.town.catalog
        return campaign_list(session, catalog, catalog.municipality("aneby"), now=place.clock.at)


def line(found: CampaignYear, name: str) -> Row:
    [row] = [row for row in found.rows if row.name == name]
    return row


def post(found: CampaignYear, name: str, audience: str = "Föräldrar") -> ShownPost:
    [item] = [item for item in line(found, name).posts if item.audience == audience]
    return item


def act(place: Place, use: Any, key: str, **given: Any) -> None:
    with place.database.write() as session:
        catalog = place.town.catalog
        use(
            session,
            catalog,
            place.town.messages,
            catalog.municipality("aneby"),
            [place.town.post(key).id],
            name="Sam Samordnare",
            now=place.clock.at,
            **given,
        )


@pytest.mark.parametrize(
    ("days", "when", "told"),
    [
        (-10, "Fri 2027-06-25", "10 dagar före midsommarafton, fredag 25 juni 2027"),
        (-1, "Fri 2027-06-25", "dagen före midsommarafton, fredag 25 juni 2027"),
        (0, "Fri 2026-06-19", "samma dag som midsommarafton, fredag 19 juni 2026"),
        (1, "Fri 2026-06-19", "dagen efter midsommarafton, fredag 19 juni 2026"),
        (14, "Fri 2026-06-19", "14 dagar efter midsommarafton, fredag 19 juni 2026"),
        (-2, "Tue 2028-02-29", "2 dagar före midsommarafton, tisdag 29 februari 2028"),
    ],
)
def test_the_anchor_is_told_in_words(days: int, when: str, told: str) -> None:
    assert anchor(days, "midsommarafton", day(when)) == told


def test_an_anchor_without_a_day_says_so() -> None:
    assert anchor(-14, "studentdagen", None) == "14 dagar före studentdagen, som inte har något datum än"


@pytest.mark.parametrize(
    ("name", "own", "told"),
    [
        ("Midsommar", "midsommarafton", "midsommarafton"),
        ("Lucia", "", "lucia"),
        ("Kristi himmelsfärd", "Kristi himmelsfärds dag", "Kristi himmelsfärds dag"),
    ],
)
def test_a_day_is_called_what_the_files_say_or_its_risk_dates_name(name: str, own: str, told: str) -> None:
    assert day_name(name, own) == told


def test_every_shipped_day_has_a_name_that_can_stand_in_a_sentence(catalog: Catalog) -> None:
    told = {key: day_name(item.name, item.day_name) for key, item in catalog.risk_dates.items()}

    assert told["valborg"] == "valborgsmässoafton"
    assert told["student"] == "studentdagen"
    assert all(name.islower() or name.startswith("Kristi ") for name in told.values())


def test_a_step_tells_when_how_far_from_the_day_and_its_last_time(place: Place) -> None:
    row = line(year(place), "Veckan före till föräldrar")

    assert row.when == "Fredag 23 april 2027 kl. 16.30"
    assert row.anchor == "7 dagar före valborgsmässoafton, fredag 30 april 2027"
    assert row.last == "sön 25 apr 2027 kl. 20.00"
    assert (row.input_time, row.input_last) == ("2027-04-23T16:30", "2027-04-25T20:00")


def test_the_lines_are_in_the_order_of_time_with_today_between(place: Place) -> None:
    rows = year(place).rows

    assert [row.day for row in rows] == sorted(row.day for row in rows)
    number = next(index for index, row in enumerate(rows) if row.kind == "today")
    assert rows[number].day == day("Mon 2027-04-12")
    assert all(row.is_past for row in rows[:number])
    assert not any(row.is_past for row in rows[number:])
    assert {row.kind for row in rows} == {"today", "deadline", "activity", "step"}
    assert [name for name, _ in year(place).months] == ["mars 2027", "april 2027", "maj 2027"]


def test_today_is_not_marked_far_from_the_campaign(place: Place) -> None:
    assert not [row for row in year(place, "jul").rows if row.kind == "today"]


def test_a_step_to_several_audiences_is_one_line(place: Place) -> None:
    row = line(year(place), "Inför, till syskon och unga vuxna")

    assert [item.audience for item in row.posts] == ["Syskon", "Unga vuxna"]


def test_who_has_signed_and_whose_signature_is_wanting(place: Place) -> None:
    place.write(WEEK)
    place.town.approve(WEEK, "kommun", "Kim Kommun")

    first, second = post(year(place), "Veckan före till föräldrar").signatures

    assert (first.party, first.name, first.when) == ("Aneby kommun", "Kim Kommun", "mån 12 apr 2027 kl. 09.00")
    assert (second.name, second.when) == ("", "")


def test_where_a_post_stands_in_each_channel(place: Place) -> None:
    before = post(year(place), "Veckan före till föräldrar")
    assert (before.state, before.state_name) == ("draft", "Utkast")
    assert [item.word for item in before.channels] == ["", ""]
    assert before.is_signable

    place.publish(WEEK)

    after = post(year(place), "Veckan före till föräldrar")
    assert {item.name: item.word for item in after.channels} == {
        "Webbsidan": "Publicerad",
        "Sociala medier": "Manuell uppgift",
    }
    assert after.channels[0].url.startswith("https://")
    assert (after.state, after.state_name) == ("manual", "Manuell uppgift")
    assert (after.is_signable, after.can_move, after.can_skip) == (False, False, False)


def test_a_moved_step_says_by_whom_and_what_its_recipe_says(place: Place) -> None:
    act(place, move_step, WEEK, to=chosen("2027-04-22 18:00", STOCKHOLM))

    found = year(place)

    assert line(found, "Veckan före till föräldrar").anchor.startswith("8 dagar före")
    assert post(found, "Veckan före till föräldrar").moved == (
        "Flyttat av Sam Samordnare mån 12 apr 2027 kl. 09.00. Receptet säger 7 dagar före, kl. 16.30."
    )


def test_one_audience_that_is_moved_stands_on_a_line_of_its_own(place: Place) -> None:
    act(place, move_step, "valborg/2027/valborg/infor/syskon", to=chosen("2027-04-24 12:00", STOCKHOLM))

    rows = [row for row in year(place).rows if row.name == "Inför, till syskon och unga vuxna"]

    assert [[item.audience for item in row.posts] for row in rows] == [["Syskon"], ["Unga vuxna"]]


def test_what_is_left_out_stays_on_the_line_with_its_reason(place: Place) -> None:
    act(place, skip_step, WEEK, reason="Skolan skriver själv.")

    item = post(year(place), "Veckan före till föräldrar")

    assert (item.state_name, item.reason) == ("Utelämnat", "Utelämnat av Sam Samordnare: Skolan skriver själv.")
    assert item.can_restore
    assert not item.can_move
    assert year(place).count("skipped") == 1


def test_schools_without_a_date_share_a_line_and_nothing_is_told_as_their_day(place: Place) -> None:
    found = year(place, "student")
    row = line(found, "Veckan före till föräldrar")

    assert row.when == "Tidigast måndag 24 maj 2027"
    assert row.last == ""
    assert "som inte har något datum än" in row.anchor
    [item] = row.posts
    assert len(item.ids) == len(found.occurrences) > 2
    assert item.state_name == "Väntar på datum"
    assert not item.can_move
    assert item.can_skip


def test_schools_with_the_same_day_share_a_line_and_others_have_their_own(place: Place) -> None:
    place.town.set_date("2027-06-11", place="holaveden")
    place.town.set_date("2027-06-11", place="eksjo")
    place.town.set_date("2027-06-09", place="nassjo")

    rows = [row for row in year(place, "student").rows if row.name == "Veckan före till föräldrar" and row.has_day]

    assert [row.day for row in rows] == [day("Wed 2027-06-02"), day("Fri 2027-06-04")]
    assert rows[1].posts[0].places.count(";") == 1


def test_last_year_stands_beside_this_year(database: Database) -> None:
    place = planned(Place(database), at=datetime(2026, 4, 6, 7, 0, tzinfo=UTC))  # Mon
    place.publish(WEEK.replace("2027", "2026"), title="En vecka till valborg")
    planned(place, at=datetime(2027, 4, 12, 7, 0, tzinfo=UTC))

    found = year(place)

    told = post(found, "Veckan före till föräldrar").last_year
    assert (told.when, told.title) == ("Gick ut tor 23 apr 2026 kl. 16.30", "En vecka till valborg")
    assert post(found, "Tidigt till föräldrar").last_year.when == "Gick inte ut"
    assert post(year(place, number=2026), "Veckan före till föräldrar").last_year.when == "Ingen uppgift"


def test_last_year_is_told_of_a_school_that_shared_anothers_post(database: Database) -> None:
    place = planned(Place(database), at=datetime(2026, 4, 6, 7, 0, tzinfo=UTC))
    for school in ("eksjo", "holaveden"):
        place.town.set_date("2026-06-05", place=school)
    place.publish("student/2026/student.eksjo/veckan/foraldrar", title="Snart student")
    planned(place, at=datetime(2027, 4, 12, 7, 0, tzinfo=UTC))
    place.town.set_date("2027-06-11", place="holaveden")

    [row] = [row for row in year(place, "student").rows if row.name == "Veckan före till föräldrar" and row.has_day]

    assert row.posts[0].last_year.title == "Snart student"


def test_what_meets_the_same_audience_the_same_day_is_told_at_both(place: Place) -> None:
    with place.database.write() as session:
        catalog = place.town.catalog
        add_extra_post(
            session,
            catalog,
            catalog.municipality("aneby"),
            campaign="valborg",
            occurrence="aneby/valborg/2027/-",
            audiences=["foraldrar"],
            title="Vid torget",
            channels=["webb"],
            due=chosen("2027-04-30 12:00", STOCKHOLM),
            last=None,
            name="Kim Kommun",
            now=place.clock.at,
        )

    found = year(place)

    assert post(found, "Vid torget").clashes == (
        "Samma dag går också ”Valborg utan langning: Påminnelse samma dag, till föräldrar” ut i Webbsidan.",
    )
    assert (
        "”Valborg utan langning: Vid torget, till föräldrar” ut i Webbsidan"
        in post(found, "Påminnelse samma dag").clashes[0]
    )
    assert line(found, "Vid torget").is_extra
    assert post(found, "Vid torget").last_year.when == "Ingen uppgift"


def test_a_clash_between_campaigns_is_told_with_its_proposal(place: Place) -> None:
    market = ExtraDate("marknad", "Marknaden", *(day("Fri 2027-05-07"),) * 3, "valborg")
    aneby = replace(place.town.catalog.municipality("aneby"), extra_dates=(market,))
    place.town.plan(replace(place.town.catalog, municipalities={"aneby": aneby}))

    [row] = [row for row in year(place).rows if row.name == "Påminnelse samma dag" and "marknaden" not in row.anchor]
    told = row.posts[0].clashes
    assert len(told) == 1
    assert "Veckan före till föräldrar" in told[0]
    assert "Flytta ”Marknaden: Veckan före till föräldrar” till torsdag 29 april 2027" in told[0]


def test_an_activity_tells_what_became_of_it(place: Place) -> None:
    place.clock.at = datetime(2027, 5, 2, 9, 0, tzinfo=UTC)
    with place.database.write() as session:
        tell_activity(
            session,
            place.town.catalog,
            place.town.catalog.municipality("aneby"),
            "valborg/aneby/valborg/2027/-/nattvandring",
            told=Told(Outcome.DONE, "Lugnt.", 14),
            name="Kim Kommun",
            now=place.clock.at,
        )

    [item] = line(year(place), "Nattvandring").activities

    assert (item.outcome, item.number, item.note) == ("done", 14, "Lugnt.")
    assert item.told == "Kim Kommun, sön 2 maj 2027 kl. 11.00"


def test_a_year_that_is_not_planned_is_not_there(place: Place) -> None:
    assert year(place).years == (2026, 2027, 2028)
    with pytest.raises(NotFoundError, match="är inte planerad 2031"):
        year(place, number=2031)
    with pytest.raises(NotFoundError, match="Menade du ”valborg”"):
        year(place, "valborgs")


def test_the_list_begins_with_the_next_campaign_and_counts_its_posts(place: Place) -> None:
    place.write(WEEK)
    place.town.sign(WEEK)

    first, *others = listed(place)

    assert (first.id, first.year, first.left) == ("valborg", 2027, "om 18 dagar")
    assert [item.days for item in first.days] == ["fredag 30 april 2027"]
    assert (first.waiting, first.approved, first.out, first.missed) == (8, 1, 0, 0)
    assert first.next_step == "Tidigt till föräldrar, fre 16 apr 2027 kl. 16.30"
    student = next(item for item in others if item.id == "student")
    assert (student.left, student.waiting) == ("inget datum än", 0)
    assert student.undated > 0


def test_the_list_goes_on_to_next_year_when_the_day_has_been(place: Place) -> None:
    planned(place, at=datetime(2027, 5, 2, 9, 0, tzinfo=UTC))

    valborg = next(item for item in listed(place) if item.id == "valborg")

    assert (valborg.year, valborg.day) == (2028, date(2028, 4, 30))
    assert place.town.post(WEEK).state == PostState.DRAFT
