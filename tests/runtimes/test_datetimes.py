"""Moments in any ISO 8601 form become naive UTC, and nothing else does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.runtimes.datetimes import cast_datetimes
from mlserve.runtimes.errors import InvalidCell
from mlserve.runtimes.fields import Field
from mlserve.runtimes.schema import DataType

FIELD = Field("t", DataType.DATETIME)


def cast(*values):
    return cast_datetimes(list(values), FIELD)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2020-01-02", "2020-01-02T00:00:00"),
        ("2020-01", "2020-01-01T00:00:00"),
        ("2020", "2020-01-01T00:00:00"),
        ("20200102", "2020-01-02T00:00:00"),
        ("2020-01-02T03", "2020-01-02T03:00:00"),
        ("2020-01-02 03:04", "2020-01-02T03:04:00"),
        ("2020-01-02T03:04:05.123456789", "2020-01-02T03:04:05.123456789"),
        ("2020-01-02T03:04:05.5Z", "2020-01-02T03:04:05.5"),
        ("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05"),
        ("2020-01-02T03:04-0130", "2020-01-02T04:34:00"),
        (5, "1970-01-01T00:00:00.000000005"),
        ("1677-09-21T00:12:43.145224193", "1677-09-21T00:12:43.145224193"),
        ("2262-04-11T23:47:16.854775807", "2262-04-11T23:47:16.854775807"),
        (None, "NaT"),
        ("NaT", "NaT"),
        ("", "NaT"),
    ],
)
def test_iso_text_nanoseconds_and_missing_values_are_moments(value, expected):
    for others in [], ["1999-01-01"], [None], [7]:
        moments = cast(value, *others)
        assert moments.dtype == np.dtype("datetime64[ns]")
        np.testing.assert_array_equal(moments[0], np.datetime64(expected, "ns"))


@pytest.mark.parametrize(
    "value",
    [
        "now",
        "today",
        "01/02/2020",
        "2020-13-01",
        "2020-02-30",
        "2020-01-02T25:00",
        "2020-01-02T03:04:05+25:00",
        "2020-01-01\n2020-01-02",
        "3000-01-01",
        "1677-09-21T00:12:43.145224192",
        "1600-01-01T00:00:00Z",
        2**63,
        1.5,
        True,
        [],
    ],
)
def test_anything_else_is_refused_with_its_row(value):
    with pytest.raises(InvalidCell, match=r'column "t", row 1: found .* expected datetime'):
        cast("2020-01-01", value)


@given(
    st.lists(
        st.datetimes(
            datetime(1700, 1, 1),
            datetime(2200, 1, 1),
            timezones=st.none() | st.sampled_from([UTC, timezone(timedelta(hours=-3))]),
        )
    )
)
def test_what_python_writes_is_read_as_the_same_moment(moments):
    naive = [m.astimezone(UTC).replace(tzinfo=None) if m.tzinfo else m for m in moments]
    np.testing.assert_array_equal(
        cast(*[m.isoformat() for m in moments]), np.array(naive, "datetime64[ns]")
    )
