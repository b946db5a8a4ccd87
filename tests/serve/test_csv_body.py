"""A CSV body is read as pandas reads it, and what pandas would guess at is refused."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.runtimes.errors import MalformedRequest
from mlserve.runtimes.schema import Column, ColumnSchema, DataType
from mlserve.serve.csv_body import MISSING, read_csv_body


def schema_of(*names: str | None) -> ColumnSchema:
    return ColumnSchema(tuple(Column(DataType.STRING, name) for name in names))


def read(text: str, schema: ColumnSchema | None = None) -> dict[Any, list[Any]]:
    """Return the columns of ``text`` as lists in which None is missing."""
    columns = read_csv_body(text.encode(), schema)
    assert all(len(column) == columns.rows for column in columns.values.values())
    return {name: _as_list(column) for name, column in columns.values.items()}


def read_with_pandas(text: str, **options: Any) -> dict[Any, list[Any]]:
    frame = pd.read_csv(io.StringIO(text), **options)
    assert isinstance(frame.index, pd.RangeIndex)
    return {name: _as_list(column) for name, column in frame.items()}


def _as_list(column: Any) -> list[Any]:
    return [None if isinstance(v, float) and np.isnan(v) else v for v in list(column)]


def dtypes(text: str) -> list[str]:
    columns = read_csv_body(text.encode(), None).values.values()
    return [str(column.dtype) if isinstance(column, np.ndarray) else "list" for column in columns]


NUMBERS = st.integers(-(2**31), 2**31).map(str) | st.floats().map(repr)
NUMBER_LIKE = ["inf", "-Infinity", "NAN", "+nan", "1_0", "0x1", "٣", "007", "-0", "+5", " 7", "7 "]
NUMBER_LIKE += ["1.", ".5", "1e5", "1e", "-", ".", "1 2", " NA"]
WORDS = st.sampled_from([*sorted(MISSING), *NUMBER_LIKE, "True", "FALSE", "true", "x\ny"])
TEXTS = st.text(st.sampled_from(' ,"\n\tax1é\x00'), max_size=5)
COLUMNS = st.one_of(
    st.just(st.integers(-9, 9).map(str)),
    st.just(NUMBERS | st.just("")),
    st.just(st.sampled_from(["True", "false"])),
    st.just(st.sampled_from(["True", "false", "NA"])),
    st.just(WORDS),
    st.just(WORDS | NUMBERS),
    st.just(TEXTS),
)
HEADERS = st.lists(st.sampled_from(["a", "a.1", "b", "", "Unnamed: 1", "NA", "é"]), max_size=5)


@st.composite
def tables(draw: st.DrawFn) -> str:
    names = ["first", *draw(HEADERS)]
    rows = draw(st.integers(0, 5))
    columns = [draw(st.lists(draw(COLUMNS), min_size=rows, max_size=rows)) for _ in names]
    out = io.StringIO()
    quoting = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    writer = csv.writer(out, quoting=quoting, lineterminator=ending)
    writer.writerow(names)
    for row in zip(*columns, strict=True):
        writer.writerow(row[: draw(st.integers(1, len(row)))])
    return draw(st.sampled_from(["", "\ufeff", "\n"])) + out.getvalue()


@given(tables())
def test_a_table_without_schema_is_what_pandas_reads(text: str) -> None:
    expected = read_with_pandas(text)
    assert read(text) == expected


@given(tables())
def test_the_columns_of_a_schema_are_the_text_that_pandas_reads(text: str) -> None:
    assert read(text, schema_of("first", "absent")) == read_with_pandas(
        text, dtype={"first": str, "absent": str}
    )


@given(st.text(st.sampled_from('a1,"\n .'), max_size=14))
def test_any_text_is_read_as_pandas_reads_it_or_refused(text: str) -> None:
    try:
        found = read(text)
    except MalformedRequest:
        return
    assert found == read_with_pandas(text)


DTYPES = {
    "integers": ("1\n-2", "int64"),
    "integers over int64": ("9223372036854775808\n1", "uint64"),
    "integers over 64 bits": ("18446744073709551616\n1", "list"),
    "integers and a missing one": ("1\nNA", "float64"),
    "floats": ("1\n.5", "float64"),
    "all missing": ("NA\nnull", "float64"),
    "booleans": ("True\nfalse", "bool"),
    "booleans and a missing one": ("True\nNA", "list"),
    "text": ("1\nx", "list"),
    "no rows": ("", "list"),
}


@pytest.mark.parametrize(("cells", "dtype"), DTYPES.values(), ids=DTYPES.keys())
def test_a_column_without_schema_gets_the_type_that_holds_its_cells(cells, dtype) -> None:
    assert dtypes(f"a\n{cells}\n") == [dtype]


def test_integers_beyond_64_bits_stay_exact() -> None:
    assert read("a,b\n18446744073709551616,1\nNA,1\n")["a"] == [2**64, None]


def test_a_column_of_the_schema_stays_text() -> None:
    assert read("a,b\n007,007\nNA,1\n", schema_of("a")) == {"a": ["007", None], "b": [7, 1]}


def test_columns_of_an_unnamed_schema_go_by_position_and_keep_the_names_of_the_header() -> None:
    assert read("x,x,y\n1,2,3\n", schema_of(None, None)) == {"x": ["1"], "x.1": ["2"], "y": [3]}


def test_a_header_alone_is_a_table_without_rows() -> None:
    columns = read_csv_body(b"a,b\n", None)
    assert (columns.rows, columns.values) == (0, {"a": [], "b": []})


def test_repeated_names_are_numbered_as_pandas_numbers_them() -> None:
    assert list(read("a,a,a.1,,a,\n1,2,3,4,5,6\n")) == [
        *("a", "a.2", "a.1", "Unnamed: 3", "a.3", "Unnamed: 5")
    ]


def test_a_very_wide_header_of_one_name_is_read_at_once() -> None:
    assert len(read(",".join(["a"] * 20_000) + "\n")) == 20_000


def test_a_quoted_blank_is_a_row_where_a_blank_line_is_none() -> None:
    assert read('a\n" "\n \n\n""\nx\n') == {"a": [" ", None, "x"]}


def test_a_carriage_return_alone_ends_a_line() -> None:
    assert read("a,b\r1,2\r\r3,4") == {"a": [1, 3], "b": [2, 4]}


def test_a_cell_keeps_its_line_breaks_and_quotes() -> None:
    assert read('a,b\r\n"p\r\nq","say ""x"""\r\n') == {"a": ["p\r\nq"], "b": ['say "x"']}


REFUSED = {
    "nothing": (b"", "the CSV body is empty; its first line must name the columns"),
    "blank lines": (b"\n  \n\r\n", "the CSV body is empty; its first line must name the columns"),
    "other encoding": ("a\né\n".encode("latin-1"), "is not UTF-8 (byte 2 is wrong)"),
    "too many fields": (
        b"a,b\n1,2\n\n3,4,5\n",
        "CSV line 4: found 3 fields, expected the 2 that the header names",
    ),
    "an index without a name": (b"a\n0,1\n1,2\n", "an index column needs a name there too"),
    "line breaks before": (b'a,b\n"x\ny",2\n3,4,5\n', "CSV line 4: found 3 fields"),
    "an open quote": (
        b'a,b\n1,2\n"3,4\n5,6\n',
        'CSV line 3: found an opening " that no other one closes',
    ),
    "a quote at the end": (b'a\n1\n"', "CSV line 3"),
    "a huge cell": (b"a\n" + b"x" * 200_000, "a cell of over 131072 characters; send it as JSON"),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_table_is_refused_by_line(body: bytes, message: str) -> None:
    with pytest.raises(MalformedRequest) as refusal:
        read_csv_body(body, None)
    assert message in str(refusal.value)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        read_csv_body(body, schema_of("a"))
    except MalformedRequest:
        return


def test_short_lines_under_a_long_header_cannot_take_the_memory_of_their_square():
    body = ",".join(f"c{i}" for i in range(1000)) + "\n" + "1\n" * 10_000
    with pytest.raises(MalformedRequest, match="much shorter than its header of 1000 fields"):
        read_csv_body(body.encode(), None)


def test_a_header_without_end_is_refused():
    with pytest.raises(MalformedRequest, match="expected at most 100000"):
        read_csv_body(b"," * 200_000, None)
