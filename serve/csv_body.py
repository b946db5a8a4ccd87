"""A CSV body as columns, read as pandas' ``read_csv`` reads it, without pandas."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import count
from typing import Any

import numpy as np

from ..runtimes.columns import ColumnName, Columns, ColumnValues
from ..runtimes.errors import MalformedRequest
from ..runtimes.schema import ColumnSchema

Row = list[str]

# The words that pandas reads as a missing value, quoted or not.
MISSING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"}
    | {"<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
)
_BOOLEANS = dict.fromkeys(["True", "TRUE", "true"], True)
_BOOLEANS |= dict.fromkeys(["False", "FALSE", "false"], False)
# Short lines under a long header make a table that may be far larger than they are.
_MOST_COLUMNS = 100_000
_MOST_GAPS = 2_000_000
_BLANKS = " \t\v\f"
# Python reads more forms of numbers than pandas does (1_000, ٣); these characters are in both's.
_OF_INTEGERS = b"0123456789+- \t\v\f\r\n"
_OF_FLOATS = _OF_INTEGERS + b".eEiInNfFtTyY"
# A record that is put last and does not come back as it is where a quote before it is open.
_END = "end"


def read_csv_body(body: bytes, schema: ColumnSchema | None) -> Columns:
    """Return the table in ``body``, whose first line names the columns.

    A column that ``schema`` has is a list of its cells as text, with None for a missing one; any
    other is of the type that all its cells can be read as: integers, floats, booleans or text.
    Columns that the schema has without a name are the first ones. Raises `MalformedRequest`.
    """
    header, *rows = _read_records(_decode(body))
    cells = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in header]
    names = _name_columns(header, schema)
    texts = frozenset(_columns_of(schema, names)) if schema else frozenset()
    values = {
        name: _mark_missing(column) if name in texts else infer_column(column)
        for name, column in zip(names, cells, strict=True)
    }
    return Columns(values, len(rows))


def infer_column(cells: list[str]) -> ColumnValues:
    """Return ``cells`` in the first type that holds them all: int64, uint64, float64, bool, text.

    Missing cells are NaN among numbers, which are floats then, and None among other values.
    Integers beyond 64 bits stay Python's.
    """
    is_full = MISSING.isdisjoint(cells)
    present = cells if is_full else [cell for cell in cells if cell not in MISSING]
    for read in (_read_integers, _read_floats, _read_booleans):
        values = read(cells, present)
        if values is not None:
            return values
    return _mark_missing(cells)


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedRequest(
            f"the CSV body is not UTF-8 (byte {error.start} is wrong); encode it as UTF-8"
        ) from error


def _read_records(text: str) -> list[Row]:
    """Return the header of ``text`` and its rows, all of the header's width."""
    try:
        numbered = list(_number_records(f"{text}\n{_END}\n"))
    except csv.Error as error:
        raise MalformedRequest(
            f"the CSV body has a cell of over {csv.field_size_limit()} characters; send it as JSON"
        ) from error
    line, last = numbered.pop()
    if last != [_END]:
        raise MalformedRequest(f'CSV line {line}: found an opening " that no other one closes')
    if not numbered:
        raise MalformedRequest("the CSV body is empty; its first line must name the columns")
    return _even_out(numbered)


def _number_records(text: str) -> Iterator[tuple[int, Row]]:
    """Yield each record with the number of the line on which it starts, but for blank lines.

    A line with a pair of quotes is not blank: it is a missing value.
    """
    last_line = ""

    def remember_lines() -> Iterator[str]:
        nonlocal last_line
        for last_line in StringIO(text, newline=""):  # noqa: UP028 - it is remembered as well
            yield last_line

    reader, number = csv.reader(remember_lines()), 1
    for record in reader:
        if len(record) > 1 or (record and ('"' in last_line or record[0].strip(_BLANKS))):
            yield number, record
        number = reader.line_num + 1


def _even_out(numbered: list[tuple[int, Row]]) -> list[Row]:
    """Return the records with missing values put where one ends too soon."""
    records = [record for _, record in numbered]
    width = len(records[0])
    widths = set(map(len, records))
    if width > _MOST_COLUMNS:
        raise MalformedRequest(
            f"the CSV header has {width} fields, expected at most {_MOST_COLUMNS}; send it as JSON"
        )
    if widths == {width}:
        return records
    if max(widths) > width:
        line, found = next((line, len(record)) for line, record in numbered if len(record) > width)
        raise MalformedRequest(
            f"CSV line {line}: found {found} fields, expected the {width} that the header names; "
            "an index column needs a name there too"
        )
    if width * len(records) - sum(map(len, records)) > _MOST_GAPS:
        raise MalformedRequest(
            f"the CSV body has lines much shorter than its header of {width} fields; "
            "send fewer rows a request, or every field"
        )
    return [record + [""] * (width - len(record)) for record in records]


def _name_columns(header: Row, schema: ColumnSchema | None) -> Sequence[ColumnName]:
    """Return the header's names with a number after each repeated one, as pandas gives them out.

    Those made up for empty cells come last and yield to the others.
    """
    names = [name or f"Unnamed: {position}" for position, name in enumerate(header)]
    taken, given = set(names), set[str]()
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: count(1))
    for position in sorted(range(len(names)), key=lambda position: not header[position]):
        name = names[position]
        if name in given:
            candidates = (f"{name}.{number}" for number in numbers[name])
            name = names[position] = next(c for c in candidates if c not in taken)
            taken.add(name)
        given.add(name)
    return schema.spell(names) if schema else names


def _columns_of(schema: ColumnSchema, names: Sequence[ColumnName]) -> Sequence[ColumnName]:
    return schema.names if schema.is_named else names[: len(schema.columns)]


def _mark_missing(cells: list[str]) -> list[str | None]:
    if MISSING.isdisjoint(cells):
        return list[str | None](cells)
    return [None if cell in MISSING else cell for cell in cells]


def _read_integers(cells: list[str], present: list[str]) -> ColumnValues | None:
    if not present or not _consist_of(present, _OF_INTEGERS):
        return None
    try:
        numbers = list(map(int, present))
    except ValueError:
        return None
    for dtype in (np.int64, np.uint64):
        if np.iinfo(dtype).min <= min(numbers) and max(numbers) <= np.iinfo(dtype).max:
            return np.array(numbers, dtype) if len(numbers) == len(cells) else None
    return [None if cell in MISSING else int(cell) for cell in cells]


def _read_floats(cells: list[str], present: list[str]) -> ColumnValues | None:
    if not _consist_of(present, _OF_FLOATS):
        return None
    try:
        numbers = np.array(list(map(float, present)))
    except ValueError:
        return None
    if not cells or np.isnan(numbers).any():  # "nAn", which pandas reads as text
        return None
    return numbers if len(numbers) == len(cells) else _put_back(numbers, cells)


def _put_back(numbers: np.ndarray[Any, Any], cells: list[str]) -> np.ndarray[Any, Any]:
    """Return ``numbers`` with NaN between them where a cell is missing."""
    values = np.full(len(cells), np.nan)
    values[[cell not in MISSING for cell in cells]] = numbers
    return values


def _read_booleans(cells: list[str], present: list[str]) -> ColumnValues | None:
    if not _BOOLEANS.keys() >= set(present):
        return None
    values = [_BOOLEANS.get(cell) for cell in cells]
    return np.array(values, bool) if len(present) == len(cells) > 0 else values


def _consist_of(cells: list[str], characters: bytes) -> bool:
    return not "\n".join(cells).encode().translate(None, characters)
