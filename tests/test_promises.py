"""Promises: two years from signing, other words from a day on, and one that takes over from another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from campaigns.catalog import Catalog
from campaigns.drafts import promises_kept
from campaigns.errors import ConfigurationError
from campaigns.promises import Revision, answered_by, last_day_from, taken_over
from campaigns.reading import load
from tests.builders import make_promise
from tests.conftest import CHANNEL_KINDS
from tests.sites import copied_config

Write = Callable[[str], Catalog]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """The shipped configuration with more in its file of promises."""

    def read(more: str) -> Catalog:
        def change(folder: Path) -> None:
            file = folder / "promises.toml"
            file.write_text(f"{file.read_text(encoding='utf-8')}\n{more}\n", encoding="utf-8")

        return load(copied_config(tmp_path, change), channel_kinds=CHANNEL_KINDS)

    return read


@pytest.mark.parametrize(
    ("signed_on", "last_day"),
    [
        (date(2025, 1, 1), date(2026, 12, 31)),
        (date(2025, 2, 3), date(2027, 2, 2)),
        (date(2024, 2, 29), date(2026, 2, 28)),
        (date(2026, 3, 1), date(2028, 2, 29)),
    ],
)
def test_a_promise_holds_for_two_years_from_the_day_it_was_signed(signed_on: date, last_day: date) -> None:
    assert last_day_from(signed_on) == last_day


def test_the_day_of_signing_gives_the_period(write: Write) -> None:
    promise = write('[ny]\ntext = "Nytt."\nsigned_on = 2027-01-20\nsource = "Avtal"').promises["ny"]

    assert (promise.first_day, promise.last_day, promise.signed_on) == (
        date(2027, 1, 20),
        date(2029, 1, 19),
        date(2027, 1, 20),
    )


def test_a_revised_promise_says_one_thing_before_and_another_after(write: Write) -> None:
    catalog = write(
        '[ny]\ntext = "Förr."\nactivity = "Så."\nsigned_on = 2027-01-20\nsource = "Avtal"\n'
        '[[ny.revisions]]\nfirst_day = 2028-01-01\ntext = "Nu."\nreason = "Ny lägesbild"'
    )
    promise = catalog.promises["ny"]

    assert promise.wording(date(2027, 12, 31)).text == "Förr."
    assert promise.wording(date(2028, 1, 1)).text == "Nu."
    assert [(item.first_day, item.last_day, item.reason) for item in promise.wordings] == [
        (date(2027, 1, 20), date(2027, 12, 31), ""),
        (date(2028, 1, 1), date(2029, 1, 19), "Ny lägesbild"),
    ]


def test_a_successor_starts_from_what_the_promise_said_in_the_end(write: Write) -> None:
    catalog = write(
        '[[trygghet.revisions]]\nfirst_day = 2026-05-01\ntext = "Tryggt."\n'
        '[trygghet-2027]\nsucceeds = "trygghet"\nsigned_on = 2027-01-20\nsource = "Avtal"'
    )
    found, before = catalog.promises["trygghet-2027"], catalog.promises["trygghet"]

    assert found.text == "Tryggt."
    assert (found.municipalities, found.parties) == (before.municipalities, before.parties)
    assert found.parties == ("Aneby kommun", "Lokalpolisområde Höglandet")


def test_a_successor_keeps_its_own_words() -> None:
    before = make_promise()
    after = replace(make_promise("nytt", text="Egna ord."), succeeds=before.id, first_day=date(2027, 1, 1))
    assert taken_over({item.id: item for item in (after, before)})["nytt"].text == "Egna ord."


def test_what_answered_to_a_promise_answers_to_its_successors() -> None:
    first = make_promise("ett")
    second = replace(make_promise("två"), succeeds="ett")
    third = replace(make_promise("tre"), succeeds="två")
    other = make_promise("annat")
    every = {item.id: item for item in (other, third, second, first)}

    assert [item.id for item in answered_by(every, ["ett"])] == ["ett", "två", "tre"]
    assert [item.id for item in answered_by(every, ["två", "annat"])] == ["två", "annat", "tre"]


def test_texts_name_the_words_of_the_day_that_they_go_out(catalog: Catalog) -> None:
    aneby, campaign = catalog.municipality("aneby"), catalog.campaign("valborg")
    old = replace(catalog.promises["langning"], revisions=(Revision(date(2026, 1, 1), "Nya ord.", ""),))
    new = replace(old, id="nytt", succeeds="langning", first_day=date(2027, 1, 1), last_day=date(2028, 12, 31))
    changed = replace(catalog, promises={**catalog.promises, "langning": old, "nytt": new})
    town = replace(aneby, promises=(*aneby.promises, "nytt"))

    assert [item.id for item in promises_kept(changed, town, campaign, date(2026, 4, 1))] == ["langning"]
    assert [item.id for item in promises_kept(changed, town, campaign, date(2027, 4, 1))] == ["nytt"]
    assert [item.id for item in promises_kept(changed, aneby, campaign, date(2027, 4, 1))] == []


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ('[ny]\nsigned_on = 2027-01-20\nsource = "Avtal"', "text saknas och måste finnas"),
        ('[ny]\ntext = "Nytt."\nsource = "Avtal"', "ska ha signed_on"),
        ('[ny]\ntext = "Nytt."\nfirst_day = 2027-01-20\nsource = "Avtal"', "ska ha signed_on"),
        (
            '[ny]\nsucceeds = "langning"\nsigned_on = 2026-12-31\nsource = "Avtal"',
            "ny.succeeds: löftet börjar innan ”langning” är slut",
        ),
        ('[ny]\nsucceeds = "langnig"\nsigned_on = 2027-01-20\nsource = "Avtal"', "Menade du ”langning”"),
        (
            '[[trygghet.revisions]]\nfirst_day = 2025-01-01\ntext = "Nu."',
            "trygghet.revisions.1.first_day: ska ligga inom löftets period",
        ),
        ('[[trygghet.revisions]]\nfirst_day = 2027-01-01\ntext = "Nu."', "ska ligga inom löftets period"),
        ('[[trygghet.revisions]]\nfirst_day = 2026-01-01\ntext = " "', "trygghet.revisions.1.text"),
    ],
)
def test_what_is_wrong_with_a_promise_is_told_with_its_place(write: Write, more: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=r"promises\.toml") as refused:
        write(more)
    assert fault in refused.value.message
