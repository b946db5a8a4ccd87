"""Which lifecycle stages a search looks at, by the name that MLflow gives the choice."""

from __future__ import annotations

from typing import Final

from . import limits
from .experiments import ACTIVE, DELETED

_STAGES: Final = {
    "ACTIVE_ONLY": (ACTIVE,),
    "DELETED_ONLY": (DELETED,),
    "ALL": (ACTIVE, DELETED),
}
_NUMBERS: Final = dict(zip("123", _STAGES, strict=True))


def read_stages(name: str, view_type: str | None) -> tuple[str, ...]:
    """Return the stages of ``view_type``, a name or MLflow's number for it; by default, active.

    ``name`` is that of the parameter.
    """
    if not view_type:
        return _STAGES["ACTIVE_ONLY"]
    stages = _STAGES.get(_NUMBERS.get(view_type, view_type))
    if stages is None:
        raise limits.invalid(name, view_type, f"expected one of {', '.join(_STAGES)}")
    return stages
