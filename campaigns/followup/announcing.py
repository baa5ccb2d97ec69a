"""A post about a published follow-up: an ordinary one, signed and sent as all others, with a link to it."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta

from sqlmodel import Session, col, select

from campaigns.catalog import Catalog, Municipality
from campaigns.content import SWEDISH
from campaigns.errors import RefusedError
from campaigns.extras import add_extra_post
from campaigns.followup.sentences import in_brief
from campaigns.followup.stored import FollowUp
from campaigns.localtime import Chosen, to_utc
from campaigns.models import OccurrenceRow, Post
from campaigns.post_names import FOLLOW_UP_TITLE
from campaigns.texts import write_text
from campaigns.workdays import working_day_from

_AT = time(10)
# From the day after it is written: both parties need the time to sign.
_DAYS = 7
# The channels that such a post goes out through, of those that the municipality has; else its first.
_TELLING = ("webb", "sociala-medier")


def announce(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    item: FollowUp,
    *,
    address: str,
    name: str,
    now: datetime,
) -> list[Post]:
    """Draft a post to every audience about a published follow-up, due on a working day a week from now.

    `address` is where it is read. The post belongs to the next occurrence of a campaign that answers to a promise in
    it. Raises RefusedError for one that is not published, and where nothing is coming that it could belong to.
    """
    if item.state != "published":
        raise RefusedError("Uppföljningen är inte publicerad än: alla parter ska ha godkänt den.")
    campaign, occurrence = _next_occurrence(session, catalog, municipality, now=now)
    day = working_day_from(now.astimezone(municipality.zone).date() + timedelta(days=_DAYS))
    posts = add_extra_post(
        session,
        catalog,
        municipality,
        campaign=campaign,
        occurrence=occurrence,
        audiences=list(catalog.audiences),
        title=_title(item),
        channels=[name for name in municipality.channel_ids if name in _TELLING] or municipality.channel_ids[:1],
        due=Chosen(day, _AT, to_utc(day, _AT, municipality.zone)),
        last=None,
        name=name,
        now=now,
    )
    for post in posts:
        assert post.id is not None
        source = message(item, address)
        write_text(session, catalog, post.id, language=SWEDISH, channel="", source=source, author=name, now=now)
    return posts


def message(item: FollowUp, address: str) -> str:
    """The text that the post begins with: what was done, and where to read it all."""
    told = in_brief(item.document)
    front = {"title": _title(item), "short": f"{told[0]} Läs vad mer vi har gjort.", "link": address}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()]
    body = f"{' '.join(told[:3])}\n\n[Läs hela uppföljningen]({address})"
    return "+++\n" + "\n".join(lines) + f"\n+++\n\n{body}\n"


def _title(item: FollowUp) -> str:
    return f"{FOLLOW_UP_TITLE}{item.document.title}"


def _next_occurrence(
    session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime
) -> tuple[str, str]:
    today = now.astimezone(municipality.zone).date()
    laid = {campaign.risk_date: campaign.id for campaign in catalog.campaigns.values()} | municipality.recipes
    query = (
        select(OccurrenceRow)
        .where(OccurrenceRow.municipality == municipality.id, col(OccurrenceRow.cancelled_at).is_(None))
        .where(col(OccurrenceRow.has_day), OccurrenceRow.last_day >= today + timedelta(days=2 * _DAYS))
        .order_by(col(OccurrenceRow.day), col(OccurrenceRow.key))
    )
    for row in session.exec(query):
        if row.risk_date in laid and row.status == "confirmed":
            return laid[row.risk_date], row.key
    raise RefusedError("Det finns inget kommande riskdatum att lägga budskapet vid. Bekräfta ett datum först.")
