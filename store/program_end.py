"""How this program ends: whether the runs that are open then have finished, failed or been killed.

Nothing is watched but while a run is open.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from types import FrameType
from typing import Any, NoReturn

FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"

_SIGTERM_CODE = 128 + signal.SIGTERM


class ProgramEnd:
    """Notes what Python does not keep until the end: an exit code, a signal, a thread that failed.

    ``on_thread_failure`` is called in a thread that an exception ends.
    """

    def __init__(self, on_thread_failure: Callable[[], None]) -> None:
        self._on_thread_failure = on_thread_failure
        self._code: object = None
        self._is_killed = False
        self._undo: list[Callable[[], None]] = []

    def watch(self) -> None:
        """Begin to note, if that is not done yet."""
        if not self._undo:
            self._watch_exit()
            self._watch_threads()
            self._watch_sigterm()

    def unwatch(self) -> None:
        """Leave the interpreter as it was found."""
        while self._undo:
            self._undo.pop()()

    def go_on(self) -> None:
        """Forget an exit that was asked for: the program goes on, somebody caught it."""
        self._code = None

    def status(self) -> str:
        """Return what an open run is to be marked as, asked when the program is at its end."""
        if self._is_killed:
            return KILLED
        error = sys.exc_info()[1]
        if isinstance(error, SystemExit):
            return _status_of(error.code)
        has_crashed = error is not None or _has_uncaught_exception()
        return FAILED if has_crashed else _status_of(self._code)

    def status_after(self, error: type[BaseException] | None) -> str:
        """Return what a run is to be marked as whose block is left, by an exception or without."""
        if self._is_killed:
            return KILLED
        return FINISHED if error is None else FAILED

    def _watch_exit(self) -> None:
        """Note the code that `sys.exit` is called with: nothing tells it once Python ends."""
        leave = sys.exit

        @wraps(leave)
        def noting(status: Any = None, /) -> NoReturn:
            if threading.current_thread() is threading.main_thread():
                self._code = status
            leave(status)

        def undo() -> None:
            if sys.exit is noting:
                sys.exit = leave

        sys.exit = noting
        self._undo.append(undo)

    def _watch_threads(self) -> None:
        report = threading.excepthook

        def noting(arguments: threading.ExceptHookArgs, /) -> None:
            report(arguments)
            self._on_thread_failure()

        def undo() -> None:
            if threading.excepthook is noting:
                threading.excepthook = report

        threading.excepthook = noting
        self._undo.append(undo)

    def _watch_sigterm(self) -> None:
        """Leave by an exception on SIGTERM, where it would end the process at once."""
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            return

        def leave(_number: int, _frame: FrameType | None) -> NoReturn:
            self._is_killed = True
            raise SystemExit(_SIGTERM_CODE)

        def undo() -> None:
            with suppress(ValueError):  # only the main thread may; it is done with the next run
                if signal.getsignal(signal.SIGTERM) is leave:
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)

        signal.signal(signal.SIGTERM, leave)
        self._undo.append(undo)


def _has_uncaught_exception() -> bool:
    """Return whether an exception has ended the program; on a console they end nothing."""
    is_console = hasattr(sys, "ps1") or sys.flags.interactive
    return not is_console and getattr(sys, "last_value", None) is not None


def _status_of(code: object) -> str:
    return FINISHED if code is None or code == 0 else FAILED
