"""Mailing a personal address to somebody who stands in the municipality's file."""

from __future__ import annotations

from datetime import datetime

from campaigns.catalog import Municipality, ReminderRole
from campaigns.channels.base import NotSentError, UnknownOutcomeError
from campaigns.reminding.addressees import Address, Way
from campaigns.reminding.texts import Text
from campaigns.reminding.ways import Ways
from campaigns.signing_links import Made
from campaigns.swedish import moment


def mail_roles(municipality: Municipality, party: str) -> list[ReminderRole]:
    """Whom in the municipality's file an address for the party can be mailed to."""
    return [item for item in municipality.reminders if item.email and (not item.parties or party in item.parties)]


def mail_link(
    ways: Ways, municipality: Municipality, made: Made, role: ReminderRole, *, base_url: str, now: datetime
) -> str:
    """Mail the address to the role's own mail address. Returns what to tell: that it went, or why it may not have."""
    count = len(made.post_ids)
    party, until = municipality.party(made.party).name, moment(made.expires_at, municipality.zone)
    body = (
        f"Hej {made.name}!",
        f"Läs {'texten' if count == 1 else 'texterna'} och godkänn, eller avslå och skriv vad som ska ändras. "
        "Du behöver inget konto:",
        made.url(base_url),
        f"Länken är personlig: skicka den inte vidare. Den gäller till {until}. "
        "Ändras en text behövs en ny länk för den.",
        f"Kampanjhjulet för {municipality.name}",
    )
    text = Text(f"{count} budskap att godkänna för {party}", "\n\n".join(body))
    to = Address(f"{role.role}/{Way.MAIL}", Way.MAIL, role.email or "")
    try:
        ways.send(to, text, key=f"signing-link:{made.id}", now=now)
    except NotSentError as error:
        return f"Mejlet gick inte iväg: {error.message} Kopiera länken och skicka den själv."
    except UnknownOutcomeError:
        return "Det är osäkert om mejlet kom fram. Fråga mottagaren, eller kopiera länken och skicka den själv."
    return f"Länken är skickad till {role.role}."
