"""Progress: told seldom enough, in a form that fits where it goes."""

from __future__ import annotations

import io

import pytest
from mlserve.cli.progress import Progress, format_progress, format_seconds


class Clock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(width: int | None, *steps: tuple[float, int]) -> str:
    """Return what is told of ten things, of which so many were done at each time."""
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream, width, clock)
    progress.show(0, 10, "")
    for seconds, done in steps:
        clock.now = 100.0 + seconds
        progress.show(done, 10, "5 points")
    return stream.getvalue()


def test_elsewhere_than_on_a_terminal_a_line_comes_now_and_then():
    assert shown(None, (1, 1), (10, 5), (19, 6), (20, 8)) == (
        "5 of 10, 0.5 a second, 10 s left, 5 points\n8 of 10, 0.4 a second, 5 s left, 5 points\n"
    )


def test_on_a_terminal_one_line_is_written_over_itself():
    assert shown(80, (0.05, 1), (2, 5)) == ("\r\x1b[K5 of 10, 2.5 a second, 2 s left, 5 points")


def test_a_line_never_goes_over_the_end_of_the_terminal():
    assert shown(20, (2, 5)) == "\r\x1b[K5 of 10, 2.5 a sec…"


def test_what_has_no_measure_yet_is_noted_on_a_terminal_alone():
    terminal, file = io.StringIO(), io.StringIO()
    Progress(terminal, 80).note("looking")
    Progress(file).note("looking")
    assert (terminal.getvalue(), file.getvalue()) == ("\r\x1b[Klooking", "")


def test_what_is_said_in_between_stands_on_a_line_of_its_own():
    stream = io.StringIO()
    progress = Progress(stream, 80, Clock())
    progress.say("a run failed")
    progress.clear()
    assert stream.getvalue() == "\r\x1b[Ka run failed\n\r\x1b[K"


@pytest.mark.parametrize(
    ("done", "total", "seconds", "text"),
    [
        (0, 10, 0, "0 of 10, 0.0 a second"),
        (10, 10, 5, "10 of 10, 2.0 a second"),
        (1000, 1_000_000, 1, "1,000 of 1,000,000, 1,000.0 a second, 17 min left"),
    ],
)
def test_how_long_it_takes_is_told_where_it_is_known(done, total, seconds, text):
    assert format_progress(done, total, seconds, "") == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(8.4, "8 s"), (90, "2 min"), (7500, "2 h 5 min"), (7199, "2 h 0 min")]
)
def test_a_time_is_told_in_its_largest_units(seconds, text):
    assert format_seconds(seconds) == text
