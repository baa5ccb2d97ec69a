"""A text as the fields of a form: exact both ways, nothing lost, and faults told by the field."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.content import Content, Fields, composed, decomposed, field_faults, parse_source
from campaigns.content.fields import replaced_outside_code
from campaigns.counters import count, sms_sentence
from tests.fakes import MESSAGES

pytestmark = pytest.mark.pages

TEXT = """+++
# Skriven av samordnaren.
title = "Säg \\"nej\\""   # ändra gärna
sources = [
  "langning_lag",
]
short = \"\"\"Kort
sagt.\"\"\"
framtid = 3
+++


Hej {{ kommun }}.

Slut.

"""


@pytest.mark.parametrize("path", sorted(MESSAGES.glob("*/*.md")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_shipped_text_that_is_opened_and_saved_is_the_same_to_the_letter(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert composed(decomposed(text), base=text) == text


def test_what_nobody_touched_stands_as_it_stood() -> None:
    fields = decomposed(TEXT)
    assert (fields.title, fields.short, fields.sources) == ('Säg "nej"', "Kort\nsagt.", ("langning_lag",))

    changed = composed(replace(fields, short="Nytt", link="https://iq.se"), base=TEXT)

    assert changed == TEXT.replace('short = """Kort\nsagt."""', 'short = "Nytt"').replace(
        "framtid = 3\n", 'framtid = 3\nlink = "https://iq.se"\n'
    )
    assert composed(fields, base=TEXT) == TEXT


def test_a_field_that_is_emptied_leaves_no_line_behind() -> None:
    base = composed(Fields("a", "b", "c", image="x.jpg", alt="d"))

    assert composed(Fields("a", "b", "c"), base=base) == composed(Fields("a", "b", "c"))


def test_a_text_that_cannot_be_read_comes_whole_in_the_body() -> None:
    broken = '+++\ntitle = "utan slut\n+++\nText som inte får försvinna.'

    assert decomposed(broken) == Fields(body=broken)
    assert decomposed("utan huvud") == Fields(body="utan huvud")


@given(st.builds(Fields, *[st.text(max_size=40)] * 6, sources=st.lists(st.text("ab_", min_size=1)).map(tuple)))
def test_whatever_is_typed_comes_back_as_it_was_typed(fields: Fields) -> None:
    tidy = fields.tidied()

    text = composed(fields)

    assert decomposed(text) == tidy
    assert decomposed(composed(fields, base=TEXT)) == tidy
    if tidy.title and tidy.short:
        source = parse_source(text, name="prov")
        assert (source.title, source.short, source.body, source.alt) == (tidy.title, tidy.short, tidy.body, tidy.alt)


def test_faults_are_told_by_the_field_with_what_to_do() -> None:
    found = {item.where: item.message for item in field_faults(Fields("{{ komun", "", "Rad\n{{ 7 * 7 }}", "a.jpg"))}

    assert found["title"].startswith("Rubriken, rad 1: taggen som börjar med {{ stängs inte")
    assert found["short"] == "Den korta texten är tom. Skriv den."
    assert found["body"] == "Brödtexten, rad 2: multiplikation får inte användas i en mall."
    assert found["alt"] == "Bilden saknar alternativtext. Beskriv med en mening vad den visar."


@pytest.mark.parametrize("key", ["title", "short", "body", "image", "alt", "link"])
def test_a_megabyte_in_any_field_is_refused_with_its_length(key: str) -> None:
    values = {"title": "Rubrik", "short": "Kort", "body": "Lång", "alt": "Alt", key: "å" * 1_000_000}
    fields = Fields(**values)  # type: ignore[arg-type]  # none of them is `sources`

    [fault] = field_faults(fields)

    assert fault.where == key
    assert "är 1\u00a0000\u00a0000 tecken, högst" in fault.message


def test_a_replacement_leaves_what_is_filled_in_alone() -> None:
    assert (
        replaced_outside_code("a – {{ datum|replace('–', 'x') }} –", "–", "-") == "a - {{ datum|replace('–', 'x') }} -"
    )


# The counters.


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ""),
        ("Hej", "1 SMS per mottagare. 3 tecken, och det ryms 160 i varje."),
        ("x" * 80 + "–", "2 SMS per mottagare. Byt – mot - så blir det 1."),
        ("x" * 80 + "–”", '2 SMS per mottagare. Byt – mot - och ” mot " så blir det 1.'),
        ("x" * 80 + "\u00a0", "2 SMS per mottagare. Byt hårt blanksteg mot blanksteg så blir det 1."),
        ("x" * 80 + "😀", "2 SMS per mottagare. Ta bort 😀 så blir det 1."),
        ("x" * 80 + "😀…", "2 SMS per mottagare. Byt … mot ... och ta bort 😀 så blir det 1."),
        ("x" * 200, "2 SMS per mottagare. 200 tecken, och det ryms 153 i varje."),
    ],
)
def test_the_sms_counter_names_the_characters_and_what_comes_of_replacing_them(text: str, told: str) -> None:
    assert sms_sentence(text) == told


def test_the_counters_hold_a_text_to_the_tightest_of_its_channels() -> None:
    content = Content("R" * 75, "ord " * 24 + "ord ord", "Du kan säga nej. Det är lätt.", "https://www.aneby.se")

    found = count(content, {"webb", "manuell", "skarm", "bluesky"})

    assert (found.title.text, found.title.is_over) == ("75 tecken: 5 för mycket. Högst 70 går.", True)
    assert (found.short.text, found.short.is_over) == ("103 av högst 500 tecken. 26 av högst 25 ord på skärm.", True)
    assert found.body.text == "LIX 4, lätt att läsa. 7 ord. Texten är kort, så måttet är osäkert."
    assert not count(content, {"webb"}).short.is_over
