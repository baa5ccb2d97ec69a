"""Idag: what waits for this very person, what goes out, what went out, and what is not in place yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, update

from campaigns import approval
from campaigns.database import Database
from campaigns.models import AccountState, ChannelAccount, Delivery, DeliveryState, Pause, Role
from campaigns.overviews.actions import Action
from campaigns.overviews.today import Today, today
from campaigns.people import persons
from campaigns.people.roles import Roles
from campaigns.sending import pauses
from tests.sites import Place, copied_config, planned

pytestmark = pytest.mark.pages

EARLY, WEEK_BEFORE = "valborg/2027/valborg/tidigt/foraldrar", "valborg/2027/valborg/veckan/foraldrar"
INFOR, NARMAST = "valborg/2027/valborg/infor/syskon", "valborg/2027/valborg/narmast/syskon"
POLICE, EDITOR = Roles(parties=("polis",)), Roles(is_editor=True)
ADMINISTRATOR = Roles(is_editor=True, is_administrator=True)


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


def seen(place: Place, roles: Roles, *, name: str = "Ny Person") -> Today:
    parts = place.parts
    with place.database.read() as session:
        return today(
            session,
            parts.catalog,
            parts.catalog.municipality("aneby"),
            roles=roles,
            name=name,
            messages=parts.messages,
            problems=parts.configuration.problems,
            now=place.clock.at,
        )


def labels(found: tuple[Action, ...]) -> list[str]:
    return [item.label for item in found]


def fail(place: Place, channel: str, state: DeliveryState) -> int:
    with place.database.write() as session:
        session.execute(
            update(Delivery)
            .where(col(Delivery.channel) == channel)
            .values(state=state, reason="Det svarade inte.", changed_at=place.clock.at)
        )
    [number] = [item.id for item in place.town.deliveries() if item.channel == channel]
    assert number is not None
    return number


def test_who_signs_for_a_party_sees_what_that_party_has_not_signed(place: Place) -> None:
    place.clock.at = datetime(2027, 4, 15, 8, 0, tzinfo=UTC)
    number = place.write(EARLY).id

    police = seen(place, POLICE)

    assert labels(police.mine) == ["Godkänn", "Godkänn"]
    assert police.mine[0].path == f"/kommun/aneby/granska/{number}"
    assert police.mine[0].is_urgent
    assert "8 budskap ska godkännas inom fyra veckor" in police.mine[1].text
    assert "Godkänn" not in labels(seen(place, EDITOR).mine)
    assert labels(seen(place, EDITOR).others) == ["Godkänn", "Godkänn"]


def test_what_a_party_has_signed_waits_for_the_others(place: Place) -> None:
    place.clock.at = datetime(2027, 4, 15, 8, 0, tzinfo=UTC)
    place.write(EARLY)
    place.town.approve(EARLY, "polis", "Pia Polis")

    police = seen(place, POLICE, name="Pia Polis")

    assert [item.text for item in police.mine if item.is_urgent] == []
    assert [item.text for item in police.others if item.is_urgent] == [
        "Valborg utan langning, tidigt till föräldrar ska ut fre 16 apr 2027 kl. 16.30. Väntar på Aneby kommun."
    ]


def test_nobody_is_asked_to_sign_the_same_text_for_a_second_party(place: Place) -> None:
    place.clock.at = datetime(2027, 4, 15, 8, 0, tzinfo=UTC)
    place.write(EARLY)
    place.town.approve(EARLY, "kommun", "Kim Kommun")
    both = Roles(parties=("kommun", "polis"))

    assert [item for item in seen(place, both, name="kim kommun").mine if item.is_urgent] == []
    assert len([item for item in seen(place, both, name="Pia Polis").mine if item.is_urgent]) == 1


def test_what_stops_or_failed_comes_first_and_leads_to_where_it_is_put_right(place: Place) -> None:
    place.publish(INFOR)
    failed, unknown = fail(place, "skarm", DeliveryState.FAILED), fail(place, "webb", DeliveryState.UNKNOWN)
    [by_hand] = [item.id for item in place.town.deliveries() if item.channel == "sociala-medier"]

    mine = seen(place, EDITOR).mine

    assert {(item.label, item.path, item.link) for item in mine if "/ko/" in item.path} == {
        ("Misslyckad", f"/kommun/aneby/ko/{failed}", "Se felet"),
        ("Osäkert – kontrollera", f"/kommun/aneby/ko/{unknown}", "Avgör om det gick ut"),
        ("Manuell uppgift", f"/kommun/aneby/ko/{by_hand}", "Gör uppgiften"),
    }
    urgent = [item.is_urgent for item in mine]
    assert urgent == sorted(urgent, reverse=True)
    assert all("kampanjhjul" not in item.text for item in mine)


def test_what_a_pause_missed_is_chosen_again(place: Place) -> None:
    place.publish(INFOR)
    missed = fail(place, "skarm", DeliveryState.MISSED)

    assert f"/kommun/aneby/ko/{missed}" in [item.path for item in seen(place, EDITOR).mine]


def test_a_pause_that_is_on_is_told_with_its_reason_and_another_towns_is_not(place: Place) -> None:
    catalog = place.parts.catalog
    for channel, reason in (("", "Olycka i Aneby."), ("skarm", "Skärmarna byts.")):
        with place.database.write() as session:
            pauses.pause(
                session,
                catalog,
                municipality="aneby",
                channel=channel,
                reason=reason,
                name="Kim Kommun",
                now=place.clock.at,
            )
    with place.database.write() as session:
        session.add(Pause(municipality="eksjo", reason="Annat", paused_by="Eva", paused_at=place.clock.at))

    told = [item for item in seen(place, EDITOR).mine if item.label == "Paus"]

    assert [item.text for item in told] == [
        "Allt schemalagt står stilla sedan mån 12 apr 2027 kl. 09.00. Kim Kommun skrev: Olycka i Aneby.",
        "Skärmar står stilla sedan mån 12 apr 2027 kl. 09.00. Kim Kommun skrev: Skärmarna byts.",
    ]
    assert {item.path for item in told} == {"/kommun/aneby/paus"}


def test_a_stopped_channel_is_for_the_administrator(place: Place) -> None:
    with place.database.write() as session:
        session.add(
            ChannelAccount(
                municipality="aneby",
                channel="webb",
                state=AccountState.STOPPED,
                reason="Inloggningen nekades.",
                changed_at=place.clock.at,
            )
        )

    assert "Kanal" in labels(seen(place, ADMINISTRATOR).mine)
    assert "Kanal" in labels(seen(place, EDITOR).others)


def test_a_rejected_text_is_for_the_editor_to_write_again(place: Place) -> None:
    number = place.town.post(EARLY).id
    assert number is not None
    with place.database.write() as session:
        approval.reject(
            session,
            place.parts.catalog,
            number,
            party="polis",
            name="Pia Polis",
            reason="Fel ålder.",
            now=place.clock.at,
        )

    [action] = [item for item in seen(place, EDITOR).mine if item.label == "Rätta texten"]

    assert action.path == f"/kommun/aneby/mallar/{number}"
    assert "Rätta texten" in labels(seen(place, POLICE).others)


def test_dates_to_confirm_lead_to_the_campaigns_year(place: Place) -> None:
    dates = [item for item in seen(place, EDITOR).mine if item.label == "Bekräfta datum"]

    assert [item.path for item in dates] == [
        "/kommun/aneby/kampanjer/student/2027",
        "/kommun/aneby/kampanjer/skolavslutning/2027",
    ]


def test_what_goes_out_today_and_later_this_week_is_told_apart(place: Place) -> None:
    place.clock.at = datetime(2027, 4, 28, 6, 30, tzinfo=UTC)  # Wednesday of week 17

    found = seen(place, EDITOR)

    assert found.week == 17
    assert [f"{item.at:%a %H.%M}" for item in found.today] == ["Wed 15.30", "Wed 15.30"]
    assert [f"{item.at:%a %H.%M}" for item in found.later] == ["Fri 08.00"] * 3
    assert found.today[0].standing.word == "Utkast"
    assert found.today[0].missing == ("Aneby kommun", "Lokalpolisområde Höglandet")


def test_today_is_the_local_day_also_late_in_the_evening(place: Place) -> None:
    place.clock.at = datetime(2027, 4, 27, 22, 30, tzinfo=UTC)  # 00.30 on the 28th in Aneby

    found = seen(place, EDITOR)

    assert found.now.date().isoformat() == "2027-04-28"
    assert len(found.today) == 2


def test_what_has_gone_out_already_today_still_stands_there_with_its_state(place: Place) -> None:
    place.publish(NARMAST)
    place.clock.at += timedelta(hours=1)

    sent = next(item for item in seen(place, EDITOR).today if item.id == place.town.post(NARMAST).id)

    assert sent.standing.word == "Manuell uppgift"  # the worst of its channels: one is done by hand
    assert sent.missing == ()


def test_on_a_quiet_day_the_next_post_is_told(place: Place) -> None:
    place.clock.at = datetime(2027, 4, 11, 8, 0, tzinfo=UTC)  # Sunday of week 14

    found = seen(place, EDITOR)

    assert (found.today, found.later) == ((), ())
    assert found.next is not None
    assert found.next.title == "Valborg utan langning, tidigt till föräldrar"


def test_a_post_without_a_day_is_never_told_to_go_out(place: Place) -> None:
    place.clock.at = datetime(2027, 5, 17, 6, 0, tzinfo=UTC)  # the earliest that students' first post could be due

    found = seen(place, EDITOR)

    assert (found.today, found.later) == ((), ())
    assert found.next is not None
    assert found.next.title.startswith("Midsommar")


def test_what_went_out_is_one_row_per_post_with_a_link_to_where_it_can_be_seen(place: Place) -> None:
    number = place.publish(INFOR).id
    with place.database.write() as session:
        session.execute(
            update(Delivery)
            .where(col(Delivery.channel) == "sociala-medier")
            .values(state=DeliveryState.PUBLISHED, url="https://social.example/1", published_at=place.clock.at)
        )
        session.execute(update(Delivery).where(col(Delivery.channel) == "skarm").values(url="javascript:alert(1)"))

    [row] = seen(place, EDITOR).went_out

    assert {place.channel: place.address for place in row.places} == {
        "Webbsidan": f"/sida/aneby#{number}",
        "Skärmar": "",
        "Sociala medier": "https://social.example/1",
    }


def test_what_went_out_more_than_a_week_ago_is_gone_from_the_page(place: Place) -> None:
    place.publish(EARLY)
    place.clock.at += timedelta(days=7, minutes=1)

    assert seen(place, EDITOR).went_out == ()


def test_what_is_not_in_place_is_told_and_ticked_off(place: Place) -> None:
    before = seen(place, ADMINISTRATOR).set_up
    with place.database.write() as session:
        for name, role, party in (
            ("Ada Admin", Role.ADMINISTRATOR, ""),
            ("Bo Admin", Role.ADMINISTRATOR, ""),
            ("Kim Kommun", Role.APPROVER, "kommun"),
            ("Pia Polis", Role.APPROVER, "polis"),
        ):
            email = f"{name.lower().replace(' ', '.')}@example.se"
            person = persons.add_person(session, email=email, name=name, now=place.clock.at)
            aneby = place.parts.catalog.municipality("aneby")
            persons.give_role(session, aneby, person, role=role, party=party, actor="testet", now=place.clock.at)
    for school in ("jonkoping", "holaveden", "eksjo", "nassjo", "vetlanda"):
        place.town.set_date("2027-06-11", place=school)
    place.town.set_date("2027-06-10", place="furulidsskolan", risk_date="skolavslutning")

    after = seen(place, ADMINISTRATOR).set_up

    assert [(step.text, step.is_done) for step in before.steps] == [
        ("Minst två administratörer rekommenderas.", False),
        ("Någon kan godkänna för Aneby kommun.", False),
        ("Någon kan godkänna för Lokalpolisområde Höglandet.", False),
        ("6 lokala datum saknas: Studenten, Skolavslutning.", False),
        ("Ingen i personalen får påminnelser än.", False),
        ("Alla kanaler fungerar.", True),
    ]
    assert [step.path for step in after.steps if not step.is_done] == ["/kommun/aneby/installningar/paminnelser"]
    assert (after.done, after.is_done) == (5, False)


def test_broken_settings_are_for_the_administrator(database: Database, tmp_path: Path) -> None:
    place = planned(Place(database, config=copied_config(tmp_path, lambda folder: None)))
    assert "Inställningar" not in labels(seen(place, ADMINISTRATOR).mine)
    (place.config / "audiences.toml").write_text("[foraldrar\n", encoding="utf-8")
    place.parts.configuration.reread()

    assert labels(seen(place, ADMINISTRATOR).mine)[0] == "Inställningar"
    assert labels(seen(place, EDITOR).others)[0] == "Inställningar"
