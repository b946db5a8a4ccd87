"""Several workers on one listening socket: started, watched, started again, and stopped.

The supervisor loads no model and handles no request. A worker stops when its channel ends, and so
ends with the supervisor, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pickle
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .assignment import Assignment, OnReady, Report, Slot, read_report
from .settings import Settings

LEAST_DELAY_SECONDS: Final = 0.1
MOST_DELAY_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 60.0
"""A worker that lived this long starts again without the delay of earlier failures."""

GRACE_SECONDS: Final = 15.0
"""How long after ``drain_seconds`` the supervisor waits before it kills a worker."""

logger = logging.getLogger("mlserve.serve")


@dataclass(frozen=True, slots=True)
class End:
    """How a worker ended: its code (negative: the signal), its error, and how long it lived."""

    code: int
    seconds: float
    error: str | None = None

    def describe(self) -> str:
        """Return the end in words."""
        if self.error:
            return self.error
        if self.code == -signal.SIGKILL:
            return "it was killed, as the system does when memory runs out"
        if self.code < 0:
            return f"it ended on the signal {-self.code} ({signal.strsignal(-self.code)})"
        return f"it ended with the code {self.code}"


def run_workers(
    listener: socket.socket,
    settings: Settings,
    loader: str,
    on_ready: OnReady,
) -> int:
    """Serve on ``listener`` with the settings' number of workers, and return the exit code.

    It is 0 when all workers ended in order, 1 when one cut requests off or never got ready.
    """
    metrics, connections = make_shared_file(), make_shared_file()
    slots = (Slot(index, metrics, connections) for index in range(settings.workers))
    assignments = [Assignment(settings, loader, slot, listener.fileno()) for slot in slots]
    return asyncio.run(Supervisor(listener, assignments, on_ready).run())


def make_shared_file() -> Path:
    """Return the path of an empty file that workers can open and that vanishes with them all."""
    if hasattr(os, "memfd_create"):  # in memory: a container's folders may all be read-only
        return Path(f"/dev/fd/{os.memfd_create('mlserve')}")
    with tempfile.TemporaryFile() as file:
        return Path(f"/dev/fd/{os.dup(file.fileno())}")


def next_delay(delay: float, lived_seconds: float) -> float:
    """Return how long to wait before a worker starts again, given the delay before."""
    if lived_seconds >= STEADY_SECONDS or not delay:
        return LEAST_DELAY_SECONDS
    return min(2 * delay, MOST_DELAY_SECONDS)


class Supervisor:
    """Keeps a worker at work on each of the ``assignments`` until it is told to stop."""

    def __init__(
        self,
        listener: socket.socket,
        assignments: list[Assignment],
        on_ready: OnReady,
    ) -> None:
        self._listener, self._assignments, self._on_ready = listener, assignments, on_ready
        self._stopping = asyncio.Event()
        self._running: dict[int, Worker] = {}
        self._served: set[int] = set()
        self._code = 0

    async def run(self) -> int:
        """Return the exit code once every worker has ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._receive, number)
        keepers = [asyncio.create_task(self._keep(one)) for one in self._assignments]
        await self._stopping.wait()
        drain_seconds = self._assignments[0].settings.drain_seconds
        _, late = await asyncio.wait(keepers, timeout=drain_seconds + GRACE_SECONDS)
        if late:
            logger.error("%d workers did not stop and were killed", len(late))
            self._kill()
        await asyncio.gather(*keepers)
        return self._code

    def _receive(self, number: int) -> None:
        if self._stopping.is_set():
            self._kill()
            os._exit(128 + number)
        logger.info("stopping", extra={"fields": {"workers": len(self._running)}})
        self._stop()

    def _stop(self) -> None:
        self._stopping.set()
        self._listener.close()
        for worker in self._running.values():
            worker.stop()

    def _kill(self) -> None:
        for worker in self._running.values():
            worker.kill()

    async def _keep(self, assignment: Assignment) -> None:
        """Run worker after worker on ``assignment`` until the service stops."""
        index, delay = assignment.slot.index, 0.0
        while not self._stopping.is_set():
            end = await self._run_worker(assignment)
            if self._stopping.is_set():
                self._code = self._code or min(1, abs(end.code))
                return
            if index not in self._served:
                logger.error("worker %d did not get ready: %s", index, end.describe())
                self._code = 1
                self._stop()
                return
            delay = next_delay(delay, end.seconds)
            message = "worker %d is started again in %g s: %s"
            logger.error(message, index, delay, end.describe())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def _run_worker(self, assignment: Assignment) -> End:
        index, started = assignment.slot.index, time.monotonic()
        try:
            worker = await Worker.start(assignment)
        except OSError as fault:
            return End(1, seconds=0.0, error=f"it could not be started: {fault}")
        self._running[index] = worker
        if self._stopping.is_set():
            worker.stop()
        report = await worker.report()
        if report is not None and report.error is None:
            self._greet(index, report)
        code = await worker.wait()
        del self._running[index]
        error = report.error if report else None
        return End(code, time.monotonic() - started, error)

    def _greet(self, index: int, report: Report) -> None:
        if index in self._served:
            logger.info("worker %d is ready again", index)
            return
        self._served.add(index)
        if len(self._served) == len(self._assignments):
            self._on_ready(report.model, report.flavor)


class Worker:
    """A worker process and the channel to it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer

    @classmethod
    async def start(cls, assignment: Assignment) -> Worker:
        """Return a new process that has its assignment."""
        ours, theirs = socket.socketpair()
        with theirs:
            files = filter(None, (assignment.slot.metrics, assignment.slot.connections))
            inherited = (theirs.fileno(), assignment.listener, *(int(file.name) for file in files))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", f"{__package__}.worker", str(theirs.fileno())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=inherited,
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(pickle.dumps(assignment))
        return cls(process, reader, writer)

    async def report(self) -> Report | None:
        """Return what the worker says of its start, or None where it ends before."""
        with contextlib.suppress(OSError):
            return read_report(await self._reader.readline())
        return None

    async def wait(self) -> int:
        """Return the exit code, negative for a signal, once the process has ended."""
        code = await self._process.wait()
        self._writer.close()
        return code

    def stop(self) -> None:
        """Let the worker finish what it has accepted and end."""
        with contextlib.suppress(OSError):
            self._writer.write_eof()

    def kill(self) -> None:
        """End the worker at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
