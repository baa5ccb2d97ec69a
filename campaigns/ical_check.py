"""What is wrong with a calendar's bytes, found before they are published.

One invalid line makes the whole calendar empty in Thunderbird, Nextcloud and Home Assistant. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from icalendar import Calendar

MAX_OCTETS = 75  # RFC 5545 section 3.1
_BARE_END = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_SPLIT_CHARACTER = re.compile(rb"\r\n[ \t][\x80-\xbf]")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def check_bytes(body: bytes) -> list[str]:
    """What is wrong with the bytes, before any parsing. Cheap: microseconds for one event."""
    faults = []
    if body.startswith(b"\xef\xbb\xbf"):
        faults.append("börjar med en BOM")
    if _BARE_END.search(body) or not body.endswith(b"\r\n"):
        faults.append("har en rad som inte slutar med CRLF")
    if b"\r\n\r\n" in body:
        faults.append("har en tom rad")
    if max(map(len, body.split(b"\r\n"))) > MAX_OCTETS:
        faults.append("har en rad som är längre än 75 oktetter")
    if _CONTROL.search(body):
        faults.append("innehåller styrtecken")
    if _SPLIT_CHARACTER.search(body):
        faults.append("har ett tecken delat mellan två rader")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        faults.append("är inte UTF-8")
    return faults


def check_fragment(fragment: bytes) -> list[str]:
    """What is wrong with the bytes of one event as stored. Cheap enough to run on every event that is loaded."""
    faults = check_bytes(fragment)
    is_whole = fragment.startswith(b"BEGIN:VEVENT\r\n") and fragment.endswith(b"\r\nEND:VEVENT\r\n")
    if not is_whole or fragment.count(b"\r\nBEGIN:VEVENT\r\n"):
        faults.append("är inte en hel händelse")
    return faults


def check_event(fragment: bytes, *, zones: Collection[str]) -> list[str]:
    """What is wrong with one event that is to stand in a calendar that explains `zones`, each fault a sentence.

    Line by line against the forms that `ical.write_event` gives, and nothing else is let through. icalendar's own
    reading takes ten times as long, and readers of the feed would wait for it; the tests hold the two together.
    """
    faults = [f"Händelsen {fault}." for fault in check_fragment(fragment)]
    text = fragment.decode("utf-8", "replace").replace("\r\n ", "").removesuffix("\r\n")
    found: dict[str, re.Match[str]] = {}
    for line in text.split("\r\n"):
        form = _FORM.fullmatch(line)
        if form is None:
            faults.append(f"Händelsen: raden ”{line[:40]}” går inte att läsa.")
        elif form.lastgroup and form.lastgroup in found and form.lastgroup not in _ALSO_IN_ALARMS:
            faults.append(f"Händelsen har {form.lastgroup} två gånger.")
        elif form.lastgroup:
            found.setdefault(form.lastgroup, form)
    faults.extend(f"Händelsen saknar {name}." for name in _NEEDED if name not in found)
    if faults:
        return faults
    zones_used = {zone for name in ("DTSTART", "DTEND") if (zone := _zone(found[name][name]))}
    try:
        start, end = _moment(found["DTSTART"]["DTSTART"]), _moment(found["DTEND"]["DTEND"])
    except (ValueError, ZoneInfoNotFoundError) as error:
        return [f"Händelsens tid går inte att läsa: {error}."]
    return [*_order_faults(found["UID"]["UID"], start, end), *_unexplained(zones_used - set(zones))]


_MOMENT = r"\d{8}T\d{6}"
_VALUE = rf"(?:;VALUE=DATE:\d{{8}}|:{_MOMENT}Z|;TZID=[^:;,\"]+:{_MOMENT})"
_TEXT = r"(?:[^\\;,]|\\[\\;,n])*"  # RFC 5545 section 3.3.11
_NEEDED = ("UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY")
_ALSO_IN_ALARMS = ("DESCRIPTION",)
_FORM = re.compile(
    rf"(?:BEGIN|END):(?:VEVENT|VALARM)|ACTION:DISPLAY|CLASS:PUBLIC"
    rf"|DTSTART(?P<DTSTART>{_VALUE})|DTEND(?P<DTEND>{_VALUE})"
    rf"|SUMMARY:(?P<SUMMARY>{_TEXT})|DESCRIPTION:(?P<DESCRIPTION>{_TEXT})|CATEGORIES:(?P<CATEGORIES>{_TEXT}(?:,{_TEXT})*)"
    rf"|UID:(?P<UID>[\w.@-]+)|URL:(?P<URL>[!-~]+)|SEQUENCE:(?P<SEQUENCE>\d+)"
    rf"|DTSTAMP:(?P<DTSTAMP>{_MOMENT}Z)|CREATED:(?P<CREATED>{_MOMENT}Z)|LAST-MODIFIED:(?P<CHANGED>{_MOMENT}Z)"
    r"|STATUS:(?P<STATUS>CONFIRMED|TENTATIVE|CANCELLED)|TRANSP:(?P<TRANSP>OPAQUE|TRANSPARENT)"
    r"|X-MICROSOFT-CDO-BUSYSTATUS:(?P<BUSY>BUSY|FREE)|TRIGGER:(?P<TRIGGER>-P[0-9DTHMS]+)",
    re.ASCII,
)


def _zone(value: str) -> str:
    return value.rpartition(":")[0].removeprefix(";TZID=") if value.startswith(";TZID=") else ""


def _moment(value: str) -> date:
    """The day or the aware moment of a DTSTART or DTEND. Raises ValueError or ZoneInfoNotFoundError."""
    written = value.rpartition(":")[2]
    if value.startswith(";VALUE=DATE"):
        return date.fromisoformat(written)
    zone = _zone(value)
    return datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)) if zone else datetime.fromisoformat(written)


def check_calendar(body: bytes) -> list[str]:
    """What is wrong with a whole calendar, each fault a sentence; empty if it may be published."""
    faults = [f"Kalendern {fault}." for fault in check_bytes(body)]
    try:
        calendar: Any = Calendar.from_ical(body)
    except (ValueError, KeyError, IndexError) as error:
        return [*faults, f"Kalendern går inte att läsa: {error}."]
    faults.extend(f"Kalendern saknar {name}." for name in ("VERSION", "PRODID") if name not in calendar)
    faults.extend(f"Kalendern får inte ha {name}." for name in ("METHOD", "UID") if name in calendar)
    events = calendar.walk("VEVENT")
    for event in events:
        faults.extend(_event_faults(event))
    zones = {str(zone["tzid"]) for zone in calendar.walk("VTIMEZONE")}
    faults.extend(_unexplained(_zones_used(events) - zones))
    counted = Counter(str(event.get("uid")) for event in events)
    faults.extend(f"UID {uid} förekommer {count} gånger." for uid, count in counted.items() if count > 1)
    return faults


def _zones_used(events: Iterable[Any]) -> set[str]:
    used = {event[name].params.get("TZID") for event in events for name in ("dtstart", "dtend") if name in event}
    return used - {None}


def _unexplained(zones: Iterable[str]) -> list[str]:
    return [f"Tidszonen {zone} förklaras inte." for zone in sorted(zones)]


def _event_faults(event: Any) -> list[str]:
    uid = event.get("uid", "(utan UID)")
    faults = [f"Händelsen {uid}: {name or 'raden'} går inte att läsa: {why}." for name, why in event.errors]
    missing = [name for name in ("UID", "DTSTAMP", "DTSTART", "DTEND") if name not in event]
    faults.extend(f"Händelsen {uid} saknar {name}." for name in missing)
    if missing or event.errors:
        return faults
    return [*faults, *_order_faults(uid, event["dtstart"].dt, event["dtend"].dt)]


def _order_faults(uid: str, start: date, end: date) -> list[str]:
    if isinstance(start, datetime) is isinstance(end, datetime) and start < end:
        return []
    return [f"Händelsen {uid} slutar inte efter att den börjar."]
