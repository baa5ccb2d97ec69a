"""A real mail server on this machine (aiosmtpd) that keeps what it takes over, and refuses and fails as it is told."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.contracts import Trouble, unused_port

# The server writes down all that is said to it, which is not our log.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)

USER, PASSWORD = "kampanj@aneby.se", "löse/n:ord%"
LOGIN = "kampanj%40aneby.se:l%C3%B6se%2Fn%3Aord%25@"


@dataclass(frozen=True)
class Mail:
    sender: str
    recipients: tuple[str, ...]
    data: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.data, policy=default)


@dataclass
class PostOffice:
    """`says` is what a step answers instead, once: its name is EHLO, AUTH, MAIL, RCPT or DATA (after the whole mail).

    `trouble` is met by the next mail, once. `logins` are those that were right.
    """

    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    says: dict[str, str] = field(default_factory=dict)
    trouble: Trouble | None = None
    hangs_at: str = ""
    logins: list[str] = field(default_factory=list)
    greeted_by: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"smtp://{LOGIN}127.0.0.1:{self.port}"

    # aiosmtpd calls these by their names.

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.greeted_by.append(hostname)
        await self._hang("EHLO")
        return [self.says.pop("EHLO")] if "EHLO" in self.says else responses

    def log_in(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        is_dead = self.trouble is Trouble.BAD_LOGIN
        if is_dead:
            self.trouble = None
        if "AUTH" in self.says:
            return AuthResult(success=False, handled=False, message=self.says.pop("AUTH"))
        is_right = (data.login.decode(), data.password.decode()) == (USER, PASSWORD) and not is_dead
        if is_right:
            self.logins.append(mechanism)
        return AuthResult(success=is_right, handled=False)

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await self._hang("MAIL")
        if "MAIL" in self.says:
            return self.says.pop("MAIL")
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusals = {
            Trouble.BUSY: f"451 4.3.0 {address} later",
            Trouble.BAD_POST: f"550 5.1.1 {address} unknown",
            Trouble.THROTTLED: f"450 4.7.1 {address} too many",
            Trouble.REDIRECT: f"551 5.1.6 try <annan@{address}>",
        }
        if self.trouble in refusals:
            self.says["RCPT"] = refusals[self.trouble]
            self.trouble = None
        await self._hang("RCPT")
        if "RCPT" in self.says:
            return self.says.pop("RCPT")
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        trouble, self.trouble = self.trouble, None
        if trouble is Trouble.SILENT:
            await asyncio.sleep(5)
        if "DATA" in self.says:
            return self.says.pop("DATA")
        assert isinstance(envelope.content, bytes)
        self.mails.append(Mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), envelope.content))
        if trouble is Trouble.WORKED_SILENTLY:
            await asyncio.sleep(5)
        if trouble is Trouble.WORKED_AND_CUT:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if trouble is Trouble.NONSENSE:
            return "HTTP/1.1 200 OK"
        await self._hang("DATA")
        return "250 2.0.0 taken"

    async def _hang(self, step: str) -> None:
        if self.hangs_at == step:
            await asyncio.sleep(5)


@contextmanager
def post_office(
    *, tls: ssl.SSLContext | None = None, at_once: bool = False, with_login: bool = True, **options: Any
) -> Iterator[PostOffice]:
    """A post office on 127.0.0.1; with TLS from the first byte, or by STARTTLS, if given a context."""
    office = PostOffice(port=unused_port())
    if tls and not at_once:
        options |= {"tls_context": tls, "require_starttls": True}
    if with_login:
        options |= {"authenticator": office.log_in, "auth_require_tls": bool(tls) and not at_once}
    controller = Controller(
        office, hostname="127.0.0.1", port=office.port, ssl_context=tls if at_once else None, ident="prov", **options
    )
    controller.start()
    try:
        yield office
    finally:
        controller.stop()


@contextmanager
def rude_server(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """The port of a server that does as `talk` says with each line it gets, until the test is over."""
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)  # it holds little that it has not read

        def serve() -> None:
            with suppress(OSError):
                while True:
                    wire, _ = door.accept()
                    with wire, suppress(OSError):
                        talk(wire, is_over)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(door.getsockname()[1])
        finally:
            is_over.set()
            door.shutdown(socket.SHUT_RDWR)
            thread.join()
