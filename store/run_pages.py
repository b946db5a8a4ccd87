"""How the database is asked for a page of runs, so that it takes about as long for 100,000 runs.

A SELECT that goes through the runs of an experiment and looks up what else is asked of each is
right for every search. Where there are many runs, one that begins elsewhere is tried first: what it
would have to go through is counted, up to a bound, because SQLite knows no such numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    func,
    literal_column,
    select,
)

from .filter_sql import MOST_KEPT, Clause, Columns, compare, is_kept, make_clause
from .filters import RANGE, Comparator, Comparison, Key, Kind
from .ordering import HAS_NUMBER, Ordering, Term, join_all, make_ordering
from .paging import (
    Page,
    Question,
    Values,
    is_not_after,
    is_not_before,
    make_page,
    select_page,
)
from .tables import INDEXED_LENGTH, latest_metrics, params, run_tags, runs

FEW: Final = 2_000
"""So many rows are gone through in a few milliseconds."""

COLUMNS: Final = Columns(
    owner=(runs.c.run_id,),
    attributes={column.name: column for column in runs.c},
    tables={Kind.METRIC: latest_metrics, Kind.PARAM: params, Kind.TAG: run_tags},
)
_BY_INDEX: Final = {
    Kind.METRIC: RANGE | {Comparator.EQUAL},
    Kind.PARAM: {Comparator.EQUAL},
    Kind.TAG: {Comparator.EQUAL},
}
_ABOVE: Final = {Comparator.GREATER, Comparator.AT_LEAST}
_BELOW: Final = {Comparator.LESS, Comparator.AT_MOST}
_RUN_ID: Final = Key(Kind.ATTRIBUTE, "run_id")
_RUN_NAME: Final = Key(Kind.ATTRIBUTE, "run_name")
# Made once, because every search that could begin elsewhere asks it.
_ANOTHER_RUN: Final = (
    select(runs.c.run_id)
    .where(runs.c.experiment_id.in_(bindparam("experiments", expanding=True)))
    .where(runs.c.lifecycle_stage.in_(bindparam("stages", expanding=True)))
    .offset(bindparam("few"))
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Among which runs is searched: those of some experiments, in some lifecycle stages."""

    experiments: Sequence[int]
    stages: Sequence[str]

    def clauses(self, *, is_begun_with: bool = True) -> list[Clause]:
        """Return the clauses that hold for the runs of the scope.

        What has to be true, instead of standing by itself, is taken for as likely as it is, but not
        looked for in an index.
        """
        clauses: list[Clause] = [
            runs.c.experiment_id.in_(self.experiments),
            runs.c.lifecycle_stage.in_(self.stages),
        ]
        return clauses if is_begun_with else [clause.is_(True) for clause in clauses]


@dataclass(frozen=True, slots=True)
class _Search:
    """What is searched for, and the row that the page comes after."""

    scope: Scope
    where: Sequence[Comparison]
    terms: Sequence[Term]
    ordering: Ordering
    start: Values | None
    size: int
    few: int

    def has_few(self, connection: Connection, statement: Select[Any]) -> bool:
        """Say whether ``statement`` finds few rows."""
        return connection.execute(statement.offset(self.few).limit(1)).first() is None


def find_runs(
    connection: Connection,
    scope: Scope,
    where: Sequence[Comparison],
    terms: tuple[Term, ...],
    question: Question,
    few: int = FEW,
) -> Page:
    """Return a page of the runs of ``scope`` that all of ``where`` holds for, by ``terms``.

    Where there are no more than ``few``, or few for one of ``where``, all of them are gone through.
    """
    ordering = make_ordering(terms, COLUMNS)
    start = question.read_start(ordering.sorts)
    search = _Search(scope, where, terms, ordering, start, question.size, few)
    rows = _begin_elsewhere(connection, search) if _could_begin_elsewhere(search) else None
    if rows is None:
        rows = _begin_with_runs(connection, search)
    return make_page(rows, ordering.sorts, question)


def _could_begin_elsewhere(search: _Search) -> bool:
    if any(_names_runs(comparison) for comparison in search.where):
        return False
    if any(_look_up(comparison) is not None for comparison in search.where):
        return True
    return search.terms[0].key.kind is Kind.METRIC


def _begin_elsewhere(connection: Connection, search: _Search) -> Sequence[Row[Any]] | None:
    """Return the rows of the page, and one more, or None where there is no better beginning."""
    scope = {"experiments": search.scope.experiments, "stages": search.scope.stages}
    if connection.execute(_ANOTHER_RUN, {**scope, "few": search.few}).first() is None:
        return None
    for comparison in search.where:
        lookup = _look_up(comparison)
        if lookup is not None and search.has_few(connection, lookup):
            return _begin_with_runs(connection, search, lookup)
    if search.terms[0].key.kind is Kind.METRIC:
        return _begin_with_metric(connection, search)
    return None


def _begin_with_runs(
    connection: Connection, search: _Search, few: Select[Any] | None = None
) -> Sequence[Row[Any]]:
    """Return the rows of the page, and one more, from the runs of the scope in their order.

    Where ``few`` is given, all that are looked for are among those that it selects.
    """
    source = join_all(runs, search.ordering.joins)
    clauses = [make_clause(comparison, COLUMNS) for comparison in search.where]
    if few is not None:
        clauses.append(runs.c.run_id.in_(few))
    statement = select_page(COLUMNS.owner, source, search.ordering.sorts, search.start)
    statement = statement.where(*search.scope.clauses(is_begun_with=few is None), *clauses)
    return connection.execute(statement.limit(search.size + 1)).all()


def _begin_with_metric(connection: Connection, search: _Search) -> Sequence[Row[Any]] | None:
    """Return the rows of the page, and one more, from the values of the metric that comes first.

    Only so many values are gone through. Where they give too few runs, and those without the metric
    or those with further values are next, it returns None.
    """
    start, term = search.start, search.terms[0]
    if start is not None and (start[0] != HAS_NUMBER or start[1] is None):
        return None
    (of_metric, *joins), (_, *sorts) = search.ordering.joins, search.ordering.sorts
    values = of_metric.table
    bounds = [each for each in search.where if each.key == term.key and _is_bound(each)]
    near, far = _split(bounds, values.c.value, is_ascending=term.is_ascending)
    if start is not None:
        near = [is_not_before(sorts[0], start[1])]
    found = values.c.key == term.key.name, *near
    end = _find_end(connection, search, select(values.c.value).where(*found, *far))
    if end is not None:
        far = [is_not_after(sorts[0], end)]
    source = join_all(values.join(runs, runs.c.run_id == values.c.run_id), joins)
    keys: tuple[ColumnElement[Any], ...] = (
        runs.c.run_id,
        literal_column(str(HAS_NUMBER)).label("sort_rank"),
    )
    statement = select_page(keys, source, sorts, start and start[1:])
    clauses = [
        *(compare(values.c.value + 0.0, each.comparator, each.value) for each in bounds),
        *(make_clause(each, COLUMNS) for each in search.where if each not in bounds),
    ]
    statement = statement.where(*found, *far, values.c.is_nan.is_(False), *clauses)
    statement = statement.where(*search.scope.clauses(is_begun_with=False))
    rows = connection.execute(statement.limit(search.size + 1)).all()
    is_all = len(rows) > search.size or (end is None and bounds)
    return rows if is_all else None


def _split(
    bounds: Sequence[Comparison], value: ColumnElement[Any], *, is_ascending: bool
) -> tuple[list[Clause], list[Clause]]:
    """Return the clauses that say where the values begin, and those that say where they end.

    SQLite takes one clause of each for an index, not the narrowest of several.
    """
    ends = _BELOW if is_ascending else _ABOVE
    near = [each for each in bounds if each.comparator not in ends]
    far = [each for each in bounds if each.comparator in ends]
    return [compare(value, each.comparator, each.value) for each in near], [
        compare(value, each.comparator, each.value) for each in far
    ]


def _find_end(connection: Connection, search: _Search, values: Select[Any]) -> float | None:
    """Return the value up to which to go through ``values``, or None if there are few enough."""
    most = 2 * search.few + 10 * search.size
    by_value = search.ordering.sorts[1].clause()
    end: float | None = connection.scalar(values.order_by(by_value).offset(most).limit(1))
    return end


def _look_up(comparison: Comparison) -> Select[Any] | None:
    """Return the SELECT, from an index alone, of runs among which are all that it holds for."""
    return _remember_lookup(comparison) if is_kept(comparison) else _make_lookup(comparison)


def _make_lookup(comparison: Comparison) -> Select[Any] | None:
    key, comparator, value = comparison.key, comparison.comparator, comparison.value
    if key == _RUN_NAME and comparator is Comparator.EQUAL:
        return select(runs.c.run_id).where(runs.c.run_name == value)
    if comparator not in _BY_INDEX.get(key.kind, ()):
        return None
    table = COLUMNS.tables[key.kind]
    found = select(table.c.run_id).where(table.c.key == key.name)
    found = found.where(compare(table.c.value, comparator, value))
    if key.kind is Kind.METRIC:
        return found
    # The number is written out: with a parameter, a database cannot tell that the index applies.
    is_short = func.length(table.c.value) <= literal_column(str(INDEXED_LENGTH))
    return found.where(is_short) if len(str(value)) <= INDEXED_LENGTH else None


_remember_lookup = lru_cache(MOST_KEPT)(_make_lookup)


def _is_bound(comparison: Comparison) -> bool:
    """Say whether ``comparison`` holds for one range of numbers, and for no NaN."""
    return comparison.comparator is not Comparator.UNEQUAL


def _names_runs(comparison: Comparison) -> bool:
    is_named = comparison.comparator in (Comparator.EQUAL, Comparator.IN)
    return is_named and comparison.key == _RUN_ID
