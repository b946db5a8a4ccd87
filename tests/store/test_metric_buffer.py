"""Points that wait: sent in batches, in order, all of them, with no error lost."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Semaphore

import pytest
from mlserve.store.entities import Metric
from mlserve.store.errors import NotFound, StoreUnavailable
from mlserve.store.metric_buffer import MetricBuffer

SECONDS = 60


class Sink:
    """Takes batches as a store does: in order, at the pace and with the errors of a test."""

    def __init__(self) -> None:
        self.batches = []
        self.error = None
        self.arrived = Semaphore(0)
        self.may_go = Event()
        self.may_go.set()

    def send(self, run_id, points):
        self.arrived.release()
        assert self.may_go.wait(SECONDS)
        if self.error is not None:
            raise self.error
        self.batches.append((run_id, [point.step for point in points]))

    def steps(self, run_id="r"):
        return [step for name, steps in self.batches if name == run_id for step in steps]


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def buffer_of(sink):
    """Returns a buffer that sends to the sink; it is closed with what it may raise then."""
    made = []

    def make(delay_seconds=0.01, limit=10_000):
        made.append(MetricBuffer(sink.send, delay_seconds, limit))
        return made[-1]

    yield make
    sink.error = None
    sink.may_go.set()
    for buffer in made:
        buffer.close()


def points(*steps):
    return [Metric("m", 1.0, 0, step) for step in steps]


def test_points_are_sent_by_themselves_after_a_while(buffer_of, sink):
    buffer_of().add("r", points(1, 2))
    assert sink.arrived.acquire(timeout=SECONDS)


def test_a_full_batch_does_not_wait(buffer_of, sink):
    buffer_of(delay_seconds=SECONDS).add("r", points(*range(1000)))
    assert sink.arrived.acquire(timeout=SECONDS / 2)


def test_a_flush_does_not_wait_and_sends_all_in_order(buffer_of, sink):
    buffer = buffer_of(delay_seconds=SECONDS)
    for step in range(2500):
        buffer.add("r", points(step))
    buffer.flush("r")
    assert sink.steps() == list(range(2500))
    assert max(len(steps) for _, steps in sink.batches) == 1000


def test_a_flush_of_a_run_leaves_others_waiting(buffer_of, sink):
    buffer = buffer_of(delay_seconds=SECONDS)
    buffer.add("r", points(1))
    buffer.add("s", points(2))
    buffer.flush("s")
    assert sink.batches == [("s", [2])]
    buffer.flush()
    assert sink.batches == [("s", [2]), ("r", [1])]


def test_a_flush_waits_for_what_is_under_way(buffer_of, sink):
    buffer = buffer_of()
    sink.may_go.clear()
    buffer.add("r", points(1))
    assert sink.arrived.acquire(timeout=SECONDS)
    with ThreadPoolExecutor(1) as pool:
        flush = pool.submit(buffer.flush, "r")
        assert not flush.done()
        sink.may_go.set()
        flush.result(SECONDS)
    assert sink.steps() == [1]


def test_a_close_sends_all_and_what_comes_later_is_sent_at_once(buffer_of, sink):
    buffer = buffer_of(delay_seconds=SECONDS)
    buffer.add("r", points(1))
    buffer.close()
    assert sink.steps() == [1]
    buffer.add("r", points(2))
    assert sink.steps() == [1, 2]


def test_a_program_waits_where_too_many_points_do(buffer_of, sink):
    buffer = buffer_of(limit=10)
    sink.may_go.clear()
    buffer.add("r", points(*range(10)))
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(buffer.add, "r", points(10))
        assert sink.arrived.acquire(timeout=SECONDS)
        assert not late.done()
        sink.may_go.set()
        late.result(SECONDS)
    buffer.flush()
    assert sink.steps() == list(range(11))


def test_many_threads_lose_nothing(buffer_of, sink):
    buffer = buffer_of(delay_seconds=0, limit=50)

    def log(thread):
        for step in range(200):
            buffer.add(f"r{step % 3}", points(1000 * thread + step))
            if step % 50 == 0:
                buffer.flush()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(log, range(8)))
    buffer.flush()
    sent = sorted(step for _, steps in sink.batches for step in steps)
    assert sent == sorted(1000 * thread + step for thread in range(8) for step in range(200))
    for thread in range(8):
        own = [step for step in sink.steps("r0") if step // 1000 == thread]
        assert own == sorted(own)


class TestErrors:
    @pytest.fixture
    def failed(self, buffer_of, sink):
        """A buffer whose first points were refused in the background."""
        buffer = buffer_of()
        sink.error = NotFound("no such run")
        buffer.add("r", points(1, 2))
        assert sink.arrived.acquire(timeout=SECONDS)
        while not buffer._runs["r"].error:
            assert sink.arrived.acquire(timeout=0.01) is False
        sink.error = None
        return buffer

    def test_the_next_call_raises_them_once(self, failed, sink):
        with pytest.raises(NotFound, match="no such run") as raised:
            failed.add("r", points(3))
        assert raised.value.__notes__ == ["2 points of the run r were not logged"]
        failed.add("r", points(4))
        failed.flush()
        assert sink.steps() == [3, 4]

    def test_a_flush_raises_them(self, failed):
        with pytest.raises(NotFound, match="no such run"):
            failed.flush("r")
        failed.flush("r")

    def test_a_close_raises_them(self, failed):
        with pytest.raises(NotFound, match="no such run"):
            failed.close()

    def test_another_run_does_not(self, failed, sink):
        failed.add("s", points(1))
        failed.flush("s")
        assert sink.steps("s") == [1]
        with pytest.raises(NotFound):
            failed.flush()

    def test_a_flush_tries_every_run(self, buffer_of, sink):
        buffer = buffer_of(delay_seconds=SECONDS)
        buffer.add("r", points(1))
        buffer.add("s", points(1))
        sink.error = NotFound("no such run")
        with pytest.raises(NotFound):
            buffer.flush()
        assert sink.arrived.acquire(timeout=0)
        assert sink.arrived.acquire(timeout=0)

    def test_points_outlive_a_store_that_does_not_answer(self, buffer_of, sink):
        buffer = buffer_of(delay_seconds=SECONDS)
        sink.error = StoreUnavailable("down")
        buffer.add("r", points(1))
        with pytest.raises(StoreUnavailable, match="down"):
            buffer.flush()
        sink.error = None
        buffer.add("r", points(2))
        buffer.flush()
        assert sink.steps() == [1, 2]

    def test_a_store_that_answers_again_in_time_is_no_error(self, buffer_of, sink):
        buffer = buffer_of()
        sink.error = StoreUnavailable("down")
        buffer.add("r", points(1))
        while not buffer._runs["r"].error:
            sink.arrived.acquire(timeout=0.01)
        sink.error = None
        buffer.flush("r")
        assert sink.steps() == [1]

    def test_a_full_queue_does_not_wait_for_a_store_that_failed(self, buffer_of, sink):
        buffer = buffer_of(limit=2)
        sink.error = StoreUnavailable("down")
        buffer.add("r", points(1, 2))
        with pytest.raises(StoreUnavailable):
            buffer.add("r", points(3))
        sink.error = None
        buffer.flush()
        assert sink.steps() == [1, 2, 3]

    def test_an_interruption_keeps_what_was_under_way(self, buffer_of, sink):
        buffer = buffer_of(delay_seconds=SECONDS)
        buffer.add("r", points(1))
        sink.error = KeyboardInterrupt()
        with pytest.raises(KeyboardInterrupt):
            buffer.flush()
        sink.error = None
        buffer.flush()
        assert sink.steps() == [1]


def test_a_forked_child_sends_its_own_points_at_once_and_none_of_its_parents(buffer_of, sink):
    buffer = buffer_of(delay_seconds=SECONDS)
    buffer.add("r", points(1))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            buffer.add("r", points(2))
            buffer.flush()
            buffer.close()
            code = 0 if sink.steps() == [2] else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    buffer.flush()
    assert sink.steps() == [1]
