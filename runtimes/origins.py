"""Where a request's values come from, which decides how they are read as a schema's types."""

from __future__ import annotations

from enum import Enum, auto


class Origin(Enum):
    """The kind of body that data were read from.

    The JSON of a table (``dataframe_split``, ``dataframe_records``) carries binary cells as base64,
    the JSON of fields (``instances``, ``inputs``) as text. Values of a CSV are strings, or None
    where missing. Typed values are numpy arrays, from Parquet, pandas or a caller in Python.
    """

    FRAME_JSON = auto()
    FIELDS_JSON = auto()
    CSV = auto()
    TYPED = auto()
