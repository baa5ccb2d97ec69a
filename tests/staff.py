"""Staff to remind, in a town with its year planned, and a real mail server that keeps what they get."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from pathlib import Path

from sqlmodel import col, select

from campaigns.catalog import Catalog, ReminderRole
from campaigns.channels.base import Environment
from campaigns.database import Database
from campaigns.models import Notice
from campaigns.reminder_kinds import Topic
from campaigns.reminding import notices, reminders
from campaigns.reminding.notifying import Notifier, send_due
from campaigns.reminding.rows import Row, write
from campaigns.reminding.ways import Ways
from tests.builders import STOCKHOLM, day
from tests.conftest import TEMPLATES
from tests.fakes import Clock, Town
from tests.post_office import PostOffice, post_office

SAM = ReminderRole("Samordnare", email="sam@aneby.example", escalate_to="Chef")
KIM = ReminderRole("Chef", kinds=(Topic.ESCALATION,), email="kim@aneby.example")
PIA = ReminderRole("Polis", kinds=(Topic.NUDGE,), parties=("polis",), email="pia@polisen.example")
VALBORG = "valborg/2027/valborg/paminnelse/foraldrar"
WEDNESDAY = "Wed 2027-04-14 10:00"


def local(text: str) -> datetime:
    """The moment in "Fri 2027-04-30 08:00", local time. The weekday must be the right one."""
    return datetime.combine(day(text[:14]), time.fromisoformat(text[15:]), STOCKHOLM).astimezone(UTC)


@dataclass
class Staff:
    """A town with staff to remind, and what sends to them."""

    town: Town
    office: PostOffice
    folders: Sequence[Path] = (TEMPLATES,)
    environ: Mapping[str, str] | None = None
    url: str | None = None
    longest: float = 2

    @property
    def catalog(self) -> Catalog:
        return self.town.catalog

    def employ(self, *roles: ReminderRole) -> None:
        aneby = replace(self.catalog.municipality("aneby"), reminders=roles)
        self.town.catalog = replace(self.catalog, municipalities={"aneby": aneby})

    def remind(self, at: str | datetime) -> list[str]:
        self.town.clock.at = at if isinstance(at, datetime) else local(at)
        aneby, now = self.catalog.municipality("aneby"), self.town.clock.at
        with self.town.database.write() as session:
            due = reminders.due(session, self.catalog, aneby, now=now)
            return reminders.make(session, aneby, due, now=now)

    def make(
        self,
        kind: str,
        *,
        at: str | datetime,
        key: str = "ett",
        parties: str = "",
        detail: str = "",
        delivery: int | None = None,
    ) -> None:
        """One reminder, queued to whoever is to have it."""
        self.town.clock.at = now = at if isinstance(at, datetime) else local(at)
        post_id = self.town.post(VALBORG).id
        row = Row(key, "aneby", kind, f"Ämnet {key}", "", now.date(), post_id, delivery, parties, detail)
        with self.town.database.write() as session:
            ids = write(session, [row], now=now)
            wanted = [(ids[key], kind, parties.split())]
            notices.queue(session, self.catalog.municipality("aneby"), wanted, now=now)

    def notifier(self) -> Notifier:
        url = self.url or self.office.url
        ways = Ways(
            Environment(self.environ or {}, (1, 0.3), self.longest), url, "Kampanjhjulet <kampanj@aneby.example>"
        )
        return Notifier(self.town.database, ways, self.folders, "https://kampanj.example.se", self.town.clock)

    def send(self, at: str | datetime | None = None) -> int:
        if at is not None:
            self.town.clock.at = at if isinstance(at, datetime) else local(at)
        return send_due(self.notifier(), self.catalog)

    def notices(self) -> Sequence[Notice]:
        with self.town.database.read() as session:
            return session.exec(select(Notice).order_by(col(Notice.id))).all()

    def states(self) -> list[str]:
        return [item.state for item in self.notices()]

    def recipients(self) -> list[str]:
        return [recipient for mail in self.office.mails for recipient in mail.recipients]

    def text(self) -> str:
        """The text of the only mail there is."""
        [mail] = self.office.mails
        return str(mail.message.get_content()).replace("\r\n", "\n")


@contextmanager
def staffed(database: Database, catalog: Catalog) -> Iterator[Staff]:
    """Aneby in February 2027, with a coordinator, her second, and a police officer who signs."""
    town = Town(database, catalog, Clock(local("Mon 2027-02-01 08:00")))
    town.plan()
    with post_office() as office:
        made = Staff(town, office)
        made.employ(SAM, KIM, PIA)
        yield made
