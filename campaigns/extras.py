"""Adding a post to a campaign, beside those of its recipe."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from campaigns import audit
from campaigns.additions import checked_title, occurrence_in
from campaigns.catalog import Catalog, Municipality
from campaigns.content import SWEDISH
from campaigns.enqueue import LEFT_OUT
from campaigns.errors import RefusedError
from campaigns.localtime import Chosen, to_utc
from campaigns.models import OccurrenceRow, Post, PostState, PostText
from campaigns.occurrences import OccurrenceStatus
from campaigns.plan import Campaign
from campaigns.revisions import touch
from campaigns.step_changes import refuse_time
from campaigns.swedish import moment
from campaigns.written import checked_actor

# How long after its time an added post may still go out at most.
LONGEST_SPAN = timedelta(days=14)
# Unless another last time is given: in the evening of the same day.
LAST_TIME = time(20)


def add_extra_post(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    *,
    campaign: str,
    occurrence: str,
    audiences: Sequence[str],
    title: str,
    channels: Sequence[str],
    due: Chosen,
    last: Chosen | None,
    name: str,
    now: datetime,
    has_text: bool = False,
) -> list[Post]:
    """Add a post to each of `audiences`, with `title` and the rest of its text to be written. Returns them as drafts.

    With `has_text` the same post of an earlier year has one, and that is what it begins with.

    Raises RefusedError, saying why, for a time that cannot be and for what is already there; NotFoundError for an
    unknown campaign, occurrence, audience or channel.
    """
    actor = checked_actor(name)
    row = occurrence_in(session, catalog, municipality, campaign, occurrence)
    title = checked_title(title)
    _refuse_taken(catalog.campaign(campaign), title)
    if not audiences or not channels:
        raise RefusedError("Välj minst en målgrupp och minst en kanal.")
    for audience in audiences:
        catalog.audience(audience)
    for channel in channels:
        municipality.channel(channel)
    wanted = [channel for channel in municipality.channel_ids if channel in channels]
    not_after = last.at if last else max(to_utc(due.day, LAST_TIME, municipality.zone), due.at + timedelta(hours=1))
    refuse_time(municipality, due.at, not_after, now=now)
    if not_after > due.at + LONGEST_SPAN:
        raise RefusedError(f"Senaste tiden får vara högst {LONGEST_SPAN.days} dagar efter tiden då det ska gå ut.")
    made = []
    for number, audience in enumerate(dict.fromkeys(audiences), _count(session, municipality) + 1):
        _refuse_twin(session, municipality, row, audience, title, due.at)
        where = f"{row.risk_date}.{row.place}" if row.place else row.risk_date
        post = Post(
            key=f"{municipality.id}/{campaign}/{row.year}/{where}/extra-{number}/{audience}",
            municipality=municipality.id,
            campaign=campaign,
            occurrence=row.key,
            step=title,
            audience=audience,
            channels=" ".join(wanted),
            places=row.place_name,
            is_preliminary=row.status == OccurrenceStatus.PRELIMINARY,
            is_extra=True,
            due_at=due.at,
            not_after=not_after,
            state=PostState.DRAFT,
            created_at=now,
            changed_at=now,
        )
        session.add(post)
        session.flush()
        assert post.id is not None
        if not has_text:
            source = start_text(title)
            session.add(PostText(post_id=post.id, language=SWEDISH, source=source, author=actor, created_at=now))
        audit.record(
            session,
            now=now,
            municipality=municipality.id,
            actor=actor,
            action="lade till budskap",
            subject=post.key,
            detail=f"ska ut {moment(due.at, municipality.zone)}",
        )
        made.append(post)
    touch(session, municipality.id)
    session.flush()
    return made


def start_text(title: str) -> str:
    """A text with nothing but its title. The blank short text keeps it from being approved until it is written."""
    return f'+++\ntitle = {json.dumps(title, ensure_ascii=False)}\nshort = " "\n+++\n\n'


def _refuse_taken(campaign: Campaign, title: str) -> None:
    """The recipe's names and ids are its own: last year's text is found by them."""
    taken = {name.casefold() for step in campaign.steps for name in (step.id, step.name)}
    if title.casefold() in taken:
        raise RefusedError(f"{campaign.name} har redan ett steg som heter ”{title}”. Ge budskapet ett annat namn.")


def _refuse_twin(
    session: Session, municipality: Municipality, row: OccurrenceRow, audience: str, title: str, due_at: datetime
) -> None:
    twin = select(Post.id).where(
        Post.municipality == municipality.id,
        Post.occurrence == row.key,
        Post.step == title,
        Post.audience == audience,
        Post.due_at == due_at,
        col(Post.state).not_in(LEFT_OUT),
    )
    if session.exec(twin).first() is not None:
        raise RefusedError(f"Det finns redan ett budskap ”{title}” till samma målgrupp vid den tiden.")


def _count(session: Session, municipality: Municipality) -> int:
    """How many have been added in the municipality. They are never deleted, so the next number is free."""
    query = select(func.count()).select_from(Post).where(Post.municipality == municipality.id, col(Post.is_extra))
    return session.exec(query).one()
