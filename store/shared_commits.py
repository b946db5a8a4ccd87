"""The writes of a process to SQLite: one thread at a time, and many in one transaction if asked.

A commit waits for the disk, and most of what a small write takes is that wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

from sqlalchemy import Connection, Engine

from .errors import StoreUnavailable


class SharedCommits:
    """The one connection that writes; threads take turns on it."""

    def __init__(self, engine: Engine, wait_seconds: float) -> None:
        self._engine, self._wait_seconds = engine, wait_seconds
        self._turn = RLock()
        self._connection: Connection | None = None
        self._is_together, self._writes = False, 0

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let the writes of this thread share one transaction, which ends with the block.

        A write that fails undoes its own part alone. Nothing is on disk until the block ends, and
        if that fails, nothing of it is there.
        """
        with self._taken():
            self._is_together = True
            try:
                yield
                if self._writes:
                    self._open().commit()
            except BaseException:
                self._abandon()
                raise
            finally:
                self._is_together, self._writes = False, 0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give the connection in a transaction that an exception undoes.

        Raises `StoreUnavailable` where no turn comes in time.
        """
        with self._taken():
            connection = self._open()
            try:
                if self._writes:
                    connection.exec_driver_sql("SAVEPOINT write")
                else:
                    # At once, not at the first change: what was read till then may have changed.
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                if self._writes:
                    connection.exec_driver_sql("RELEASE write")
                elif not self._is_together:
                    connection.commit()
            except BaseException:
                self._undo(connection)
                raise
            if self._is_together:
                self._writes += 1

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _taken(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=self._wait_seconds):
            raise StoreUnavailable("the database is busy with other writes; try again")
        try:
            yield
        finally:
            self._turn.release()

    def _open(self) -> Connection:
        if self._connection is None:
            if self._writes:
                raise StoreUnavailable("the transaction of these writes is lost; try again")
            self._connection = self._engine.connect()
        return self._connection

    def _undo(self, connection: Connection) -> None:
        """Undo one write; where that cannot be, SQLite itself has undone the transaction."""
        try:
            if self._writes:
                connection.exec_driver_sql("ROLLBACK TO write")
                connection.exec_driver_sql("RELEASE write")
            else:
                connection.rollback()
        except BaseException:  # noqa: BLE001 - the fault that is raised is the write's
            self._abandon()

    def _abandon(self) -> None:
        """Close a connection of which nobody knows in what state it is."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
