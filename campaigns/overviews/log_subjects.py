"""What an entry of the log is about, in words, with the page where it can be seen."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlmodel import Session, col

from campaigns.catalog import Catalog, Municipality
from campaigns.models import Delivery, OccurrenceRow, Person, Post
from campaigns.post_names import post_name

_DIGEST = re.compile("[0-9a-f]{12}")
_AT_ONCE = 500  # keys in one question: databases bound how many values one may hold


@dataclass(frozen=True)
class Subject:
    """`path` is a page under the municipality's, or "" where there is none. `key` is the subject as it was noted."""

    key: str
    words: str
    path: str = ""


def subjects(
    session: Session, catalog: Catalog, municipality: Municipality, keys: Collection[str]
) -> Mapping[str, Subject]:
    """Each of the keys, from entries that may be shown, in words. What is another's, or is gone, keeps its key."""
    found = {key: Subject(key, key) for key in keys}
    for key in keys:
        plain = _plain(catalog, municipality, key)
        if plain:
            found[key] = Subject(key, plain)
    ordered = sorted(keys)
    for start in range(0, len(ordered), _AT_ONCE):
        some = ordered[start : start + _AT_ONCE]
        for post, year in session.execute(_posts(municipality).where(col(Post.key).in_(some))):
            found[post.key] = Subject(post.key, f"{post_name(catalog, post)} ({year})", f"mallar/{post.id}")
        deliveries = _deliveries(municipality).where(col(Delivery.key).in_(some))
        for number, key, channel, post, year in session.execute(deliveries):
            words = f"{_channel(municipality, channel)}: {post_name(catalog, post)} ({year})"
            found[key] = Subject(key, words, f"ko/{number}")
        for number, name in session.execute(_people(some)):
            found[f"person {number}"] = Subject(f"person {number}", name)
    return found


# ”(polis)” was how a role's party was noted before.
_OF_PARTY = re.compile(r"(?P<act>.*) (?:för |\()(?P<party>[a-z0-9-]+)\)?(?P<rest>| genom .*| till .*)")


def action_words(municipality: Municipality, action: str) -> str:
    """”godkände för Aneby kommun”, where the party's id was noted."""
    names = municipality.party_names
    found = _OF_PARTY.fullmatch(action)
    if found is None or found["party"] not in names:
        return action
    return f"{found['act']} för {names[found['party']]}{found['rest']}"


def detail_words(detail: str) -> str:
    """What was noted beside an act. The beginning of a digest is said to be one."""
    return f"Sigill {detail}" if _DIGEST.fullmatch(detail) else detail


def _posts(municipality: Municipality) -> Select[Post, int]:
    return (
        select(Post, col(OccurrenceRow.year))
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(col(Post.municipality) == municipality.id)
    )


def _deliveries(municipality: Municipality) -> Select[int | None, str, str, Post, int]:
    return (
        select(col(Delivery.id), col(Delivery.key), col(Delivery.channel), Post, col(OccurrenceRow.year))
        .join(Post, col(Post.id) == col(Delivery.post_id))
        .join(OccurrenceRow, col(OccurrenceRow.key) == col(Post.occurrence))
        .where(col(Delivery.municipality) == municipality.id)
    )


def _people(keys: Collection[str]) -> Select[int | None, str]:
    numbers = [int(number) for key in keys if (number := key.removeprefix("person ")).isdecimal() and len(number) < 10]
    return select(col(Person.id), col(Person.name)).where(col(Person.id).in_(numbers))


def _channel(municipality: Municipality, channel: str) -> str:
    return next((item.name for item in municipality.channels if item.id == channel), channel)


def _plain(catalog: Catalog, municipality: Municipality, key: str) -> str:
    """What needs no row: a channel, the municipality itself, a fact, a local date as ”student/holaveden/2027”."""
    if key == municipality.id:
        return municipality.name
    if key in municipality.channel_ids:
        return _channel(municipality, key)
    if key in catalog.facts:
        return catalog.facts[key].text
    risk_date, _, rest = key.partition("/")
    place, _, year = rest.rpartition("/")
    if risk_date not in catalog.risk_dates or not year.isdecimal():
        return ""
    places = {item.id: item.name for item in municipality.places.get(risk_date, ())}
    where = f", {places.get(place, place)}" if place and place != "-" else ""
    return f"{catalog.risk_dates[risk_date].name}{where} ({year})"
