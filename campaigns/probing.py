"""Proving channels: their settings and secrets without anyone seeing anything, and with a marked test."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from campaigns import audit
from campaigns.catalog import Catalog, ChannelConfig, Municipality
from campaigns.channels import can
from campaigns.channels.base import Channel, Correcting, Environment, Probing, Rehearsing, SendError, Withdrawing
from campaigns.channels.mail import check_server
from campaigns.channels.settings_only import SettingsOnly
from campaigns.database import Database
from campaigns.errors import NotFoundError, RefusedError, suggestion
from campaigns.models import AccountState
from campaigns.sending import accounts

logger = logging.getLogger(__name__)

_STATES = {
    AccountState.WORKING: "fungerar",
    AccountState.RESTING: "vilar efter upprepade fel",
    AccountState.STOPPED: "stoppad",
}


@dataclass(frozen=True)
class Proof:
    """What came of proving a channel. `is_ok` is None where it cannot be proved.

    `municipality` is empty for what serves them all.
    """

    municipality: str
    channel: str
    is_ok: bool | None
    sentence: str

    @property
    def where(self) -> str:
        return f"{self.municipality}/{self.channel}" if self.municipality else self.channel


@dataclass(frozen=True)
class Standing:
    """A channel as it stands, and what it can do beside sending."""

    municipality: str
    channel: str
    kind: str
    name: str
    state: str
    reason: str
    can_withdraw: bool
    can_correct: bool
    can_probe: bool
    can_rehearse: bool

    @property
    def state_name(self) -> str:
        return _STATES[AccountState(self.state)]


def prove_all(
    database: Database, catalog: Catalog, channels: Mapping[str, Channel], *, now: datetime
) -> Iterator[Proof]:
    """Prove every channel of every municipality, one after the other. One that works is not stopped any more."""
    for municipality in catalog.municipalities.values():
        for config in municipality.channels:
            yield _prove(database, municipality, config, channels[config.kind], now=now)


def prove(
    database: Database,
    municipality: Municipality,
    channel_id: str,
    channels: Mapping[str, Channel],
    *,
    name: str,
    now: datetime,
) -> Proof:
    """Prove one channel, asked for by a person. Raises NotFoundError for an unknown channel."""
    config = municipality.channel(channel_id)
    proof = _prove(database, municipality, config, channels[config.kind], now=now)
    action = "prövade kanalen" if proof.is_ok is not False else "prövade kanalen, utan att det gick"
    _tell(database, municipality, channel_id, action, name=name, now=now)
    return proof


def _prove(
    database: Database, municipality: Municipality, config: ChannelConfig, channel: Channel, *, now: datetime
) -> Proof:
    if not isinstance(channel, Probing):
        return Proof(municipality.id, config.id, None, _why_not_proved(channel))
    proof = _tried(municipality.id, config.id, lambda: channel.probe(config, now=now))
    shows_that_it_works = proof.is_ok and not isinstance(channel, SettingsOnly)
    if shows_that_it_works and _started_again(database, municipality.id, config.id, now=now):
        return replace(proof, sentence=f"{proof.sentence} Kanalen var stoppad och är nu i gång igen.")
    return proof


def prove_mail(server: str, *, environment: Environment) -> Proof:
    """Prove the mail server of the reminders, whose address `server` is a secret: connect, log in, and leave."""

    def probe() -> str:
        # Named by whoever runs the program: it may well stand in the municipality's own net.
        place = check_server(server, environment=environment, allow_private=True)
        return f"Påminnelser med e-post går genom {place.told}."

    return _tried("", "påminnelser", probe)


def _tried(municipality: str, channel: str, probe: Callable[[], str]) -> Proof:
    try:
        return Proof(municipality, channel, is_ok=True, sentence=probe())
    except SendError as error:
        return Proof(municipality, channel, is_ok=False, sentence=error.message)
    except Exception:  # one of many: the others are to be proved all the same
        logger.exception("Provet av %s gick sönder.", channel, extra={"action": "probe_broke"})
        sentence = "Ett fel i programmet avbröt provet. Felet står i loggen."
        return Proof(municipality, channel, is_ok=False, sentence=sentence)


def _why_not_proved(channel: Channel) -> str:
    if channel.is_local:
        return "Det finns inget att prova: kanalen använder ingen annan tjänst."
    return "Kanalen går inte att prova utan att något skickas. Ett eventuellt fel syns först när något skickas."


def _started_again(database: Database, municipality: str, channel: str, *, now: datetime) -> bool:
    with database.read() as session:
        stopped = {row.channel for row in accounts.standing(session, municipality=municipality)}
    if channel not in stopped:
        return False
    with database.write() as session:
        try:
            accounts.restart(session, municipality, channel, name="kanalprovet", now=now)
        except NotFoundError:  # a worker was first
            return False
    return True


def standings(session: Session, catalog: Catalog, *, municipality: str | None = None) -> list[Standing]:
    """Every channel of every municipality, or of one, in the order of the files."""
    wanted = [catalog.municipality(municipality)] if municipality else catalog.municipalities.values()
    rows = {(row.municipality, row.channel): row for row in accounts.standing(session, municipality=municipality)}
    found = []
    for item in wanted:
        for config in item.channels:
            row = rows.get((item.id, config.id))
            found.append(
                Standing(
                    municipality=item.id,
                    channel=config.id,
                    kind=config.kind,
                    name=config.name,
                    state=row.state if row else AccountState.WORKING,
                    reason=row.reason if row else "",
                    can_withdraw=can(config.kind, Withdrawing),
                    can_correct=can(config.kind, Correcting),
                    can_probe=can(config.kind, Probing),
                    can_rehearse=can(config.kind, Rehearsing),
                )
            )
    return found


def rehearse(municipality: Municipality, channel_id: str, channels: Mapping[str, Channel], *, now: datetime) -> str:
    """Send a marked test that only editors see. Returns a Swedish sentence on what was seen.

    Raises RefusedError where the channel cannot, NotFoundError for an unknown channel, SendError as the channel does.
    """
    config = municipality.channel(channel_id)
    channel = channels[config.kind]
    if isinstance(channel, Rehearsing):
        return channel.rehearse(config, now=now)
    if channel.is_local:
        raise RefusedError(
            "Kanalen använder ingen annan tjänst, så ett prov behövs inte. Läs texten med: kampanjhjul posts ID"
        )
    if isinstance(channel, Probing) and not isinstance(channel, SettingsOnly):
        raise RefusedError(
            "I den här kanalen skulle alla se ett prov. Kontrollera inställningarna i stället med:"
            " kampanjhjul check --live"
        )
    raise RefusedError(
        "I den här kanalen skulle alla mottagare se ett prov. Låt kanalen först peka på en egen provmottagare, och"
        " skicka ett budskap dit."
    )


def rehearse_as(
    database: Database,
    municipality: Municipality,
    channel_id: str,
    channels: Mapping[str, Channel],
    *,
    name: str,
    now: datetime,
) -> str:
    """As `rehearse`, asked for by a person on a page."""
    sentence = rehearse(municipality, channel_id, channels, now=now)
    _tell(database, municipality, channel_id, "skickade ett prov", name=name, now=now)
    return sentence


def _tell(
    database: Database, municipality: Municipality, channel_id: str, action: str, *, name: str, now: datetime
) -> None:
    """Into the log, in a transaction of its own: none may be open while a channel is called."""
    with database.write() as session:
        audit.record(session, now=now, municipality=municipality.id, actor=name, action=action, subject=channel_id)


def one_with_channel(catalog: Catalog, channel_id: str, municipality: str | None) -> Municipality:
    """The municipality that is meant by a channel's id.

    Raises RefusedError if several have it and none is named, NotFoundError if nobody has it.
    """
    if municipality:
        return catalog.municipality(municipality)
    found = [item for item in catalog.municipalities.values() if channel_id in item.channel_ids]
    if len(found) > 1:
        names = ", ".join(item.id for item in found)
        raise RefusedError(f"Flera kommuner har kanalen ”{channel_id}”: {names}. Ange vilken med --municipality.")
    if found:
        return found[0]
    known = {name for item in catalog.municipalities.values() for name in item.channel_ids}
    raise NotFoundError(f"Ingen kommun har kanalen ”{channel_id}”. {suggestion(channel_id, known)}")
