"""Points of metrics, from the form they have on the wire to the one that the tables hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from .entities import Metric, Number
from .limits import LARGEST_INTEGER, check_integer, check_key, invalid, missing

_LARGEST_DOUBLE: Final = 1.7976931348623157e308


class Point(NamedTuple):
    """A value of a metric at a time and a step, in the order of the columns of a table.

    NaN is zero with ``is_nan`` set, and an infinity the largest number of its sign: so MLflow
    keeps them, and no database orders NaN as another does.
    """

    key: str
    timestamp: int
    step: int
    value: float
    is_nan: bool


def read_points(metrics: Sequence[Metric], path: str = "metrics[{}].") -> list[Point]:
    """Return the points that ``metrics`` say, checked; ``path`` says where each came from."""
    checked: set[str] = set()
    points = []
    for index, metric in enumerate(metrics):
        key = metric.key
        if type(key) is not str or key not in checked:
            if not key:
                raise missing(path.format(index) + "key")
            check_key(path.format(index) + "name", key, "Metric name")
            checked.add(key)
        timestamp, step, value = metric.timestamp, metric.step, metric.value
        if type(timestamp) is not int or not 0 <= timestamp <= LARGEST_INTEGER:
            timestamp = _read_timestamp(timestamp, path.format(index))
        if step is None:
            step = 0
        elif type(step) is not int or not -LARGEST_INTEGER <= step <= LARGEST_INTEGER:
            step = check_integer(path.format(index) + "step", step)
        if type(value) is not float or not -_LARGEST_DOUBLE <= value <= _LARGEST_DOUBLE:
            number = _read_value(value, path.format(index))
            points.append(Point(key, timestamp, step, *number))
        else:
            points.append(Point(key, timestamp, step, value, False))
    return points


def write_value(value: float, is_nan: bool) -> Number:
    """Return the value of a point as JSON has it."""
    return "NaN" if is_nan else value


def find_latest(points: Iterable[Point]) -> list[Point]:
    """Return the latest point of each key, by key: the highest step, then time, then value."""
    latest: dict[str, Point] = {}
    for point in points:
        other = latest.get(point.key)
        if other is None or _age(point) > _age(other):
            latest[point.key] = point
    return [latest[key] for key in sorted(latest)]


def _age(point: Point) -> tuple[int, int, float]:
    return point.step, point.timestamp, point.value


def _read_timestamp(timestamp: int | None, place: str) -> int:
    if timestamp is None:
        raise missing(f"{place}timestamp")
    return check_integer(f"{place}timestamp", timestamp, 0)


def _read_value(value: Number | None, place: str) -> tuple[float, bool]:
    if value is None:
        raise missing(f"{place}value")
    place = f"{place}value"
    reason = "Please specify value as a valid double (64-bit floating point)"
    if isinstance(value, bool):
        raise invalid(place, value, reason)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise invalid(place, value, reason) from None
    if math.isnan(number):
        return 0.0, True
    return min(max(number, -_LARGEST_DOUBLE), _LARGEST_DOUBLE), False
