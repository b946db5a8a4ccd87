import json

import pytest
from mlserve.runtimes.schema import Column, ColumnSchema, DataType
from mlserve.serve.typed_rows import TypedRowsDecoder

SCHEMA = ColumnSchema(
    (
        Column(DataType.DOUBLE, "age"),
        Column(DataType.INTEGER, "visits"),
        Column(DataType.STRING, "plan"),
        Column(DataType.BOOLEAN, "is active", required=False),
    )
)
ROW = {"age": 41.5, "visits": 3, "plan": "gold", "is active": True}
CELLS = (41.5, 3, "gold", True)


@pytest.fixture(name="decoder", scope="module")
def _decoder():
    return TypedRowsDecoder(SCHEMA)


def _split(rows, columns=tuple(ROW), **more):
    return json.dumps({"dataframe_split": {"columns": columns, "data": rows} | more}).encode()


def _cells(decoder, body):
    return decoder.decode(body)


@pytest.mark.parametrize("key", ["dataframe_records", "instances"])
def test_records_become_rows_in_schema_order(decoder, key):
    body = json.dumps({key: [dict(reversed(ROW.items()))]}).encode()
    assert _cells(decoder, body) == [CELLS]


def test_split_rows_are_taken_as_they_are(decoder):
    assert _cells(decoder, _split([CELLS, CELLS])) == [CELLS, CELLS]


def test_columns_may_stand_in_any_order_and_others_are_dropped(decoder):
    columns = ["plan", "x", "is active", "visits", "age"]
    body = _split([["gold", {"y": 1}, True, 3, 41.5]], columns)
    assert _cells(decoder, body) == [CELLS]


def test_one_column_of_many_is_still_a_row():
    decoder = TypedRowsDecoder(ColumnSchema((Column(DataType.DOUBLE, "b"),)))
    assert _cells(decoder, _split([[1, 2.5]], ["a", "b"])) == [(2.5,)]


def test_missing_values_pass_where_the_type_has_room_for_them(decoder):
    assert _cells(decoder, _split([[None, 3, None, None]])) == [(None, 3, None, None)]


def test_whole_numbers_in_a_double_column_are_doubles(decoder):
    ((age, *_),) = _cells(decoder, _split([[41, 3, "gold", True]]))
    assert isinstance(age, float)


@pytest.mark.parametrize(
    "row",
    [
        ["41.5", 3, "gold", True],
        [41.5, 3.5, "gold", True],
        [41.5, None, "gold", True],
        [41.5, 2**31, "gold", True],
        [41.5, 3, 5, True],
        [41.5, 3, "gold", 1],
        [41.5, 3, "gold"],
        [41.5, 3, "gold", True, 1],
    ],
)
def test_any_other_cell_is_left_to_the_full_check(decoder, row):
    assert decoder.decode(_split([row])) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"{}",
        b'{"inputs": {"age": [1]}}',
        b'{"instances": [[1, 2, 3, 4]]}',
        b'{"dataframe_records": []}',
        b'{"dataframe_records": [{}], "instances": [{}]}',
        b'{"dataframe_records": ' + b"[" * 100_000,
        _split([CELLS], columns=["age", "visits", "plan"]),
        _split([CELLS], columns=["age", "age", "visits", "plan", "is active"]),
        _split([CELLS], params={"a": 1}),
        json.dumps({"instances": [ROW | {"age": "old"}]}).encode(),
        json.dumps({"instances": [{k: v for k, v in ROW.items() if k != "plan"}]}).encode(),
    ],
)
def test_any_other_body_is_left_to_the_full_check(decoder, body):
    assert decoder.decode(body) is None


@pytest.mark.parametrize("columns", [list(ROW), list(reversed(ROW)), [*ROW, "x"]])
def test_an_order_that_came_before_is_read_like_the_first_time(decoder, columns):
    row = [(ROW | {"x": None})[name] for name in columns]
    for _ in range(3):
        assert _cells(decoder, _split([row, row], columns)) == [CELLS, CELLS]
    assert decoder._likely.begins(_split([row], columns))


def test_another_order_of_like_columns_is_not_mistaken_for_the_last():
    decoder = TypedRowsDecoder(ColumnSchema(tuple(Column(DataType.DOUBLE, n) for n in "ab")))
    for columns, cells in [("ab", (1.0, 2.0)), ("ba", (2.0, 1.0))] * 3:
        assert _cells(decoder, _split([[1, 2]], list(columns))) == [cells]


@pytest.mark.parametrize(
    "body",
    [
        _split([["41.5", 3, "gold", True]]),
        _split([CELLS], params={"a": 1}),
        _split([CELLS])[:-1],
        b'{"dataframe_split": {"data": [], "columns": ["age", "visits", "plan", "is active"]}}',
        _split([CELLS])[:-2] + b', "columns": ["visits", "age", "plan", "is active"]}}',
    ],
)
def test_what_only_begins_like_the_common_case_is_left_to_the_full_check(decoder, body):
    for _ in range(3):
        decoder.decode(_split([CELLS]))
    assert decoder.decode(body) is None


def test_many_column_orders_do_not_pile_up(decoder):
    for i in range(200):
        body = _split([[*CELLS, i]], [*ROW, f"extra {i}"])
        assert _cells(decoder, body) == [CELLS]
    assert len(decoder._orders) <= 64
