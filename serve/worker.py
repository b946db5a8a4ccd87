"""A worker: the server of one process, which is alone or one of several under a supervisor.

``python -m mlserve.serve.worker DESCRIPTOR`` is how the supervisor starts one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import socket
import sys
from functools import partial
from pkgutil import resolve_name
from threading import Thread

from ..runtimes.errors import MLServeError
from .accepting import Shares
from .assignment import Assignment, OnReady, Report, Slot, write_report
from .logs import configure_logging
from .server import Loaded, StopSwitch, end_soon, run_server
from .settings import Settings

logger = logging.getLogger("mlserve.serve")


def run_alone(
    listener: socket.socket,
    settings: Settings,
    loader: str,
    on_ready: OnReady,
) -> int:
    """Serve on ``listener`` in this process until told to stop, and return the exit code."""
    load = partial(_load, loader, settings, Slot())
    tell = partial(_tell, on_ready)
    return end_soon(run_server(listener, settings.drain_seconds, load, tell, StopSwitch()))


def main() -> None:
    """Serve what the supervisor at the other end of the channel assigns."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    with channel.makefile("rb") as stream:
        assignment: Assignment = pickle.load(stream)
    configure_logging(assignment.settings.log_format, assignment.settings.log_level)
    sys.exit(end_soon(_run_assigned(assignment, channel)))


def _run_assigned(assignment: Assignment, channel: socket.socket) -> int:
    # A process that the model's code starts must hold neither the port nor the channel open.
    os.set_inheritable(assignment.listener, False)
    listener = socket.socket(fileno=assignment.listener)
    switch = StopSwitch(insists=False)
    Thread(target=_stop_at_end, args=(channel, switch), daemon=True).start()
    load = partial(_load, assignment.loader, assignment.settings, assignment.slot)
    tell = partial(_tell, lambda model, flavor: _report(channel, Report(model, flavor)))
    try:
        shares = _open_shares(assignment)
        drain_seconds = assignment.settings.drain_seconds
        return run_server(listener, drain_seconds, load, tell, switch, shares)
    except MLServeError as error:
        _report(channel, Report(error=str(error)))
    except Exception as error:  # the edge of the process: the model's own code may raise anything
        logger.exception("the worker failed")
        _report(channel, Report(error=f"{type(error).__name__}: {error}"))
    return 1


def _open_shares(assignment: Assignment) -> Shares | None:
    slot = assignment.slot
    if slot.connections is None:
        return None
    return Shares(slot.connections, assignment.settings.workers, slot.index)


def _load(loader: str, settings: Settings, slot: Slot) -> Loaded:
    loaded = resolve_name(loader)(settings, slot)
    if not isinstance(loaded, Loaded):
        raise TypeError(f"{loader} returned {type(loaded).__name__}, expected Loaded")
    return loaded


def _tell(on_ready: OnReady, loaded: Loaded) -> None:
    on_ready(loaded.model, loaded.flavor)


def _report(channel: socket.socket, report: Report) -> None:
    with contextlib.suppress(OSError):  # the supervisor may be gone already
        channel.sendall(write_report(report))


def _stop_at_end(channel: socket.socket, switch: StopSwitch) -> None:
    """Stop once the supervisor closes its end of the channel, or is no more."""
    with contextlib.suppress(OSError):
        channel.recv(1)
    switch.stop()


if __name__ == "__main__":
    main()
