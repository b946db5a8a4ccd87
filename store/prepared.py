"""Statements of the hot paths, which SQLite's driver runs itself.

SQLAlchemy writes their SQL, once. To execute one, it takes ten times as long as SQLite does; on
PostgreSQL, where the way there takes longer still, it executes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Executable

Values = tuple[Any, ...]


class Prepared:
    """A statement, made by ``make`` when it first runs on a kind of database.

    Its values are given in the order of ``names``, and go to SQLite as they are: it is only for
    columns of numbers, texts and booleans.
    """

    def __init__(self, names: Sequence[str], make: Callable[[Connection], Executable]) -> None:
        self._names, self._make = tuple(names), make
        self._sql: str | None = None
        self._make_row: Callable[[Values], Any] = tuple

    def run(self, connection: Connection, values: Values) -> Sequence[Sequence[Any]]:
        """Run the statement; return the rows that it brings, with numbers for booleans.

        The values of a row have the names of their columns too.
        """
        if connection.dialect.name == "sqlite":
            cursor = self._driver(connection).execute(self._text(connection), values)
            return list(map(self._make_row, cursor))
        result = connection.execute(
            self._make(connection), dict(zip(self._names, values, strict=True))
        )
        return result.all() if result.returns_rows else ()

    def run_each(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Run the statement once for each of ``rows``, if there are any."""
        if connection.dialect.name == "sqlite":
            self._driver(connection).executemany(self._text(connection), rows)
        elif rows:
            named = [dict(zip(self._names, values, strict=True)) for values in rows]
            connection.execute(self._make(connection), named)

    def _driver(self, connection: Connection) -> Any:
        return connection.connection.dbapi_connection

    def _text(self, connection: Connection) -> str:
        if self._sql is None:
            made: Any = self._make(connection)
            compiled = made.compile(dialect=connection.dialect, column_keys=list(self._names))
            if tuple(compiled.positiontup) != self._names:
                raise TypeError(f"found {compiled.positiontup}, expected {self._names}")
            if columns := getattr(made, "selected_columns", None):
                fields = [(str(name), Any) for name, _ in columns.items()]
                self._make_row = NamedTuple("Row", fields)._make
            self._sql = str(compiled)
        return self._sql
