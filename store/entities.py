"""What the store holds, in the shapes that MLflow's REST API gives it (protobuf's JSON form).

An absent value is left out of the JSON, an empty list too; ``""`` and false stay (a factory's
default is written, a plain one is not). Times are milliseconds since 1970.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Number = float | Literal["NaN"]
"""A metric's value as JSON has it: NaN, for which JSON has no number, is a string."""


class Entity(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The base of all that goes over the wire; compared by value, never changed."""


class Empty(Entity, frozen=True):
    """Says nothing but that something was done, or asks without saying more."""


class Tag(Entity, frozen=True):
    """A key with a text, of anything that can have tags."""

    key: str
    value: str = ""


class Param(Entity, frozen=True):
    """A param of a run or a logged model; its value is written once."""

    key: str
    value: str = ""


class Metric(Entity, frozen=True):
    """A point of a metric; what belongs to a logged model or a dataset says so."""

    key: str
    value: Number
    timestamp: int | None = None
    step: int | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


class Experiment(Entity, frozen=True, kw_only=True):
    """A named set of runs; ``lifecycle_stage`` is active or deleted."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    last_update_time: int
    creation_time: int
    tags: list[Tag] = []


class RunInfo(Entity, frozen=True, kw_only=True):
    """A run without what was logged in it."""

    run_id: str
    run_uuid: str
    experiment_id: str
    run_name: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None = None
    artifact_uri: str
    lifecycle_stage: str


class RunData(Entity, frozen=True):
    """The latest point of each metric of a run, its params and its tags."""

    metrics: list[Metric] = []
    params: list[Param] = []
    tags: list[Tag] = []


class Dataset(Entity, frozen=True):
    """Data that a run used, known by name and digest."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(Entity, frozen=True, kw_only=True):
    """A dataset among the inputs of a run, with the tags of this use."""

    tags: list[Tag] = []
    dataset: Dataset


class ModelInput(Entity, frozen=True):
    """A logged model among the inputs of a run."""

    model_id: str


class ModelOutput(Entity, frozen=True):
    """A logged model that a run brought forth at a step."""

    model_id: str
    step: int = msgspec.field(default_factory=int)


class RunInputs(Entity, frozen=True):
    """What went into a run."""

    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[ModelInput] = []


class RunOutputs(Entity, frozen=True):
    """What came out of a run."""

    model_outputs: list[ModelOutput] = []


class Run(Entity, frozen=True):
    """A run, whole."""

    info: RunInfo
    data: RunData
    inputs: RunInputs | None = None
    outputs: RunOutputs | None = None


class LoggedModelInfo(Entity, frozen=True, kw_only=True):
    """A logged model without its params and metrics."""

    model_id: str
    experiment_id: str
    name: str
    creation_timestamp_ms: int
    last_updated_timestamp_ms: int
    artifact_uri: str
    status: str
    model_type: str | None = None
    source_run_id: str | None = None
    status_message: str | None = None
    tags: list[Tag] = []


class LoggedModelData(Entity, frozen=True):
    """The params and metrics of a logged model."""

    params: list[Param] = []
    metrics: list[Metric] = []


class LoggedModel(Entity, frozen=True):
    """A model folder that a run wrote, whether or not it is registered."""

    info: LoggedModelInfo
    data: LoggedModelData


class ModelVersion(Entity, frozen=True, kw_only=True):
    """One version of a registered model; its number is never used again."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    user_id: str | None = None
    current_stage: str
    description: str = msgspec.field(default_factory=str)
    source: str
    run_id: str = msgspec.field(default_factory=str)
    status: str
    status_message: str | None = None
    tags: list[Tag] = []
    run_link: str = msgspec.field(default_factory=str)
    aliases: list[str] = []
    model_id: str | None = None


class Alias(Entity, frozen=True):
    """A name for one version of a registered model."""

    alias: str
    version: str


class RegisteredModel(Entity, frozen=True, kw_only=True):
    """A name under which versions of a model are kept; ``latest_versions`` has one a stage."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    user_id: str | None = None
    description: str | None = None
    latest_versions: list[ModelVersion] = []
    tags: list[Tag] = []
    aliases: list[Alias] = []


class FileInfo(Entity, frozen=True):
    """An entry of a folder of artifacts."""

    path: str
    is_dir: bool
    file_size: int | None = None


class Promotion(Entity, frozen=True, kw_only=True):
    """One entry of the log of promotions, which is only ever added to.

    ``kind`` is "stage", "rollback" or "alias". The first two say that ``version`` moved from one
    stage to another, by a rollback if a stage was given back; "" is where a new version comes from
    and a deleted one goes. An alias's entry says that ``alias`` moved from one version to another,
    "" being none.
    """

    id: int
    at: int
    name: str
    version: str
    kind: str
    alias: str | None = None
    origin: str = msgspec.field(name="from")
    to: str
    actor: str
    reason: str = msgspec.field(default_factory=str)


class Approval(Entity, frozen=True):
    """The wish that a version gets a stage; ``state`` is pending, approved, rejected or used."""

    id: int
    name: str
    version: str
    stage: str
    state: str
    requested_by: str
    requested_at: int
    reason: str
    decided_by: str | None = None
    decided_at: int | None = None
    decision_reason: str | None = None


class Webhook(Entity, frozen=True, kw_only=True):
    """Where to tell of events in the registry; its secret is never given out."""

    webhook_id: str
    name: str
    url: str
    events: list[str] = []
    description: str | None = None
    status: str
    creation_timestamp: int
    last_updated_timestamp: int
