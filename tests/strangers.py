"""Two municipalities in one service, and what must hold when one of them tries the other's doors.

Grannby has rows of every kind, all marked; Aneby's people and programs are the strangers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Table, select
from sqlmodel import Session, SQLModel
from sqlmodel import select as select_rows

from campaigns import activities, approval, efforts, picture_rows, posts, publishing, signing_links, step_changes, texts
from campaigns.catalog import Municipality
from campaigns.database import Database
from campaigns.feed_tokens import create_feed_token
from campaigns.followup import drafts
from campaigns.followup.periods import period_from
from campaigns.local_dates import set_local_date
from campaigns.models import Delivery, Membership, Person, Post, PostText, Role, Token
from campaigns.people import links
from campaigns.sending import pauses
from campaigns.tokens import create_api_token
from tests.sites import TEXT, Place, StaffClient, copied_config
from tests.test_pictures import jpeg

MARK = "Zebrahemlig"  # stands in every text that Grannby has
OURS, THEIRS = "aneby", "grannby"
PERIOD = "2026-t1"
PARTIES = ("kommun", "polis")
EARLY, WAITING, REJECTED, SKIPPED, LINKED = (
    f"valborg/2027/valborg/{name}"
    for name in ("tidigt/foraldrar", "infor/syskon", "veckan/foraldrar", "paminnelse/syskon", "narmast/unga-vuxna")
)

# Rows that are nobody's, everybody's or the asker's own. All other tables must be some municipality's.
COMMON = frozenset(
    ("campaign_record", "fact_confirmation", "heartbeat", "link_check", "picture", "setting", "throttle")
)

Keys = Mapping[str, Any]


@dataclass
class Neighbours:
    """Aneby and Grannby; the keys of each by the names that addresses and forms have for them; Aneby's own visitor."""

    place: Place
    ours: Keys
    theirs: Keys
    client: StaffClient

    def snapshot(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that Grannby has, row by row."""
        with self.place.database.read() as session:
            return {table.name: _rows(session, table) for table in SQLModel.metadata.sorted_tables}

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All there is, but for what a mere visit leaves behind it."""
        with self.place.database.read() as session:
            tables = [item for item in SQLModel.metadata.sorted_tables if item.name not in ("sign_in", "throttle")]
            return {table.name: _sorted(session, table, None) for table in tables}


def neighbours(database: Database, folder: Path) -> Neighbours:
    """Both planned, with the same things done in each."""

    def double(config: Path) -> None:
        aneby = (config / "municipalities" / f"{OURS}.toml").read_text(encoding="utf-8")
        grannby = aneby.replace("Aneby", "Grannby").replace('code = "0604"', 'code = "9999"')
        (config / "municipalities" / f"{THEIRS}.toml").write_text(grannby, encoding="utf-8")

        promises = config / "promises.toml"
        promised = promises.read_text(encoding="utf-8").replace(f'["{OURS}"]', f'["{OURS}", "{THEIRS}"]')
        promises.write_text(promised, encoding="utf-8")

    place = Place(database, copied_config(folder, double))
    theirs = _live(place, place.parts.catalog.municipality(THEIRS), MARK, jpeg())
    ours = _live(place, place.parts.catalog.municipality(OURS), "Vardag", jpeg(size=(30, 30)))
    publishing.refresh_stale(database, place.parts.catalog, now=place.clock.at, base_url=place.base_url)
    place.site.freshness.refresh()
    place.staff(Role.APPROVER, party="polis", name="Alva Administratör")
    client = place.staff(Role.ADMINISTRATOR, Role.EDITOR, Role.APPROVER, name="Alva Administratör")
    return Neighbours(place, ours, theirs, client)


def _live(place: Place, town: Municipality, mark: str, picture: bytes) -> Keys:
    """A season begun, with a row of every kind. Returns the keys to them."""
    catalog, messages, now = place.parts.catalog, place.parts.messages, place.clock.at
    with place.database.write() as session:
        posts.materialise(session, catalog, messages, town, now=now)
        numbers = {row.key.partition("/")[2]: row.id or 0 for row in session.exec(select_rows(Post)) if _of(row, town)}
    name = f"{mark} Person {town.name}"
    place.staff(Role.EDITOR, name=name, municipality=town.id)
    with place.database.write() as session:
        uploaded = picture_rows.upload_picture(
            session, town, filename=f"brasa-{town.id}.jpg", data=picture, by=name, now=now
        )
        for key in (EARLY, WAITING, REJECTED, SKIPPED, LINKED):
            source = TEXT.format(title=mark, short=mark, body=mark).replace(
                "+++\n\n", f'image = "{uploaded.name}"\nalt = "{mark}"\n+++\n\n', 1
            )
            texts.write_text(
                session, catalog, numbers[key], language="sv", channel="", source=source, author=name, now=now
            )
        for key in (EARLY, WAITING):
            for party in PARTIES:
                approval.approve(
                    session, catalog, messages, numbers[key], party=party, name=f"{mark} {party} {town.id}", now=now
                )
        approval.reject(session, catalog, numbers[REJECTED], party="polis", name=name, reason=mark, now=now)
        step_changes.skip_step(session, catalog, messages, town, [numbers[SKIPPED]], reason=mark, name=name, now=now)
        extra = activities.add_extra_activity(
            session,
            catalog,
            town,
            campaign="valborg",
            occurrence=f"{town.id}/valborg/2027/-",
            title=mark,
            day=date(2027, 4, 29),
            responsible=mark,
            description=mark,
            name=name,
            now=now,
        )
        link = signing_links.make_link(
            session,
            catalog,
            messages,
            town,
            [numbers[LINKED]],
            party="polis",
            name=f"{mark} Polis {town.name}",
            created_by=name,
            now=now,
        )
        effort = efforts.add_effort(
            session,
            catalog,
            town,
            promise="trygghet",
            title=mark,
            day=date(2026, 3, 2),
            responsible=mark,
            situation=mark,
            name=name,
            now=now,
        )
        drafts.make(session, catalog, town, period_from(PERIOD), name=name, now=now)
        bearer = create_api_token(session, municipality=town, party="kommun", name=name, now=now)
        address = create_feed_token(session, municipality=town.id, name=name, now=now)
        pauses.pause(session, catalog, municipality=town.id, channel="skarm", reason=mark, name=name, now=now)
        set_local_date(
            session,
            catalog,
            messages,
            town,
            risk_date="student",
            place="holaveden",
            day=date(2027, 6, 11),
            is_confirmed=True,
            name=name,
            now=now,
        )
        person = session.exec(select_rows(Person).where(Person.name == name)).one()
        welcome = links.link_for(session, person, now=now)
    with place.database.read() as session:
        member = session.exec(select_rows(Membership).where(Membership.person_id == person.id)).one()
        waiting = session.exec(select_rows(Delivery).where(Delivery.post_id == numbers[WAITING])).first()
        text = session.exec(select_rows(PostText).where(PostText.post_id == numbers[LINKED])).one()
        tokens = {row.purpose: row.id for row in session.exec(select_rows(Token).where(Token.name == name))}
        digests = {row.key.partition("/")[2]: row.digest for row in session.exec(select_rows(Post)) if _of(row, town)}
    assert waiting is not None
    return {
        "municipality": town.id,
        "post": numbers[LINKED],
        "post_id": numbers[LINKED],
        "sent": numbers[EARLY],
        "waiting": numbers[WAITING],
        "skipped": numbers[SKIPPED],
        "delivery": waiting.id,
        "delivery_id": waiting.id,
        "link": link.id,
        "token": tokens["feed"],
        "key": tokens["api"],
        "person": person.id,
        "membership": member.id,
        "text": text.id,
        "digest": digests[WAITING],
        "picture": uploaded.sha256,
        "name": uploaded.name,
        "activity": extra.key,
        "effort": effort.id,
        "occurrence": f"{town.id}/valborg/2027/-",
        "student": f"{town.id}/student/2027/holaveden",
        "secret": link.secret,
        "welcome": welcome,
        "bearer": bearer,
        "address": address,
    }


def _of(post: Post, town: Municipality) -> bool:
    return post.municipality == town.id


def _rows(session: Session, table: Table) -> list[tuple[Any, ...]]:
    return [] if table.name in COMMON else _sorted(session, table, _theirs(table))


def _theirs(table: Table) -> ColumnElement[bool]:
    """Which rows are Grannby's: those that name it, or that point at a row of its own."""
    columns = table.c
    if "municipality" in columns:
        return columns.municipality == THEIRS
    for key in (key for column in columns for key in column.foreign_keys):
        owner = key.column.table
        if "municipality" in owner.c:
            return key.parent.in_(select(key.column).where(owner.c.municipality == THEIRS))
    member = SQLModel.metadata.tables["membership"]
    people = select(member.c.person_id).where(member.c.municipality == THEIRS)
    if "person_id" in columns:
        return columns.person_id.in_(people)
    if table.name == "person":
        return columns.id.in_(people)
    raise AssertionError(f"Nobody knows whose the rows of {table.name} are.")


def _sorted(session: Session, table: Table, whose: ColumnElement[bool] | None) -> list[tuple[Any, ...]]:
    query = select(table) if whose is None else select(table).where(whose)
    return sorted((tuple(row) for row in session.connection().execute(query)), key=repr)
