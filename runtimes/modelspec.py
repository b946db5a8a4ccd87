"""The file MLmodel, read into a `ModelSpec` and written back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .schema import Signature


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What the file MLmodel says about a model.

    ``example`` is MLflow's ``saved_input_example_info``; ``extra`` holds every key that has no
    field here, kept when the spec is written again.
    """

    flavors: Mapping[str, Mapping[str, Any]]
    signature: Signature | None = None
    is_signature_from_type_hint: bool = False
    model_id: str | None = None
    run_id: str | None = None
    model_uuid: str | None = None
    mlflow_version: str | None = None
    utc_time_created: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    example: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
