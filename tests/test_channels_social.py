"""What answers may put into receipts and sentences: an address that is one, and names that keep to their line."""

from __future__ import annotations

import pytest

from campaigns.channels.social import shown_address, shown_name


@pytest.mark.parametrize(
    "address",
    [
        "https://www.aneby.se",
        "https://www.aneby.se/",
        "https://www.aneby.se:8443/2027/04/inl%C3%A4gg/?p=41&lang=sv#topp",
        "https://social.example/@aneby/1~2_3-4.5!$()*+,;=[]",
    ],
)
def test_an_address_is_shown(address: str) -> None:
    assert shown_address(address) == address


def test_an_address_without_tls_is_shown_only_where_that_is_asked_for() -> None:
    assert shown_address("http://intranet:8080/?p=1") == ""
    assert shown_address("http://intranet:8080/?p=1", or_http=True) == "http://intranet:8080/?p=1"


@pytest.mark.parametrize(
    "value",
    [
        None,
        41,
        ["https://x.example/"],
        "",
        "x.example",
        "//x.example/",
        "javascript:alert(1)",
        "ftp://x.example/",
        "httpsx://x.example/",
        "https://",
        "https:///a",
        "https://anna:ord@x.example/",
        "https://x.example:port/",
        "https://x.example/" + "a" * 2000,
        *(f"https://x.example/a{sign}b" for sign in "\0\t\n\r\x1b\x7f\x85\u2028\u202e\ud800 \"'<>\\`{|}^å"),
        *(f"https://x{sign}.example/" for sign in "\0\n\ud800 \"'<>\\å"),
        "https://x.example/\n",
    ],
    ids=ascii,
)
def test_what_people_cannot_be_led_to_is_not_shown(value: object) -> None:
    assert shown_address(value) == ""
    assert shown_address(value, or_http=True) == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Åsa Öberg 🌸", "Åsa Öberg 🌸"),
        ("a\nOK:  aneby/webb: Allt är bra.", "aOK:  aneby/webb: Allt är bra."),
        ("\x1b[2J\x1b[31mA\r\u2028\u202eB\ud800\0", "[2J[31mAB"),
        ("x" * 500, "x" * 100),
        ("\n \ud800", "utan namn"),
        (None, "utan namn"),
        (["a"], "utan namn"),
    ],
    ids=ascii,
)
def test_a_name_keeps_to_its_line_and_can_be_written(value: object, shown: str) -> None:
    assert shown_name(value) == shown
    shown_name(value).encode()
