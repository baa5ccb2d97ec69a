"""Versions of a text: nothing is lost when two write at once, what differs is shown, and any can be had back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from campaigns import text_versions, texts
from campaigns.catalog import Catalog
from campaigns.content import Fields
from campaigns.database import Database
from campaigns.differences import Kind, Part, differences
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import AuditEntry, Post, PostState, PostText
from campaigns.post_sources import texts_of
from campaigns.text_versions import Version
from campaigns.texts import ChangedMeanwhileError, Closed
from tests.fakes import MESSAGES, Clock, Town

pytestmark = pytest.mark.pages

VECKAN = "valborg/2027/valborg/veckan/foraldrar"
INFOR = "valborg/2027/valborg/infor/syskon"


@pytest.fixture
def town(database: Database, catalog: Catalog) -> Town:
    town = Town(database, catalog, Clock())
    town.plan()
    return town


def found(town: Town, *, key: str = VECKAN, channel: str = "") -> list[Version]:
    with town.database.read() as session:
        return text_versions.versions(
            texts_of(session, town.catalog, MESSAGES, town.post(key)), channel=channel, language="sv"
        )


def save(
    town: Town, fields: Fields, *, begun_from: int, author: str = "Kim", key: str = VECKAN, channel: str = ""
) -> PostText | None:
    with town.database.write() as session:
        return text_versions.save(
            session,
            town.catalog,
            MESSAGES,
            town.post(key),
            fields,
            channel=channel,
            language="sv",
            author=author,
            now=town.clock.at,
            begun_from=begun_from,
        )


def saved(town: Town, title: str, *, begun_from: int, author: str = "Kim", channel: str = "") -> int:
    fields = replace(found(town, channel=channel)[0].fields, title=title)
    row = save(town, fields, begun_from=begun_from, author=author, channel=channel)
    assert row is not None
    return row.id or 0


def test_the_shipped_text_is_the_first_version_and_a_saved_one_comes_before_it(town: Town) -> None:
    [shipped] = found(town)
    assert (shipped.number, shipped.author, shipped.at) == (0, "", None)
    assert shipped.source == (MESSAGES / "valborg" / "veckan.foraldrar.md").read_text(encoding="utf-8")

    number = saved(town, "Ny rubrik", begun_from=0)

    newest, first = found(town)
    assert (newest.number, newest.author, newest.at) == (number, "Kim", town.clock.at)
    assert newest.fields == replace(shipped.fields, title="Ny rubrik")
    assert first == shipped


def test_when_another_has_saved_meanwhile_nothing_is_overwritten_and_it_is_told_who(town: Town) -> None:
    mine = replace(found(town)[0].fields, title="Min")
    theirs = saved(town, "Deras", begun_from=0, author="Pia")

    with pytest.raises(ChangedMeanwhileError, match="Pia har sparat en ny version av texten medan du skrev") as caught:
        save(town, mine, begun_from=0)

    assert (caught.value.other.number, caught.value.other.author) == (theirs, "Pia")
    assert found(town)[0].fields.title == "Deras"
    row = save(town, mine, begun_from=theirs)  # having seen theirs
    assert row is not None
    assert [item.fields.title for item in found(town)][:2] == ["Min", "Deras"]


def test_two_who_write_the_same_do_not_clash(town: Town) -> None:
    mine = replace(found(town)[0].fields, title="Samma")
    theirs = saved(town, "Samma", begun_from=0, author="Pia")

    row = save(town, mine, begun_from=0)

    assert row is not None
    assert row.id == theirs


def test_saving_without_a_change_makes_no_version_and_voids_no_signature(town: Town) -> None:
    town.sign(VECKAN)

    assert save(town, found(town)[0].fields, begun_from=0) is None

    assert len(found(town)) == 1
    assert town.post(VECKAN).state == PostState.APPROVED


def test_a_channels_own_text_has_its_own_versions_and_begins_from_the_common_one(town: Town) -> None:
    common = saved(town, "Gemensam", begun_from=0)

    [begun] = found(town, channel="webb")
    assert (begun.number, begun.author, begun.fields.title) == (0, "Kim", "Gemensam")
    saved(town, "Webbens", begun_from=0, channel="webb")

    assert [item.fields.title for item in found(town, channel="webb")] == ["Webbens", "Gemensam"]
    assert [item.number for item in found(town)] == [common, 0]


def test_an_old_version_can_be_had_back_as_a_new_one(town: Town) -> None:
    first = saved(town, "Ett", begun_from=0)
    second = saved(town, "Två", begun_from=first)
    town.sign(VECKAN)

    for number, title in ((first, "Ett"), (0, found(town)[-1].fields.title)):
        with town.database.write() as session:
            row = text_versions.restore(
                session,
                town.catalog,
                MESSAGES,
                town.post(VECKAN),
                number,
                channel="",
                language="sv",
                author="Kim",
                now=town.clock.at,
                begun_from=second,
            )
        second = row.id or 0
        assert found(town)[0].fields.title == title

    assert len(found(town)) == 5
    assert town.post(VECKAN).state == PostState.DRAFT
    with town.database.read() as session:
        entries = session.exec(
            select(AuditEntry).where(AuditEntry.action == "återställde text").order_by(col(AuditEntry.id))
        ).all()
    assert [entry.detail.rpartition(", ")[2] for entry in entries] == [
        f"från version {first}",
        "från den första texten",
    ]


def test_a_version_of_another_text_is_not_to_be_had(town: Town) -> None:
    number = saved(town, "Ett", begun_from=0)

    with town.database.read() as session:
        other = texts_of(session, town.catalog, MESSAGES, town.post(INFOR))
        own = texts_of(session, town.catalog, MESSAGES, town.post(VECKAN))
        for where, channel in ((other, ""), (own, "webb")):
            with pytest.raises(NotFoundError, match="Versionen finns inte för det här budskapet"):
                text_versions.version(where, number, channel=channel, language="sv")


def test_last_years_text_is_what_the_next_is_begun_from(town: Town) -> None:
    saved(town, "Förra årets", begun_from=0)
    with town.database.write() as session:
        old = session.get_one(Post, town.post(VECKAN).id)
        session.add(
            Post(
                **{
                    **old.model_dump(exclude={"id"}),
                    "key": f"{old.key}x",
                    "due_at": old.due_at.replace(year=2028),
                    "not_after": old.not_after.replace(year=2028),
                }
            )
        )

    [begun] = found(town, key=f"{VECKAN}x")

    assert (begun.number, begun.author, begun.fields.title) == (0, "Kim", "Förra årets")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": PostState.CANCELLED}, Closed.CANCELLED),
        ({"state": PostState.SKIPPED}, Closed.SKIPPED),
        ({"merged_into": "aneby/annat"}, Closed.MERGED),
        ({}, None),
    ],
)
def test_why_a_text_can_no_longer_be_written_is_known_beforehand(
    town: Town, change: dict[str, str], why: Closed | None
) -> None:
    with town.database.write() as session:
        post = session.get_one(Post, town.post(VECKAN).id)
        for name, value in change.items():
            setattr(post, name, value)
        session.add(post)

    with town.database.read() as session:
        assert texts.closed(session, town.post(VECKAN)) == why
    if why is not None:
        with pytest.raises(RefusedError):
            saved(town, "Ny", begun_from=0)


# What differs.


def test_differences_are_told_by_the_word() -> None:
    assert differences("Säg nej i kväll.", "Säg aldrig ja i kväll.") == [
        Part(Kind.SAME, "Säg "),
        Part(Kind.REMOVED, "nej"),
        Part(Kind.ADDED, "aldrig ja"),
        Part(Kind.SAME, " i kväll."),
    ]


def test_a_long_passage_that_is_all_other_words_is_shown_as_replaced() -> None:
    old, new = ("ord " * 900).strip(), ("annat " * 900).strip()

    assert differences(old, new) == [Part(Kind.REMOVED, old), Part(Kind.ADDED, new)]


LINES = st.text("ab {}\n–", max_size=60)


@given(LINES, LINES)
def test_the_parts_give_back_both_texts(earlier: str, later: str) -> None:
    parts = differences(earlier, later)

    assert "".join(part.text for part in parts if part.kind != Kind.ADDED) == earlier
    assert "".join(part.text for part in parts if part.kind != Kind.REMOVED) == later
