"""What the page Kö shows: texts on their way and deliveries, in tabs with counts, searched, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, literal, or_, select
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.models import Approval, ContentRow, Delivery, DeliveryState, Post, PostState
from campaigns.overviews import searching
from campaigns.overviews.queue_rows import Row, row_of
from campaigns.overviews.searching import PER_PAGE, Paging, contains, paging
from campaigns.overviews.spreadsheets import csv_file
from campaigns.post_names import post_name
from campaigns.posts import shown_state
from campaigns.signatures import missing_signatures
from campaigns.swedish import POST_STATES, moment

# How long what was not sent is shown: later nothing can be done about it. It stays in the file and in the log.
SHOWN_FOR = timedelta(days=90)
# Soon enough for a page that is looked at to follow it.
FOLLOWED = timedelta(minutes=2)
MOST_IN_FILE = 20_000


@dataclass(frozen=True)
class Tab:
    """One tab. `states` are of deliveries; a tab without them shows posts."""

    id: str
    name: str
    states: tuple[DeliveryState, ...] = ()
    empty: str = ""


DRAFTS, WAITING, QUEUE, BY_HAND, OUT, UNSURE, MISSED = (
    Tab("utkast", "Utkast", empty="Det finns inga texter som ingen har godkänt än."),
    Tab("godkannande", "Väntar på godkännande", empty="Ingen text väntar på den andra partens godkännande."),
    Tab(
        "ko",
        "I kö",
        (DeliveryState.QUEUED, DeliveryState.SENDING),
        "Inget väntar på att gå ut. När båda parter har godkänt en text hamnar den här.",
    ),
    Tab("hand", "För hand", (DeliveryState.MANUAL,), "Det finns inget att göra för hand just nu."),
    Tab(
        "ute",
        "Publicerat",
        (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER, DeliveryState.WITHDRAWN, DeliveryState.REPLACED),
        "Inget har gått ut än.",
    ),
    Tab(
        "osakert",
        "Osäkert eller misslyckat",
        (DeliveryState.UNKNOWN, DeliveryState.FAILED),
        "Inget är osäkert eller misslyckat.",
    ),
    Tab(
        "missat",
        "Missat eller stoppat",
        (DeliveryState.MISSED, DeliveryState.SKIPPED, DeliveryState.STOPPED),
        "Inget har missats eller stoppats de senaste 90 dagarna.",
    ),
)
TABS = (DRAFTS, WAITING, QUEUE, BY_HAND, OUT, UNSURE, MISSED)


@dataclass(frozen=True)
class Filters:
    """What was asked for. `tab` is a tab's id; the rest are empty where nothing is left out."""

    tab: str = QUEUE.id
    channel: str = ""
    campaign: str = ""
    search: str = ""
    page: str = ""

    def query(self, **changed: str | int) -> str:
        """The query of an address that asks for this, with some of it changed."""
        asked = {"flik": self.tab, "kanal": self.channel, "kampanj": self.campaign, "q": self.search, **changed}
        return urlencode({name: value for name, value in asked.items() if value != ""})

    @property
    def is_narrowed(self) -> bool:
        return bool(self.channel or self.campaign or self.search)


@dataclass(frozen=True)
class CountedTab:
    tab: Tab
    count: int
    is_urgent: bool


@dataclass(frozen=True)
class PostRow:
    """A post that has not been signed by all. `due` is its time in words, `missing` the names of parties."""

    post_id: int
    name: str
    due: str
    state: str
    word: str
    reason: str
    missing: tuple[str, ...]
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Board:
    filters: Filters
    tabs: Sequence[CountedTab]
    tab: Tab
    rows: Sequence[Row]
    posts: Sequence[PostRow]
    paging: Paging
    is_under_way: bool
    campaigns: Sequence[tuple[str, str]]
    channels: Sequence[tuple[str, str]]


def filters_from(*, tab: str, channel: str, campaign: str, search: str, page: str) -> Filters:
    """What an address asks for. An unknown tab is the queue."""
    known = tab if tab in {item.id for item in TABS} else QUEUE.id
    return Filters(known, searching.typed(channel), searching.typed(campaign), searching.typed(search), page)


def board(session: Session, catalog: Catalog, municipality: Municipality, filters: Filters, *, now: datetime) -> Board:
    """One page of one tab of the municipality's queue: the soonest first, or the newest of what is over."""
    tab = next(item for item in TABS if item.id == filters.tab)
    counts = _counts(session, catalog, municipality, filters, now=now)
    found = paging(counts[tab.id], filters.page)
    rows: list[Row] = []
    posts: list[PostRow] = []
    if tab.states:
        query = _deliveries(catalog, municipality, filters, tab, now=now).limit(PER_PAGE).offset(found.offset)
        rows = [row_of(catalog, municipality, *item, now=now) for item in session.execute(query)]
    else:
        posts = _post_rows(session, catalog, municipality, filters, tab, found, now=now)
    return Board(
        filters=filters,
        tabs=[CountedTab(item, counts[item.id], item is UNSURE and counts[item.id] > 0) for item in TABS],
        tab=tab,
        rows=rows,
        posts=posts,
        paging=found,
        is_under_way=tab in (QUEUE, OUT, UNSURE) and _is_under_way(session, municipality, now=now),
        campaigns=sorted(((item.id, item.name) for item in catalog.campaigns.values()), key=lambda pair: pair[1]),
        channels=[(item.id, item.name) for item in municipality.channels],
    )


def board_file(
    session: Session, catalog: Catalog, municipality: Municipality, filters: Filters, *, now: datetime
) -> bytes:
    """The deliveries of the tab that was asked for, however old, as CSV."""
    tab = next(item for item in TABS if item.id == filters.tab)
    query = _deliveries(catalog, municipality, filters, tab if tab.states else OUT, now=None).limit(MOST_IN_FILE)
    header = ("Nummer", "Budskap", "Rubrik", "Kampanj", "Målgrupp", "Kanal", "Mottagare", "Språk", "Läge")
    zone = municipality.zone
    lines = []
    for delivery, post, payload, version in session.execute(query):
        row = row_of(catalog, municipality, delivery, post, payload, version, now=now)
        campaign, audience = catalog.campaigns.get(post.campaign), catalog.audiences.get(post.audience)
        out = delivery.published_at
        lines.append(
            (
                *(row.id, row.name, row.title, campaign.name if campaign else post.campaign),
                *(audience.name if audience else post.audience, row.channel, row.recipient, row.language, row.word),
                f"{delivery.due_at.astimezone(zone):%Y-%m-%d %H:%M}",
                f"{out.astimezone(zone):%Y-%m-%d %H:%M}" if out else "",
                *(row.url, row.reason),
            )
        )
    return csv_file((*header, "Skulle gå ut", "Gick ut", "Adress", "Skäl"), lines)


def _deliveries(
    catalog: Catalog, municipality: Municipality, filters: Filters, tab: Tab, *, now: datetime | None
) -> Select[Delivery, Post, bytes, int]:
    query = (
        select(Delivery, Post, col(ContentRow.payload), col(ContentRow.version))
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .join(ContentRow, col(ContentRow.id) == col(Delivery.content_id))
        .where(*_of_deliveries(catalog, municipality, filters, now=now), col(Delivery.state).in_(tab.states))
    )
    if tab is OUT:
        return query.order_by(col(Delivery.changed_at).desc(), col(Delivery.id).desc())
    if tab in (UNSURE, MISSED):
        return query.order_by(col(Delivery.state).desc(), col(Delivery.due_at).desc(), col(Delivery.id).desc())
    at = col(Delivery.next_attempt_at) if tab is QUEUE else col(Delivery.due_at)
    return query.order_by(at, col(Delivery.id))


def _of_deliveries(
    catalog: Catalog, municipality: Municipality, filters: Filters, *, now: datetime | None
) -> list[ColumnElement[bool]]:
    """Which of the municipality's deliveries are wanted; without `now`, however old."""
    found: list[ColumnElement[bool]] = [col(Delivery.municipality) == municipality.id]
    # What gave way to a newer text is history: the newer one has a row of its own.
    found.append(
        or_(col(Delivery.state) != DeliveryState.STOPPED, col(ContentRow.version) == col(Post.content_version))
    )
    if now is not None:
        shown = col(Delivery.due_at) > now - SHOWN_FOR
        found.append(or_(shown, col(Delivery.state).not_in([DeliveryState.FAILED, *MISSED.states])))
    if filters.channel:
        found.append(col(Delivery.channel) == filters.channel)
    if filters.campaign:
        found.append(col(Post.campaign) == filters.campaign)
    for word in searching.words(filters.search):
        channels = searching.named({item.id: item.name for item in municipality.channels}, word)
        in_delivery = [
            col(Delivery.channel).in_(channels),
            *(contains(col(item), word) for item in (Delivery.channel, Delivery.url, Delivery.reason)),
        ]
        found.append(or_(*_in_post(catalog, word), *in_delivery, _numbered(col(Delivery.id), word)))
    return found


def _in_post(catalog: Catalog, word: str) -> list[ColumnElement[bool]]:
    return [
        col(Post.campaign).in_(searching.campaigns_named(catalog, word)),
        col(Post.step).in_(searching.steps_named(catalog, word)),
        col(Post.audience).in_(searching.audiences_named(catalog, word)),
        *(contains(col(item), word) for item in (Post.key, Post.places)),
    ]


def _numbered(column: Mapped[int | None], word: str) -> ColumnElement[bool]:
    is_number = word.isascii() and word.isdecimal() and len(word) < 10
    return column == int(word) if is_number else false()


def _counts(
    session: Session, catalog: Catalog, municipality: Municipality, filters: Filters, *, now: datetime
) -> dict[str, int]:
    query = (
        select(col(Delivery.state), func.count())
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .join(ContentRow, col(ContentRow.id) == col(Delivery.content_id))
        .where(*_of_deliveries(catalog, municipality, filters, now=now))
        .group_by(col(Delivery.state))
    )
    by_state = {state: count for state, count in session.execute(query)}  # noqa: C416 - rows of a query
    counts = {tab.id: sum(by_state.get(state, 0) for state in tab.states) for tab in TABS}
    for tab in (DRAFTS, WAITING):
        posts = select(func.count()).where(*_of_posts(catalog, municipality, filters, tab, now=now))
        counts[tab.id] = session.execute(posts).scalar_one()
    return counts


def _of_posts(
    catalog: Catalog, municipality: Municipality, filters: Filters, tab: Tab, *, now: datetime
) -> list[ColumnElement[bool]]:
    is_signed = exists().where(col(Approval.post_id) == col(Post.id), col(Approval.voided_at).is_(None))
    found: list[ColumnElement[bool]] = [
        col(Post.municipality) == municipality.id,
        col(Post.state).in_([PostState.DRAFT, PostState.REJECTED]),
        col(Post.merged_into).is_(None),
        or_(col(Post.not_after) > now, col(Post.is_correction)),
        is_signed if tab is WAITING else ~is_signed,
    ]
    if filters.channel:
        channels = literal(" ") + col(Post.channels) + literal(" ")
        found.append(channels.like(f"% {searching.escaped(filters.channel)} %", escape="\\"))
    if filters.campaign:
        found.append(col(Post.campaign) == filters.campaign)
    found.extend(
        or_(*_in_post(catalog, word), contains(col(Post.channels), word), _numbered(col(Post.id), word))
        for word in searching.words(filters.search)
    )
    return found


def _post_rows(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    filters: Filters,
    tab: Tab,
    found: Paging,
    *,
    now: datetime,
) -> list[PostRow]:
    query = (
        select(Post)
        .where(*_of_posts(catalog, municipality, filters, tab, now=now))
        .order_by(col(Post.due_at), col(Post.id))
        .limit(PER_PAGE)
        .offset(found.offset)
    )
    posts = session.execute(query).scalars().all()
    missing = missing_signatures(session, municipality, posts)
    names = {item.id: item.name for item in municipality.channels}
    rows = []
    for post in posts:
        state = "draft" if post.is_correction and post.not_after <= now else shown_state(post, now=now)
        parties = missing.get(post.id or 0, [])
        rows.append(
            PostRow(
                post_id=post.id or 0,
                name=post_name(catalog, post),
                due=moment(post.due_at, municipality.zone),
                state=state,
                word="Rättelse" if post.is_correction and state == "draft" else POST_STATES[state],
                reason=post.reason,
                missing=tuple(municipality.party(party).name for party in parties),
                channels=tuple(names.get(item, item) for item in post.channels.split() if item in names),
            )
        )
    return rows


def _is_under_way(session: Session, municipality: Municipality, *, now: datetime) -> bool:
    """Whether something is being sent, or will be so soon that it can be waited for."""
    is_soon = and_(
        col(Delivery.state) == DeliveryState.QUEUED,
        col(Delivery.next_attempt_at) <= now + FOLLOWED,
        # What should have gone long ago waits for a worker that is not running.
        col(Delivery.next_attempt_at) > now - FOLLOWED,
    )
    query = select(col(Delivery.id)).where(
        col(Delivery.municipality) == municipality.id, or_(col(Delivery.state) == DeliveryState.SENDING, is_soon)
    )
    return session.execute(query.limit(1)).first() is not None
