"""Signing in to a server of the AT Protocol (PDS) and calling it, for Bluesky (docs.bsky.app, HTTP reference).

Each sending signs in anew, for no session is kept between calls. The limits are 30 sign-ins in five minutes and 300 a
day for an account; the channel's pace keeps within the first.

Errors are `{"error", "message"}`. The message is never passed on: it may repeat what we sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import Environment, NotSentError, SendError, UnknownOutcomeError
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.channels.http import LONGEST_WAIT, Response, call, refusal
from campaigns.channels.social import base_of

DEFAULT_URL = "https://bsky.social"

_DID = re.compile(r"did:(plc:[a-z2-7]{24}|web:[A-Za-z0-9.%-]{1,250})")
_HANDLE = re.compile(r"([A-Za-z0-9-]{1,63}\.){1,10}[A-Za-z][A-Za-z0-9-]{0,62}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,8000}")
_NO_HANDLE = "handle.invalid"  # what a server tells of a handle that does not lead back to the account


@dataclass(frozen=True)
class Account:
    """A signed-in account. `handle` is empty if it has none that holds."""

    environment: Environment
    channel: ChannelConfig
    now: datetime
    did: str
    handle: str
    token: str = field(repr=False)

    @property
    def name(self) -> str:
        return self.handle or self.did

    def put(self, method: str, body: dict[str, Any]) -> Response:
        """The answer to a call that shows. Raises NotSentError or UnknownOutcomeError."""
        return _accepted(_call(self.environment, self.channel, method, self._headers, json_body=body), now=self.now)

    def prepare(self, method: str, data: bytes, media_type: str) -> Response:
        """The answer to a call that nobody sees the effect of. Raises NotSentError."""
        headers = {**self._headers, "Content-Type": media_type}
        try:
            return _accepted(_call(self.environment, self.channel, method, headers, body=data), now=self.now)
        except UnknownOutcomeError as error:
            raise _hidden(error) from error

    def look(self, method: str, query: Mapping[str, str]) -> Response:
        """The answer to a question. Raises NotSentError: nothing has been sent."""
        asked = f"{method}?{urlencode(query)}"
        try:
            return _accepted(_call(self.environment, self.channel, asked, self._headers, verb="GET"), now=self.now)
        except UnknownOutcomeError as error:
            raise _hidden(error) from error

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def sign_in(environment: Environment, channel: ChannelConfig, *, now: datetime) -> Account:
    """The channel's account. Raises NotSentError: nobody has seen anything by then."""
    if not (channel.account and channel.secret):
        raise CredentialError(f"Kanalen ”{channel.id}” måste ha både account och secret.")
    secret = resolve(channel.secret, environ=environment.environ)
    body = {"identifier": channel.account.removeprefix("@"), "password": secret}
    try:
        response = _call(environment, channel, "com.atproto.server.createSession", {}, json_body=body)
        found = _accepted(response, now=now).json()
    except UnknownOutcomeError as error:
        raise _hidden(error) from error
    except NotSentError as error:
        # What is refused here is the account or the address, never the post.
        if error.is_permanent:
            raise NotSentError(error.message, is_permanent=False, stops_channel=True) from error
        raise
    did, handle, token = (str(found.get(key, "")) for key in ("did", "handle", "accessJwt"))
    if not (_DID.fullmatch(did) and _TOKEN.fullmatch(token)):
        raise NotSentError(f"{response.host} svarade inte som en server för Bluesky.", is_permanent=False)
    if found.get("active") is False:
        raise NotSentError(
            f"Kontot är avstängt eller vilande på {response.host}. Logga in där och se varför.",
            is_permanent=False,
            stops_channel=True,
        )
    has_handle = handle != _NO_HANDLE and _HANDLE.fullmatch(handle)
    return Account(environment, channel, now, did, handle if has_handle else "", token)


def _call(
    environment: Environment,
    channel: ChannelConfig,
    method: str,
    headers: dict[str, str],
    *,
    verb: str = "POST",
    json_body: dict[str, Any] | None = None,
    body: bytes | None = None,
) -> Response:
    url = f"{base_of(channel, DEFAULT_URL)}/xrpc/{method}"
    return call(verb, url, environment=environment, channel=channel, headers=headers, json_body=json_body, body=body)


def _accepted(response: Response, *, now: datetime) -> Response:
    told = response.json()
    name, message = str(told.get("error", "")), str(told.get("message", ""))
    if response.status == 400 and name == "ExpiredToken":
        raise NotSentError(f"{response.host} svarade 400: inloggningen gick ut.", is_permanent=False)
    if response.status == 400 and name == "InvalidToken":
        raise NotSentError(
            f"{response.host} svarade 400: kanalens inloggning godtas inte.", is_permanent=False, stops_channel=True
        )
    if response.status == 400 and "grapheme too big" in message:
        raise NotSentError(
            "Den korta texten är med länken längre än de 300 tecken som Bluesky tar. Korta den.", is_permanent=True
        )
    if response.status == 429 and "Retry-After" not in response.headers:
        raise NotSentError(
            f"{response.host} svarade 429: upptagen just nu.",
            is_permanent=False,
            retry_after=_until(response.headers.get("RateLimit-Reset"), now=now),
        )
    fault = refusal(response, now=now)
    if fault is not None:
        raise fault
    return response


def _until(value: str | None, *, now: datetime) -> timedelta | None:
    """How long until a RateLimit-Reset, in Unix seconds; None if it cannot be read."""
    text = (value or "").strip()
    if not re.fullmatch(r"[0-9]{1,11}", text):
        return None
    return min(max(datetime.fromtimestamp(int(text), UTC) - now, timedelta(0)), LONGEST_WAIT)


def _hidden(error: SendError) -> NotSentError:
    """What is unknown of a call that shows nothing does not matter."""
    return NotSentError(
        error.message.removesuffix(" Det är osäkert om budskapet gick ut.") + " Försöket avbröts före publiceringen.",
        is_permanent=False,
    )
