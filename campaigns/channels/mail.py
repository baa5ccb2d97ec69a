"""Mail: addresses and headers that cannot be misread, and one message to one recipient through a server (RFC 5321).

A server is given as `smtps://user:password@host:465`, `smtp+starttls://user:password@host:587` or, only where private
addresses are allowed, `smtp://host:25` without TLS. Ports may be left out. In the user's name and the password signs
such as /, # and % are percent-encoded. A certificate is checked against REQUESTS_CA_BUNDLE, or the authorities that
most browsers trust. Errors name the host, and never an address, a text or what the server said.
"""

from __future__ import annotations

import re
import ssl
import unicodedata
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from threading import get_ident
from typing import Any
from urllib.parse import unquote, urlsplit

from campaigns.channels.addresses import checked_addresses
from campaigns.channels.base import Environment, NotSentError, UnknownOutcomeError
from campaigns.channels.credentials import CredentialError
from campaigns.channels.line import Line, trusting
from campaigns.channels.mail_line import Conversation

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"  # RFC 5322 dot-atom
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@){_LOCAL}@{_DOMAIN}")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
# Of ASCII, and written as they are: folding would encode a long address into something that no reader decodes.
_WHOLE = frozenset({"message-id", "list-id", "list-unsubscribe", "list-unsubscribe-post"})
LONGEST_HEADER = 900  # of those; a line may be 998 (RFC 5322 section 2.1.1)


class _Policy(EmailPolicy):
    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in _WHOLE:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


POLICY = _Policy(linesep="\r\n", cte_type="7bit")


@dataclass(frozen=True)
class Server:
    """Where mail is handed over, from a server's address. The login is None where there is none."""

    scheme: str
    host: str
    port: int
    login: tuple[str, str] | None = field(repr=False)

    @property
    def told(self) -> str:
        """How mail is handed over, in Swedish: what follows on "genom"."""
        tls, login = ("utan" if is_lacking else "med" for is_lacking in (self.scheme == "smtp", self.login is None))
        return f"{self.host} {tls} TLS och {login} inloggning"

    @classmethod
    def of(cls, url: str, *, allow_private: bool) -> Server:
        """Raises CredentialError, which never holds `url`."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            parts, host, port = None, None, None
        is_bare = parts is not None and parts.path in ("", "/") and not (parts.query or parts.fragment)
        if parts is None or not is_bare or not host or parts.scheme not in PORTS or not _is_line(host):
            raise _wrong_server(
                "ska ha formen smtps://användare:lösenord@server:465. Tecken som /, # och ? i lösenordet procentkodas"
            )
        if parts.scheme == "smtp" and not allow_private:
            raise _wrong_server("ska börja med smtps:// eller smtp+starttls://; smtp:// går bara i det egna nätet")
        login = unquote(parts.username or ""), unquote(parts.password or "")
        if any(login) and not (all(login) and all(map(_is_line, login))):
            raise _wrong_server("ska ha både användarnamn och lösenord, eller inget av dem")
        return cls(parts.scheme, host, port or PORTS[parts.scheme], login if any(login) else None)


def send_mail(
    server: str, message: EmailMessage, *, recipient: str, environment: Environment, allow_private: bool
) -> None:
    """Hand `message` over to the server for one recipient. Its From header says whom it comes from.

    Raises NotSentError if it was surely not taken over, and UnknownOutcomeError if it may have been.
    """
    place = Server.of(server, allow_private=allow_private)
    [sender] = message["From"].addresses
    to = address_of(recipient).addr_spec
    data = _bytes(message)
    mail = (sender.addr_spec, to, data)
    _converse(place, mail, environment=environment, allow_private=allow_private)


def check_server(server: str, *, environment: Environment, allow_private: bool) -> Server:
    """Connect, secure the line, log in, and leave. Returns the server. Raises NotSentError."""
    place = Server.of(server, allow_private=allow_private)
    _converse(place, environment=environment, allow_private=allow_private)
    return place


def address_of(text: str) -> Address:
    """An address as `namn@exempel.se` or `Ett namn <namn@exempel.se>`. Raises NotSentError, which stops the channel."""
    named = _NAMED.fullmatch(text.strip())
    name, bare = (named["name"].strip(), named["address"].strip()) if named else ("", text.strip())
    local, _, domain = bare.rpartition("@")
    try:
        bare = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        bare = ""
    name = name.removeprefix('"').removesuffix('"')
    if not _ADDRESS.fullmatch(bare) or not _is_line(name) or "\\" in name or '"' in name:
        raise NotSentError(
            "En e-postadress är felskriven. Skriv den som namn@exempel.se eller Ett namn <namn@exempel.se>.",
            is_permanent=False,
            stops_channel=True,
        )
    return Address(name, addr_spec=bare)


def set_header(message: EmailMessage, name: str, value: str | Address) -> None:
    """Add a header that holds `value` and nothing more. Raises NotSentError if it would hold more than one line."""
    is_whole = name.lower() in _WHOLE
    if not _is_line(str(value)) or (is_whole and not (str(value).isascii() and len(str(value)) <= LONGEST_HEADER)):
        raise NotSentError(
            f"Brevets {name} har radbrytningar eller andra tecken som inte får stå där. Skriv om det på en rad.",
            is_permanent=True,
        )
    message[name] = value


def new_message() -> EmailMessage:
    return EmailMessage(policy=POLICY)


def _is_line(text: str) -> bool:
    """Whether nothing in `text` breaks a line or cannot be written, by anybody's reading: RFC 5322 or Unicode."""
    return not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text)


def _bytes(message: EmailMessage) -> bytes:
    try:
        data = message.as_bytes(policy=POLICY)
    except (ValueError, LookupError):  # also UnicodeError
        data = b""
    # A lone CR or LF could end the mail early in the eyes of some servers, and begin another.
    if not data or re.search(rb"\r(?!\n)|(?<!\r)\n", data):
        raise NotSentError("Brevet har tecken som inte går att skicka. Skriv om texten.", is_permanent=True)
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def _converse(
    place: Server, mail: tuple[str, str, bytes] | None = None, *, environment: Environment, allow_private: bool
) -> None:
    host = place.host
    addresses = checked_addresses(host, place.port, allow_private=allow_private, resolver=environment.resolver)
    trust = trusting(environment.environ.get("REQUESTS_CA_BUNDLE"), get_ident()) if place.scheme != "smtp" else None
    line = Line(addresses, environment.longest)
    talk = Conversation(host, line=line, tls=trust, timeout=environment.timeout)
    try:
        talk.open(place.port, tls_at_once=place.scheme == "smtps")
        if place.login:
            talk.log_in(*place.login)
        if mail is None:
            talk.check()
        else:
            talk.hand_over(*mail)
        talk.say_goodbye()
        return
    except OSError as error:
        is_certificate = isinstance(error, ssl.SSLError) and not talk.is_handed_over
    finally:
        talk.close()
        line.close()
    # Outside the except block, unchained: the foreign error can hold addresses and what was said.
    if talk.is_handed_over:
        raise UnknownOutcomeError(f"{host} tog emot men svarade inte. Det är osäkert om brevet gick ut.")
    if is_certificate:
        raise talk.stopped("ger ingen säker anslutning: certifikatet eller TLS är fel där")
    raise NotSentError(f"E-postservern {host} svarar inte, eller så bröts linjen.", is_permanent=False)


def _wrong_server(why: str) -> CredentialError:
    return CredentialError(f"E-postserverns adress {why}.")
