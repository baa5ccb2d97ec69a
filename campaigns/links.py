"""Where links lead, as it was found when they were last looked at, and what that means for a message.

Nothing here asks the network: a signature must never wait for a stranger's server.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from sqlalchemy import bindparam, select
from sqlmodel import Session

from campaigns.catalog import Fact
from campaigns.content import Content, link_addresses
from campaigns.faults import Fault, FaultCode, Severity, is_web_address
from campaigns.models import LinkCheck

TRUSTED_FOR = timedelta(days=14)
LONGEST_ADDRESS = 2_000  # characters; PostgreSQL indexes no text much longer

# Addresses in running text: up to what cannot stand in one, without what ends the sentence around it.
_IN_TEXT = re.compile(r"""https://[^\s"'<>`”’,;)]+""")


class LinkOutcome(StrEnum):
    OK = "ok"
    MOVED = "moved"
    DEAD = "dead"  # the page or the server is not there
    REFUSED = "refused"  # inside our own network, where we do not look
    UNREACHABLE = "unreachable"  # nobody knows


@lru_cache(maxsize=256)  # each is asked for several times while a post is rendered
def addresses_of(content: Content) -> Mapping[str, str]:
    """The web addresses that a message leads to, each with the part where it stands: link or body."""
    found = dict.fromkeys(_web(link_addresses(content.body)), "body")
    return {**found, **dict.fromkeys(_web([content.link]), "link")}


def addresses_of_fact(fact: Fact) -> list[str]:
    """The web addresses in a fact's source and text, and a national campaign's own."""
    found = [item.rstrip(".:?!") for item in _IN_TEXT.findall(f"{fact.source} {fact.text}")]
    own = [fact.national.link] if fact.national and not fact.is_closed else []
    return list(dict.fromkeys(_web([*own, *found])))


def _web(addresses: Iterable[str]) -> Iterator[str]:
    return (item for item in addresses if is_web_address(item) and len(item) <= LONGEST_ADDRESS)


def troubled(session: Session, addresses: Collection[str], *, now: datetime) -> dict[str, LinkCheck]:
    """Those of the addresses that were not in order when they were looked at in the last fortnight."""
    if not addresses:
        return {}
    values = {"addresses": list(addresses), "since": now - TRUSTED_FOR}
    return {row.address: LinkCheck(**row._mapping) for row in session.execute(_TROUBLED, values)}


_LINK_CHECK = LinkCheck.__table__  # type: ignore[attr-defined]  # SQLModel gives every table model one
_TROUBLED = select(_LINK_CHECK).where(
    _LINK_CHECK.c.address.in_(bindparam("addresses", expanding=True)),
    _LINK_CHECK.c.outcome != LinkOutcome.OK,
    _LINK_CHECK.c.checked_at > bindparam("since"),
)


def link_faults(
    content: Content, facts_used: Iterable[str], facts: Mapping[str, Fact], checks: Mapping[str, LinkCheck]
) -> list[Fault]:
    """What `checks` say of the links of a message and of the facts that it rests on."""
    if not checks:
        return []
    places = addresses_of(content)
    found = [_fault(checks[item], f"Länken {item}", where) for item, where in places.items() if item in checks]
    for name in sorted(facts_used):
        found.extend(
            _fault(checks[item], f"Adressen {item} i uppgiften ”{name}”", "sources")
            for item in (addresses_of_fact(facts[name]) if name in facts else ())
            if item in checks and item not in places
        )
    return found


def _fault(check: LinkCheck, what: str, where: str) -> Fault:
    is_dead = check.outcome == LinkOutcome.DEAD
    code, severity = (FaultCode.DEAD_LINK, Severity.ERROR) if is_dead else (FaultCode.UNSURE_LINK, Severity.WARNING)
    return Fault(code, severity, f"{what} {check.detail}", where)
