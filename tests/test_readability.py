"""LIX and long sentences: the tokenizer's rules as a table."""

from __future__ import annotations

import subprocess
import sys

import pytest

from campaigns.readability import lix, lix_of, read, sentences


def test_the_published_vector() -> None:
    """437 words, 21 sentences and 112 long words give 46.4."""
    assert round(lix_of(437, 21, 112), 1) == 46.4


def test_an_empty_text_has_no_difficulty() -> None:
    assert lix("") == 0
    assert lix("  \n\n ") == 0
    assert lix_of(0, 0, 0) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ring 114 14 i kväll.", 4),
        ("Ring 112 nu.", 3),
        ("Telefon 020-84 44 48 gäller.", 3),
        ("Var 30 % med?", 3),
        ("Kör inte A-traktor.", 3),
        ("Läs https://www.aneby.se/kampanj?a=1. Ring sedan.", 3),
        ("Läs mer på alkoholhjalpen.se.", 3),
        ("Skriv till namn@aneby.se i dag.", 4),
        ("Klockan 19.00 eller 19:30 hörs vi.", 6),
        ("Det är – så klart – gratis.", 5),
    ],
)
def test_numbers_and_hyphenated_words_are_words_and_addresses_are_not(text: str, words: int) -> None:
    assert read(text).words == words


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Vi ses kl. 19 vid brasan.", 1),
        ("Ta med t.ex. korv. Kom i tid.", 2),
        ("Ta med bröd, ost m.m. Kom i tid.", 2),
        ("Ta med bröd, ost m.m. om du vill.", 1),
        ("Ring ca. 30 minuter före, dvs. i god tid.", 1),
        ("Köp saft osv. på vägen.", 1),
        ("Tre saker: mat, dryck och skjuts.", 1),
        ("Så kan du göra: Ring i tid.", 2),
        ("Så kan du göra:\nring i tid.", 2),
        ("Vad gör du? Säg nej! Ring.", 3),
        ("”Kan du köpa ut?” frågar hen.", 1),
        ("”Nej.” Det räcker.", 2),
        ("Vänta… Ring sedan.", 2),
        ("Klockan 19.30 börjar det.", 1),
        ("Rubrik utan punkt\n\nEn mening.", 2),
        ("- en punkt\n- en till\n- och en", 3),
        ("En rad som\nfortsätter här.", 1),
        ("Läs på www.aneby.se. Ring sedan.", 2),
    ],
)
def test_where_sentences_end(text: str, count: int) -> None:
    assert read(text).sentences == count, sentences(text)


@pytest.mark.parametrize(
    ("word", "is_long"),
    [("kommun", False), ("föräldr", True), ("A-trakto", True), ("114 14 000", False), ("polisen", True)],
)
def test_a_long_word_has_more_than_six_letters(word: str, is_long: bool) -> None:
    assert read(f"{word}.").long_words == int(is_long)


def test_sentences_over_twenty_words_are_named() -> None:
    twenty = " ".join(["ord"] * 20) + "."
    more = " ".join(["Ett", *["ord"] * 20]) + "."

    reading = read(f"{twenty} {more}")

    assert reading.hard_sentences == (more,)


def test_short_texts_are_said_to_be_unreliable() -> None:
    assert not read("ord " * 99).is_reliable
    assert read("ord " * 100).is_reliable


def test_a_row_of_three_short_messages_is_easy_to_read() -> None:
    row = (
        "Fråga redan i veckan var ditt barn ska fira valborg, med vem och hur hen tar sig hem.\n\n"
        "Köp inte ut och skicka inte med alkohol. Ditt nej gör skillnad, även om andra säger ja.\n\n"
        "Var nåbar hela kvällen, bestäm en tid då ni hörs och var vaken när ditt barn kommer hem."
    )

    assert 15 <= lix(row) <= 33


HARD_FOR_PATTERNS = ("!", "a.", "w.", "1-", "a-", "a@")


def test_no_text_takes_long_to_read() -> None:
    """Each took from seconds to minutes when the patterns tried every beginning against every end."""
    program = (
        "from campaigns.readability import read\n"
        f"for unit in {HARD_FOR_PATTERNS!r}: read((unit * 20_000)[:20_000] + 'x')"
    )

    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)
