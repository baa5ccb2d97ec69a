"""What needs a person, and what goes out next with how it stands: the right words, with the way on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlmodel import col, update

from campaigns import approval
from campaigns.database import Database
from campaigns.facts import confirm_fact
from campaigns.models import Delivery, DeliveryState
from campaigns.web import start
from tests.sites import Place, copied_config, planned

INFOR = "valborg/2027/valborg/infor/syskon"
EARLY = "valborg/2027/valborg/tidigt/foraldrar"


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def told(place: Place) -> str:
    """All that is told of Aneby today, as it is read."""
    with place.database.read() as session:
        today = start.today(session, place.parts, place.parts.catalog.municipality("aneby"), now=place.clock.at)

    def lines() -> Iterator[str]:
        for action in today.actions:
            yield f"{action.label} {action.text} {' '.join(action.commands)}"
        for post in today.posts:
            number = f"Nr {post.id} " if post.how_many == 1 else ""
            audience = f"{post.audience} · " if post.audience else ""
            places = f" · {post.places}" if post.places else ""
            yield f"{post.due[:1].upper()}{post.due[1:]} {number}{post.campaign}: {post.step}"
            yield f"{audience}{post.channels}{places} {today.reasons.get(post.id, '')}"
            yield f"{post.state_name} {'Väntar på ' if post.missing else ''}{' och '.join(post.missing)}"
        for party, name in today.example_names.items():
            yield f'kampanjhjul approve {today.first_post.id if today.first_post else ""} --party {party} --as "{name}"'

    return " ".join(" ".join(lines()).split())


def test_what_goes_out_next_is_told_with_state_and_whose_signature_is_wanting(place: Place) -> None:
    number = place.write(EARLY).id
    place.town.approve(EARLY, "kommun", "Kim Kommun")

    text = told(place)

    assert (
        f"Fre 16 apr 2027 kl. 16.30 Nr {number} Valborg utan langning: Tidigt till föräldrar "
        "Webbsidan, Skolplattformen Utkast Väntar på Lokalpolisområde Höglandet"
    ) in text
    # Two names: followed to the letter, one name for both parties would be refused.
    assert f'kampanjhjul approve {number} --party kommun --as "Ditt Namn"' in text
    assert f'kampanjhjul approve {number} --party polis --as "Namn från Lokalpolisområde Höglandet"' in text


def test_a_signed_post_waits_for_nobody(place: Place) -> None:
    place.write(EARLY)
    place.town.sign(EARLY)

    text = told(place)

    assert "Tidigt till föräldrar Webbsidan, Skolplattformen Godkänt" in text


def test_the_audience_is_told_once_and_always_where_a_step_has_several(place: Place) -> None:
    text = told(place)

    assert "Valborg utan langning: Tidigt till föräldrar Webbsidan, Skolplattformen Utkast" in text
    assert "Valborg utan langning: Inför, till syskon och unga vuxna Syskon · Webbsidan," in text
    assert "Valborg utan langning: Inför, till syskon och unga vuxna Unga vuxna · Webbsidan," in text


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

    why = "Avslaget av Pia Polis, polis: Fel ålder <b>i andra stycket</b>."
    assert (
        f"Rätta texten Valborg utan langning, tidigt till föräldrar ska ut fre 16 apr 2027 kl. 16.30. {why}" in rejected
    )
    assert f"kampanjhjul text {number} min-text.md --as" in rejected
    assert f"Tidigt till föräldrar Webbsidan, Skolplattformen {why} Avslaget Väntar på" in rejected
    assert "8 budskap ska godkännas inom fyra veckor." in rejected  # the ninth waits for a new text
    assert "Rätta texten" not in mended
    assert "Fel ålder" not in mended


def test_posts_that_wait_for_the_same_date_are_one_row_without_a_time(place: Place) -> None:
    place.clock.at = datetime(2027, 5, 2, 8, 0, tzinfo=UTC)

    text = told(place)

    assert text.count("Studenten utan langning: Tidigt till föräldrar") == 1
    assert "Tidigast mån 17 maj 2027 Studenten utan langning: Tidigt till föräldrar" in text
    assert "5 skolor eller platser Väntar på datum" in text


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
    assert "Valborg utan langning: Tidigt till föräldrar" in text
