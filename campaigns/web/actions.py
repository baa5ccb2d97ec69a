"""What needs a person: what must be signed, confirmed, done by hand or looked at. Each with the command for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.content import listed
from campaigns.errors import NotFoundError, TemplateError
from campaigns.facts import facts_at
from campaigns.models import Delivery, DeliveryState, Post, PostState
from campaigns.occurrences import Occurrence, OccurrenceStatus
from campaigns.post_sources import sources_of
from campaigns.swedish import DELIVERY_STATES, long_date, moment
from campaigns.web.shown import ShownPost, audience_name, campaign_name, step_name, usual
from campaigns.wiring import Parts

# How long before something is due that it is said to need a person, and how long after that it is still told of.
SIGN_WITHIN = timedelta(weeks=4)
HURRY_WITHIN = timedelta(days=2)
CONFIRM_WITHIN = timedelta(weeks=8)
TOLD_FOR = timedelta(days=14)
# How many of the coming posts' texts are looked into for facts that stop them.
READ_FACTS = 12

NEEDS_PERSON = (DeliveryState.UNKNOWN, DeliveryState.FAILED, DeliveryState.MANUAL)
_ME = '--as "Ditt Namn"'


@dataclass(frozen=True)
class Action:
    """Something a person must do, and the commands that do it. `label` says what kind, in a word."""

    label: str
    text: str
    commands: tuple[str, ...] = ()
    is_urgent: bool = False


def sentence(catalog: Catalog, post: Post) -> str:
    """”Valborg utan langning, inför, till syskon och unga vuxna (syskon)”."""
    step, audience = step_name(catalog, post), audience_beside_step(catalog, post).lower()
    return f"{campaign_name(catalog, post)}, {step[:1].lower()}{step[1:]}{f' ({audience})' if audience else ''}"


def audience_beside_step(catalog: Catalog, post: Post) -> str:
    """The audience's name, or nothing where the step is for that audience alone and its own name says so."""
    name = audience_name(catalog, post)
    campaign = catalog.campaigns.get(post.campaign)
    alone = campaign and any(step.id == post.step and len(step.audiences) == 1 for step in campaign.steps)
    return "" if alone and name.lower() in step_name(catalog, post).lower() else name


def example_names(municipality: Municipality) -> dict[str, str]:
    """Per party, a name to show after --as. They differ: one person may not sign for two parties."""
    return {
        party.id: party.people[0] if party.people else f"Namn från {party.name}" if number else "Ditt Namn"
        for number, party in enumerate(municipality.parties)
    }


def actions(
    session: Session,
    parts: Parts,
    municipality: Municipality,
    posts: Sequence[Post],
    shown: Sequence[ShownPost],
    found: Iterable[Occurrence],
    *,
    now: datetime,
) -> list[Action]:
    """Everything that needs a person, what stops things first. `posts` are the coming ones, `shown` as shown."""
    catalog = parts.catalog
    day = now.astimezone(municipality.zone).date()
    return [
        *_configuration(parts),
        *_deliveries(session, catalog, municipality, now=now),
        *_rejected(catalog, municipality, posts),
        *_unsigned(catalog, municipality, posts, shown, now=now),
        *_missed(session, catalog, municipality, now=now),
        *_undated(found, municipality, day),
        *_unsure_facts(session, parts, municipality, posts[:READ_FACTS], day=day),
    ]


def _configuration(parts: Parts) -> Iterable[Action]:
    for problem in parts.configuration.problems:
        yield Action("Inställningar", problem, ("kampanjhjul check",), is_urgent=True)


def _deliveries(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> Iterable[Action]:
    query = (
        select(Delivery, Post)
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .where(col(Delivery.municipality) == municipality.id, col(Delivery.state).in_(NEEDS_PERSON))
        .where(col(Delivery.changed_at) > now - TOLD_FOR)
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(20)
    )
    names = {channel.id: channel.name for channel in municipality.channels}
    for item, post in session.execute(query):
        where = f"{names.get(item.channel, item.channel)}: {sentence(catalog, post)}."
        if item.state == DeliveryState.MANUAL:
            commands: tuple[str, ...] = (f"kampanjhjul posts {post.id}", f"kampanjhjul done {item.id} {_ME}")
            text = f"{where} Skulle ut {moment(item.due_at, municipality.zone)}."
        elif item.state == DeliveryState.UNKNOWN:
            text = f"{where} {item.reason} Gick det ut, skriv done. Annars retry."
            commands = (f"kampanjhjul done {item.id} {_ME}", f"kampanjhjul retry {item.id} {_ME}")
        else:
            text, commands = f"{where} {item.reason}", (f"kampanjhjul retry {item.id} {_ME}",)
        yield Action(DELIVERY_STATES[item.state], text, commands, item.state != DeliveryState.MANUAL)


def _rejected(catalog: Catalog, municipality: Municipality, posts: Iterable[Post]) -> Iterable[Action]:
    for post in posts:
        if post.state == PostState.REJECTED and not post.is_preliminary:
            due = moment(post.due_at, municipality.zone)
            yield Action(
                "Rätta texten",
                f"{sentence(catalog, post)} ska ut {due}. Avslaget av {post.reason}",
                (f"kampanjhjul posts {post.id}", f"kampanjhjul text {post.id} min-text.md {_ME}"),
                is_urgent=True,
            )


def _unsigned(
    catalog: Catalog, municipality: Municipality, posts: Iterable[Post], shown: Iterable[ShownPost], *, now: datetime
) -> Iterable[Action]:
    """Those that are soon due one by one; the later ones in one sentence, since the list below has them all."""
    missing = {
        post.id: " och ".join(post.missing) for post in shown if post.missing and post.state != PostState.REJECTED
    }
    waiting = [post for post in posts if post.id in missing and post.due_at <= now + SIGN_WITHIN]
    urgent = [post for post in waiting if post.due_at <= now + HURRY_WITHIN]
    later = waiting[len(urgent) :]
    for post in urgent if len(later) > 1 else waiting:
        due = moment(post.due_at, municipality.zone)
        text = f"{sentence(catalog, post)} ska ut {due}. Väntar på {missing[post.id or 0]}."
        yield Action("Godkänn", text, (f"kampanjhjul posts {post.id}",), is_urgent=post in urgent)
    if len(later) > 1:
        first = later[0]
        due = moment(first.due_at, municipality.zone)
        yield Action(
            "Godkänn",
            f"{len(later)} budskap ska godkännas inom fyra veckor. Först ut, {due}: {sentence(catalog, first)}.",
            (f"kampanjhjul posts {first.id}",),
        )


def _missed(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> Iterable[Action]:
    query = (
        select(Post)
        .where(col(Post.municipality) == municipality.id, col(Post.state).in_([PostState.DRAFT, PostState.REJECTED]))
        .where(col(Post.not_after) <= now, col(Post.not_after) > now - TOLD_FOR, col(Post.merged_into).is_(None))
        .where(col(Post.is_preliminary).is_(False))
        .order_by(col(Post.due_at).desc())
        .limit(10)
    )
    for post in session.execute(query).scalars():
        yield Action("Missat", f"{sentence(catalog, post)} var inte godkänt i tid och har inte skickats.")


def _undated(found: Iterable[Occurrence], municipality: Municipality, day: date) -> Iterable[Action]:
    groups: dict[tuple[str, date, bool], list[Occurrence]] = {}
    for item in found:
        is_near = item.last_day >= day and item.first_day <= day + CONFIRM_WITHIN
        if item.status is OccurrenceStatus.PRELIMINARY and is_near:
            groups.setdefault((item.risk_date, item.day, item.has_day), []).append(item)
    for (risk_date, _, has_day), group in groups.items():
        item = group[0]
        places = listed([other.place.name for other in group if other.place])
        when = item.day.isoformat() if has_day else f"{item.year}-MM-DD"
        known = (
            f"{long_date(item.day)} är preliminärt"
            if has_day
            else f"brukar vara {usual(item.first_day, item.last_day)}"
        )
        yield Action(
            "Bekräfta datum",
            f"{item.name}{f' ({places})' if places else ''}: {known}.",
            tuple(
                f"kampanjhjul dates set {municipality.id} {risk_date} {when}"
                f"{f' --place {other.place.id}' if other.place else ''} {_ME}"
                for other in group
            ),
        )


def _unsure_facts(
    session: Session, parts: Parts, municipality: Municipality, posts: Sequence[Post], *, day: date
) -> Iterable[Action]:
    """The facts that stop the coming posts from being approved, and templates that cannot be read."""
    facts = facts_at(session, parts.catalog)
    used: set[str] = set()
    broken: dict[str, None] = {}
    for post in posts:
        try:
            for source in sources_of(session, parts.catalog, municipality, parts.messages, post).values():
                used |= source.facts_used
        except (TemplateError, NotFoundError) as error:
            broken[error.message] = None
    for fault in broken:
        yield Action("Mall", fault, ("kampanjhjul check",), is_urgent=True)
    for name in sorted(used & facts.keys()):
        fact = facts[name]
        if not fact.is_confirmed or fact.valid_until < day:
            why = "har gått ut" if fact.is_confirmed else "är inte kontrollerad"
            yield Action(
                "Kontrollera uppgift",
                f"”{fact.text}” {why} och stoppar godkännandet av kommande budskap. Källa: {fact.source}.",
                (f"kampanjhjul facts confirm {name} {_ME}",),
            )
