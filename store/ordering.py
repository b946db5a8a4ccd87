"""In which order a search answers: what was asked for, and the expressions to sort by.

What an entity does not have comes last whichever way is asked for; a metric that is NaN comes
before those that are missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Double, FromClause, Integer, Table, and_, case

from ..runtimes.errors import shorten
from .errors import InvalidParameter
from .filter_sql import MOST_KEPT, Clause, Columns, is_owned
from .filters import Key, Kind, Reader, make_printable, read_key

MOST_TERMS: Final = 20
LONGEST_TERM: Final = 1_000

HAS_NUMBER: Final = 0
"""By what those are sorted first that have the metric, as a number."""

_WAY: Final = re.compile(r"(?:ASC|DESC)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OrderWords:
    """What an entity may be ordered by: attributes, by any of their names, and kinds of keys."""

    attributes: Sequence[str]
    kinds: Sequence[Kind] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Term:
    """A key to order by, and which way."""

    key: Key
    is_ascending: bool = True


@dataclass(frozen=True, slots=True)
class Sort:
    """An expression that rows are sorted by; ``kind`` is the type of its values."""

    expression: ColumnElement[Any]
    kind: type[int | float | str]
    is_ascending: bool = True

    def clause(self) -> ColumnElement[Any]:
        """Return what stands in ORDER BY."""
        return self.expression.asc() if self.is_ascending else self.expression.desc()


@dataclass(frozen=True, slots=True)
class Join:
    """A table that is joined from the left: an entity keeps its row where nothing is found."""

    table: FromClause
    condition: Clause


@dataclass(frozen=True, slots=True)
class Ordering:
    """What rows are sorted by, and the tables that this takes."""

    sorts: tuple[Sort, ...] = ()
    joins: tuple[Join, ...] = ()

    def __add__(self, other: Ordering) -> Ordering:
        return Ordering(self.sorts + other.sorts, self.joins + other.joins)


def by_attribute(name: str, *, is_ascending: bool = True) -> Term:
    """Return the term that orders by an attribute."""
    return Term(Key(Kind.ATTRIBUTE, name), is_ascending)


def parse_order(texts: Sequence[str], words: OrderWords) -> tuple[Term, ...]:
    """Return what ``texts`` ask for, each a key that ASC or DESC may follow."""
    if len(texts) > MOST_TERMS:
        raise InvalidParameter(f"`order_by`: found {len(texts)} keys, expected up to {MOST_TERMS}")
    terms = tuple(_parse_term(text, words) for text in texts)
    if len({term.key for term in terms}) < len(terms):
        shown = [make_printable(shorten(text)) for text in texts]
        raise InvalidParameter(f"`order_by` contains duplicate fields: {shown}")
    return terms


def complete(terms: Sequence[Term], last: Sequence[Term]) -> tuple[Term, ...]:
    """Return ``terms`` with those of ``last`` whose keys are not among them."""
    keys = {term.key for term in terms}
    return (*terms, *(term for term in last if term.key not in keys))


@lru_cache(MOST_KEPT)
def make_ordering(terms: tuple[Term, ...], columns: Columns) -> Ordering:
    """Return what to sort by so that entities come in the order of ``terms``."""
    return sum((_order_by(term, i, columns) for i, term in enumerate(terms)), Ordering())


def order_by_column(column: ColumnElement[Any], *, is_ascending: bool = True) -> Ordering:
    """Return what to sort by so that entities come in the order of ``column``."""
    sort = Sort(column, _kind_of(column), is_ascending)
    return Ordering((_missing_last(column), sort) if getattr(column, "nullable", True) else (sort,))


def join_all(source: FromClause, joins: Sequence[Join]) -> FromClause:
    """Return ``source`` with the tables of ``joins``."""
    for join in joins:
        source = source.outerjoin(join.table, join.condition)
    return source


def order_by_metric(values: FromClause, condition: Clause, *, is_ascending: bool) -> Ordering:
    """Return what to sort by so that entities come in the order of a metric in ``values``."""
    value = values.c.value
    rank = case((values.c.is_nan.is_(True), 1), (value.is_(None), 2), else_=HAS_NUMBER)
    sorts = Sort(rank, int), Sort(value, float, is_ascending)
    return Ordering(sorts, (Join(values, condition),))


def _order_by(term: Term, place: int, columns: Columns) -> Ordering:
    key = term.key
    if key.kind is Kind.ATTRIBUTE:
        return order_by_column(columns.attributes[key.name], is_ascending=term.is_ascending)
    values = _alias(columns.tables[key.kind], place)
    condition = and_(*is_owned(values, columns), values.c.key == key.name)
    if key.kind is Kind.METRIC:
        return order_by_metric(values, condition, is_ascending=term.is_ascending)
    value = values.c.value
    sorts = _missing_last(value), Sort(value, str, term.is_ascending)
    return Ordering(sorts, (Join(values, condition),))


@cache
def _alias(table: Table, place: int) -> FromClause:
    """Return ``table`` under another name, made once for each place in an order."""
    return table.alias(f"values_{place}")


def _missing_last(column: ColumnElement[Any]) -> Sort:
    return Sort(case((column.is_(None), 1), else_=0), int)


def _kind_of(column: ColumnElement[Any]) -> type[int | float | str]:
    if isinstance(column.type, Integer):
        return int
    return float if isinstance(column.type, Double) else str


def _parse_term(text: str, words: OrderWords) -> Term:
    if len(text) > LONGEST_TERM:
        raise _refuse(make_printable(shorten(text)), f"expected at most {LONGEST_TERM} characters")
    reader = Reader(text, _refuse)
    key = read_key(reader, words.kinds, words.attributes, words.aliases)
    way = reader.take(_WAY)
    if not reader.is_at_end():
        reader.refuse(f"expected ASC, DESC or the end after the key, found {reader.rest()}")
    return Term(key, way is None or way[0].upper() == "ASC")


def _refuse(text: str, reason: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid order_by clause '{text}': {reason}")
