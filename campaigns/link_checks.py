"""Looking where links lead: the addresses of coming messages and of facts, well before they go out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete
from sqlmodel import Session, col, select

from campaigns.catalog import Catalog
from campaigns.content import Content
from campaigns.database import Database
from campaigns.drafts import render_post
from campaigns.enqueue import LEFT_OUT
from campaigns.errors import NotFoundError, TemplateError
from campaigns.facts import facts_at
from campaigns.link_looks import Found, Look
from campaigns.links import LinkOutcome, addresses_of, addresses_of_fact
from campaigns.models import ContentRow, LinkCheck, Post

# Posts are signed weeks before they go out. What is then looked at every week is looked at every day in the last one.
LOOKED_AHEAD = timedelta(weeks=10)
LAST_WEEK, EVERY_DAY, EVERY_WEEK = timedelta(days=7), timedelta(days=1), timedelta(days=7)
KEPT_FOR = timedelta(days=90)
MOST_ADDRESSES = 60  # in one round
MOST_MUNICIPALITIES = 25  # in one round: their texts are rendered to find the links
THREADS = 4


def look_round(
    database: Database,
    catalog: Catalog,
    messages: Path,
    *,
    look: Look,
    now: datetime,
    is_stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Look at the links that it is time for, those of the soonest posts first, and keep what was found.

    Takes some of the municipalities each time, by turns. No transaction is open while strangers are waited for.
    Returns how many were looked at.
    """
    due = _due(database, catalog, messages, now=now)
    return _look_at(database, due, look, now=now, is_stopping=is_stopping) or 0


def look_at_all(database: Database, catalog: Catalog, messages: Path, *, look: Look, now: datetime) -> int | None:
    """Look at every link of the coming weeks now, however lately it was done.

    Returns how many there were, or None if no server at all was reached: then nothing is known.
    """
    found = _addresses(database, catalog, messages, list(catalog.municipalities), now=now)
    return _look_at(database, list(found), look, now=now, is_stopping=lambda: False)


def _due(database: Database, catalog: Catalog, messages: Path, *, now: datetime) -> list[str]:
    ids = list(catalog.municipalities)
    turns = -(-len(ids) // MOST_MUNICIPALITIES) or 1
    turn = int(now.timestamp() // 300) % turns
    found = _addresses(database, catalog, messages, ids[turn::turns], now=now)
    with database.read() as session:
        rows = session.exec(select(LinkCheck.address, LinkCheck.checked_at).where(col(LinkCheck.address).in_(found)))
        looked = dict(rows.all())
    wanted = [
        (due_at, address)
        for address, due_at in found.items()
        if address not in looked or looked[address] <= now - (EVERY_DAY if due_at - now <= LAST_WEEK else EVERY_WEEK)
    ]
    return [address for _, address in sorted(wanted)[:MOST_ADDRESSES]]


def _addresses(
    database: Database, catalog: Catalog, messages: Path, municipalities: Sequence[str], *, now: datetime
) -> dict[str, datetime]:
    """The addresses in coming posts and in all facts, each with when it is first to be sent (UTC)."""
    found: dict[str, datetime] = {}
    with database.read() as session:
        facts = facts_at(session, catalog)
    for fact in facts.values():
        found.update(dict.fromkeys(addresses_of_fact(fact), now + LOOKED_AHEAD))
    for municipality in municipalities:
        with database.read() as session:
            for post in _coming(session, municipality, now=now):
                due_at = max(post.due_at, now)
                try:
                    draft = render_post(session, catalog, messages, post, now=now, facts=facts)
                except (TemplateError, NotFoundError):
                    continue  # told of where the post is shown
                contents = {piece.content for piece in draft.pieces} | set(_signed(session, post))
                used = {facts[name] for piece in draft.pieces for name in piece.facts_used if name in facts}
                for address in (*_all_of(contents), *(item for fact in used for item in addresses_of_fact(fact))):
                    found[address] = min(due_at, found.get(address, due_at))
    return found


def _all_of(contents: Iterable[Content]) -> Iterable[str]:
    return (address for content in contents for address in addresses_of(content))


def _coming(session: Session, municipality: str, *, now: datetime) -> Sequence[Post]:
    query = select(Post).where(
        Post.municipality == municipality,
        Post.not_after > now,
        Post.due_at <= now + LOOKED_AHEAD,
        col(Post.merged_into).is_(None),
        col(Post.state).not_in(LEFT_OUT),
    )
    return session.exec(query).all()


def _signed(session: Session, post: Post) -> Iterable[Content]:
    """What has been signed: a file may have been changed since."""
    query = select(ContentRow.payload).where(
        ContentRow.post_id == post.id, ContentRow.version == post.content_version, post.digest is not None
    )
    for payload in session.exec(query):
        try:
            yield Content.from_bytes(payload)
        except TemplateError:
            continue


def _look_at(
    database: Database, addresses: Sequence[str], look: Look, *, now: datetime, is_stopping: Callable[[], bool]
) -> int | None:
    """How many were looked at, or None if no server was reached: then nothing is known, and nothing is kept."""
    if not addresses:
        return 0

    def unless_stopping(address: str) -> Found | None:
        return None if is_stopping() else look(address)

    with ThreadPoolExecutor(min(THREADS, len(addresses)), thread_name_prefix="link") as pool:
        answers = list(pool.map(unless_stopping, addresses))
    found = {address: item for address, item in zip(addresses, answers, strict=True) if item is not None}
    if not (any(item.is_answered for item in found.values()) or _is_another_reached(database, found, look)):
        return None
    with database.write() as session:
        for address, item in found.items():
            session.merge(LinkCheck(address=address, outcome=item.outcome, detail=item.detail, checked_at=now))
        session.execute(delete(LinkCheck).where(col(LinkCheck.checked_at) < now - KEPT_FOR))
    return len(found)


def _is_another_reached(database: Database, found: Collection[str], look: Look) -> bool:
    """Whether a server that answered lately does so now. If not, it is our own line that is down, and not theirs."""
    query = (
        select(LinkCheck.address)
        .where(LinkCheck.outcome == LinkOutcome.OK, col(LinkCheck.address).not_in(found))
        .order_by(col(LinkCheck.checked_at).desc())
        .limit(1)
    )
    with database.read() as session:
        address = session.exec(query).first()
    return address is not None and look(address).is_answered
