"""Writes that share a transaction of SQLite: one commit, and each its own fault."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest
from mlserve.store.errors import StoreUnavailable
from mlserve.store.shared_commits import SharedCommits
from sqlalchemy import Engine, create_engine, event

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


@pytest.fixture
def pool():
    with ThreadPoolExecutor(8) as made:
        yield made


def prepare(connection, _):
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")


def add(shared: SharedCommits, number: int, table: str = "parent") -> None:
    with shared.write() as connection:
        connection.exec_driver_sql(f"INSERT INTO {table} VALUES (?)", (number,))


def parents(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT id FROM parent ORDER BY id")
        return list(found.scalars())


def wait_for(condition) -> None:
    for _ in range(SECONDS * 100):
        if condition():
            return
        Event().wait(0.01)
    raise TimeoutError


def write_together(shared: SharedCommits, pool, works) -> list[Future[None]]:
    """Have ``works`` wait for a first write of 0, so that all share its transaction."""
    begun, go_on = Event(), Event()

    def first():
        with shared.write() as connection:
            begun.set()
            connection.exec_driver_sql("INSERT INTO parent VALUES (0)")
            assert go_on.wait(SECONDS)

    futures = [pool.submit(first)]
    assert begun.wait(SECONDS)
    futures += [pool.submit(work) for work in works]
    wait_for(lambda: shared._waiting == len(works))
    go_on.set()
    return futures


def test_a_lone_write_is_committed_when_it_is_done(shared, engine, commits):
    add(shared, 1)
    assert (parents(engine), commits) == ([1], [1])


def test_writes_that_wait_share_one_commit(shared, engine, commits, pool):
    works = [lambda number=number: add(shared, number) for number in range(1, 6)]
    for future in write_together(shared, pool, works):
        future.result(SECONDS)
    assert (parents(engine), commits) == ([0, 1, 2, 3, 4, 5], [1])


def test_a_write_that_fails_undoes_itself_alone(shared, engine, pool):
    def fail():
        with shared.write() as connection:
            connection.exec_driver_sql("INSERT INTO parent VALUES (100)")
            raise ZeroDivisionError

    works = [lambda: add(shared, 1), fail, lambda: add(shared, 2)]
    first, one, failed, two = write_together(shared, pool, works)
    with pytest.raises(ZeroDivisionError):
        failed.result(SECONDS)
    for future in (first, one, two):
        future.result(SECONDS)
    assert parents(engine) == [0, 1, 2]


def test_a_first_write_that_fails_leaves_the_others_a_transaction(shared, engine, pool):
    begun, go_on = Event(), Event()

    def fail():
        with shared.write() as connection:
            connection.exec_driver_sql("INSERT INTO parent VALUES (100)")
            begun.set()
            assert go_on.wait(SECONDS)
            raise ZeroDivisionError

    failed = pool.submit(fail)
    assert begun.wait(SECONDS)
    other = pool.submit(add, shared, 1)
    wait_for(lambda: shared._waiting == 1)
    go_on.set()
    other.result(SECONDS)
    with pytest.raises(ZeroDivisionError):
        failed.result(SECONDS)
    assert parents(engine) == [1]


def test_a_commit_that_fails_is_an_error_of_every_write_in_it_and_of_none_after(
    shared, engine, pool
):
    works = [lambda: add(shared, 1), lambda: add(shared, 77, "child")]  # of no parent
    for future in write_together(shared, pool, works):
        with pytest.raises(StoreUnavailable):
            future.result(SECONDS)
    assert parents(engine) == []
    add(shared, 2)
    assert parents(engine) == [2]


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


def test_a_turn_that_does_not_come_in_time_is_an_error(engine, pool):
    impatient = SharedCommits(engine, 0.01)
    begun, go_on = Event(), Event()

    def hold():
        with impatient.write():
            begun.set()
            assert go_on.wait(SECONDS)

    held = pool.submit(hold)
    assert begun.wait(SECONDS)
    with pytest.raises(StoreUnavailable, match="busy"):
        add(impatient, 1)
    go_on.set()
    held.result(SECONDS)
    add(impatient, 2)
    impatient.close()
    assert parents(engine) == [2]


def test_many_writers_lose_nothing(shared, engine, commits, pool):
    list(pool.map(lambda number: add(shared, number), range(400)))
    assert parents(engine) == list(range(400))
    assert commits[0] < 400
