"""The runs that are open in this process: a stack in each thread, ended when the program ends."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing.process import parent_process
from types import TracebackType
from typing import Self

from .client import MlserveClient
from .forking import renew_in_children
from .program_end import FAILED, ProgramEnd
from .views import Run


@dataclass(frozen=True)
class ActiveRun(Run):
    """A run that is open in this thread; as a context manager it is ended with the block.

    It holds what the run was when it was opened: ask `get_run` for what was logged since.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        RUNS.leave(self, kind, error)


@dataclass(frozen=True, slots=True)
class Opened:
    """A run on a stack, the client that it was opened with, and the process that opened it."""

    run: ActiveRun
    client: MlserveClient
    process: int = field(default_factory=os.getpid)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.run.info.run_id

    def end(self, status: str) -> None:
        """Mark the run as ended, once its points are there."""
        self.client.set_terminated(self.run_id, status)


class ActiveRuns:
    """The stacks of open runs of all threads."""

    def __init__(self) -> None:
        self._here = threading.local()
        self._lock = threading.Lock()
        self._open: dict[int, list[Opened]] = {}
        self._end = ProgramEnd(self._fail_thread)
        self._ends_at_exit = False
        renew_in_children(self)

    def renew(self) -> None:
        """Keep the stack of the thread that forked, for a child may go on logging to its runs."""
        self._lock, self._ends_at_exit = threading.Lock(), False
        self._open = {}
        self._note(self._stack())

    def open(self, opened: Opened) -> None:
        """Put a run on top of this thread's stack."""
        self._end_at_exit()
        stack = self._stack()
        stack.append(opened)
        self._note(stack)

    def current(self) -> Opened | None:
        """Return the run on top of this thread's stack, if there is one."""
        self._end.go_on()
        stack = self._stack()
        return stack[-1] if stack else None

    def outermost(self) -> Opened | None:
        """Return the run at the bottom of this thread's stack, if there is one."""
        stack = self._stack()
        return stack[0] if stack else None

    @property
    def last(self) -> Opened | None:
        """The run that was ended last in this thread."""
        last: Opened | None = getattr(self._here, "last", None)
        return last

    def end(self, status: str) -> None:
        """End the run on top of this thread's stack, if there is one."""
        stack = self._stack()
        if not stack:
            return
        opened = self._here.last = stack.pop()
        self._note(stack)
        opened.end(status)

    def leave(
        self, run: ActiveRun, kind: type[BaseException] | None, error: BaseException | None
    ) -> None:
        """End the run whose block is left, if it is open still.

        What cannot be logged is raised; where an exception is on its way already, it notes that.
        """
        stack = self._stack()
        if all(opened.run_id != run.info.run_id for opened in stack):
            return
        if stack[-1].process != os.getpid():
            stack.pop()  # a child is done with its parent's run
            return
        try:
            self.end(self._end.status_after(kind))
        except Exception as failure:
            if error is None:
                raise
            error.add_note(f"the run {run.info.run_id} could not be ended: {failure}")

    def end_all(self) -> None:
        """End every run that this process opened, innermost first, as the program ends."""
        status = self._end.status()
        with self._lock:
            stacks = [list(stack) for stack in self._open.values()]
            for stack in self._open.values():
                stack.clear()
            self._open.clear()
        with ExitStack() as ends:
            ends.callback(self._end.unwatch)
            for opened in _own(stacks):
                ends.callback(opened.end, status)

    def _fail_thread(self) -> None:
        """End the runs of this thread, which an exception has ended."""
        stack = self._stack()
        runs = list(_own([stack]))
        stack.clear()
        self._note(stack)
        with ExitStack() as ends:
            for opened in runs:
                ends.callback(opened.end, FAILED)

    def _stack(self) -> list[Opened]:
        stack: list[Opened] | None = getattr(self._here, "stack", None)
        if stack is None:
            stack = self._here.stack = []
        return stack

    def _note(self, stack: list[Opened]) -> None:
        """Keep the stacks that are not empty, and watch the program while there are any."""
        with self._lock:
            if stack:
                self._open[id(stack)] = stack
            else:
                self._open.pop(id(stack), None)
            if self._open:
                self._end.watch()
            else:
                self._end.unwatch()

    def _end_at_exit(self) -> None:
        """Have runs ended when this process ends; once in each, for children inherit nothing."""
        if self._ends_at_exit:
            return
        self._ends_at_exit = True
        atexit.register(self.end_all)
        if parent_process() is not None:
            # A child of multiprocessing leaves without what was registered with atexit.
            from multiprocessing.util import Finalize  # noqa: PLC0415 - loaded in such a child

            Finalize(None, self.end_all, exitpriority=0)


def _own(stacks: list[list[Opened]]) -> Iterator[Opened]:
    """Yield the runs that this process opened itself, the outermost of each thread first."""
    for stack in stacks:
        yield from (opened for opened in stack if opened.process == os.getpid())


RUNS = ActiveRuns()
"""The open runs of this process."""
