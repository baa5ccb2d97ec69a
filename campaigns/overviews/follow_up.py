"""What the pages Uppföljning show: the figures of a period, the drafts and what they wait for, the efforts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from campaigns import efforts
from campaigns.catalog import Catalog, Municipality, Promise
from campaigns.errors import NotFoundError
from campaigns.followup.document import Document
from campaigns.followup.periods import Period
from campaigns.followup.reporting import chosen_period, periods, report
from campaigns.followup.stored import FollowUp, follow_ups, published
from campaigns.models import ActivityRow, Role
from campaigns.overviews import paths
from campaigns.overviews.actions import Action
from campaigns.reminding.promised import ENDS_WITHIN, ending
from campaigns.swedish import long_date

WRITTEN_AFTERWARDS = timedelta(days=180)
STATE_WORDS: Mapping[str, str] = {"draft": "Utkast", "published": "Publicerad", "changed": "Ändrad, visas inte"}


@dataclass(frozen=True)
class PeriodChoice:
    """A period to choose, and where its follow-up stands: one of STATE_WORDS or nothing."""

    period: Period
    word: str
    is_chosen: bool


@dataclass(frozen=True)
class Room:
    """The page Uppföljning. No `document`: nothing has been promised for any day so far."""

    choices: Sequence[PeriodChoice]
    document: Document | None
    stored: Sequence[FollowUp]
    to_make: Period | None  # the chosen period is over, and there is no draft of it
    efforts: Sequence[ActivityRow]
    ending: Mapping[date, Sequence[Promise]]


def room(session: Session, catalog: Catalog, municipality: Municipality, wanted: str, *, now: datetime) -> Room:
    """The figures of the period with the id `wanted`, or of the tertial under way. Raises NotFoundError."""
    today = now.astimezone(municipality.zone).date()
    period = chosen_period(catalog, municipality, wanted, today=today)
    stored = follow_ups(session, municipality)
    words = {item.document.period: STATE_WORDS[item.state] for item in stored}
    return Room(
        choices=[
            PeriodChoice(item, words.get(item.id, ""), item == period)
            for item in periods(catalog, municipality, today=today)
        ],
        document=report(session, catalog, municipality, period, now=now) if period else None,
        stored=stored,
        to_make=period if period and period.last < today and period.id not in words else None,
        efforts=efforts.efforts(session, municipality),
        ending=ending(catalog, municipality, today=today, within=max(ENDS_WITHIN)),
    )


def open_promises(catalog: Catalog, municipality: Municipality, *, today: date) -> list[Promise]:
    """What an effort can be made for: the promises that are not long over, since some are written down afterwards."""
    return [item for item in catalog.promises_of(municipality) if item.last_day >= today - WRITTEN_AFTERWARDS]


@dataclass(frozen=True)
class PublicFollowUps:
    """What anybody may read: the chosen follow-up, the newest where none is, and all there are."""

    chosen: FollowUp | None
    every: Sequence[FollowUp]


def public_follow_ups(session: Session, municipality: Municipality, period: str) -> PublicFollowUps:
    """The published ones. Raises NotFoundError for a period that none is published of."""
    every = published(session, municipality)
    if not period:
        return PublicFollowUps(every[0] if every else None, every)
    for item in every:
        if item.document.period == period:
            return PublicFollowUps(item, every)
    raise NotFoundError("Det finns ingen publicerad uppföljning för den perioden.")


def to_do(session: Session, catalog: Catalog, municipality: Municipality, *, today: date) -> Iterable[Action]:
    """What Idag tells: promises that are about to end, and follow-ups that wait to be signed."""
    names = municipality.party_names
    for last_day, promises in ending(catalog, municipality, today=today, within=max(ENDS_WITHIN)).items():
        many = f"Löftet ”{promises[0].text.rstrip('.')}”" if len(promises) == 1 else f"{len(promises)} löften"
        yield Action(
            "Löfte går ut",
            f"{many} går ut {long_date(last_day)}, och inget nytt är inlagt.",
            path=paths.staff(municipality, "uppfoljning"),
            link="Se uppföljningen",
        )
    for item in follow_ups(session, municipality):
        path = paths.staff(municipality, f"uppfoljning/{item.document.period}")
        if not item.is_whole:
            yield Action(
                "Uppföljning",
                f"{item.document.title}: texten är ändrad utanför tjänsten och visas inte för invånare.",
                path=path,
                link="Läs uppföljningen",
            )
        elif item.sent_back:
            yield Action(
                "Uppföljning",
                f"{item.document.title}: {item.sent_back.name} skickade tillbaka utkastet. {item.sent_back.reason}",
                path=path,
                link="Ändra utkastet",
            )
        elif not item.is_published:
            yield Action(
                "Uppföljning",
                f"{item.document.title}: utkastet ska läsas och godkännas. "
                f"Väntar på {' och '.join(names[party] for party in item.missing)}.",
                role=Role.APPROVER,
                parties=item.missing,
                path=path,
                link="Läs utkastet",
            )
