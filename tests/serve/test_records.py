"""Tables of plain cells become the JSON that their records have."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.runtimes.columns import Columns
from mlserve.serve.answers import encode_answer, encode_rows
from mlserve.serve.records import encode_plain, plain_records

CELLS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1), st.text(), st.text())
def test_a_table_is_written_as_its_records_are(rows, first, second):
    names = list(dict.fromkeys((first, second)))
    table = Columns({name: [row[i] for row in rows] for i, name in enumerate(names)}, len(rows))
    records = [dict(zip(names, row, strict=False)) for row in rows]

    (answer,) = encode_rows(table, [len(rows)])

    assert json.loads(answer) == json.loads(encode_answer(records))


def test_missing_numbers_are_null():
    records = plain_records(Columns({"y": np.array([1.5, np.nan, np.inf])}, 3))

    assert encode_plain(records) == b'[{"y":1.5},{"y":null},{"y":null}]'


def test_an_array_a_row_is_a_list():
    records = plain_records(Columns({"p": np.array([[0.5, 0.5], [1.0, 0.0]])}, 2))

    assert encode_plain(records) == b'[{"p":[0.5,0.5]},{"p":[1.0,0.0]}]'


@pytest.mark.parametrize(
    "table",
    [
        Columns({"day": [date(2026, 1, 1)]}, 1),
        Columns({"data": [b"\x00"]}, 1),
        Columns({"inner": [{"a": 1}]}, 1),
        Columns({'say "what"': [1]}, 1),
        Columns({0: [1], "0": [2]}, 1),
        Columns({}, 1),
    ],
    ids=["dates", "bytes", "objects", "escaped name", "name twice", "no columns"],
)
def test_what_is_not_plain_is_left_to_the_slower_way(table):
    assert plain_records(table) is None
