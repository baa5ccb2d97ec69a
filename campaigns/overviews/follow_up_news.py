"""Published follow-ups as news. The signatures on the follow-up cover its bytes: nothing more is signed."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session

from campaigns.catalog import Municipality
from campaigns.content import SWEDISH, Content
from campaigns.followup.sentences import in_brief
from campaigns.followup.stored import FollowUp, published
from campaigns.news import Message
from campaigns.overviews import paths
from campaigns.post_names import FOLLOW_UP_TITLE


def follow_up_messages(session: Session, municipality: Municipality, *, base_url: str) -> list[Message]:
    """One for each published follow-up. They are written in Swedish, whatever languages the municipality has."""
    return [_message(municipality, item, base_url) for item in published(session, municipality)]


def together(messages: Iterable[Message], *, most: int) -> list[Message]:
    """The newest of them all, newest first."""
    return sorted(messages, key=lambda item: (item.published_at, item.key), reverse=True)[:most]


def _message(municipality: Municipality, item: FollowUp, base_url: str) -> Message:
    assert item.published_at is not None
    document = item.document
    path = paths.follow_up(municipality, document.period)
    told = " ".join(in_brief(document))
    return Message(
        key=f"{municipality.id}/uppfoljning/{document.period}",
        post_id=0,
        campaign="uppfoljning",
        audience="",
        occurrence="Uppföljning",
        language=SWEDISH,
        published_at=item.published_at,
        last_day=document.last_day,
        content=Content(
            title=f"{FOLLOW_UP_TITLE}{document.title}",
            short=told,
            body=f"{told}\n\n[Läs hela uppföljningen]({base_url}{path})",
            link=f"{base_url}{path}",
            language=SWEDISH,
        ),
        page=path,
    )
