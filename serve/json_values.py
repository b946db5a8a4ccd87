"""Strict JSON of whatever a model returns: numpy, pandas, pydantic and plain Python values.

pandas and pydantic are recognised where the model has loaded them, and never imported.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import sys
from collections.abc import Callable
from datetime import date, datetime, time
from enum import Enum
from functools import singledispatch
from typing import Any
from uuid import UUID

import numpy as np
import orjson

from ..runtimes.columns import Columns
from ..runtimes.errors import UnencodablePrediction

Record = dict[str, Any]


def dump_json(value: Any) -> bytes:
    """Return ``value`` as strict JSON: NaN, infinities, NaT and NA are null.

    orjson writes what it can; integers beyond 64 bits, lone surrogates and keys that are not
    strings take a slower way. Raises `UnencodablePrediction` for what has no JSON form.
    """
    try:
        return orjson.dumps(value, to_json_value, orjson.OPT_PASSTHROUGH_DATACLASS)
    except orjson.JSONEncodeError:
        return _dump_slowly(value)


@singledispatch
def to_json_value(value: Any) -> Any:
    """Return a value nearer to JSON than ``value``, whose members may need the same again.

    Raises `UnencodablePrediction` where there is none.
    """
    for module, name, convert in _FOREIGN:
        if is_loaded_instance(value, module, name):
            return convert(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise UnencodablePrediction(type(value).__name__)


def is_loaded_instance(value: Any, module: str, name: str) -> bool:
    """Tell whether ``value`` is an instance of ``module.name``, without importing ``module``."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)


@to_json_value.register(np.ndarray)
def _(value: np.ndarray[Any, Any]) -> Any:
    return value.tolist()


@to_json_value.register(np.generic)
def _(value: np.generic) -> Any:
    return value.item()


@to_json_value.register(np.longdouble)
def _(value: np.longdouble) -> float:
    return float(value)


@to_json_value.register(np.complexfloating)
def _(value: np.complexfloating[Any, Any]) -> Any:
    raise UnencodablePrediction(type(value).__name__)


@to_json_value.register(bytes)
@to_json_value.register(bytearray)
def _(value: bytes | bytearray) -> str:
    return base64.encodebytes(value).decode("ascii")


@to_json_value.register(date)
@to_json_value.register(time)
def _(value: date | time) -> str:
    return value.isoformat()


@to_json_value.register(datetime)
def _(value: datetime) -> str | None:
    is_missing = is_loaded_instance(value, "pandas.api.typing", "NaTType")
    return None if is_missing else value.isoformat()


@to_json_value.register(tuple)
def _(value: tuple[Any, ...]) -> list[Any]:
    return list(value)


@to_json_value.register(Enum)
def _(value: Enum) -> Any:
    return value.value


@to_json_value.register(UUID)
def _(value: UUID) -> str:
    return str(value)


@to_json_value.register(Columns)
def _(table: Columns) -> list[Record]:
    columns = [v.tolist() if isinstance(v, np.ndarray) else v for v in table.values.values()]
    return _zip_records(list(table.values), columns, table.rows)


def _frame_records(frame: Any) -> list[Record]:
    columns = [column.tolist() for _, column in frame.items()]
    return _zip_records(list(frame.columns), columns, len(frame))


def _series_records(series: Any) -> list[Record]:
    return _frame_records(series.to_frame())


def _zip_records(names: list[Any], columns: list[list[Any]], rows: int) -> list[Record]:
    keys = [_key(name) for name in names]
    if not columns:
        return [{} for _ in range(rows)]
    return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]


def _none(_: Any) -> None:
    return None


def _dump_model(model: Any) -> Any:
    return model.model_dump()


_FOREIGN: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("pandas", "DataFrame", _frame_records),
    ("pandas", "Series", _series_records),
    ("pandas.api.typing", "NAType", _none),
    ("pydantic", "BaseModel", _dump_model),
)


def _dump_slowly(value: Any) -> bytes:
    try:
        return json.dumps(_simplify(value), allow_nan=False, separators=(",", ":")).encode()
    except (RecursionError, ValueError) as error:  # a cycle, or an integer of thousands of digits
        raise UnencodablePrediction(f"{type(value).__name__} beyond JSON's limits") from error


def _simplify(value: Any) -> Any:
    """Return ``value`` in the types of the json module alone."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return float(value) if math.isfinite(value) else None
        case list() | tuple():
            return [_simplify(item) for item in value]
        case dict():
            return {_key(key): _simplify(item) for key, item in value.items()}
        case _:
            return _simplify(to_json_value(value))


def _key(key: Any) -> str:
    """Return the JSON name of a key, as Python's json module writes it."""
    match key:
        case str():
            return key
        case None | bool() | int() | float():
            return json.dumps(key)
        case np.generic():
            return _key(key.item())
        case _:
            raise UnencodablePrediction(f"{type(key).__name__} as a name")
