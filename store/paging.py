"""Pages of a search, and the tokens that say where the next one begins.

A token holds what the last row of its page was sorted by: the next page begins after that, however
many rows were added or deleted meanwhile, and costs what the first one did.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, false, or_, select

from . import limits
from .errors import InvalidParameter
from .filter_sql import Clause
from .ordering import Ordering, Sort, join_all

Values = tuple[str | float | None, ...]
"""What a row was sorted by."""

LONGEST_TOKEN: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Question:
    """A page that is asked for: at most ``size`` rows after those of ``token``.

    ``query`` is what else was asked; a token is good for the same query alone.
    """

    query: tuple[object, ...]
    size: int
    token: str | None

    def read_start(self, sorts: Sequence[Sort]) -> Values | None:
        """Return what the row before this page was sorted by, if there was one."""
        return read_token(self.token, self.query, sorts) if self.token else None

    def write_next(self, rows: Sequence[Row[Any]], sorts: Sequence[Sort]) -> str | None:
        """Return the token of the next page, where ``rows`` has one row too many for this one."""
        if len(rows) <= self.size:
            return None
        return write_token(self.query, tuple(rows[self.size - 1][-len(sorts) :]))


@dataclass(frozen=True, slots=True)
class Page:
    """The keys of a page's entities in their order, and the token of the next one."""

    keys: Sequence[Row[Any]]
    next_token: str | None


def check_size(size: int, most: int) -> int:
    """Return how many results may be on a page; raises `InvalidParameter` in MLflow's words."""
    limits.check_integer("max_results", size)
    if size < 1 or size > most:
        expected = "a positive integer" if size < 1 else f"at most {most}"
        raise InvalidParameter(
            f"Invalid value {size} for parameter 'max_results' supplied. It must be {expected}"
        )
    return size


def fetch_page(
    connection: Connection,
    keys: Sequence[ColumnElement[Any]],
    clauses: Sequence[Clause],
    ordering: Ordering,
    question: Question,
) -> Page:
    """Return the page of those entities, known by ``keys``, for which all ``clauses`` hold."""
    sorts = ordering.sorts
    source = join_all(keys[0].table, ordering.joins)
    statement = select_page(keys, source, sorts, question.read_start(sorts)).where(*clauses)
    rows = connection.execute(statement.limit(question.size + 1)).all()
    return make_page(rows, sorts, question)


def select_page(
    keys: Sequence[ColumnElement[Any]],
    source: FromClause,
    sorts: Sequence[Sort],
    start: Values | None,
) -> Select[Any]:
    """Return the SELECT of ``keys``, and of what they are sorted by, after what ``start`` has."""
    labels = [sort.expression.label(f"sort_{i}") for i, sort in enumerate(sorts)]
    statement = select(*keys, *labels).select_from(source)
    if start is not None:
        statement = statement.where(is_after(sorts, start))
    return statement.order_by(*(sort.clause() for sort in sorts))


def make_page(rows: Sequence[Row[Any]], sorts: Sequence[Sort], question: Question) -> Page:
    """Return the page of ``rows``, which has one row too many where there is a next one."""
    return Page(rows[: question.size], question.write_next(rows, sorts))


def is_after(sorts: Sequence[Sort], start: Values) -> Clause:
    """Return the clause that holds for the rows that come after one sorted by ``start``."""
    pairs = list(zip(sorts, start, strict=True))
    ways = [
        and_(*(_is_same(*pair) for pair in pairs[:i]), _is_beyond(*pairs[i]))
        for i in range(len(pairs))
    ]
    first, value = pairs[0]
    # The same said again of the first expression alone lets an index begin there.
    return or_(*ways) if value is None else and_(is_not_before(first, value), or_(*ways))


def is_not_before(sort: Sort, value: object) -> Clause:
    """Return the clause that holds for the rows that ``sort`` puts at ``value`` or after it."""
    return sort.expression >= value if sort.is_ascending else sort.expression <= value


def is_not_after(sort: Sort, value: object) -> Clause:
    """Return the clause that holds for the rows that ``sort`` puts at ``value`` or before it."""
    return sort.expression <= value if sort.is_ascending else sort.expression >= value


def write_token(query: tuple[object, ...], values: Values) -> str:
    """Return the token of the page after a row that was sorted by ``values``."""
    document = json.dumps([_digest(query), *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(document.encode()).decode()


def read_token(token: str, query: tuple[object, ...], sorts: Sequence[Sort]) -> Values:
    """Return what ``token`` holds; raises `InvalidParameter` for one of another query or none."""
    if len(token) > LONGEST_TOKEN:
        raise InvalidParameter("Invalid page token, it is too long")
    try:
        decoded = base64.b64decode(token.encode("ascii"), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidParameter("Invalid page token, could not base64-decode") from None
    try:
        document = json.loads(decoded)
    except (ValueError, RecursionError):
        raise InvalidParameter("Invalid page token, it was not given by this store") from None
    if not isinstance(document, list) or not document or document[0] != _digest(query):
        raise InvalidParameter(
            "Invalid page token, it is of another search; send it with the same experiment_ids, "
            "filter and order_by as the search that gave it"
        )
    values = tuple(document[1:])
    if len(values) != len(sorts) or not all(map(_is_value, sorts, values)):
        raise InvalidParameter("Invalid page token, it was not given by this store")
    return values


def _digest(query: tuple[object, ...]) -> str:
    return blake2b(msgspec.json.encode(query), digest_size=12).hexdigest()


def _is_value(sort: Sort, value: object) -> bool:
    """Say whether ``value`` is of the type of a sort's values, and one that a database takes."""
    if isinstance(value, str):
        return sort.kind is str and limits.is_storable(value)
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return sort.kind is int and abs(value) <= limits.LARGEST_INTEGER
    return value is None or (isinstance(value, float) and sort.kind is float)


def _is_same(sort: Sort, value: str | float | None) -> Clause:
    return sort.expression.is_(None) if value is None else sort.expression == value


def _is_beyond(sort: Sort, value: str | float | None) -> Clause:
    """Rows without a value are told from the others by the sort before, and are all the same."""
    if value is None:
        return false()
    return sort.expression > value if sort.is_ascending else sort.expression < value
