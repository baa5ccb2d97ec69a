"""One conversation with a mail server: to the addresses that were checked, bounded in time and bytes, step by step.

The standard library's client is used for its protocol; which step failed decides what the failure means.
"""

from __future__ import annotations

import base64
import re
import smtplib
import socket
import ssl
from typing import BinaryIO

from campaigns.channels.base import NotSentError, UnknownOutcomeError
from campaigns.channels.line import Line

MOST_BYTES = 64 * 1024  # of all a server's replies together; an endless one must not fill the memory
LONGEST_LINE = 8192
GOODBYE = 2.0  # seconds for the answer to QUIT, when all is done

_LOGIN_CODES = (530, 534, 535, 538)  # RFC 4954 section 6
_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?= |$)")  # RFC 3463


class Conversation(smtplib.SMTP):
    """What is said on one line. Each step raises NotSentError, stopping the channel where every mail would be refused.

    An OSError from any step means that the line broke; `is_handed_over` tells whether the whole mail had been written.
    """

    def __init__(self, name: str, *, line: Line, tls: ssl.SSLContext | None, timeout: tuple[float, float]) -> None:
        super().__init__(local_hostname="localhost", timeout=timeout[1])  # the default would ask the name servers
        self.name = name
        self.line = line
        self.tls = tls
        self.connecting = timeout[0]
        self.received = 0
        self.is_handed_over = False

    def open(self, port: int, *, tls_at_once: bool) -> None:
        """Connect, greet, and secure the line if there is a context for it."""
        wire = self._wire(port)
        wire.settimeout(self.timeout)
        self.line.watch(wire)
        self.sock = wire
        self.local_hostname = _literal(wire)
        if self.tls and tls_at_once:
            self.sock = self.tls.wrap_socket(wire, server_hostname=self.name)
        self._expect(self.getreply(), 220, stops_channel=True)
        self._expect(self.ehlo(), 250, stops_channel=True)
        if self.tls and not tls_at_once:
            if not self.has_extn("starttls"):
                raise self.stopped("erbjuder inte TLS (STARTTLS)")
            self._expect(self.docmd("STARTTLS"), 220, stops_channel=True)
            # What came before TLS could be anybody's: what has been read ahead is forgotten with the file.
            self.sock, self.file = self.tls.wrap_socket(wire, server_hostname=self.name), None
            self._expect(self.ehlo(), 250, stops_channel=True)

    def log_in(self, user: str, password: str) -> None:
        """By PLAIN or LOGIN (RFC 4616): TLS keeps them secret, and they take any characters."""
        known = self.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in known:
            answer = self.docmd("AUTH", f"PLAIN {_base64(f'{chr(0)}{user}{chr(0)}{password}')}")
        elif "LOGIN" in known:
            answer = self.docmd("AUTH", "LOGIN")
            for text in (user, password):
                if answer[0] == 334:
                    answer = self.docmd(_base64(text))
        else:
            raise self.stopped("erbjuder inte den inloggning som behövs (PLAIN eller LOGIN)")
        self._expect(answer, 235, stops_channel=True)

    def hand_over(self, sender: str, recipient: str, data: bytes) -> None:
        """Give the server one mail for one recipient; it is the server's to deliver when this returns.

        Until the last line has been written the server must throw away what it has (RFC 5321 section 4.1.1.10).
        Raises UnknownOutcomeError if the answer to it cannot be read.
        """
        # Too large (552) is the mail's fault. Any other refusal here is of the sender, for every mail.
        size = f" SIZE={len(data)}" if self.has_extn("size") else ""
        answer = self.docmd("MAIL", f"FROM:<{sender}>{size}")
        self._expect(answer, 250, stops_channel=answer[0] != 552)
        self._expect(self.docmd("RCPT", f"TO:<{recipient}>"), 250, 251)
        self._expect(self.docmd("DATA"), 354)
        self.send(re.sub(rb"(?m)^\.", b"..", data))
        self.is_handed_over = True
        self.send(b".\r\n")
        answer = self.getreply()
        if not (200 <= answer[0] < 300 or 400 <= answer[0] < 600):
            raise UnknownOutcomeError(f"{self.name} tog emot men svarade inte rätt. Det är osäkert om brevet gick ut.")
        self._expect(answer, *range(200, 300))

    def check(self) -> None:
        """See that the server goes on listening to us."""
        self._expect(self.noop(), 250)

    def say_goodbye(self) -> None:
        """End politely; what is answered changes nothing."""
        try:
            if self.sock:
                self.sock.settimeout(GOODBYE)
                self.docmd("QUIT")
        except OSError:
            pass
        finally:
            self.close()

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock:
            self.file = _Bounded(self.sock.makefile("rb"), self)
        return super().getreply()

    def stopped(self, why: str) -> NotSentError:
        return NotSentError(f"E-postservern {self.name} {why}.", is_permanent=False, stops_channel=True)

    def _wire(self, port: int) -> socket.socket:
        failure: OSError | None = None
        for address in self.line.addresses:
            try:
                return socket.create_connection((address, port), self.connecting)
            except OSError as error:
                failure = error
        assert failure is not None, "there is always an address"
        raise failure

    def _expect(self, answer: tuple[int, bytes], *wanted: int, stops_channel: bool = False) -> None:
        """Go on if the answer is one of `wanted`; otherwise say what it means, without the server's own words.

        They often hold the address. 4yz is for now and 5yz for good (RFC 5321 section 4.2.1), for this mail or for all.
        """
        code, text = answer
        if code in wanted:
            return
        if not 400 <= code < 600:
            raise NotSentError(f"{self.name} svarar inte som en e-postserver.", is_permanent=False)
        detail = _ENHANCED.match(text)
        told = f"E-postservern {self.name} svarade {code}" + (f" ({detail[0].decode()})" if detail else "")
        if code in _LOGIN_CODES:
            raise NotSentError(f"{told}: inloggningen godtas inte.", is_permanent=False, stops_channel=True)
        if code < 500:
            raise NotSentError(f"{told}: den tar inte emot just nu.", is_permanent=False)
        if stops_channel:
            raise NotSentError(
                f"{told}: den tar inte emot brev från oss. Rätta serverns adress, inloggningen eller avsändaren.",
                is_permanent=False,
                stops_channel=True,
            )
        raise NotSentError(f"{told}: brevet eller mottagaren godtas inte.", is_permanent=True)


class _Bounded:
    """A server's replies, which end when they are too long, as if the line had been cut."""

    def __init__(self, file: BinaryIO, conversation: Conversation) -> None:
        self.file = file
        self.conversation = conversation

    def readline(self, size: int) -> bytes:
        found = self.file.readline(min(size, LONGEST_LINE + 1))
        self.conversation.received += len(found)
        is_too_much = len(found) > LONGEST_LINE or self.conversation.received > MOST_BYTES
        return b"" if is_too_much else found

    def close(self) -> None:
        self.file.close()


def _literal(wire: socket.socket) -> str:
    """Who we are, as an address literal (RFC 5321 section 4.1.3): this machine may have no name that others know."""
    address = wire.getsockname()[0]
    return f"[IPv6:{address}]" if wire.family == socket.AF_INET6 else f"[{address}]"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
