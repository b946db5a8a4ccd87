from itertools import count

from mlserve.serve.pace import QUICK_SECONDS, SMALL_ROWS, Pace

QUICK = QUICK_SECONDS / 10


def _observed(*batches, count_losses=lambda: 0):
    pace = Pace(count_losses)
    for rows, seconds, *worked in batches:
        pace.observe(rows, seconds, *(worked or [seconds]))
    return pace


def test_nothing_is_quick_before_a_batch_was_seen():
    assert not Pace().is_quick(1)


def test_a_small_batch_is_quick_where_such_were():
    assert _observed((1, QUICK_SECONDS / 2)).is_quick(SMALL_ROWS)


def test_a_large_batch_is_never_quick():
    assert not _observed((1, QUICK_SECONDS / 2)).is_quick(SMALL_ROWS + 1)


def test_a_slow_call_is_remembered():
    assert not _observed((1, QUICK), (1, 1.0), *[(1, QUICK)] * 20).is_quick(1)


def test_a_slow_call_is_forgotten_in_the_end():
    assert _observed((1, 1.0), *[(1, QUICK)] * 200).is_quick(1)


def test_a_large_batch_says_nothing_of_small_ones():
    assert _observed((1, QUICK_SECONDS / 2), (SMALL_ROWS + 1, 1.0)).is_quick(1)


def test_a_call_that_lost_its_core_to_others_is_judged_by_its_work():
    batches = [(1, 1.0, QUICK)] * 3
    assert _observed(*batches, count_losses=count().__next__).is_quick(1)


def test_a_call_that_works_for_long_is_slow_however_often_it_lost_its_core():
    assert not _observed((1, 3.0, 1.0), count_losses=count().__next__).is_quick(1)


def test_a_call_that_waited_of_itself_is_slow():
    assert not _observed((1, 1.0, QUICK)).is_quick(1)


def test_a_model_that_waits_of_itself_is_slow_on_a_busy_machine_too():
    losses = iter([0, 1, 1])
    assert not _observed((1, 1.0, QUICK), (1, 1.0, QUICK), count_losses=losses.__next__).is_quick(1)


def test_the_losses_of_the_process_are_counted():
    pace = Pace()
    pace.observe(1, 1.0, 1.0)
    assert not pace.is_quick(1)
