"""The log as a chain, looks at translations, new year, counted links and reach"""

import hashlib
import hmac
import json
import secrets
from datetime import UTC

import sqlalchemy as sa
from alembic import context, op

revision = "0006"
down_revision: str | None = "0005"

_WORDS = ("municipality", "actor", "action", "subject", "detail")


def upgrade() -> None:
    op.create_table(
        "translation_look",
        sa.Column("municipality", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("original", sa.String(), nullable=False),
        sa.Column("translation", sa.String(), nullable=False),
        sa.Column("looked_by", sa.String(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "municipality", "language", "original", "translation", name=op.f("pk_translation_look")
        ),
    )
    op.create_table(
        "year_start",
        sa.Column("municipality", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("begun_by", sa.String(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("municipality", "year", name=op.f("pk_year_start")),
    )
    op.create_table(
        "carried_over",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("municipality", sa.String(), nullable=False),
        sa.Column("made", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source", "year", name=op.f("pk_carried_over")),
    )
    with op.batch_alter_table("carried_over", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_carried_over_municipality"), ["municipality"], unique=False)

    op.create_table(
        "counted_link",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("municipality", sa.String(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_counted_link_post_id_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counted_link")),
    )
    with op.batch_alter_table("counted_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_counted_link_post_id"), ["post_id"], unique=False)

    op.create_table(
        "click_count",
        sa.Column("link_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["link_id"], ["counted_link.id"], name=op.f("fk_click_count_link_id_counted_link")),
        sa.PrimaryKeyConstraint("link_id", "day", name=op.f("pk_click_count")),
    )
    op.create_table(
        "reach_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("municipality", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("noted_by", sa.String(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name=op.f("fk_reach_note_post_id_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reach_note")),
    )
    with op.batch_alter_table("reach_note", schema=None) as batch_op:
        batch_op.create_index("ix_reach_note_latest", ["post_id", "channel", "measure", "id"], unique=False)

    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hash", sa.String(), nullable=False, server_default=""))
    _seal(*_chain())
    _refuse_changes()


def _chain() -> tuple[int, str]:
    """The hashes of what was written before there were any. As campaigns.audit made them when this was written.

    Gives the number of entries and the last hash.
    """
    connection = op.get_bind()
    audit = sa.table(
        "audit",
        sa.column("id", sa.Integer),
        sa.column("at", sa.DateTime(timezone=True)),
        *(sa.column(name, sa.String) for name in (*_WORDS, "hash")),
    )
    head = ""
    hashes = []
    for row in connection.execute(sa.select(audit).order_by(audit.c.id)):
        # SQLite gives a moment back without its zone: it is UTC.
        at = row.at.replace(tzinfo=UTC) if row.at.tzinfo is None else row.at.astimezone(UTC)
        told = [head, at.isoformat(), *(getattr(row, name) for name in _WORDS)]
        head = hashlib.sha256(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
        hashes.append({"row_id": row.id, "row_hash": head})
    if hashes:
        change = sa.update(audit).where(audit.c.id == sa.bindparam("row_id")).values(hash=sa.bindparam("row_hash"))
        connection.execute(change, hashes)
    return len(hashes), head


def _seal(entries: int, head: str) -> None:
    """Where the log ends, sealed with the key of this process or the database's own, as campaigns.audit keeps it."""
    connection = op.get_bind()
    setting = sa.table("setting", sa.column("name", sa.String), sa.column("value", sa.String))
    key = context.config.attributes.get("secret_key")
    key = key or connection.execute(sa.select(setting.c.value).where(setting.c.name == "secret_key")).scalar()
    if not key:
        key = secrets.token_urlsafe(32)
        connection.execute(sa.insert(setting), {"name": "secret_key", "value": key})
    seal = hmac.digest(key.encode(), f"logg/{entries}/{head}".encode(), hashlib.sha256).hex()
    connection.execute(sa.insert(setting), {"name": "log_end", "value": f"{entries} {head} {seal}"})


def _refuse_changes() -> None:
    """The log is only added to: the database itself says no to the rest."""
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{act.lower()} BEFORE {act} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the log is only added to'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_only_added_to() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the log is only added to'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_added_to()"
    )
