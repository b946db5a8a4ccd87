"""The JSON bodies of /invocations, read into model input: MLflow's four formats and unwrapped ones.

The forms and their rules are those of MLflow's scoring protocol 2.0 (docs/protocol.md); values are
checked against the signature afterwards, by ``runtimes/enforcement.py``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from ..runtimes.columns import (
    ColumnName,
    Columns,
    ColumnValues,
    ModelInput,
    Payload,
    Tensor,
    Tensors,
)
from ..runtimes.errors import MalformedRequest, shorten
from ..runtimes.modelspec import ModelSpec
from ..runtimes.nestedlists import stack_lists
from ..runtimes.origins import Origin
from ..runtimes.schema import Array, ColumnSchema, Object, Schema

UNWRAPPED_KEYS = ("messages", "prompt", "input")

# Records that name different columns make a table with gaps, which may be far larger than they are.
_MOST_GAPS = 10_000_000
_SPLIT_KEYS = frozenset({"columns", "data", "index"})
_SHOWN_LENGTHS = 5


Translate = Callable[[dict[str, Any], ModelSpec], dict[str, Any]]
"""Makes a document of a platform's own form one of the scoring protocol."""


@dataclass(frozen=True, slots=True)
class JsonRequest:
    """What a JSON body holds; ``params`` is whatever stands there, to be checked by its schema.

    ``is_bare`` says that the answer goes without the ``predictions`` around it.
    """

    data: ModelInput
    origin: Origin
    params: Any
    is_bare: bool = False


def read_json_body(body: bytes, spec: ModelSpec, translate: Translate | None = None) -> JsonRequest:
    """Return the data and params of ``body`` for the model of ``spec``, or say what is wrong."""
    document = parse_json(body)
    if translate is not None and isinstance(document, dict):
        document = translate(document, spec)
    if not isinstance(document, dict):
        raise MalformedRequest(
            f"the body is {_json_type(document)}, expected a JSON object with one of the keys "
            f"{', '.join(FORMATS)}"
        )
    # A model that checks its input by its own type hints gets what the request has, as it is.
    is_hinted = spec.is_signature_from_type_hint
    schema = spec.signature.inputs if spec.signature and not is_hinted else None
    if any(key in document for key in UNWRAPPED_KEYS):
        return _read_unwrapped(document, spec, schema)
    key = _find_format(document)
    params = document.get("params")
    if is_hinted:
        return JsonRequest(_read_hinted(key, document[key]), Origin.FIELDS_JSON, params)
    read, origin = FORMATS[key]
    return JsonRequest(_spell(read(document[key], schema), schema), origin, params)


def parse_json(body: bytes) -> Any:
    """Return the document in ``body``: strict JSON, or what else Python's own parser takes.

    That is NaN and Infinity, as Python writes them, and UTF-16 and UTF-32. Integers are exact at
    any size. Raises `MalformedRequest` with the place of the first fault, not with the text there.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    if not body.strip():
        raise MalformedRequest("the body is empty; send a JSON object")
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        fault = f"{error.msg}: line {error.lineno} column {error.colno}"
    except UnicodeDecodeError as error:
        fault = f"byte {error.start} is no {error.encoding}"
    except RecursionError:
        fault = "it is nested too deep"
    except ValueError:  # Python's limit on the digits of an integer
        fault = "an integer has too many digits"
    raise MalformedRequest(f"the body is not valid JSON: {fault}")


def _find_format(document: Mapping[str, Any]) -> str:
    present = [key for key in FORMATS if key in document]
    if len(present) != 1:
        found = f"the keys {' and '.join(present)}" if present else "none"
        raise MalformedRequest(
            f"the body has {found} of {', '.join(FORMATS)}; send exactly one of them"
        )
    return present[0]


def _read_unwrapped(
    document: Mapping[str, Any], spec: ModelSpec, schema: Schema | None
) -> JsonRequest:
    """Read an unwrapped payload: the whole object is the input, but for what are params."""
    specs = spec.signature.params if spec.signature else None
    names = {param.name for param in specs or ()}
    params = {key: value for key, value in document.items() if key in names}
    fields = {key: value for key, value in document.items() if key not in names}
    data: ModelInput = Payload(fields)
    if isinstance(schema, ColumnSchema):
        data = _spell(_fields_to_columns(fields, schema), schema)
    return JsonRequest(data, Origin.FIELDS_JSON, params, is_bare=True)


def _read_hinted(key: str, value: Any) -> Payload:
    if key != "inputs":
        raise MalformedRequest(
            f'the body has the key "{key}", expected "inputs": '
            "this model checks its input by its own type hints"
        )
    return Payload(value)


def _read_split(value: Any, schema: Schema | None) -> Columns:  # noqa: ARG001 - one shape of reader
    where = "dataframe_split"
    if not isinstance(value, dict):
        raise _wrong_type(where, value, "an object with columns and data")
    if "data" not in value:
        raise MalformedRequest(f'{where}: found no key "data", expected a list of rows there')
    if value.keys() - _SPLIT_KEYS:
        expected = ", ".join(sorted(_SPLIT_KEYS))
        raise MalformedRequest(f"{where}: found another key, expected none but {expected}")
    rows = value["data"]
    if not isinstance(rows, list):
        raise _wrong_type(f"{where}.data", rows, "a list of rows")
    if rows and not isinstance(rows[0], list | dict):
        rows = [[cell] for cell in rows]
    columns = _rows_to_columns(rows, _column_names(value.get("columns"), rows), f"{where}.data")
    _check_index(value.get("index"), len(rows))
    return columns


def _check_index(index: Any, rows: int) -> None:
    """Refuse labels that are not as many as the rows; they are of no use to a model."""
    if index is None:
        return
    where, expected = "dataframe_split.index", f"a list of {rows} labels, one a row"
    if not isinstance(index, list):
        raise _wrong_type(where, index, expected)
    if len(index) != rows:
        raise MalformedRequest(f"{where}: found {len(index)} labels, expected {expected}")


def _column_names(columns: Any, rows: list[Any]) -> list[ColumnName]:
    where, expected = "dataframe_split.columns", "a list of names"
    if columns is None:
        return list(range(len(rows[0]) if rows else 0))
    if not isinstance(columns, list):
        raise _wrong_type(where, columns, expected)
    for name in columns:
        if type(name) not in (str, int):  # the exact type, for a boolean is an integer to Python
            raise _wrong_type(where, name, "a name, or the number of a column without one")
    if len(set(columns)) != len(columns):
        ((twice, _),) = Counter(columns).most_common(1)
        raise MalformedRequest(f'{where}: "{shorten(twice)}" is there twice')
    return columns


def _rows_to_columns(rows: list[Any], names: list[ColumnName], where: str) -> Columns:
    width = len(names)
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width:
            found = f"{len(row)} values" if isinstance(row, list) else _json_type(row)
            raise MalformedRequest(f"{where}, row {i}: found {found}, expected {width} values")
    columns = map(list, zip(*rows, strict=True)) if rows else ([] for _ in names)
    return Columns(dict(zip(names, columns, strict=True)), len(rows))


def _read_records(value: Any, schema: Schema | None) -> Columns:  # noqa: ARG001 - as above
    if not isinstance(value, list):
        raise _wrong_type("dataframe_records", value, "a list of objects, one a row")
    return _records_to_columns(value, "dataframe_records")


def _records_to_columns(records: list[Any], where: str) -> Columns:
    """Return the table of ``records``, with None where one lacks a column."""
    for i, record in enumerate(records):
        if not isinstance(record, dict):
            raise _wrong_type(f"{where}, row {i}", record, "an object")
    names = list(dict.fromkeys(chain.from_iterable(records)))
    if len(names) * len(records) - sum(map(len, records)) > _MOST_GAPS:
        raise MalformedRequest(
            f"{where}: the rows name {len(names)} columns together, and each row lacks most of "
            "them; send fewer rows a request, or dataframe_split"
        )
    return Columns({name: [record.get(name) for record in records] for name in names}, len(records))


def _read_instances(value: Any, schema: Schema | None) -> ModelInput:
    if isinstance(value, dict):
        fields = _read_fields(value, schema)
        if isinstance(fields, Tensors):  # one entry an instance, which "inputs" does not promise
            _require_one_length({n: len(a) if a.ndim else 1 for n, a in fields.values.items()})
        return fields
    if not _are_records(value):
        return _read_array(value, schema, "instances")
    return _read_field_rows(value, schema, "instances")


def _read_inputs(value: Any, schema: Schema | None) -> ModelInput:
    if isinstance(value, dict):
        return _read_fields(value, schema)
    if not _are_records(value):
        return _read_array(value, schema, "inputs")
    if isinstance(schema, ColumnSchema):
        return _records_to_columns(value, "inputs")
    return Payload(value) if schema is None else _read_field_rows(value, schema, "inputs")


def _are_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _read_field_rows(records: list[Any], schema: Schema | None, where: str) -> ModelInput:
    """Read one object a row, which may lack no column that the model needs."""
    columns = _records_to_columns(records, where)
    needed = set(columns.values)
    if isinstance(schema, ColumnSchema):
        needed &= {str(column.name) for column in schema.columns if column.required}
    for i, record in enumerate(records):
        if lacking := needed - record.keys():
            name = min(map(str, lacking))
            raise MalformedRequest(f'{where}, row {i}: found no "{shorten(name)}", as others have')
    if isinstance(schema, ColumnSchema):
        return columns
    return Tensors({str(name): _to_array(v, str(name)) for name, v in columns.values.items()})


def _read_fields(fields: Mapping[str, Any], schema: Schema | None) -> ModelInput:
    if not isinstance(schema, ColumnSchema):
        return Tensors({name: _to_array(value, name) for name, value in fields.items()})
    if not schema.is_named:
        raise MalformedRequest(
            "the model's columns have no names; send a list of rows rather than an object"
        )
    return _fields_to_columns(fields, schema)


def _fields_to_columns(fields: Mapping[str, Any], schema: ColumnSchema) -> Columns:
    """Read an object of columns; one of single values, or of a nested column, is one row.

    A single value beside columns holds for all their rows.
    """
    is_nested = any(isinstance(column.type, Array | Object) for column in schema.columns)
    if is_nested or not any(isinstance(value, list) for value in fields.values()):
        return Columns({name: [value] for name, value in fields.items()}, 1)
    lengths = {name: len(value) for name, value in fields.items() if isinstance(value, list)}
    _require_one_length(lengths)
    rows = next(iter(lengths.values()))
    if (len(fields) - len(lengths)) * rows > _MOST_GAPS:
        raise MalformedRequest(
            f"single values stand beside columns of {rows} rows, too many to repeat them; "
            "send a list for each column, or fewer rows a request"
        )
    columns: dict[ColumnName, ColumnValues] = {
        name: value if isinstance(value, list) else [value] * rows for name, value in fields.items()
    }
    return Columns(columns, rows)


def _require_one_length(lengths: Mapping[str, int]) -> None:
    if len(set(lengths.values())) > 1:
        shown = [f'"{shorten(name)}" has {length}' for name, length in lengths.items()]
        raise MalformedRequest(
            f"the columns differ in length: {', '.join(shown[:_SHOWN_LENGTHS])}; give all the same"
        )


def _read_array(value: Any, schema: Schema | None, where: str) -> ModelInput:
    """Read a plain list: one array, or the rows or the one column of a table."""
    if not isinstance(schema, ColumnSchema):
        return _to_array(value, where)
    cells = value if isinstance(value, list) else [value]
    if schema.is_named and len(schema.columns) == 1:
        return Columns({schema.names[0]: cells}, len(cells))
    if cells and isinstance(cells[0], list):
        return _rows_to_columns(cells, list(range(len(cells[0]))), where)
    return Columns({0: cells}, len(cells))


def _to_array(value: Any, where: str) -> Tensor:
    try:
        return stack_lists(value)
    except ValueError as error:
        raise MalformedRequest(f"{shorten(where)}: {error}") from None


def _spell(data: ModelInput, schema: Schema | None) -> ModelInput:
    """Return ``data`` under the names of ``schema``, which may be numbers where JSON has texts."""
    if not (isinstance(data, Columns) and isinstance(schema, ColumnSchema)):
        return data
    names = schema.spell(data.values)
    if len(set(names)) != len(names):
        raise MalformedRequest("a column is there twice, by its number and by the text of it")
    return Columns(dict(zip(names, data.values.values(), strict=True)), data.rows)


def _wrong_type(where: str, value: Any, expected: str) -> MalformedRequest:
    return MalformedRequest(f"{where}: found {_json_type(value)}, expected {expected}")


_JSON_TYPES = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def _json_type(value: Any) -> str:
    return _JSON_TYPES[type(value)]


Reader = Callable[[Any, Schema | None], ModelInput]

FORMATS: dict[str, tuple[Reader, Origin]] = {
    "dataframe_split": (_read_split, Origin.FRAME_JSON),
    "dataframe_records": (_read_records, Origin.FRAME_JSON),
    "instances": (_read_instances, Origin.FIELDS_JSON),
    "inputs": (_read_inputs, Origin.FIELDS_JSON),
}
