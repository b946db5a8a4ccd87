"""Tables of keys and values: the tags and params of an experiment, a run, a logged model.

The first column of such a table names the owner. Rows are written in the order of their keys, so
that two who write the same ones wait for each other and never both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, bindparam, delete, select

from .membership import select_among
from .upserts import insert_new, insert_or_update


class Change(NamedTuple):
    """A value that is there, and another that was to be written in its place."""

    key: str
    old: str
    new: str


def set_values(
    connection: Connection, table: Table, owner: str | int, values: Mapping[str, str]
) -> None:
    """Write values, each over the one that its key has."""
    if values:
        connection.execute(insert_or_update(connection, table), _rows(table, owner, values))


def add_values(
    connection: Connection, table: Table, owner: str | int, values: Mapping[str, str]
) -> list[Change]:
    """Write values whose keys have none yet, and return where a key has another one already."""
    if not values:
        return []
    rows = _rows(table, owner, values)
    insert = insert_new(connection, table)
    added = connection.execute(insert, rows, execution_options={"preserve_rowcount": True})
    if added.rowcount == len(rows):
        return []
    found = connection.execute(_select_some(table), {"owner": owner, "keys": list(values)})
    return [Change(key, old, values[key]) for key, old in found if old != values[key]]


def delete_value(connection: Connection, table: Table, owner: str | int, key: str) -> bool:
    """Delete the value of a key, and say whether there was one."""
    statement = delete(table).where(table.c[0] == owner, table.c.key == key)
    return connection.execute(statement).rowcount > 0


def load_values(
    connection: Connection, table: Table, owners: Sequence[str] | Sequence[int]
) -> Mapping[Any, list[tuple[str, str]]]:
    """Return the keys and values of each owner, in the order of the keys."""
    loaded: defaultdict[Any, list[tuple[str, str]]] = defaultdict(list)
    for owner, key, value in select_among(connection, _select_all(table), table.c[0], owners):
        loaded[owner].append((key, value))
    return loaded


def _rows(table: Table, owner: str | int, values: Mapping[str, str]) -> list[dict[str, Any]]:
    name = table.c[0].name
    return [{name: owner, "key": key, "value": values[key]} for key in sorted(values)]


@cache
def _select_all(table: Table) -> Select[*tuple[Any, ...]]:
    return select(table.c[0], table.c.key, table.c.value).order_by(table.c[0], table.c.key)


@cache
def _select_some(table: Table) -> Select[*tuple[Any, ...]]:
    is_owned = table.c[0] == bindparam("owner")
    is_named = table.c.key.in_(bindparam("keys", expanding=True))
    return select(table.c.key, table.c.value).where(is_owned, is_named).order_by(table.c.key)
