"""What the service counts, and where: one table of metrics, cells in memory shared by all workers.

A worker adds to its own stripe of a memory-mapped file without a lock; whoever is scraped sums the
stripes. The text that Prometheus reads is made by prometheus_client.
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString

_CELL_BYTES = 8
_SECONDS = (
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0,
)  # fmt: skip
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536)

STATUSES = ("200", "400", "404", "405", "411", "413", "415", "422", "499", "500", "503", "504")
REJECTIONS = (
    "body_too_large", "content_type", "deadline", "invalid", "not_ready", "queue_full",
    "shutting_down",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric: its name without the prefix, what it means, and its label or buckets."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    label: str | None = None
    values: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def full_name(self) -> str:
        """The name that Prometheus shows."""
        return f"mlserve_{self.name}"

    @property
    def cells(self) -> int:
        """How many numbers one worker keeps for this metric."""
        return len(self.buckets) + 2 if self.kind == "histogram" else max(1, len(self.values))


METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        "requests_total", "counter", "Requests to /invocations answered, by HTTP status.",
        label="status", values=(*STATUSES, "other"),
    ),
    MetricSpec("rows_total", "counter", "Rows predicted."),
    MetricSpec("batches_total", "counter", "Calls of the model, each with one batch of rows."),
    MetricSpec(
        "rejected_total", "counter", "Requests refused, by reason.",
        label="reason", values=REJECTIONS,
    ),
    MetricSpec("requests_in_flight", "gauge", "Requests received and not yet answered."),
    MetricSpec("queued_rows", "gauge", "Rows that wait for the model."),
    MetricSpec("batch_rows", "histogram", "Rows in one call of the model.", buckets=_ROWS),
    MetricSpec(
        "decode_seconds", "histogram", "From body to checked data, a request.", buckets=_SECONDS
    ),
    MetricSpec(
        "queue_seconds", "histogram", "Waiting for the model, a request.", buckets=_SECONDS
    ),
    MetricSpec("predict_seconds", "histogram", "In the model, a batch.", buckets=_SECONDS),
    MetricSpec(
        "encode_seconds", "histogram", "From prediction to answers, a batch.", buckets=_SECONDS
    ),
    MetricSpec(
        "request_seconds", "histogram", "From request head to answer, a request.", buckets=_SECONDS
    ),
)  # fmt: skip


def _offsets() -> dict[str, int]:
    offsets, at = {}, 0
    for spec in METRICS:
        offsets[spec.name] = at
        at += spec.cells
    return offsets


_OFFSETS = _offsets()
_STRIPE_CELLS = sum(spec.cells for spec in METRICS)


class Counter:
    """A number that grows, or, for a gauge, goes up and down."""

    __slots__ = ("_at", "_cells")

    def __init__(self, cells: memoryview[float], at: int) -> None:
        self._cells, self._at = cells, at

    def add(self, amount: float = 1) -> None:
        """Add ``amount``."""
        self._cells[self._at] += amount

    def set(self, value: float) -> None:
        """Make ``value`` the number."""
        self._cells[self._at] = value


class Histogram:
    """Counts of values by bucket, and their sum."""

    __slots__ = ("_at", "_buckets", "_cells", "_sum_at")

    def __init__(self, cells: memoryview[float], at: int, buckets: tuple[float, ...]) -> None:
        self._cells, self._at, self._buckets = cells, at, buckets
        self._sum_at = at + len(buckets) + 1

    def observe(self, value: float) -> None:
        """Count ``value`` in the first bucket whose bound is not below it."""
        cells = self._cells
        cells[self._at + bisect_left(self._buckets, value)] += 1
        cells[self._sum_at] += value


class Recorder:
    """The metrics of one worker, as attributes that the service adds to from one thread."""

    def __init__(self, cells: memoryview[float]) -> None:
        self._cells = cells
        self._statuses = self._labelled("requests_total")
        self._rejections = self._labelled("rejected_total")
        self.rows = self._counter("rows_total")
        self.batches = self._counter("batches_total")
        self.in_flight = self._counter("requests_in_flight")
        self.queued_rows = self._counter("queued_rows")
        self.batch_rows = self._histogram("batch_rows")
        self.decode_seconds = self._histogram("decode_seconds")
        self.queue_seconds = self._histogram("queue_seconds")
        self.predict_seconds = self._histogram("predict_seconds")
        self.encode_seconds = self._histogram("encode_seconds")
        self.request_seconds = self._histogram("request_seconds")
        self.in_flight.set(0)
        self.queued_rows.set(0)
        self.succeeded = self._statuses["200"]

    def answered(self, status: int) -> None:
        """Count one answer with the HTTP ``status``."""
        self._statuses.get(str(status), self._statuses["other"]).add()

    def rejected(self, reason: str) -> None:
        """Count one refusal for one of `REJECTIONS`."""
        self._rejections[reason].add()

    def _counter(self, name: str) -> Counter:
        return Counter(self._cells, _OFFSETS[name])

    def _labelled(self, name: str) -> dict[str, Counter]:
        spec = next(spec for spec in METRICS if spec.name == name)
        counters = (Counter(self._cells, _OFFSETS[name] + i) for i in range(spec.cells))
        return dict(zip(spec.values, counters, strict=True))

    def _histogram(self, name: str) -> Histogram:
        spec = next(spec for spec in METRICS if spec.name == name)
        return Histogram(self._cells, _OFFSETS[name], spec.buckets)


class MetricStore:
    """The numbers of all workers, in a file that each of them maps.

    ``path`` None keeps them in memory, for a service of one process. A worker that is started
    again goes on with its predecessor's counters.
    """

    def __init__(self, path: Path | None = None, workers: int = 1) -> None:
        size = workers * _STRIPE_CELLS * _CELL_BYTES
        if path is None:
            self._map = mmap.mmap(-1, size)
        else:
            with path.open("a+b") as file:
                if path.stat().st_size < size:
                    file.truncate(size)
                self._map = mmap.mmap(file.fileno(), size)
        self._cells = memoryview(self._map).cast("d")
        self._workers = workers

    def recorder(self, worker: int = 0) -> Recorder:
        """Return the recorder of the worker with the index ``worker``."""
        return Recorder(self._cells[worker * _STRIPE_CELLS : (worker + 1) * _STRIPE_CELLS])

    def totals(self) -> list[float]:
        """Return every cell summed over the workers."""
        stripes = (
            self._cells[i * _STRIPE_CELLS : (i + 1) * _STRIPE_CELLS] for i in range(self._workers)
        )
        return [sum(cells) for cells in zip(*stripes, strict=True)]


class ServiceCollector(Collector):
    """The metrics of a service in prometheus_client's form, with ``labels`` on every one."""

    def __init__(self, store: MetricStore, labels: Mapping[str, str]) -> None:
        self._store, self._labels = store, dict(labels)

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its present values."""
        totals = self._store.totals()
        for spec in METRICS:
            at = _OFFSETS[spec.name]
            yield self._family(spec, totals[at : at + spec.cells])

    def _family(self, spec: MetricSpec, cells: list[float]) -> Metric:
        names, values = list(self._labels), list(self._labels.values())
        if spec.kind == "histogram":
            histogram = HistogramMetricFamily(spec.full_name, spec.help, labels=names)
            histogram.add_metric(values, cumulative(spec.buckets, cells[:-1]), cells[-1])
            return histogram
        family = CounterMetricFamily if spec.kind == "counter" else GaugeMetricFamily
        if spec.label is None:
            plain = family(spec.full_name, spec.help, labels=names)
            plain.add_metric(values, cells[0])
            return plain
        labelled = family(spec.full_name, spec.help, labels=[*names, spec.label])
        for label_value, cell in zip(spec.values, cells, strict=True):
            labelled.add_metric([*values, label_value], cell)
        return labelled


def cumulative(buckets: tuple[float, ...], counts: list[float]) -> list[tuple[str, float]]:
    """Return Prometheus' pairs of upper bound and count of all values up to it."""
    total, pairs = 0.0, []
    for bound, count in zip((*buckets, float("inf")), counts, strict=True):
        total += count
        pairs.append((floatToGoString(bound), total))  # type: ignore[no-untyped-call]
    return pairs


def expose(collector: Collector, accept: str) -> tuple[bytes, str]:
    """Return the scrape text and its content type, in the format that ``accept`` asks for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    try:
        encode, content_type = choose_encoder(accept)
    except TypeError:  # prometheus_client cannot compare a version that is no number
        encode, content_type = choose_encoder("")
    return encode(registry), content_type
