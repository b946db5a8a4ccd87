"""Rows whose key is in a list, of whatever length: the database gets the list as one parameter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    any_,
    bindparam,
    func,
    select,
)

from .prepared import Prepared


def select_among(
    connection: Connection,
    statement: Select[*tuple[Any, ...]],
    column: ColumnElement[Any],
    values: Sequence[str] | Sequence[int],
) -> Sequence[Any]:
    """Return the rows of ``statement`` whose ``column`` is among ``values``.

    ``statement`` and ``column`` are made once and kept: what is compiled of them is kept too.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    return _prepare(statement, column).run(connection, (_write(values, is_sqlite=is_sqlite),))


def is_among(
    connection: Connection, column: ColumnElement[Any], values: Sequence[str] | Sequence[int]
) -> ColumnElement[bool]:
    """Return the condition that ``column`` is among ``values``."""
    is_sqlite = connection.dialect.name == "sqlite"
    return _is_among(column, _write(values, is_sqlite=is_sqlite), is_sqlite=is_sqlite)


@cache
def _prepare(statement: Select[*tuple[Any, ...]], column: ColumnElement[Any]) -> Prepared:
    narrow = cache(lambda is_sqlite: statement.where(_is_among(column, None, is_sqlite=is_sqlite)))
    return Prepared(["wanted"], lambda connection: narrow(connection.dialect.name == "sqlite"))


def _is_among(column: ColumnElement[Any], written: Any, *, is_sqlite: bool) -> ColumnElement[bool]:
    if is_sqlite:
        rows = func.json_each(bindparam("wanted", written, Text)).table_valued("value")
        return column.in_(select(rows.c.value))
    kind = BigInteger() if isinstance(column.type, Integer) else Text()
    return column == any_(bindparam("wanted", written, ARRAY(kind)))


def _write(values: Sequence[str] | Sequence[int], *, is_sqlite: bool) -> Any:
    return msgspec.json.encode(values).decode() if is_sqlite else list(values)
