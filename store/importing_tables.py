"""MLflow's own tables, of whatever release: what one lacks is read as if it were empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    RowMapping,
    Table,
    create_engine,
    func,
    inspect,
    select,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from ..runtimes.errors import InvalidSetting, MissingExtra
from .database import parse_url
from .errors import InvalidParameter, StoreUnavailable

Row = RowMapping

READ = {
    "datasets",
    "evaluation_datasets",
    "experiment_tags",
    "experiments",
    "input_tags",
    "inputs",
    "logged_model_metrics",
    "logged_model_params",
    "logged_model_tags",
    "logged_models",
    "metrics",
    "model_version_tags",
    "model_versions",
    "params",
    "registered_model_aliases",
    "registered_model_tags",
    "registered_models",
    "runs",
    "scorers",
    "tags",
    "trace_info",
    "webhooks",
}
"""The tables that an import reads, or counts the rows of."""


class MLflowTables:
    """The tables of the database at ``uri``, which is never written to.

    Raises `InvalidSetting` where it is no database of MLflow's.
    """

    def __init__(self, uri: str) -> None:
        url = parse_url(uri)
        self._engine = _make_engine(url)
        self._tables: dict[str, Table] = {}
        try:
            with self._connect() as connection:
                inspector = inspect(connection)
                names = set(inspector.get_table_names())
                _check(names, url)
                for name in sorted(names & READ):
                    columns = (Column(c["name"], c["type"]) for c in inspector.get_columns(name))
                    self._tables[name] = Table(name, MetaData(), *columns)
        except BaseException:
            self.close()
            raise

    def rows(self, table: str, **values: object) -> list[Row]:
        """Return the rows that have all ``values``; a column that is not there has every value."""
        found = self._tables.get(table)
        if found is None:
            return []
        conditions = [found.c[name] == value for name, value in values.items() if name in found.c]
        with self._connect() as connection:
            return list(connection.execute(select(found).where(*conditions)).mappings())

    def columns(self, table: str, names: Sequence[str], **values: object) -> Iterator[Any]:
        """Yield ``names`` alone, which every release has, of the rows with ``values``."""
        found = self._tables.get(table)
        if found is None:
            return
        conditions = [found.c[name] == value for name, value in values.items()]
        chosen = select(*(found.c[name] for name in names)).where(*conditions)
        with self._connect() as connection:
            yield from connection.execute(chosen)

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        found = self._tables.get(table)
        if found is None:
            return 0
        with self._connect() as connection:
            return connection.scalar(select(func.count()).select_from(found)) or 0

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:
            if "decode" in str(error.orig):  # SQLite's tables hold any bytes as a text
                raise InvalidParameter(f"the source's database: {error.orig}") from error
            raise StoreUnavailable(
                f"the source's database does not answer: {error.orig}"
            ) from error
        except SQLAlchemyError as error:
            raise InvalidParameter(f"the source's database: {error}") from error


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            engine = create_engine(url, pool_pre_ping=True)
        except ModuleNotFoundError as error:
            raise MissingExtra("a PostgreSQL database", "psycopg", "postgresql") from error
        return engine.execution_options(postgresql_readonly=True)
    file = Path(str(url.database)).expanduser().absolute()
    if not file.is_file():
        raise InvalidSetting(f"found no file {file}, expected the SQLite database of an MLflow")
    return create_engine(
        url.set(database=f"file:{quote(str(file))}", query={"mode": "ro", "uri": "true"})
    )


def _check(names: set[str], url: URL) -> None:
    shown = url.render_as_string(hide_password=True)
    if "run_tags" in names:
        raise InvalidSetting(
            f"{shown} is a store of mlserve's already; expected the database of an MLflow"
        )
    if missing := {"experiments", "runs", "metrics", "params", "tags"} - names:
        raise InvalidSetting(
            f"{shown} has no tables {', '.join(sorted(missing))}; "
            "expected the database of an MLflow"
        )
