"""SMS: what a text costs, which characters make it dear, and what to write instead."""

from __future__ import annotations

import pytest

from campaigns.sms import Encoding, replaced, segments


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", Encoding.GSM_7, 0, 0),
        ("a" * 160, Encoding.GSM_7, 160, 1),
        ("a" * 161, Encoding.GSM_7, 161, 2),
        ("å" * 160, Encoding.GSM_7, 160, 1),
        ("ÅÄÖåäöéÉ§¤£", Encoding.GSM_7, 11, 1),
        ("a" * 306, Encoding.GSM_7, 306, 2),
        ("a" * 307, Encoding.GSM_7, 307, 3),
        ("€" * 80, Encoding.GSM_7, 160, 1),
        ("€" * 81, Encoding.GSM_7, 162, 2),
        ("–" * 70, Encoding.UCS_2, 70, 1),
        ("–" * 71, Encoding.UCS_2, 71, 2),
        ("–" * 134, Encoding.UCS_2, 134, 2),
        ("–" * 135, Encoding.UCS_2, 135, 3),
        ("🎓" * 35, Encoding.UCS_2, 70, 1),
        ("🎓" * 36, Encoding.UCS_2, 72, 2),
    ],
)
def test_units_and_parts(text: str, encoding: Encoding, units: int, parts: int) -> None:
    found = segments(text)

    assert (found.encoding, found.units, found.parts) == (encoding, units, parts)


def test_an_escape_is_not_split_over_two_parts() -> None:
    """The 153rd place cannot hold half of ”€”: it moves to the next part, and pushes the last letter into a third."""
    assert segments("a" * 152 + "€" + "a" * 151).parts == 2
    assert segments("a" * 152 + "€" + "a" * 152).parts == 3
    assert segments("a" * 306).parts == 2


def test_a_surrogate_pair_is_not_split_over_two_parts() -> None:
    assert segments("–" * 66 + "🎓" + "–" * 65).parts == 2
    assert segments("–" * 66 + "🎓" + "–" * 66).parts == 3


def test_the_culprits_are_named_once_each_with_what_to_write_instead() -> None:
    found = segments("Valborg – ”kom” … och 🎓 – hem")

    assert found.culprits == ("–", "”", "…", "🎓")
    assert found.replacements == (("–", "-"), ("”", '"'), ("…", "..."))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Mamma’s ”kom” – nu…\u00a0½", 'Mamma\'s "kom" - nu... 1/2'),
        ("å och 🎓", "å och 🎓"),
        ("Valborg – ”kom” … hem", 'Valborg - "kom" ... hem'),
    ],
)
def test_replacing_leaves_only_what_has_no_plain_equivalent(text: str, plain: str) -> None:
    assert replaced(text, segments(text)) == plain
