"""What needs a person: texts to sign or put right, dates and facts to confirm. Each says who can act, where and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.content import listed
from campaigns.errors import NotFoundError, TemplateError
from campaigns.facts import facts_at
from campaigns.models import Post, PostState, Role
from campaigns.occurrences import Occurrence, OccurrenceStatus
from campaigns.overviews.paths import staff
from campaigns.overviews.shown import sentence
from campaigns.post_sources import sources_of
from campaigns.signatures import missing_signatures
from campaigns.swedish import long_date, moment, usual

# How long before something is due that it is said to need a person, and how long after that it is still told of.
SIGN_WITHIN = timedelta(weeks=4)
HURRY_WITHIN = timedelta(days=2)
CONFIRM_WITHIN = timedelta(weeks=8)
TOLD_FOR = timedelta(days=14)
# How many of the coming posts' texts are looked into for facts that stop them.
READ_FACTS = 12

ME = '--as "Ditt Namn"'


@dataclass(frozen=True)
class Action:
    """Something a person must do. `label` says what kind, in a word; `role` is who can, an approver for `parties`.

    `path` is where on the site it is done and `link` what the link to it says; `commands` do it on the command line.
    """

    label: str
    text: str
    commands: tuple[str, ...] = ()
    is_urgent: bool = False
    role: Role = Role.EDITOR
    parties: tuple[str, ...] = ()
    path: str = ""
    link: str = ""


def example_names(municipality: Municipality) -> dict[str, str]:
    """Per party, a name to show after --as. They differ: one person may not sign for two parties."""
    return {
        party.id: party.people[0] if party.people else f"Namn från {party.name}" if number else "Ditt Namn"
        for number, party in enumerate(municipality.parties)
    }


def rejected(catalog: Catalog, municipality: Municipality, posts: Iterable[Post]) -> Iterable[Action]:
    for post in posts:
        if post.state == PostState.REJECTED and not post.is_preliminary:
            due = moment(post.due_at, municipality.zone)
            yield Action(
                "Rätta texten",
                f"{sentence(catalog, post)} ska ut {due}. Avslaget av {post.reason}",
                (f"kampanjhjul posts {post.id}", f"kampanjhjul text {post.id} min-text.md {ME}"),
                is_urgent=True,
                path=staff(municipality, f"mallar/{post.id}"),
                link="Skriv om texten",
            )


def unsigned_parties(session: Session, municipality: Municipality, posts: Sequence[Post]) -> dict[int, list[str]]:
    """By post, the parties that have not signed: of those posts that can be signed as they are."""
    waiting = [post for post in posts if post.state == PostState.DRAFT and not post.is_preliminary]
    missing = missing_signatures(session, municipality, waiting)
    return {post_id: parties for post_id, parties in missing.items() if parties}


def unsigned(
    catalog: Catalog,
    municipality: Municipality,
    posts: Iterable[Post],
    missing: Mapping[int, Sequence[str]],
    *,
    now: datetime,
) -> Iterable[Action]:
    """Those that are soon due one by one; the later ones in one sentence, since other lists have them all.

    `missing` is by the post's number: only those that stand there are waited for.
    """
    names = municipality.party_names
    waiting = [post for post in posts if post.id in missing and post.due_at <= now + SIGN_WITHIN]
    urgent = [post for post in waiting if post.due_at <= now + HURRY_WITHIN]
    later = waiting[len(urgent) :]
    for post in urgent if len(later) > 1 else waiting:
        parties = tuple(missing[post.id or 0])
        due, whom = moment(post.due_at, municipality.zone), " och ".join(names[party] for party in parties)
        yield Action(
            "Godkänn",
            f"{sentence(catalog, post)} ska ut {due}. Väntar på {whom}.",
            (f"kampanjhjul posts {post.id}",),
            is_urgent=post in urgent,
            role=Role.APPROVER,
            parties=parties,
            path=staff(municipality, f"granska/{post.id}"),
            link="Läs och godkänn",
        )
    if len(later) > 1:
        first = later[0]
        due = moment(first.due_at, municipality.zone)
        yield Action(
            "Godkänn",
            f"{len(later)} budskap ska godkännas inom fyra veckor. Först ut, {due}: {sentence(catalog, first)}.",
            (f"kampanjhjul posts {first.id}",),
            role=Role.APPROVER,
            parties=tuple(dict.fromkeys(party for post in later for party in missing[post.id or 0])),
            path=staff(municipality, "granska"),
            link="Gå till Granska",
        )


def missed(session: Session, catalog: Catalog, municipality: Municipality, *, now: datetime) -> Iterable[Action]:
    query = (
        select(Post)
        .where(col(Post.municipality) == municipality.id, col(Post.state).in_([PostState.DRAFT, PostState.REJECTED]))
        .where(col(Post.not_after) <= now, col(Post.not_after) > now - TOLD_FOR, col(Post.merged_into).is_(None))
        .where(col(Post.is_preliminary).is_(False))
        .order_by(col(Post.due_at).desc())
        .limit(10)
    )
    for post in session.execute(query).scalars():
        yield Action(
            "Missat",
            f"{sentence(catalog, post)} var inte godkänt i tid och har inte skickats.",
            path=staff(municipality, f"mallar/{post.id}"),
            link="Se budskapet",
        )


def undated(catalog: Catalog, found: Iterable[Occurrence], municipality: Municipality, day: date) -> Iterable[Action]:
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
                f"{f' --place {other.place.id}' if other.place else ''} {ME}"
                for other in group
            ),
            path=campaign_path(catalog, municipality, item),
            link="Lägg in datum",
        )


def campaign_path(catalog: Catalog, municipality: Municipality, item: Occurrence) -> str:
    """The page of the campaign that an occurrence belongs to, in its year; the list of campaigns if it has none."""
    borrowed = municipality.recipes.get(item.risk_date)
    own = next((campaign.id for campaign in catalog.campaigns.values() if campaign.risk_date == item.risk_date), None)
    campaign = borrowed if borrowed in catalog.campaigns else own
    return staff(municipality, f"kampanjer/{campaign}/{item.year}" if campaign else "kampanjer")


def unsure_facts(
    session: Session,
    catalog: Catalog,
    municipality: Municipality,
    messages: Path,
    posts: Sequence[Post],
    *,
    day: date,
) -> Iterable[Action]:
    """The facts that stop the coming posts from being approved, and templates that cannot be read."""
    facts = facts_at(session, catalog)
    used: dict[str, Post] = {}  # the first post that rests on each
    broken: dict[str, Post] = {}
    for post in posts:
        try:
            for source in sources_of(session, catalog, municipality, messages, post).values():
                for name in source.facts_used:
                    used.setdefault(name, post)
        except (TemplateError, NotFoundError) as error:
            broken.setdefault(error.message, post)
    for fault, post in broken.items():
        path = staff(municipality, f"mallar/{post.id}")
        yield Action("Mall", fault, ("kampanjhjul check",), is_urgent=True, path=path, link="Rätta texten")
    for name in sorted(used.keys() & facts.keys()):
        fact = facts[name]
        if not fact.is_confirmed or fact.valid_until < day:
            why = "har gått ut" if fact.is_confirmed else "är inte kontrollerad"
            yield Action(
                "Kontrollera uppgift",
                f"”{fact.text}” {why} och stoppar godkännandet av kommande budskap. Källa: {fact.source}.",
                (f"kampanjhjul facts confirm {name} {ME}",),
                path=staff(municipality, f"mallar/{used[name].id}"),
                link="Se budskapet",
            )
