"""An example of a request as its rows, from which each contract's own body is made."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from ..runtimes.errors import InvalidSetting

_EXPECTED = (
    "expected a JSON object with one of the keys dataframe_split, dataframe_records, instances "
    "and inputs"
)


@dataclass(frozen=True, slots=True)
class Example:
    """The rows of an example, and the params beside them.

    ``columns`` are the names of a table's columns, whose rows are objects; None for other rows.
    """

    rows: list[Any]
    columns: list[str] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_plain_table(self) -> bool:
        """Whether all cells have a form in CSV."""
        cells = (cell for row in self.cells() for cell in row)
        return self.columns is not None and not any(isinstance(one, dict | list) for one in cells)

    def cells(self) -> list[list[Any]]:
        """Return the rows of a table as lists, in the order of its columns."""
        return [[row.get(name) for name in self.columns or ()] for row in self.rows]

    def as_split(self) -> dict[str, Any]:
        """Return the table as columns and rows."""
        return {"columns": self.columns, "data": self.cells()}

    def as_columns(self) -> dict[str, list[Any]]:
        """Return the table as lists of cells, by the names of the columns."""
        return {name: [row.get(name) for row in self.rows] for name in self.columns or ()}

    def as_csv(self) -> str:
        """Return the table as CSV with a line of names."""
        text = StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.columns or [], *self.cells()])
        return text.getvalue()


def load_example(file: Path) -> Example:
    """Return the example in ``file``, the body of a request in the scoring protocol's JSON."""
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise InvalidSetting(f"--example {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidSetting(f"--example {file}: found no JSON ({error}), {_EXPECTED}") from error
    return read_example(document, f"--example {file}")


def read_example(document: Any, source: str) -> Example:
    """Return the example in the body ``document``; raises `InvalidSetting` where there is none."""
    if not isinstance(document, dict):
        raise InvalidSetting(f"{source}: found no object, {_EXPECTED}")
    try:
        rows, columns = _read_rows(document)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InvalidSetting(f"{source}: found another form, {_EXPECTED}") from None
    if not rows:
        raise InvalidSetting(f"{source}: found no rows, {_EXPECTED}, and at least one row")
    params = document.get("params") or document.get("parameters") or {}
    return Example(rows, columns, params)


def _read_rows(document: Mapping[str, Any]) -> tuple[list[Any], list[str] | None]:
    if "dataframe_split" in document:
        split = document["dataframe_split"]
        if "columns" not in split:
            return list(split["data"]), None
        names = [str(name) for name in split["columns"]]
        return [dict(zip(names, row, strict=True)) for row in split["data"]], names
    if "dataframe_records" in document:
        return _as_table(document["dataframe_records"])
    values = document["instances"] if "instances" in document else document["inputs"]
    if isinstance(values, dict):
        columns = [one if isinstance(one, list) else [one] for one in values.values()]
        return _as_table(
            [dict(zip(values, cells, strict=True)) for cells in zip(*columns, strict=True)]
        )
    return _as_table(values)


def _as_table(rows: list[Any]) -> tuple[list[Any], list[str] | None]:
    if not all(isinstance(row, dict) for row in rows):
        return list(rows), None
    return rows, list(dict.fromkeys(name for row in rows for name in row))
