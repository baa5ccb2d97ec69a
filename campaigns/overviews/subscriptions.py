"""What there is to subscribe to: the public calendar with filters, the news, and people's own secret addresses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from markupsafe import escape
from sqlmodel import Session

from campaigns import feed_tokens
from campaigns.catalog import Catalog, Municipality
from campaigns.feed_tokens import FeedToken


@dataclass(frozen=True)
class Option:
    """One value of a filter, and whether it is chosen."""

    id: str
    name: str
    is_chosen: bool


@dataclass(frozen=True)
class CalendarChoice:
    """The public calendar with what is chosen, and its address."""

    campaigns: Sequence[Option]
    audiences: Sequence[Option]
    address: str

    @property
    def is_narrowed(self) -> bool:
        return any(option.is_chosen for option in (*self.campaigns, *self.audiences))


@dataclass(frozen=True)
class SecretAddress:
    """A personal address as listed. The secret in it is known only to the one it was shown to."""

    id: int
    name: str
    created_at: datetime


def public_calendar(
    catalog: Catalog, municipality: Municipality, *, campaigns: Iterable[str], audiences: Iterable[str], base_url: str
) -> CalendarChoice:
    """The calendar of the chosen campaigns and audiences, all where none is chosen. Unknown ones are left out."""
    wanted_campaigns, wanted_audiences = set(campaigns), set(audiences)
    on, borrowed = {item.id for item in municipality.risk_dates}, set(municipality.recipes.values())
    campaign_options = [
        Option(item.id, item.name, item.id in wanted_campaigns)
        for item in catalog.campaigns.values()
        if item.risk_date in on or item.id in borrowed
    ]
    audience_options = [Option(item.id, item.name, item.id in wanted_audiences) for item in catalog.audiences.values()]
    asked = {"campaign": _chosen(campaign_options), "audience": _chosen(audience_options)}
    query = urlencode({name: value for name, value in asked.items() if value}, safe=",")
    address = f"{base_url}/feeds/{municipality.id}/riskdatum-{municipality.id}.ics"
    return CalendarChoice(campaign_options, audience_options, address + (f"?{query}" if query else ""))


def own_addresses(session: Session, municipality: Municipality, name: str) -> Sequence[SecretAddress]:
    """The person's own addresses that are in use, oldest first."""
    return _in_use(feed_tokens.list_feed_tokens(session, municipality=municipality.id, owner=name))


def all_addresses(session: Session, municipality: Municipality) -> Sequence[SecretAddress]:
    """Everybody's addresses that are in use, oldest first."""
    return _in_use(feed_tokens.list_feed_tokens(session, municipality=municipality.id))


def private_address(municipality: Municipality, secret: str, *, base_url: str) -> str:
    """The editorial calendar's address with a secret that has just been made."""
    return f"{base_url}/feeds/private/{secret}/redaktion-{municipality.id}.ics"


def embed_code(municipality: Municipality, *, base_url: str) -> str:
    """What another site's editor pastes in to show the messages there."""
    title = f"Aktuellt från {municipality.name} och polisen mot langning"
    return _frame(f"{base_url}/sida/{municipality.id}/inbaddad", title)


def follow_up_code(municipality: Municipality, *, base_url: str) -> str:
    """The same for the newest published follow-up."""
    title = f"Så håller {municipality.name} och polisen löftet"
    return _frame(f"{base_url}/sida/{municipality.id}/uppfoljning/inbaddad", title)


def _frame(source: str, title: str) -> str:
    return f'<iframe src="{escape(source)}" title="{escape(title)}" width="100%" height="800" loading="lazy"></iframe>'


def _in_use(found: Iterable[FeedToken]) -> Sequence[SecretAddress]:
    return [SecretAddress(item.id, item.name, item.created_at) for item in found if item.revoked_at is None]


def _chosen(options: Iterable[Option]) -> str:
    return ",".join(option.id for option in options if option.is_chosen)
