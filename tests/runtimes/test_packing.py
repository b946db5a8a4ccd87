"""Packing rows gives what enforcing their columns gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.runtimes.columns import Columns
from mlserve.runtimes.enforcement import ColumnEnforcer
from mlserve.runtimes.errors import InvalidCell
from mlserve.runtimes.origins import Origin
from mlserve.runtimes.schema import Column, ColumnSchema, DataType

LONGS = st.integers(-(2**63), 2**63 - 1)
CELLS = {
    DataType.BOOLEAN: st.booleans(),
    DataType.INTEGER: st.integers(-(2**31), 2**31 - 1),
    DataType.LONG: LONGS,
    DataType.FLOAT: st.none() | st.floats(width=32) | LONGS,
    DataType.DOUBLE: st.none() | st.floats() | LONGS,
    DataType.STRING: st.none() | st.text(),
}


@st.composite
def tables(draw):
    """Draw a schema, named or not, and rows whose cells a typed decoder would let pass."""
    is_named = draw(st.booleans())
    types = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=8))
    columns = [
        Column(t, f"c{i}", required=draw(st.booleans())) if is_named else Column(t)
        for i, t in enumerate(types)
    ]
    cells = [CELLS[c.type] if c.required else st.none() | CELLS[c.type] for c in columns]
    rows = draw(st.lists(st.tuples(*cells), max_size=40))
    return ColumnSchema(tuple(columns)), rows


def enforce(enforcer, schema, rows):
    columns = zip(*rows, strict=True) if rows else [()] * len(schema.columns)
    values = {n: list(column) for n, column in zip(schema.names, columns, strict=True)}
    return enforcer.enforce(Columns(values, len(rows)), Origin.FRAME_JSON)


def outcome(call, *args):
    try:
        return call(*args)
    except InvalidCell as error:
        return str(error)


@given(tables())
def test_packing_gives_what_enforcing_gives(table):
    schema, rows = table
    enforcer = ColumnEnforcer(schema)
    packed, enforced = outcome(enforcer.pack, rows), outcome(enforce, enforcer, schema, rows)
    if isinstance(enforced, str):
        assert packed == enforced
        return
    assert packed.rows == enforced.rows
    assert list(packed.values) == list(enforced.values)
    for name, column in enforced.values.items():
        assert packed.values[name].dtype == column.dtype
        np.testing.assert_array_equal(packed.values[name], column)
    for block in packed.blocks:
        for name, column, cells in zip(block.names, block.array, block.cells, strict=True):
            np.testing.assert_array_equal(column, np.array(cells, column.dtype))
            assert np.shares_memory(packed.values[name], column)
            np.testing.assert_array_equal(packed.values[name], column)


@pytest.mark.parametrize("rows", [1, 16, 256, 257])
def test_few_rows_and_many_are_packed_alike(rows):
    schema = ColumnSchema(tuple(Column(t, t.value) for t in CELLS))
    row = (True, 1, 2, 0.5, 0.25, "x")
    packed = ColumnEnforcer(schema).pack([row] * rows)
    assert [column.dtype for column in packed.values.values()] == [t.dtype for t in CELLS]
    assert [list(column) for column in packed.values.values()] == [[c] * rows for c in row]


def test_packed_columns_can_be_written_to():
    schema = ColumnSchema((Column(DataType.DOUBLE, "a"),))
    packed = ColumnEnforcer(schema).pack([(1.5,)])
    packed.values["a"][0] = 2.5
    assert packed.values["a"][0] == 2.5


def test_a_number_that_float32_has_no_room_for_is_refused_while_packing():
    enforcer = ColumnEnforcer(ColumnSchema((Column(DataType.FLOAT, "a"),)))
    with pytest.raises(InvalidCell, match='column "a", row 1: found a number out of range'):
        enforcer.pack([(1.5,), (1e300,)])
