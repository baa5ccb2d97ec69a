"""Links: where they lead is found out well before a post goes out, and a dead one stops its approval."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from sqlmodel import Session, select

from campaigns import link_checks, link_looks
from campaigns.catalog import Fact
from campaigns.channels import Environment
from campaigns.content import Content
from campaigns.database import Database
from campaigns.drafts import Draft, render_post
from campaigns.errors import RefusedError
from campaigns.facts import facts_at
from campaigns.faults import Fault, FaultCode
from campaigns.link_looks import Found, look
from campaigns.links import LinkOutcome, addresses_of, addresses_of_fact, link_faults
from campaigns.models import LinkCheck, Post, PostText
from scheduler import jobs
from tests.contracts import (
    Answer,
    Receiver,
    keep_silent,
    receiving,
    unused_port,
    work_and_drip_body,
    work_and_hang_up,
    work_and_talk_nonsense,
)
from tests.fakes import MESSAGES, Town
from tests.sites import Place, planned
from tests.test_channels_http import TLS_PAIR

pytestmark = pytest.mark.longer

INFOR = "valborg/2027/valborg/infor/syskon"
NOW = datetime(2027, 4, 12, 7, 0, tzinfo=UTC)
PAGE = "https://www.aneby.se/valborg"
Act = Callable[[Receiver, BaseHTTPRequestHandler], None]


def make_fact(source: str, text: str = "114 14") -> Fact:
    return Fact("tips", "nummer", text, source, date(2026, 11, 23), date(2027, 12, 31), is_confirmed=True)


# Which addresses there are.


def test_every_address_of_a_message_is_found_once_with_its_place() -> None:
    body = f"Läs [mer]({PAGE}) och [mer]({PAGE}), ring [112](tel:112), skriv till [oss](mailto:a@aneby.se), [x](http://a.se)."

    assert addresses_of(Content("a", "b", body, link="https://www.aneby.se")) == {
        PAGE: "body",
        "https://www.aneby.se": "link",
    }


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("https://polisen.se/om/", ["https://polisen.se/om/"]),
        ("Alkohollagen (2010:1622) 3 kap. 9 §", []),
        ("https://press.systembolaget.se, 2023-01-18: ”Vem?”, CAN", ["https://press.systembolaget.se"]),
        ("https://boras.se; https://alcoholcampaign.org, 2025", ["https://boras.se", "https://alcoholcampaign.org"]),
        ("Se (https://a.se/b).", ["https://a.se/b"]),
        ("http://a.se", []),
    ],
)
def test_the_addresses_of_a_fact_stand_in_running_text(source: str, found: Sequence[str]) -> None:
    assert addresses_of_fact(make_fact(source)) == found


# What one answers.


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_looks, "TIMEOUT", (1.0, 0.15))
    monkeypatch.setattr(link_looks, "LONGEST", 0.3)


def here(address: str) -> Found:
    return look(address, environment=Environment(environ={}), allow_private=True)


def methods(receiver: Receiver) -> list[str]:
    return [request.method for request in receiver.requests]


def test_a_page_that_is_there_is_asked_for_with_head_alone(receiver: Receiver) -> None:
    receiver.answers = [Answer(200)]

    assert here(f"{receiver.url}#svar") == Found(LinkOutcome.OK)
    assert [(request.method, request.path) for request in receiver.requests] == [("HEAD", "/ta-emot")]


@pytest.mark.parametrize("status", [403, 404, 405, 500, 501])
def test_a_server_that_answers_head_badly_is_asked_with_get(receiver: Receiver, status: int) -> None:
    receiver.answers = [Answer(status), Answer(200, body=b"sidan")]

    assert here(receiver.url).outcome is LinkOutcome.OK
    assert methods(receiver) == ["HEAD", "GET"]


@pytest.mark.parametrize("act", [keep_silent, work_and_hang_up, work_and_talk_nonsense])
def test_a_server_that_is_silent_to_head_is_asked_with_get(receiver: Receiver, quick: None, act: Act) -> None:
    receiver.answers = [act, Answer(200)]

    assert here(receiver.url).outcome is LinkOutcome.OK
    assert methods(receiver)[-1] == "GET"


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_dead(receiver: Receiver, status: int) -> None:
    receiver.answers = [Answer(status), Answer(status)]

    found = here(receiver.url)

    assert found.outcome is LinkOutcome.DEAD
    assert f"({status})" in found.detail


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_what_cannot_be_seen_from_here_is_not_called_dead(receiver: Receiver, status: int) -> None:
    receiver.answers = [Answer(status), Answer(status)]

    found = here(receiver.url)

    assert found.outcome is LinkOutcome.UNREACHABLE
    assert found.detail == f"svarade {status}. Öppna den själv och kontrollera att den fungerar."


def test_a_server_that_does_not_answer_is_not_called_dead(receiver: Receiver, quick: None) -> None:
    receiver.answers = [keep_silent, keep_silent]

    assert here(receiver.url).outcome is LinkOutcome.UNREACHABLE
    assert here(f"http://127.0.0.1:{unused_port()}/").outcome is LinkOutcome.UNREACHABLE


def test_a_page_without_end_is_there_and_is_not_read_to_its_end(receiver: Receiver, quick: None) -> None:
    receiver.answers = [Answer(405), work_and_drip_body]
    start = time.monotonic()

    assert here(receiver.url).outcome is LinkOutcome.OK
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ([301], "har flyttat till {}. Byt till den adressen."),
        ([308, 301], "har flyttat till {}. Byt till den adressen."),
        ([302], "leder vidare till {}. Kontrollera att det är rätt sida."),
        ([301, 302], "leder vidare till {}. Kontrollera att det är rätt sida."),
        ([307, 303, 302, 301, 308], "leder vidare till {}. Kontrollera att det är rätt sida."),
    ],
)
def test_redirects_are_followed_and_told(receiver: Receiver, statuses: list[int], told: str) -> None:
    receiver.answers = [
        *(Answer(status, {"Location": f"/steg-{number}"}) for number, status in enumerate(statuses, 1)),
        Answer(200),
    ]

    found = here(receiver.url)

    assert found.outcome is LinkOutcome.MOVED
    assert found.detail == told.format(receiver.url.replace("/ta-emot", f"/steg-{len(statuses)}"))


def test_a_redirect_to_a_page_that_is_gone_is_dead(receiver: Receiver) -> None:
    receiver.answers = [Answer(301, {"Location": "/borta"}), Answer(404), Answer(404)]

    assert here(receiver.url).outcome is LinkOutcome.DEAD


def test_redirects_without_end_are_given_up(receiver: Receiver) -> None:
    receiver.answers = [Answer(302, {"Location": "/igen"})] * 20

    assert here(receiver.url).outcome is LinkOutcome.UNREACHABLE
    assert len(receiver.requests) == 6


@dataclass
class Names:
    """A name service: every host has the addresses given, or fails."""

    known: dict[str, list[str]] = field(default_factory=dict)
    fails_with: int = socket.EAI_NONAME
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.known:
            raise socket.gaierror(self.fails_with, "okänt namn")
        return self.known[host]


def outside(address: str, names: Names) -> Found:
    return look(address, environment=Environment(environ={}, resolver=names))


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1"])
def test_nothing_in_our_own_network_is_called(inside: str) -> None:
    found = outside("https://www.aneby.se/", Names({"www.aneby.se": ["93.184.215.14", inside]}))

    assert found.outcome is LinkOutcome.REFUSED
    assert "internt nät" in found.detail


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest", "https://[::1]/", "https://x.example/"])
def test_a_redirect_into_our_own_network_is_not_followed(receiver: Receiver, target: str) -> None:
    """Every address on the way is looked up and checked, not the first alone."""
    names = Names(
        {
            "127.0.0.1": ["127.0.0.1"],
            "x.example": ["169.254.169.254"],
            "169.254.169.254": ["169.254.169.254"],
            "::1": ["fe80::1"],
        }
    )
    receiver.answers = [Answer(302, {"Location": target})]

    found = look(receiver.url, environment=Environment(environ={}, resolver=names), allow_private=True)

    assert found.outcome is LinkOutcome.REFUSED
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "location",
    [
        "https://[trasig/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://a:b@127.0.0.1/",
        "https://127.0.0.1:1/" + "x" * 3_000,
        "javascript:alert(1)",
    ],
)
def test_a_redirect_to_what_is_no_page_is_told_of(receiver: Receiver, location: str) -> None:
    receiver.answers = [Answer(302, {"Location": location})]

    found = here(receiver.url)

    assert found.outcome is LinkOutcome.UNREACHABLE
    assert len(found.detail) < 200
    assert len(receiver.requests) == 1


def test_a_page_is_asked_for_over_tls_and_a_certificate_that_does_not_hold_is_told_of(tmp_path: Path) -> None:
    pair = tmp_path / "pair.pem"
    pair.write_text(TLS_PAIR, encoding="ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    names = Names({"mottagare.example": ["127.0.0.1"]})
    with receiving(tls=context) as receiver:
        address = f"https://mottagare.example:{receiver.port}/sida"

        trusted = Environment(environ={"REQUESTS_CA_BUNDLE": str(pair)}, resolver=names)
        assert look(address, environment=trusted, allow_private=True) == Found(LinkOutcome.OK)
        stranger = Environment(environ={}, resolver=names)
        assert look(address, environment=stranger, allow_private=True).outcome is LinkOutcome.UNREACHABLE

    assert [(request.method, request.path) for request in receiver.requests] == [("HEAD", "/sida")]


@pytest.mark.parametrize(
    ("number", "outcome"), [(socket.EAI_NONAME, LinkOutcome.DEAD), (socket.EAI_AGAIN, LinkOutcome.UNREACHABLE)]
)
def test_a_name_that_nobody_has_is_dead_but_one_that_gets_no_answer_is_not(number: int, outcome: LinkOutcome) -> None:
    assert outside("https://www.anebby.se/", Names(fails_with=number)).outcome is outcome


# What it means for a message.


def check(outcome: LinkOutcome, *, address: str = PAGE, detail: str = "är så.", at: datetime = NOW) -> LinkCheck:
    return LinkCheck(address=address, outcome=outcome, detail=detail, checked_at=at)


@pytest.mark.parametrize(
    ("outcome", "code", "is_blocking"),
    [
        (LinkOutcome.DEAD, FaultCode.DEAD_LINK, True),
        (LinkOutcome.MOVED, FaultCode.UNSURE_LINK, False),
        (LinkOutcome.REFUSED, FaultCode.UNSURE_LINK, False),
        (LinkOutcome.UNREACHABLE, FaultCode.UNSURE_LINK, False),
    ],
)
def test_only_a_dead_link_blocks(outcome: LinkOutcome, code: FaultCode, is_blocking: bool) -> None:
    (fault,) = link_faults(Content("a", "b", "c", link=PAGE), (), {}, {PAGE: check(outcome)})

    assert (fault.code, fault.is_blocking, fault.where) == (code, is_blocking, "link")
    assert fault.message == f"Länken {PAGE} är så."


def test_a_dead_source_of_a_fact_is_a_fault_of_the_texts_that_rest_on_it() -> None:
    facts = {"tips": make_fact(PAGE)}
    checks = {PAGE: check(LinkOutcome.DEAD)}

    (fault,) = link_faults(Content("a", "b", "c"), ("tips", "okänd"), facts, checks)

    assert (fault.where, fault.is_blocking) == ("sources", True)
    assert "uppgiften ”tips”" in fault.message
    assert link_faults(Content("a", "b", "c"), (), facts, checks) == []


@pytest.fixture
def place(database: Database) -> Place:
    return planned(Place(database))


@pytest.fixture
def town(place: Place) -> Town:
    return place.town


def write(place: Place, address: str = PAGE) -> None:
    place.write(INFOR, body=f"Läs [mer]({address}).")


def draft_of(place: Place) -> Draft:
    with place.database.read() as session:
        facts = facts_at(session, place.parts.catalog)
        post = place.town.post(INFOR)
        return render_post(session, place.parts.catalog, MESSAGES, post, now=place.clock.at, facts=facts)


def faults_of(place: Place) -> list[Fault]:
    codes = (FaultCode.DEAD_LINK, FaultCode.UNSURE_LINK)
    return [fault for fault in draft_of(place).pieces[0].faults if fault.code in codes]


def keep(place: Place, *rows: LinkCheck) -> None:
    with place.database.write() as session:
        for row in rows:
            session.merge(row)


def test_a_dead_link_stops_approval_until_it_is_changed_or_found_well(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place)
    keep(place, check(LinkOutcome.DEAD, detail="är död: sidan finns inte (404). Byt länken eller ta bort den."))

    def refuse(*_: object) -> None:
        raise AssertionError("an approval must not use the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(RefusedError, match=r"valborg är död: sidan finns inte \(404\)"):
        place.town.sign(INFOR)
    assert [fault.is_blocking for fault in faults_of(place)] == [True]

    keep(place, check(LinkOutcome.OK))
    assert faults_of(place) == []
    assert place.town.sign(INFOR).missing == ()


def test_what_was_found_more_than_a_fortnight_ago_is_not_trusted(place: Place) -> None:
    write(place)
    keep(place, check(LinkOutcome.DEAD, at=place.clock.at - timedelta(days=13)))
    assert len(faults_of(place)) == 1

    keep(place, check(LinkOutcome.DEAD, at=place.clock.at - timedelta(days=14)))
    assert faults_of(place) == []


# The rounds.


@dataclass
class Looks:
    """Finds what it is told of each address, and that all others are well."""

    told: dict[str, Found] = field(default_factory=dict)
    others: Found = field(default_factory=lambda: Found(LinkOutcome.OK))
    looked: list[str] = field(default_factory=list)

    def __call__(self, address: str) -> Found:
        self.looked.append(address)
        return self.told.get(address, self.others)


def go(place: Place, looks: Looks, *, at: datetime | None = None) -> int:
    parts = place.parts
    return link_checks.look_round(parts.database, parts.catalog, MESSAGES, look=looks, now=at or place.clock.at)


def kept(place: Place) -> dict[str, str]:
    with place.database.read() as session:
        return {row.address: row.outcome for row in session.exec(select(LinkCheck))}


def test_a_round_finds_the_links_of_coming_posts_and_of_facts_and_keeps_what_they_answer(place: Place) -> None:
    write(place)
    looks = Looks({PAGE: Found(LinkOutcome.DEAD, "är död.")})

    count = go(place, looks)

    assert count == len(looks.looked) == len(set(looks.looked))
    assert {PAGE, "https://www.aneby.se", "https://alkoholhjalpen.se"} <= set(looks.looked)
    assert kept(place)[PAGE] == "dead"
    assert [fault.message for fault in faults_of(place)] == [f"Länken {PAGE} är död."]


def test_each_is_looked_at_every_week_and_in_the_last_week_every_day(place: Place) -> None:
    write(place)
    due_at = place.town.post(INFOR).due_at
    early = due_at - timedelta(days=9)

    def when(at: datetime) -> bool:
        looks = Looks()
        go(place, looks, at=at)
        return PAGE in looks.looked

    assert when(early)
    assert not when(early + timedelta(minutes=5))
    assert not when(early + timedelta(days=1))  # eight days left
    assert when(early + timedelta(days=2, hours=1))
    assert not when(early + timedelta(days=2, hours=20))
    assert when(early + timedelta(days=3, hours=2))
    assert not when(due_at + timedelta(days=20))  # it has gone, or will not go


def test_what_was_signed_is_looked_at_too_though_the_file_says_something_else_now(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(place)
    place.town.sign(INFOR)
    post = place.town.post(INFOR)
    with place.database.write() as session:
        # As if a template file had been changed: without a person's new version nothing is voided.
        row = session.exec(select(PostText)).one()
        row.source = row.source.replace(PAGE, "https://www.aneby.se/annan")
        session.add(row)
    looks = Looks()

    go(place, looks)

    assert post.digest
    assert {PAGE, "https://www.aneby.se/annan"} <= set(looks.looked)


def test_a_round_is_bounded_and_the_soonest_come_first(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    write(place)
    monkeypatch.setattr(link_checks, "MOST_ADDRESSES", 2)
    at = place.town.post(INFOR).due_at - timedelta(hours=1)
    seen: set[str] = set()

    first = Looks()
    assert go(place, first, at=at) == 2
    seen.update(first.looked)
    while True:
        following = Looks()
        if not go(place, following, at=at):
            break
        assert not seen & set(following.looked)
        seen.update(following.looked)

    assert PAGE in seen
    assert "https://www.aneby.se" in first.looked


def test_municipalities_take_turns(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_checks, "MOST_MUNICIPALITIES", 1)
    parts = place.parts
    aneby = parts.catalog.municipality("aneby")
    others = {name: replace(aneby, id=name) for name in ("a", "b")}
    catalog = replace(parts.catalog, municipalities={"aneby": aneby, **others})
    asked: list[str] = []
    real = link_checks._coming

    def coming(session: Session, name: str, *, now: datetime) -> Sequence[Post]:
        asked.append(name)
        return real(session, name, now=now)

    monkeypatch.setattr(link_checks, "_coming", coming)

    for turn in range(3):
        at = place.clock.at + timedelta(minutes=5 * turn)
        link_checks.look_round(parts.database, catalog, MESSAGES, look=Looks(), now=at)

    assert sorted(asked) == ["a", "aneby", "b"]


@pytest.mark.parametrize("outcome", [LinkOutcome.DEAD, LinkOutcome.UNREACHABLE])
def test_where_no_server_is_reached_the_fault_is_ours_and_nothing_is_held_against_the_links(
    place: Place, outcome: LinkOutcome
) -> None:
    """A server without a name service must not stop every approval, nor drown the texts in warnings."""
    write(place)
    keep(place, check(LinkOutcome.OK, address="https://frisk.se"))
    down = Looks(others=Found(outcome, "går inte att nå.", is_answered=False))
    parts = place.parts

    assert go(place, down) == 0
    assert link_checks.look_at_all(parts.database, parts.catalog, MESSAGES, look=down, now=place.clock.at) is None
    assert kept(place) == {"https://frisk.se": "ok"}
    assert "https://frisk.se" in down.looked  # asked again, to know whose the fault is


def test_a_lone_dead_name_is_told_of_when_another_server_answers(place: Place) -> None:
    write(place)
    dead = Looks(
        {"https://frisk.se": Found(LinkOutcome.OK)}, others=Found(LinkOutcome.DEAD, "är död.", is_answered=False)
    )

    go(place, dead)
    assert kept(place) == {}

    keep(place, check(LinkOutcome.OK, address="https://frisk.se"))
    go(place, dead)
    assert kept(place)[PAGE] == "dead"


def test_no_transaction_is_open_while_strangers_are_waited_for(place: Place) -> None:
    write(place)

    def writing(address: str) -> Found:
        with place.database.write() as session:
            session.merge(check(LinkOutcome.OK, address=f"{address}#skrivet"))
        return Found(LinkOutcome.OK)

    parts = place.parts
    assert link_checks.look_round(parts.database, parts.catalog, MESSAGES, look=writing, now=place.clock.at) > 1


def test_a_worker_that_stops_begins_no_more_and_keeps_what_it_has(place: Place) -> None:
    looks = Looks()
    parts = place.parts

    count = link_checks.look_round(
        parts.database, parts.catalog, MESSAGES, look=looks, now=place.clock.at, is_stopping=lambda: bool(looks.looked)
    )

    assert 1 <= count <= link_checks.THREADS
    assert len(kept(place)) == count


def test_old_looks_are_forgotten(place: Place) -> None:
    keep(place, check(LinkOutcome.OK, address="https://gammal.se", at=place.clock.at - timedelta(days=91)))

    go(place, Looks())

    assert "https://gammal.se" not in kept(place)


def test_all_are_looked_at_when_somebody_asks_however_lately_it_was_done(place: Place) -> None:
    write(place)
    go(place, Looks())
    looks, parts = Looks(), place.parts

    count = link_checks.look_at_all(parts.database, parts.catalog, MESSAGES, look=looks, now=place.clock.at)

    assert count == len(looks.looked)
    assert PAGE in looks.looked


def test_the_job_looks_when_the_rest_has_got_going(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks()
    monkeypatch.setattr(link_looks, "look", lambda address, *, environment: looks(address))
    work = jobs.Work(place.parts, place.parts.sender(), "prov")

    jobs.check_links(work, now=place.clock.at)
    assert looks.looked == []

    jobs.check_links(replace(work, started=work.started - jobs.LINKS_WAIT), now=place.clock.at)
    assert "https://www.aneby.se" in looks.looked
    assert kept(place)["https://www.aneby.se"] == "ok"
    assert jobs.check_links in [job.run for job in jobs.JOBS]
