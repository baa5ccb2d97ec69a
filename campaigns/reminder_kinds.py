"""What reminders are about: the steps of the ladder, in the order of a season, and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Topic(StrEnum):
    """What an entry under `[[reminders]]` can ask for. The first six are the deadlines of the campaigns."""

    CONFIRM_DATES = "confirm_dates"
    PLAN = "plan"
    WRITE = "write"
    SIGN = "sign"
    NOTE = "note"
    FOLLOW_UP = "follow_up"
    NUDGE = "nudge"  # not signed, and soon to go out
    ESCALATION = "escalation"  # the same, to the second named person
    FAILURE = "failure"
    BY_HAND = "by_hand"
    DIGEST = "digest"


class Kind(StrEnum):
    """What a reminder that is not of a deadline says. A deadline's is the deadline's own kind."""

    DATE_MISSING = "date_missing"
    NUDGE_48H = "nudge_48h"
    NUDGE_24H = "nudge_24h"
    ESCALATION = "escalation"
    MISSED = "missed"  # not signed in time
    DELIVERY_FAILED = "delivery_failed"
    DELIVERY_UNKNOWN = "delivery_unknown"
    DELIVERY_SKIPPED = "delivery_skipped"
    DELIVERY_MISSED = "delivery_missed"  # during a pause
    CHANNEL_STOPPED = "channel_stopped"
    CHANNEL_RESTING = "channel_resting"
    CHANNEL_WORKING = "channel_working"  # again
    BY_HAND = "by_hand"
    BY_HAND_OVERDUE = "by_hand_overdue"
    DIGEST = "digest"
    PROMISE_ENDS = "promise_ends"
    FOLLOW_UP_DRAFT = "follow_up_draft"
    ACTIVITY = "activity"  # it is a week away
    ACTIVITY_UNTOLD = "activity_untold"  # it has been, and nobody has told of it


_TOPICS: Mapping[str, Topic] = {
    Kind.DATE_MISSING: Topic.CONFIRM_DATES,
    Kind.NUDGE_48H: Topic.NUDGE,
    Kind.NUDGE_24H: Topic.NUDGE,
    Kind.BY_HAND_OVERDUE: Topic.BY_HAND,
    Kind.PROMISE_ENDS: Topic.FOLLOW_UP,
    Kind.FOLLOW_UP_DRAFT: Topic.FOLLOW_UP,
    Kind.ACTIVITY: Topic.PLAN,
    Kind.ACTIVITY_UNTOLD: Topic.NOTE,
    **{topic.value: topic for topic in Topic},
}
NUDGES = (Kind.NUDGE_48H, Kind.NUDGE_24H, Kind.ESCALATION)
FAILURES = tuple(
    kind for kind in Kind if kind == Kind.MISSED or kind.value.partition("_")[0] in ("delivery", "channel")
)


def topic_of(kind: str) -> Topic:
    """Under which topic a reminder's kind is asked for."""
    return Topic.FAILURE if kind in FAILURES else _TOPICS[kind]


def is_urgent(kind: str) -> bool:
    """Whether it is told at once, on any day from seven to nine in the evening, and not only in working hours."""
    return kind in FAILURES
