"""What the page Nytt år leads through: dates, texts, translations, facts, what was added last year, the promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Fact, Municipality
from campaigns.content import decomposed
from campaigns.enqueue import LEFT_OUT
from campaigns.errors import NotFoundError, TemplateError
from campaigns.facts import facts_at
from campaigns.models import Approval, OccurrenceRow, Post, StepChange, YearStart
from campaigns.new_year import Addition, additions, refuse_year
from campaigns.occurrences import OccurrenceStatus
from campaigns.overviews.actions import campaign_path
from campaigns.post_names import campaign_name, name_in_campaign
from campaigns.post_sources import PostSources, places_of, texts_of
from campaigns.season import season
from campaigns.swedish import language_name, long_date, moment, span, usual
from campaigns.text_versions import FieldDifference, field_differences
from campaigns.translations import outdated


@dataclass(frozen=True)
class YearDate:
    """An occurrence of the year. `path` leads to where its day is entered; it is empty for a day that a rule gives."""

    name: str
    place: str
    days: str
    is_confirmed: bool
    path: str


@dataclass(frozen=True)
class YearText:
    """A text of the year. `origin` says where it comes from, `changes` what differs from last year's, by its source."""

    post_id: int
    name: str
    due: str
    origin: str
    is_written: bool  # for this year
    signed: int
    changes: Sequence[FieldDifference]
    outdated: tuple[str, ...]
    fault: str


@dataclass(frozen=True)
class YearFact:
    """A fact that the year's texts rest on and that must be confirmed before they can be signed."""

    fact: Fact
    why: str
    posts: int


@dataclass(frozen=True)
class NewYear:
    """A municipality's year as it begins. `begun` says by whom and when, if anybody has."""

    year: int
    begun: str
    dates: Sequence[YearDate]
    texts: Mapping[str, Sequence[YearText]]  # by campaign
    facts: Sequence[YearFact]
    additions: Sequence[Addition]
    moved: Sequence[str]
    promises: Sequence[str]

    @property
    def undated(self) -> int:
        return sum(not item.is_confirmed for item in self.dates)

    @property
    def every_text(self) -> list[YearText]:
        return [item for group in self.texts.values() for item in group]

    @property
    def outdated(self) -> list[YearText]:
        return [item for item in self.every_text if item.outdated]

    @property
    def signed(self) -> int:
        return sum(item.signed for item in self.every_text)


def new_year(
    session: Session, catalog: Catalog, messages: Path, municipality: Municipality, year: int, *, now: datetime
) -> NewYear:
    """How far the beginning of the year has come. Raises RefusedError for a year that is not planned."""
    refuse_year(municipality, year, now=now)
    posts = _posts(session, municipality, year)
    begun = session.get(YearStart, (municipality.id, year))
    facts: dict[str, YearFact] = {}
    texts: dict[str, list[YearText]] = {}
    every = facts_at(session, catalog)
    signed = _signed(session, posts)
    for post in posts:
        sources = texts_of(session, catalog, messages, post)
        item = _text(session, catalog, municipality, post, sources, signed.get(post.id or 0, 0))
        texts.setdefault(campaign_name(catalog, post), []).append(item)
        _note_facts(facts, every, municipality, post, sources)
    promises = (catalog.promises[name] for name in municipality.promises if name in catalog.promises)
    return NewYear(
        year=year,
        begun=f"{begun.begun_by}, {moment(begun.begun_at, municipality.zone)}" if begun else "",
        dates=_dates(session, catalog, municipality, year),
        texts=texts,
        facts=sorted(facts.values(), key=lambda item: (item.fact.kind, item.fact.id)),
        additions=additions(session, catalog, municipality, year),
        moved=_moved(session, catalog, municipality, year - 1),
        promises=[item.text for item in promises if item.first_day.year <= year <= item.last_day.year],
    )


def _posts(session: Session, municipality: Municipality, year: int) -> Sequence[Post]:
    query = (
        select(Post)
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(Post.municipality == municipality.id, OccurrenceRow.year == year, col(Post.merged_into).is_(None))
        .where(col(Post.state).not_in(LEFT_OUT))
        .order_by(col(Post.due_at), col(Post.id))
    )
    return session.exec(query).all()


def _signed(session: Session, posts: Sequence[Post]) -> dict[int, int]:
    query = select(Approval.post_id).where(
        col(Approval.post_id).in_([post.id for post in posts]), col(Approval.voided_at).is_(None)
    )
    found: dict[int, int] = {}
    for post_id in session.exec(query):
        found[post_id] = found.get(post_id, 0) + 1
    return found


def _dates(session: Session, catalog: Catalog, municipality: Municipality, year: int) -> list[YearDate]:
    found = []
    for item in season(session, catalog, municipality, years=[year]).occurrences:
        is_confirmed = item.status is OccurrenceStatus.CONFIRMED
        days = (
            span(item.first_day, item.last_day)
            if item.has_day
            else f"inte beslutat, brukar vara {usual(item.first_day, item.last_day)}"
        )
        path = "" if is_confirmed else campaign_path(catalog, municipality, item)
        found.append(YearDate(item.name, item.place.name if item.place else "", days, is_confirmed, path))
    return found


def _text(
    session: Session, catalog: Catalog, municipality: Municipality, post: Post, texts: PostSources, signed: int
) -> YearText:
    places = places_of(municipality, post)
    own = [place for place in dict.fromkeys([("", language) for _, language in places] + places) if texts.own(*place)]
    earlier = next((row for row in (texts.row_in(*place) for place in places) if row and row.post_id != post.id), None)
    try:
        for place in places:
            texts.used_in(*place)
        fault = ""
    except (NotFoundError, TemplateError) as error:
        fault = error.message
    if own:
        origin = "Skriven för i år"
    elif earlier:
        origin = f"Förra gångens text, skriven av {earlier.author}"
    else:
        origin = "Texten som följer med"
    return YearText(
        post_id=post.id or 0,
        name=name_in_campaign(catalog, post),
        due="när dagen är bekräftad" if post.is_preliminary else long_date(_local_day(municipality, post)),
        origin=origin,
        is_written=bool(own),
        signed=signed,
        changes=[change for place in own for change in _changes(texts, place)],
        outdated=tuple(dict.fromkeys(language_name(place[1]).lower() for place in outdated(session, texts, places))),
        fault=fault,
    )


def _changes(texts: PostSources, place: tuple[str, str]) -> Sequence[FieldDifference]:
    """What this year's text says that last year's (or, without one, the shipped) did not."""
    try:
        earlier = decomposed(texts.begun_from(*place).text)
    except (NotFoundError, TemplateError):
        return ()
    return field_differences(earlier, decomposed(texts.own(*place)[0].source))


def _local_day(municipality: Municipality, post: Post) -> date:
    return post.due_at.astimezone(municipality.zone).date()


def _note_facts(
    found: dict[str, YearFact],
    facts: Mapping[str, Fact],
    municipality: Municipality,
    post: Post,
    texts: PostSources,
) -> None:
    day = post.due_at.astimezone(municipality.zone).date()
    used: set[str] = set()
    for place in places_of(municipality, post):
        try:
            used |= texts.used_in(*place).facts_used
        except (NotFoundError, TemplateError):
            continue
    for name in used & facts.keys():
        fact = facts[name]
        if fact.is_closed or (fact.is_confirmed and fact.valid_until >= day):
            continue
        why = f"Gäller till och med {long_date(fact.valid_until)}." if fact.is_confirmed else "Ingen har bekräftat den."
        found[name] = YearFact(fact, why, found[name].posts + 1 if name in found else 1)


def _moved(session: Session, catalog: Catalog, municipality: Municipality, year: int) -> list[str]:
    """What was decided of single steps last year: nothing of it is done by itself again."""
    query = (
        select(Post, StepChange)
        .join(StepChange, col(StepChange.post_key) == col(Post.key))
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(Post.municipality == municipality.id, OccurrenceRow.year == year)
        .order_by(col(Post.due_at), col(Post.id))
    )
    return [
        f"{campaign_name(catalog, post)}: {name_in_campaign(catalog, post)} "
        + (f"utelämnades: {change.reason}" if change.is_skipped else "flyttades.")
        for post, change in session.exec(query)
        if change.is_skipped or change.offset_days is not None or change.at is not None
    ]
