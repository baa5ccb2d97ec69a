"""A text that is being written, shown as it would go out in every channel. Nothing is saved, and nothing leaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlmodel import select

from campaigns import text_versions
from campaigns.catalog import Catalog, ChannelConfig
from campaigns.content import Fields
from campaigns.database import Database
from campaigns.drafts import render_post
from campaigns.facts import facts_at
from campaigns.models import PostText
from campaigns.overviews import texts as overview
from campaigns.overviews.text_cards import Card, Shown
from campaigns.overviews.texts import Where
from tests.builders import make_channel
from tests.fakes import MESSAGES, Clock, Town

pytestmark = pytest.mark.pages

INFOR = "valborg/2027/valborg/infor/syskon"
EVERY_KIND = ("webb", "skarm", "manuell", "wordpress", "facebook", "instagram", "bluesky", "teams", "sms", "smtp")
FIELDS = Fields("Säg nej", "Kort – sagt den {{ datum }}.", "Köp **inte** ut till {{ malgrupp }}.", link="https://iq.se")


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    return with_channels(database, catalog, [make_channel(kind) for kind in EVERY_KIND])


def with_channels(database: Database, catalog: Catalog, channels: Sequence[ChannelConfig]) -> Town:
    """Aneby with these channels, all of them in the step that is tested."""
    languages = tuple(dict.fromkeys(language for channel in channels for language in channel.languages))
    aneby = replace(catalog.municipality("aneby"), channels=tuple(channels), languages=languages)
    valborg = catalog.campaign("valborg")
    ids = tuple(channel.id for channel in channels)
    steps = tuple(replace(step, channels=ids if step.id == "infor" else step.channels) for step in valborg.steps)
    own = replace(
        catalog,
        municipalities={"aneby": aneby},
        campaigns={**catalog.campaigns, "valborg": replace(valborg, steps=steps)},
        fingerprint="egen",
    )
    town = Town(database, own, Clock())
    town.plan()
    return town


def shown(town: Town, fields: Fields = FIELDS, *, at: Where | None = None) -> Shown:
    with town.database.read() as session:
        return overview.shown_now(
            session, town.catalog, MESSAGES, town.post(INFOR), at or Where(), fields, now=town.clock.at
        )


def card(found: Shown, channel: str) -> Card:
    return next(item for item in (*found.cards, *found.other_cards) if item.channel == channel)


def test_there_is_a_card_for_every_channel_filled_in_as_of_the_day_it_goes_out(town: Town) -> None:
    found = shown(town)

    assert [item.channel for item in found.cards] == list(EVERY_KIND)
    assert {item.content.short for item in found.cards if item.content} == {"Kort – sagt den fredag 30 april."}
    assert card(found, "sms").sms_parts == ["Kort – sagt den fredag 30 april."]
    assert card(found, "instagram").folded == 125
    with town.database.read() as session:
        assert session.exec(select(PostText)).all() == []


def test_what_is_shown_is_to_the_byte_what_is_then_signed(town: Town) -> None:
    before = {item.channel: item.content for item in shown(town).cards}
    with town.database.write() as session:
        text_versions.save(
            session,
            town.catalog,
            MESSAGES,
            town.post(INFOR),
            FIELDS,
            channel="",
            language="sv",
            author="Kim",
            now=town.clock.at,
            begun_from=0,
        )

    with town.database.read() as session:
        facts = facts_at(session, town.catalog)
        draft = render_post(session, town.catalog, MESSAGES, town.post(INFOR), now=town.clock.at, facts=facts)
    assert {piece.channel: piece.content for piece in draft.pieces} == before


def test_each_card_has_its_own_channels_faults_and_what_all_share_is_told_once(town: Town) -> None:
    found = shown(town, replace(FIELDS, link="iq.se"))

    assert [fault.where for fault in found.faults] == ["link"]
    assert [fault.message for fault in card(found, "instagram").faults] == [
        "Kanalen kräver en bild. Lägg till en, med alternativtext."
    ]
    assert card(found, "webb").faults == []


def test_the_counters_are_those_of_the_channels_written_for(town: Town) -> None:
    assert shown(town).counters.title.text == "7 av högst 70 tecken."
    assert shown(town, at=Where("webb")).counters.title.text == "7 av högst 120 tecken."
    assert [(swap.old, swap.new) for swap in shown(town).counters.swaps] == [("–", "-")]


def test_a_text_for_one_channel_leaves_the_others_as_they_are(town: Town) -> None:
    found = shown(town, at=Where("webb"))

    assert [item.channel for item in found.cards] == ["webb"]
    assert [item.channel for item in found.other_cards] == list(EVERY_KIND[1:])
    skarm = card(found, "skarm").content
    assert skarm is not None
    assert skarm.title == "Valborg: du får säga nej till ditt syskon"


def test_the_common_text_does_not_touch_a_channel_that_has_its_own(town: Town) -> None:
    with town.database.write() as session:
        source = '+++\ntitle = "Egen"\nshort = "Egen."\n+++\nEgen.\n'
        row = PostText(
            post_id=town.post(INFOR).id or 0, channel="webb", source=source, author="Kim", created_at=town.clock.at
        )
        session.add(row)

    found = shown(town)

    assert [item.channel for item in found.other_cards] == ["webb"]
    assert "webb" not in [item.channel for item in found.cards]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("{{ komun }}", "Menade du ”kommun”?"),
        ("{% for x in 'aaaa' %}{% endfor %}", "rad 1"),
        ("{{ kommun.__class__.__mro__ }}", "får inte läsas"),
        ("{{ cycler.__init__ }}", "får inte läsas"),
        ("x" * 1_000_000, "Korta den."),
    ],
)
def test_a_text_that_cannot_be_made_says_why_and_takes_no_other_with_it(town: Town, body: str, told: str) -> None:
    found = shown(town, replace(FIELDS, body=body), at=Where("webb"))

    assert card(found, "webb").content is None
    assert told in card(found, "webb").fault
    assert all(item.content is not None for item in found.other_cards)
    assert found.counters.body.text == f"{len(body)} tecken som det är skrivet."


def test_a_language_that_nobody_has_written_is_told_of_without_stopping_the_rest(
    database: Database, catalog: Catalog
) -> None:
    town = with_channels(database, catalog, [make_channel("webb", languages=("sv", "en"))])

    found = shown(town)

    assert [(item.language, item.content is not None) for item in found.cards] == [("sv", True)]
    assert [(item.language, item.fault) for item in found.other_cards] == [
        ("en", "Texten på engelska är inte skriven än.")
    ]
