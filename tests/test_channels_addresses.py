"""A channel's URL never leads into our own network, however it is written."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from campaigns.channels.addresses import MOST_TRIED, checked_addresses, is_allowed
from campaigns.channels.base import NotSentError, system_resolver

PUBLIC = ["1.1.1.1", "192.88.98.1", "193.10.1.1", "2a00:1450:400f::5e", "64:ff9b::1.1.1.1", "::ffff:1.1.1.1"]
PRIVATE = [
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.0.9",
    "::1",
    "fd00:ec2::254",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::a00:1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
]
NEVER = [
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.0.192",
    "168.63.129.16",
    "192.0.2.1",
    "198.18.0.1",
    "::",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "100::1",
    "64:ff9b:1::1",
    "64:ff9b::169.254.169.254",
    "::ffff:169.254.169.254",
    "2002:a9fe:a9fe::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_allowed(text: str) -> None:
    assert is_allowed(ip_address(text), allow_private=False)


@pytest.mark.parametrize("text", PRIVATE)
def test_private_addresses_are_allowed_only_where_the_channel_says_so(text: str) -> None:
    assert not is_allowed(ip_address(text), allow_private=False)
    assert is_allowed(ip_address(text), allow_private=True)


@pytest.mark.parametrize("text", NEVER)
def test_link_local_multicast_and_reserved_addresses_are_never_allowed(text: str) -> None:
    assert not is_allowed(ip_address(text), allow_private=False)
    assert not is_allowed(ip_address(text), allow_private=True)


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "::ffff:127.0.0.1"])
def test_other_ways_to_write_this_machine_are_seen_through(host: str) -> None:
    with pytest.raises(NotSentError, match="internt nät") as caught:
        checked_addresses(host, 80, allow_private=False, resolver=system_resolver)

    assert caught.value.stops_channel
    assert not caught.value.is_permanent


def test_one_private_address_among_public_ones_refuses_them_all() -> None:
    with pytest.raises(NotSentError, match="internt nät"):
        checked_addresses("a.example", 443, allow_private=False, resolver=lambda *_: ["1.1.1.1", "10.0.0.1"])


def test_a_private_address_beyond_those_tried_refuses_them_all() -> None:
    found = [f"1.1.1.{number}" for number in range(MOST_TRIED)]

    with pytest.raises(NotSentError, match="internt nät"):
        checked_addresses("a.example", 443, allow_private=False, resolver=lambda *_: [*found, "10.0.0.1"])


def test_no_more_addresses_are_tried_than_there_is_time_for() -> None:
    found = [f"1.1.1.{number}" for number in range(20)]

    checked = checked_addresses("a.example", 443, allow_private=False, resolver=lambda *_: found)

    assert checked == ("1.1.1.0", "1.1.1.1", "1.1.1.2", "1.1.1.3")


def test_a_name_that_has_no_answer_now_is_tried_again_later() -> None:
    def silent(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    def empty(_host: str, _port: int) -> Sequence[str]:
        return []

    for resolver in (silent, empty):
        with pytest.raises(NotSentError, match=r"a\.example") as caught:
            checked_addresses("a.example", 443, allow_private=False, resolver=resolver)
        assert (caught.value.is_permanent, caught.value.stops_channel) == (False, False)


def test_a_name_that_cannot_be_stops_the_channel() -> None:
    with pytest.raises(NotSentError, match="går inte att tyda") as caught:
        checked_addresses("a" * 64 + ".example", 443, allow_private=False, resolver=system_resolver)

    assert caught.value.stops_channel
