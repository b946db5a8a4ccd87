import os
import resource
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from mlserve.serve.pace import QUICK_SECONDS, SMALL_ROWS, Pace, Stint


def _observed(*batches):
    pace = Pace()
    for rows, seconds in batches:
        pace.observe(rows, seconds)
    return pace


def test_nothing_is_quick_before_a_batch_was_seen():
    assert not Pace().is_quick(1)


def test_a_small_batch_is_quick_where_such_were():
    assert _observed((1, QUICK_SECONDS / 2)).is_quick(SMALL_ROWS)


def test_a_large_batch_is_never_quick():
    assert not _observed((1, QUICK_SECONDS / 2)).is_quick(SMALL_ROWS + 1)


def test_a_slow_call_is_remembered():
    quick = QUICK_SECONDS / 10
    assert not _observed((1, quick), (1, 1.0), *[(1, quick)] * 20).is_quick(1)


def test_a_slow_call_is_forgotten_in_the_end():
    quick = QUICK_SECONDS / 10
    assert _observed((1, 1.0), *[(1, quick)] * 200).is_quick(1)


def test_a_large_batch_says_nothing_of_small_ones():
    assert _observed((1, QUICK_SECONDS / 2), (SMALL_ROWS + 1, 1.0)).is_quick(1)


def test_a_call_that_kept_its_core_is_judged_by_the_time_that_passed():
    for _ in range(100):
        before, stint = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw, Stint()
        seconds = stint.own_seconds(3.0)
        if resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw == before:
            break
    assert seconds == 3.0


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="the system lets no process choose its core"
)
def test_a_call_that_lost_its_core_to_others_is_judged_by_its_own_work():
    started, stint = time.perf_counter(), Stint()
    with _rival():
        while stint.own_seconds(3600.0) == 3600.0 and time.perf_counter() - started < 60:
            pass
        own, passed = stint.own_seconds(3600.0), time.perf_counter() - started
    assert 0 < own <= passed


@contextmanager
def _rival():
    """Keep another process busy on the one core that is left to this one."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            os.sched_setaffinity(0, cores)
            process.kill()
