"""What Alembic runs for each command: the migrations, in the transaction that it was handed."""

from __future__ import annotations

from alembic import context

options = context.config.attributes
context.configure(
    connection=options["connection"],
    target_metadata=options.get("metadata"),  # for writing a new migration only
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
