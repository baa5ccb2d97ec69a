"""National campaigns: which there are, and whether a message spreads one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from campaigns.catalog import Catalog, Fact
from campaigns.content import Content
from campaigns.links import addresses_of

_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*\.(se|nu|com|org|eu|net)(/\S*)?", re.IGNORECASE)


@dataclass(frozen=True)
class NationalCampaign:
    """A campaign that others have made. A message spreads it by leading to `address`, or by naming it as `named`."""

    id: str
    name: str
    address: str  # a host and perhaps a path, without https:// and www.
    named: str


def national_campaigns(catalog: Catalog) -> list[NationalCampaign]:
    """Those that the facts tell of."""
    return [_campaign(fact) for fact in catalog.facts.values() if fact.kind == "kampanj"]


def _campaign(fact: Fact) -> NationalCampaign:
    text = fact.text.strip()
    known = fact.national
    if known is not None and known.link:
        return NationalCampaign(fact.id, known.name, _bare(known.link), known.name)
    if text.startswith(("https://", "http://")):
        return NationalCampaign(fact.id, fact.note.split(".")[0].strip() or text, _bare(text), text)
    return NationalCampaign(fact.id, text, _bare(f"https://{text}") if _DOMAIN.fullmatch(text) else "", text)


def spread_in(content: Content, known: Iterable[NationalCampaign]) -> list[str]:
    """The ids of the national campaigns that the message leads to or names."""
    led_to = [_bare(item) for item in addresses_of(content)]
    words = f"{content.title}\n{content.short}\n{content.body}".casefold()
    found = (item.id for item in known if any(_is_in(each, item.address) for each in led_to) or _is_named(item, words))
    return [*dict.fromkeys(found)]  # one may be known by several addresses


def _is_named(item: NationalCampaign, words: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(item.named.casefold())}(?!\w)", words) is not None


def _is_in(address: str, of: str) -> bool:
    return bool(of) and (address == of or address.startswith(f"{of}/"))


def _bare(address: str) -> str:
    parts = urlsplit(address)
    return f"{(parts.hostname or '').removeprefix('www.')}{parts.path}".rstrip("/")
