"""Dates and times as Swedes write them (CLDR `sv`), and the words shown for states."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

WEEKDAYS = ("måndag", "tisdag", "onsdag", "torsdag", "fredag", "lördag", "söndag")
MONTHS = (
    "januari",
    "februari",
    "mars",
    "april",
    "maj",
    "juni",
    "juli",
    "augusti",
    "september",
    "oktober",
    "november",
    "december",
)

POST_STATES = {
    "draft": "Utkast",
    "approved": "Godkänt",
    "rejected": "Avslaget",
    "cancelled": "Inställt",
    "skipped": "Utelämnat",
    "preliminary": "Väntar på datum",
    "merged": "Ingår i ett annat",
    "missed": "Inte godkänt i tid",
}
DELIVERY_STATES = {
    "queued": "I kö",
    "sending": "Skickas",
    "published": "Publicerad",
    "handed_over": "Överlämnad",
    "manual": "Manuell uppgift",
    "unknown": "Osäkert – kontrollera",
    "failed": "Misslyckad",
    "skipped": "Inte skickad",
    "missed": "Missad under paus",
    "stopped": "Stoppad",
    "withdrawn": "Tillbakadragen",
    "replaced": "Ersatt av rättelse",
}
# Before whom or what it is for: ”Skickad till Samordnare/e-post”.
NOTICE_STATES = {
    "queued": "Väntar på att skickas till",
    "sending": "Skickas till",
    "sent": "Skickad till",
    "unknown": "Osäkert om den nådde",
    "failed": "Nådde inte",
    "skipped": "Skickades inte till",
}
OCCURRENCE_STATES = {"confirmed": "bekräftat", "preliminary": "preliminärt"}


def long_date(day: date) -> str:
    """”fredag 30 april 2027”."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def short_date(day: date) -> str:
    """”fre 30 apr 2027”."""
    return f"{WEEKDAYS[day.weekday()][:3]} {day.day} {MONTHS[day.month - 1][:3]} {day.year}"


def span(first: date, last: date) -> str:
    """One day or two as a person would say it: ”torsdag 10 juni 2027 – fredag 11 juni 2027”."""
    return long_date(first) if first == last else f"{long_date(first)} – {long_date(last)}"


def usual(first: date, last: date) -> str:
    """”31 maj–16 juni 2027”, ”5–16 juni 2027”."""
    start = f"{first.day}" if first.month == last.month else f"{first.day} {MONTHS[first.month - 1]}"
    return f"{start}–{last.day} {MONTHS[last.month - 1]} {last.year}"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """”tis 24 nov 2026 kl. 09.00”, in the zone's wall-clock time."""
    local = at.astimezone(zone)
    return f"{short_date(local.date())} kl. {local:%H.%M}"


_LANGUAGES: dict[str, str] = {
    "sv": "Svenska",
    "en": "Engelska",
    "ar": "Arabiska",
    "ckb": "Sorani",
    "fa": "Persiska",
    "prs": "Dari",
    "ps": "Pashto",
    "so": "Somaliska",
    "ti": "Tigrinja",
    "uk": "Ukrainska",
    "fi": "Finska",
    "de": "Tyska",
    "fr": "Franska",
    "es": "Spanska",
    "pl": "Polska",
    "ru": "Ryska",
    "tr": "Turkiska",
    "kmr": "Kurmanji",
    "bs": "Bosniska",
    "yi": "Jiddisch",
    "he": "Hebreiska",
    "ur": "Urdu",
    "th": "Thailändska",
}


def language_name(code: str) -> str:
    """”Engelska”; the code itself for a language that nobody has named here."""
    return _LANGUAGES.get(code, code)
