"""Where a request's values come from, which decides how they are read as a schema's types."""

from __future__ import annotations

from collections.abc import Iterable
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


def tellable_names(names: Iterable[object], origin: Origin) -> list[str]:
    """Return those ``names`` of a request's columns that a message may quote.

    Of a CSV it is none: where the header is left out, the values of the first row stand there.
    """
    return [] if origin is Origin.CSV else [str(name) for name in names]
