"""The records of Bluesky posts by themselves: their names, their bytes and where their links stand."""

from __future__ import annotations

import re
from datetime import timedelta, timezone

import pytest

from campaigns.channels.bluesky import TID_LETTERS, record_name, record_of
from campaigns.channels.facets import facets_of
from campaigns.content import Content
from tests.contracts import DUE


def test_the_name_is_a_tid_of_the_due_second_and_its_own_for_every_delivery() -> None:
    names = {record_name(f"aneby/valborg/2027/{number}:bluesky:sv:1", DUE) for number in range(2000)}

    assert len(names) == 2000
    for name in names:
        assert re.fullmatch(r"[2-7a-j][2-7a-z]{12}", name)
        value = 0
        for letter in name:
            value = value << 5 | TID_LETTERS.index(letter)
        assert (value >> 10) // 1_000_000 == int(DUE.timestamp())


def test_names_sort_by_time_and_never_change() -> None:
    name = record_name("a:bluesky:sv:1", DUE)

    assert name < record_name("a:bluesky:sv:1", DUE + timedelta(seconds=1))
    assert name == record_name("a:bluesky:sv:1", DUE.astimezone(timezone(timedelta(hours=2))))
    # Fixed for ever: a new release must not post what an old one may have posted.
    assert name == "3ngrjozcus2fq"


def test_a_record_without_a_link_has_neither_card_nor_facets() -> None:
    assert record_of(Content("Titel", "Text", "Text"), "Text", created_at=DUE) == {
        "$type": "app.bsky.feed.post",
        "text": "Text",
        "createdAt": "2027-04-22T14:30:00.000Z",
        "langs": ["sv"],
    }


@pytest.mark.parametrize(
    ("text", "link", "pointed_at"),
    [
        ("Åh, ö! #valborg 🌸 #Åäö2027", "", ["#valborg", "#Åäö2027"]),
        ("Läs på https://å.se/ö, eller (https://b.se/c).", "", ["https://å.se/ö", "https://b.se/c"]),
        ("Här.\n\nhttps://a.se/b.", "https://a.se/b.", ["https://a.se/b."]),
        ("👩‍👩‍👧 #trygg\n\nhttps://a.se/#del", "https://a.se/#del", ["#trygg", "https://a.se/#del"]),
        ("C# och #1 och a#b och # och #" + "x" * 65, "", []),
        ("javascript:alert(1)", "javascript:alert(1)", []),
        ("Hej", "https://a.se/", []),
    ],
)
def test_facets_point_at_the_right_bytes(text: str, link: str, pointed_at: list[str]) -> None:
    raw = text.encode()
    found = [facet["index"] for facet in facets_of(text, link=link)]

    assert [raw[index["byteStart"] : index["byteEnd"]].decode() for index in found] == pointed_at


def test_a_link_is_percent_encoded_once_and_a_tag_loses_its_sign() -> None:
    facets = facets_of("#påsk\n\nhttps://a.se/å%20b?c=d&e=ö", link="https://a.se/å%20b?c=d&e=ö")

    assert [facet["features"] for facet in facets] == [
        [{"$type": "app.bsky.richtext.facet#tag", "tag": "påsk"}],
        [{"$type": "app.bsky.richtext.facet#link", "uri": "https://a.se/%C3%A5%20b?c=d&e=%C3%B6"}],
    ]
