"""What is wrong with a calendar's bytes, found before they are published.

One invalid line makes the whole calendar empty in Thunderbird, Nextcloud and Home Assistant. Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from icalendar import Calendar, Event

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
    if not is_whole or fragment.count(b"BEGIN:VEVENT") != 1:
        faults.append("är inte en hel händelse")
    return faults


def check_event(fragment: bytes, *, zones: Collection[str]) -> list[str]:
    """What is wrong with one event that is to stand in a calendar that explains `zones`, each fault a sentence."""
    faults = [f"Händelsen {fault}." for fault in check_fragment(fragment)]
    try:
        event: Any = Event.from_ical(fragment)
    except (ValueError, KeyError, IndexError) as error:
        return [*faults, f"Händelsen går inte att läsa: {error}."]
    unexplained = _zones_used([event]) - set(zones)
    return [*faults, *_event_faults(event), *_unexplained(unexplained)]


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
    start, end = event["dtstart"].dt, event["dtend"].dt
    if isinstance(start, datetime) != isinstance(end, datetime) or not start < end:
        faults.append(f"Händelsen {uid} slutar inte efter att den börjar.")
    return faults
