"""Writes that share a transaction of SQLite: one commit, and each its own fault."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from mlserve.store.errors import StoreUnavailable
from mlserve.store.shared_commits import SharedCommits
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import IntegrityError

SECONDS = 30


@pytest.fixture
def engine(tmp_path):
    made = create_engine(f"sqlite:///{tmp_path / 'shared.db'}", connect_args={"timeout": 1})
    event.listen(made, "connect", prepare)
    with made.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql(
            "CREATE TABLE child (id INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)"
        )
    yield made
    made.dispose()


@pytest.fixture
def commits(engine):
    """The number of commits, counted in a list of one."""
    counted = [0]

    @event.listens_for(engine, "commit")
    def count(_):
        counted[0] += 1

    return counted


@pytest.fixture
def shared(engine):
    made = SharedCommits(engine, SECONDS)
    yield made
    made.close()


def prepare(connection, _):
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def add(shared: SharedCommits, *numbers: int, table: str = "parent") -> None:
    with shared.write() as connection:
        for number in numbers:
            connection.exec_driver_sql(f"INSERT INTO {table} VALUES (?)", (number,))


def lose_the_transaction(shared: SharedCommits) -> None:
    with shared.write() as connection:
        connection.exec_driver_sql("ROLLBACK")  # as SQLite does when a disk is full
        raise ZeroDivisionError


def parents(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT id FROM parent ORDER BY id")
        return list(found.scalars())


def test_a_lone_write_is_committed_when_it_is_done(shared, engine, commits):
    add(shared, 1)
    assert (parents(engine), commits) == ([1], [1])


def test_writes_together_share_one_commit_at_the_end(shared, engine, commits):
    with shared.together():
        for number in range(5):
            add(shared, number)
        assert parents(engine) == []
    assert (parents(engine), commits) == ([0, 1, 2, 3, 4], [1])


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_write_that_fails_undoes_itself_alone(shared, engine, place):
    with shared.together():
        for number in range(3):
            if number == place:
                with pytest.raises(IntegrityError):
                    add(shared, 100, 100)
            add(shared, number)
    assert parents(engine) == [0, 1, 2]


def test_together_with_no_write_commits_nothing(shared, commits):
    with shared.together():
        pass
    assert commits == [0]


def test_a_block_that_fails_undoes_all_its_writes(shared, engine):
    def write_and_fail():
        with shared.together():
            add(shared, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    add(shared, 2)
    assert parents(engine) == [2]


def test_a_commit_that_fails_is_an_error_and_the_next_block_goes_on(shared, engine):
    def write_what_cannot_stay():
        with shared.together():
            add(shared, 1)
            add(shared, 77, table="child")  # of no parent

    with pytest.raises(IntegrityError):
        write_what_cannot_stay()
    assert parents(engine) == []
    with shared.together():
        add(shared, 2)
    assert parents(engine) == [2]


def test_a_transaction_that_sqlite_undoes_fails_the_block(shared, engine):
    def write_into_what_is_gone():
        with shared.together():
            add(shared, 1)
            with pytest.raises(ZeroDivisionError):
                lose_the_transaction(shared)
            add(shared, 2)

    with pytest.raises(StoreUnavailable, match="lost"):
        write_into_what_is_gone()
    assert parents(engine) == []
    add(shared, 3)
    assert parents(engine) == [3]


def test_a_write_that_another_process_keeps_from_beginning_fails_and_the_next_goes_on(
    shared, engine
):
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(Exception, match="database is locked"):
            add(shared, 1)
        other.exec_driver_sql("ROLLBACK")
    add(shared, 2)
    assert parents(engine) == [2]


def test_a_turn_that_does_not_come_in_time_is_an_error(engine):
    impatient = SharedCommits(engine, 0.01)
    begun, go_on = Event(), Event()

    def hold():
        with impatient.write():
            begun.set()
            assert go_on.wait(SECONDS)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert begun.wait(SECONDS)
        with pytest.raises(StoreUnavailable, match="busy"):
            add(impatient, 1)
        go_on.set()
        held.result(SECONDS)
    add(impatient, 2)
    impatient.close()
    assert parents(engine) == [2]


def test_many_threads_lose_nothing(shared, engine):
    def write_some(start):
        with shared.together():
            for number in range(start, start + 20):
                add(shared, number)
        add(shared, start + 20)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write_some, range(0, 420, 21)))
    assert parents(engine) == list(range(420))
