"""What needs a person: the right words, with the command for each."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlmodel import col, update

from campaigns import approval
from campaigns.database import Database
from campaigns.facts import confirm_fact
from campaigns.models import Delivery, DeliveryState
from campaigns.overviews.today import today
from campaigns.people.roles import Roles
from tests.sites import Place, copied_config, planned

pytestmark = pytest.mark.pages

INFOR = "valborg/2027/valborg/infor/syskon"
EARLY = "valborg/2027/valborg/tidigt/foraldrar"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def told(place: Place) -> str:
    """All that needs a person in Aneby today, with the commands for it."""
    parts = place.parts
    with place.database.read() as session:
        found = today(
            session,
            parts.catalog,
            parts.catalog.municipality("aneby"),
            roles=Roles(is_editor=True, is_administrator=True, parties=("kommun", "polis")),
            name="Ny Person",
            messages=parts.messages,
            problems=parts.configuration.problems,
            now=place.clock.at,
        )
    return " ".join(f"{item.label} {item.text} {' '.join(item.commands)}" for item in (*found.mine, *found.others))


def test_a_rejected_text_is_to_be_put_right_and_the_reason_is_told(place: Place) -> None:
    number = place.town.post(EARLY).id
    assert number is not None
    with place.database.write() as session:
        approval.reject(
            session,
            place.parts.catalog,
            number,
            party="polis",
            name="Pia Polis",
            reason="Fel ålder <b>i andra stycket</b>.",
            now=place.clock.at,
        )
    rejected = told(place)
    place.write(EARLY)
    mended = told(place)

    why = "Avslaget av Pia Polis, Lokalpolisområde Höglandet: Fel ålder <b>i andra stycket</b>."
    assert (
        f"Rätta texten Valborg utan langning, tidigt till föräldrar ska ut fre 16 apr 2027 kl. 16.30. {why}" in rejected
    )
    assert f"kampanjhjul text {number} min-text.md --as" in rejected
    assert "8 budskap ska godkännas inom fyra veckor." in rejected  # the ninth waits for a new text
    assert "Rätta texten" not in mended
    assert "Fel ålder" not in mended


def test_what_needs_a_person_is_told_with_the_command_for_it(place: Place) -> None:
    place.publish(INFOR)
    with place.database.write() as session:
        session.execute(
            update(Delivery)
            .where(col(Delivery.channel) == "skarm")
            .values(state=DeliveryState.FAILED, reason="Skärmen svarade inte.", changed_at=place.clock.at)
        )
    numbers = {item.channel: item.id for item in place.town.deliveries()}

    text = told(place)

    assert "Manuell uppgift Sociala medier: Valborg utan langning, inför, till syskon och unga vuxna (syskon)" in text
    assert f"kampanjhjul done {numbers['sociala-medier']} --as" in text
    assert "Misslyckad Skärmar:" in text
    assert "Skärmen svarade inte." in text
    assert f"kampanjhjul retry {numbers['skarm']} --as" in text
    assert "Bekräfta datum Studenten (" in text
    assert "kampanjhjul dates set aneby student 2027-MM-DD --place holaveden --as" in text


def test_unsigned_posts_are_called_for_together_until_it_is_urgent(place: Place) -> None:
    number = place.town.post(EARLY).id
    in_time = told(place)
    place.clock.at = datetime(2027, 4, 15, 8, 0, tzinfo=UTC)
    urgent = told(place)

    what = "Valborg utan langning, tidigt till föräldrar"
    assert f"9 budskap ska godkännas inom fyra veckor. Först ut, fre 16 apr 2027 kl. 16.30: {what}." in in_time
    assert f"kampanjhjul posts {number}" in in_time
    assert (
        f"Godkänn {what} ska ut fre 16 apr 2027 kl. 16.30. Väntar på Aneby kommun och Lokalpolisområde Höglandet."
    ) in urgent
    assert "8 budskap ska godkännas inom fyra veckor." in urgent


def test_an_unsigned_post_that_was_too_late_is_said_loudly(place: Place) -> None:
    place.clock.at = place.town.post(EARLY).not_after

    text = told(place)

    assert "Missat Valborg utan langning, tidigt till föräldrar var inte godkänt i tid" in text


def test_a_fact_that_stops_the_coming_texts_is_named_until_somebody_confirms_it(place: Place) -> None:
    planned(place, at=datetime(2028, 4, 10, 8, 0, tzinfo=UTC))
    before = told(place)
    with place.database.write() as session:
        confirm_fact(
            session,
            place.parts.catalog,
            "langning_lag",
            name="Kim Kommun",
            valid_until=date(2028, 12, 31),
            now=place.clock.at,
        )
    after = told(place)

    assert "kampanjhjul facts confirm langning_lag --as" in before
    assert "kampanjhjul facts confirm langning_lag --as" not in after


def test_broken_configuration_is_told_where_people_look(database: Database, tmp_path: Path) -> None:
    place = planned(Place(database, config=copied_config(tmp_path, lambda folder: None)))
    told(place)
    (place.config / "audiences.toml").write_text("[foraldrar\n", encoding="utf-8")
    place.parts.configuration.reread()

    text = told(place)

    assert "Inställningar audiences.toml:" in text
    assert "9 budskap ska godkännas inom fyra veckor." in text  # the last good settings still hold
