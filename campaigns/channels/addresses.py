"""Which addresses we may call. A channel's URL is written by people: it must not lead into our own network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from campaigns.channels.base import NotSentError, Resolver

Address = IPv4Address | IPv6Address

MOST_TRIED = 4  # addresses: each may cost a whole connection timeout

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291 section 2.4, as allocated by IANA
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291 section 2.5.5.1, deprecated: the same
# Public by number, yet inside: protocol assignments (RFC 6890; one cloud's metadata), another cloud's host agent.
_INSIDE = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"))
_PRIVATE = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
    IPv4Network("100.64.0.0/10"),
    IPv4Network("127.0.0.0/8"),
    IPv6Network("fc00::/7"),
    IPv6Network("::1/128"),
)


def checked_addresses(host: str, port: int, *, allow_private: bool, resolver: Resolver) -> tuple[str, ...]:
    """The addresses of `host`, every one of them allowed; connect to these and do not ask again.

    Raises NotSentError: to be tried again if the name has no answer now; it stops the channel if an address is refused.
    """
    try:
        found = [ip_address(text) for text in resolver(host, port)]
    except OSError:
        found = []
    except ValueError as error:  # also UnicodeError
        raise NotSentError(
            f"Adressen till {host} går inte att tyda. Rätta kanalens url.", is_permanent=False, stops_channel=True
        ) from error
    if not found:
        raise NotSentError(f"Namnet {host} går inte att slå upp just nu.", is_permanent=False)
    if not all(is_allowed(address, allow_private=allow_private) for address in found):
        raise NotSentError(
            f"{host} leder till en adress i ett internt nät. Rätta kanalens url, eller sätt"
            " allow_private_addresses = true om mottagaren verkligen står där.",
            is_permanent=False,
            stops_channel=True,
        )
    return tuple(str(address) for address in found[:MOST_TRIED])


def is_allowed(address: Address, *, allow_private: bool) -> bool:
    """Whether we may connect: public ones, and with `allow_private` also private ones and this machine.

    Link-local, multicast and reserved addresses are never allowed: no receiver is there, but a cloud's metadata is.
    """
    inner = _inner(address)
    if inner is not None:
        return is_allowed(inner, allow_private=allow_private)
    if any(address in network for network in _PRIVATE):
        return allow_private
    if isinstance(address, IPv6Address):
        return address in _GLOBAL_UNICAST and address.is_global
    is_inside = any(address in network for network in _INSIDE)
    return address.is_global and not (address.is_multicast or address.is_reserved or is_inside)


def _inner(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads on to: mapped, compatible, 6to4, NAT64."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
