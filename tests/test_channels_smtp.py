"""E-mail through a real server: what arrives, what each refusal means, and what no server can make of us."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from campaigns.channels.base import (
    Channel,
    Environment,
    NotSentError,
    Outcome,
    Picture,
    SendError,
    Shipment,
    UnknownOutcomeError,
)
from campaigns.channels.credentials import CredentialError
from campaigns.channels.mail import Server, address_of, new_message, send_mail, set_header
from campaigns.channels.mail_line import MOST_BYTES
from campaigns.channels.smtp import Smtp, message_of
from tests.builders import make_channel
from tests.contracts import (
    CONTENT,
    Failure,
    MakeTrouble,
    OutsideContract,
    Published,
    Trouble,
    make_shipment,
    noted,
    unused_port,
)
from tests.post_office import LOGIN, PASSWORD, USER, PostOffice, post_office, rude_server
from tests.test_channels_http import TLS_PAIR

NOW = datetime(2027, 4, 22, 14, 30, tzinfo=UTC)
LIST = "foraldrar@skolan.example"
SENDER = "Aneby kommun, förebyggande <kampanj@aneby.se>"


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office() as office:
        yield office


@pytest.fixture
def channel(office: PostOffice) -> Channel:
    return make_smtp(office.url)


@pytest.fixture
def shipment() -> Shipment:
    return shipment_to()


def make_smtp(url: str, *, longest: float = 2, **environ: str) -> Smtp:
    return Smtp(Environment({"POST": url, **environ}, (1, 0.3), longest, lambda host, _: _addresses(host)))


def _addresses(host: str) -> Sequence[str]:
    return ["127.0.0.1"] if host == "mottagare.example" else [host]


def shipment_to(*, content: dict[str, str] | None = None, picture: Picture | None = None, **config: Any) -> Shipment:
    settings: dict[str, Any] = {
        "secret": "env:POST",
        "sender": SENDER,
        "recipients": {"foraldrar": LIST},
        "allow_private_addresses": True,
        **config,
    }
    return make_shipment(
        make_channel("brev", kind="smtp", **settings),
        key="aneby/valborg/2027/veckan.foraldrar:brev:foraldrar:sv:1",
        recipient="foraldrar",
        content=content,
        picture=picture,
    )


def told(office: PostOffice) -> str:
    """The plain text of the only mail."""
    [mail] = office.mails
    body = mail.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


class TestSmtp(OutsideContract):
    waits = (None,)  # SMTP has no way to say how long

    @pytest.fixture
    def published(self, office: PostOffice) -> Published:
        return lambda: office.mails

    @pytest.fixture
    def trouble(self, office: PostOffice) -> MakeTrouble:
        def make(what: Trouble) -> None:
            office.trouble = what

        return make

    def test_a_repeat_of_the_same_key_gives_the_same_receipt_if_it_is_idempotent(
        self, channel: Channel, shipment: Shipment
    ) -> None:
        """Two mails, yet one receipt: the Message-ID is the same, so that a person can find both."""
        first = channel.send(shipment, now=NOW)
        second = channel.send(replace(shipment, attempt=2), now=NOW)

        assert first == second
        assert first.reference == noted(shipment)

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        return [LIST, PASSWORD, "l%C3%B6se", LOGIN, USER, "skolan.example", "kampanj@aneby.se"]

    @pytest.fixture
    def failures(self, office: PostOffice, shipment: Shipment) -> Sequence[Failure]:
        def met_by(**says: str) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                office.says = dict(says)
                return make_smtp(office.url), shipment

            return arrange

        def hanging(step: str) -> Callable[[], tuple[Channel, Shipment]]:
            def arrange() -> tuple[Channel, Shipment]:
                office.says, office.hangs_at = {}, step
                return make_smtp(office.url), shipment

            return arrange

        closed = make_smtp(f"smtp://{LOGIN}127.0.0.1:{unused_port()}")
        unnamed = make_smtp(f"smtps://{LOGIN}")
        return [
            *(Failure(f"{step} {code}", met_by(**{step: f"{code} <{LIST}> {PASSWORD}"})) for step, code in _REFUSALS),
            Failure("hanging", hanging("RCPT")),
            Failure("refused", lambda: (closed, shipment)),
            Failure("not an address", lambda: (unnamed, shipment)),
            Failure("no such recipient", lambda: (closed, replace(shipment, recipient="larare"))),
            Failure("broken recipient", lambda: (closed, shipment_to(recipients={"foraldrar": f"{LIST}\r\nRCPT"}))),
            Failure("broken sender", lambda: (closed, shipment_to(sender=f"{USER}\nBcc: {LIST}"))),
            Failure("not private", lambda: (closed, shipment_to(allow_private_addresses=False))),
        ]


_REFUSALS = [
    (step, code) for step in ("EHLO", "AUTH", "MAIL", "RCPT", "DATA") for code in (421, 451, 530, 535, 550, 554, 999)
]


# What arrives.


def test_the_list_gets_the_whole_approved_text_from_the_municipality(
    office: PostOffice, channel: Channel, shipment: Shipment
) -> None:
    receipt = channel.send(shipment, now=NOW)

    [mail] = office.mails
    message = mail.message
    assert (mail.sender, mail.recipients) == ("kampanj@aneby.se", (LIST,))
    assert message["Subject"] == CONTENT["title"]
    assert message["From"].addresses[0].display_name == "Aneby kommun, förebyggande"
    assert message["To"] == LIST
    assert message["Date"] == "Thu, 22 Apr 2027 14:30:00 +0000"
    assert message["Content-Language"] == "sv"
    assert message["List-Id"] == "<foraldrar.brev.aneby.se>"
    assert message["Auto-Submitted"] is None
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert told(office).splitlines()[0] == "Hej!"
    assert CONTENT["link"] in told(office)
    assert "مرحبا" in told(office)
    assert (receipt.outcome, receipt.reference) == (Outcome.HANDED_OVER, str(message["Message-ID"]))
    assert office.logins == ["PLAIN"]
    assert office.greeted_by == ["[127.0.0.1]"]


def test_the_page_says_its_language_and_direction_and_holds_no_markup_from_the_text(
    office: PostOffice, channel: Channel
) -> None:
    text = {**CONTENT, "language": "ar", "title": "</title><b>مرحبا", "body": "<script>x</script> **نص**", "link": ""}
    channel.send(shipment_to(content=text), now=NOW)

    body = office.mails[0].message.get_body(("html",))
    assert body is not None
    page = str(body.get_content())
    assert '<html lang="ar" dir="rtl">' in page
    assert "<title>&lt;/title&gt;&lt;b&gt;مرحبا</title>" in page
    assert "<script" not in page
    assert "<strong>نص</strong>" in page


def test_the_picture_stands_in_the_page_with_its_alternative_text(office: PostOffice, channel: Channel) -> None:
    picture = Picture("eld.png", "image/png", 2, 2, bytes(range(256)) * 20, "https://kampanj.example/bilder/eld.png")
    text = {**CONTENT, "image": "eld.png", "alt": 'En "eld" & två vänner'}
    channel.send(shipment_to(content=text, picture=picture), now=NOW)

    related = list(office.mails[0].message.iter_parts())[1]
    page, image = related.iter_parts()
    assert related.get_content_type() == "multipart/related"
    assert image["Content-ID"] == "<bild@kampanjhjulet>"
    assert image.get_content() == picture.data
    assert 'src="cid:bild@kampanjhjulet" alt="En &quot;eld&quot; &amp; två vänner"' in page.get_content()
    assert "[Bild: En " in told(office)


def test_a_picture_that_is_gone_is_refused_for_good(office: PostOffice, channel: Channel) -> None:
    with pytest.raises(NotSentError, match="Bilden") as caught:
        channel.send(shipment_to(content={**CONTENT, "image": "eld.png", "alt": "Eld"}), now=NOW)

    assert caught.value.is_permanent
    assert office.mails == []


@pytest.mark.parametrize(
    "body",
    [
        "å" * 5000,
        ".\n..\n.hej\n\n.",
        "rad\r\n.\r\nMAIL FROM:<x@y.se>\r\nQUIT",
        "x\n\n.\r\r\n.\n",
        "ord " * 4000,
        "مرحبا " * 500,
    ],
    ids=["long line", "dots", "smuggling", "bare CR", "many words", "right to left"],
)
def test_any_text_arrives_whole_in_one_mail_of_seven_bits_and_short_lines(
    office: PostOffice, channel: Channel, body: str
) -> None:
    shipment = shipment_to(content={**CONTENT, "body": body, "link": ""})
    channel.send(shipment, now=NOW)

    data = office.mails[0].data
    assert told(office).split() == shipment.content.plain().text.split()
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", data)


@pytest.mark.parametrize(
    "title",
    [
        CONTENT["title"],
        "å" * 118,
        "مرحبا بالعالم هذا عنوان طويل جدا يجب أن يتم طيه على عدة أسطر لأنه أطول من الحد المسموح به",
        "Nej 🌸🌸🌸 18\u00a0år, och en lång rubrik som måste delas på flera rader för att få plats i brevet, tycks det",
    ],
)
def test_a_title_of_any_letters_arrives_as_it_was(office: PostOffice, channel: Channel, title: str) -> None:
    channel.send(shipment_to(content={**CONTENT, "title": title}), now=NOW)

    assert office.mails[0].message["Subject"] == title


def test_every_try_has_the_same_message_id_and_date_and_each_recipient_its_own(shipment: Shipment) -> None:
    first = message_of(shipment, recipient=LIST)
    second = message_of(replace(shipment, attempt=2), recipient=LIST)
    other = message_of(replace(shipment, key="aneby/valborg/2027/veckan.foraldrar:brev:larare:sv:1"), recipient=LIST)

    assert first["Message-ID"] == second["Message-ID"] != other["Message-ID"]
    assert first["Message-ID"].endswith("@aneby.se>")
    assert first["Date"] == second["Date"]


def test_a_long_way_out_is_told_unbroken_after_rfc_8058(office: PostOffice, channel: Channel) -> None:
    address = f"https://lista.example/av/{'a1' * 200}?l=1"
    channel.send(shipment_to(unsubscribe=f"{address}, mailto:av@aneby.se?subject=av"), now=NOW)

    data = office.mails[0].data
    assert f"List-Unsubscribe: <{address}>, <mailto:av@aneby.se?subject=av>\r\n".encode() in data
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in data


def test_a_way_out_by_mail_alone_promises_no_click(shipment: Shipment) -> None:
    channel = replace(shipment.channel, unsubscribe="<mailto:av@aneby.se>")
    message = message_of(replace(shipment, channel=channel), recipient=LIST)

    assert (message["List-Unsubscribe"], message["List-Unsubscribe-Post"]) == ("<mailto:av@aneby.se>", None)
    assert message_of(shipment, recipient=LIST)["List-Unsubscribe"] is None


# What may not stand in a header.


@pytest.mark.parametrize("line", ["\r\nBcc: x@y.se", "\nX: y", "\r", "\0", "\u2028Bcc: x", "\x85y", "\x0by", "\ud800"])
def test_a_title_of_more_than_one_line_is_refused_and_adds_no_header(
    office: PostOffice, channel: Channel, line: str
) -> None:
    shipment = shipment_to()
    payload = json.dumps({**CONTENT, "title": f"Hej{line} då"}).encode()
    with pytest.raises(NotSentError, match="Subject har radbrytningar") as caught:
        channel.send(replace(shipment, payload=payload), now=NOW)

    assert caught.value.is_permanent
    assert office.mails == []


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "Aneby",
        "a@b",
        "a@@b.se",
        "a b@c.se",
        "Namn <a@b.se> <c@d.se>",
        "a@b.se>\r\nRCPT TO:<c@d.se",
        "Na\nmn <a@b.se>",
        'Na"mn <a@b.se>',
        "å@b.se",
        "a@-b.se",
        f"{'a' * 65}@b.se",
        f"a@{'b' * 64}.se",
        "a@b..se",
        "a.@b.se",
        "a@b.se,c@d.se",
    ],
)
def test_an_address_that_is_not_one_stops_the_channel(sender: str) -> None:
    with pytest.raises(NotSentError, match="e-postadress är felskriven") as caught:
        address_of(sender)

    assert caught.value.stops_channel


def test_a_name_may_hold_a_comma_and_a_domain_swedish_letters() -> None:
    address = address_of('"Aneby kommun, ANDT" <info@växjö.se>')

    assert (address.display_name, address.addr_spec) == (
        "Aneby kommun, ANDT",
        "info@xn--vxj-qla6g.se",
    )


@pytest.mark.parametrize(
    "way", ["http://a.se/x", "https://a.se/x\r\nBcc: y", "https://a.se/å", "mailto:", "a@b.se", "https://a.se"]
)
def test_a_way_out_that_is_none_stops_the_channel(channel: Channel, office: PostOffice, way: str) -> None:
    with pytest.raises(NotSentError, match="unsubscribe") as caught:
        channel.send(shipment_to(unsubscribe=way), now=NOW)

    assert caught.value.stops_channel
    assert office.mails == []


def test_a_header_that_must_stand_whole_takes_only_ascii_of_a_lines_length() -> None:
    for value in ("<å>", "x" * 901):
        with pytest.raises(NotSentError, match="List-Id"):
            set_header(new_message(), "List-Id", value)


# What each answer means.


@pytest.mark.parametrize(
    ("step", "code", "is_permanent", "stops_channel"),
    [
        ("EHLO", 421, False, False),
        ("EHLO", 554, False, True),
        ("AUTH", 454, False, False),
        ("AUTH", 530, False, True),
        ("AUTH", 534, False, True),
        ("AUTH", 535, False, True),
        ("AUTH", 550, False, True),
        ("MAIL", 451, False, False),
        ("MAIL", 530, False, True),
        ("MAIL", 550, False, True),
        ("MAIL", 552, True, False),
        ("RCPT", 450, False, False),
        ("RCPT", 451, False, False),
        ("RCPT", 530, False, True),
        ("RCPT", 550, True, False),
        ("RCPT", 551, True, False),
        ("RCPT", 553, True, False),
        ("DATA", 421, False, False),
        ("DATA", 451, False, False),
        ("DATA", 552, True, False),
        ("DATA", 554, True, False),
    ],
)
def test_a_refusal_is_for_now_for_good_or_for_the_whole_channel(
    office: PostOffice,
    channel: Channel,
    shipment: Shipment,
    *,
    step: str,
    code: int,
    is_permanent: bool,
    stops_channel: bool,
) -> None:
    office.says[step] = f"{code} {code // 100}.7.1 <{LIST}> nej"

    with pytest.raises(NotSentError, match=rf"127\.0\.0\.1 svarade {code} \({code // 100}\.7\.1\)") as caught:
        channel.send(shipment, now=NOW)
    assert (caught.value.is_permanent, caught.value.stops_channel) == (is_permanent, stops_channel)
    assert office.mails == []


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT"])
def test_silence_before_the_mail_was_given_is_surely_not_sent(
    office: PostOffice, channel: Channel, shipment: Shipment, step: str
) -> None:
    office.hangs_at = step

    with pytest.raises(NotSentError, match="svarar inte") as caught:
        channel.send(shipment, now=NOW)
    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, False)


def test_silence_after_the_mail_was_given_is_unknown(office: PostOffice, channel: Channel, shipment: Shipment) -> None:
    office.hangs_at = "DATA"

    with pytest.raises(UnknownOutcomeError, match="osäkert"):
        channel.send(shipment, now=NOW)
    assert len(office.mails) == 1


def test_a_line_cut_in_the_middle_of_the_mail_is_surely_not_sent(shipment: Shipment) -> None:
    """The server has some of it and not its end: it must throw them away (RFC 5321 section 4.1.1.10)."""

    def cut(wire: socket.socket, _: threading.Event) -> None:
        _answer(wire, steps=5)
        wire.recv(10_000)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset

    picture = Picture("eld.png", "image/png", 2, 2, b"\0" * 6_000_000, "https://kampanj.example/eld.png")
    with rude_server(cut) as port, pytest.raises(NotSentError, match="bröts") as caught:
        make_smtp(f"smtp://127.0.0.1:{port}", longest=20).send(shipment_to(picture=picture), now=NOW)

    assert not caught.value.is_permanent


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_a_line_cut_before_the_mail_is_surely_not_sent(shipment: Shipment, steps: int) -> None:
    with rude_server(lambda wire, _: _answer(wire, steps=steps)) as port, pytest.raises(NotSentError) as caught:
        make_smtp(f"smtp://127.0.0.1:{port}").send(shipment, now=NOW)

    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, False)


def _answer(wire: socket.socket, *, steps: int) -> None:
    """Greet, and say the right thing to as many commands: EHLO, MAIL, RCPT, DATA."""
    for answer in (b"220 hej", b"250 hej", b"250 OK", b"250 OK", b"354 ge mig")[:steps]:
        wire.sendall(answer + b"\r\n")
        if answer[:3] != b"354":
            wire.recv(4096)


# What a rude server cannot do.


def _endless_line(wire: socket.socket, is_over: threading.Event) -> None:
    while not is_over.is_set():
        wire.sendall(b"2" * 65536)


def _endless_reply(wire: socket.socket, is_over: threading.Event) -> None:
    while not is_over.is_set():
        wire.sendall(b"220-hej\r\n" * 5000)


def _dripping(wire: socket.socket, is_over: threading.Event) -> None:
    while not is_over.wait(0.02):
        wire.sendall(b"2")


def _silent(_: socket.socket, is_over: threading.Event) -> None:
    is_over.wait(5)


def _other_protocol(wire: socket.socket, _: threading.Event) -> None:
    wire.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("talk", "longest"),
    # Those without end are cut by their length, long before the time is up.
    [(_endless_line, 20), (_endless_reply, 20), (_dripping, 0.6), (_silent, 20), (_other_protocol, 20)],
)
def test_a_greeting_without_end_or_sense_is_cut_short(
    shipment: Shipment, talk: Callable[[socket.socket, threading.Event], None], longest: float
) -> None:
    began = time.monotonic()
    with rude_server(talk) as port, pytest.raises(NotSentError) as caught:
        make_smtp(f"smtp://127.0.0.1:{port}", longest=longest).send(shipment, now=NOW)

    assert time.monotonic() - began < 3
    assert (caught.value.is_permanent, caught.value.stops_channel) == (False, False)


def test_an_endless_reply_after_the_mail_is_unknown_and_read_no_further_than_the_bound(shipment: Shipment) -> None:
    sent: list[int] = []

    def talk(wire: socket.socket, is_over: threading.Event) -> None:
        _answer(wire, steps=5)
        data = b""
        while not data.endswith(b"\r\n.\r\n"):
            data += wire.recv(65536)
        while not is_over.is_set():
            sent.append(wire.send(b"250-mer\r\n" * 100))

    began = time.monotonic()
    with rude_server(talk) as port, pytest.raises(UnknownOutcomeError, match="osäkert"):
        make_smtp(f"smtp://127.0.0.1:{port}", longest=20).send(shipment, now=NOW)

    assert sum(sent) > MOST_BYTES
    assert time.monotonic() - began < 10


def test_an_accepted_mail_counts_though_the_server_never_says_goodbye(shipment: Shipment) -> None:
    def talk(wire: socket.socket, _: threading.Event) -> None:
        _answer(wire, steps=5)
        data = b""
        while not data.endswith(b"\r\n.\r\n"):
            data += wire.recv(65536)
        wire.sendall(b"250 OK\r\n")
        wire.shutdown(socket.SHUT_RDWR)

    with rude_server(talk) as port:
        receipt = make_smtp(f"smtp://127.0.0.1:{port}").send(shipment, now=NOW)

    assert receipt.outcome is Outcome.HANDED_OVER


# TLS.


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    path = tmp_path / "pair.pem"
    path.write_text(TLS_PAIR, encoding="ascii")
    return path


@pytest.fixture
def server_side(pair: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    return context


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_over_tls_the_server_proves_its_name_before_it_hears_the_password(
    pair: Path, server_side: ssl.SSLContext, shipment: Shipment, scheme: str
) -> None:
    with post_office(tls=server_side, at_once=scheme == "smtps") as office:
        url = f"{scheme}://{LOGIN}mottagare.example:{office.port}"
        make_smtp(url, REQUESTS_CA_BUNDLE=str(pair)).send(shipment, now=NOW)
        assert (len(office.mails), office.logins) == (1, ["PLAIN"])

        with pytest.raises(NotSentError, match="certifikatet") as caught:
            make_smtp(url).send(shipment, now=NOW)
        with pytest.raises(NotSentError, match="certifikatet"):
            make_smtp(url.replace("mottagare.example", "127.0.0.1"), REQUESTS_CA_BUNDLE=str(pair)).send(
                shipment, now=NOW
            )
        assert caught.value.stops_channel
        assert (len(office.mails), office.logins) == (1, ["PLAIN"])


def test_a_server_that_demands_tls_stops_a_channel_without_it(server_side: ssl.SSLContext, shipment: Shipment) -> None:
    with post_office(tls=server_side, with_login=False) as office, pytest.raises(NotSentError, match="530") as caught:
        make_smtp(f"smtp://127.0.0.1:{office.port}").send(shipment, now=NOW)

    assert caught.value.stops_channel
    assert office.mails == []


def test_a_server_that_offers_no_starttls_gets_no_password(office: PostOffice, shipment: Shipment) -> None:
    with pytest.raises(NotSentError, match="erbjuder inte TLS") as caught:
        make_smtp(office.url.replace("smtp:", "smtp+starttls:")).send(shipment, now=NOW)

    assert caught.value.stops_channel
    assert (office.logins, office.mails) == ([], [])


def test_what_is_said_before_tls_is_forgotten(pair: Path, server_side: ssl.SSLContext, shipment: Shipment) -> None:
    """Somebody on the line may add an answer of his own to that of STARTTLS."""

    def talk(wire: socket.socket, _: threading.Event) -> None:
        for answer in (b"220 hej\r\n", b"250-hej\r\n250 STARTTLS\r\n", b"220 ok\r\n250-hej\r\n250 AUTH PLAIN\r\n"):
            wire.sendall(answer)
            wire.recv(4096)
        wire.shutdown(socket.SHUT_RDWR)

    with rude_server(talk) as port:
        channel = make_smtp(f"smtp+starttls://{LOGIN}mottagare.example:{port}", REQUESTS_CA_BUNDLE=str(pair))
        with pytest.raises(NotSentError) as caught:
            channel.send(shipment, now=NOW)

    assert not caught.value.is_permanent


def test_a_server_that_only_knows_login_is_logged_in_to(shipment: Shipment) -> None:
    with post_office(auth_exclude_mechanism=["PLAIN"]) as office:
        make_smtp(office.url).send(shipment, now=NOW)

    assert office.logins == ["LOGIN"]


def test_a_server_without_login_is_not_told_the_password(shipment: Shipment) -> None:
    with post_office(with_login=False, auth_exclude_mechanism=["PLAIN", "LOGIN"]) as office:
        with pytest.raises(NotSentError, match="inloggning") as caught:
            make_smtp(office.url).send(shipment, now=NOW)
        make_smtp(office.url.replace(LOGIN, "")).send(shipment, now=NOW)

    assert caught.value.stops_channel
    assert len(office.mails) == 1


# The server's address.


def test_a_servers_address_says_how_where_and_as_whom() -> None:
    assert Server.of("smtps://a%40b.se:p%2F@Post.example", allow_private=False) == Server(
        "smtps", "post.example", 465, ("a@b.se", "p/")
    )
    assert Server.of("smtp+starttls://a@b.se:p@post.example/", allow_private=False).port == 587
    assert Server.of("smtp://post.example:2525", allow_private=True) == Server("smtp", "post.example", 2525, None)
    assert "p/" not in repr(Server.of("smtps://a:p%2F@post.example", allow_private=False))


@pytest.mark.parametrize(
    "url",
    [
        "smtp://post.example",
        "https://post.example",
        "post.example",
        "smtps://",
        "smtps://a:hem/ligt@post.example",
        "smtps://a:hem#ligt@post.example",
        "smtps://a:hem?ligt@post.example",
        "smtps://a@post.example",
        "smtps://a:hem%0D%0Aligt@post.example",
        "smtps://post.example:x",
        "smtps://[post.example",
    ],
)
def test_a_servers_address_that_is_not_one_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(CredentialError, match="E-postserverns adress") as caught:
        Server.of(url, allow_private=False)

    assert "hem" not in caught.value.message


def test_a_server_inside_our_own_network_is_refused_unless_the_channel_says_so(office: PostOffice) -> None:
    url = office.url.replace("smtp:", "smtps:")
    with pytest.raises(NotSentError, match="internt nät"):
        make_smtp(url).send(shipment_to(allow_private_addresses=False), now=NOW)

    assert office.greeted_by == []


# The rest.


def test_a_probe_logs_in_and_sends_nothing(office: PostOffice, shipment: Shipment) -> None:
    said = make_smtp(office.url).probe(shipment.channel, now=NOW)

    assert said == "Kanalen skickar genom 127.0.0.1 utan TLS och med inloggning, från kampanj@aneby.se till en adress."
    assert (office.mails, office.logins) == ([], ["PLAIN"])


@pytest.mark.parametrize("config", [{"recipients": {"x": "felskriven"}}, {"sender": "x"}, {"unsubscribe": "x"}])
def test_a_probe_finds_what_is_misspelt(office: PostOffice, config: dict[str, Any]) -> None:
    with pytest.raises(NotSentError) as caught:
        make_smtp(office.url).probe(shipment_to(**config).channel, now=NOW)

    assert caught.value.stops_channel


def test_a_recipient_that_is_no_longer_in_the_configuration_is_refused_for_good(
    office: PostOffice, channel: Channel, shipment: Shipment
) -> None:
    with pytest.raises(NotSentError, match="Mottagaren finns inte längre") as caught:
        channel.send(replace(shipment, recipient="larare"), now=NOW)

    assert caught.value.is_permanent
    assert office.mails == []


@pytest.mark.parametrize("missing", ["secret", "sender", "recipients"])
def test_a_channel_without_what_it_needs_is_stopped(channel: Channel, shipment: Shipment, missing: str) -> None:
    without: dict[str, Any] = {missing: {} if missing == "recipients" else None}
    config = replace(shipment.channel, **without)
    with pytest.raises(CredentialError, match="secret, sender och recipients"):
        channel.send(replace(shipment, channel=config), now=NOW)


class Broken(EmailMessage):
    """One that a server may take for two."""

    def as_bytes(self, unixfrom: bool = False, policy: Any = None) -> bytes:
        return b"From: hjulet@aneby.se\r\n\r\n\n.\r\nMAIL FROM:<a@b.se>\r\n"


def test_any_message_can_be_sent_and_one_that_cannot_be_written_is_refused(office: PostOffice) -> None:
    """As a reminder to staff is."""

    def reminder(text: str) -> EmailMessage:
        message = new_message()
        set_header(message, "From", address_of("Kampanjhjulet <hjulet@aneby.se>"))
        set_header(message, "Auto-Submitted", "auto-generated")
        message.set_content(text, cte="quoted-printable")
        return message

    environment = Environment({}, (1, 0.3), 2)
    send_mail(office.url, reminder("Skriv på."), recipient="anna@aneby.se", environment=environment, allow_private=True)
    assert told(office).strip() == "Skriv på."

    broken = Broken()
    set_header(broken, "From", address_of("hjulet@aneby.se"))
    with pytest.raises(SendError, match="tecken som inte går att skicka"):
        send_mail(office.url, broken, recipient="anna@aneby.se", environment=environment, allow_private=True)
    assert len(office.mails) == 1
