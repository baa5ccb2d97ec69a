"""Asking channels how many have reacted to what has gone out in them: totals, once a day, for a while."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from campaigns import reach
from campaigns.catalog import Catalog, Municipality
from campaigns.channels.base import Channel, Counting, SendError, Shipment
from campaigns.database import Database
from campaigns.models import Act, ContentRow, Delivery, DeliveryState, Post, Setting
from campaigns.sending import accounts, pauses

logger = logging.getLogger(__name__)

ASKED_FOR = timedelta(days=30)  # after it went out: later hardly anything is added
EVERY = timedelta(days=1)
MOST = 40  # deliveries in one round
MOST_OF_CHANNEL = 5  # in one round: an account on Bluesky may sign in 30 times in five minutes, and sending comes first
THREADS = 4
# Languages of a post go out close to each other: all of them are found as long as the first is asked about.
_TOGETHER = timedelta(days=30)


@dataclass(frozen=True)
class Question:
    """A post in a channel, and what to ask the channel about: one sending for each language."""

    post_id: int
    municipality: str
    channel: str
    kind: str
    shipments: Sequence[Shipment]

    @property
    def key(self) -> str:
        return f"{self.post_id} {self.channel}"


def ask_round(
    database: Database,
    catalog: Catalog,
    channels: Mapping[str, Channel],
    *,
    now: datetime,
    is_stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Ask about what it is time for, the longest unasked first, and keep what is new. Returns how many were asked.

    No transaction is open while channels are waited for. What is asked is noted first, so that several workers do not
    ask the same, and a channel that fails is not asked again until the next day. Its health is not touched.
    """
    counting = {kind: channel for kind, channel in channels.items() if isinstance(channel, Counting)}
    asked = 0
    for municipality in catalog.municipalities.values():
        if asked >= MOST or is_stopping():
            break
        with database.read() as session:
            is_due = bool(_due(session, municipality, list(counting), now=now, most=1))
        if is_due:
            with database.write() as session:
                questions = _due(session, municipality, list(counting), now=now, most=MOST - asked)
                _note_asked(session, municipality, questions, now=now)
            _ask(database, counting, questions, now=now, is_stopping=is_stopping)
            asked += sum(len(question.shipments) for question in questions)
    return asked


def _due(
    session: Session, municipality: Municipality, kinds: Sequence[str], *, now: datetime, most: int
) -> list[Question]:
    """What to ask about, of at least one delivery and, where a post has several, a few more than `most`."""
    open_channels = _open(session, municipality, kinds)
    if not open_channels:
        return []
    rows = session.exec(
        select(Delivery, ContentRow.payload)
        .join(ContentRow, col(ContentRow.id) == col(Delivery.content_id))
        .where(
            col(Delivery.municipality) == municipality.id,
            col(Delivery.channel).in_(open_channels),
            col(Delivery.kind).in_(kinds),
            col(Delivery.state) == DeliveryState.PUBLISHED,
            col(Delivery.act) != Act.WITHDRAW,
            col(Delivery.receipt) != "",
            col(Delivery.published_at) > now - ASKED_FOR - _TOGETHER,
        )
        .order_by(col(Delivery.id))
    )
    groups: dict[tuple[int, str], list[tuple[Delivery, bytes]]] = {}
    for delivery, payload in rows:
        groups.setdefault((delivery.post_id, delivery.channel), []).append((delivery, payload))
    asked_at = _asked(session, municipality)
    waiting: list[tuple[datetime, Question]] = []
    for (post_id, channel), group in groups.items():
        times = [delivery.published_at or now for delivery, _ in group]
        question = _question(municipality, post_id, channel, group)
        last = max(times) if question.key not in asked_at else max(asked_at[question.key], *times)
        if question.shipments and min(times) > now - ASKED_FOR and last <= now - EVERY:
            waiting.append((last, question))
    return _some([question for _, question in sorted(waiting, key=lambda item: item[0])], most)


def _open(session: Session, municipality: Municipality, kinds: Sequence[str]) -> list[str]:
    """The channels that may be asked: neither paused nor resting nor stopped."""
    own = [channel for channel in municipality.channels if channel.kind in kinds]
    if not own:
        return []
    ill = {row.channel for row in accounts.standing(session, municipality=municipality.id)}
    paused = pauses.standing(session)
    return [
        channel.id for channel in own if channel.id not in ill and paused.reason(municipality.id, channel.id) is None
    ]


def _question(
    municipality: Municipality, post_id: int, channel: str, group: Sequence[tuple[Delivery, bytes]]
) -> Question:
    config = municipality.channel(channel)
    shipments = [
        Shipment(
            key=delivery.key,
            payload=payload,
            municipality=municipality.id,
            channel=config,
            language=delivery.language,
            page_url="",
            due_at=delivery.due_at,
            recipient=delivery.recipient,
            reference=delivery.receipt,
        )
        for delivery, payload in group
    ]
    is_same_kind = all(delivery.kind == config.kind for delivery, _ in group)
    return Question(post_id, municipality.id, channel, config.kind, shipments if is_same_kind else [])


def _some(questions: Sequence[Question], most: int) -> list[Question]:
    """The first of them, until there are enough, and not too many of one channel."""
    some: list[Question] = []
    of_channel: Counter[str] = Counter()
    for question in questions:
        if of_channel.total() >= most:
            break
        if of_channel[question.channel] < MOST_OF_CHANNEL:
            some.append(question)
            of_channel[question.channel] += len(question.shipments)
    return some


def _name(municipality: str) -> str:
    return f"reach_asked:{municipality}"


def _asked(session: Session, municipality: Municipality) -> dict[str, datetime]:
    """When each question was last asked (UTC)."""
    row = session.get(Setting, _name(municipality.id))
    return {key: datetime.fromisoformat(at) for key, at in json.loads(row.value).items()} if row else {}


def _note_asked(session: Session, municipality: Municipality, questions: Sequence[Question], *, now: datetime) -> None:
    kept = {key: at for key, at in _asked(session, municipality).items() if at > now - ASKED_FOR}
    kept.update((question.key, now) for question in questions)
    value = json.dumps({key: at.isoformat() for key, at in kept.items()})
    session.merge(Setting(name=_name(municipality.id), value=value))


def _ask(
    database: Database,
    channels: Mapping[str, Counting],
    questions: Sequence[Question],
    *,
    now: datetime,
    is_stopping: Callable[[], bool],
) -> None:
    def answer(question: Question) -> dict[str, int]:
        return {} if is_stopping() else _answer(channels[question.kind], question, now=now)

    if not questions:
        return
    with ThreadPoolExecutor(min(THREADS, len(questions)), thread_name_prefix="reach") as pool:
        answers = list(pool.map(answer, questions))
    if any(answers):
        with database.write() as session:
            for question, found in zip(questions, answers, strict=True):
                post = session.get(Post, question.post_id)
                if found and post is not None:
                    reach.note_answer(session, post, channel=question.channel, found=found, now=now)


def _answer(channel: Counting, question: Question, *, now: datetime) -> dict[str, int]:
    """The totals over the languages: those measures that are told of each. Nothing if the channel fails."""
    try:
        told = [channel.count(shipment, now=now) for shipment in question.shipments]
    except SendError as error:
        _warn(question, error.message)
        return {}
    except Exception:  # one of many: the others are to be asked all the same
        logger.exception("Frågan om räckvidd gick sönder.", extra={"action": "reach_broke"})
        return {}
    measures = set.intersection(*(set(each) for each in told))
    return {measure: sum(each[measure] for each in told) for measure in sorted(measures)}


def _warn(question: Question, message: str) -> None:
    logger.warning(
        "Kanalen %s i %s gav inga siffror om räckvidd: %s",
        question.channel,
        question.municipality,
        message,
        extra={"action": "reach_unanswered"},
    )
