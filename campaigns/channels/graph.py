"""Meta's Graph API, as the Facebook and Instagram channels call it, and what its errors mean.

An error is `{"error": {message, type, code, error_subcode, fbtrace_id, …}}` (developers.facebook.com, Graph API, Handle
Errors). Our sentences give the code and fbtrace_id, which Meta's support asks for, and never Meta's own text.

The token goes in the Authorization header, so that no address holds it. That the header is read everywhere is
unconfirmed: Meta's pages mostly show the parameter.

A version (`api_version`, as v25.0) is taken away about two years after it came: developers.facebook.com, Changelog.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import Environment, NotSentError, SendError, UnknownOutcomeError
from campaigns.channels.http import LONGEST_WAIT, Response, call, refusal, retry_after
from campaigns.channels.social import base_of, setting, token_header

ADDRESS = "https://graph.facebook.com"
VERSION = "v25.0"
BLOCK_WAIT = timedelta(hours=1)  # our choice: Meta says to wait, and not for how long

_TRACE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_DIGITS = re.compile(r"[0-9]{1,32}(_[0-9]{1,32})?")


@dataclass(frozen=True)
class Meaning:
    """What an error code or subcode means for the post. `is_throttled`: the answer may say how long to wait."""

    why: str
    is_permanent: bool = False
    stops_channel: bool = False
    is_throttled: bool = False
    wait: timedelta | None = None


class GraphError(NotSentError):
    """Meta tog säkert inte emot anropet."""

    def __init__(
        self,
        message: str,
        *,
        code: int,
        subcode: int,
        is_permanent: bool,
        retry_after: timedelta | None = None,
        stops_channel: bool = False,
    ) -> None:
        super().__init__(message, is_permanent=is_permanent, retry_after=retry_after, stops_channel=stops_channel)
        self.code = code
        self.subcode = subcode


_THROTTLED = Meaning("för många anrop just nu", is_throttled=True)
_DEAD = Meaning("åtkomstnyckeln gäller inte längre. Skapa en ny och lägg den i secret", stops_channel=True)
_FORBIDDEN = Meaning("åtkomstnyckeln saknar behörighet. Ge den rätt behörigheter", stops_channel=True)
_TEMPORARY = (1, 2, -1, -2)  # and nobody says whether the work was done

MEANINGS: Mapping[int, Meaning] = {
    **dict.fromkeys((4, 17, 32, 341, 613), _THROTTLED),
    **dict.fromkeys((102, 190), _DEAD),
    **dict.fromkeys((10, *range(200, 300)), _FORBIDDEN),
    368: Meaning("kontot är spärrat för stunden, enligt Metas regler", wait=BLOCK_WAIT),
    506: Meaning("samma text är redan sidans senaste inlägg. Ändra texten", is_permanent=True),
    1609005: Meaning("länken går inte att läsa för Meta. Kontrollera att den leder rätt", is_permanent=True),
}


@dataclass(frozen=True)
class Graph:
    """One account's way to the API at `now`. `meanings` are an API's own subcodes, looked at first."""

    environment: Environment = field(repr=False)
    channel: ChannelConfig
    now: datetime
    meanings: Mapping[int, Meaning] = field(default_factory=dict, repr=False)

    @property
    def account(self) -> str:
        """The page's or the user's id. Raises NotSentError if it is something else than digits."""
        told = "Kanalens account ska vara kontots id hos Meta: bara siffror."
        return setting(self.channel.account or "", "[0-9]{1,32}", told=told)

    def look(self, path: str, query: Mapping[str, str], *, in_doubt: bool = False) -> dict[str, Any]:
        """What a question answers. Raises NotSentError, since nothing has been sent.

        With `in_doubt` it is asked whether an earlier try got through: a failure leaves that unknown, and is
        UnknownOutcomeError unless it says something of the channel: that it must stop, or how long it must wait.
        """
        try:
            return self._hidden("GET", f"{path}?{urlencode(query)}")
        except NotSentError as error:
            if in_doubt and not (error.stops_channel or error.retry_after):
                raise UnknownOutcomeError(f"Det går inte att se om budskapet gick ut. {error.message}") from error
            raise

    def prepare(
        self,
        path: str,
        form: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """The id of something made that nobody sees. Raises NotSentError: made or not, nothing has been sent."""
        made = identity(self._hidden("POST", path, form=form, body=body, headers=headers).get("id"))
        if not made:
            raise NotSentError("Meta svarade utan det id som behövs för att gå vidare.", is_permanent=False)
        return made

    def publish(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        """The answer to what cannot be undone. Raises as a channel's `send`."""
        return self._answer("POST", path, form=form)

    def delete(self, path: str) -> None:
        """Take away what has the id `path`. Raises as a channel's `withdraw`."""
        if self._answer("DELETE", path).get("success") is not True:
            raise UnknownOutcomeError("Meta svarade inte rätt. Det är osäkert om inlägget togs bort.")

    def _hidden(self, method: str, path: str, **sent: Any) -> dict[str, Any]:
        try:
            return self._answer(method, path, **sent)
        except UnknownOutcomeError as error:
            raise NotSentError("Meta svarade inte rätt innan något hade skickats.", is_permanent=False) from error

    def _answer(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **sent: Any
    ) -> dict[str, Any]:
        told = "Kanalens api_version ska skrivas som v25.0, eller saknas."
        version = setting(self.channel.api_version or VERSION, r"v[0-9]{2}\.[0-9]", told=told)
        response = call(
            method,
            f"{base_of(self.channel, ADDRESS)}/{version}/{path}",
            environment=self.environment,
            channel=self.channel,
            headers={**token_header(self.channel, environment=self.environment), **(headers or {})},
            **sent,
        )
        fault = self.fault(response)
        if fault is not None:
            raise fault
        return response.json()

    def fault(self, response: Response) -> SendError | None:
        """What an answer means for the post, or None if it is no error: by subcode, then code, then status."""
        error = response.json().get("error")
        if not isinstance(error, dict):
            return refusal(response, now=self.now)
        code, subcode = _number(error.get("code")), _number(error.get("error_subcode"))
        told = f"{response.host} svarade fel {code}{f'/{subcode}' if subcode else ''}{_trace(error)}"
        known = {**MEANINGS, **self.meanings}
        meaning = known.get(subcode) or known.get(code)
        if meaning is not None:
            wait = throttle_wait(response.headers, now=self.now) if meaning.is_throttled else meaning.wait
            return GraphError(
                f"{told}: {meaning.why}.",
                code=code,
                subcode=subcode,
                is_permanent=meaning.is_permanent,
                retry_after=wait,
                stops_channel=meaning.stops_channel,
            )
        by_status = refusal(response, now=self.now)
        if code in _TEMPORARY or not isinstance(by_status, NotSentError):
            return UnknownOutcomeError(f"{told}: fel hos mottagaren. Det är osäkert om budskapet gick ut.")
        return GraphError(
            f"{told}. {by_status.message}",
            code=code,
            subcode=subcode,
            is_permanent=by_status.is_permanent,
            retry_after=by_status.retry_after,
            stops_channel=by_status.stops_channel,
        )


def identity(value: object) -> str:
    """An id from an answer if it is one that can stand in a path (digits, or page_post), otherwise nothing."""
    return value if isinstance(value, str) and _DIGITS.fullmatch(value) else ""


def throttle_wait(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """How long a throttled account must wait, at most a week. None if the answer does not say.

    X-Business-Use-Case-Usage is `{id: [{…, "estimated_time_to_regain_access": minutes}]}` (Graph API, Rate Limits).
    """
    try:
        usage = json.loads(headers.get("X-Business-Use-Case-Usage") or "{}")
    except (ValueError, RecursionError):
        usage = {}
    lists = usage.values() if isinstance(usage, dict) else ()
    items = [item for found in lists if isinstance(found, list) for item in found if isinstance(item, dict)]
    minutes = max((_number(item.get("estimated_time_to_regain_access")) for item in items), default=0)
    if minutes > 0:
        return min(timedelta(minutes=min(minutes, 10**6)), LONGEST_WAIT)
    return retry_after(headers.get("Retry-After"), now=now)


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**12 else 0


def _trace(error: Mapping[str, Any]) -> str:
    trace = error.get("fbtrace_id")
    return f" (fbtrace_id {trace})" if isinstance(trace, str) and _TRACE.fullmatch(trace) else ""
