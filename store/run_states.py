"""Whether a run may be written in, and the locks that keep it so until the transaction ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from ..runtimes.errors import shorten
from .errors import InvalidParameter, NotFound
from .experiments import ACTIVE
from .prepared import Prepared
from .tables import runs

_STATE: Final = select(runs.c.experiment_id, runs.c.lifecycle_stage).where(
    runs.c.run_id == bindparam("run_id")
)
# Many may log in a run at once, but it cannot go away meanwhile; one alone may change it itself.
_SHARED: Final = _STATE.with_for_update(read=True, key_share=True)
_ALONE: Final = _STATE.with_for_update(key_share=True)
_SHARE: Final = Prepared(["run_id"], lambda _: _SHARED)
_LOCK: Final = Prepared(["run_id"], lambda _: _ALONE)


def share_active_run(connection: Connection, run_id: str) -> int:
    """Hold a run to log in, as others may do at once; return the id of its experiment.

    Raises `NotFound`, and `InvalidParameter` where it is deleted.
    """
    return _check(_SHARE.run(connection, (run_id,)), run_id)


def lock_active_run(connection: Connection, run_id: str) -> None:
    """Hold a run as `share_active_run` does, but alone: others who lock it wait."""
    _check(_LOCK.run(connection, (run_id,)), run_id)


def refuse_run(connection: Connection, run_id: str) -> NotFound | InvalidParameter:
    """Return the error of a run that cannot be changed: it is not there, or is deleted."""
    row = connection.execute(_STATE, {"run_id": run_id}).one_or_none()
    return no_run(run_id) if row is None else _not_active(run_id, row.lifecycle_stage)


def no_run(run_id: str) -> NotFound:
    """Return the error of a run that is not there, in MLflow's words."""
    return NotFound(f"Run with id={shorten(run_id)} not found")


def _not_active(run_id: str, stage: str) -> InvalidParameter:
    return InvalidParameter(
        f"The run {run_id} must be in the 'active' state. Current state is {stage}."
    )


def _check(rows: Sequence[Sequence[Any]], run_id: str) -> int:
    if not rows:
        raise no_run(run_id)
    ((number, stage),) = rows
    if stage != ACTIVE:
        raise _not_active(run_id, stage)
    return int(number)
