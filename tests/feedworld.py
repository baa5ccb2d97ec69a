"""A municipality whose occurrences and posts a test sets by hand, and whose calendars it publishes and reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from icalendar import Calendar
from sqlmodel import select

from campaigns import feeds
from campaigns.catalog import Audience, Catalog, Municipality
from campaigns.database import Database
from campaigns.feed_diff import head_key
from campaigns.models import FeedEvent, OccurrenceRow, Post, PostState
from campaigns.occurrences import Occurrence
from campaigns.plan import Campaign, plan
from campaigns.web.feedserver import FeedStore
from tests.builders import make_campaign, make_channel, make_municipality, make_risk_date, make_step

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # Monday
BASE_URL = "https://kalender.aneby.se"
PUBLIC_PATH = "/feeds/aneby/riskdatum-aneby.ics"


def make_catalog(*municipalities: Municipality, campaigns: Sequence[Campaign] | None = None) -> Catalog:
    """One municipality with midsommar and its campaign, unless told otherwise."""
    step = make_step("infor", name="Inför, till syskon och unga vuxna", audiences=("syskon", "unga-vuxna"))
    chosen = (make_campaign(steps=(step,)),) if campaigns is None else campaigns
    audiences = {"syskon": "Syskon", "unga-vuxna": "Unga vuxna", "foraldrar": "Föräldrar"}
    return Catalog(
        risk_dates={"midsommar": make_risk_date()},
        audiences={key: Audience(key, name) for key, name in audiences.items()},
        channels={"webb": "Webbsidan", "skarm": "Skärmar"},
        promises={},
        facts={},
        campaigns={campaign.id: campaign for campaign in chosen},
        municipalities={item.id: item for item in municipalities or (make_home(),)},
    )


def make_home(**changes: Any) -> Municipality:
    channels = (make_channel("webb", name="Webbsidan"), make_channel("skarm", name="Skärmar"))
    return replace(make_municipality(channels=channels), **changes)


class FeedWorld:
    """`occurrences` are what configuration has; `publish` makes the rows agree and refreshes the calendars."""

    def __init__(self, database: Database, catalog: Catalog | None = None) -> None:
        self.database = database
        self.catalog = catalog or make_catalog()
        self.municipality = next(iter(self.catalog.municipalities.values()))
        self.occurrences: list[Occurrence] = []

    def publish(self, *, now: datetime = NOON, posts: bool = False) -> bool:
        campaigns = self.catalog.campaigns.values()
        home = self.municipality
        laid = plan(
            self.occurrences,
            campaigns=campaigns,
            channels=home.channel_ids,
            zone=home.zone,
            recipes=home.recipes,
        )
        with self.database.write() as session:
            for row in session.exec(select(OccurrenceRow)).all():
                row.cancelled_at = now
            for occurrence in self.occurrences:
                session.merge(occurrence_row(occurrence))
            session.flush()
            known = {post.key for post in session.exec(select(Post)).all()}
            for step in laid.steps if posts else ():
                if step.key not in known:
                    session.add(post_row(step))
            session.flush()
            return feeds.refresh(session, self.catalog, home.id, laid, now=now, base_url=BASE_URL)

    def change_post(self, key: str, **values: Any) -> None:
        with self.database.write() as session:
            post = session.exec(select(Post).where(Post.key == key)).one()
            post.sqlmodel_update(values)

    def rows(self, calendar: str = "public") -> list[FeedEvent]:
        """The events' rows, without the one that stands for the calendar's head."""
        with self.database.read() as session:
            query = select(FeedEvent).where(
                FeedEvent.calendar == calendar, FeedEvent.key != head_key(self.municipality.id)
            )
            return sorted(session.exec(query).all(), key=lambda row: (row.starts, row.uid))

    def store(self) -> FeedStore:
        store = FeedStore(self.catalog, base_url=BASE_URL)
        store.refresh_from(self.database)
        return store

    def body(self, calendar: str = "public") -> bytes:
        """The calendar as a server that has just started gives it."""
        store = self.store()
        if calendar == "editorial":
            return store.editorial[self.municipality.id].resource.body
        return store.routes[f"/feeds/{self.municipality.id}/riskdatum-{self.municipality.id}.ics"].resource.body

    def events(self, calendar: str = "public") -> list[Any]:
        return list(Calendar.from_ical(self.body(calendar)).walk("VEVENT"))


def occurrence_row(occurrence: Occurrence) -> OccurrenceRow:
    return OccurrenceRow(
        key=occurrence.key,
        municipality=occurrence.municipality,
        risk_date=occurrence.risk_date,
        name=occurrence.name,
        year=occurrence.year,
        place=occurrence.place.id if occurrence.place else "",
        place_name=occurrence.place.name if occurrence.place else "",
        day=occurrence.day,
        first_day=occurrence.first_day,
        last_day=occurrence.last_day,
        status=occurrence.status,
        has_day=occurrence.has_day,
        cancelled_at=None,
        changed_at=NOON,
    )


def post_row(step: Any) -> Post:
    return Post(
        key=step.key,
        municipality=step.occurrence.municipality,
        campaign=step.campaign,
        occurrence=step.occurrence.key,
        step=step.step.id,
        audience=step.audience,
        channels=" ".join(step.channels),
        places="\n".join(step.places),
        merged_into=step.merged_into,
        is_preliminary=step.is_preliminary,
        due_at=step.due_at,
        not_after=step.not_after,
        state=PostState.DRAFT,
        created_at=NOON,
        changed_at=NOON,
    )


def later(**span: int) -> datetime:
    return NOON + timedelta(**span)
