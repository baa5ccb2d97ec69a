"""Alembic's entry: runs the migrations on the connection and in the transaction that `campaigns.migrate` hands over."""

from alembic import context
from sqlmodel import SQLModel

import campaigns.models  # noqa: F401 - fills the metadata
from campaigns.migrations.revise import plain_type

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    # SQLite can hardly change a table: Alembic then makes a new one and copies the rows.
    render_as_batch=True,
    render_item=plain_type,
)
with context.begin_transaction():
    context.run_migrations()
