"""The database: SQLite or PostgreSQL, transactions, and the schema brought up to date.

In SQLite one thread of a process writes at a time (``shared_commits``); other processes wait for
the file's own lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from ..runtimes.errors import InvalidSetting, MissingExtra
from .errors import InvalidParameter, StoreUnavailable
from .shared_commits import SharedCommits

HEAD = "0001"
"""The newest migration."""

LOCK_SECONDS = 30
_MIGRATION_LOCK = 7_310_020_261  # any number that no other program takes for an advisory lock
_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}
# WAL lets readers go on beside a writer; FULL makes a commit outlive a loss of power; LIKE tells
# upper from lower case as PostgreSQL's does, and can use an index.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "cache_size=-16384",
    "case_sensitive_like=ON",
)


class Database:
    """Connections to the database at ``uri``; may be used by any thread.

    The schema is made or brought up to date first. Raises `InvalidSetting` for a URI that names no
    database here, `MissingExtra`, and `StoreUnavailable` where it does not answer.
    """

    def __init__(self, uri: str) -> None:
        url = parse_url(uri)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._engine = _make_engine(url, is_sqlite=self.is_sqlite)
        self._writer = SharedCommits(self._engine, LOCK_SECONDS) if self.is_sqlite else None
        try:
            self._upgrade()
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection in a transaction that changes nothing."""
        with _translated(), self._engine.connect() as connection:
            if self.is_sqlite:  # its driver is told to begin nothing, and an event would cost more
                connection.exec_driver_sql("BEGIN")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction that an exception undoes as a whole."""
        write = self._engine.begin if self._writer is None else self._writer.write
        with _translated(), write() as connection:
            yield connection

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let the writes of this thread in the block share a commit, where that spares a wait.

        Only when the block has ended without an error are they there to stay.
        """
        together = nullcontext if self._writer is None else self._writer.together
        with _translated(), together():
            yield

    def close(self) -> None:
        """Close all connections."""
        if self._writer is not None:
            self._writer.close()
        self._engine.dispose()

    def _upgrade(self) -> None:
        """Run the migrations that are missing; of several servers that start at once, one does."""
        with self.read() as connection:
            if _revision(connection, self._engine) == HEAD:
                return
        with self.write() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
            from .migrations.upgrade import upgrade  # noqa: PLC0415 - Alembic is seldom needed

            upgrade(connection, _revision(connection, self._engine))


def parse_url(uri: str) -> URL:
    """Return the database that ``uri`` names, such as ``sqlite:///mlserve.db``, with its driver."""
    expected = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    try:
        url = make_url(uri)
    except (ArgumentError, ValueError):
        raise InvalidSetting(f"found no database URI, expected {expected}") from None
    driver = _DRIVERS.get(url.get_backend_name())
    if driver is None:
        raise InvalidSetting(f"found a database of {url.drivername}, expected {expected}")
    if driver.startswith("sqlite") and url.database in (None, "", ":memory:"):
        raise InvalidSetting(f"found a SQLite database without a file, expected {expected}")
    return url.set(drivername=driver)


def _make_engine(url: URL, *, is_sqlite: bool) -> Engine:
    try:
        if not is_sqlite:
            return create_engine(url, pool_size=8, max_overflow=24, pool_pre_ping=True)
        if url.database is not None:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": LOCK_SECONDS}, max_overflow=56)
    except ModuleNotFoundError as error:
        raise MissingExtra("a PostgreSQL store", "psycopg", "postgresql") from error
    except OSError as error:
        raise StoreUnavailable(f"{url.database}: {error.strerror}") from error
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we begin transactions, not the driver
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _revision(connection: Connection, engine: Engine) -> str | None:
    if not engine.dialect.has_table(connection, "alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what the database's errors mean, without its statements and values."""
    try:
        yield
    except (DataError, sqlite3.DataError, OverflowError, UnicodeEncodeError) as error:
        raise InvalidParameter(
            "a value is too large, or holds a character, for the database to keep; "
            "send a smaller number or a text without NUL characters and lone surrogates"
        ) from error
    except sqlite3.OperationalError as error:  # of a prepared statement, past SQLAlchemy
        raise StoreUnavailable(f"the database does not answer: {error}") from error
    except (OperationalError, InterfaceError) as error:
        raise StoreUnavailable(f"the database does not answer: {error.orig}") from error
    except DBAPIError as error:
        if isinstance(error, ProgrammingError) or not error.connection_invalidated:
            raise
        raise StoreUnavailable("the connection to the database was lost; try again") from error
    except SQLAlchemyError as error:
        if isinstance(error, TimeoutError):
            raise StoreUnavailable("the database is busy; try again") from error
        raise
