"""The posts of a campaign's year as people see them: where each stands, in which channels, signed by whom."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.content import Content
from campaigns.enqueue import LEFT_OUT, STANDING
from campaigns.errors import TemplateError
from campaigns.feed_events import post_state
from campaigns.models import Act, Approval, ContentRow, Delivery, DeliveryState, Post, PostState, StepChange
from campaigns.overviews.anchors import distance
from campaigns.overviews.shown import audience_name
from campaigns.posts import shown_state, told_reason
from campaigns.step_changes import hinders_move, hinders_skip, planned_step
from campaigns.swedish import DELIVERY_STATES, POST_STATES, moment

# What a person must look at.
TROUBLE = (DeliveryState.UNKNOWN, DeliveryState.FAILED, DeliveryState.MISSED, DeliveryState.SKIPPED)
_OUT = (*STANDING, DeliveryState.WITHDRAWN, DeliveryState.REPLACED)
NOTHING_KNOWN = "Ingen uppgift"


@dataclass(frozen=True)
class ShownSignature:
    """A party, and who has signed for it when; both empty while the signature is wanting."""

    party: str
    name: str = ""
    when: str = ""


@dataclass(frozen=True)
class ShownChannel:
    """A channel that a post goes to. `delivery` is the one that tells most, if there is any, and `word` its state."""

    name: str
    word: str = ""
    delivery: int | None = None
    is_trouble: bool = False
    url: str = ""


@dataclass(frozen=True)
class LastYear:
    """The same step a year before. `title` is empty where nothing is known of it."""

    when: str = NOTHING_KNOWN
    title: str = ""


@dataclass(frozen=True)
class ShownPost:
    """A post to one audience, or several that wait for the same local date. `id` is the first one's."""

    ids: tuple[int, ...]
    audience: str
    places: str
    state: str
    state_name: str
    reason: str
    channels: tuple[ShownChannel, ...]
    signatures: tuple[ShownSignature, ...]
    is_signable: bool
    can_move: bool
    can_skip: bool
    can_restore: bool
    moved: str
    clashes: tuple[str, ...]
    last_year: LastYear

    @property
    def id(self) -> int:
        return self.ids[0]


@dataclass
class Records:
    """What is stored about some posts, by the post's id unless said otherwise."""

    deliveries: dict[int, list[Delivery]] = field(default_factory=dict)
    approvals: dict[int, list[Approval]] = field(default_factory=dict)
    changes: dict[str, StepChange] = field(default_factory=dict)  # by the post's key
    last_year: dict[str, LastYear] = field(default_factory=dict)  # by the post's key


def records_of(session: Session, municipality: Municipality, posts: Sequence[Post]) -> Records:
    """Everything that is stored about `posts`, in a handful of reads."""
    ids = [post.id for post in posts if post.id is not None]
    found = Records()
    for item in session.exec(select(Delivery).where(col(Delivery.post_id).in_(ids)).order_by(col(Delivery.id))):
        found.deliveries.setdefault(item.post_id, []).append(item)
    live = select(Approval).where(col(Approval.post_id).in_(ids), col(Approval.voided_at).is_(None))
    for signed in session.exec(live):
        found.approvals.setdefault(signed.post_id, []).append(signed)
    decided = select(StepChange).where(StepChange.municipality == municipality.id)
    found.changes = {row.post_key: row for row in session.exec(decided)}
    found.last_year = _last_year(session, municipality, [post for post in posts if not post.is_extra])
    return found


def shown_post(
    catalog: Catalog,
    municipality: Municipality,
    posts: Sequence[Post],
    records: Records,
    *,
    has_day: bool,
    clashes: Iterable[str],
    now: datetime,
) -> ShownPost:
    """`posts`, which are alike in all but place, as one row for people."""
    post = posts[0]
    deliveries = [item for each in posts for item in records.deliveries.get(each.id or 0, ())]
    state = shown_state(post, now=now)
    word = POST_STATES[state]
    if post.state == PostState.APPROVED and deliveries:
        word = post_state(post, {item.state for item in deliveries})
        state = _telling_key(word)
    is_ahead = post.not_after > now and post.state not in LEFT_OUT
    return ShownPost(
        ids=tuple(each.id for each in posts if each.id is not None),
        audience=audience_name(catalog, post),
        places=_places(posts),
        state=state,
        state_name=word,
        reason=told_reason(post),
        channels=tuple(_channels(municipality, post, deliveries)),
        signatures=tuple(_signatures(municipality, records.approvals.get(post.id or 0, ()))),
        is_signable=is_ahead and not post.is_preliminary and post.state != PostState.APPROVED,
        can_move=is_ahead and (has_day or post.is_extra) and hinders_move(deliveries) is None,
        can_skip=is_ahead and hinders_skip(deliveries) is None,
        can_restore=post.state == PostState.SKIPPED and post.not_after > now,
        moved=_moved(catalog, municipality, post, records.changes.get(post.key)),
        clashes=tuple(clashes),
        last_year=LastYear() if post.is_extra else records.last_year.get(post.key, LastYear()),
    )


def _places(posts: Sequence[Post]) -> str:
    names = [name for post in posts for name in post.places.split("\n") if name]
    return "; ".join(names) if len(names) < 3 else f"{names[0]} och {len(names) - 1} till"


def _telling_key(word: str) -> str:
    return next(key for key, name in DELIVERY_STATES.items() if name == word)


def _channels(municipality: Municipality, post: Post, deliveries: Sequence[Delivery]) -> Iterable[ShownChannel]:
    names = {channel.id: channel.name for channel in municipality.channels}
    for channel in post.channels.split():
        own = [item for item in deliveries if item.channel == channel and item.act != Act.WITHDRAW]
        item = max(own, key=_weight, default=None)
        if item is None:
            yield ShownChannel(names.get(channel, channel))
        else:
            word = DELIVERY_STATES[item.state]
            url = item.url if item.url.startswith(("http://", "https://")) else ""
            yield ShownChannel(names.get(channel, channel), word, item.id, item.state in TROUBLE, url)


def _weight(item: Delivery) -> tuple[bool, bool, int]:
    """What needs a person is told first; what has been stopped, only if there is nothing else; then the newest."""
    return item.state in TROUBLE, item.state != DeliveryState.STOPPED, item.id or 0


def _signatures(municipality: Municipality, approvals: Collection[Approval]) -> Iterable[ShownSignature]:
    signed = {item.party: item for item in approvals}
    for party in municipality.parties:
        item = signed.get(party.id)
        when = moment(item.created_at, municipality.zone) if item else ""
        yield ShownSignature(party.name, item.name if item else "", when)


def _moved(catalog: Catalog, municipality: Municipality, post: Post, change: StepChange | None) -> str:
    """By whom the post has been moved, and what its recipe says."""
    if change is None or change.offset_days is None or change.is_skipped:
        return ""
    told = f"Flyttat av {change.changed_by} {moment(change.changed_at, municipality.zone)}."
    step = planned_step(catalog, post)
    return f"{told} Receptet säger {distance(step.offset_days, is_alone=True)}, kl. {step.at:%H.%M}." if step else told


def _last_year(session: Session, municipality: Municipality, posts: Sequence[Post]) -> dict[str, LastYear]:
    """By this year's keys, how the same step went the year before: in its own post, or in the one that it shared."""
    earlier = {post.key: _year_before(post.key) for post in posts}
    query = select(Post).where(Post.municipality == municipality.id, col(Post.key).in_(set(earlier.values())))
    found = {post.key: post for post in session.exec(query)}
    shared = {post.merged_into for post in found.values() if post.merged_into} - found.keys()
    leaders = select(Post).where(Post.municipality == municipality.id, col(Post.key).in_(shared))
    found |= {post.key: post for post in session.exec(leaders)}
    sent = _sent(session, municipality, [post.id for post in found.values() if post.id is not None])
    told = {}
    for key, before in earlier.items():
        own = found.get(before)
        post = found.get(own.merged_into, own) if own and own.merged_into else own
        if post is not None:
            told[key] = sent.get(post.id or 0) or LastYear(_not_sent(post))
    return told


def _year_before(key: str) -> str:
    municipality, campaign, year, rest = key.split("/", 3)
    return f"{municipality}/{campaign}/{int(year) - 1}/{rest}"


def _not_sent(post: Post) -> str:
    return "Utelämnades" if post.state == PostState.SKIPPED else "Gick inte ut"


def _sent(session: Session, municipality: Municipality, post_ids: Sequence[int]) -> dict[int, LastYear]:
    """Per post, when it first went out and under which title."""
    query = (
        select(Delivery, ContentRow.payload)
        .join(ContentRow, col(ContentRow.id) == col(Delivery.content_id))
        .where(col(Delivery.post_id).in_(post_ids), col(Delivery.state).in_(_OUT), Delivery.act == Act.PUBLISH)
        .order_by(col(Delivery.published_at), col(Delivery.id))
    )
    told: dict[int, LastYear] = {}
    for item, payload in session.exec(query):
        if item.post_id not in told and item.published_at is not None:
            told[item.post_id] = LastYear(f"Gick ut {moment(item.published_at, municipality.zone)}", _title(payload))
    return told


def _title(payload: bytes) -> str:
    try:
        return Content.from_bytes(payload).title
    except TemplateError:
        return ""
