"""How a notice leaves: by mail through the municipality's server, or to an address of Apprise (Teams and many more).

Both raise as channels do: NotSentError if it surely did not leave, UnknownOutcomeError if it may have. Apprise tells no
more than success or failure, also where the answer was lost: its failures are tried again, and that can be twice.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from types import ModuleType
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from campaigns.channels.base import Environment, NotSentError, UnknownOutcomeError
from campaigns.channels.credentials import CredentialError, resolve
from campaigns.channels.mail import Server, address_of, new_message, send_mail, set_header
from campaigns.reminding.addressees import Address, Way
from campaigns.reminding.texts import Text

# Seconds for a whole call; less than the lease.
LONGEST = 60


@dataclass(frozen=True)
class Ways:
    """What is needed to send. `smtp_url` and `mail_from` are None where there is no mail."""

    environment: Environment
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None

    def send(self, to: Address, text: Text, *, key: str, now: datetime) -> None:
        """Send `text`; `key` is the same for every try. Raises NotSentError or UnknownOutcomeError."""
        if to.way is Way.MAIL:
            self._mail(to, text, key=key, now=now)
        else:
            _apprise(resolve(to.place, environ=self.environment.environ), text)

    def _mail(self, to: Address, text: Text, *, key: str, now: datetime) -> None:
        if not (self.smtp_url and self.mail_from):
            raise CredentialError("E-post går inte att skicka: ange KAMPANJHJUL_SMTP_URL och KAMPANJHJUL_MAIL_FROM.")
        sender = address_of(self.mail_from)
        message = new_message()
        set_header(message, "From", sender)
        set_header(message, "To", address_of(to.place))
        set_header(message, "Subject", text.heading)
        set_header(message, "Date", format_datetime(now.astimezone(UTC)))
        set_header(message, "Message-ID", f"<{uuid5(NAMESPACE_URL, f'kampanjhjul:notice:{key}')}@{sender.domain}>")
        set_header(message, "Auto-Submitted", "auto-generated")  # RFC 3834: no automatic replies, please
        set_header(message, "Content-Language", "sv")
        message.set_content(f"{text.body}\n", cte="quoted-printable")
        # The server is named by whoever runs the program: it may well be one in the municipality's own net.
        send_mail(self.smtp_url, message, recipient=to.place, environment=self.environment, allow_private=True)

    def problems(self) -> list[str]:
        """What is wrong with how mail is to be sent, as sentences."""
        given = {"KAMPANJHJUL_SMTP_URL": self.smtp_url, "KAMPANJHJUL_MAIL_FROM": self.mail_from}
        missing = [name for name, value in given.items() if not value]
        if missing:
            return [f"Någon ska påminnas med e-post, men {' och '.join(missing)} saknas."]
        looks = (lambda: Server.of(self.smtp_url or "", allow_private=True), lambda: address_of(self.mail_from or ""))
        return [problem for look in looks if (problem := _told(look))]


def _told(look: Callable[[], object]) -> str | None:
    try:
        look()
    except NotSentError as error:
        return error.message
    return None


def apprise_problem(reference: str, *, environ: Mapping[str, str]) -> str | None:
    """What is wrong with an address of Apprise, as a sentence, or None."""
    return _told(lambda: _notifier(resolve(reference, environ=environ)))


@cache
def _library() -> ModuleType:
    """Apprise with its plugins, loaded when an address of it is first used: it is large."""
    with warnings.catch_warnings():
        # One of its plugins imports a module of Python's that is on its way out.
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise

        apprise.Apprise.instantiate("json://localhost")
    # It writes hosts and payloads to its log.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    return apprise


def _notifier(url: str) -> Any:
    apprise = _library()
    asset = apprise.AppriseAsset(storage_mode=apprise.PersistentStoreMode.MEMORY, async_mode=False)
    notifier = apprise.Apprise(asset=asset)
    if len(url.split()) != 1 or not notifier.add(url) or len(notifier) != 1:
        raise CredentialError("Apprise förstår inte adressen. Kontrollera den mot Apprise egen beskrivning.")
    return notifier


def _apprise(url: str, text: Text) -> None:
    apprise = _library()
    try:
        result = _notifier(url).notify(
            title=text.heading, body=text.body, body_format=apprise.NotifyFormat.TEXT, timeout=LONGEST
        )
    except TypeError:  # how it says that there is nothing to send
        raise NotSentError("Apprise tog inte emot påminnelsen.", is_permanent=True) from None
    if result.status.name in ("TIMEOUT", "PARTIAL"):
        raise UnknownOutcomeError("Apprise blev inte färdigt. Det är osäkert om påminnelsen kom fram.")
    if not result:
        raise NotSentError("Apprise kunde inte lämna fram påminnelsen.", is_permanent=False)
