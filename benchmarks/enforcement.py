"""What schema enforcement costs: python benchmarks/enforcement.py.

Prints, for tables of one and of many rows, the microseconds that checking and casting JSON values
takes (enforce), those for rows that the typed decoder has checked (pack), and those of the least
that numpy can do with the same values, which checks nothing (np.array).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from timeit import repeat
from typing import Any

import numpy as np
from mlserve.runtimes.columns import Columns
from mlserve.runtimes.enforcement import ColumnEnforcer
from mlserve.runtimes.origins import Origin
from mlserve.runtimes.schema import Column, ColumnSchema, DataType

MIXED = [DataType.DOUBLE] * 10 + [DataType.LONG] * 4 + [DataType.STRING] * 5 + [DataType.BOOLEAN]
CELLS: Mapping[DataType, Callable[[random.Random], Any]] = {
    DataType.BOOLEAN: lambda source: source.random() < 0.5,
    DataType.LONG: lambda source: source.randrange(10**9),
    DataType.DOUBLE: lambda source: source.random(),
    DataType.STRING: lambda source: f"text {source.randrange(50)}",
}
TABLES: Sequence[tuple[str, Sequence[DataType], int]] = (
    ("600 doubles", [DataType.DOUBLE] * 600, 1),
    ("600 longs", [DataType.LONG] * 600, 1),
    ("600 mixed", MIXED * 30, 1),
    ("20 doubles", [DataType.DOUBLE] * 20, 1),
    ("20 mixed", MIXED, 1),
    ("20 mixed", MIXED, 16),
    ("20 mixed", MIXED, 100),
    ("20 mixed", MIXED, 1_000),
    ("20 doubles", [DataType.DOUBLE] * 20, 10_000),
    ("20 mixed", MIXED, 10_000),
)
LEAST_SECONDS = 0.02
ROUNDS = 5


def main() -> None:
    """Print one line a table."""
    print(f"{'columns':<12} {'rows':>6} {'enforce us':>11} {'pack us':>9} {'np.array us':>12}")
    for name, types, rows in TABLES:
        columns = make_columns(types, rows)
        times = [measure(step) for step in steps(types, columns)]
        print(f"{name:<12} {rows:>6} {times[0]:>11.1f} {times[1]:>9.1f} {times[2]:>12.1f}")


def make_columns(types: Sequence[DataType], rows: int) -> Columns:
    """Return columns of ``types`` with the values that a JSON parser gives, the same each time."""
    source = random.Random(7)
    values = {f"c{i}": [CELLS[t](source) for _ in range(rows)] for i, t in enumerate(types)}
    return Columns({**values}, rows)


def steps(types: Sequence[DataType], columns: Columns) -> Sequence[Callable[[], object]]:
    """Return the three things to measure on ``columns``."""
    schema = ColumnSchema(tuple(Column(t, f"c{i}") for i, t in enumerate(types)))
    enforcer = ColumnEnforcer(schema)
    lists = list(columns.values.values())
    return (
        partial(enforcer.enforce, columns, Origin.FRAME_JSON),
        partial(enforcer.pack, list(zip(*lists, strict=True))),
        partial(make_arrays, lists, [t.dtype for t in types]),
    )


def make_arrays(lists: Sequence[Any], dtypes: Sequence[Any]) -> list[Any]:
    """Return ``lists`` as arrays of ``dtypes``, unchecked."""
    return [np.array(values, dtype) for values, dtype in zip(lists, dtypes, strict=True)]


def measure(step: Callable[[], object]) -> float:
    """Return the microseconds of the fastest of some rounds of ``step``."""
    once = min(repeat(step, number=1, repeat=3))
    count = max(1, int(LEAST_SECONDS / once))
    return min(repeat(step, number=count, repeat=ROUNDS)) / count * 1e6


if __name__ == "__main__":
    main()
