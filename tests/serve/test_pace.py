from mlserve.serve.pace import QUICK_SECONDS, SMALL_ROWS, Pace


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
