"""The input example of a model, stored in the two files in which MLflow keeps it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .errors import SchemaViolation
from .example import REQUEST_FILE

EXAMPLE_FILE = "input_example.json"

ExampleData = pd.DataFrame | np.ndarray[Any, Any]


def read_example_data(example: Any) -> ExampleData:
    """Return ``example`` as what a model takes: an array as it is, and a table as a DataFrame.

    A table may come as a DataFrame, a dict of columns, or a list of records.
    """
    match example:
        case pd.DataFrame() | np.ndarray() if len(example):
            return example
        case dict() if example:
            return pd.DataFrame(example)
        case list() if example and all(isinstance(row, dict) for row in example):
            return pd.DataFrame.from_records(example)
    raise SchemaViolation(
        f"found an example of type {type(example).__name__}, expected at least one row in a "
        "DataFrame, an array, a dict of columns or a list of records"
    )


def write_example(folder: Path, rows: ExampleData) -> dict[str, str]:
    """Write ``rows`` into ``folder`` as an example and as a request that is ready to be sent.

    Return what the file MLmodel says about them.
    """
    info = {"artifact_path": EXAMPLE_FILE, "serving_input_path": REQUEST_FILE}
    if isinstance(rows, pd.DataFrame):
        document = _split(rows)
        request = {"dataframe_split": document}
        info |= {
            "type": "dataframe",
            "pandas_orient": "split" if "columns" in document else "values",
        }
    else:
        document = _nested(rows)
        request = {"inputs": document}
        info |= {"type": "ndarray"}
    (folder / EXAMPLE_FILE).write_text(_encode(document))
    (folder / REQUEST_FILE).write_text(_encode(request, indent=2))
    return info


def _split(frame: pd.DataFrame) -> dict[str, Any]:
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    if frame.columns.equals(pd.RangeIndex(frame.shape[1])):
        return {"data": rows}
    return {"columns": frame.columns.tolist(), "data": rows}


def _nested(array: np.ndarray[Any, Any]) -> Any:
    if array.dtype.kind != "f":
        return array.tolist()
    cells = array.astype(object)
    cells[np.isnan(array)] = None
    return cells.tolist()


def _encode(document: Any, indent: int | None = None) -> str:
    try:
        return json.dumps(document, default=_encode_value, indent=indent, allow_nan=False)
    except ValueError as error:
        raise SchemaViolation(
            "the example holds an infinity, which JSON has no word for; give rows without one"
        ) from error


def _encode_value(value: Any) -> Any:
    for kinds, encode in _ENCODERS:
        if isinstance(value, kinds):
            return encode(value)
    raise SchemaViolation(
        f"the example holds a value of type {type(value).__name__}, expected one that JSON can "
        "hold; convert it first"
    )


_ENCODERS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (np.ndarray, np.ndarray.tolist),
    (np.datetime64, str),
    (np.generic, np.generic.item),
    ((bytes, bytearray), lambda value: base64.encodebytes(value).decode("ascii")),
    (date, lambda value: value.isoformat()),
)
