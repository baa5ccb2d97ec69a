"""The numbers of how far messages reached, as they stand: from channels, from people, and clicks on our own links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import Session, col

from campaigns.models import ClickCount, CountedLink, ReachNote

MEASURES: Mapping[str, str] = {
    "visningar": "Visningar",
    "nadda": "Nådda personer, enligt kanalen",
    "mottagare": "Mottagare",
    "reaktioner": "Reaktioner",
    "delningar": "Delningar",
    "kommentarer": "Kommentarer",
    "klick": "Klick, enligt kanalen",
}
# Who noted what a channel answered: a name that nobody may note under.
CHANNEL = "kanalen"
# What our own short addresses count: a kind of number that nobody types in.
CLICKS, CLICKS_WORD = "klick-lank", "Klick på vår länk"


@dataclass(frozen=True)
class Noted:
    """A number as it stands, with who noted it and when (UTC)."""

    channel: str
    measure: str
    number: int
    by: str
    at: datetime

    @property
    def word(self) -> str:
        return MEASURES.get(self.measure, self.measure)

    @property
    def is_channels_own(self) -> bool:
        return self.by == CHANNEL

    @property
    def source(self) -> str:
        """Whose word it is: the channel's, or the person's who noted it."""
        return f"enligt {CHANNEL}" if self.is_channels_own else self.by


def noted(session: Session, post_ids: Sequence[int]) -> dict[int, list[Noted]]:
    """By post, the numbers that stand: the newest of each channel and measure."""
    newest = (
        select(func.max(col(ReachNote.id)))
        .where(col(ReachNote.post_id).in_(post_ids))
        .group_by(col(ReachNote.post_id), col(ReachNote.channel), col(ReachNote.measure))
    )
    found: dict[int, list[Noted]] = {}
    rows = select(ReachNote).where(col(ReachNote.id).in_(newest)).order_by(col(ReachNote.channel), col(ReachNote.id))
    for row in session.execute(rows).scalars():
        found.setdefault(row.post_id, []).append(
            Noted(row.channel, row.measure, row.number, row.noted_by, row.noted_at)
        )
    return found


def clicks(session: Session, post_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """By post and channel, how often our own short address was followed. Those without such an address are left out."""
    query = (
        select(col(CountedLink.post_id), col(CountedLink.channel), func.coalesce(func.sum(col(ClickCount.clicks)), 0))
        .outerjoin(ClickCount, col(ClickCount.link_id) == col(CountedLink.id))
        .where(col(CountedLink.post_id).in_(post_ids))
        .group_by(col(CountedLink.post_id), col(CountedLink.channel))
        .order_by(col(CountedLink.channel))
    )
    found: dict[int, dict[str, int]] = {}
    for post_id, channel, number in session.execute(query):
        found.setdefault(post_id, {})[channel] = int(number)
    return found
