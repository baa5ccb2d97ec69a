"""SMS to functional numbers by 46elks (46elks.com/docs: send-sms, sms-history, sms-delivery-reports).

In the configuration `secret` is `api-user:api-password`, `sender` a name of at most 11 letters and digits or a number
in E.164, and `recipients` numbers in E.164 by their ids. What goes out is the short text alone, exactly as it was
signed and its parts counted. The link is not added: it would make more parts than were approved.

46elks drops no doubles. After an unknown outcome the account's history is searched for the text to that number, which
is why `dontlog` is not used. What cannot be read there stays unknown; nothing is sent then. 100 a minute are sent, more
wait there, and no 429 is given. That 403 means too little credit, and the names of a dry run's answer, are unconfirmed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, uuid5

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import Environment, NotSentError, Outcome, Pace, Receipt, Shipment, UnknownOutcomeError
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.channels.http import Response, accepted, call
from campaigns.channels.social import base_of, setting, words

API = "https://api.46elks.com/a1"
NUMBER = r"\+[1-9]\d{6,14}"  # E.164
SENDER = rf"(?=.*[A-Za-z])[A-Za-z0-9]{{1,11}}|{NUMBER}"
PAGE = 15  # messages; an answer of more could be longer than we read
MOST_PAGES = 10
# Before the post was due no try was made. More than any clock is wrong; no earlier sending of the same text is as near.
SLACK = timedelta(minutes=10)

PACE = Pace(per_minute=100, burst=10)

_GONE = "Mottagaren finns inte längre bland kanalens recipients."
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Price:
    """What one text costs to all of a channel's numbers: parts for each, `cost` in 1/10 000 of the account's currency.

    46elks accounts are in Swedish kronor or euro.
    """

    recipients: int
    parts: int
    cost: int


class ReportState(StrEnum):
    SENT = "sent"  # to the operator
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True)
class Report:
    """What became of a message: `reference` is that of its receipt."""

    reference: str
    state: ReportState


@dataclass(frozen=True)
class Sms:
    environment: Environment
    kind: str = "sms"
    is_local: bool = False
    is_idempotent: bool = False
    can_find: bool = True
    pace: Pace | None = PACE

    def send(self, shipment: Shipment, *, now: datetime) -> Receipt:
        channel = shipment.channel
        if shipment.maybe_sent and shipment.recipient not in channel.recipients:
            raise UnknownOutcomeError(f"{_GONE} Det är osäkert om ett tidigare försök gick ut.")
        form = {"from": _sender(channel), "to": _number(channel, shipment.recipient), "message": _text(shipment)}
        if shipment.report_url:
            form["whendelivered"] = shipment.report_url
        if shipment.maybe_sent:
            found = self._earlier(shipment, form, now)
            if found is not None:
                return Receipt(Outcome.HANDED_OVER, reference=found)
        shipment.note(f"sms_{uuid5(NAMESPACE_URL, shipment.key).hex}")
        answer = self._ask(channel, "POST", form=form, now=now)
        reference = _id(answer.json())
        if reference is None:
            raise UnknownOutcomeError("46elks svarade utan nummer på meddelandet. Det är osäkert om det gick ut.")
        return Receipt(Outcome.HANDED_OVER, reference=reference)

    def probe(self, channel: ChannelConfig, *, now: datetime) -> str:
        price = self.price(channel, "Prov", now=now)
        to = "ett nummer" if price.recipients == 1 else f"{price.recipients} nummer"
        return f"Kanalen skickar SMS genom 46elks från {_sender(channel)} till {to}."

    def price(self, channel: ChannelConfig, text: str, *, now: datetime) -> Price:
        """What `text` would cost to every number, as 46elks counts it in a dry run: nothing is sent.

        Raises as `send`.
        """
        answers = [
            self._ask(
                channel,
                "POST",
                form={"from": _sender(channel), "to": _number(channel, id_), "message": text, "dryrun": "yes"},
                now=now,
            ).json()
            for id_ in channel.recipients
        ]
        found = [(answer.get("parts"), answer.get("estimated_cost")) for answer in answers]
        counts = [(parts, cost) for parts, cost in found if isinstance(parts, int) and isinstance(cost, int)]
        if not counts or len(counts) != len(found):
            raise NotSentError("46elks svarade inte vad meddelandet skulle kosta.", is_permanent=False)
        return Price(len(counts), max(parts for parts, _ in counts), sum(cost for _, cost in counts))

    def _earlier(self, shipment: Shipment, form: Mapping[str, str], now: datetime) -> str | None:
        """The id of what an earlier try sent, or None if it surely sent nothing."""
        since = shipment.due_at - SLACK
        for message in self._history(shipment.channel, form["to"], since, now):
            is_ours = words(str(message.get("message"))) == words(form["message"])
            if not is_ours or message.get("direction") == "incoming":
                continue
            reference = _id(message)
            if reference is None:
                raise _unseen()
            if message.get("status") == ReportState.FAILED:
                raise NotSentError("46elks kunde inte leverera meddelandet till numret.", is_permanent=True)
            return reference
        return None

    def _history(
        self, channel: ChannelConfig, number: str, since: datetime, now: datetime
    ) -> Iterator[Mapping[str, Any]]:
        """What was sent to the number after `since`, newest first. Raises UnknownOutcomeError if it cannot be seen."""
        query = {"to": number, "limit": str(PAGE)}
        for _ in range(MOST_PAGES):
            table = self._look(channel, query, now)
            data = table.get("data")
            if not isinstance(data, list):
                raise _unseen()
            for message in data:
                created = _moment(message.get("created")) if isinstance(message, dict) else None
                if created is None:
                    raise _unseen()
                if created < since:
                    return
                yield message
            following = table.get("next")
            if not following:
                return
            query["start"] = str(following)
        raise _unseen()

    def _look(self, channel: ChannelConfig, query: Mapping[str, str], now: datetime) -> Mapping[str, Any]:
        try:
            return self._ask(channel, "GET", query=query, now=now).json()
        except NotSentError as error:
            if error.stops_channel or error.retry_after:
                raise
            raise _unseen() from error

    def _ask(
        self,
        channel: ChannelConfig,
        method: str,
        *,
        now: datetime,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Response:
        url = f"{base_of(channel, API)}/sms" + (f"?{urlencode(query)}" if query else "")
        headers = {"Authorization": self._login(channel)}
        answer = call(method, url, environment=self.environment, channel=channel, headers=headers, form=form)
        if answer.status == 403:
            raise NotSentError(
                f"{answer.host} svarade 403: kontot hos 46elks har för lite pengar eller får inte skicka. Fyll på.",
                is_permanent=False,
                stops_channel=True,
            )
        return accepted(answer, now=now)

    def _login(self, channel: ChannelConfig) -> str:
        if not channel.secret:
            raise CredentialError("SMS-kanalen måste ha secret, sender och recipients.")
        secret = resolve(channel.secret, environ=self.environment.environ)
        if not re.fullmatch(r"[!-9;-~]+:[!-~]+", secret):
            raise CredentialError("SMS-kanalens hemlighet ska vara API-användare:API-lösenord från 46elks.")
        return f"Basic {base64.b64encode(secret.encode()).decode()}"


def report(form: Mapping[str, str]) -> Report | None:
    """A delivery report as 46elks posts it to a shipment's `report_url`, or None if the form is something else.

    The form is not signed: only the secret address says that it comes from them. They repeat it, at least five times
    and for six hours, until they get 200–204.
    """
    reference, state = form.get("id", ""), form.get("status", "")
    if not _ID.fullmatch(reference) or state not in list(ReportState):
        return None
    return Report(reference, ReportState(state))


def _sender(channel: ChannelConfig) -> str:
    told = "SMS-kanalens sender ska vara högst 11 bokstäver a–z och siffror, eller ett nummer som +46701740605."
    return setting(channel.sender or "", SENDER, told=told)


def _number(channel: ChannelConfig, recipient: str) -> str:
    if recipient not in channel.recipients:
        raise NotSentError(_GONE, is_permanent=True)
    told = f"Numret till ”{recipient}” i recipients ska skrivas med landsnummer, som +46701740605."
    return setting(channel.recipients[recipient], NUMBER, told=told)


def _text(shipment: Shipment) -> str:
    text = shipment.content.short
    if not text.strip():
        raise NotSentError("Den korta texten är tom. Skriv den.", is_permanent=True)
    return text


def _id(table: Mapping[str, Any]) -> str | None:
    found = table.get("id")
    return found if isinstance(found, str) and _ID.fullmatch(found) else None


def _moment(text: object) -> datetime | None:
    """When a message was made; 46elks writes UTC without saying so."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _unseen() -> UnknownOutcomeError:
    return UnknownOutcomeError("Det går inte att se hos 46elks om meddelandet gick ut. Kontrollera i deras historik.")
