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
    Row,
    Select,
    Text,
    any_,
    bindparam,
    func,
    select,
)


def select_among(
    connection: Connection,
    statement: Select[*tuple[Any, ...]],
    column: ColumnElement[Any],
    values: Sequence[str] | Sequence[int],
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the rows of ``statement`` whose ``column`` is among ``values``.

    ``statement`` and ``column`` are made once and kept: what is compiled of them is kept too.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    narrowed = _narrow(statement, column, is_sqlite=is_sqlite)
    return connection.execute(narrowed, {"wanted": _write(values, is_sqlite=is_sqlite)}).all()


def is_among(
    connection: Connection, column: ColumnElement[Any], values: Sequence[str] | Sequence[int]
) -> ColumnElement[bool]:
    """Return the condition that ``column`` is among ``values``."""
    is_sqlite = connection.dialect.name == "sqlite"
    return _is_among(column, _write(values, is_sqlite=is_sqlite), is_sqlite=is_sqlite)


@cache
def _narrow(
    statement: Select[*tuple[Any, ...]], column: ColumnElement[Any], *, is_sqlite: bool
) -> Select[*tuple[Any, ...]]:
    return statement.where(_is_among(column, None, is_sqlite=is_sqlite))


def _is_among(column: ColumnElement[Any], written: Any, *, is_sqlite: bool) -> ColumnElement[bool]:
    if is_sqlite:
        rows = func.json_each(bindparam("wanted", written, Text)).table_valued("value")
        return column.in_(select(rows.c.value))
    kind = BigInteger() if isinstance(column.type, Integer) else Text()
    return column == any_(bindparam("wanted", written, ARRAY(kind)))


def _write(values: Sequence[str] | Sequence[int], *, is_sqlite: bool) -> Any:
    return msgspec.json.encode(values).decode() if is_sqlite else list(values)
