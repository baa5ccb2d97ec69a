"""A follow-up as a draft: made once for each period, edited, counted again. Any change voids its signatures."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from campaigns.catalog import Catalog, Municipality
from campaigns.errors import RefusedError
from campaigns.followup.document import Words, digest_of, document_from
from campaigns.followup.history import begun_on
from campaigns.followup.periods import Period, newly_ended, not_before
from campaigns.followup.reporting import known_period, periods, report
from campaigns.followup.stored import FollowUp, follow_up, locked, record, row_of, shown, void
from campaigns.models import FollowUpRow
from campaigns.written import checked_actor, within

LONGEST_WORDS = 4_000
WORKER = "Kampanjhjulet"


def to_be_made(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> list[Period]:
    """The periods that have lately ended and that nobody has made a follow-up of.

    One that ended before the municipality was first planned is left to people: nothing was counted then.
    """
    today = now.astimezone(municipality.zone).date()
    ended = newly_ended(periods(catalog, municipality, today=today), today=today)
    begun = begun_on(session, municipality)
    if not ended or begun is None:
        return []
    made = set(session.exec(select(FollowUpRow.period).where(FollowUpRow.municipality == municipality.id)))
    return [item for item in not_before(ended, begun) if item.id not in made]


def make(
    session: Session, catalog: Catalog, municipality: Municipality, period: Period, *, name: str, now: datetime
) -> FollowUp:
    """A draft for the period; the one that there is, if somebody has made it already.

    Raises RefusedError before the period is over.
    """
    actor = checked_actor(name)
    today = now.astimezone(municipality.zone).date()
    known_period(catalog, municipality, period.id, today=today)
    if period.last >= today:
        raise RefusedError(f"{period.title} är inte slut. Siffrorna syns ändå på sidan Uppföljning.")
    row = row_of(session, municipality, period.id)
    if row is None:
        payload = report(session, catalog, municipality, period, now=now).to_bytes()
        row = FollowUpRow(
            municipality=municipality.id,
            period=period.id,
            first_day=period.first,
            last_day=period.last,
            payload=payload,
            digest=digest_of(payload),
            made_at=now,
            changed_by=actor,
            changed_at=now,
        )
        try:
            with session.begin_nested():
                session.add(row)
        except IntegrityError:  # another worker was first
            return follow_up(session, municipality, period.id)
        record(session, row, actor, "gjorde utkast till uppföljning", "", now=now)
    return shown(session, municipality, row)


def rewrite(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    period: Period,
    *,
    words: Words,
    digest: str,
    is_counted_again: bool,
    name: str,
    now: datetime,
) -> FollowUp:
    """Change what people have written in a draft, and with `is_counted_again` count everything anew.

    `digest` is of what the person was shown: where somebody else has changed it since, it is refused. Signatures fall
    if anything changes. Raises RefusedError for one that is published, NotFoundError if there is none.
    """
    actor = checked_actor(name)
    words = Words(*(_checked_words(text) for text in (words.introduction, words.lessons, words.ahead)))
    row = locked(session, municipality, period.id)
    if row.published_at is not None:
        raise RefusedError("Uppföljningen är publicerad. Öppna den för rättelse först.")
    if digest_of(row.payload) != digest:
        raise RefusedError("Någon annan har ändrat uppföljningen sedan du öppnade den. Läs den nya och ändra i den.")
    before = document_from(row.payload)
    document = replace(before, words=words)
    if is_counted_again:
        document = report(session, catalog, municipality, period, now=now, words=words)
    if document != before or row.digest != digest:
        row.payload, row.changed_by, row.changed_at = document.to_bytes(), actor, now
        row.digest = digest_of(row.payload)
        session.add(row)
        void(session, row, "Uppföljningen har ändrats.", now=now)
        record(session, row, actor, "ändrade uppföljning", row.digest[:12], now=now)
    return shown(session, municipality, row)


def _checked_words(text: str) -> str:
    text = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return within(text, LONGEST_WORDS, "Texten")
