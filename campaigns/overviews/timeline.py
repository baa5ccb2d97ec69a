"""One campaign's year as a line of time: its steps, the editorial deadlines and what people do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from campaigns.additions import is_laid_on
from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError
from campaigns.models import OccurrenceRow, Post, PostState
from campaigns.occurrences import OccurrenceStatus
from campaigns.overviews.anchors import anchor, day_name
from campaigns.overviews.shown import days_left, step_name
from campaigns.overviews.timeline_clashes import clashes_beside
from campaigns.overviews.timeline_posts import records_of, shown_post
from campaigns.overviews.timeline_work import Row, ShownActivity, activity_rows, deadline_rows
from campaigns.plan import Campaign, Plan
from campaigns.rules import FIRST_YEAR, LAST_YEAR, LocalRule
from campaigns.season import season
from campaigns.swedish import MONTHS, moment, span, usual

# How far from the campaign's first and last line today is still marked among them.
BEFORE, AFTER = timedelta(days=120), timedelta(days=31)


@dataclass(frozen=True)
class ShownOccurrence:
    """When the campaign's reason is, at one place. `risk_date` and `place` are ids; `days` is a sentence's part."""

    key: str
    risk_date: str
    name: str
    place: str
    place_name: str
    days: str
    left: str
    is_confirmed: bool
    is_local: bool
    has_day: bool
    day: date


@dataclass(frozen=True)
class CampaignYear:
    """All that the page of a campaign's year shows. `years` are those that have occurrences, for the links."""

    campaign: str
    name: str
    year: int
    years: tuple[int, ...]
    occurrences: tuple[ShownOccurrence, ...]
    rows: tuple[Row, ...]
    today: date

    @property
    def months(self) -> list[tuple[str, list[Row]]]:
        """The lines under their months, ”april 2027”."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(f"{MONTHS[row.day.month - 1]} {row.day.year}", []).append(row)
        return list(found.items())

    def row_of(self, post_id: int) -> Row:
        """The step that the post belongs to. Raises NotFoundError if it is not in this campaign's year."""
        for row in self.rows:
            if any(post_id in post.ids for post in row.posts):
                return row
        raise NotFoundError(f"Det finns inget budskap med nummer {post_id} i {self.name} {self.year}.")

    def activity(self, key: str) -> tuple[Row, ShownActivity]:
        """The activity with this key, and its line. Raises NotFoundError if there is none."""
        for row in self.rows:
            for item in row.activities:
                if item.key == key:
                    return row, item
        raise NotFoundError("Aktiviteten finns inte i kampanjen.")

    def occurrence(self, key: str) -> ShownOccurrence:
        """The occurrence with this key. Raises NotFoundError if there is none."""
        for item in self.occurrences:
            if item.key == key:
                return item
        raise NotFoundError("Tillfället finns inte i kampanjen.")

    @property
    def has_last_year(self) -> bool:
        """Whether anything is known of any of the steps a year before."""
        return any(post.last_year.title for row in self.rows for post in row.posts)

    @property
    def is_complete(self) -> bool:
        return all(item.is_confirmed for item in self.occurrences)

    def count(self, *states: str) -> int:
        """How many of the posts stand in one of these states."""
        return sum(len(post.ids) for row in self.rows for post in row.posts if post.state in states)


def campaign_year(
    session: Session, catalog: Catalog, municipality: Municipality, campaign_id: str, year: int, *, now: datetime
) -> CampaignYear:
    """The campaign's year in the municipality. Raises NotFoundError where it is not laid out in that year."""
    campaign = catalog.campaign(campaign_id)
    years = _years(session, municipality, campaign)
    if year not in years:
        raise NotFoundError(f"{campaign.name} är inte planerad {year}. Välj ett annat år.")
    found = _occurrences(session, municipality, campaign, year)
    today = now.astimezone(municipality.zone).date()
    laid = Plan()
    if FIRST_YEAR <= year <= LAST_YEAR:
        laid = season(
            session, catalog, municipality, years=range(max(year - 1, FIRST_YEAR), min(year + 1, LAST_YEAR) + 1)
        ).plan
    names = {key: _day_name(catalog, row) for key, row in found.items()}
    rows = [
        *_step_rows(session, catalog, municipality, found, names, laid, campaign, now=now),
        *deadline_rows(laid.deadlines, campaign, found, names),
        *activity_rows(session, municipality, laid.activities, campaign, found, names),
    ]
    rows = sorted((replace(row, is_past=row.day < today) for row in rows), key=_order)
    if rows and rows[0].day - BEFORE <= today <= rows[-1].day + AFTER:
        rows = sorted([*rows, Row("today", today, "", "I dag", "", has_day=True, is_past=False)], key=_order)
    return CampaignYear(
        campaign=campaign.id,
        name=campaign.name,
        year=year,
        years=tuple(years),
        occurrences=tuple(_shown_occurrence(catalog, row, today) for row in found.values()),
        rows=tuple(rows),
        today=today,
    )


def _order(row: Row) -> tuple[date, int, str, str]:
    return row.day, ("today", "deadline", "activity", "step").index(row.kind), row.time, row.name


def _years(session: Session, municipality: Municipality, campaign: Campaign) -> list[int]:
    query = (
        select(OccurrenceRow.year, OccurrenceRow.risk_date)
        .where(OccurrenceRow.municipality == municipality.id, col(OccurrenceRow.cancelled_at).is_(None))
        .distinct()
    )
    return sorted({year for year, risk_date in session.exec(query) if is_laid_on(municipality, campaign, risk_date)})


def _occurrences(
    session: Session, municipality: Municipality, campaign: Campaign, year: int
) -> dict[str, OccurrenceRow]:
    query = (
        select(OccurrenceRow)
        .where(OccurrenceRow.municipality == municipality.id, OccurrenceRow.year == year)
        .where(col(OccurrenceRow.cancelled_at).is_(None))
        .order_by(col(OccurrenceRow.day), col(OccurrenceRow.key))
    )
    return {row.key: row for row in session.exec(query) if is_laid_on(municipality, campaign, row.risk_date)}


def _day_name(catalog: Catalog, row: OccurrenceRow) -> str:
    risk_date = catalog.risk_dates.get(row.risk_date)
    return day_name(row.name, risk_date.day_name if risk_date else "")


def _shown_occurrence(catalog: Catalog, row: OccurrenceRow, today: date) -> ShownOccurrence:
    risk_date = catalog.risk_dates.get(row.risk_date)
    is_over = row.last_day < today
    return ShownOccurrence(
        key=row.key,
        risk_date=row.risk_date,
        name=row.name,
        place=row.place,
        place_name=row.place_name,
        days=span(row.first_day, row.last_day)
        if row.has_day
        else f"inget datum än, brukar vara {usual(row.first_day, row.last_day)}",
        left="har varit" if is_over else days_left(row.first_day, row.last_day, today) if row.has_day else "",
        is_confirmed=row.status == OccurrenceStatus.CONFIRMED,
        is_local=risk_date is not None and isinstance(risk_date.rule, LocalRule),
        has_day=row.has_day,
        day=row.day,
    )


# -- steps


def _step_rows(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    found: Mapping[str, OccurrenceRow],
    names: Mapping[str, str],
    laid: Plan,
    campaign: Campaign,
    *,
    now: datetime,
) -> Iterable[Row]:
    query = (
        select(Post)
        .where(Post.municipality == municipality.id, Post.campaign == campaign.id)
        .where(col(Post.occurrence).in_(list(found)), col(Post.merged_into).is_(None))
        .where(Post.state != PostState.CANCELLED)
        .order_by(col(Post.due_at), col(Post.key))
    )
    posts = session.exec(query).all()
    records = records_of(session, municipality, posts)
    clashes = clashes_beside(session, catalog, municipality, posts, laid)
    groups: dict[tuple[object, ...], list[Post]] = {}
    for post in posts:
        row = found[post.occurrence]
        same = (post.step, post.is_extra, post.due_at, post.not_after, row.name, row.day, row.has_day)
        groups.setdefault(same, []).append(post)
    for group in groups.values():
        post, row = group[0], found[group[0].occurrence]
        local = post.due_at.astimezone(municipality.zone)
        has_day = row.has_day or post.is_extra
        yield Row(
            kind="step",
            day=local.date(),
            time=f"{local:%H.%M}",
            name=step_name(catalog, post),
            anchor=anchor((local.date() - row.day).days, names[row.key], row.day if row.has_day else None)
            if row.has_day or not post.is_extra
            else "",
            has_day=has_day,
            is_past=False,
            last=moment(post.not_after, municipality.zone) if has_day else "",
            input_time=f"{local:%Y-%m-%dT%H:%M}",
            input_last=f"{post.not_after.astimezone(municipality.zone):%Y-%m-%dT%H:%M}",
            is_extra=post.is_extra,
            posts=tuple(
                shown_post(
                    catalog,
                    municipality,
                    alike,
                    records,
                    has_day=row.has_day,
                    clashes=[sentence for each in alike for sentence in clashes.get(each.key, ())],
                    now=now,
                )
                for alike in _alike(group, has_day=row.has_day)
            ),
        )


def _alike(group: Sequence[Post], *, has_day: bool) -> Iterable[list[Post]]:
    """Posts to the same audience that wait for their local dates are told of together, those of one state."""
    found: dict[tuple[object, ...], list[Post]] = {}
    for post in group:
        alone = post.id if has_day or post.is_extra else None
        found.setdefault((post.audience, post.state, post.reason, alone), []).append(post)
    return found.values()
