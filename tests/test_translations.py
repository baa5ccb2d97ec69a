"""A translation holds for the Swedish text that it was held against: when that changes, somebody must look again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from campaigns import checking, texts, translation_files, translations
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import AuditEntry
from campaigns.overviews import texts as overview
from campaigns.overviews.texts import Editor, Where
from campaigns.post_sources import PostSources, places_of, texts_of
from tests.builders import make_channel
from tests.fakes import MESSAGES, Clock, Town

pytestmark = pytest.mark.longer

INFOR = "valborg/2027/valborg/infor/syskon"
NEXT = "valborg/2028/valborg/infor/syskon"
TEXT = '+++\ntitle = "{title}"\nshort = "{title}."\n+++\n\n{title}.\n'


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    """The shipped texts, with a footer in English."""
    folder = tmp_path / "messages"
    shutil.copytree(MESSAGES, folder)
    (folder / "footer.en.md").write_text("The municipality and the police.\n", encoding="utf-8")
    return folder


@pytest.fixture
def town(database: Database, catalog: Catalog, messages: Path) -> Town:
    """Aneby with a page in Swedish and English, and screens in Swedish."""
    channels = (make_channel("webb", languages=("sv", "en")), make_channel("skarm"))
    aneby = replace(catalog.municipality("aneby"), channels=channels, languages=("sv", "en"))
    own = replace(catalog, municipalities={"aneby": aneby}, fingerprint="två språk")
    town = Town(database, own, Clock(), messages)
    town.plan()
    return town


def write(
    town: Town, title: str, language: str = "sv", *, key: str = INFOR, channel: str = "", seen: str | None = None
) -> None:
    with town.database.write() as session:
        texts.write_text(
            session,
            town.catalog,
            town.post(key).id or 0,
            language=language,
            channel=channel,
            source=TEXT.format(title=title),
            author="Kim Kommun",
            now=town.clock.at,
            messages=town.messages,
            seen=seen,
        )


def sources(town: Town, key: str = INFOR) -> PostSources:
    with town.database.read() as session:
        return texts_of(session, town.catalog, town.messages, town.post(key))


def places(town: Town, key: str = INFOR) -> list[tuple[str, str]]:
    return places_of(town.catalog.municipality("aneby"), town.post(key))


def outdated(town: Town, key: str = INFOR) -> list[tuple[str, str]]:
    with town.database.read() as session:
        return list(translations.outdated(session, sources(town, key), places(town, key)))


def look(town: Town, seen: str, *, key: str = INFOR) -> None:
    with town.database.write() as session:
        translations.look(
            session,
            sources(town, key),
            places(town, key),
            language="en",
            seen=seen,
            name="Ann Andersson",
            now=town.clock.at,
        )


def editor(town: Town, language: str = "en") -> Editor:
    with town.database.read() as session:
        return overview.editor(
            session, town.catalog, town.messages, town.post(INFOR), Where("", language), None, now=town.clock.at
        )


def test_a_translation_that_is_written_holds_for_the_swedish_text_as_it_stands(town: Town) -> None:
    write(town, "Say no", "en")

    assert outdated(town) == []
    assert editor(town).outdated is None


def test_a_changed_swedish_text_voids_the_translation_and_stops_the_approval(town: Town) -> None:
    write(town, "Säg nej")
    write(town, "Say no", "en")
    town.sign(INFOR)

    write(town, "Säg tydligt nej")

    assert outdated(town) == [("webb", "en")]
    with pytest.raises(RefusedError, match=r"Översättningen till engelska är inte läst mot den svenska texten"):
        town.approve(INFOR, "kommun", "Kim Kommun")


def test_what_changed_in_the_swedish_text_is_shown_where_the_translation_is_written(town: Town) -> None:
    write(town, "Säg nej")
    write(town, "Say no", "en")
    write(town, "Säg tydligt nej")

    found = editor(town).outdated

    assert found is not None
    assert found.language_name == "engelska"
    added = [part.text for change in found.changes for part in change.parts if part.kind == "added"]
    assert [text.strip() for text in added] == ["tydligt"] * 3
    assert editor(town, "sv").outdated is None


def test_a_person_can_say_that_the_translation_still_holds(town: Town) -> None:
    write(town, "Säg nej")
    write(town, "Say no", "en")
    write(town, "Säg nej!")
    found = editor(town).outdated
    assert found is not None

    look(town, found.seal)

    assert outdated(town) == []
    assert town.sign(INFOR).missing == ()
    with town.database.read() as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "läste översättning")).one()
    assert (entry.actor, entry.subject, entry.detail) == ("Ann Andersson", f"aneby/{INFOR}", "engelska")
    with pytest.raises(RefusedError, match="redan läst"):
        look(town, found.seal)


def test_nobody_can_vouch_for_a_text_that_has_changed_since_it_was_shown(town: Town) -> None:
    write(town, "Säg nej")
    write(town, "Say no", "en")
    write(town, "Säg nej!")
    found = editor(town).outdated
    assert found is not None
    write(town, "Säg aldrig nej")

    with pytest.raises(RefusedError, match="har ändrats sedan du öppnade sidan"):
        look(town, found.seal)

    assert outdated(town) == [("webb", "en")]


def test_a_translation_saved_by_somebody_who_saw_an_earlier_swedish_text_is_outdated_at_once(town: Town) -> None:
    write(town, "Säg nej")
    seen = editor(town).swedish
    write(town, "Säg tydligt nej")

    write(town, "Say no", "en", seen=seen)

    assert outdated(town) == [("webb", "en")]
    write(town, "Just say no", "en", seen=editor(town).swedish)
    assert outdated(town) == []


def test_a_swedish_text_that_comes_back_brings_its_translation_with_it(town: Town) -> None:
    write(town, "Säg nej")
    write(town, "Say no", "en")
    write(town, "Något annat")
    assert outdated(town) == [("webb", "en")]

    write(town, "Säg nej")

    assert outdated(town) == []


def test_next_year_begins_with_the_same_state(town: Town) -> None:
    write(town, "Säg nej")
    write(town, "Say no", "en")
    assert outdated(town, NEXT) == []

    write(town, "Säg nej nästa år", key=NEXT)

    assert outdated(town, NEXT) == [("webb", "en")]
    assert outdated(town) == []


def english_file(town: Town, name: str = "infor.syskon.en.md") -> Path:
    path = town.messages / "valborg" / name
    path.write_text(TEXT.format(title="Say no"), encoding="utf-8")
    return path


def vouch(town: Town, *names: str) -> None:
    translation_files.vouch(town.messages, town.catalog.languages, names or ["valborg/infor.syskon.en.md"])


def change_swedish_file(town: Town) -> None:
    path = town.messages / "valborg" / "infor.syskon.md"
    path.write_text(path.read_text(encoding="utf-8") + "\nEn helt ny mening som ändrar allt.\n", encoding="utf-8")


def test_a_translation_in_a_file_holds_for_the_swedish_file_that_it_names(town: Town) -> None:
    path = english_file(town)
    assert outdated(town) == [("webb", "en")]

    vouch(town)

    assert outdated(town) == []
    assert path.read_text(encoding="utf-8").count("translates = [") == 1
    write(town, "Säg nej")
    assert outdated(town) == [("webb", "en")]


def test_a_changed_swedish_file_voids_the_translation_in_the_file_beside_it(town: Town) -> None:
    path = english_file(town)
    vouch(town)

    change_swedish_file(town)

    assert outdated(town) == [("webb", "en")]
    with pytest.raises(RefusedError, match="är inte läst mot den svenska texten som den är nu"):
        town.approve(INFOR, "kommun", "Kim Kommun")
    vouch(town)
    assert outdated(town) == []
    assert path.read_text(encoding="utf-8").count("translates = [") == 1


def test_a_person_can_vouch_for_a_file_on_the_page_too(town: Town) -> None:
    english_file(town)
    found = editor(town).outdated
    assert found is not None

    look(town, found.seal)

    assert outdated(town) == []
    change_swedish_file(town)
    assert outdated(town) == [("webb", "en")]


def test_the_check_names_the_files_that_nobody_has_read(town: Town) -> None:
    english_file(town)

    def told() -> list[str]:
        with town.database.read() as session:
            found = checking.check(session, town.catalog, town.messages, now=town.clock.at, environ={})
        return [item.where for item in found if "translations vouch" in item.message]

    assert told() == ["valborg/infor.syskon.en.md"]
    vouch(town)
    assert told() == []
    change_swedish_file(town)
    assert told() == ["valborg/infor.syskon.en.md"]
    found = editor(town).outdated
    assert found is not None
    look(town, found.seal)
    assert told() == []


def test_a_common_translation_stands_for_the_swedish_file_of_a_channel_too(town: Town) -> None:
    english_file(town)
    (town.messages / "valborg" / "infor.syskon.webb.md").write_text(TEXT.format(title="På sidan"), encoding="utf-8")

    [found] = translation_files.translation_files(town.messages, town.catalog.languages)
    assert list(found.originals) == ["valborg/infor.syskon.md", "valborg/infor.syskon.webb.md"]
    vouch(town)

    assert outdated(town) == []
    english_file(town, "infor.syskon.webb.en.md")
    common, own = translation_files.translation_files(town.messages, town.catalog.languages)
    assert (list(common.originals), list(own.originals)) == (
        ["valborg/infor.syskon.md"],
        ["valborg/infor.syskon.webb.md"],
    )
    assert outdated(town) == [("webb", "en")]


def test_only_a_translation_is_vouched_for(town: Town) -> None:
    english_file(town)

    with pytest.raises(NotFoundError, match="ingen översättning"):
        vouch(town, "valborg/infor.syskon.md")


def test_a_channel_with_a_swedish_text_of_its_own_is_held_against_that(town: Town) -> None:
    write(town, "Säg nej")
    write(town, "Say no", "en")

    write(town, "Säg nej på sidan", channel="webb")

    assert outdated(town) == [("webb", "en")]
