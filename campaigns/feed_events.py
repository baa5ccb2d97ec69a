"""What the calendars should hold: occurrences, deadlines, publishing slots and activities as events. Pure.

No names of persons are written: a secret address may leak. `campaigns.feed_diff` gives changed events their stamps.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from campaigns import swedish
from campaigns.catalog import Catalog, Municipality
from campaigns.enqueue import LEFT_OUT
from campaigns.ical import DEADLINE_ALARM, SLOT_ALARM, CalendarEvent, CalendarKind, Status, clean_url, stable_uid
from campaigns.models import ActivityRow, DeliveryState, OccurrenceRow, Post, PostState
from campaigns.occurrences import Occurrence, OccurrenceStatus
from campaigns.plan import Campaign, Plan, PlannedActivity, PlannedDeadline

SLOT_LENGTH = timedelta(minutes=15)
_FOR_CITIZENS = ("Riskdatum", "Kampanj")  # their page is the public one, in both calendars
UNSTAMPED = datetime(1970, 1, 1, tzinfo=UTC)

# A post is described by the first of these that any of its deliveries is in.
_TELLING_STATES = (
    *(DeliveryState.UNKNOWN, DeliveryState.FAILED, DeliveryState.STOPPED, DeliveryState.MANUAL),
    *(DeliveryState.SENDING, DeliveryState.QUEUED, DeliveryState.SKIPPED),
    *(DeliveryState.HANDED_OVER, DeliveryState.PUBLISHED),
)


@dataclass(frozen=True)
class FeedEntry:
    """An event in one calendar, and the campaigns, audiences and channels that a subscriber may filter on."""

    calendar: CalendarKind
    key: str
    event: CalendarEvent
    campaigns: tuple[str, ...]
    audiences: tuple[str, ...]
    channels: tuple[str, ...]


def public_page(base_url: str, municipality: str) -> str:
    return clean_url(f"{base_url.rstrip('/')}/sida/{municipality}")


def desired_events(
    catalog: Catalog,
    municipality: Municipality,
    plan: Plan,
    *,
    occurrences: Iterable[OccurrenceRow],
    posts: Iterable[Post],
    added: Iterable[ActivityRow] = (),
    delivery_states: Mapping[int, Collection[str]],
    today: date,
    base_url: str,
) -> list[FeedEntry]:
    """Every event that both calendars should hold on the local day `today`. `added` are the
    activities that people have added; `delivery_states` is by post id.

    An occurrence that never got its date is left out, with all that counts from it, once its usual time is over.
    """
    writer = _Writer(catalog, municipality, base_url)
    entries: list[FeedEntry] = []
    for row in occurrences:
        if _can_be_told(row, today):
            entries.extend(writer.days(row))
    entries.extend(writer.deadline(item) for item in plan.deadlines if _can_be_told(item.occurrence, today))
    entries.extend(writer.activity(item) for item in plan.activities if _can_be_told(item.occurrence, today))
    entries.extend(writer.added_activity(item) for item in added)
    live = (post for post in posts if post.merged_into is None and post.state not in LEFT_OUT)
    entries.extend(writer.slot(post, delivery_states.get(post.id or 0, ())) for post in live)
    return entries


def _can_be_told(occurrence: OccurrenceRow | Occurrence, today: date) -> bool:
    return occurrence.has_day or occurrence.last_day >= today


class _Writer:
    def __init__(self, catalog: Catalog, municipality: Municipality, base_url: str) -> None:
        self.catalog = catalog
        self.municipality = municipality
        self.public_url = public_page(base_url, municipality.id)
        self.editorial_url = clean_url(f"{base_url.rstrip('/')}/")
        self.channel_names = {channel.id: channel.name for channel in municipality.channels}

    def days(self, occurrence: OccurrenceRow) -> Iterable[FeedEntry]:
        campaigns = self.campaigns_for(occurrence.risk_date)
        title = f"{occurrence.name}, {occurrence.place_name}" if occurrence.place_name else occurrence.name
        for calendar, category in ((CalendarKind.PUBLIC, "Riskdatum"), (CalendarKind.EDITORIAL, "Kampanj")):
            yield self.entry(
                calendar,
                f"dag/{occurrence.key}",
                campaigns,
                title=title,
                description=self.about_day(occurrence),
                category=category,
                start=occurrence.first_day,
                end=occurrence.last_day + timedelta(days=1),
                is_preliminary=occurrence.status == OccurrenceStatus.PRELIMINARY,
            )

    def about_day(self, occurrence: OccurrenceRow) -> str:
        risk_date = self.catalog.risk_dates.get(occurrence.risk_date)
        lines = [risk_date.description] if risk_date and risk_date.description else []
        first, last = swedish.long_date(occurrence.first_day), swedish.long_date(occurrence.last_day)
        if not occurrence.has_day:
            lines.append(f"Datumet är inte bestämt än. Det brukar infalla någon dag från {first} till {last}.")
            lines.append("Kalendern ändras när datumet är bestämt.")
        elif occurrence.status == OccurrenceStatus.PRELIMINARY:
            lines.append("Datumet är preliminärt och kan ändras.")
        elif first != last:
            lines.append(f"Risktiden är {first} till {last}.")
        lines.append(
            "Det här är ett av årets riskdatum. Då arbetar kommunen och polisen extra mot langning av alkohol och "
            "tobak till unga."
        )
        return "\n".join((*lines, f"Läs mer: {self.public_url}"))

    def deadline(self, item: PlannedDeadline) -> FeedEntry:
        title, about = f"Deadline: {item.deadline.name}", f"Deadline i kampanjen {item.campaign_name}."
        return self.work(item, "Deadline", title=title, about=about, alarm=DEADLINE_ALARM)

    def activity(self, item: PlannedActivity) -> FeedEntry:
        about = f"Aktivitet i kampanjen {item.campaign_name}.\n{item.activity.description}".strip()
        return self.work(item, "Aktivitet", title=item.activity.name, about=about)

    def added_activity(self, item: ActivityRow) -> FeedEntry:
        campaign = self.catalog.campaigns.get(item.campaign)
        about = f"Aktivitet i kampanjen {campaign.name if campaign else item.campaign}.\n{item.description}".strip()
        if not item.campaign:
            about = f"Insats vid en förändrad lägesbild.\n{item.situation}"
        return self.entry(
            CalendarKind.EDITORIAL,
            f"aktivitet/{item.key}",
            self.known([item.campaign]),
            title=item.name,
            description=about,
            category="Aktivitet",
            start=item.day,
            end=item.day + timedelta(days=1),
            is_preliminary=False,
        )

    def work(
        self,
        item: PlannedDeadline | PlannedActivity,
        category: str,
        *,
        title: str,
        about: str,
        alarm: timedelta | None = None,
    ) -> FeedEntry:
        return self.entry(
            CalendarKind.EDITORIAL,
            f"{category.lower()}/{item.key}",
            self.known([item.campaign]),
            title=f"{title} – {item.occurrence.title}",
            description=f"{about}\n{self.about_occurrence(item.occurrence)}",
            category=category,
            start=item.day,
            end=item.day + timedelta(days=1),
            is_preliminary=item.occurrence.status is OccurrenceStatus.PRELIMINARY,
            alarm=alarm,
        )

    def about_occurrence(self, occurrence: Occurrence) -> str:
        if not occurrence.has_day:
            return f"{occurrence.title} har inget datum än. Dagen räknas från det tidigaste som brukar förekomma."
        if occurrence.status is OccurrenceStatus.PRELIMINARY:
            return f"Datumet för {occurrence.title} är preliminärt och kan ändras."
        return f"Gäller {occurrence.title}, {swedish.long_date(occurrence.day)}."

    def slot(self, post: Post, states: Collection[str]) -> FeedEntry:
        campaign = self.catalog.campaigns.get(post.campaign)
        name, steps = (campaign.name, campaign.steps) if campaign else (post.campaign, ())
        step = next((step.name for step in steps if step.id == post.step), post.step)
        audience = self.catalog.audiences.get(post.audience)
        places = post.places.split("\n") if post.places else []
        where = "".join((f", {places[0]}", " med flera" if len(places) > 1 else "")) if places else ""
        channels = post.channels.split()
        names = ", ".join(self.channel_names.get(channel, channel) for channel in channels)
        # A step's name often ends in all its audiences; the event is for one of them.
        touch = step if post.is_extra else re.split(",? till ", step, maxsplit=1)[0]
        reader = (audience.name if audience else post.audience).lower()
        start = post.due_at.astimezone(self.municipality.zone)
        lines = [f"Läge: {post_state(post, states)}.", f"Kanaler: {names}."]
        if places:
            lines.append(f"Gäller: {'; '.join(places)}.")
        if post.is_preliminary:
            lines.append("Datumet är inte bekräftat. Tiden kan ändras, och budskapet kan inte godkännas än.")
        lines.append(f"Skickas inte efter {swedish.moment(post.not_after, self.municipality.zone)}.")
        return self.entry(
            CalendarKind.EDITORIAL,
            f"publicering/{post.key}",
            [campaign] if campaign else [],
            title=f"Publicering: {name} – {touch}, till {reader}{where} ({names})",
            description="\n".join(lines),
            category="Publicering",
            start=start,
            end=(post.due_at + SLOT_LENGTH).astimezone(self.municipality.zone),
            is_preliminary=post.is_preliminary,
            is_tentative=post.state != PostState.APPROVED,
            is_busy=True,
            alarm=SLOT_ALARM,
            audiences=(post.audience,),
            channels=tuple(channels),
        )

    def entry(
        self,
        calendar: CalendarKind,
        key: str,
        campaigns: Sequence[Campaign],
        *,
        title: str,
        description: str,
        category: str,
        start: date,
        end: date,
        is_preliminary: bool,
        is_tentative: bool = False,
        is_busy: bool = False,
        alarm: timedelta | None = None,
        audiences: tuple[str, ...] | None = None,
        channels: tuple[str, ...] | None = None,
    ) -> FeedEntry:
        steps = [step for campaign in campaigns for step in campaign.steps]
        if audiences is None:
            audiences = tuple(sorted({audience for step in steps for audience in step.audiences}))
        if channels is None:
            used = {channel for step in steps for channel in step.channels}
            channels = tuple(channel for channel in self.municipality.channel_ids if channel in used)
        event = CalendarEvent(
            uid=stable_uid(calendar, key),
            summary=f"{title} (preliminärt)" if is_preliminary else title,
            description=description,
            url=self.public_url if category in _FOR_CITIZENS else self.editorial_url,
            categories=(category,),
            start=start,
            end=end,
            created=UNSTAMPED,
            last_modified=UNSTAMPED,
            status=Status.TENTATIVE if is_preliminary or is_tentative else Status.CONFIRMED,
            is_busy=is_busy,
            alarm=alarm,
        )
        return FeedEntry(calendar, key, event, tuple(campaign.id for campaign in campaigns), audiences, channels)

    def campaigns_for(self, risk_date: str) -> list[Campaign]:
        borrowed = self.municipality.recipes.get(risk_date)
        if borrowed is not None:
            return self.known([borrowed])
        return [campaign for campaign in self.catalog.campaigns.values() if campaign.risk_date == risk_date]

    def known(self, ids: Iterable[str]) -> list[Campaign]:
        return [self.catalog.campaigns[name] for name in ids if name in self.catalog.campaigns]


def post_state(post: Post, delivery_states: Collection[str]) -> str:
    """Where a post stands, in the words of the pages: its deliveries' worst state once there are any."""
    for state in _TELLING_STATES:
        if state in delivery_states:
            return swedish.DELIVERY_STATES[state]
    if post.is_preliminary and post.state != PostState.APPROVED:
        return swedish.POST_STATES["preliminary"]
    return swedish.POST_STATES[post.state]
