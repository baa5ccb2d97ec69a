"""Proving channels: their settings and secrets without anyone seeing anything, and a marked test for editors only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from campaigns import probing
from campaigns.catalog import Catalog, ChannelConfig
from campaigns.channels import Environment, build
from campaigns.channels.base import Channel, Correcting, NotSentError, Probing
from campaigns.channels.http import accepted, call
from campaigns.channels.webhook import Webhook
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError
from campaigns.models import AccountState, AuditEntry, ChannelAccount
from campaigns.probing import Proof, one_with_channel, prove_all, prove_mail, rehearse, standings
from campaigns.sending import accounts
from campaigns.sending.accounts import Health, Lesson
from tests.builders import make_channel, make_municipality
from tests.contracts import Answer, Receiver, receiving, unused_port
from tests.fakes import FakeChannel
from tests.post_office import post_office

NOW = datetime(2027, 4, 12, 7, 0, tzinfo=UTC)


@dataclass
class Proved(FakeChannel):
    """A channel that asks its server who we are, and can take a marked test."""

    kind: str = "webhook"
    is_local: bool = False
    environment: Environment = field(default_factory=lambda: Environment(environ={}, timeout=(1, 1), longest=2))

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        assert channel.url is not None
        answer = accepted(call("GET", channel.url, environment=self.environment, channel=channel), now=now)
        return f"Vi skulle publicera som {answer.json()['name']}."

    def rehearse(self, channel: ChannelConfig, *, now: datetime) -> str:
        return f"{self.probe(channel, now=now)} Provet syntes för redaktörerna och är borttaget."


@dataclass
class OnlyProbed(FakeChannel):
    kind: str = "webhook"
    is_local: bool = False

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        return "Vi skulle publicera som Aneby kommun."


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        receiver.answers = [Answer(200, body=b'{"name": "Aneby kommun"}')]
        yield receiver


@pytest.fixture
def town(catalog: Catalog, receiver: Receiver) -> Catalog:
    """Aneby with a channel outside beside its public page."""
    outside = make_channel("utskick", kind="webhook", url=receiver.url, allow_private_addresses=True)
    aneby = make_municipality(channels=(make_channel("webb"), outside))
    return replace(catalog, municipalities={"aneby": aneby})


def channels(outside: Channel) -> dict[str, Channel]:
    return {**build(Environment(environ={})), "webhook": outside}


def stop(database: Database, *, health: Health = Health.DEAD) -> None:
    with database.write() as session:
        accounts.learn(session, [Lesson(("aneby", "utskick"), health, "Inloggningen godtas inte.", NOW)])


def states(database: Database) -> dict[str, str]:
    with database.read() as session:
        return {row.channel: row.state for row in session.exec(select(ChannelAccount))}


def test_each_channel_is_proved_or_said_why_not(database: Database, town: Catalog, receiver: Receiver) -> None:
    found = list(prove_all(database, town, channels(Proved()), now=NOW))

    assert found == [
        Proof("aneby", "webb", None, "Det finns inget att prova: kanalen använder ingen annan tjänst."),
        Proof("aneby", "utskick", is_ok=True, sentence="Vi skulle publicera som Aneby kommun."),
    ]
    assert [request.method for request in receiver.requests] == ["GET"]
    assert states(database) == {}


def test_a_login_that_is_refused_is_told_and_the_next_channel_is_proved_all_the_same(
    database: Database, town: Catalog, receiver: Receiver
) -> None:
    receiver.answers = [Answer(401), Answer(200, body=b'{"name": "Tranas"}')]
    aneby = town.municipality("aneby")
    both = replace(town, municipalities={"aneby": aneby, "tranas": replace(aneby, id="tranas")})

    found = [item for item in prove_all(database, both, channels(Proved()), now=NOW) if item.is_ok is not None]

    assert [(item.municipality, item.is_ok) for item in found] == [("aneby", False), ("tranas", True)]
    assert "inloggning eller hemlighet godtas inte" in found[0].sentence


def test_a_channel_that_cannot_be_proved_says_so(database: Database, town: Catalog) -> None:
    found = list(prove_all(database, town, channels(FakeChannel("webhook", is_local=False)), now=NOW))

    assert found[1].is_ok is None
    assert "går inte att prova utan att något skickas" in found[1].sentence


def test_a_stopped_channel_that_works_again_is_started_and_it_is_said(
    database: Database, town: Catalog, receiver: Receiver
) -> None:
    stop(database)

    found = list(prove_all(database, town, channels(Proved()), now=NOW + timedelta(minutes=1)))

    assert found[1].sentence == "Vi skulle publicera som Aneby kommun. Kanalen var stoppad och är nu i gång igen."
    assert states(database) == {"utskick": AccountState.WORKING}
    with database.read() as session:
        last = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc())).first()
    assert last is not None
    assert (last.actor, last.action, last.subject) == ("kanalprovet", "startade kanalen", "utskick")


def test_a_stopped_channel_that_still_fails_stays_stopped(
    database: Database, town: Catalog, receiver: Receiver
) -> None:
    stop(database)
    receiver.answers = [Answer(401)]

    found = list(prove_all(database, town, channels(Proved()), now=NOW))

    assert found[1].is_ok is False
    assert states(database) == {"utskick": AccountState.STOPPED}


@dataclass
class Broken(OnlyProbed):
    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        if channel.id == "webb":
            return "Fungerar."
        raise UnicodeError("ett halvt tecken")


def test_a_probe_that_breaks_is_a_fault_of_its_channel_and_the_others_are_proved(
    database: Database, town: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    made = channels(Broken())

    broken, webb = reversed(list(prove_all(database, town, {**made, "webb": Broken()}, now=NOW)))

    assert broken == Proof("aneby", "utskick", False, "Ett fel i programmet avbröt provet. Felet står i loggen.")
    assert webb == Proof("aneby", "webb", True, "Fungerar.")
    assert [record.getMessage() for record in caplog.records] == ["Provet av utskick gick sönder."]


def test_a_stopped_channel_of_which_only_the_settings_are_proved_stays_stopped(
    database: Database, town: Catalog
) -> None:
    stop(database)
    aneby = town.municipality("aneby")
    webhook = replace(aneby.channel("utskick"), secret="env:NYCKEL")
    only = replace(town, municipalities={"aneby": replace(aneby, channels=(webhook,))})

    [found] = prove_all(database, only, build(Environment(environ={"NYCKEL": "x" * 40})), now=NOW)

    assert found.is_ok
    assert "Bara inställningarna är kontrollerade" in found.sentence
    assert states(database) == {"utskick": AccountState.STOPPED}


def test_the_mail_server_of_the_reminders_is_proved_without_a_mail() -> None:
    with post_office() as office:
        found = prove_mail(office.url, environment=Environment(environ={}, timeout=(1, 1), longest=2))
        assert (office.mails, office.logins) == ([], ["PLAIN"])

    told = "Påminnelser med e-post går genom 127.0.0.1 utan TLS och med inloggning."
    assert (found, found.where) == (Proof("", "påminnelser", True, told), "påminnelser")


@pytest.mark.parametrize("server", ["post.example:25", "smtp://kim:hemligt@127.0.0.1:{port}"])
def test_a_mail_server_that_is_wrong_is_told_of_without_its_secret(server: str) -> None:
    url = server.format(port=unused_port())

    found = prove_mail(url, environment=Environment(environ={}, timeout=(1, 1), longest=2))

    assert found.is_ok is False
    assert found.sentence.startswith("E-postserver")
    assert "hemligt" not in found.sentence


# How they stand.


def test_every_channel_is_listed_with_its_state_and_what_it_can(
    database: Database, town: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "can", lambda kind, what: kind == "webhook" and what in (Probing, Correcting))
    stop(database)

    with database.read() as session:
        webb, outside = standings(session, town)

    assert (webb.channel, webb.state, webb.state_name, webb.can_probe) == ("webb", "working", "fungerar", False)
    assert (outside.state_name, outside.reason) == ("stoppad", "Inloggningen godtas inte.")
    assert (outside.can_withdraw, outside.can_correct, outside.can_probe, outside.can_rehearse) == (
        False,
        True,
        True,
        False,
    )


def test_one_municipality_alone_may_be_listed(database: Database, town: Catalog) -> None:
    aneby = town.municipality("aneby")
    both = replace(town, municipalities={"aneby": aneby, "tranas": replace(aneby, id="tranas")})

    with database.read() as session:
        assert {item.municipality for item in standings(session, both)} == {"aneby", "tranas"}
        assert {item.municipality for item in standings(session, both, municipality="tranas")} == {"tranas"}
        with pytest.raises(NotFoundError):
            standings(session, both, municipality="anebby")


# A marked test.


def test_a_marked_test_tells_what_was_seen(town: Catalog) -> None:
    told = rehearse(town.municipality("aneby"), "utskick", channels(Proved()), now=NOW)

    assert told == "Vi skulle publicera som Aneby kommun. Provet syntes för redaktörerna och är borttaget."


@pytest.mark.parametrize(
    ("channel", "outside", "told"),
    [
        ("webb", Proved(), "ett prov behövs inte"),
        ("utskick", OnlyProbed(), "kampanjhjul check --live"),
        ("utskick", FakeChannel("webhook", is_local=False), "egen provmottagare"),
        ("utskick", Webhook(Environment(environ={})), "egen provmottagare"),
    ],
)
def test_a_channel_that_can_take_no_hidden_test_says_what_to_do(
    town: Catalog, channel: str, outside: Channel, told: str
) -> None:
    with pytest.raises(RefusedError, match=told):
        rehearse(town.municipality("aneby"), channel, channels(outside), now=NOW)


def test_a_test_that_fails_fails_as_a_sending_does(town: Catalog, receiver: Receiver) -> None:
    receiver.answers = [Answer(403)]

    with pytest.raises(NotSentError, match="godtas inte"):
        rehearse(town.municipality("aneby"), "utskick", channels(Proved()), now=NOW)


def test_a_channel_is_found_by_its_id_where_one_municipality_has_it(town: Catalog) -> None:
    aneby = town.municipality("aneby")
    other = replace(aneby, id="tranas", channels=(make_channel("webb"),))
    both = replace(town, municipalities={"aneby": aneby, "tranas": other})

    assert one_with_channel(both, "utskick", None) is aneby
    assert one_with_channel(both, "webb", "tranas") is other
    with pytest.raises(RefusedError, match="aneby, tranas"):
        one_with_channel(both, "webb", None)
    with pytest.raises(NotFoundError, match="Menade du ”utskick”"):
        one_with_channel(both, "utskik", None)
