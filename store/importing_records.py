"""What an import reads from its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from .contract import Artifacts
from .entities import Experiment, LoggedModel, ModelVersion, RegisteredModel, Run
from .points import Point

PROMPT: Final = "mlflow.prompt.is_prompt"
"""The tag of a registered model that holds a prompt and no model."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a source holds, by id; ``left_out`` counts what an import does not copy."""

    experiments: Sequence[Experiment]
    run_ids: Sequence[str]
    model_ids: Sequence[str]
    names: Sequence[str]
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceRun:
    """A run with the whole history of its metrics."""

    run: Run
    points: Sequence[Point]
    deleted_time: int | None = None


@dataclass(frozen=True, slots=True)
class SourceLoggedModel:
    """A logged model, which may be deleted."""

    model: LoggedModel
    lifecycle_stage: str = "active"


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """A version of a registered model, and where its files are."""

    version: ModelVersion
    storage_uri: str


@dataclass(frozen=True, slots=True)
class SourceRegisteredModel:
    """A registered model with its versions; ``last_version`` counts deleted ones too."""

    model: RegisteredModel
    versions: Sequence[SourceVersion]
    last_version: int


class Source(Protocol):
    """What an import copies from. Every method may block on the network.

    What is not there any more raises `NotFound`, a source that does not answer `StoreUnavailable`.
    """

    def contents(self) -> Contents:
        """Return what there is, deleted things too."""

    def read_run(self, run_id: str) -> SourceRun:
        """Return a run, whole."""

    def read_logged_model(self, model_id: str) -> SourceLoggedModel:
        """Return a logged model, whole."""

    def read_registered_model(self, name: str) -> SourceRegisteredModel:
        """Return a registered model, whole."""

    def artifacts(self, uri: str) -> Artifacts:
        """Return the artifacts under ``uri``, which a record of the source named."""
