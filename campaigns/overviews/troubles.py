"""What has stopped or gone wrong and needs a person: settings, pauses, channels, deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.models import AccountState, Delivery, DeliveryState, Post, Role
from campaigns.overviews.actions import ME, TOLD_FOR, Action
from campaigns.overviews.paths import staff
from campaigns.overviews.shown import channel_names, sentence
from campaigns.sending import accounts, pauses
from campaigns.swedish import DELIVERY_STATES, moment

NEEDS_PERSON = (DeliveryState.UNKNOWN, DeliveryState.FAILED, DeliveryState.MANUAL)
# The words of the link to each delivery that needs a person.
_WHAT_TO_DO = {
    DeliveryState.UNKNOWN: "Avgör om det gick ut",
    DeliveryState.FAILED: "Se felet",
    DeliveryState.MANUAL: "Gör uppgiften",
    DeliveryState.MISSED: "Välj på nytt",
}


def configuration(municipality: Municipality, problems: Iterable[str]) -> Iterable[Action]:
    """`problems` are the faults in the files: what was read before them holds."""
    path = staff(municipality, "installningar")
    for problem in problems:
        yield Action(
            "Inställningar",
            problem,
            ("kampanjhjul check",),
            is_urgent=True,
            role=Role.ADMINISTRATOR,
            path=path,
            link="Gå till Inställningar",
        )


def pauses_on(session: Session, municipality: Municipality) -> Iterable[Action]:
    """The pauses that hold this municipality's posts back."""
    names = channel_names(municipality)
    for row in pauses.in_force(session):
        if row.municipality in (pauses.EVERYTHING, municipality.id):
            what = names.get(row.channel, row.channel) if row.channel else "Allt schemalagt"
            since = moment(row.paused_at, municipality.zone)
            yield Action(
                "Paus",
                f"{what} står stilla sedan {since}. {row.paused_by} skrev: {row.reason}",
                is_urgent=True,
                path=staff(municipality, "paus"),
                link="Se pausen",
            )


def channels(session: Session, municipality: Municipality) -> Iterable[Action]:
    """The channels that are not sent to."""
    names = channel_names(municipality)
    for row in accounts.standing(session, municipality=municipality.id):
        is_stopped = row.state == AccountState.STOPPED
        yield Action(
            "Kanal",
            f"{names.get(row.channel, row.channel)} {'är stoppad' if is_stopped else 'vilar efter flera fel'}. "
            f"{row.reason}".strip(),
            (f"kampanjhjul channel start {row.channel} {ME}",),
            is_urgent=is_stopped,
            role=Role.ADMINISTRATOR,
            path=staff(municipality, "installningar/kanaler"),
            link="Gå till Kanaler",
        )


def deliveries(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    *,
    states: Sequence[DeliveryState] = NEEDS_PERSON,
    now: datetime,
) -> Iterable[Action]:
    """The deliveries that a person must do or settle, those first that are due first."""
    query = (
        select(Delivery, Post)
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .where(col(Delivery.municipality) == municipality.id, col(Delivery.state).in_(states))
        .where(col(Delivery.changed_at) > now - TOLD_FOR)
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(20)
    )
    for item, post in session.execute(query):
        yield _delivery(catalog, municipality, item, post)


def _delivery(catalog: Catalog, municipality: Municipality, item: Delivery, post: Post) -> Action:
    state = DeliveryState(item.state)
    name = channel_names(municipality).get(item.channel, item.channel)
    done, retry = f"kampanjhjul done {item.id} {ME}", f"kampanjhjul retry {item.id} {ME}"
    why, commands = item.reason, [retry]
    if state is DeliveryState.MANUAL:
        why = f"Skulle ut {moment(item.due_at, municipality.zone)}."
        commands = [f"kampanjhjul posts {post.id}", done]
    elif state is DeliveryState.UNKNOWN:
        commands = [done, retry]
    return Action(
        DELIVERY_STATES[state],
        f"{name}: {sentence(catalog, post)}. {why}".strip(),
        tuple(commands),
        is_urgent=state is not DeliveryState.MANUAL,
        path=staff(municipality, f"ko/{item.id}"),
        link=_WHAT_TO_DO[state],
    )
