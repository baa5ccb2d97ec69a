"""One look at where an address leads, over the network.

It is asked with HEAD, and with GET where that is not answered well. Redirects are followed by hand, so that every
address on the way is checked before it is called: none may lead into our own network.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urldefrag, urljoin, urlsplit

from campaigns.catalog import ChannelConfig
from campaigns.channels.addresses import is_allowed
from campaigns.channels.base import Environment, NotSentError, UnknownOutcomeError
from campaigns.channels.http import Response, call
from campaigns.faults import is_web_address
from campaigns.links import LONGEST_ADDRESS, LinkOutcome

MOST_REDIRECTS = 5
# Seconds to connect and to wait for bytes, and for one whole answer: a page that takes longer is told of.
TIMEOUT, LONGEST = (3.0, 6.0), 8.0

_MOVED_FOR_GOOD, _REDIRECTS = (301, 308), (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Found:
    """What became of a look. `detail` goes on from the address as a Swedish sentence. `is_answered`: by a server."""

    outcome: LinkOutcome
    detail: str = ""
    is_answered: bool = True


Look = Callable[[str], Found]


def look(address: str, *, environment: Environment, allow_private: bool = False) -> Found:
    """Where `address` leads now. Never raises for what the other end does."""
    environment = replace(environment, timeout=TIMEOUT, longest=LONGEST)
    place, is_for_good = address, True
    for _ in range(MOST_REDIRECTS + 1):
        refused = _refused(place, environment, allow_private=allow_private)
        if refused is not None:
            return refused
        answer = _ask(urldefrag(place).url, environment, allow_private=allow_private)
        if isinstance(answer, Found):
            return answer
        target = answer.headers.get("Location")
        if answer.status not in _REDIRECTS or target is None:
            return _told(answer, address, place, is_for_good=is_for_good)
        is_for_good = is_for_good and answer.status in _MOVED_FOR_GOOD
        try:
            place = urljoin(place, target)
        except ValueError:
            place = ""
        if not is_web_address(place) and not (allow_private and place.startswith("http://")):
            return _unsure("leder vidare till en adress som inte är en webbsida med https.")
        if len(place) > LONGEST_ADDRESS:
            return _unsure("leder vidare till en orimligt lång adress.")
    return _unsure(f"leder vidare mer än {MOST_REDIRECTS} gånger.")


def _refused(place: str, environment: Environment, *, allow_private: bool) -> Found | None:
    """Why `place` is not to be called, or None if it is."""
    parts = urlsplit(place)
    host, port = parts.hostname or "", parts.port or 443
    try:
        found = [ip_address(text) for text in environment.resolver(host, port)]
    except socket.gaierror as error:
        if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
            detail = f"går inte att nå: det finns ingen server med namnet {host}. Byt länken eller ta bort den."
            return Found(LinkOutcome.DEAD, detail, is_answered=False)
        return _unsure("gick inte att slå upp.")
    except (OSError, ValueError):
        return _unsure("gick inte att slå upp.")
    if all(is_allowed(item, allow_private=allow_private) for item in found):
        return None
    detail = "leder till ett internt nät, sett härifrån. Kontrollera att den går att öppna utifrån."
    return Found(LinkOutcome.REFUSED, detail, is_answered=False)


def _ask(place: str, environment: Environment, *, allow_private: bool) -> Response | Found:
    # What the shared call asks of a channel: only whether it may stand in our own network.
    caller = ChannelConfig("länkar", "länkar", "Länkar", (), allow_private_addresses=allow_private)
    for method in ("HEAD", "GET"):
        try:
            answer = call(method, place, environment=environment, channel=caller)
        except UnknownOutcomeError:
            continue
        except NotSentError:
            return _unsure("gick inte att ansluta till.")
        # Many servers answer HEAD wrongly: only what GET says is bad is bad.
        if method == "GET" or answer.status < 400:
            return answer
    return _unsure("svarade inte i tid eller inte rätt.")


def _told(answer: Response, address: str, place: str, *, is_for_good: bool) -> Found:
    if answer.status in (404, 410):
        return Found(LinkOutcome.DEAD, f"är död: sidan finns inte ({answer.status}). Byt länken eller ta bort den.")
    if not 200 <= answer.status < 300:
        return replace(_unsure(f"svarade {answer.status}."), is_answered=True)
    if urldefrag(place).url == urldefrag(address).url:
        return Found(LinkOutcome.OK)
    if is_for_good:
        return Found(LinkOutcome.MOVED, f"har flyttat till {place}. Byt till den adressen.")
    return Found(LinkOutcome.MOVED, f"leder vidare till {place}. Kontrollera att det är rätt sida.")


def _unsure(why: str) -> Found:
    """Nobody knows, and a person must look. `why` goes on from the address as a sentence."""
    return Found(LinkOutcome.UNREACHABLE, f"{why} Öppna den själv och kontrollera att den fungerar.", is_answered=False)
