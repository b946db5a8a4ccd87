"""The search for logged models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import String, Subquery, and_, exists, func, or_, select

from ..runtimes.errors import shorten
from . import limits
from .errors import InvalidParameter
from .experiments import ACTIVE
from .filter_sql import Clause, Columns, is_owned, make_clause
from .filters import (
    IDENTIFIER,
    LISTED_TEXT,
    NUMBER,
    Comparison,
    Kind,
    Vocabulary,
    make_printable,
    parse_filter,
)
from .logged_models import load_logged_models
from .ordering import MOST_TERMS, Ordering, order_by_column, order_by_metric
from .paging import Question, check_size, fetch_page
from .run_search import read_experiment_ids
from .store import Store
from .tables import logged_model_metrics, logged_model_params, logged_model_tags, logged_models
from .tracking_requests import (
    DatasetChoice,
    LoggedModelOrder,
    LoggedModelsAnswer,
    SearchLoggedModels,
)

MOST_RESULTS: Final = 50_000
USUAL_RESULTS: Final = 100
MOST_DATASETS: Final = 100

WORDS: Final = Vocabulary(
    attributes={
        "model_id": LISTED_TEXT,
        "experiment_id": IDENTIFIER,
        "name": LISTED_TEXT,
        "model_type": LISTED_TEXT,
        "status": LISTED_TEXT,
        "source_run_id": LISTED_TEXT,
        "creation_time": NUMBER,
        "last_update_time": NUMBER,
    },
    kinds={Kind.METRIC: NUMBER, Kind.PARAM: LISTED_TEXT, Kind.TAG: LISTED_TEXT},
    aliases={
        "creation_timestamp": "creation_time",
        "creation_timestamp_ms": "creation_time",
        "last_updated_time": "last_update_time",
        "last_updated_timestamp": "last_update_time",
        "last_updated_timestamp_ms": "last_update_time",
    },
)
_STATUS_PREFIX: Final = "LOGGED_MODEL_"
_COLUMNS: Final = Columns(
    owner=(logged_models.c.model_id,),
    attributes={name: logged_models.c[name] for name in WORDS.attributes}
    | {"status": func.replace(logged_models.c.status, _STATUS_PREFIX, "", type_=String)},
    tables={
        Kind.METRIC: logged_model_metrics,
        Kind.PARAM: logged_model_params,
        Kind.TAG: logged_model_tags,
    },
)
_LAST: Final = {
    "creation_time": LoggedModelOrder("creation_time", ascending=False),
    "model_id": LoggedModelOrder("model_id"),
}


def search_logged_models(store: Store, request: SearchLoggedModels) -> LoggedModelsAnswer:
    """Return a page of the logged models that are asked for, by default the newest first."""
    size = check_size(request.max_results or USUAL_RESULTS, MOST_RESULTS)
    numbers = read_experiment_ids(request.experiment_ids)
    where = parse_filter(request.filter, WORDS).comparisons
    on_datasets = _are_on(request.datasets)
    ordering = _make_ordering(request.order_by)
    clauses = [
        logged_models.c.experiment_id.in_(numbers),
        logged_models.c.lifecycle_stage == ACTIVE,
        *(_make_clause(comparison, on_datasets) for comparison in where),
    ]
    if on_datasets and all(comparison.key.kind is not Kind.METRIC for comparison in where):
        clauses.append(exists().where(*is_owned(logged_model_metrics, _COLUMNS), *on_datasets))
    query = numbers, request.filter, request.datasets, request.order_by
    question = Question(query, size, request.page_token)
    with store.database.read() as connection:
        page = fetch_page(connection, _COLUMNS.owner, clauses, ordering, question)
        found = load_logged_models(connection, [key.model_id for key in page.keys])
    return LoggedModelsAnswer(found, page.next_token)


def _make_clause(comparison: Comparison, on_datasets: Sequence[Clause]) -> Clause:
    """Return the clause of ``comparison``; a status may be written with MLflow's prefix."""
    kind, value = comparison.key.kind, comparison.value
    if kind is Kind.METRIC:
        return make_clause(comparison, _COLUMNS, *on_datasets)
    if kind is Kind.ATTRIBUTE and comparison.key.name == "status":
        short = value.removeprefix(_STATUS_PREFIX) if isinstance(value, str) else value
        if isinstance(value, tuple):
            short = tuple(each.removeprefix(_STATUS_PREFIX) for each in value)
        comparison = replace(comparison, value=short)
    return make_clause(comparison, _COLUMNS)


def _are_on(datasets: Sequence[DatasetChoice]) -> list[Clause]:
    """Return the clause that holds for the metrics of one of ``datasets``, if there are any."""
    if len(datasets) > MOST_DATASETS:
        raise InvalidParameter(f"`datasets`: found {len(datasets)}, expected up to {MOST_DATASETS}")
    if not all(each.dataset_name for each in datasets):
        raise InvalidParameter("`dataset_name` in the `datasets` clause must be specified.")
    ways = [and_(*_is_on(each.dataset_name, each.dataset_digest)) for each in datasets]
    return [or_(*ways)] if ways else []


def _is_on(name: str | None, digest: str | None) -> list[Clause]:
    """Return the clauses that hold for the metrics of a dataset, as far as it is named."""
    columns = logged_model_metrics.c
    named = {columns.dataset_name: name, columns.dataset_digest: digest}
    return [
        column == limits.check_text(column.name, text) for column, text in named.items() if text
    ]


def _make_ordering(orders: Sequence[LoggedModelOrder]) -> Ordering:
    if len(orders) > MOST_TERMS:
        raise InvalidParameter(f"`order_by`: found {len(orders)} keys, expected up to {MOST_TERMS}")
    named = {WORDS.aliases.get(order.field_name, order.field_name) for order in orders}
    last = [order for name, order in _LAST.items() if name not in named]
    return sum((_order_by(order) for order in (*orders, *last)), Ordering())


def _order_by(order: LoggedModelOrder) -> Ordering:
    entity, dot, key = order.field_name.partition(".")
    name = WORDS.aliases.get(order.field_name.strip(), order.field_name.strip())
    if not dot and name in WORDS.attributes:
        return order_by_column(_COLUMNS.attributes[name], is_ascending=order.ascending)
    shown = make_printable(shorten(order.field_name))
    if not dot:
        raise InvalidParameter(f"Invalid order by field name: {shown}")
    if entity != "metrics":
        raise InvalidParameter(f"Invalid order by field name: {shown}. Only metrics are supported.")
    if order.dataset_digest and not order.dataset_name:
        raise InvalidParameter(
            "`dataset_digest` can only be specified if `dataset_name` is also specified."
        )
    values = _select_latest(limits.check_text("field_name", key), order)
    is_of_it = values.c.model_id == logged_models.c.model_id
    return order_by_metric(values, is_of_it, is_ascending=order.ascending)


def _select_latest(key: str, order: LoggedModelOrder) -> Subquery:
    """Return the latest point of the metric ``key`` of each model, on the dataset of ``order``."""
    points = logged_model_metrics.c
    latest_first = (
        points.timestamp.desc(),
        points.step.desc(),
        points.run_id,
        points.is_nan,
        points.value.desc(),
    )
    number = func.row_number().over(partition_by=points.model_id, order_by=latest_first)
    numbered = (
        select(points.model_id, points.value, points.is_nan, number.label("number"))
        .where(points.key == key, *_is_on(order.dataset_name, order.dataset_digest))
        .subquery()
    )
    return select(numbered).where(numbered.c.number == 1).subquery()
