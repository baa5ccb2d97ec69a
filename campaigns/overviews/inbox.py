"""What waits to be signed in a municipality: for whom, until when, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlmodel import Session, col, or_, select

from campaigns.catalog import Catalog, Municipality, Party
from campaigns.enqueue import left_posts
from campaigns.facts import facts_at
from campaigns.models import Approval, OccurrenceRow, Post, PostState
from campaigns.overviews.review import Review, Viewer, names_of, review_of, text_of
from campaigns.post_names import campaign_title, name_in_campaign
from campaigns.swedish import moment

# What is due later than this is counted and not read: its text is likely to change.
SOON = timedelta(weeks=6)
# Due within this it is marked, as the first reminder is sent.
HURRY = timedelta(hours=48)
_WAITING = (PostState.DRAFT, PostState.REJECTED)


@dataclass(frozen=True)
class Row:
    """One post. `signed` and `missing` are parties' names, `stops` what keeps it from being signed."""

    id: int
    name: str
    due: str
    last: str
    signed: str
    missing: str
    is_urgent: bool
    stops: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class CampaignRows:
    campaign_id: str
    campaign: str
    year: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class ForParty:
    """What the viewer may sign for one party."""

    party: Party
    campaigns: tuple[CampaignRows, ...]

    @property
    def count(self) -> int:
        return sum(len(item.rows) for item in self.campaigns)


@dataclass(frozen=True)
class Later:
    """A campaign's posts that are due later on."""

    campaign_id: str
    campaign: str
    year: int
    count: int
    first: str


@dataclass(frozen=True)
class Inbox:
    """`others` wait for parties that the viewer does not sign for, `undated` for a date to be confirmed."""

    mine: tuple[ForParty, ...]
    others: tuple[CampaignRows, ...]
    stopped: tuple[CampaignRows, ...]
    rejected: tuple[CampaignRows, ...]
    signed: tuple[CampaignRows, ...]
    later: tuple[Later, ...]
    undated: int

    @property
    def count(self) -> int:
        """How many posts wait for the viewer."""
        return len({row.id for item in self.mine for group in item.campaigns for row in group.rows})

    def after(self, post_id: int) -> int | None:
        """The post that the viewer is to read next, once this one has been decided."""
        ids = [row.id for item in self.mine for group in item.campaigns for row in group.rows]
        return next((found for found in ids if found != post_id), None)


@dataclass(frozen=True)
class CampaignReview:
    """Every text of one campaign's year, as `party` is to read them; none: as somebody who signs for nobody.

    `open` can be signed by the viewer for the party, `closed` cannot: by the viewer, or by anybody.
    """

    campaign_id: str
    campaign: str
    year: int
    party: Party | None
    open: tuple[Review, ...]
    closed: tuple[Review, ...]
    signed: tuple[Review, ...]
    undated: int


def inbox(
    session: Session, catalog: Catalog, messages: Path, municipality: Municipality, *, viewer: Viewer, now: datetime
) -> Inbox:
    """What waits, soonest first."""
    waiting = _posts(session, municipality, _WAITING, now=now)
    dated = [(post, year) for post, year in waiting if not post.is_preliminary]
    soon = [(post, year) for post, year in dated if post.due_at <= now + SOON]
    live = _live(session, [post for post, _ in soon])
    facts = facts_at(session, catalog)
    boxes: dict[str, list[tuple[Post, int, Row]]] = {}
    for post, year in soon:
        text = text_of(session, catalog, messages, post, facts=facts, now=now)
        valid = [item for item in live.get(post.id or 0, ()) if item.digest == text.digest]
        row = _row(catalog, municipality, post, valid, stops=text.stops, now=now)
        for box in _boxes(post, row, municipality, valid, viewer):
            boxes.setdefault(box, []).append((post, year, row))
    return Inbox(
        mine=tuple(
            ForParty(party, _by_campaign(catalog, boxes[party.id]))
            for party in municipality.parties
            if party.id in boxes and party.id in viewer.parties
        ),
        others=_by_campaign(catalog, boxes.get(_OTHERS, ())),
        stopped=_by_campaign(catalog, boxes.get(_STOPPED, ())),
        rejected=_by_campaign(catalog, boxes.get(_REJECTED, ())),
        signed=_by_campaign(catalog, _signed(session, catalog, municipality, now=now)),
        later=_later(catalog, municipality, [pair for pair in dated if pair[0].due_at > now + SOON]),
        undated=len(waiting) - len(dated),
    )


def campaign_review(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    campaign: str,
    year: int,
    *,
    party: str = "",
    viewer: Viewer,
    now: datetime,
) -> CampaignReview:
    """Every text of the campaign's year that can still be signed, as `party` is to read it: one of the viewer's.

    Raises NotFoundError for an unknown campaign or party.
    """
    found = catalog.campaign(campaign)
    one = municipality.party(party) if party else None
    states = (*_WAITING, PostState.APPROVED)
    posts = [post for post, when in _posts(session, municipality, states, now=now, campaign=campaign) if when == year]
    facts = facts_at(session, catalog)
    as_party = Viewer(viewer.name, (party,) if party else ())
    reviews = [
        review_of(session, catalog, messages, municipality, post, viewer=as_party, facts=facts, now=now)
        for post in posts
        if not post.is_preliminary
    ]
    signed = [
        item
        for item in reviews
        if item.state == PostState.APPROVED or (party and any(each.party == party for each in item.signatures))
    ]
    rest = [item for item in reviews if item not in signed]

    def is_open(item: Review) -> bool:
        # One that was rejected waits for another text. It is signed alone, by somebody who has read why.
        return bool(item.can_sign) and item.state != PostState.REJECTED

    return CampaignReview(
        found.id,
        found.name,
        year,
        one,
        open=tuple(item for item in rest if is_open(item)),
        closed=tuple(item for item in rest if not is_open(item)),
        signed=tuple(signed),
        undated=sum(post.is_preliminary for post in posts),
    )


_OTHERS, _STOPPED, _REJECTED = "/others", "/stopped", "/rejected"  # no party's id has a slash


def _boxes(
    post: Post, row: Row, municipality: Municipality, valid: Sequence[Approval], viewer: Viewer
) -> Iterator[str]:
    if post.state == PostState.REJECTED:
        yield _REJECTED
        return
    if row.stops:
        yield _STOPPED
        return
    signed = {item.party for item in valid}
    if any(item.name.casefold() == viewer.name.casefold() for item in valid):
        yield _OTHERS  # the parties must be two different people
        return
    mine = [party.id for party in municipality.parties if party.id in viewer.parties and party.id not in signed]
    yield from mine or [_OTHERS]


def _posts(
    session: Session,
    municipality: Municipality,
    states: Sequence[PostState],
    *,
    now: datetime,
    campaign: str = "",
) -> list[tuple[Post, int]]:
    """The posts in these states whose time has not passed, soonest first, each with its occurrence's year."""
    query = (
        select(Post, OccurrenceRow.year)
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(Post.municipality == municipality.id, col(Post.state).in_(states), col(Post.merged_into).is_(None))
        .where(or_(col(Post.not_after) > now, col(Post.is_correction)))
        .order_by(col(Post.due_at), col(Post.id))
    )
    if campaign:
        query = query.where(Post.campaign == campaign)
    return list(session.exec(query).all())


def _signed(
    session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime
) -> list[tuple[Post, int, Row]]:
    """Those that every party has signed and that have not gone out everywhere."""
    found = _posts(session, municipality, (PostState.APPROVED,), now=now)
    left = left_posts(session, [post.id for post, _ in found if post.id])
    rest = [(post, year) for post, year in found if post.id not in left and post.due_at <= now + SOON]
    live = _live(session, [post for post, _ in rest])
    return [
        (post, year, _row(catalog, municipality, post, live.get(post.id or 0, ()), stops=(), now=now))
        for post, year in rest
    ]


def _live(session: Session, posts: Sequence[Post]) -> dict[int, list[Approval]]:
    found: dict[int, list[Approval]] = {}
    ids = [post.id for post in posts]
    query = select(Approval).where(col(Approval.post_id).in_(ids), col(Approval.voided_at).is_(None))
    for item in session.exec(query):
        found.setdefault(item.post_id, []).append(item)
    return found


def _row(
    catalog: Catalog,
    municipality: Municipality,
    post: Post,
    live: Sequence[Approval],
    *,
    stops: tuple[str, ...],
    now: datetime,
) -> Row:
    signed = {item.party for item in live}
    return Row(
        id=post.id or 0,
        name=name_in_campaign(catalog, post),
        due=moment(post.due_at, municipality.zone),
        last=moment(post.not_after, municipality.zone),
        signed=names_of(party for party in municipality.parties if party.id in signed),
        missing=names_of(party for party in municipality.parties if party.id not in signed),
        is_urgent=post.due_at <= now + HURRY,
        stops=stops,
        reason=post.reason,
    )


def _by_campaign(catalog: Catalog, found: Iterable[tuple[Post, int, Row]]) -> tuple[CampaignRows, ...]:
    groups: dict[tuple[str, int], list[Row]] = {}
    for post, year, row in found:
        groups.setdefault((post.campaign, year), []).append(row)
    return tuple(
        CampaignRows(campaign, campaign_title(catalog, campaign), year, tuple(rows))
        for (campaign, year), rows in groups.items()
    )


def _later(catalog: Catalog, municipality: Municipality, found: Iterable[tuple[Post, int]]) -> tuple[Later, ...]:
    groups: dict[tuple[str, int], list[Post]] = {}
    for post, year in found:
        groups.setdefault((post.campaign, year), []).append(post)
    return tuple(
        Later(campaign, campaign_title(catalog, campaign), year, len(posts), moment(posts[0].due_at, municipality.zone))
        for (campaign, year), posts in groups.items()
    )
