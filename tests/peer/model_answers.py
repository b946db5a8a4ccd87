"""What a model may answer, by names that a request can ask for: every kind of value, and errors.

Imported by both interpreters: by MLflow's for the model, by ours for the names.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pydantic


class Message(pydantic.BaseModel):
    role: str
    n: int = 0
    parts: list[float] | None = None


def frame() -> pd.DataFrame:
    """Return a new frame: what a pickle holds of it depends on which packages are installed."""
    return pd.DataFrame({"i": [1, 2], "f": [0.5, float("nan")], "s": ["x", None]})


MOMENT = dt.datetime(2020, 1, 2, 3, 4, 5)
ANSWERS: dict[str, Callable[[], Any]] = {
    "floats": lambda: np.array([0.5, float("nan"), float("inf"), -float("inf")]),
    "singles": lambda: np.array([0.1, 1e30], np.float32),
    "halves": lambda: np.array([0.1], np.float16),
    "integers": lambda: np.array([[1, 2], [3, 4]], np.int64),
    "unsigned": lambda: np.array([2**64 - 1], np.uint64),
    "booleans": lambda: np.array([True, False]),
    "texts": lambda: np.array(["a", "é\u2028"]),
    "objects": lambda: np.array([1, "a", None, 0.5], object),
    "array_of_none_dimension": lambda: np.array(3.5),
    "empty_array": lambda: np.zeros((0, 3)),
    "frame": frame,
    "frame_of_numbered_columns": lambda: pd.DataFrame([[1, 2.5], [3, 4.5]]),
    "frame_with_index": lambda: frame().set_index("s"),
    "frame_of_gaps": lambda: pd.DataFrame({"n": pd.array([1, None], dtype="Int64")}),
    "frame_of_moments": lambda: pd.DataFrame({"t": pd.to_datetime([MOMENT, None])}),
    "frame_of_zones": lambda: pd.DataFrame({"t": pd.to_datetime([MOMENT], utc=True)}),
    "frame_of_bytes": lambda: pd.DataFrame({"b": [b"abc", b"x" * 60]}),
    "frame_of_categories": lambda: pd.DataFrame({"c": pd.Categorical(["u", "v"])}),
    "frame_of_lists": lambda: pd.DataFrame({"l": [[1, 2], [3]]}),
    "frame_of_arrays": lambda: pd.DataFrame({"l": [np.array([1.5, 2]), np.array([3])]}),
    "empty_frame": lambda: pd.DataFrame({"a": []}),
    "twice_named_frame": lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "series": lambda: pd.Series([1.5, None], name="s"),
    "unnamed_series": lambda: pd.Series([1, 2]),
    "dict": lambda: {"a": np.array([1.5]), "b": [np.int32(2)], "c": {"d": np.float32(0.5)}},
    "dict_of_numbers": lambda: {1: "a", 2.5: "b", None: "d"},
    "dict_of_numpy_keys": lambda: {np.int64(1): "a"},
    "list": lambda: [1, "a", None, [0.5], {"x": True}],
    "tuple": lambda: (1, 2),
    "nested_nan": lambda: [float("nan"), {"x": float("inf")}],
    "numpy_nan": lambda: [np.float64("nan"), np.float32("inf")],
    "integer": lambda: 7,
    "big_integer": lambda: 2**70,
    "float": lambda: 1.5,
    "nan": lambda: float("nan"),
    "text": lambda: 'a "b"\n\u00e9\U0001f600',
    "none": lambda: None,
    "true": lambda: True,
    "numpy_scalar": lambda: np.float32(0.1),
    "bytes": lambda: [b"abc", b"x" * 60],
    "bytearray": lambda: bytearray(b"abc"),
    "moment": lambda: MOMENT,
    "date": MOMENT.date,
    "time": MOMENT.time,
    "timestamp": lambda: pd.Timestamp(MOMENT),
    "not_a_time": lambda: [pd.NaT],
    "nanoseconds": lambda: np.datetime64(MOMENT, "ns"),
    "seconds": lambda: np.datetime64(MOMENT, "s"),
    "array_of_nanoseconds": lambda: np.array([MOMENT, None], "datetime64[ns]"),
    "array_of_days": lambda: np.array([MOMENT], "datetime64[D]"),
    "pydantic": lambda: Message(role="user", n=3),
    "list_of_pydantic": lambda: [Message(role="user")],
    "set": lambda: {1},
    "generator": lambda: (n for n in range(2)),
    "decimal": lambda: decimal.Decimal("1.5"),
    "complex": lambda: 1j,
    "frames": lambda: [frame()],
    "not_available": lambda: [pd.NA],
    "surrogate": lambda: "\ud800",
}

# The error codes that the model raises MlflowException with.
CODES = [
    "BAD_REQUEST",
    "INVALID_PARAMETER_VALUE",
    "NOT_FOUND",
    "PERMISSION_DENIED",
    "REQUEST_LIMIT_EXCEEDED",
    "INTERNAL_ERROR",
    "NOT_IMPLEMENTED",
    "TEMPORARILY_UNAVAILABLE",
]
