"""Writes of several threads in one transaction of SQLite: one commit, so one wait for the disk.

A write that is done while others wait for their turn leaves the transaction open for them, and
waits until the last of them commits for all. One that fails undoes its own part alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Event

from sqlalchemy import Connection, Engine

from .errors import StoreUnavailable

MOST_WRITES = 64
"""How many writes share a transaction, at most: other processes wait for its end."""


class _Group:
    """The writes in one transaction; ``error`` is what its end brought, for all of them."""

    def __init__(self) -> None:
        self.writes = 0
        self.ended = Event()
        self.error: BaseException | None = None

    def end(self, error: BaseException | None = None) -> None:
        """Let those who wait go on."""
        self.error = error
        self.ended.set()


class SharedCommits:
    """The one writer of a process to a SQLite database: threads take turns on its connection."""

    def __init__(self, engine: Engine, wait_seconds: float) -> None:
        self._engine, self._wait_seconds = engine, wait_seconds
        self._connection: Connection | None = None
        self._group: _Group | None = None
        self._turn = Condition()
        self._is_taken, self._waiting = False, 0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give the connection in a transaction; at the end, all that was written is on disk.

        Raises `StoreUnavailable` where no turn comes in time, or where the commit fails.
        """
        self._take_turn()
        try:
            connection, group = self._open()
            is_first = not group.writes
            if not is_first:
                connection.exec_driver_sql("SAVEPOINT write")
            try:
                yield connection
                if not is_first:
                    connection.exec_driver_sql("RELEASE write")
            except BaseException:
                self._undo(connection, group, is_first=is_first)
                raise
            group.writes += 1
        except BaseException:
            self._give_turn()
            raise
        self._give_turn()
        group.ended.wait()
        if group.error is not None:
            raise StoreUnavailable("the write could not be committed; try again") from group.error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _take_turn(self) -> None:
        with self._turn:
            if self._is_taken:
                self._waiting += 1
                try:
                    self._turn.wait_for(lambda: not self._is_taken, self._wait_seconds)
                finally:
                    self._waiting -= 1
                if self._is_taken:
                    raise StoreUnavailable("the database is busy with other writes; try again")
            self._is_taken = True

    def _give_turn(self) -> None:
        """Let the next one go on in the open transaction, or commit where nobody waits."""
        group = self._group
        with self._turn:
            is_shared = group is not None and self._waiting and group.writes < MOST_WRITES
            if is_shared or group is None:
                self._is_taken = False
                self._turn.notify()
                return
        self._commit(group)
        with self._turn:
            self._is_taken = False
            self._turn.notify()

    def _open(self) -> tuple[Connection, _Group]:
        """Return the connection and the writes in its transaction, begun if there is none."""
        if self._connection is None:
            self._connection = self._engine.connect()
        if self._group is None:
            try:
                # At once, not at the first change: what was read until then may have changed.
                self._connection.exec_driver_sql("BEGIN IMMEDIATE")
            except BaseException:
                self._abandon()
                raise
            self._group = _Group()
        return self._connection, self._group

    def _commit(self, group: _Group) -> None:
        self._group = None
        try:
            if self._connection is not None:
                self._connection.commit()
        except BaseException as error:  # noqa: BLE001 - it is for each write of the group to raise
            self._abandon()
            group.end(error)
        else:
            group.end()

    def _undo(self, connection: Connection, group: _Group, *, is_first: bool) -> None:
        """Undo one write, or all where SQLite itself has undone the transaction."""
        try:
            if is_first:
                self._group = None
                connection.rollback()
                return
            connection.exec_driver_sql("ROLLBACK TO write")
            connection.exec_driver_sql("RELEASE write")
        except BaseException as error:  # noqa: BLE001 - the fault that is raised is the write's
            self._group = None
            self._abandon()
            group.end(error)

    def _abandon(self) -> None:
        """Close a connection of which nobody knows in what state it is."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
