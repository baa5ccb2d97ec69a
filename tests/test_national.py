"""National campaigns: only what may be spread is proposed, by link and in our own words, and what was spread counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from campaigns.catalog import Catalog, Fact, National
from campaigns.content import Content
from campaigns.database import Database
from campaigns.errors import ConfigurationError
from campaigns.faults import FaultCode, faults
from campaigns.links import LinkOutcome
from campaigns.models import LinkCheck
from campaigns.national import Standing, library, proposed
from campaigns.overviews.national import national_page, proposals
from campaigns.reading import load
from tests.conftest import CHANNEL_KINDS
from tests.sites import Place, copied_config, planned

TODAY = date(2027, 4, 12)
OPEN = Fact(
    "rad",
    "kampanj",
    "iq.se",
    "iq.se",
    date(2027, 1, 10),
    date(2027, 12, 31),
    is_confirmed=True,
    national=National("Råd", "IQ", ("foraldrar",), ("valborg",), "https://iq.se"),
)


def standing(fact: Fact, *, day: date = TODAY, dead: tuple[str, ...] = ()) -> Standing:
    [item] = library({fact.id: fact}, day=day, today=TODAY, dead=dead)
    return item.standing


def with_national(**changed: object) -> Fact:
    assert OPEN.national is not None
    return replace(OPEN, national=replace(OPEN.national, **changed))  # type: ignore[arg-type]  # of any field


@pytest.mark.parametrize(
    ("fact", "wanted"),
    [
        (OPEN, Standing.OPEN),
        (replace(OPEN, is_confirmed=False), Standing.UNCONFIRMED),
        (replace(OPEN, valid_until=date(2027, 4, 11)), Standing.OVER),
        (with_national(valid_from=date(2027, 4, 13)), Standing.COMING),
        (with_national(valid_from=TODAY), Standing.OPEN),
        (with_national(is_closed=True), Standing.CLOSED),
    ],
)
def test_a_national_campaign_stands_by_its_dates_and_by_what_is_known_of_it(fact: Fact, wanted: Standing) -> None:
    assert standing(fact) is wanted


def test_one_whose_page_is_gone_is_dead(catalog: Catalog) -> None:
    assert standing(OPEN, dead=("https://iq.se",)) is Standing.DEAD


def test_only_what_is_open_and_fits_is_proposed_and_what_must_be_checked_comes_last() -> None:
    every = {
        "obekraftad": replace(OPEN, id="obekraftad", is_confirmed=False),
        "rad": OPEN,
        "alla": replace(with_national(audiences=(), risk_dates=()), id="alla"),
        "stangd": replace(with_national(is_closed=True), id="stangd"),
        "senare": replace(with_national(valid_from=date(2027, 9, 1)), id="senare"),
        "forbi": replace(OPEN, id="forbi", valid_until=date(2027, 4, 1)),
    }
    found = library(every, day=TODAY, today=TODAY)

    def ids(audience: str, risk_date: str) -> list[str]:
        return [item.fact.id for item in proposed(found, audience=audience, risk_date=risk_date)]

    assert ids("foraldrar", "valborg") == ["rad", "alla", "obekraftad"]
    assert ids("syskon", "valborg") == ["alla"]
    assert ids("foraldrar", "jul") == ["alla"]


@pytest.mark.parametrize(
    ("fact", "told"),
    [
        (with_national(is_closed=True), "”Råd” är avslutad. Ta bort den ur texten."),
        (with_national(valid_from=date(2027, 9, 1)), "”Råd” börjar 2027-09-01, och texten går ut före det."),
    ],
)
def test_a_text_that_spreads_what_is_closed_or_has_not_begun_cannot_be_approved(fact: Fact, told: str) -> None:
    found = faults(
        Content("Rubrik", "Kort", "Text"), channel_kind="webb", facts_used=["rad"], facts={"rad": fact}, send_day=TODAY
    )

    [fault] = [item for item in found if item.code is FaultCode.CLOSED_CAMPAIGN]
    assert fault.is_blocking
    assert told in fault.message


def test_the_shipped_library_knows_whose_each_campaign_is_and_proposes_none_that_is_closed(catalog: Catalog) -> None:
    found = library(catalog.facts, day=TODAY, today=TODAY)

    assert {item.fact.id for item in found if item.standing is Standing.CLOSED} == {
        "tank_om",
        "hejda_alkoholskador",
        "syskonband",
    }
    assert all(item.national.owner for item in found)
    for audience in catalog.audiences:
        assert proposed(found, audience=audience, risk_date="valborg"), audience


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('link = "http://iq.se"', "facts.toml: rad.link: ska vara en hel adress som börjar med https://"),
        ('audiences = ["foraldrer"]', "okänd målgrupp ”foraldrer”"),
        ("valid_from = 2028-01-01", "facts.toml: rad.valid_until: ligger före valid_from"),
        ('kind = "nummer"\nowner = "IQ"', "hör till kind = ”kampanj”"),
    ],
)
def test_the_file_is_checked_like_the_others(tmp_path: Path, line: str, told: str) -> None:
    kind = "" if "kind" in line else 'kind = "kampanj"\n'

    def change(folder: Path) -> None:
        file = folder / "facts.toml"
        own = f'\n[rad]\n{kind}{line}\ntext = "iq.se"\nsource = "iq.se"\nchecked_on = 2026-11-23\n'
        file.write_text(
            f"{file.read_text(encoding='utf-8')}{own}valid_until = 2027-12-31\nconfirmed = true\n", encoding="utf-8"
        )

    with pytest.raises(ConfigurationError) as caught:
        load(copied_config(tmp_path, change), channel_kinds=CHANNEL_KINDS)

    assert [str(problem) for problem in caught.value.problems if told in str(problem)]


def test_what_went_out_with_a_campaigns_link_is_counted_as_spread(database: Database) -> None:
    place = planned(Place(database))
    place.publish(
        "valborg/2027/valborg/veckan/foraldrar", body="Läs mer hos [nattvandrarna](https://nattvandring.nu/bli-med)."
    )

    with database.read() as session:
        aneby = place.parts.catalog.municipality("aneby")
        found = {
            each.item.fact.id: each for each in national_page(session, place.parts.catalog, aneby, now=place.clock.at)
        }

    assert (found["nattvandring"].posts, found["nattvandring"].sendings) == (1, 1)
    assert (found["polisen_unga_alkohol"].posts, found["polisen_unga_alkohol"].sendings) == (0, 0)


def test_a_dead_page_is_no_longer_proposed(database: Database) -> None:
    place = planned(Place(database))
    post = place.town.post("valborg/2027/valborg/veckan/foraldrar")
    catalog = place.parts.catalog
    aneby = catalog.municipality("aneby")
    with database.read() as session:
        before = [item.fact.id for item in proposals(session, catalog, aneby, post, now=place.clock.at)]
    with database.write() as session:
        session.add(
            LinkCheck(
                address="https://nattvandring.nu",
                outcome=LinkOutcome.DEAD,
                detail="är död.",
                checked_at=datetime(2027, 4, 11, tzinfo=UTC),
            )
        )

    with database.read() as session:
        after = [item.fact.id for item in proposals(session, catalog, aneby, post, now=place.clock.at)]

    assert set(before) - set(after) == {"nattvandring"}
