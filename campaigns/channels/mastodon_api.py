"""An instance of Mastodon, as its channel calls it (docs.joinmastodon.org/client/intro, /api/rate-limits).

Errors are `{"error"}` and are never passed on. 300 calls in five minutes are allowed, 30 pictures and 30 deletions in
half an hour; a refused call says in X-RateLimit-Reset when there is room again, after ISO 8601.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from campaigns.catalog import ChannelConfig
from campaigns.channels.base import Environment, NotSentError, UnknownOutcomeError
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.channels.http import LONGEST_WAIT, Response, accepted, call
from campaigns.channels.social import base_of

_ID = re.compile(r"[A-Za-z0-9]{1,64}")
_TOKEN = re.compile(r"[!-~]{1,2000}")


@dataclass(frozen=True)
class Instance:
    """The channel's instance. `now` is UTC."""

    environment: Environment
    channel: ChannelConfig
    now: datetime

    def ask(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """An answer, whatever its status."""
        if not (self.channel.url and self.channel.secret):
            raise CredentialError(f"Kanalen ”{self.channel.id}” måste ha både url och secret.")
        token = resolve(self.channel.secret, environ=self.environment.environ)
        if not _TOKEN.fullmatch(token):
            raise CredentialError("Kanalens åtkomstnyckel är inte en hel rad utan mellanslag. Lägg in den på nytt.")
        return call(
            method,
            f"{base_of(self.channel, '')}/api/{path}",
            environment=self.environment,
            channel=self.channel,
            headers={"Authorization": f"Bearer {token}", **(headers or {})},
            form=form,
            body=body,
        )

    def checked(self, response: Response) -> Response:
        """`response` if it was accepted. Raises NotSentError or UnknownOutcomeError of any other."""
        if response.status == 429 and "Retry-After" not in response.headers:
            raise NotSentError(
                f"{response.host} svarade 429: upptagen just nu.",
                is_permanent=False,
                retry_after=_until(response.headers.get("X-RateLimit-Reset"), now=self.now),
            )
        return accepted(response, now=self.now)

    def prepare(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """An answer, whatever its status, to a call that shows nothing. Raises NotSentError if there is none."""
        try:
            return self.ask(method, path, body=body, headers=headers)
        except UnknownOutcomeError as error:
            raise self.undone(error) from error

    def ready(self, response: Response) -> Response:
        """`response` to a call that shows nothing, if it was accepted. Raises NotSentError."""
        try:
            return self.checked(response)
        except UnknownOutcomeError as error:
            raise self.undone(error) from error

    def undone(self, error: UnknownOutcomeError) -> NotSentError:
        """What is unknown of a call that shows nothing does not matter."""
        why = error.message.removesuffix(" Det är osäkert om budskapet gick ut.")
        return NotSentError(f"{why} Försöket avbröts före publiceringen.", is_permanent=False)

    def found(self, path: str) -> Response:
        """The answer to whether an earlier try got through. Raises UnknownOutcomeError if that stays unknown.

        What says something of the channel, that it must stop or wait, is still NotSentError: of this try, not of that.
        """
        try:
            return self.checked(self.prepare("GET", path))
        except (NotSentError, UnknownOutcomeError) as error:
            if isinstance(error, NotSentError) and (error.stops_channel or error.retry_after):
                raise
            raise UnknownOutcomeError(f"Det går inte att se om budskapet gick ut. {error.message}") from error


def identity(value: object) -> str:
    """An id from an answer or a receipt if it is one, otherwise nothing."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def moment(value: object) -> datetime | None:
    """A moment from an answer, or None if it cannot be read."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _until(value: str | None, *, now: datetime) -> timedelta | None:
    reset = moment(value)
    return None if reset is None else min(max(reset - now, timedelta(0)), LONGEST_WAIT)
