"""Aneby's two-year promise, 2025–2026, lived through on a simulated clock, with all that can happen in two years.

Refusals, silence, pauses, steps left out, texts that nobody signed, tasks done by hand and not, efforts when the
situation changed. `Ledger` keeps what the channels were given, apart from the rows that are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlmodel import Session, SQLModel, col, select

from campaigns import approval, efforts, step_changes
from campaigns.activities import Outcome as Told
from campaigns.activities import Told as Telling
from campaigns.activities import tell_activity
from campaigns.catalog import Catalog
from campaigns.channels.base import NotSentError, Outcome, Pace, Receipt, Shipment, UnknownOutcomeError
from campaigns.database import Database
from campaigns.facts import confirm_fact
from campaigns.models import Delivery, DeliveryState, Post
from campaigns.occurrences import LocalDate
from campaigns.season import season
from campaigns.sending import pauses, queue
from campaigns.wiring import Parts, open_parts
from scheduler import jobs
from scheduler.simulate import Stage

STOCKHOLM = ZoneInfo("Europe/Stockholm")
START, END = datetime(2025, 1, 1, 6, 0, tzinfo=STOCKHOLM), datetime(2027, 1, 20, 8, 0, tzinfo=STOCKHOLM)
EACH = (jobs.reap_leases, jobs.publish_local, jobs.send_outside, jobs.keep_activities, jobs.follow_up)
SCHOOLS = {
    2025: {"jonkoping": "06-05", "holaveden": "06-05", "eksjo": "06-04", "nassjo": "06-10", "vetlanda": "06-11"},
    2026: {"jonkoping": "06-04", "holaveden": "06-05", "eksjo": "06-03", "nassjo": "06-09"},  # Vetlanda's never came
}
LAST_DAY_OF_SCHOOL = {2025: "2025-06-12", 2026: "2026-06-11"}


@dataclass(frozen=True)
class Given:
    """What a channel was given, and what it answered: accepted, refused or silent."""

    at: datetime
    key: str
    channel: str
    payload: str
    due_at: datetime
    answer: str


@dataclass
class Ledger:
    given: list[Given] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)  # told of activities, by key


@dataclass(frozen=True)
class Sink:
    """A channel that remembers everything. Each `refuses`-th it refuses for good, each `silent`-th it never answers."""

    ledger: Ledger
    kind: str
    outcome: Outcome = Outcome.PUBLISHED
    refuses: int = 0
    silent: int = 0
    is_idempotent: bool = False
    is_local: bool = True
    can_find: bool = False
    pace: Pace | None = None

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        number = sum(item.channel == shipment.channel.id for item in self.ledger.given) + 1
        answer = "accepted"
        if self.refuses and number % self.refuses == 0:
            answer = "refused"
        elif self.silent and number % self.silent == 0:
            answer = "silent"
        text = shipment.payload.decode()
        self.ledger.given.append(Given(now, shipment.key, shipment.channel.id, text, shipment.due_at, answer))
        if answer == "refused":
            raise NotSentError("Nekat.", is_permanent=True)
        if answer == "silent":
            raise UnknownOutcomeError("Inget svar.", needs_person=True)
        return Receipt(self.outcome, url=shipment.page_url if self.outcome is Outcome.PUBLISHED else "")


@dataclass(frozen=True)
class PromisedYears:
    """The two years when they are over."""

    parts: Parts
    database: Database
    catalog: Catalog
    ledger: Ledger


def live_through(folder: Path) -> PromisedYears:
    """Two years, from the first of January 2025 until a while into 2027."""
    database = Database(f"sqlite:///{folder}/promised.db")
    SQLModel.metadata.create_all(database.writer)
    opened = open_parts({"KAMPANJHJUL_DATA_DIR": str(folder)}, clock=lambda: START, database=database)
    ledger = Ledger()
    sinks = {
        "webb": Sink(ledger, "webb", refuses=17, silent=23),
        "skarm": Sink(ledger, "skarm", refuses=13),
        "manuell": Sink(ledger, "manuell", Outcome.MANUAL),
    }
    stage = Stage(opened, opened.catalog, database, START, channels=sinks)
    stage.enter(_dates())
    with database.write() as session:
        for fact in opened.catalog.facts:
            confirm_fact(session, opened.catalog, fact, name="Sam", valid_until=date(2026, 12, 31), now=START)
    for at, is_approving, act in sorted(_acts(stage, ledger), key=lambda item: item[0]):
        stage.run(at, each=EACH, is_approving=is_approving)
        act(at)
    stage.run(END, each=EACH, is_approving=True)
    return PromisedYears(stage.parts, database, opened.catalog, ledger)


def _dates() -> list[LocalDate]:
    found = [
        LocalDate("student", place, year, date.fromisoformat(f"{year}-{day}"), is_confirmed=True)
        for year, schools in SCHOOLS.items()
        for place, day in schools.items()
    ]
    return found + [
        LocalDate("skolavslutning", "furulidsskolan", year, date.fromisoformat(text), is_confirmed=True)
        for year, text in LAST_DAY_OF_SCHOOL.items()
    ]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=STOCKHOLM)


def _acts(stage: Stage, ledger: Ledger) -> list[tuple[datetime, bool, Callable[[datetime], None]]]:
    """(when, whether everything is signed on its day until then, what happens)."""
    people = _People(stage, ledger)
    return [
        (_at("2025-03-03T09:00"), True, people.skip("valborg/2025/valborg/infor/syskon", "Skolan har ett eget brev")),
        (_at("2025-04-28T12:00"), True, people.pause("", "Olycka vid skolan")),
        (_at("2025-04-30T06:30"), True, people.resume("")),
        (_at("2025-05-03T09:00"), True, people.tell_of("nattvandring", "valborg/2025", Told.DONE, 14)),
        (_at("2025-05-20T09:00"), True, people.do_tasks(keep=3)),
        (_at("2025-08-20T09:00"), True, people.decide_on("trafik", "Hastighetskontroll", "2025-09-01")),
        (_at("2025-09-20T09:00"), True, people.do_tasks(keep=4)),
        # Nobody signs before Christmas 2025; one text is signed late, but in time to go out.
        (_at("2025-12-14T18:00"), False, people.sign_late),
        (_at("2026-01-08T09:00"), False, people.tell_of_all_untold(2025)),
        (_at("2026-04-20T12:00"), True, people.pause("skarm", "Skärmarna byts")),
        (_at("2026-05-02T12:00"), True, people.resume("skarm")),
        (
            _at("2026-05-18T09:00"),
            True,
            people.skip("midsommar/2026/midsommar/narmast/unga-vuxna", "Samma dag som en fest"),
        ),
        (_at("2026-07-01T09:00"), True, people.do_tasks(keep=5)),
        (_at("2026-08-03T09:00"), True, people.decide_on("langning", "Samtal i butik", "2026-08-14")),
        (_at("2026-12-30T09:00"), True, people.do_tasks(keep=6)),
    ]


@dataclass(frozen=True)
class _People:
    stage: Stage
    ledger: Ledger

    def _write(self, act: Callable[[Session], object]) -> None:
        with self.stage.database.write() as session:
            act(session)

    def skip(self, key: str, reason: str) -> Callable[[datetime], None]:
        def act(now: datetime) -> None:
            with self.stage.database.write() as session:
                post = session.exec(select(Post).where(Post.key == f"aneby/{key}")).one()
                aneby = self.stage.catalog.municipality("aneby")
                messages = self.stage.parts.messages
                catalog = self.stage.catalog
                step_changes.skip_step(
                    session, catalog, messages, aneby, [post.id or 0], reason=reason, name="Kim Kommun", now=now
                )

        return act

    def pause(self, channel: str, reason: str) -> Callable[[datetime], None]:
        return lambda now: self._write(
            lambda session: pauses.pause(
                session,
                self.stage.catalog,
                municipality="aneby",
                channel=channel,
                reason=reason,
                name="Kim Kommun",
                now=now,
            )
        )

    def resume(self, channel: str) -> Callable[[datetime], None]:
        return lambda now: self._write(
            lambda session: pauses.resume(
                session, self.stage.catalog, municipality="aneby", channel=channel, name="Kim Kommun", now=now
            )
        )

    def tell_of(self, activity: str, campaign_year: str, outcome: Told, number: int) -> Callable[[datetime], None]:
        campaign, year = campaign_year.split("/")
        key = f"{campaign}/aneby/{campaign}/{year}/-/{activity}"

        def act(now: datetime) -> None:
            self._tell(key, Telling(outcome, "", number), now)

        return act

    def _tell(self, key: str, told: Telling, now: datetime) -> None:
        if told.number is not None:
            self.ledger.numbers[key] = told.number
        aneby = self.stage.catalog.municipality("aneby")
        self._write(
            lambda session: tell_activity(
                session, self.stage.catalog, aneby, key, told=told, name="Sam Samordnare", now=now
            )
        )

    def tell_of_all_untold(self, year: int) -> Callable[[datetime], None]:
        """The other activities of the year's campaigns: every other one was not done."""

        def act(now: datetime) -> None:
            aneby = self.stage.catalog.municipality("aneby")
            with self.stage.database.read() as session:
                laid = season(session, self.stage.catalog, aneby, years=[year])
            keys = sorted(item.key for item in laid.plan.activities if item.key not in self.ledger.numbers)
            for number, key in enumerate(keys):
                is_done = number % 2 == 0
                told = Telling(Told.DONE, "", number) if is_done else Telling(Told.NOT_DONE, "För få anmälda")
                self._tell(key, told, now)

        return act

    def decide_on(self, promise: str, title: str, day: str) -> Callable[[datetime], None]:
        """An effort outside the campaigns, that nobody tells of afterwards."""

        def act(now: datetime) -> None:
            aneby = self.stage.catalog.municipality("aneby")
            with self.stage.database.write() as session:
                efforts.add_effort(
                    session,
                    self.stage.catalog,
                    aneby,
                    promise=promise,
                    title=title,
                    day=date.fromisoformat(day),
                    responsible="Polisen",
                    situation="Fler klagar på buskörning.",
                    name="Sam Samordnare",
                    now=now,
                )

        return act

    def do_tasks(self, *, keep: int) -> Callable[[datetime], None]:
        """Mark the waiting tasks as done, but for each `keep`-th; and say that what got no answer did go out."""

        def act(now: datetime) -> None:
            with self.stage.database.write() as session:
                rows = session.exec(
                    select(Delivery)
                    .where(col(Delivery.state).in_([DeliveryState.MANUAL, DeliveryState.UNKNOWN]))
                    .order_by(col(Delivery.id))
                ).all()
                for number, row in enumerate(rows, start=1):
                    if number % keep:
                        queue.done(session, self.stage.catalog, row.id or 0, name="Kim Kommun", url="", now=now)

        return act

    def sign_late(self, now: datetime) -> None:
        """Both parties sign the text that was due an hour or two ago and may still go out."""
        with self.stage.database.write() as session:
            late = session.exec(
                select(Post)
                .where(Post.municipality == "aneby", Post.due_at <= now, Post.due_at > now - timedelta(days=1))
                .where(Post.not_after > now)
            ).all()
            assert late
            for post in late:
                for party, name in (("kommun", "Kim Kommun"), ("polis", "Pia Polis")):
                    approval.approve(
                        session,
                        self.stage.catalog,
                        self.stage.parts.messages,
                        post.id or 0,
                        party=party,
                        name=name,
                        now=now,
                    )
