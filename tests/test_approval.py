"""Signing: only the exact content, by every party, by different people, in time."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import select

from campaigns import approval, drafts
from campaigns.catalog import Catalog, Party
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.facts import confirm_fact, facts_at
from campaigns.models import Approval, ContentRow, DeliveryState, PostState, PostText
from campaigns.signatures import checked
from tests.fakes import Clock, Town

VALBORG = "valborg/2027/valborg/veckan/foraldrar"


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock())
    town.plan()
    return town


def test_nothing_is_queued_until_every_party_has_signed(town: Town) -> None:
    first = town.approve(VALBORG, "kommun", "Kim Kommun")
    assert (first.missing, first.queued) == (("polis",), 0)
    assert town.deliveries() == []

    second = town.approve(VALBORG, "polis", "Pia Polis")

    assert (second.missing, second.queued) == ((), 2)
    assert town.states() == {"webb": DeliveryState.QUEUED, "sociala-medier": DeliveryState.QUEUED}
    assert {item.next_attempt_at for item in town.deliveries()} == {datetime(2027, 4, 23, 14, 30, tzinfo=UTC)}


def test_the_parties_must_be_two_different_people(town: Town) -> None:
    town.approve(VALBORG, "kommun", "Kim Kommun")

    with pytest.raises(RefusedError, match="två olika personer"):
        town.approve(VALBORG, "polis", "kim  kommun")

    assert town.deliveries() == []


def test_signing_the_same_content_again_changes_nothing(town: Town) -> None:
    first = town.sign(VALBORG)
    again = town.approve(VALBORG, "polis", "Pia Polis")

    assert again.digest == first.digest
    assert again.queued == 0
    with town.database.read() as session:
        assert len(session.exec(select(Approval)).all()) == 2
    assert len(town.deliveries()) == 2


def test_a_changed_text_voids_the_earlier_signature(town: Town) -> None:
    town.approve(VALBORG, "kommun", "Kim Kommun")
    post = town.post(VALBORG)
    assert post.id is not None
    with town.database.write() as session:
        session.add(
            PostText(
                post_id=post.id,
                source='+++\ntitle = "Ny"\nshort = "Ny text."\n+++\nPrata om valborg i veckan.\n',
                author="Kim Kommun",
                created_at=town.clock.at,
            )
        )

    signed = town.approve(VALBORG, "polis", "Pia Polis")

    assert signed.missing == ("kommun",)
    assert town.deliveries() == []
    with town.database.read() as session:
        voided = session.exec(select(Approval).where(Approval.party == "kommun")).one()
        assert voided.void_reason == "Texten har ändrats."


def test_a_signature_holds_only_for_the_text_that_was_shown(town: Town) -> None:
    with pytest.raises(RefusedError, match="har ändrats sedan du såg den"):
        town.approve(VALBORG, "kommun", "Kim Kommun", digest="0" * 64)

    post = town.post(VALBORG)
    with town.database.read() as session:
        facts = facts_at(session, town.catalog)
        shown = drafts.render_post(session, town.catalog, town.messages, post, now=town.clock.at, facts=facts)
    assert town.approve(VALBORG, "kommun", "Kim Kommun", digest=shown.digest).digest == shown.digest


def test_a_preliminary_date_cannot_be_approved(town: Town) -> None:
    with pytest.raises(RefusedError, match="preliminärt"):
        town.approve("student/2027/student.holaveden/veckan/foraldrar", "kommun", "Kim Kommun")


def test_what_is_too_late_cannot_be_approved(town: Town) -> None:
    town.clock.at = town.post(VALBORG).not_after

    with pytest.raises(RefusedError, match="för sent"):
        town.approve(VALBORG, "kommun", "Kim Kommun")


def test_a_late_approval_waits_for_the_quiet_hours_to_end(town: Town) -> None:
    town.clock.at = datetime(2027, 4, 23, 20, 15, tzinfo=UTC)  # Fri 22.15 local, after the planned 16.30

    town.sign(VALBORG)

    assert {item.next_attempt_at for item in town.deliveries()} == {datetime(2027, 4, 24, 5, 0, tzinfo=UTC)}


def test_only_listed_people_sign_where_a_list_is_given(town: Town, catalog: Catalog) -> None:
    aneby = catalog.municipality("aneby")
    listed = replace(aneby, parties=(Party("kommun", "Aneby kommun", ("Kim Kommun",)), aneby.parties[1]))
    town.catalog = replace(catalog, municipalities={"aneby": listed})

    with pytest.raises(RefusedError, match="Menade du ”Kim Kommun”"):
        town.approve(VALBORG, "kommun", "Kim Komun")
    assert town.approve(VALBORG, "kommun", "Kim Kommun").missing == ("polis",)


def test_an_unknown_party_is_told_with_the_nearest_name(town: Town) -> None:
    with pytest.raises(NotFoundError, match="Menade du ”polis”"):
        town.approve(VALBORG, "polisen", "Pia Polis")


def test_a_rejection_needs_a_reason_and_stops_what_is_queued(town: Town, catalog: Catalog) -> None:
    town.sign(VALBORG)
    post_id = town.post(VALBORG).id
    assert post_id is not None

    with pytest.raises(RefusedError, match="Skriv varför"), town.database.write() as session:
        approval.reject(session, catalog, post_id, party="polis", name="Pia Polis", reason=" ", now=town.clock.at)
    assert set(town.states().values()) == {DeliveryState.QUEUED}

    with town.database.write() as session:
        approval.reject(
            session, catalog, post_id, party="polis", name="Pia Polis", reason="Fel ålder", now=town.clock.at
        )

    assert set(town.states().values()) == {DeliveryState.STOPPED}
    assert (town.post(VALBORG).state, town.post(VALBORG).reason) == (
        PostState.REJECTED,
        "Pia Polis, Lokalpolisområde Höglandet: Fel ålder",
    )
    assert town.sign(VALBORG).queued == 2  # and it can be signed anew


def test_a_fact_that_has_run_out_blocks_approval_until_a_person_confirms_it(town: Town, catalog: Catalog) -> None:
    facts = {key: replace(fact, valid_until=date(2027, 1, 1), is_confirmed=True) for key, fact in catalog.facts.items()}
    town.catalog = replace(catalog, facts=facts)
    key = "valborg/2027/valborg/infor/unga-vuxna"
    with pytest.raises(RefusedError, match="facts confirm"):
        town.approve(key, "kommun", "Kim Kommun")

    with town.database.write() as session:
        for fact in facts:
            confirm_fact(
                session, town.catalog, fact, name="Sam Samordnare", valid_until=date(2027, 12, 31), now=town.clock.at
            )

    assert town.approve(key, "kommun", "Kim Kommun").missing == ("polis",)


def test_a_confirmed_fact_that_is_reworded_is_unchecked_again(town: Town, catalog: Catalog) -> None:
    fact = "systembolaget_midsommarafton"
    with town.database.write() as session:
        confirm_fact(session, catalog, fact, name="Sam", valid_until=date(2027, 12, 31), now=town.clock.at)
    other = replace(catalog.facts[fact], text="Systembolaget har öppet på midsommarafton.")
    reworded = replace(catalog, facts={**catalog.facts, fact: other})

    with town.database.read() as session:
        assert facts_at(session, catalog)[fact].is_confirmed
        assert facts_at(session, catalog)[fact].checked_on == date(2027, 4, 12)
        assert not facts_at(session, reworded)[fact].is_confirmed


def test_the_digest_is_over_the_stored_bytes(town: Town, catalog: Catalog) -> None:
    town.sign(VALBORG)
    post = town.post(VALBORG)
    with town.database.read() as session:
        assert checked(session, catalog, [post.id or 0])[post.id or 0].fault is None

    with town.database.write() as session:
        row = session.exec(select(ContentRow).where(ContentRow.post_id == post.id)).first()
        assert row is not None
        row.payload = row.payload.replace(b"valborg", b"Valborg", 1)
        session.add(row)

    with town.database.read() as session:
        fault = checked(session, catalog, [post.id or 0])[post.id or 0].fault
    assert fault == "Innehållet är inte det som godkändes."


def test_next_year_starts_from_this_years_text_as_an_unsigned_draft(town: Town) -> None:
    post = town.post(VALBORG)
    assert post.id is not None
    with town.database.write() as session:
        session.add(
            PostText(
                post_id=post.id,
                source='+++\ntitle = "Vår egen rubrik"\nshort = "Vår korta."\n+++\nVår egen text om {{ datum }}.\n',
                author="Kim Kommun",
                created_at=town.clock.at,
            )
        )
    town.sign(VALBORG)
    town.clock.at += timedelta(days=300)
    town.plan()

    following = town.post("valborg/2028/valborg/veckan/foraldrar")

    assert following.state == PostState.DRAFT
    with town.database.read() as session:
        facts = facts_at(session, town.catalog)
        draft = drafts.render_post(session, town.catalog, town.messages, following, now=town.clock.at, facts=facts)
    assert draft.pieces[0].content.title == "Vår egen rubrik"
    assert "30 april" in draft.pieces[0].content.body


def test_the_same_name_typed_on_two_systems_is_one_person(town: Town) -> None:
    town.approve(VALBORG, "kommun", "Åsa Öberg")
    with pytest.raises(RefusedError, match="två olika personer"):
        town.approve(VALBORG, "polis", unicodedata.normalize("NFD", "Åsa Öberg"))
