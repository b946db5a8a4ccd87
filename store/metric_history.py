"""All points of a metric of a run in pages, and some of them for the pictures of many runs."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, or_, select, tuple_

from ..runtimes.errors import shorten
from . import limits
from .entities import Metric
from .errors import InvalidParameter
from .membership import is_among
from .points import write_value
from .store import Store
from .tables import metrics
from .tracking_requests import GetMetricHistory, GetMetricHistoryInterval, MetricsAnswer

MOST_RUNS: Final = 100
MOST_SAMPLES: Final = 2500

_DIGEST_BYTES: Final = 6
_ORDER: Final = (metrics.c.timestamp, metrics.c.step, metrics.c.value, metrics.c.is_nan)
_SELECT_POINTS: Final = (
    select(*_ORDER)
    .where(metrics.c.run_id == bindparam("run_id"), metrics.c.key == bindparam("key"))
    .order_by(*_ORDER)
)
Position = tuple[int, int, float, bool]


def get_metric_history(store: Store, request: GetMetricHistory) -> MetricsAnswer:
    """Return the points of a metric by time, step and value; all, where no number is asked for."""
    run_id = limits.find_run_id(request)
    key = limits.require("metric_key", request.metric_key)
    most = _check_most(request.max_results)
    query = _SELECT_POINTS
    if request.page_token:
        query = query.where(tuple_(*_ORDER) > _read_token(request.page_token, run_id, key))
    if most is not None:
        query = query.limit(most + 1)
    with store.database.read() as connection:
        rows = connection.execute(query, {"run_id": run_id, "key": key}).all()
    token = None
    if most is not None and len(rows) > most:
        rows = rows[:most]
        token = _write_token(rows[-1], run_id, key)
    points = [
        Metric(key, write_value(value, is_nan), timestamp, step)
        for timestamp, step, value, is_nan in rows
    ]
    return MetricsAnswer(points, token)


def get_metric_history_interval(store: Store, request: GetMetricHistoryInterval) -> MetricsAnswer:
    """Return points of a metric for each of several runs, by step, evenly taken from all there are.

    The first and the last point are among them; where one alone is asked for, it is the last.
    """
    key = limits.require("metric_key", request.metric_key)
    run_ids = _check_runs(request.run_ids)
    steps = _check_steps(request.start_step, request.end_step)
    most = limits.check_integer("max_results", request.max_results)
    if not 1 <= most <= MOST_SAMPLES:
        raise InvalidParameter(f"max_results must be between 1 and {MOST_SAMPLES}.")
    found: defaultdict[str, list[Metric]] = defaultdict(list)
    with store.database.read() as connection:
        wanted = and_(metrics.c.key == key, is_among(connection, metrics.c.run_id, run_ids))
        if steps is not None:
            wanted = and_(wanted, metrics.c.step.between(*steps))
        for run_id, timestamp, step, value, is_nan in connection.execute(_sample(wanted, most)):
            point = Metric(key, write_value(value, is_nan), timestamp, step, run_id=run_id)
            found[run_id].append(point)
    return MetricsAnswer([point for run_id in run_ids for point in found[run_id]])


def _sample(wanted: ColumnElement[bool], most: int) -> Select[*tuple[Any, ...]]:
    """Return the query for ``most`` points of each run, of those that are ``wanted``.

    Of n + 1 points, numbered from zero, point i is taken where i * (most - 1) / n, rounded down,
    is higher than for the point before it.
    """
    order = metrics.c.step, metrics.c.timestamp, metrics.c.value, metrics.c.is_nan
    number = func.row_number().over(partition_by=metrics.c.run_id, order_by=order) - 1
    last = func.count().over(partition_by=metrics.c.run_id) - 1
    all_ = (
        select(metrics.c.run_id, *_ORDER, number.label("number"), last.label("last"))
        .where(wanted)
        .subquery()
    )
    share = func.nullif(all_.c.last, 0)
    is_taken = or_(
        all_.c.last < most,
        all_.c.number == all_.c.last,
        *([all_.c.number == 0] if most > 1 else []),
        all_.c.number * (most - 1) // share > (all_.c.number - 1) * (most - 1) // share,
    )
    columns = (all_.c[column.name] for column in (metrics.c.run_id, *_ORDER))
    return select(*columns).where(is_taken).order_by(all_.c.run_id, all_.c.number)


def _check_most(most: int | None) -> int | None:
    if most is not None and limits.check_integer("max_results", most) < 1:
        raise InvalidParameter(
            f"Invalid value {most} for parameter 'max_results' supplied. "
            "It must be a positive integer."
        )
    return None if most is None else min(most, limits.LARGEST_INTEGER - 1)


def _check_runs(run_ids: Sequence[str]) -> list[str]:
    if not run_ids:
        raise limits.missing("run_ids")
    if len(run_ids) > MOST_RUNS:
        raise InvalidParameter(
            f"GetMetricHistoryBulkInterval request must specify at most {MOST_RUNS} run_ids. "
            f"Received {len(run_ids)} run_ids."
        )
    return list(dict.fromkeys(limits.require("run_ids", run_id) for run_id in run_ids))


def _check_steps(start: int | None, end: int | None) -> tuple[int, int] | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise InvalidParameter(
            "If either start step or end step are specified, both must be specified."
        )
    limits.check_integer("start_step", start)
    limits.check_integer("end_step", end)
    if start > end:
        raise InvalidParameter(
            "end_step must be greater than start_step. "
            f"Found start_step={start} and end_step={end}."
        )
    return start, end


def _write_token(row: Row[*tuple[Any, ...]], run_id: str, key: str) -> str:
    """Return the token for what comes after ``row``; it says of what metric it is."""
    position = msgspec.json.encode(tuple(row))
    return urlsafe_b64encode(_digest(position, run_id, key) + position).decode()


def _read_token(token: str, run_id: str, key: str) -> Position:
    try:
        raw = urlsafe_b64decode(token)
        digest, position = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        is_ours = urlsafe_b64encode(raw).decode() == token
    except (TypeError, ValueError):
        is_ours = False
    if not is_ours or digest != _digest(position, run_id, key):
        raise InvalidParameter(
            f"Invalid page token '{shorten(token)}': expected the next_page_token of the page "
            "before, for the same run and metric"
        )
    decoded: Position = msgspec.json.decode(position, type=Position)
    return decoded


def _digest(position: bytes, run_id: str, key: str) -> bytes:
    said = msgspec.json.encode((run_id, key))
    return hashlib.blake2b(
        position, key=hashlib.blake2b(said).digest(), digest_size=_DIGEST_BYTES
    ).digest()
