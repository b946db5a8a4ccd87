"""From the tree of a filter to the clauses of a SELECT, in which every value is bound.

A text is compared by its bytes; ILIKE takes ASCII letters alone for the same in both cases.
"""

from __future__ import annotations

import math
import operator
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Table,
    and_,
    exists,
    false,
    func,
    not_,
    or_,
    select,
)

from .filters import LISTS, PATTERNS, PRESENCE, Comparator, Comparison, Kind
from .limits import LARGEST_INTEGER, parse_experiment_id
from .tables import datasets, run_dataset_tags, run_datasets, runs

Clause = ColumnElement[bool]

DATASET_CONTEXT: Final = "mlflow.data.context"

MOST_KEPT: Final = 256
"""How many clauses and orders are kept for when they are asked for again."""
_LONGEST_KEPT: Final = 250

_OPERATORS: Final[Mapping[Comparator, Callable[[Any, Any], Any]]] = {
    Comparator.EQUAL: operator.eq,
    Comparator.UNEQUAL: operator.ne,
    Comparator.LESS: operator.lt,
    Comparator.AT_MOST: operator.le,
    Comparator.GREATER: operator.gt,
    Comparator.AT_LEAST: operator.ge,
}
_LARGEST_SHORT_INTEGER: Final = 2**31 - 1
_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Where the database has what the filters of one kind of entity ask for; equal to itself alone.

    ``owner`` is the entity's own key, whose columns have the same names in ``tables``, which hold
    the metrics, params and tags.
    """

    owner: Sequence[ColumnElement[Any]]
    attributes: Mapping[str, ColumnElement[Any]]
    tables: Mapping[Kind, Table]


def make_clause(comparison: Comparison, columns: Columns, *also: Clause) -> Clause:
    """Return the clause that holds for the entities for which ``comparison`` does.

    ``also`` narrows the rows of the table in which the value is looked for.
    """
    if also or not is_kept(comparison):
        return _make_clause(comparison, columns, *also)
    return _remember_clause(comparison, columns)


def is_kept(comparison: Comparison) -> bool:
    """Say whether what is made of ``comparison`` is kept for when it is asked for again."""
    value = comparison.value
    texts = (comparison.key.name, value) if isinstance(value, str) else (comparison.key.name,)
    return not isinstance(value, tuple) and all(len(text) <= _LONGEST_KEPT for text in texts)


def _make_clause(comparison: Comparison, columns: Columns, *also: Clause) -> Clause:
    key, comparator = comparison.key, comparison.comparator
    if key.kind is Kind.ATTRIBUTE:
        return compare(columns.attributes[key.name], comparator, comparison.value)
    if key.kind is Kind.DATASET:
        return _make_dataset_clause(comparison)
    table = columns.tables[key.kind]
    found = [*is_owned(table, columns), table.c.key == key.name, *also]
    if comparator in PRESENCE:
        there = exists().where(*found)
        return there if comparator is Comparator.IS_NOT_NULL else not_(there)
    return exists().where(*found, compare_value(table, comparison))


# Making the objects of a clause takes longer than a small database takes to answer it.
_remember_clause = lru_cache(MOST_KEPT)(_make_clause)


def is_owned(table: FromClause, columns: Columns) -> list[Clause]:
    """Return the clauses by which rows of ``table`` belong to an entity."""
    return [table.c[column.name] == column for column in columns.owner]


def compare_value(table: FromClause, comparison: Comparison) -> Clause:
    """Return the clause that holds for the rows of ``table`` with the value that is asked for.

    A metric that is NaN is unequal to every number, and neither less nor greater.
    """
    clause = compare(table.c.value, comparison.comparator, comparison.value)
    if comparison.key.kind is not Kind.METRIC:
        return clause
    if comparison.comparator is Comparator.UNEQUAL:
        return or_(clause, table.c.is_nan.is_(True))
    return and_(clause, table.c.is_nan.is_(False))


def compare(column: ColumnElement[Any], comparator: Comparator, value: Any) -> Clause:
    """Return the clause that holds where ``column`` is there and compares so with ``value``."""
    if comparator in PATTERNS:
        return _match(column, comparator, value)
    if isinstance(column.type, Integer):
        return _compare_whole(column, comparator, value)
    if comparator in LISTS:
        return column.in_(value) if comparator is Comparator.IN else column.not_in(value)
    clause: Clause = _OPERATORS[comparator](column, value)
    return clause


def _match(column: ColumnElement[Any], comparator: Comparator, pattern: str) -> Clause:
    """Match a pattern, whose backslashes mean themselves."""
    escaped = pattern.replace("\\", "\\\\")
    if comparator is Comparator.LIKE:
        return column.like(escaped, escape="\\")
    return func.lower(column).like(escaped.translate(_LOWER), escape="\\")


def _compare_whole(column: ColumnElement[Any], comparator: Comparator, value: Any) -> Clause:
    """Compare with the ids of experiments, or with any number, be it no whole one or too large."""
    if isinstance(value, tuple):
        ids = [parse_experiment_id(text) for text in value]
        return column.in_(ids) if comparator is Comparator.IN else column.not_in(ids)
    number = parse_experiment_id(value) if isinstance(value, str) else value
    largest = LARGEST_INTEGER if isinstance(column.type, BigInteger) else _LARGEST_SHORT_INTEGER
    number = min(max(number, -largest - 2), largest + 1)
    low, high = math.floor(number), math.ceil(number)
    if low != high and comparator in (Comparator.EQUAL, Comparator.UNEQUAL):
        return false() if comparator is Comparator.EQUAL else column.is_not(None)
    bound = high if comparator in (Comparator.LESS, Comparator.AT_LEAST) else low
    if -largest - 1 <= bound <= largest:
        clause: Clause = _OPERATORS[comparator](column, bound)
        return clause
    # No column holds such a number: one that would be on the right side of it has any.
    return column.is_not(None) if _OPERATORS[comparator](0, bound) else false()


def _make_dataset_clause(comparison: Comparison) -> Clause:
    """Hold for runs of which one dataset, or the context of one, compares so."""
    if comparison.key.name == "context":
        tags = run_dataset_tags.c
        is_it = tags.run_id == runs.c.run_id, tags.key == DATASET_CONTEXT
        return exists().where(*is_it, compare(tags.value, comparison.comparator, comparison.value))
    column = datasets.c[comparison.key.name]
    used = run_datasets.join(datasets, datasets.c.dataset_id == run_datasets.c.dataset_id)
    return exists(
        select(run_datasets.c.run_id)
        .select_from(used)
        .where(run_datasets.c.run_id == runs.c.run_id)
        .where(compare(column, comparison.comparator, comparison.value))
    )
