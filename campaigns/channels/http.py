"""One call over HTTP for every channel: no proxy, redirect, cookie or retry of its own, and honest about what happened.

Errors and logs name the host and never the address, since a path or a query can be a secret.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from threading import get_ident
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
import urllib3

from campaigns.catalog import ChannelConfig
from campaigns.channels.addresses import checked_addresses
from campaigns.channels.base import Environment, NotSentError, SendError, UnknownOutcomeError
from campaigns.channels.line import Adapter, Line, Lines, trusting

MOST_BYTES = 64 * 1024  # of an answer's body
LONGEST_WAIT = timedelta(days=7)

_HEADERS = {"User-Agent": "Kampanjhjulet", "Accept-Encoding": "identity"}
_PERMANENT = {
    400: "innehållet går inte att tyda",
    404: "adressen finns inte",
    405: "adressen tar inte emot sändningar",
    410: "adressen är nedlagd",
    413: "budskapet är för stort",
    422: "innehållet godtas inte",
}

# They write whole addresses, query and all.
for _name in ("urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).setLevel(logging.ERROR)


@dataclass(frozen=True)
class Response:
    """An answer, whatever its status. `headers` are found in any case. `is_whole` is False if `body` was cut."""

    host: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    is_whole: bool = True

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty if it is something else. A list is found under "items"."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        if isinstance(found, list):
            return {"items": found}
        return found if isinstance(found, dict) else {}


def call(
    method: str,
    url: str,
    *,
    environment: Environment,
    channel: ChannelConfig,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    json_body: Mapping[str, Any] | None = None,
    form: Mapping[str, str] | None = None,
    lines: Lines | None = None,
) -> Response:
    """The answer to one request. Any status is an answer: ask `refusal` what it means.

    The body is given as bytes, as JSON or as a form. Private addresses are called only where `channel` allows it.
    Each call has a connection of its own, unless it may be repeated and `lines` keeps them for a batch.
    Raises NotSentError if the request surely did not leave, and UnknownOutcomeError if it did and no status came back.
    """
    kind, content = _content(body, json_body, form)
    lasts = {} if lines else {"Connection": "close"}
    request = prepared(method, url, {**lasts, **kind, **(headers or {})}, content)
    allow_private = channel.allow_private_addresses
    where = place(request, allow_private=allow_private)
    adapter = (lines and lines.taken((*where, allow_private))) or _adapter(
        where, environment, allow_private=allow_private
    )
    host, is_kept = where[1], False
    try:
        with adapter.send(request, stream=True, timeout=environment.timeout) as answer:
            found, is_whole = _body(answer)
            response = Response(host, answer.status_code, answer.headers, found, is_whole)
        if lines and is_whole:
            lines.keep((*where, allow_private), adapter)
            is_kept = True
        return response
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        failure = classify(error, host=host, is_connected=adapter.line.is_connected)
    finally:
        if not is_kept:
            adapter.close()
    # Outside the except block, unchained: the foreign error and its traceback hold the whole address.
    raise failure


def _adapter(where: tuple[str, str, int], environment: Environment, *, allow_private: bool) -> Adapter:
    """What sends to the addresses that the name has now. Raises NotSentError if any of them is not allowed."""
    scheme, host, port = where
    addresses = checked_addresses(host, port, allow_private=allow_private, resolver=environment.resolver)
    is_secure = scheme == "https"
    trust = trusting(environment.environ.get("REQUESTS_CA_BUNDLE"), get_ident()) if is_secure else None
    return Adapter(Line(addresses, environment.longest), trust)


def accepted(response: Response, *, now: datetime) -> Response:
    """`response` if it was accepted (2xx). Raises what `refusal` says of any other."""
    fault = refusal(response, now=now)
    if fault is not None:
        raise fault
    return response


def _content(
    body: bytes | None, json_body: Mapping[str, Any] | None, form: Mapping[str, str] | None
) -> tuple[dict[str, str], bytes | None]:
    if json_body is not None:
        return {"Content-Type": "application/json"}, json.dumps(json_body, ensure_ascii=False).encode()
    if form is not None:
        return {"Content-Type": "application/x-www-form-urlencoded"}, urlencode(form).encode()
    return {}, body


def classify(error: Exception, *, host: str, is_connected: bool) -> NotSentError | UnknownOutcomeError:
    """What an error means for the post. Until the connection stands (with TLS: its handshake), nothing has been sent.

    The type alone does not tell: an SSLError can come in the handshake, or after the request has been written.
    """
    if not is_connected:
        if isinstance(error, requests.exceptions.SSLError):
            return NotSentError(
                f"Säker anslutning till {host} går inte att få: certifikatet eller TLS är fel hos mottagaren.",
                is_permanent=False,
                stops_channel=True,
            )
        if isinstance(error, requests.ConnectTimeout):
            return NotSentError(f"{host} svarar inte på anslutningen.", is_permanent=False)
        return NotSentError(f"Det går inte att ansluta till {host}.", is_permanent=False)
    if isinstance(error, requests.ReadTimeout):
        return UnknownOutcomeError(f"{host} tog emot men svarade inte i tid. Det är osäkert om budskapet gick ut.")
    return UnknownOutcomeError(f"{host} tog emot men svarade inte rätt. Det är osäkert om budskapet gick ut.")


def refusal(response: Response, *, now: datetime) -> SendError | None:
    """What a status means for the post, or None if it was accepted (2xx).

    Other 5xx than 503 are unknown, for the work may have been done first; the outbox repeats those where a repeat is
    harmless. A channel that knows more from the body looks there before it asks.
    """
    status, host = response.status, response.host
    answered = f"{host} svarade {status}"
    if 200 <= status < 300:
        return None
    if status in (401, 403):
        return NotSentError(
            f"{answered}: kanalens inloggning eller hemlighet godtas inte.", is_permanent=False, stops_channel=True
        )
    if status in (408, 425, 429, 503):
        wait = retry_after(response.headers.get("Retry-After"), now=now)
        return NotSentError(f"{answered}: upptagen just nu.", is_permanent=False, retry_after=wait)
    if 300 <= status < 400:
        return NotSentError(f"{answered}: adressen har flyttat. Rätta kanalens url.", is_permanent=True)
    if 400 <= status < 500:
        why = _PERMANENT.get(status, "budskapet togs inte emot")
        return NotSentError(f"{answered}: {why}.", is_permanent=True, stops_channel=status == 410)
    return UnknownOutcomeError(f"{answered}: fel hos mottagaren. Det är osäkert om budskapet gick ut.")


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """How long a Retry-After header asks us to wait (RFC 9110 section 10.2.3): seconds or a date, at most a week.

    None if there is none or it cannot be read.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        seconds = int(text[:12])  # far more than a week; the whole could be too long for int()
        return min(timedelta(seconds=min(seconds, 10**9)), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return min(max(moment - now, timedelta(0)), LONGEST_WAIT)
    except (ValueError, TypeError, OverflowError):
        return None


def prepared(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> requests.PreparedRequest:
    """The request as it would leave. Raises NotSentError for an address that cannot be one."""
    # A request without a Session: nothing is taken from the environment, a netrc file or earlier answers.
    try:
        request = requests.PreparedRequest()
        request.prepare_method(method)
        request.url = _written(url)
        request.prepare_headers({**_HEADERS, **headers})
        request.body = body
        request.prepare_content_length(body)
        return request
    except (requests.RequestException, UnicodeError):
        pass
    raise _wrong_url("går inte att tyda")


@lru_cache(maxsize=1024)
def _written(url: str) -> str | None:
    """The address as it is written on the wire: the most of what a request costs before it leaves."""
    return requests.Request("GET", url).prepare().url


def place(request: requests.PreparedRequest, *, allow_private: bool) -> tuple[str, str, int]:
    """Scheme, host and port. Raises NotSentError for an address that a channel may not have."""
    try:
        parts = urlsplit(request.url or "")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("https", "http"):
        raise _wrong_url("ska börja med https:// och ett värdnamn")
    if "@" in parts.netloc:
        raise _wrong_url("får inte ha användarnamn eller lösenord: lägg dem i secret")
    if parts.scheme == "http" and not allow_private:
        raise _wrong_url("ska börja med https://; http:// går bara med allow_private_addresses = true")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80)


def _wrong_url(why: str) -> NotSentError:
    return NotSentError(f"Kanalens url {why}.", is_permanent=False, stops_channel=True)


def _body(answer: requests.Response) -> tuple[bytes, bool]:
    """The body and whether it came whole. The status has been told by now, so nothing here is an error."""
    found = bytearray()
    try:
        while len(found) <= MOST_BYTES:
            piece = answer.raw.read1(MOST_BYTES + 1 - len(found), decode_content=False)
            if not piece:
                return bytes(found), True
            found += piece
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        pass
    return bytes(found[:MOST_BYTES]), False
