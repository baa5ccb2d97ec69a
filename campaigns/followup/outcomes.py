"""What became of each post and each sending. Pure: rows in, words out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from campaigns.followup.gathered import Gathered
from campaigns.models import Act, Approval, Delivery, DeliveryState, Post, PostState
from campaigns.post_names import tells_of_follow_up

_WENT_OUT = (DeliveryState.PUBLISHED, DeliveryState.HANDED_OVER, DeliveryState.WITHDRAWN, DeliveryState.REPLACED)
BY_HAND = "manuell"  # the kind of channel where a person does it


class PostOutcome(StrEnum):
    """The names are those of the fields of `document.Messages`."""

    OUT = "out"
    HELD_UP = "held_up"
    UNSIGNED = "unsigned"
    UNDATED = "undated"
    SKIPPED = "skipped"
    COMING = "coming"


class SigningOutcome(StrEnum):
    """The names are those of the fields of `document.Signing`."""

    IN_TIME = "in_time"
    LATE = "late"
    NEVER = "never"


def has_gone_out(item: Delivery) -> bool:
    """Whether it reached its channel, whatever was done with it there afterwards."""
    return item.act == Act.PUBLISH and item.state in _WENT_OUT and item.published_at is not None


def sendings(items: Iterable[Delivery]) -> list[Delivery]:
    """One for each place that the post was to stand in: the one that went out, else the last that was not stopped.

    A text that was changed before its time left a stopped row behind for its earlier version.
    """
    places: dict[tuple[str, str, str], Delivery] = {}
    for item in items:
        if item.act == Act.PUBLISH:
            place = (item.channel, item.language, item.recipient)
            earlier = places.get(place)
            if earlier is None or _weight(item) >= _weight(earlier):
                places[place] = item
    return list(places.values())


def _weight(item: Delivery) -> int:
    if has_gone_out(item):
        return 2
    return 0 if item.state == DeliveryState.STOPPED else 1


def sending_outcome(item: Delivery) -> str:
    """The field of `document.Deliveries` that a sending is counted in."""
    if has_gone_out(item):
        if item.kind == BY_HAND:
            return "by_hand"
        return "handed_over" if item.state == DeliveryState.HANDED_OVER else "published"
    return _FIELDS[DeliveryState(item.state)]


_FIELDS = {
    DeliveryState.QUEUED: "waiting",
    DeliveryState.SENDING: "waiting",
    DeliveryState.MANUAL: "by_hand_waiting",
    DeliveryState.UNKNOWN: "unknown",
    DeliveryState.FAILED: "failed",
    DeliveryState.MISSED: "missed",
    DeliveryState.SKIPPED: "too_late",
    DeliveryState.STOPPED: "stopped",
    # Told to be out by a channel that could not say when; nothing is known to make such rows.
    DeliveryState.PUBLISHED: "unknown",
    DeliveryState.HANDED_OVER: "unknown",
    DeliveryState.WITHDRAWN: "unknown",
    DeliveryState.REPLACED: "unknown",
}


def is_planned(post: Post, found: Gathered) -> bool:
    """Whether the post is, or was, part of the season: not called off before anything of it went out.

    One about a follow-up is not: what it tells of is counted already.
    """
    return not tells_of_follow_up(post) and (post.state != PostState.CANCELLED or is_out(post, found))


def is_out(post: Post, found: Gathered) -> bool:
    return any(has_gone_out(item) for item in found.deliveries.get(post.id or 0, ()))


def post_outcome(post: Post, found: Gathered) -> PostOutcome:
    """What became of a planned post."""
    if is_out(post, found):
        return PostOutcome.OUT
    if post.state == PostState.SKIPPED:
        return PostOutcome.SKIPPED
    if post.is_preliminary:
        occurrence = found.occurrences.get(post.occurrence)
        is_over = occurrence is not None and occurrence.last_day < found.today
        return PostOutcome.UNDATED if is_over else PostOutcome.COMING
    if post.not_after > found.now:
        return PostOutcome.COMING
    return PostOutcome.UNSIGNED if signing_outcome(post, found) is SigningOutcome.NEVER else PostOutcome.HELD_UP


def is_to_be_signed(post: Post, found: Gathered) -> bool:
    """Whether the post's time has come, so that it is known whether it was signed in time."""
    is_in = post.state != PostState.SKIPPED and not post.is_preliminary
    return is_in and post.due_at <= found.now and (post.not_after <= found.now or _is_signed(post, found, post.due_at))


def signing_outcome(post: Post, found: Gathered) -> SigningOutcome:
    if _is_signed(post, found, post.due_at):
        return SigningOutcome.IN_TIME
    return SigningOutcome.LATE if _is_signed(post, found, post.not_after) else SigningOutcome.NEVER


def _is_signed(post: Post, found: Gathered, at: datetime) -> bool:
    """Whether everybody's signature stood at a moment who then had to sign.

    Who had to is what the rows tell, not today's files: the last of them let the deliveries be made, at that instant.
    """
    signatures = found.signatures.get(post.id or 0, ())
    moments = {item.created_at for item in found.deliveries.get(post.id or 0, ())}
    if post.state == PostState.APPROVED and not moments:  # its channels had all left the file
        moments = {item.created_at for item in signatures[-1:]}
    standing = _signed_by(signatures, at)
    needed = [_signed_by(signatures, moment) for moment in moments if moment <= at]
    return any(parties and parties <= standing for parties in needed)


def _signed_by(signatures: Sequence[Approval], at: datetime) -> set[str]:
    """The parties whose signature stood at a moment."""
    return {
        item.party for item in signatures if item.created_at <= at and (item.voided_at is None or item.voided_at > at)
    }


def spreads(items: Iterable[Delivery], found: Gathered) -> set[str]:
    """The national campaigns that those of the sendings which went out spread."""
    return {name for item in items if has_gone_out(item) for name in found.spread.get(item.content_id, ())}
