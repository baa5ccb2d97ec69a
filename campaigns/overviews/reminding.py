"""Who is reminded of what and how, the ladder of reminders in words, and what was sent lately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from campaigns.catalog import Catalog, Municipality, ReminderRole
from campaigns.content import listed
from campaigns.models import Notice, Reminder
from campaigns.plan import DeadlineKind
from campaigns.reminder_kinds import Topic
from campaigns.reminding.addressees import Way
from campaigns.reminding.notices import by_reminder
from campaigns.reminding.reminders import latest_reminders
from campaigns.swedish import NOTICE_STATES, moment

MOST = 30
_TOPICS: Mapping[str, str] = {
    Topic.CONFIRM_DATES: "bekräfta datum",
    Topic.PLAN: "planera",
    Topic.WRITE: "skriva",
    Topic.SIGN: "godkänna",
    Topic.NOTE: "notera",
    Topic.FOLLOW_UP: "följa upp",
    Topic.NUDGE: "det som snart ska ut och inte är godkänt",
    Topic.ESCALATION: "det som ingen annan har gjort",
    Topic.FAILURE: "fel",
    Topic.BY_HAND: "det som görs för hand",
    Topic.DIGEST: "veckans brev",
}


@dataclass(frozen=True)
class RemindedRole:
    """An entry of the municipality's file. `ways` are addresses, partly hidden."""

    role: str
    topics: str
    ways: Sequence[str]
    parties: str
    escalates_to: str


@dataclass(frozen=True)
class Rung:
    """One step of the ladder: what, and when."""

    name: str
    when: str


@dataclass(frozen=True)
class SentReminder:
    """A reminder that has been made. `states` say what came of it, per address, by the name of the role."""

    at: str
    subject: str
    states: Sequence[str]


@dataclass(frozen=True)
class RemindersPage:
    roles: Sequence[RemindedRole]
    ladder: Sequence[Rung]
    sent: Sequence[SentReminder]


def reminders_page(session: Session, catalog: Catalog, municipality: Municipality) -> RemindersPage:
    """All of it for one municipality."""
    made = latest_reminders(session, municipality=municipality.id, most=MOST)
    notices = by_reminder(session, [item.id for item in made if item.id is not None])
    return RemindersPage(
        roles=[_role(entry, municipality) for entry in municipality.reminders],
        ladder=list(_ladder(catalog)),
        sent=[_sent(item, notices.get(item.id or 0, []), municipality) for item in made],
    )


def masked(email: str) -> str:
    """”k…@kommunen.se”: enough to be known by whoever it belongs to."""
    box, _, host = email.rpartition("@")
    return f"{box[:1]}…@{host}"


def _role(entry: ReminderRole, municipality: Municipality) -> RemindedRole:
    names = municipality.party_names
    every = "allt utom det som ingen annan har gjort"
    return RemindedRole(
        role=entry.role,
        topics=listed([_TOPICS.get(kind, kind) for kind in entry.kinds]) if entry.kinds else every,
        ways=[
            *([f"e-post till {masked(entry.email)}"] if entry.email else []),
            *(["Teams eller annan tjänst, med en hemlig adress"] if entry.apprise else []),
        ],
        parties=listed([names.get(party, party) for party in entry.parties]),
        escalates_to=entry.escalate_to or "",
    )


def _ladder(catalog: Catalog) -> Iterable[Rung]:
    """The deadlines as most campaigns have them, and what the program adds by itself."""
    for kind in DeadlineKind:
        offsets = sorted(
            item.offset_days
            for campaign in catalog.campaigns.values()
            for item in campaign.deadlines
            if item.kind == kind
        )
        if offsets:
            yield Rung(_TOPICS[kind.value].capitalize(), _when(offsets[0], offsets[-1]))
    yield Rung("Första knuffen", "48 timmar innan ett budskap som inte är godkänt ska ut")
    yield Rung("Andra knuffen", "24 timmar innan")
    yield Rung("Till nästa person", "8 timmar innan, till den som står som nästa")
    yield Rung("Fel", "inom tio minuter, 07–21 alla dagar")
    yield Rung("Veckans brev", "första arbetsdagen varje vecka")


def _when(first: int, last: int) -> str:
    """”56 dagar före riskdatumet”, ”28–35 dagar före”, ”3 dagar efter”."""
    after = first > 0
    near, far = sorted((abs(first), abs(last)))
    days = f"{near}" if near == far else f"{near}–{far}"
    return f"{days} dagar {'efter' if after else 'före'} riskdatumet"


def _address(address_id: str) -> str:
    """”Samordnare, e-post”, of an address's id."""
    role, _, way = address_id.rpartition("/")
    return f"{role}, {'annan tjänst' if way == Way.APPRISE else way}"


def _sent(item: Reminder, notices: Iterable[Notice], municipality: Municipality) -> SentReminder:
    subject = item.subject.partition(f": {municipality.id}/")[0]  # without the post's key, which is for programs
    return SentReminder(
        at=moment(item.created_at, municipality.zone),
        subject=subject,
        states=[f"{NOTICE_STATES[notice.state]} {_address(notice.address)}" for notice in notices],
    )
