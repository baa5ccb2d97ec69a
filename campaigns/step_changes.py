"""Deciding about single steps of a year's campaign: moving one, leaving it out, and taking it back.

A planned step is changed in the plan itself (`StepChange`), so that planning again keeps it and a corrected date moves
it along. A post that a person has added has only its own row. Posts that places share are changed together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select

from campaigns import approval, audit
from campaigns.catalog import Catalog, Municipality
from campaigns.errors import NotFoundError, RefusedError
from campaigns.localtime import Chosen, is_quiet
from campaigns.models import Delivery, DeliveryState, OccurrenceRow, Post, PostState, StepChange
from campaigns.plan import Step
from campaigns.posts import materialise
from campaigns.revisions import touch
from campaigns.swedish import DELIVERY_STATES, POST_STATES, moment
from campaigns.written import checked_actor, checked_reason

QUIET_SENTENCE = "Mellan klockan 21 och 07 skickas inget. Välj en tid från 07.00 till 20.59."
# What has not begun: it follows the post wherever that goes.
_NOT_BEGUN = (DeliveryState.QUEUED, DeliveryState.STOPPED)
# What has been tried or handed to a person, and surely has not gone out.
_STOPPABLE = (*_NOT_BEGUN, DeliveryState.MANUAL, DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.MISSED)


def move_step(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    post_ids: Sequence[int],
    *,
    to: Chosen,
    name: str,
    now: datetime,
) -> list[Post]:
    """Let the posts go out at another time: all of them, or none. Returns them as they are then.

    Signatures hold only where the text is still exactly what was signed. The time that the recipe gives takes the
    change back. Raises RefusedError, saying why, for a time that cannot be and a post that cannot be moved.
    """
    actor = checked_actor(name)
    posts = _chosen_posts(session, municipality, post_ids)
    for post in posts:
        _refuse_time(municipality, post, to.at, now=now)
        _refuse_immovable(session, post)
    for post in posts:
        earlier = post.due_at
        for each in _sharing(session, post):
            _move(session, catalog, each, to, actor=actor, now=now)
        detail = f"från {moment(earlier, municipality.zone)} till {moment(to.at, municipality.zone)}"
        _record(session, post, actor, "flyttade", detail, now=now)
        if post.is_extra:
            approval.replan(session, catalog, messages, post.id or 0, now=now)
    return _planned_again(session, catalog, messages, municipality, posts, now=now)


def skip_step(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    post_ids: Sequence[int],
    *,
    reason: str,
    name: str,
    now: datetime,
) -> list[Post]:
    """Leave the posts out this year: signatures fall, what waits is stopped, nobody is reminded. Returns them.

    Raises RefusedError without a reason, and for what has gone out or has had its last time.
    """
    actor = checked_actor(name)
    why = checked_reason(reason, "Skriv varför steget utelämnas, så att alla förstår det efteråt.")
    posts = _chosen_posts(session, municipality, post_ids)
    for post in posts:
        _refuse_left_out(post)
        _refuse_late(municipality, post, now=now)
        _refuse_begun(post, hinders_skip(_deliveries(session, post)), act="utelämnas")
    for post in posts:
        for each in _sharing(session, post):
            if each.is_extra:
                approval.take_out(session, each.id or 0, PostState.SKIPPED, f"{actor}: {why}", now=now)
            else:
                _decide(session, each, is_skipped=True, reason=why, changed_by=actor, changed_at=now)
        _record(session, post, actor, "utelämnade", why, now=now)
    return _planned_again(session, catalog, messages, municipality, posts, now=now)


def restore_step(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    post_ids: Sequence[int],
    *,
    name: str,
    now: datetime,
) -> list[Post]:
    """Take back posts that were left out: they are drafts again, at the time that they had. Returns them.

    Raises RefusedError for what has not been left out, and when it is too late.
    """
    actor = checked_actor(name)
    posts = _chosen_posts(session, municipality, post_ids)
    for post in posts:
        if post.state != PostState.SKIPPED:
            raise RefusedError(f"Budskap {post.id} är inte utelämnat: läget är ”{POST_STATES[post.state]}”.")
        _refuse_late(municipality, post, now=now)
    for post in posts:
        for each in _sharing(session, post):
            if each.is_extra:
                each.state, each.reason, each.changed_at = PostState.DRAFT, "", now
                session.add(each)
            else:
                _decide(session, each, is_skipped=False, reason="", changed_by=actor, changed_at=now)
        _record(session, post, actor, "tog tillbaka", "", now=now)
    return _planned_again(session, catalog, messages, municipality, posts, now=now)


def refuse_time(municipality: Municipality, due_at: datetime, not_after: datetime, *, now: datetime) -> None:
    """Raise RefusedError, saying why, if nothing can be planned to go out at `due_at` (UTC)."""
    zone = municipality.zone
    if due_at <= now:
        raise RefusedError(f"{moment(due_at, zone).capitalize()} har redan varit. Välj en tid som kommer.")
    if is_quiet(due_at, zone):
        raise RefusedError(QUIET_SENTENCE)
    if due_at > not_after:
        raise RefusedError(f"Det är för sent: senast {moment(not_after, zone)} måste det gå ut. Välj en tidigare tid.")


def hinders_move(deliveries: Iterable[Delivery]) -> Delivery | None:
    """The first of a post's deliveries that has been tried, or handed to a person: the post cannot be moved then."""
    return next((item for item in deliveries if not _is_untouched(item) or item.state not in _NOT_BEGUN), None)


def hinders_skip(deliveries: Iterable[Delivery]) -> Delivery | None:
    """The first of a post's deliveries that has gone out, may have, or is on its way: it cannot be left out then."""
    return next((item for item in deliveries if _may_be_out(item) or item.state not in _STOPPABLE), None)


def _is_untouched(item: Delivery) -> bool:
    return not _may_be_out(item) and (item.attempts == 0 or item.state != DeliveryState.QUEUED)


def _may_be_out(item: Delivery) -> bool:
    return item.published_at is not None or item.maybe_sent


def planned_step(catalog: Catalog, post: Post) -> Step | None:
    """The recipe's step that the post was made from; None for one that a person has added."""
    campaign = catalog.campaigns.get(post.campaign)
    if campaign is None or post.is_extra:
        return None
    return next((step for step in campaign.steps if step.id == post.step), None)


def _chosen_posts(session: Session, municipality: Municipality, post_ids: Sequence[int]) -> list[Post]:
    if not post_ids:
        raise RefusedError("Välj minst ett budskap.")
    query = select(Post).where(Post.municipality == municipality.id, col(Post.id).in_(list(post_ids)))
    found = {post.id: post for post in session.exec(query.with_for_update().execution_options(populate_existing=True))}
    for post_id in post_ids:
        if post_id not in found:
            raise NotFoundError(f"Det finns inget budskap med nummer {post_id}. Se alla med: kampanjhjul posts")
        if found[post_id].merged_into:
            raise RefusedError(
                f"Budskap {post_id} ingår i {found[post_id].merged_into}, som når flera skolor samma dag. Välj det."
            )
    return [found[post_id] for post_id in dict.fromkeys(post_ids)]


def _sharing(session: Session, post: Post) -> list[Post]:
    """The post and those that go out as part of it."""
    query = select(Post).where(Post.municipality == post.municipality, Post.merged_into == post.key)
    return [post, *session.exec(query)]


def _refuse_time(municipality: Municipality, post: Post, at: datetime, *, now: datetime) -> None:
    _refuse_left_out(post)
    _refuse_late(municipality, post, now=now)
    refuse_time(municipality, at, post.not_after, now=now)


def _refuse_left_out(post: Post) -> None:
    if post.state == PostState.CANCELLED:
        raise RefusedError("Budskapet är inställt: det finns inte längre i planen.")
    if post.state == PostState.SKIPPED:
        raise RefusedError(f"Budskap {post.id} är utelämnat. Ta tillbaka det först.")


def _refuse_late(municipality: Municipality, post: Post, *, now: datetime) -> None:
    if post.not_after <= now:
        raise RefusedError(f"Det är för sent: senaste tiden var {moment(post.not_after, municipality.zone)}.")


def _refuse_immovable(session: Session, post: Post) -> None:
    _refuse_begun(post, hinders_move(_deliveries(session, post)), act="flyttas")
    if not session.get_one(OccurrenceRow, post.occurrence).has_day and not post.is_extra:
        raise RefusedError(
            "Dagen är inte känd än, så det finns inget att räkna från. Bekräfta datumet först, och flytta sedan."
        )


def _refuse_begun(post: Post, begun: Delivery | None, *, act: str) -> None:
    if begun is not None:
        raise RefusedError(
            f"Budskap {post.id} kan inte {act}: leveransen till {begun.channel} har redan gått ut eller är påbörjad "
            f"({DELIVERY_STATES[begun.state].lower()})."
        )


def _deliveries(session: Session, post: Post) -> Sequence[Delivery]:
    return session.exec(select(Delivery).where(Delivery.post_id == post.id).order_by(col(Delivery.id))).all()


def _move(session: Session, catalog: Catalog, post: Post, to: Chosen, *, actor: str, now: datetime) -> None:
    if post.is_extra:
        post.due_at, post.changed_at = to.at, now
        session.add(post)
        session.flush()
        return
    offset = (to.day - session.get_one(OccurrenceRow, post.occurrence).day).days
    step = planned_step(catalog, post)
    is_as_planned = step is not None and (step.offset_days, step.at) == (offset, to.wall)
    _decide(
        session,
        post,
        offset_days=None if is_as_planned else offset,
        at=None if is_as_planned else f"{to.wall:%H:%M}",
        changed_by=actor,
        changed_at=now,
    )


def _decide(session: Session, post: Post, **values: object) -> None:
    """Keep what has been decided about a planned step; a row that decides nothing any more is taken away."""
    row = session.get(StepChange, post.key) or StepChange(
        post_key=post.key, municipality=post.municipality, changed_by="", changed_at=post.changed_at
    )
    row.sqlmodel_update(values)
    if row.offset_days is None and not row.is_skipped:
        if row in session:
            session.delete(row)
    else:
        session.add(row)
    session.flush()


def _record(session: Session, post: Post, actor: str, action: str, detail: str, *, now: datetime) -> None:
    audit.record(
        session,
        now=now,
        municipality=post.municipality,
        actor=actor,
        action=action,
        subject=post.key,
        detail=detail,
    )


def _planned_again(
    session: Session,
    catalog: Catalog,
    messages: Path,
    municipality: Municipality,
    posts: Sequence[Post],
    *,
    now: datetime,
) -> list[Post]:
    touch(session, municipality.id)
    materialise(session, catalog, messages, municipality, now=now)
    for post in posts:
        session.refresh(post)
    return list(posts)
