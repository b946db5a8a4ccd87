"""Requests that hypothesis makes up for a signature: mostly good, some bad."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
from typing import Any

import numpy as np
from hypothesis import strategies as st
from mlserve.runtimes.schema import (
    AnyType,
    Array,
    Column,
    ColumnSchema,
    ColumnType,
    DataType,
    Map,
    Object,
    ParamSpec,
    Signature,
    TensorSchema,
    TensorSpec,
)

from .exchanges import Request, csv_request, json_request

Strategy = st.SearchStrategy[Any]

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=5)
LIMITS = [0, 1, -1, 2**31 - 1, -(2**31), 2**31, 2**53, 2**63 - 1, -(2**63), 2**63, 2**64, 10**30]
INTEGERS = st.integers(-1000, 1000)
FLOATS = st.floats(-1e6, 1e6, width=32)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
FIRST, LAST = dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)
SCALARS: dict[DataType, Strategy] = {
    DataType.BOOLEAN: st.booleans(),
    DataType.INTEGER: INTEGERS | st.integers(-(2**31), 2**31 - 1),
    DataType.LONG: INTEGERS | st.integers(-(2**63), 2**63 - 1),
    DataType.FLOAT: FLOATS | INTEGERS,
    DataType.DOUBLE: FLOATS | INTEGERS | DOUBLES,
    DataType.STRING: TEXTS,
    DataType.BINARY: st.binary(max_size=4).map(lambda data: base64.b64encode(data).decode()),
    DataType.DATETIME: st.datetimes(FIRST, LAST).map(dt.datetime.isoformat),
}
ODDITIES = (
    st.none()
    | st.booleans()
    | st.sampled_from(LIMITS)
    | DOUBLES
    | st.sampled_from(
        ["", "1", "1.5", "true", "nan", "2020-01-02", "x", float("nan"), float("inf")]
    )
    | TEXTS
    | st.lists(INTEGERS, max_size=2)
    | st.dictionaries(TEXTS, INTEGERS, max_size=1)
)


def requests(signature: Signature | None) -> Strategy:
    """Return the requests to a model with ``signature``."""
    inputs = signature.inputs if signature else None
    match inputs:
        case ColumnSchema() if inputs.is_named:
            found = tables(inputs)
        case ColumnSchema():
            found = positions(inputs)
        case TensorSchema():
            found = tensors(inputs)
        case None:
            found = untyped()
    if signature and signature.params:
        given = st.builds(
            lambda document, params: document | params, found, params(signature.params)
        )
        found = st.one_of(found, given)
    made = found.map(json_request)
    if isinstance(inputs, ColumnSchema) and _is_of_csv(inputs):
        made |= csv_tables(inputs)
    return made


def _is_of_csv(schema: ColumnSchema) -> bool:
    """Tell whether MLflow reads the columns from a CSV."""
    readable = SCALARS.keys() - {DataType.DATETIME}
    types = [column.type for column in schema.columns]
    return schema.is_named and all(isinstance(t, DataType) and t in readable for t in types)


def values(column_type: ColumnType) -> Strategy:
    """Return right values of a type, and of a nested type now and then one with a wrong member."""
    match column_type:
        case DataType():
            return SCALARS[column_type]
        case Array(items=items):
            return st.lists(_or_odd(values(items)), max_size=3)
        case Object(properties=properties):
            names = {name: _or_odd(values(member.type)) for name, member in properties.items()}
            needed = {name for name, member in properties.items() if member.required}
            return st.fixed_dictionaries(
                {name: names[name] for name in needed},
                optional={name: names[name] for name in names.keys() - needed},
            )
        case Map(values=members):
            return st.dictionaries(TEXTS, _or_odd(values(members)), max_size=2)
        case AnyType():
            return ODDITIES
        case _:
            return st.nothing()


def _or_odd(right: Strategy, share: int = 8) -> Strategy:
    """Return ``right`` values, and about one in ``share`` of any kind."""
    return st.integers(0, share - 1).flatmap(
        lambda drawn: ODDITIES if drawn == share - 1 else right
    )


@st.composite
def tables(draw: st.DrawFn, schema: ColumnSchema) -> dict[str, Any]:
    """Return a document with a table in one of the formats, its columns in any order."""
    rows = _rows(draw, schema)
    kind = draw(st.sampled_from(["split", "records", "instances", "inputs", "columns", "row"]))
    names = list(rows[0])
    match kind:
        case "split":
            data = [[row[name] for name in names] for row in rows]
            return {"dataframe_split": {"columns": names, "data": data}}
        case "records":
            return {"dataframe_records": rows}
        case "columns":
            return {"inputs": {name: [row[name] for row in rows] for name in names}}
        case "row":
            return {"inputs": rows[0]}
        case _:
            return {kind: rows}


def _rows(draw: st.DrawFn, schema: ColumnSchema) -> list[dict[str, Any]]:
    columns = list(draw(st.permutations(schema.columns)))
    change = draw(st.sampled_from(["none", "none", "none", "less", "more"]))
    columns = [c for c in columns if c.required or draw(st.booleans())] or columns
    if change == "less" and len(columns) > 1:
        columns.pop()
    if change == "more":
        columns.insert(0, Column(DataType.DOUBLE, "another"))
    count = draw(st.integers(1, 3))
    cells = {str(c.name): _or_odd(values(c.type), 3 * len(columns)) for c in columns}
    return draw(st.lists(st.fixed_dictionaries(cells), min_size=count, max_size=count))


@st.composite
def csv_tables(draw: st.DrawFn, schema: ColumnSchema) -> Request:
    """Return a table as CSV, with missing cells where the value is None."""
    rows = _rows(draw, schema)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(list(rows[0]))
    writer.writerows([list(row.values()) for row in rows])
    return csv_request(text.getvalue())


@st.composite
def positions(draw: st.DrawFn, schema: ColumnSchema) -> dict[str, Any]:
    """Return a document with rows as lists, for columns that have no names."""
    cells = [_or_odd(values(column.type), 20) for column in schema.columns]
    width = draw(st.sampled_from([0, 0, 0, 0, -1, 1]))
    cells = cells[:-1] if width < 0 else cells + cells[:width]
    count = draw(st.integers(1, 3))
    rows = [[draw(cell) for cell in cells] for _ in range(count)]
    key = draw(st.sampled_from(["dataframe_split", "instances", "inputs"]))
    return {key: {"data": rows} if key == "dataframe_split" else rows}


@st.composite
def tensors(draw: st.DrawFn, schema: TensorSchema) -> dict[str, Any]:
    """Return a document with the tensors of a schema, at times of a wrong shape."""
    rows = draw(st.integers(1, 3))
    arrays = {str(spec.name): draw(_array(spec, rows)) for spec in schema.tensors}
    key = draw(st.sampled_from(["inputs", "inputs", "instances"]))
    if schema.is_named:
        return {key: arrays}
    (array,) = arrays.values()
    if draw(st.booleans()):
        return {key: array}
    return {"dataframe_split": {"data": array}}


@st.composite
def _array(draw: st.DrawFn, spec: TensorSpec, rows: int) -> Any:
    shape = [rows if length == -1 else length for length in spec.shape]
    if draw(st.integers(0, 9)) == 9:
        shape[-1] += 1
    element = _or_odd(FLOATS if spec.dtype.kind == "f" else INTEGERS, 30)
    elements = [draw(element) for _ in range(int(np.prod(shape)))]
    for length in reversed(shape[1:]):
        elements = [elements[i : i + length] for i in range(0, len(elements), length)]
    return elements


def params(specs: tuple[ParamSpec, ...]) -> Strategy:
    """Return the member ``params`` of a document, with right and wrong values."""
    given = {}
    for spec in specs:
        assert isinstance(spec.type, DataType)
        right = SCALARS[spec.type]
        given[spec.name] = _or_odd(right if spec.shape is None else st.lists(right, max_size=3), 8)
    some = st.fixed_dictionaries({}, optional=given)
    return st.fixed_dictionaries({"params": _or_odd(some)})


def untyped() -> Strategy:
    """Return documents for a model that declares nothing: any JSON in any format."""
    scalars = st.booleans() | INTEGERS | FLOATS | TEXTS | st.sampled_from(LIMITS) | st.none()
    cells = st.sampled_from([INTEGERS, FLOATS, TEXTS, st.booleans(), scalars])
    rows = cells.flatmap(
        lambda cell: st.integers(1, 3).flatmap(
            lambda width: st.lists(
                st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=3
            )
        )
    )
    flat = cells.flatmap(lambda cell: st.lists(cell, min_size=1, max_size=3))
    split = rows.map(lambda data: {"dataframe_split": {"data": data}})
    records = rows.map(
        lambda data: {"dataframe_records": [dict(zip("abc", row, strict=False)) for row in data]}
    )
    columns = rows.map(lambda data: dict(zip("abc", data, strict=False)))
    keys = st.sampled_from(["inputs", "instances"])
    lists = st.builds(lambda key, data: {key: data}, keys, rows | flat | columns | scalars)
    return split | records | lists
