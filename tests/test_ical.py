"""Events as bytes that every calendar program can read."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Event

from campaigns.ical import (
    CALENDAR_TAIL,
    DEADLINE_ALARM,
    SLOT_ALARM,
    CalendarEvent,
    CalendarKind,
    Status,
    calendar_head,
    cancelled,
    clean_text,
    clean_url,
    digest,
    explained_zones,
    read_event,
    stable_uid,
    starts,
    write_event,
)
from campaigns.ical_check import check_calendar, check_event, check_fragment
from tests.builders import STOCKHOLM, day

STAMP = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ASKEW = "Rad ett\r\nrad två; med, tecken \\ och 😀👨‍👩‍👧 och é"


def make_event(
    *,
    uid: str = "b3f1c7de-5a4e-5f6b-9d0c-1e2f3a4b5c6d",
    summary: str = "Valborg",
    description: str = "Valborgsmässoafton.",
    url: str = "https://kalender.aneby.se/sida/aneby",
    categories: tuple[str, ...] = ("Riskdatum",),
    start: date = date(2027, 4, 30),
    end: date = date(2027, 5, 1),
    status: Status = Status.CONFIRMED,
    is_busy: bool = False,
    alarm: timedelta | None = None,
    sequence: int = 0,
) -> CalendarEvent:
    return CalendarEvent(
        uid, summary, description, url, categories, start, end, STAMP, STAMP, status, is_busy, alarm, sequence
    )


def make_calendar(*events: CalendarEvent, kind: CalendarKind = CalendarKind.EDITORIAL) -> bytes:
    head = calendar_head(kind, name="Aneby kommun", url="https://kalender.aneby.se/", last_modified=STAMP)
    return b"".join((head, *map(write_event, events), CALENDAR_TAIL))


def lines(body: bytes) -> list[str]:
    return body.replace(b"\r\n ", b"").decode().split("\r\n")


@pytest.mark.parametrize(
    ("first", "after", "written"),
    [
        ("Fri 2027-04-30", "Sat 2027-05-01", "DTEND;VALUE=DATE:20270501"),
        ("Fri 2027-12-31", "Sat 2028-01-01", "DTEND;VALUE=DATE:20280101"),  # over the new year
        ("Tue 2028-02-29", "Wed 2028-03-01", "DTEND;VALUE=DATE:20280301"),  # leap day
        ("Thu 2026-12-31", "Fri 2027-01-01", "DTEND;VALUE=DATE:20270101"),  # ISO week 53
        ("Thu 2026-12-24", "Sun 2026-12-27", "DTEND;VALUE=DATE:20261227"),
    ],
)
def test_an_all_day_event_ends_the_day_after_its_last_day(first: str, after: str, written: str) -> None:
    found = lines(write_event(make_event(start=day(first), end=day(after))))

    assert f"DTSTART;VALUE=DATE:{day(first):%Y%m%d}" in found
    assert written in found


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2027, 3, 26, 16, 30, tzinfo=STOCKHOLM), "DTSTART;TZID=Europe/Stockholm:20270326T163000"),  # CET
        (datetime(2027, 3, 29, 16, 30, tzinfo=STOCKHOLM), "DTSTART;TZID=Europe/Stockholm:20270329T163000"),  # CEST
        (datetime(2027, 10, 29, 8, 0, tzinfo=STOCKHOLM), "DTSTART;TZID=Europe/Stockholm:20271029T080000"),
        (datetime(2027, 11, 1, 8, 0, tzinfo=STOCKHOLM), "DTSTART;TZID=Europe/Stockholm:20271101T080000"),
        # The hour that comes twice is read differently by different programs: written in UTC.
        (datetime(2027, 10, 31, 2, 30, tzinfo=STOCKHOLM), "DTSTART:20271031T003000Z"),
        (datetime(2027, 10, 31, 2, 30, fold=1, tzinfo=STOCKHOLM), "DTSTART:20271031T013000Z"),
        # A zone that the calendar does not explain.
        (datetime(2027, 4, 30, 16, 30, tzinfo=ZoneInfo("Europe/Helsinki")), "DTSTART:20270430T133000Z"),
    ],
)
def test_a_time_is_written_so_that_no_program_can_misread_it(moment: datetime, written: str) -> None:
    event = make_event(start=moment, end=moment + timedelta(minutes=15))

    assert written in lines(write_event(event))
    parsed: Any = Calendar.from_ical(make_calendar(event)).walk("VEVENT")[0]
    assert parsed["dtstart"].dt.astimezone(UTC) == moment.astimezone(UTC)


def test_the_zone_says_when_the_clocks_change() -> None:
    """A wrong hour here makes every summer event an hour late in Thunderbird."""
    found = lines(make_calendar())

    assert "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU" in found
    assert "DTSTART:19810329T020000" in found
    assert "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU" in found
    assert "DTSTART:19961027T030000" in found
    assert not [line for line in found if line.startswith(("RDATE", "COMMENT"))]


def test_a_public_calendar_has_no_zone_and_says_when_to_come_back() -> None:
    found = lines(make_calendar(make_event(), kind=CalendarKind.PUBLIC))

    assert "BEGIN:VTIMEZONE" not in found
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT6H" in found
    assert "X-PUBLISHED-TTL:PT6H" in found
    assert "NAME:Riskdatum i Aneby kommun" in found
    assert "X-WR-CALNAME:Riskdatum i Aneby kommun" in found
    assert "PRODID:-//Aneby kommun//Kampanjkalender 1.0//SV" in found
    assert "LAST-MODIFIED:20261123T120000Z" in found


@pytest.mark.parametrize("kind", CalendarKind)
def test_a_calendar_never_has_what_makes_programs_stumble(kind: CalendarKind) -> None:
    found = lines(make_calendar(make_event(alarm=DEADLINE_ALARM), kind=kind))

    head = found[: found.index("BEGIN:VEVENT")]
    assert not [line for line in head if line.startswith(("METHOD", "UID", "SOURCE", "IMAGE"))]
    assert not [line for line in found if line.startswith(("ORGANIZER", "ATTENDEE", "RRULE:FREQ=DAILY", "VTODO"))]


def test_an_event_carries_every_property_that_some_program_needs() -> None:
    found = lines(write_event(make_event(sequence=3, categories=("Riskdatum", "Kampanj"))))

    assert {
        "DTSTAMP:20261123T120000Z",
        "CREATED:20261123T120000Z",
        "LAST-MODIFIED:20261123T120000Z",
        "SEQUENCE:3",
        "SUMMARY:Valborg",
        "CATEGORIES:Kampanj,Riskdatum",
        "STATUS:CONFIRMED",
        "TRANSP:TRANSPARENT",
        "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "CLASS:PUBLIC",
        "URL:https://kalender.aneby.se/sida/aneby",
    } <= set(found)


def test_a_busy_event_has_its_one_alarm_last_and_before_the_start() -> None:
    start = datetime(2027, 4, 25, 15, 30, tzinfo=STOCKHOLM)
    event = make_event(start=start, end=start + timedelta(minutes=15), is_busy=True, alarm=SLOT_ALARM)

    found = lines(write_event(event))

    assert found[-8:] == [
        "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "DESCRIPTION:Valborg",
        "TRIGGER:-PT30M",
        "END:VALARM",
        "END:VEVENT",
        "",
    ]
    assert "TRANSP:OPAQUE" in found


def test_a_called_off_event_says_so_in_words_once_and_frees_the_time() -> None:
    event = cancelled(cancelled(make_event(is_busy=True, alarm=SLOT_ALARM)))

    found = lines(write_event(event))

    assert "SUMMARY:INSTÄLLT: Valborg" in found
    assert "STATUS:CANCELLED" in found
    assert "TRANSP:TRANSPARENT" in found
    assert "BEGIN:VALARM" not in found


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\u2028b\u2029c\x0bd\x0ce\x85f", "a\nb\nc\nd\ne\nf"),
        ("a\x00b\x07c\x1bd\x7fe", "abcde"),
        ("a\tb", "a b"),
        ("\ufeffa", "a"),
        (unicodedata.normalize("NFD", "Åäö é"), "Åäö é"),
        ("halvt tecken \ud83d", "halvt tecken"),
        ("  a\n ", "a"),
    ],
)
def test_text_is_cleaned_of_what_programs_cannot_show(text: str, clean: str) -> None:
    assert clean_text(text) == clean


@pytest.mark.parametrize("text", [ASKEW, "å" * 300, "😀" * 300, "\\" * 300, "a," * 300, "a\n" * 150, "ord " * 200])
def test_any_text_comes_back_as_it_was_from_lines_of_at_most_75_octets(text: str) -> None:
    event = make_event(summary=text, description=text)
    body = make_calendar(event)

    parsed: Any = Calendar.from_ical(body).walk("VEVENT")[0]

    assert check_calendar(body) == []
    assert max(len(line) for line in body.split(b"\r\n")) <= 75
    for line in body.split(b"\r\n"):
        line.decode("utf-8")  # no character is split between two lines
    assert str(parsed["description"]) == clean_text(text)
    assert str(parsed["summary"]) == " ".join(clean_text(text).split())


@pytest.mark.parametrize("text", [ASKEW, "å" * 300, "😀" * 300, "\\" * 300, "a," * 300, "a\n" * 150, "ord " * 200, ""])
@pytest.mark.parametrize("is_timed", [False, True])
def test_an_event_is_written_byte_for_byte_as_icalendar_would(text: str, is_timed: bool) -> None:
    """Every program is tested with icalendar's calendars: ours must not differ from them, also where they are odd."""
    event = make_event(summary=text, description=text, sequence=2)
    if is_timed:
        start = datetime(2027, 4, 25, 15, 30, tzinfo=STOCKHOLM)
        event = replace(event, start=start, end=start + timedelta(minutes=15), alarm=SLOT_ALARM, is_busy=True)

    ours = write_event(event)

    assert Event.from_ical(ours).to_ical() == ours


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (b"DTSTART;TZID=Asia/Tokyo", "Tidszonen Asia/Tokyo förklaras inte."),
        (b"DTSTART:x", "går inte att läsa"),
        (b"X-START", "saknar DTSTART"),
    ],
)
def test_one_event_is_checked_like_a_calendar_of_its_own(broken: bytes, fault: str) -> None:
    start = datetime(2027, 4, 25, 15, 30, tzinfo=STOCKHOLM)
    good = write_event(make_event(start=start, end=start + timedelta(minutes=15)))

    assert check_event(good, zones=explained_zones(CalendarKind.EDITORIAL)) == []
    assert "Tidszonen Europe/Stockholm förklaras inte." in check_event(good, zones=explained_zones(CalendarKind.PUBLIC))
    faults = check_event(good.replace(b"DTSTART;TZID=Europe/Stockholm", broken), zones={"Europe/Stockholm"})
    assert fault in " ".join(faults)


# What an event may turn into when a writer, a disk or a library goes wrong; both readings must refuse all of it.
SPOILED = (
    (b"SUMMARY:Valborg", b"SUMMARY:Valborg; fest"),
    (b"DTSTART;VALUE=DATE:20270430", b"DTSTART;VALUE=DATE:20270230"),
    (b"DTSTART;VALUE=DATE:20270430", b"DTSTART:20270430T250000Z"),
    (b"DTSTART;VALUE=DATE:20270430", b"DTSTART:20270430T080000Z"),
    (b"DTEND;VALUE=DATE:20270501", b"DTEND;VALUE=DATE:20270401"),
    (b"UID:", b"UIX:"),
    (b"STATUS:CONFIRMED", b"STATUS:MAYBE"),
    (b"STATUS:CONFIRMED", b"STATUS CONFIRMED"),
    (b"CLASS:PUBLIC", b"CLASS:PUBLIC\r\nSUMMARY:En till"),
    (b"CLASS:PUBLIC", b"CLASS:PUBLIC\r\nMETHOD:PUBLISH"),
    (b"SEQUENCE:0", b"SEQUENCE:x"),
    (b"DTSTAMP:20261123T120000Z", b"DTSTAMP:20261123"),
    (b"END:VEVENT", b"END:VTODO"),
    (b"CATEGORIES", b"CATEGORIES;X=Y"),
)


@pytest.mark.parametrize(("good", "bad"), SPOILED)
def test_an_event_that_is_spoiled_is_refused(good: bytes, bad: bytes) -> None:
    assert good in EVENT

    assert check_event(EVENT.replace(good, bad, 1), zones=())


def test_an_event_may_speak_of_events() -> None:
    event = write_event(make_event(description="Skriv inte BEGIN:VEVENT i en text.\nBEGIN:VEVENT\nEND:VEVENT"))

    assert check_event(event, zones=()) == []


def test_an_event_over_the_hour_that_comes_twice_is_let_through() -> None:
    start = datetime(2027, 10, 31, 1, 55, tzinfo=STOCKHOLM)
    event = write_event(make_event(start=start, end=start + timedelta(minutes=15)))

    assert b"DTSTART;TZID=" in event
    assert b"DTEND:2027" in event
    assert check_event(event, zones={"Europe/Stockholm"}) == []


@pytest.mark.parametrize("text", [ASKEW, "å" * 300, "\\" * 300, "a," * 300, "a\n" * 150, "", "\\n;,:"])
@pytest.mark.parametrize("categories", [(), ("Deadline",), ("Å,ö", "B;c")])
def test_whatever_is_written_is_let_through_and_read_by_icalendar(text: str, categories: tuple[str, ...]) -> None:
    start = datetime(2027, 4, 25, 15, 30, tzinfo=STOCKHOLM)
    whole_day = make_event(summary=text or "x", description=text, categories=categories)
    timed = replace(whole_day, start=start, end=start + timedelta(minutes=15), alarm=SLOT_ALARM, is_busy=True)
    for event in (whole_day, timed):
        written = write_event(event)

        assert check_event(written, zones={"Europe/Stockholm"}) == []
        assert Event.from_ical(written).errors == []


def test_an_address_is_written_as_ascii() -> None:
    assert clean_url("https://x.se/sida/örebro?a=1 2") == "https://x.se/sida/%C3%B6rebro?a=12"


def test_a_written_event_can_be_read_again() -> None:
    start = datetime(2027, 4, 25, 15, 30, tzinfo=STOCKHOLM)
    event = make_event(start=start, end=start + timedelta(minutes=15), is_busy=True, alarm=SLOT_ALARM, sequence=2)

    assert read_event(write_event(event)) == event
    assert read_event(write_event(make_event(categories=(), url=""))) == make_event(categories=(), url="")


def test_the_uid_hangs_on_the_key_alone_and_names_no_host() -> None:
    uid = stable_uid(CalendarKind.PUBLIC, "dag/aneby/valborg/2027/-")

    assert uid == "4348f9d2-e569-5439-bce4-d88a4dfdaff9"  # what subscribers have: it must never change
    assert not set("@/.") & set(uid)
    assert uid != stable_uid(CalendarKind.EDITORIAL, "dag/aneby/valborg/2027/-")


@pytest.mark.parametrize(
    "change",
    [
        {"summary": "Valborg 2"},
        {"description": "Annat."},
        {"start": date(2027, 4, 29)},
        {"end": date(2027, 5, 2)},
        {"status": Status.TENTATIVE},
        {"is_busy": True},
        {"alarm": DEADLINE_ALARM},
        {"categories": ("Kampanj",)},
        {"url": "https://annan.se/"},
    ],
)
def test_the_digest_tells_of_every_change_that_a_reader_sees(change: dict[str, object]) -> None:
    event = make_event()

    assert digest(replace(event, **change)) != digest(event)  # type: ignore[arg-type]  # the table holds fields


def test_the_digest_is_deaf_to_the_stamps() -> None:
    event = make_event()
    later = STAMP + timedelta(days=1)

    assert digest(replace(event, sequence=7, created=later, last_modified=later)) == digest(event)


def test_start_values_sort_as_the_calendar_does() -> None:
    morning = datetime(2027, 4, 30, 8, 0, tzinfo=STOCKHOLM)

    assert starts(make_event()) < starts(make_event(start=morning)) < starts(make_event(start=date(2027, 5, 1)))


GOOD = make_calendar(make_event())
EVENT = write_event(make_event())


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"\xef\xbb\xbf" + GOOD, "Kalendern börjar med en BOM."),
        (GOOD.replace(b"\r\n", b"\n"), "Kalendern har en rad som inte slutar med CRLF."),
        (GOOD[:-2], "Kalendern har en rad som inte slutar med CRLF."),
        (GOOD.replace(b"BEGIN:VEVENT", b"\r\nBEGIN:VEVENT"), "Kalendern har en tom rad."),
        (GOOD.replace(b"SUMMARY:", b"SUMMARY:" + b"x" * 76), "Kalendern har en rad som är längre än 75 oktetter."),
        (GOOD.replace(b"SUMMARY:", b"SUMMARY:\x07"), "Kalendern innehåller styrtecken."),
        (GOOD.replace(b"SUMMARY:", b"SUMMARY:\xe5"), "Kalendern är inte UTF-8."),
        (
            GOOD.replace("ä".encode(), b"\xc3\r\n \xa4", 1),
            "Kalendern har ett tecken delat mellan två rader.",
        ),
        (
            make_calendar(make_event(), make_event()),
            "UID b3f1c7de-5a4e-5f6b-9d0c-1e2f3a4b5c6d förekommer 2 gånger.",
        ),
        (
            GOOD.replace(b"DTSTAMP:20261123T120000Z\r\n", b""),
            "Händelsen b3f1c7de-5a4e-5f6b-9d0c-1e2f3a4b5c6d saknar DTSTAMP.",
        ),
        (
            GOOD.replace(b"DTEND;VALUE=DATE:20270501", b"DTEND;VALUE=DATE:20270430"),
            "Händelsen b3f1c7de-5a4e-5f6b-9d0c-1e2f3a4b5c6d slutar inte efter att den börjar.",
        ),
        (GOOD.replace(b"VERSION:2.0\r\n", b""), "Kalendern saknar VERSION."),
        (GOOD.replace(b"CALSCALE", b"METHOD:PUBLISH\r\nCALSCALE"), "Kalendern får inte ha METHOD."),
    ],
)
def test_a_calendar_that_some_program_would_refuse_is_found_out(body: bytes, fault: str) -> None:
    assert fault in check_calendar(body)


def test_an_unexplained_zone_is_found_out() -> None:
    start = datetime(2027, 4, 25, 15, 30, tzinfo=STOCKHOLM)
    event = make_event(start=start, end=start + timedelta(minutes=15))

    faults = check_calendar(make_calendar(event, kind=CalendarKind.PUBLIC))

    assert faults == ["Tidszonen Europe/Stockholm förklaras inte."]


def test_a_line_that_cannot_be_read_is_found_out() -> None:
    faults = check_calendar(GOOD.replace(b"CLASS:PUBLIC", b"trasig rad"))

    assert len(faults) == 1
    assert "går inte att läsa" in faults[0]


@pytest.mark.parametrize("kind", CalendarKind)
def test_an_empty_calendar_is_a_good_one(kind: CalendarKind) -> None:
    assert check_calendar(make_calendar(kind=kind)) == []


@pytest.mark.parametrize("fragment", [b"", EVENT[:-4], EVENT * 2, b"\r\n" + EVENT, EVENT.replace(b"\r\n", b"\n")])
def test_a_stored_event_that_is_not_whole_is_found_out(fragment: bytes) -> None:
    assert check_fragment(fragment)
    assert check_fragment(EVENT) == []
