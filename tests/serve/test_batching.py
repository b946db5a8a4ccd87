from asyncio import new_event_loop
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.serve.batching import Backlog, Job


@pytest.fixture(name="loop", scope="module")
def _loop():
    with closing(new_event_loop()) as loop:
        yield loop


def _job(loop, rows=1, key="rows"):
    data = [(0.0,)] * rows
    return Job(data, rows, {}, key, False, 0.0, loop.create_future())


def _filled(*jobs):
    backlog = Backlog()
    for job in jobs:
        backlog.add(job)
    return backlog


def test_all_that_waits_goes_into_one_batch(loop):
    jobs = [_job(loop) for _ in range(5)]

    assert _filled(*jobs).take(1024) == jobs


def test_a_batch_stops_before_the_job_that_would_exceed_its_rows(loop):
    first, second, third = _job(loop, 4), _job(loop, 4), _job(loop, 4)
    backlog = _filled(first, second, third)

    assert backlog.take(10) == [first, second]
    assert backlog.take(10) == [third]


def test_a_job_larger_than_a_batch_is_one_by_itself(loop):
    large, small = _job(loop, 50), _job(loop)
    backlog = _filled(large, small)

    assert backlog.take(10) == [large]
    assert backlog.take(10) == [small]


def test_jobs_of_different_keys_never_share_a_batch(loop):
    plain, other = _job(loop, key="a"), _job(loop, key="b")
    backlog = _filled(plain, other)

    assert backlog.take(10) == [plain]
    assert backlog.take(10) == [other]


def test_keys_take_turns(loop):
    first, second, other = _job(loop, 6, "a"), _job(loop, 6, "a"), _job(loop, 6, "b")
    backlog = _filled(first, second, other)

    assert [backlog.take(10) for _ in range(3)] == [[first], [other], [second]]


def test_a_job_that_is_answered_already_is_dropped(loop):
    late, job = _job(loop), _job(loop)
    late.answer.cancel()

    assert _filled(late, job).take(10) == [job]


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from("abc")), max_size=40), st.integers(1, 12)
)
def test_every_job_leaves_once_in_the_order_of_its_key(loop, arrivals, max_rows):
    jobs = [_job(loop, rows, key) for rows, key in arrivals]
    backlog = _filled(*jobs)

    batches = []
    while backlog:
        batches.append(backlog.take(max_rows))

    assert backlog.rows == 0
    assert all(len({job.key for job in batch}) == 1 for batch in batches)
    assert all(sum(job.rows for job in batch) <= max_rows or len(batch) == 1 for batch in batches)
    for key in "abc":
        left = [job for batch in batches for job in batch if job.key == key]
        assert left == [job for job in jobs if job.key == key]


def test_dropping_what_is_answered_frees_its_rows_and_keeps_the_order(loop):
    late, first, second = _job(loop, 5), _job(loop, 2), _job(loop, 3)
    backlog = _filled(late, first, second)
    late.answer.cancel()

    backlog.drop_answered()

    assert backlog.rows == 5
    assert backlog.take(10) == [first, second]
