"""The ways to stores that are open in this process, shared by all that is logged there."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from multiprocessing.process import parent_process
from threading import Lock
from typing import Any, TypeVar

from . import registry_operations as registry
from . import tracking_operations as tracking
from .contract import Artifacts, Transport
from .entities import Entity, Metric
from .forking import renew_in_children
from .metric_buffer import MetricBuffer
from .operation import Operation
from .tracking_requests import LogBatch
from .tracking_uri import Target, find_target, open_target

Request = TypeVar("Request", bound=Entity)
Answer = TypeVar("Answer", bound=Entity)

_LOOK_AT_POINTS: frozenset[Operation[Any, Any]] = frozenset(
    {
        registry.CREATE_MODEL_VERSION,
        registry.TRANSITION_STAGE,
        tracking.DELETE_RUN,
        tracking.GET_LOGGED_MODEL,
        tracking.GET_METRIC_HISTORY,
        tracking.GET_METRIC_HISTORY_INTERVAL,
        tracking.GET_RUN,
        tracking.SEARCH_LOGGED_MODELS,
        tracking.SEARCH_RUNS,
    }
)
"""What answers by the points of runs, so that those that wait are sent before."""


class Connection:
    """A way to a store, with the points of metrics that wait to go there.

    With ``may_wait`` false none do: they are sent by who logs them.
    """

    def __init__(self, transport: Transport, *, may_wait: bool = True) -> None:
        self._transport = transport
        self._buffer = MetricBuffer(self._send)
        if not may_wait:
            self._buffer.close()

    def call(self, operation: Operation[Request, Answer], request: Request) -> Answer:
        """Return the answer of the store, which knows all points that were logged before."""
        if operation in _LOOK_AT_POINTS:
            self._buffer.flush(getattr(request, "run_id", None))
        return self._transport.call(operation, request)

    def log_later(self, run_id: str, points: Sequence[Metric]) -> None:
        """Have points sent in the background; raises what went wrong with earlier ones."""
        self._buffer.add(run_id, points)

    def flush(self, run_id: str | None = None) -> None:
        """Return when the points that wait are sent; raises what went wrong with any."""
        self._buffer.flush(run_id)

    def artifacts(self, uri: str) -> Artifacts:
        """Return the artifacts under ``uri``."""
        return self._transport.artifacts(uri)

    def close(self) -> None:
        """Send what waits, and close the way."""
        try:
            self._buffer.close()
        finally:
            self._transport.close()

    def _send(self, run_id: str, points: list[Metric]) -> None:
        self._transport.call(tracking.LOG_BATCH, LogBatch(run_id=run_id, metrics=points))


class Connections:
    """The connections of this process, one a target."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._open: dict[Target, Connection] = {}
        # A child of multiprocessing may be ended at any time.
        self._may_wait = parent_process() is None
        renew_in_children(self)

    def renew(self) -> None:
        """Have a lock that no thread of the parent holds; each connection renews itself."""
        self._lock, self._may_wait = Lock(), False

    def connect(self, target: Target) -> Connection:
        """Return the connection to ``target``, opened for the first who asks."""
        with self._lock:
            if target not in self._open:
                transport = open_target(target)
                self._open[target] = Connection(transport, may_wait=self._may_wait)
            return self._open[target]

    def flush(self) -> None:
        """Return when all that waits anywhere is sent."""
        with self._lock:
            connections = list(self._open.values())
        for connection in connections:
            connection.flush()

    def close(self) -> None:
        """Send what waits and close all, as far as that can be done; raises the first error."""
        with self._lock:
            connections, self._open = list(self._open.values()), {}
        with ExitStack() as stack:
            for connection in connections:
                stack.callback(connection.close)

    def end(self) -> None:
        """Close all as the program ends: nobody comes again for what would wait from now on."""
        self._may_wait = False
        self.close()


def connect(uri: str | None = None, environment: Mapping[str, str] = os.environ) -> Connection:
    """Return this process's connection to the store at ``uri``, or that of the environment."""
    return shared().connect(find_target(uri, environment))


@cache
def shared() -> Connections:
    """Return the connections of this process, which are closed when it ends."""
    connections = Connections()
    atexit.register(connections.end)
    return connections
