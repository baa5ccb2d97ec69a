"""The log as a chain: any later change of it shows, and old entries are taken into it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from campaigns import audit
from campaigns.catalog import Catalog
from campaigns.database import Database
from campaigns.errors import RefusedError
from campaigns.migrate import upgrade
from campaigns.models import AuditEntry
from campaigns.sending import delivery
from tests.fakes import Clock, FakeChannel, Town

NOON = datetime(2027, 4, 30, 10, 0, 0, 123456, tzinfo=UTC)
_ENTRIES = select(AuditEntry).order_by(col(AuditEntry.id))
on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


def write(database: Database, *details: str) -> None:
    for number, detail in enumerate(details):
        with database.write() as session:
            audit.record(
                session,
                now=NOON + timedelta(seconds=number),
                municipality="aneby",
                actor="Åsa Öberg",
                action="godkände för polis",
                subject="aneby/valborg",
                detail=detail,
            )


def verified(database: Database, *, known: str = "") -> audit.Chain:
    with database.read() as session:
        return audit.verify(session, known=known)


def change(database: Database, *acts: str) -> None:
    """What one does who may do everything in the database: what refuses changes is turned off first."""
    with database.write() as session:
        connection = session.connection()
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for sql in acts:
            connection.execute(text(sql))


def rewritten(database: Database, act: str) -> None:
    """Change an entry, and make the whole chain anew, as anybody can who reads this program."""
    change(database, act)
    with database.read() as session:
        rows = session.execute(_ENTRIES).scalars().all()
    head, acts = audit.START, []
    for row in rows:
        head = audit.entry_hash(head, row.at, row.municipality, row.actor, row.action, row.subject, row.detail)
        acts.append(f"UPDATE audit SET hash = '{head}' WHERE id = {row.id}")
    change(database, *acts)


def test_an_untouched_log_is_whole_and_its_last_hash_stands_in_it(database: Database) -> None:
    assert verified(database) == audit.Chain(0, audit.START, written=0)
    write(database, "ett", "två", "tre")

    chain = verified(database)

    assert (chain.entries, chain.broken, chain.is_whole) == (3, None, True)
    write(database, "fyra")
    assert verified(database, known=chain.head).is_whole
    assert verified(database, known=chain.head).head != chain.head


@pytest.mark.parametrize(
    ("act", "broken"),
    [
        ("UPDATE audit SET detail = 'annat' WHERE id = 2", 2),
        ("UPDATE audit SET actor = 'Någon' WHERE id = 1", 1),
        ("UPDATE audit SET municipality = 'eksjo' WHERE id = 3", 3),
        ("UPDATE audit SET hash = '' WHERE id = 2", 2),
        ("DELETE FROM audit WHERE id = 1", 2),
        ("DELETE FROM audit WHERE id = 2", 3),
        ("UPDATE audit SET id = CASE id WHEN 2 THEN 12 ELSE 13 END WHERE id IN (2, 3)", None),
        ("UPDATE audit SET id = CASE id WHEN 2 THEN 13 ELSE 12 END WHERE id IN (2, 3)", 12),
        (
            "INSERT INTO audit (at, municipality, actor, action, subject, detail, hash)"
            " SELECT at, municipality, actor, action, subject, detail, hash FROM audit WHERE id = 3",
            4,
        ),
    ],
)
def test_the_first_entry_that_is_not_as_it_was_written_is_told(
    database: Database, act: str, broken: int | None
) -> None:
    """Numbers alone are not covered: PostgreSQL leaves gaps in them. Their order is."""
    write(database, "ett", "två", "tre")

    change(database, act)

    assert verified(database).broken == broken


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("DELETE FROM audit WHERE id = 3", "3 rader har skrivits, men 2 finns"),
        ("DELETE FROM audit", "3 rader har skrivits, men 0 finns"),
    ],
)
def test_last_entries_that_were_taken_away_are_missed(database: Database, act: str, told: str) -> None:
    write(database, "ett", "två", "tre")

    change(database, act)

    assert told in verified(database).fault
    assert not verified(database).is_whole
    write(database, "fyra")  # what comes later does not hide it
    assert not verified(database).is_whole


def test_a_chain_that_was_made_anew_ends_elsewhere(database: Database) -> None:
    write(database, "ett", "två", "tre")

    rewritten(database, "UPDATE audit SET actor = 'Någon Annan' WHERE id = 1")

    assert verified(database).broken is None
    assert "Loggen är omskriven" in verified(database).fault
    write(database, "fyra")
    assert verified(database).broken == 4


@pytest.mark.parametrize(
    "acts",
    [
        ["UPDATE setting SET value = '2 {hash} ' || repeat('0', 64) WHERE name = 'log_end'"],
        ["UPDATE setting SET value = '2 {hash} ' WHERE name = 'log_end'"],
        ["UPDATE setting SET value = 'trams' WHERE name = 'log_end'"],
        ["DELETE FROM setting WHERE name = 'log_end'"],
        ["DELETE FROM setting WHERE name = 'log_end'", "DELETE FROM audit"],
    ],
)
def test_nobody_makes_the_end_fit_without_the_key(database: Database, acts: list[str]) -> None:
    """Not even when what tells where the log ends is changed along with it, and not by what is written afterwards."""
    write(database, "ett", "två")
    second = verified(database).head
    write(database, "tre")
    told = [act.format(hash=second).replace("repeat('0', 64)", f"'{'0' * 64}'") for act in acts]

    change(database, "DELETE FROM audit WHERE id = 3", *told)

    assert not verified(database).is_whole
    write(database, "fyra")
    assert not verified(database).is_whole


def test_the_key_of_the_process_seals_the_log_and_another_does_not(database: Database) -> None:
    """Where the key lies outside the database, one who has all of the database still cannot make the end fit."""
    write(database, "ett")
    database.secret_key = "nyckel i miljön"
    assert "inte förseglat med tjänstens nyckel" in verified(database).fault
    write(database, "två")
    assert not verified(database).is_whole

    with database.write() as session:
        audit.seal(session, reason="Nyckeln ligger nu i miljön.", name="Drift", now=NOON + timedelta(hours=1))

    assert (verified(database).entries, verified(database).is_whole) == (3, True)
    write(database, "tre")
    assert verified(database).is_whole
    with database.write() as session, pytest.raises(RefusedError, match="redan förseglad"):
        audit.seal(session, reason="Igen.", name="Drift", now=NOON)
    database.secret_key = None
    assert not verified(database).is_whole


def test_sealing_anew_mends_nothing_that_is_broken(database: Database) -> None:
    write(database, "ett", "två", "tre")
    change(database, "DELETE FROM audit WHERE id = 3")
    database.secret_key = "en annan"

    with database.write() as session:
        audit.seal(session, reason="Ny nyckel.", name="Drift", now=NOON)

    assert verified(database).broken is not None


@on_both
def test_the_database_itself_refuses_to_change_or_remove_an_entry(database_url: str) -> None:
    database = Database(database_url)
    upgrade(database)
    write(database, "ett", "två")

    for act in ("UPDATE audit SET detail = 'x'", "DELETE FROM audit WHERE id = 2"):
        with pytest.raises(Exception, match="the log is only added to"), database.write() as session:
            session.connection().execute(text(act))

    chain = verified(database)
    assert (chain.entries, chain.is_whole) == (2, True)
    database.close()


def test_those_who_write_at_once_make_one_chain(database: Database) -> None:
    with ThreadPoolExecutor(4) as threads:
        for running in [threads.submit(write, database, f"{number} a", f"{number} b") for number in range(10)]:
            running.result(timeout=60)

    chain = verified(database)

    assert (chain.entries, chain.is_whole) == (20, True)


def test_what_is_undone_leaves_no_gap_in_the_chain(database: Database) -> None:
    write(database, "ett")
    with database.write() as session:
        undone = session.begin_nested()
        audit.record(session, now=NOON, municipality="", actor="a", action="b", subject="c")
        undone.rollback()
        audit.record(session, now=NOON, municipality="", actor="a", action="b", subject="två")

    chain = verified(database)

    assert (chain.entries, chain.is_whole) == (2, True)


def test_a_delivery_that_goes_out_costs_the_log_nothing(database: Database, catalog: Catalog) -> None:
    town = Town(database, catalog, Clock())
    town.plan()
    key = "valborg/2027/valborg/veckan/foraldrar"
    town.sign(key)
    before = verified(database).entries
    town.clock.at = town.post(key).due_at

    delivery.send_due(town.sender(FakeChannel("webb"), FakeChannel("manuell")), catalog, local=True)

    assert "published" in town.states().values()
    assert verified(database).entries == before


@pytest.fixture
def old(database_url: str) -> Iterator[Database]:
    """A database from before the log was a chain, with entries in it."""
    database = Database(database_url)
    upgrade(database)
    write(database, "ett", "två", "tre")
    with database.write() as session:
        connection = session.connection()
        for table in ("translation_look", "year_start", "carried_over", "click_count", "counted_link", "reach_note"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("DELETE FROM setting"))
        if database.is_sqlite:
            connection.execute(text("DROP TRIGGER audit_no_update"))
            connection.execute(text("DROP TRIGGER audit_no_delete"))
        else:
            connection.execute(text("DROP FUNCTION audit_only_added_to CASCADE"))
        connection.execute(text("ALTER TABLE audit DROP COLUMN hash"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    yield database
    database.close()


@on_both
def test_old_entries_are_taken_into_the_chain(old: Database) -> None:
    upgrade(old)
    write(old, "fyra")

    chain = verified(old)

    assert (chain.entries, chain.is_whole) == (4, True)
