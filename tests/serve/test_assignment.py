"""What a worker and its supervisor say to each other survives the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.serve.assignment import Report, read_report, write_report


@given(st.builds(Report, model=st.text(), flavor=st.text(), error=st.none() | st.text()))
def test_a_report_is_read_as_it_was_written(report):
    assert read_report(write_report(report)) == report


@given(st.text())
def test_a_report_is_one_line(error):
    assert write_report(Report(error=error)).count(b"\n") == 1


@pytest.mark.parametrize("line", [b"", b'{"model": "chu'])
def test_a_worker_that_ended_within_its_words_has_not_reported(line):
    assert read_report(line) is None
