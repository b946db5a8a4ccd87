"""Inserts that meet a row with the same key: they leave it, or write over it.

Both databases write such statements in the same way, and SQLAlchemy has them once for each.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, Table, tuple_
from sqlalchemy.dialects import postgresql, sqlite

Insert = postgresql.Insert | sqlite.Insert


def insert_new(connection: Connection, table: Table) -> Insert:
    """Return the statement that inserts a row where there is none of its key."""
    return _insert_new(connection.dialect.name, table)


def insert_or_update(connection: Connection, table: Table) -> Insert:
    """Return the statement that inserts a row, or writes over the one that has its key."""
    return _insert_or_update(connection.dialect.name, table, ())


def insert_or_advance(connection: Connection, table: Table, *order: str) -> Insert:
    """Return the statement that writes over a row only where the new one is higher in ``order``."""
    return _insert_or_update(connection.dialect.name, table, order)


@cache
def _insert_new(dialect: str, table: Table) -> Insert:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _insert_or_update(dialect: str, table: Table, order: tuple[str, ...]) -> Insert:
    statement = _insert(dialect, table)
    new = statement.excluded
    key = [column.name for column in table.primary_key]
    where = None
    if order:
        where = tuple_(*(new[name] for name in order)) > tuple_(*(table.c[name] for name in order))
    return statement.on_conflict_do_update(
        index_elements=key,
        set_={column.name: new[column.name] for column in table.c if column.name not in key},
        where=where,
    )


def _insert(dialect: str, table: Table) -> Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
