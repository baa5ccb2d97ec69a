"""Every figure in the follow-ups of a two-year promise is what the log and the channels themselves tell.

The counts below never look at posts, deliveries or signatures as rows: only at the log of acts, at what the channels
were given and answered, and at what the files say was to be done.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import pytest
from sqlmodel import Session, select

from campaigns.catalog import Catalog, Party
from campaigns.followup import reporting, stored
from campaigns.followup.document import Document, Section
from campaigns.followup.figures import CoverageLine
from campaigns.followup.periods import Period, period_from
from campaigns.followup.sentences import headline, plain_text
from campaigns.models import AuditEntry
from campaigns.plan import PlannedStep
from campaigns.promises import Revision
from campaigns.readability import read
from campaigns.season import season
from tests.promised_years import END, STOCKHOLM, Given, PromisedYears, live_through

pytestmark = pytest.mark.pages

PERIODS = [f"{year}-t{number}" for year in (2025, 2026) for number in (1, 2, 3)] + ["2025", "2026", "20250101-20261231"]
JOINT = {("nyar", year): (f"aneby/jul/{year}/jul/tidigt/",) for year in (2025, 2026)}
SMALL = dict(
    enumerate(["ett", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva", "tolv"], start=1)
)
ADDRESS = "polisen.se/om-polisen/polisens-arbete/unga-och-alkohol"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PromisedYears]:
    found = live_through(tmp_path_factory.mktemp("promised"))
    yield found
    found.database.close()


@dataclass(frozen=True)
class Witness:
    """What happened, by the log, the channels and the files."""

    log: list[AuditEntry]
    given: list[Given]
    steps: list[PlannedStep]
    period: Period

    def is_in(self, at: datetime) -> bool:
        return self.period.first <= at.astimezone(STOCKHOLM).date() <= self.period.last

    @cached_property
    def left_out(self) -> set[str]:
        return {item.subject for item in self.log if item.action == "utelämnade"}

    @cached_property
    def signed(self) -> dict[str, datetime]:
        """When the last of both parties signed."""
        by: dict[str, dict[str, datetime]] = defaultdict(dict)
        for item in self.log:
            if found := re.fullmatch("godkände för (kommun|polis)", item.action):
                by[item.subject].setdefault(found[1], item.at)
        return {key: max(parties.values()) for key, parties in by.items() if len(parties) == 2}

    @cached_property
    def done_at(self) -> dict[str, datetime]:
        return {item.subject: item.at for item in self.log if item.action == "markerade som utskickad"}

    @cached_property
    def pauses(self) -> list[tuple[str, datetime, datetime]]:
        begun = {item.subject: item.at for item in self.log if item.action == "pausade"}
        over = {item.subject: item.at for item in self.log if item.action == "avslutade pausen"}
        return [(subject, begun[subject], over[subject]) for subject in begun]

    @cached_property
    def out(self) -> dict[str, datetime]:
        """Sendings that went out: accepted by a channel, done by hand, or seen by a person to have gone out."""
        accepted = {
            item.key: item.at for item in self.given if item.answer == "accepted" and item.channel in ("webb", "skarm")
        }
        return {**accepted, **self.done_at}

    def state(self, key: str, due_at: datetime) -> str:
        channel = key.split(":")[1]
        answers = [item.answer for item in self.given if item.key == key]
        if key in self.out:
            return "published" if channel in ("webb", "skarm") else "by_hand"
        if answers:
            return {"accepted": "by_hand_waiting", "refused": "failed", "silent": "unknown"}[answers[-1]]
        is_paused = any(
            subject in ("alla kanaler", channel) and begun <= due_at <= over for subject, begun, over in self.pauses
        )
        return "missed" if is_paused else "nothing"

    def sendings(self) -> Counter[str]:
        """What became of each sending that the signed texts of these days were to be."""
        found: Counter[str] = Counter()
        for step in self.steps:
            if step.key in self.signed and step.key not in self.left_out:
                for channel in step.channels:
                    key = f"{step.key}:{channel}:sv:1"
                    if self.is_in(step.due_at):
                        found[self.state(key, step.due_at)] += 1
        return found

    def out_in_period(self) -> list[str]:
        """Sendings that went out, whenever they did, of the texts that were due in these days."""
        due = {step.key for step in self.due()}
        return [key for key in self.out if key.split(":")[0] in due]

    def belated(self) -> list[str]:
        """Sendings that went out in these days, of texts that were due before them."""
        earlier = {step.key for step in self.steps if step.due_at.astimezone(STOCKHOLM).date() < self.period.first}
        return [key for key, at in self.out.items() if self.is_in(at) and key.split(":")[0] in earlier]

    def due(self) -> list[PlannedStep]:
        return [step for step in self.steps if self.is_in(step.due_at)]

    def is_undated(self, step: PlannedStep) -> bool:
        return not step.occurrence.has_day

    def out_posts(self) -> set[str]:
        return {key.split(":")[0] for key in self.out}


def witness(lived: PromisedYears, period: str) -> Witness:
    aneby = lived.catalog.municipality("aneby")
    with lived.database.read() as session:
        log = list(session.exec(select(AuditEntry).order_by(AuditEntry.id)))  # type: ignore[arg-type]  # SQLModel's columns
        left_out = {item.subject for item in log if item.action == "utelämnade"}
        laid = season(session, lived.catalog, aneby, years=[2024, 2025, 2026, 2027])
    steps = [step for step in laid.plan.steps if step.merged_into is None]
    assert left_out <= {step.key for step in steps}
    return Witness(log, lived.ledger.given, steps, period_from(period))


def report(lived: PromisedYears, period: str, catalog: Catalog | None = None, at: datetime = END) -> Document:
    used = catalog or lived.catalog
    with lived.database.read() as session:
        return reporting.report(session, used, used.municipality("aneby"), period_from(period), now=at)


def langning(lived: PromisedYears, period: str) -> Section:
    [found] = [section for section in report(lived, period).sections if section.promise == "langning"]
    return found


@pytest.mark.parametrize("period", PERIODS)
def test_messages_are_what_the_log_and_the_channels_tell(lived: PromisedYears, period: str) -> None:
    seen = witness(lived, period)
    out = seen.out_posts()

    found = langning(lived, period).messages

    due = seen.due()
    rest = [step for step in due if step.key not in out and step.key not in seen.left_out]
    undated = [step for step in rest if seen.is_undated(step)]
    dated = [step for step in rest if not seen.is_undated(step)]
    assert found.planned == len(due)
    assert found.out == sum(step.key in out for step in due)
    assert found.skipped == sum(step.key in seen.left_out for step in due)
    assert found.undated == len(undated)
    assert found.unsigned == sum(seen.signed.get(step.key, END) > step.not_after for step in dated)
    assert found.held_up == sum(seen.signed.get(step.key, END) <= step.not_after for step in dated)
    assert found.coming == 0


@pytest.mark.parametrize("period", PERIODS)
def test_signatures_in_time_are_what_the_log_tells(lived: PromisedYears, period: str) -> None:
    seen = witness(lived, period)

    found = langning(lived, period).signing

    due = [step for step in seen.due() if step.key not in seen.left_out and not seen.is_undated(step)]
    assert found.due == len(due)
    assert found.in_time == sum(seen.signed.get(step.key, END) <= step.due_at for step in due)
    assert found.late == sum(step.due_at < seen.signed.get(step.key, END) <= step.not_after for step in due)


@pytest.mark.parametrize("period", PERIODS)
def test_sendings_are_what_the_channels_were_given_and_people_did(lived: PromisedYears, period: str) -> None:
    seen = witness(lived, period)
    counted = seen.sendings()

    found = langning(lived, period).deliveries

    assert counted["nothing"] == 0
    named = ("published", "by_hand", "by_hand_waiting", "failed", "unknown", "missed")
    assert {name: getattr(found, name) for name in named} == {name: counted[name] for name in named}
    assert found.belated == len(seen.belated())
    others = ("handed_over", "too_late", "stopped", "waiting", "withdrawn", "corrected")
    assert {name: getattr(found, name) for name in others} == dict.fromkeys(others, 0)


@pytest.mark.parametrize("period", PERIODS)
def test_the_headline_tells_of_the_messages_of_the_period_and_of_no_others(lived: PromisedYears, period: str) -> None:
    seen = witness(lived, period)
    document = report(lived, period)

    said = headline(document)

    keys = seen.out_in_period()
    posts = len({key.split(":")[0] for key in keys})
    assert document.totals is not None
    assert (document.totals.posts, document.totals.sendings) == (posts, len(keys))
    assert said[:2] == [
        f"Vi skickade {SMALL.get(posts, posts)} budskap.",
        f"{'Det' if posts == 1 else 'De'} gick ut {SMALL.get(len(keys), len(keys))} gånger.",
    ]
    assert len(keys) >= posts
    assert sum(line.deliveries for line in langning(lived, period).channels) == len(keys)


def test_what_answers_to_two_promises_is_told_once(lived: PromisedYears) -> None:
    valborg = lived.catalog.campaigns["valborg"]
    both = replace(valborg, promises=(*valborg.promises, "trygghet"))
    catalog = replace(lived.catalog, campaigns={**lived.catalog.campaigns, "valborg": both})

    document = report(lived, "2025", catalog)

    [shared] = [item for item in document.sections if item.promise == "trygghet"]
    assert min(shared.messages.out, shared.deliveries.out, len(shared.activities), len(shared.gaps)) > 0
    assert document.totals == report(lived, "2025").totals
    assert headline(document) == headline(report(lived, "2025"))


@pytest.mark.parametrize("period", PERIODS)
def test_campaigns_audiences_and_channels_add_up(lived: PromisedYears, period: str) -> None:
    seen = witness(lived, period)

    found = langning(lived, period).channels

    deliveries: Counter[tuple[str, str, str]] = Counter()
    posts: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for key in seen.out_in_period():
        post, channel = key.split(":")[:2]
        where = (post.split("/")[1], post.split("/")[5], channel)
        deliveries[where] += 1
        posts[where].add(post)
    assert {(line.campaign, line.audience, line.channel): line.deliveries for line in found} == dict(deliveries)
    assert {(line.campaign, line.audience, line.channel): line.posts for line in found} == {
        where: len(keys) for where, keys in posts.items()
    }


@pytest.mark.parametrize("period", PERIODS)
def test_national_campaigns_are_counted_in_what_the_channels_were_given(lived: PromisedYears, period: str) -> None:
    seen = witness(lived, period)
    texts = {item.key: item.payload for item in lived.ledger.given}

    found = {line.id: (line.posts, line.deliveries) for line in langning(lived, period).national}

    spread = [key for key in seen.out_in_period() if ADDRESS in texts[key]]
    wanted = {"polisen_unga_alkohol": (len({key.split(":")[0] for key in spread}), len(spread))} if spread else {}
    assert found == wanted


@pytest.mark.parametrize("period", PERIODS)
def test_activities_are_what_the_log_tells_and_the_files_plan(lived: PromisedYears, period: str) -> None:
    seen = witness(lived, period)
    with lived.database.read() as session:
        planned = _planned_activities(session, lived)
    told = {item.subject: item.detail for item in seen.log if item.action == "noterade aktivitet"}

    sections = report(lived, period).sections
    found = {line.key: line for section in sections for line in section.activities}

    days = {key: day for key, day in planned.items() if seen.period.holds(day)}
    days |= {
        item.subject: date.fromisoformat(item.detail)
        for item in seen.log
        if item.action == "lade till insats" and seen.period.holds(date.fromisoformat(item.detail))
    }
    assert {key: line.day for key, line in found.items()} == days
    assert {key: line.outcome for key, line in found.items()} == {key: told.get(key, "untold") for key in days}
    numbers = {key: number for key, number in lived.ledger.numbers.items() if key in days}
    assert {key: line.number for key, line in found.items() if line.number is not None} == numbers
    assert all(line.note == "För få anmälda" for line in found.values() if line.outcome == "not_done")


def _planned_activities(session: Session, lived: PromisedYears) -> dict[str, date]:
    aneby = lived.catalog.municipality("aneby")
    laid = season(session, lived.catalog, aneby, years=[2024, 2025, 2026, 2027])
    return {item.key: item.day for item in laid.plan.activities if item.occurrence.has_day}


@pytest.mark.parametrize("period", PERIODS)
def test_coverage_is_by_risk_date_and_audience_with_its_gaps(lived: PromisedYears, period: str) -> None:
    seen = witness(lived, period)
    texts = {item.key: item.payload for item in lived.ledger.given}
    national = {key.split(":")[0] for key in seen.out if ADDRESS in texts[key]}
    days = {
        (step.occurrence.risk_date, step.occurrence.year)
        for step in seen.steps
        if seen.period.holds(step.occurrence.day)
    }

    found = langning(lived, period)

    wanted = {}
    for risk_date, year in days:
        for audience in ("foraldrar", "syskon", "unga-vuxna"):
            mine = {
                key
                for key in seen.out_posts()
                if key.endswith(audience)
                # The early message to parents before Christmas is for the New Year too.
                and key.startswith((f"aneby/{risk_date}/{year}/", *JOINT.get((risk_date, year), ())))
            }
            wanted[risk_date, year, audience] = (len(mine), len(mine & national))
    cells = {(line.risk_date, line.year, line.audience): (line.own, line.national) for line in found.coverage}
    assert cells == wanted
    assert len(found.gaps) == sum(not own or not spread for own, spread in wanted.values())


@pytest.mark.parametrize("period", PERIODS)
def test_pauses_and_steps_left_out_are_those_of_the_log(lived: PromisedYears, period: str) -> None:
    seen = witness(lived, period)

    document = report(lived, period)
    [section] = [item for item in document.sections if item.promise == "langning"]

    reasons = {item.subject: item.detail for item in seen.log if item.action == "utelämnade"}
    skipped = {step.key for step in seen.due()} & seen.left_out
    assert sorted(line.reason for line in section.skipped) == sorted(reasons[key] for key in skipped)
    why = {item.subject: item.detail for item in seen.log if item.action == "pausade"}
    inside = [
        (subject, begun, over)
        for subject, begun, over in seen.pauses
        if begun.astimezone(STOCKHOLM).date() <= seen.period.last
        and over.astimezone(STOCKHOLM).date() >= seen.period.first
    ]
    assert [(line.reason, line.first_day) for line in document.pauses] == [
        (why[subject], begun.astimezone(STOCKHOLM).date()) for subject, begun, _ in inside
    ]
    assert sum(line.missed for line in document.pauses) == section.deliveries.missed


def test_the_years_had_everything_in_them(lived: PromisedYears) -> None:
    """What never happened would be counted right by anybody."""
    found = langning(lived, "20250101-20261231")
    assert min(vars(found.messages)[name] for name in ("out", "held_up", "unsigned", "undated", "skipped")) > 0
    named = ("published", "by_hand", "by_hand_waiting", "failed", "unknown", "missed")
    assert min(vars(found.deliveries)[name] for name in named) > 0
    assert langning(lived, "2026-t3").deliveries.belated > 0
    assert min(found.signing.in_time, found.signing.late, found.signing.never) > 0
    assert {line.outcome for line in found.activities} == {"done", "not_done", "untold"}


def test_the_tertials_add_up_to_the_years_and_the_years_to_the_whole(lived: PromisedYears) -> None:
    def total(period: str) -> Counter[str]:
        found = langning(lived, period)
        parts: list[Any] = [found.messages, found.signing, found.deliveries]
        return Counter(
            {
                f"{type(part).__name__}.{name}": number
                for part in parts
                for name, number in vars(part).items()
                if name != "belated"  # what is late depends on where the days begin
            }
        )

    for year in ("2025", "2026"):
        assert sum((total(f"{year}-t{number}") for number in (1, 2, 3)), Counter()) == +total(year)
    assert total("2025") + total("2026") == +total("20250101-20261231")


def test_each_period_got_one_draft_from_the_worker_when_it_was_over(lived: PromisedYears) -> None:
    with lived.database.read() as session:
        made = stored.follow_ups(session, lived.catalog.municipality("aneby"))
    assert sorted(item.document.period for item in made) == sorted(PERIODS)
    for item in made:
        day = item.made_at.astimezone(STOCKHOLM).date()
        assert item.document.last_day < day <= item.document.last_day + timedelta(days=60)
        assert item.document.is_over


def test_a_promise_revised_in_its_period_reports_under_both_wordings(lived: PromisedYears) -> None:
    promise = lived.catalog.promises["langning"]
    revised = replace(promise, revisions=(Revision(date(2026, 2, 10), "Nya ord.", "Nya insatser.", "Ny lägesbild"),))
    catalog = replace(lived.catalog, promises={**lived.catalog.promises, "langning": revised})

    before, after = [
        item for item in report(lived, "20250101-20261231", catalog).sections if item.promise == "langning"
    ]

    whole = langning(lived, "20250101-20261231")
    assert (before.text, before.first_day, before.last_day) == (promise.text, date(2025, 1, 1), date(2026, 2, 9))
    assert (after.text, after.first_day, after.last_day) == ("Nya ord.", date(2026, 2, 10), date(2026, 12, 31))
    assert after.revised == "Ny lägesbild"
    before, after, whole = (
        replace(item, deliveries=replace(item.deliveries, belated=0)) for item in (before, after, whole)
    )
    for part in ("messages", "signing", "deliveries"):
        one, two = Counter(vars(getattr(before, part))), Counter(vars(getattr(after, part)))
        assert one + two == +Counter(vars(getattr(whole, part)))
    assert before.messages.out > 0 < after.messages.out
    assert {*before.activities, *after.activities} == {*whole.activities}


def test_a_campaign_taken_out_of_the_files_keeps_its_history(lived: PromisedYears) -> None:
    left = {name: item for name, item in lived.catalog.campaigns.items() if name != "valborg"}
    catalog = replace(lived.catalog, campaigns=left)

    [found] = [item for item in report(lived, "20250101-20261231", catalog).sections if item.promise == "langning"]

    whole = langning(lived, "20250101-20261231")
    assert (found.messages, found.signing, found.deliveries) == (whole.messages, whole.signing, whole.deliveries)
    assert found.channels == whole.channels
    assert found.coverage == whole.coverage
    assert [line.key for line in found.activities] == [line.key for line in whole.activities]
    assert {line.outcome for line in found.activities if line.key.startswith("valborg/")} >= {"done", "untold"}
    assert found.activities == whole.activities


def test_a_national_campaign_whose_link_is_another_keeps_what_it_was_spread_by(lived: PromisedYears) -> None:
    fact = lived.catalog.facts["polisen_unga_alkohol"]
    assert fact.national is not None
    moved = replace(fact, national=replace(fact.national, link="https://polisen.se/en-annan-sida/"))
    catalog = replace(lived.catalog, facts={**lived.catalog.facts, fact.id: moved})
    gone = replace(lived.catalog, facts={name: item for name, item in lived.catalog.facts.items() if name != fact.id})

    whole = langning(lived, "2026")
    assert whole.national
    for changed in (catalog, gone):
        [found] = [item for item in report(lived, "2026", changed).sections if item.promise == "langning"]
        assert (found.national, found.coverage) == (whole.national, whole.coverage)


def test_a_party_that_comes_later_had_nothing_to_sign_before(lived: PromisedYears) -> None:
    aneby = lived.catalog.municipality("aneby")
    third = replace(aneby, parties=(*aneby.parties, Party("region", "Regionen")))
    catalog = replace(lived.catalog, municipalities={**lived.catalog.municipalities, "aneby": third})
    fewer = replace(aneby, parties=aneby.parties[:1])
    less = replace(lived.catalog, municipalities={**lived.catalog.municipalities, "aneby": fewer})

    whole = langning(lived, "2025")
    assert min(whole.signing.in_time, whole.signing.never) > 0
    for changed in (catalog, less):
        [found] = [item for item in report(lived, "2025", changed).sections if item.promise == "langning"]
        assert (found.signing, found.messages) == (whole.signing, whole.messages)


def test_an_early_message_for_two_risk_dates_leaves_no_gap_at_either(lived: PromisedYears) -> None:
    def parents(section: Section) -> list[CoverageLine]:
        return [line for line in section.coverage if line.audience == "foraldrar" and line.risk_date == "nyar"]

    left = {name: item for name, item in lived.catalog.campaigns.items() if name != "jul"}
    [without] = [
        item
        for item in report(lived, "2026-t3", replace(lived.catalog, campaigns=left)).sections
        if item.promise == "langning"
    ]
    [line] = parents(langning(lived, "2026-t3"))
    assert line.own == 3  # the early one, that of the week, and the reminder
    assert parents(without) == [line]  # also when the campaign has left the files


@pytest.mark.parametrize("period", PERIODS)
def test_what_is_written_by_itself_is_easy_to_read(lived: PromisedYears, period: str) -> None:
    found = read(plain_text(report(lived, period)))
    assert found.lix <= 40
    assert not found.hard_sentences
