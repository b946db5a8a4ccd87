"""What the tests of searches put into a store, and what a filter and an order mean, in Python."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from math import isnan

from mlserve.store.entities import Dataset, DatasetInput, Tag
from mlserve.store.filters import Comparator, Comparison, Kind
from mlserve.store.ordering import Term
from mlserve.store.run_pages import FEW
from mlserve.store.tables import latest_metrics, params, run_tags, runs
from mlserve.store.tracking_operations import DELETE_RUN, LOG_INPUTS, SEARCH_RUNS
from mlserve.store.tracking_requests import LogInputs, RunId, SearchRuns
from sqlalchemy import Engine, event, insert, text

OPERATORS = {
    Comparator.EQUAL: operator.eq,
    Comparator.UNEQUAL: operator.ne,
    Comparator.LESS: operator.lt,
    Comparator.AT_MOST: operator.le,
    Comparator.GREATER: operator.gt,
    Comparator.AT_LEAST: operator.ge,
    Comparator.IN: lambda value, values: value in values,
    Comparator.NOT_IN: lambda value, values: value not in values,
    Comparator.LIKE: lambda value, pattern: matches(value, pattern, 0),
    Comparator.ILIKE: lambda value, pattern: matches(value, pattern, re.IGNORECASE | re.ASCII),
}
_numbers = count(1)


@dataclass
class Made:
    """A run as a test wants it; ``datasets`` are names, digests and contexts."""

    run_name: str = "run"
    status: str = "FINISHED"
    user_id: str = "me"
    start_time: int = 0
    end_time: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    datasets: list[tuple[str, str, str | None]] = field(default_factory=list)
    lifecycle_stage: str = "active"
    run_id: str = field(default_factory=lambda: f"{next(_numbers) * 7919 % 2**32:032x}")

    @property
    def artifact_uri(self) -> str:
        return f"mlflow-artifacts:/0/{self.run_id}/artifacts"


def write_runs(store, made: list[Made], experiment_id: str = "0") -> None:
    """Write runs as they are, all in one transaction."""
    number = int(experiment_id)
    fields = ("run_id", "run_name", "status", "user_id", "start_time", "end_time",
              "artifact_uri")  # fmt: skip
    rows = {
        runs: [
            {name: getattr(run, name) for name in fields}
            | {"experiment_id": number, "lifecycle_stage": "active"}
            for run in made
        ],
        latest_metrics: [
            {"run_id": run.run_id, "key": key, "value": 0.0 if isnan(value) else value,
             "is_nan": isnan(value), "timestamp": 0, "step": 0}
            for run in made for key, value in run.metrics.items()
        ],
        params: [{"run_id": run.run_id, "key": key, "value": value}
                 for run in made for key, value in run.params.items()],
        run_tags: [{"run_id": run.run_id, "key": key, "value": value}
                   for run in made for key, value in run.tags.items()],
    }  # fmt: skip
    with store.database.write() as connection:
        for table, values in rows.items():
            if values:
                connection.execute(insert(table), values)
        if len(made) > FEW and not store.database.is_sqlite:
            connection.execute(text("ANALYZE"))  # as PostgreSQL does by itself, in a minute
    for run in made:
        if run.datasets:
            inputs = [_input(*dataset) for dataset in run.datasets]
            LOG_INPUTS.run(store, LogInputs(run_id=run.run_id, datasets=inputs))
        if run.lifecycle_stage == "deleted":
            DELETE_RUN.run(store, RunId(run_id=run.run_id))


@contextmanager
def noting_statements() -> Iterator[list[str]]:
    """Note every statement that any engine of this process executes."""
    seen: list[str] = []

    def note(_, __, statement, *___) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def search(call, text: str = "", *order_by: str, **fields) -> list[str]:
    """Return the names of the runs that are found."""
    fields.setdefault("experiment_ids", ["0"])
    found = call(SEARCH_RUNS, SearchRuns(filter=text, order_by=list(order_by), **fields))
    return [run.info.run_name for run in found.runs]


def holds(run: Made, comparison: Comparison) -> bool:
    """Say whether ``comparison`` holds for a run."""
    key, comparator, value = comparison.key, comparison.comparator, comparison.value
    if key.kind is Kind.DATASET:
        place = ("name", "digest", "context").index(key.name)
        found = [dataset[place] for dataset in run.datasets if dataset[place] is not None]
        return any(OPERATORS[comparator](each, value) for each in found)
    found = value_of(run, comparison.key)
    if comparator in (Comparator.IS_NULL, Comparator.IS_NOT_NULL):
        return (found is None) == (comparator is Comparator.IS_NULL)
    return found is not None and OPERATORS[comparator](found, value)


def in_order(made: list[Made], terms: list[Term]) -> list[Made]:
    """Return runs in the order of ``terms``, after which the newest come first."""
    ordered = sorted(made, key=lambda run: (-run.start_time, run.run_id))
    for term in reversed(terms):
        groups = [[], [], []]
        for run in ordered:
            groups[_group(value_of(run, term.key))].append(run)
        by_value = lambda run, key=term.key: value_of(run, key)  # noqa: E731 - a name is enough
        groups[0].sort(key=by_value, reverse=not term.is_ascending)
        ordered = [*groups[0], *groups[1], *groups[2]]
    return ordered


def value_of(run: Made, key):
    """Return what a run has under a key, or None."""
    holders = {Kind.METRIC: run.metrics, Kind.PARAM: run.params, Kind.TAG: run.tags}
    return holders[key.kind].get(key.name) if key.kind in holders else getattr(run, key.name)


def matches(text: str, pattern: str, flags: int) -> bool:
    """Say whether ``text`` matches a pattern of LIKE."""
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(each, re.escape(each)) for each in pattern)
    return re.fullmatch(expression, text, flags | re.DOTALL) is not None


def _group(value) -> int:
    """Return 0 for what has its place in an order, and more for what comes after that."""
    if value is None:
        return 2
    return int(isinstance(value, float) and isnan(value))


def _input(name: str, digest: str, context: str | None) -> DatasetInput:
    tags = [] if context is None else [Tag("mlflow.data.context", context)]
    return DatasetInput(tags=tags, dataset=Dataset(name, digest, "local", "here"))
