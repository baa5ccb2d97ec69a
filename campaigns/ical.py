"""Calendar events as RFC 5545 bytes. Pure: values in, folded bytes out.

Each event is written once, by the icalendar library, when it changes; a calendar is then a head, the events' bytes and
a tail laid end to end. The rules are those that every common calendar program can live with, so a few of RFC 5545's
freedoms are not used: no METHOD (it demands ORGANIZER), no UID on the calendar (vdirsyncer would take the feed for
one item), no recurrence (programs disagree on moved and cancelled instances), one alarm (Outlook takes no more).
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from icalendar import Event, vDuration, vText

# Never changes: every subscriber's copy of every event hangs on it.
NAMESPACE = uuid.UUID("6f0e9d7a-1c58-5b7e-9a43-2d1f7c0b8e64")
TZID = "Europe/Stockholm"
CALENDAR_TAIL = b"END:VCALENDAR\r\n"
FOLDED_AT = 75  # octets: shorter lines are not folded (RFC 5545 section 3.1)
CANCELLED_PREFIX = "INSTÄLLT: "
DEADLINE_ALARM = timedelta(hours=-15)  # 09:00 the day before an all-day event
SLOT_ALARM = timedelta(minutes=-30)

# The EU rule since 1996, as recurrence rules: lists of RDATE make Outlook and Thunderbird show summer an hour late.
_ZONE = (
    *("BEGIN:VTIMEZONE", f"TZID:{TZID}", f"X-LIC-LOCATION:{TZID}"),
    *("BEGIN:DAYLIGHT", "TZNAME:CEST", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200"),
    *("DTSTART:19810329T020000", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "END:DAYLIGHT"),
    *("BEGIN:STANDARD", "TZNAME:CET", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100"),
    *("DTSTART:19961027T030000", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "END:STANDARD"),
    "END:VTIMEZONE",
)
_URL_SAFE = ":/?#[]@!$&'()*+,;=%-._~"


class Status(StrEnum):
    """RFC 5545 section 3.8.1.11."""

    CONFIRMED = "CONFIRMED"
    TENTATIVE = "TENTATIVE"
    CANCELLED = "CANCELLED"


class CalendarKind(StrEnum):
    PUBLIC = "public"
    EDITORIAL = "editorial"


@dataclass(frozen=True)
class CalendarEvent:
    """One event. `start` and `end` are both dates (`end` is the day after the last) or both aware moments.

    `alarm` counts from the start and is negative; `created` and `last_modified` are whole seconds in UTC.
    """

    uid: str
    summary: str
    description: str
    url: str
    categories: tuple[str, ...]
    start: date
    end: date
    created: datetime
    last_modified: datetime
    status: Status = Status.CONFIRMED
    is_busy: bool = False
    alarm: timedelta | None = None
    sequence: int = 0


@lru_cache(maxsize=8192)  # each publication asks for that of every event
def stable_uid(calendar: CalendarKind, key: str) -> str:
    """The UID of our own stable key: it names no host (RFC 7986 section 5.3) and is the same after every restart."""
    return str(uuid.uuid5(NAMESPACE, f"{calendar}/{key}"))


def clean_text(text: str) -> str:
    """`text` in NFC with line feeds as the only control characters: what every program can show."""
    lines = re.sub("\r\n?|[\x0b\x0c\x85\u2028\u2029]", "\n", text).replace("\t", " ")
    if not lines.replace("\n", "").isprintable():  # most are: then there is nothing to take away
        lines = "".join(sign for sign in lines if sign == "\n" or unicodedata.category(sign) not in {"Cc", "Cs"})
    return unicodedata.normalize("NFC", lines.replace("\ufeff", "")).strip()


def clean_line(text: str) -> str:
    """`text` cleaned and on one line."""
    return " ".join(clean_text(text).split())


def clean_url(url: str) -> str:
    """`url` as ASCII: what is not allowed in a URI is percent-encoded."""
    return quote("".join(url.split()), safe=_URL_SAFE)


def starts(event: CalendarEvent) -> str:
    """The DTSTART value, which sorts as the calendar does."""
    return _written(event.start).strftime("%Y%m%dT%H%M%S" if isinstance(event.start, datetime) else "%Y%m%d")


def digest(event: CalendarEvent) -> str:
    """The SHA-256 of everything that a reader can see, without the stamps."""
    seen = (
        *(event.uid, event.summary, event.description, event.url, *sorted(event.categories)),
        *(event.start.isoformat(), event.end.isoformat(), event.status, event.is_busy, event.alarm),
    )
    return sha256("\x1f".join(str(part) for part in seen).encode("utf-8", "surrogatepass")).hexdigest()


def cancelled(event: CalendarEvent) -> CalendarEvent:
    """`event` called off, said in words as well: some programs show a cancelled event as if it were live."""
    summary = event.summary.removeprefix(CANCELLED_PREFIX)
    return replace(event, summary=CANCELLED_PREFIX + summary, status=Status.CANCELLED, is_busy=False, alarm=None)


def write_event(event: CalendarEvent) -> bytes:
    """The VEVENT, folded at 75 octets, with CRLF line ends.

    Line by line, since icalendar takes ten times as long; the tests hold it against icalendar's own, byte for byte.
    """
    stamp = _utc(event.last_modified)
    summary = _escaped(clean_line(event.summary))
    lines = [
        "BEGIN:VEVENT",
        f"SUMMARY:{summary}",
        f"DTSTART{_value(event.start)}",
        f"DTEND{_value(event.end)}",
        f"DTSTAMP:{stamp}",
        f"UID:{_escaped(event.uid)}",
        f"SEQUENCE:{event.sequence}",
    ]
    if event.categories:
        lines.append(f"CATEGORIES:{','.join(_escaped(name) for name in sorted(map(clean_line, event.categories)))}")
    lines += ["CLASS:PUBLIC", f"CREATED:{_utc(event.created)}"]
    lines += [f"DESCRIPTION:{_escaped(clean_text(event.description))}", f"LAST-MODIFIED:{stamp}"]
    lines += [f"STATUS:{event.status.value}", f"TRANSP:{'OPAQUE' if event.is_busy else 'TRANSPARENT'}"]
    if event.url:
        lines.append(f"URL:{clean_url(event.url)}")
    lines.append(f"X-MICROSOFT-CDO-BUSYSTATUS:{'BUSY' if event.is_busy else 'FREE'}")
    if event.alarm is not None:
        # Outlook takes the trigger's absolute value, so a positive one would ring after the event has begun.
        assert event.alarm < timedelta(0)
        trigger = vDuration(event.alarm).to_ical().decode()  # type: ignore[no-untyped-call]  # it publishes no types
        lines += ["BEGIN:VALARM", "ACTION:DISPLAY", f"DESCRIPTION:{summary}", f"TRIGGER:{trigger}", "END:VALARM"]
    return _folded(*lines, "END:VEVENT")


def _escaped(text: str) -> str:
    """RFC 5545 section 3.3.11."""
    return text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _value(moment: date) -> str:
    """A day, a UTC moment or the wall-clock time of our zone, with its parameter."""
    written = _written(moment)
    if not isinstance(written, datetime):
        return f";VALUE=DATE:{written:%Y%m%d}"
    return f":{_utc(written)}" if written.tzinfo is UTC else f";TZID={TZID}:{written:%Y%m%dT%H%M%S}"


def read_event(fragment: bytes) -> CalendarEvent:
    """The event in a fragment that `write_event` made."""
    vevent: Any = Event.from_ical(fragment)
    categories = vevent.get("categories")
    alarms = vevent.walk("VALARM")
    return CalendarEvent(
        uid=str(vevent["uid"]),
        summary=str(vevent["summary"]),
        description=str(vevent["description"]),
        url=str(vevent.get("url", "")),
        categories=tuple(str(category) for category in categories.cats) if categories else (),
        start=vevent["dtstart"].dt,
        end=vevent["dtend"].dt,
        created=vevent["created"].dt,
        last_modified=vevent["last-modified"].dt,
        status=Status(str(vevent["status"])),
        is_busy=str(vevent["transp"]) == "OPAQUE",
        alarm=alarms[0]["trigger"].dt if alarms else None,
        sequence=int(vevent["sequence"]),
    )


def _written(moment: date) -> date:
    """Wall-clock time of the zone that the calendar explains; UTC for other zones and for the hour that comes twice."""
    if not isinstance(moment, datetime):
        return moment
    is_explained = isinstance(moment.tzinfo, ZoneInfo) and moment.tzinfo.key == TZID
    is_ambiguous = moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()
    return moment if is_explained and not is_ambiguous else moment.astimezone(UTC)


@dataclass(frozen=True)
class Appearance:
    """What a program shows of a calendar as a whole, and how often it is asked to come back."""

    name: str
    description: str
    refresh: str
    color: str
    color_code: str
    has_times: bool


_APPEARANCES = {
    CalendarKind.PUBLIC: Appearance(
        "Riskdatum i {name}",
        "Dagar på året då {name} och polisen arbetar extra mot langning av alkohol och tobak till unga.",
        *("PT6H", "teal", "#008080"),
        has_times=False,
    ),
    CalendarKind.EDITORIAL: Appearance(
        "Redaktion {name}",
        "Kampanjdagar, deadlines och publiceringar för {name}. Adressen är hemlig: dela den inte.",
        *("PT1H", "darkorange", "#FF8C00"),
        has_times=True,
    ),
}


@lru_cache(maxsize=2048)
def _head_parts(kind: CalendarKind, name: str, url: str, language: str) -> tuple[bytes, bytes]:
    look = _APPEARANCES[kind]
    name = clean_line(name)
    title, description = look.name.format(name=name), look.description.format(name=name)
    owner = re.sub("[^A-Za-zÅÄÖåäöÉé0-9 -]", "", name)
    before = (
        ("VERSION", "2.0"),
        ("PRODID", f"-//{owner}//Kampanjkalender 1.0//{language.upper()}"),
        ("CALSCALE", "GREGORIAN"),
        *(("NAME", title), ("X-WR-CALNAME", title)),
        *(("DESCRIPTION", description), ("X-WR-CALDESC", description)),
        ("X-WR-TIMEZONE", TZID),
        *(("REFRESH-INTERVAL;VALUE=DURATION", look.refresh), ("X-PUBLISHED-TTL", look.refresh)),
        *(("COLOR", look.color), ("X-APPLE-CALENDAR-COLOR", look.color_code)),
    )
    lines = [f"{key}:{vText(value).to_ical().decode()}" for key, value in before]
    zone = _ZONE if look.has_times else ()
    return _folded("BEGIN:VCALENDAR", *lines, f"URL:{clean_url(url)}"), _folded(*zone)


def _folded(*lines: str) -> bytes:
    return b"".join(_fold(line) + b"\r\n" for line in lines)


def _fold(line: str) -> bytes:
    """The line in pieces of at most 74 octets, no character cut in two and no piece that ends with a backslash.

    As icalendar folds, in a tenth of its time: some readers join an escape wrongly that was cut in two.
    """
    octets = line.encode()
    pieces = []
    while len(octets) >= FOLDED_AT:
        end = FOLDED_AT - 1
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        if octets[end - 1] in b"\\^":
            end -= 1
        pieces.append(octets[:end])
        octets = octets[end:]
    return b"\r\n ".join((*pieces, octets))


def explained_zones(kind: CalendarKind) -> frozenset[str]:
    """The time zones that the head of such a calendar explains."""
    return frozenset({TZID} if _APPEARANCES[kind].has_times else ())


def calendar_head(kind: CalendarKind, *, name: str, url: str, last_modified: datetime, language: str = "sv") -> bytes:
    """Everything before the first event. `name` is the municipality's, `url` a page for people.

    `last_modified` (UTC) also moves when an event is removed, which leaves no event behind to carry the stamp.
    """
    before, after = _head_parts(kind, name, url, language)
    return b"%bLAST-MODIFIED:%b\r\n%b" % (before, last_modified.strftime("%Y%m%dT%H%M%SZ").encode(), after)
