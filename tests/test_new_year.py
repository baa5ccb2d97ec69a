"""A new year starts from the one before: last year's words, nobody's signature, and everything to be looked at told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from campaigns import activities, extras, step_changes, texts
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.errors import RefusedError
from campaigns.localtime import chosen
from campaigns.models import ActivityRow, Post, PostState
from campaigns.new_year import Begun, begin_year
from campaigns.overviews.new_year import NewYear, YearText, new_year
from campaigns.post_sources import texts_of
from campaigns.sending import delivery
from tests.fakes import MESSAGES, Clock, FakeChannel, Town
from tests.sites import TEXT

pytestmark = pytest.mark.longer

VECKAN = "valborg/2027/valborg/veckan/foraldrar"
NEXT = "valborg/2028/valborg/veckan/foraldrar"
NOVEMBER = datetime(2027, 11, 15, 9, 0, tzinfo=UTC)


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    """Valborg 2027 with a text of our own that went out, an added post and an added activity; now it is November."""
    town = Town(database, catalog, Clock())
    town.plan()
    write(town, VECKAN, "Prata hemma")
    town.sign(VECKAN)
    aneby = catalog.municipality("aneby")
    with database.write() as session:
        [post] = extras.add_extra_post(
            session,
            catalog,
            aneby,
            campaign="valborg",
            occurrence=town.post(VECKAN).occurrence,
            audiences=["foraldrar"],
            title="Busskort hem",
            channels=["webb"],
            due=chosen("2027-04-29 16:00", aneby.zone),
            last=None,
            name="Sam",
            now=town.clock.at,
        )
        extra = post.key.removeprefix("aneby/")
        activities.add_extra_activity(
            session,
            catalog,
            aneby,
            campaign="valborg",
            occurrence=town.post(VECKAN).occurrence,
            title="Korvgrillning",
            day=date(2027, 4, 30),
            responsible="Föreningen",
            description="Vid brasan.",
            name="Sam",
            now=town.clock.at,
        )
        step_changes.skip_step(
            session,
            catalog,
            MESSAGES,
            aneby,
            [town_post(town, "valborg/2027/valborg/paminnelse/syskon")],
            reason="För tätt",
            name="Sam",
            now=town.clock.at,
        )
    write(town, extra, "Ta bussen")
    town.clock.at = town.post(VECKAN).due_at
    delivery.send_due(town.sender(*(FakeChannel(kind) for kind in ("webb", "manuell"))), catalog, local=True)
    town.clock.at = NOVEMBER
    town.plan()
    return town


def town_post(town: Town, key: str) -> int:
    return town.post(key).id or 0


def write(town: Town, key: str, title: str) -> None:
    with town.database.write() as session:
        texts.write_text(
            session,
            town.catalog,
            town.post(key).id or 0,
            language="sv",
            channel="",
            source=TEXT.format(title=title, short="Kort.", body="Fråga hemma."),
            author="Kim Kommun",
            now=town.clock.at,
        )


def begin(town: Town, *, keys: set[str] | None = None, year: int = 2028) -> Begun:
    every = {item.key for item in look(town, year=year).additions}
    with town.database.write() as session:
        return begin_year(
            session,
            town.catalog,
            town.catalog.municipality("aneby"),
            year,
            keys=every if keys is None else keys,
            name="Sam Samordnare",
            now=town.clock.at,
        )


def look(town: Town, *, year: int = 2028) -> NewYear:
    with town.database.read() as session:
        return new_year(session, town.catalog, MESSAGES, town.catalog.municipality("aneby"), year, now=town.clock.at)


def text_of(town: Town, key: str) -> YearText:
    return next(item for item in look(town).every_text if item.post_id == town.post(key).id)


def everything(town: Town) -> dict[str, list[Any]]:
    """Every row of every table."""
    with town.database.read() as session:
        return {
            table.name: sorted(map(repr, session.execute(select(table)))) for table in SQLModel.metadata.sorted_tables
        }


def test_next_years_post_is_a_draft_with_this_years_words_and_nobodys_signature(town: Town) -> None:
    post = town.post(NEXT)
    with town.database.read() as session:
        source = texts_of(session, town.catalog, MESSAGES, post).used_in("webb", "sv")

    assert source.title == "Prata hemma"
    assert (post.state, post.digest) == (PostState.DRAFT, None)
    found = text_of(town, NEXT)
    assert (found.origin, found.is_written, found.signed) == ("Förra gångens text, skriven av Kim Kommun", False, 0)
    assert look(town).signed == 0


def test_what_is_written_for_the_new_year_is_shown_against_the_year_before(town: Town) -> None:
    write(town, NEXT, "Prata mer hemma")

    found = text_of(town, NEXT)

    assert (found.origin, found.is_written) == ("Skriven för i år", True)
    [change] = found.changes
    assert [(part.kind, part.text) for part in change.parts if part.kind != "same"] == [("added", "mer ")]


def test_the_dates_that_schools_decide_and_the_facts_that_run_out_are_asked_for(town: Town) -> None:
    found = look(town)

    missing = {(item.name, item.place) for item in found.dates if not item.is_confirmed}
    assert ("Skolavslutning", "Furulidsskolan, Aneby") in missing
    assert len(missing) == found.undated == 6
    assert all(item.path.startswith("/kommun/aneby/kampanjer/") for item in found.dates if not item.is_confirmed)
    facts = {item.fact.id: item.why for item in found.facts}
    assert facts["langning_straff"] == "Gäller till och med fredag 31 december 2027."
    assert found.promises == []


def test_what_was_added_is_carried_over_as_far_from_the_new_day_as_from_the_old(town: Town) -> None:
    begun = begin(town)

    assert [item.name for item in begun.carried] == ["Busskort hem (föräldrar)", "Korvgrillning"]
    assert begun.refused == ()
    with town.database.read() as session:
        [post] = session.execute(
            select(Post).where(Post.is_extra, Post.occurrence == town.post(NEXT).occurrence)  # type: ignore[arg-type]
        ).scalars()
        [activity] = session.execute(
            select(ActivityRow).where(ActivityRow.occurrence == town.post(NEXT).occurrence)  # type: ignore[arg-type]
        ).scalars()
        source = texts_of(session, town.catalog, MESSAGES, post).used_in("webb", "sv")
    assert (post.due_at, post.state, post.digest) == (datetime(2028, 4, 29, 14, tzinfo=UTC), PostState.DRAFT, None)
    assert source.title == "Ta bussen"
    assert (activity.day, activity.responsible, activity.outcome) == (date(2028, 4, 30), "Föreningen", "")
    assert look(town).additions == []


def test_beginning_twice_changes_nothing_at_all(town: Town) -> None:
    keys = {item.key for item in look(town).additions}
    begin(town, keys=keys)
    town.plan()
    before = everything(town)

    again = begin(town, keys=keys)
    town.plan(town.catalog)
    town.plan()

    after = everything(town)
    assert again == Begun((), ())
    assert {name for name in before if name != "revision" and before[name] != after[name]} == set()


def test_only_what_was_chosen_comes_along_and_the_rest_can_come_later(town: Town) -> None:
    first, second = look(town).additions

    begin(town, keys={first.key})
    assert [item.key for item in look(town).additions] == [second.key]

    assert [item.key for item in begin(town, keys={first.key, second.key}).carried] == [second.key]


def test_what_was_decided_about_single_steps_is_told_and_not_done_again(town: Town) -> None:
    assert look(town).moved == ["Valborg utan langning: Påminnelse samma dag (syskon) utelämnades: För tätt"]
    assert town.post("valborg/2028/valborg/paminnelse/syskon").state == PostState.DRAFT


@pytest.mark.parametrize("year", [2026, 2029])
def test_only_this_year_and_the_next_can_be_begun(town: Town, year: int) -> None:
    with pytest.raises(RefusedError, match="Välj 2027 eller 2028"):
        begin(town, keys=set(), year=year)
