"""What users of the Python API get: MLflow's names, with dicts for what has keys.

Times are milliseconds since 1970. ``viewing`` makes these of what the store answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

from ..runtimes.errors import shorten
from .errors import InvalidParameter

Item = TypeVar("Item")


class PagedList(list[Item], Generic[Item]):
    """One page of a search; ``token`` asks for the next one, and is None on the last."""

    def __init__(self, items: Iterable[Item], token: str | None = None) -> None:
        super().__init__(items)
        self.token = token


class ViewType:
    """Whether a search finds what is active, what is deleted, or both."""

    ACTIVE_ONLY, DELETED_ONLY, ALL = 1, 2, 3

    @classmethod
    def to_string(cls, view_type: int) -> str:
        """Return the name that MLflow gives the number, such as "active_only"."""
        return _name_of(view_type, _VIEW_TYPES, "view type")

    @classmethod
    def from_string(cls, view_str: str) -> int:
        """Return the number of a name."""
        return _number_of(view_str, _VIEW_TYPES, "view type")


class RunStatus:
    """What is or became of a run: MLflow's numbers for the names that records hold."""

    RUNNING, SCHEDULED, FINISHED, FAILED, KILLED = 1, 2, 3, 4, 5

    @staticmethod
    def to_string(status: int) -> str:
        """Return the name of a number, as `RunInfo` has it."""
        return _name_of(status, _STATUSES, "run status")

    @staticmethod
    def from_string(status_str: str) -> int:
        """Return the number of a name."""
        return _number_of(status_str, _STATUSES, "run status")

    @staticmethod
    def is_terminated(status: int) -> bool:
        """Return whether a run of this status has ended."""
        return status >= RunStatus.FINISHED


_VIEW_TYPES = {1: "active_only", 2: "deleted_only", 3: "all"}
_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


def _name_of(number: int, names: dict[int, str], what: str) -> str:
    if number not in names:
        raise InvalidParameter(
            f"{what}: found {shorten(number)}, expected one of {', '.join(map(str, names))}"
        )
    return names[number]


def _number_of(name: str, names: dict[int, str], what: str) -> int:
    for number, known in names.items():
        if known == name:
            return number
    raise InvalidParameter(
        f"{what}: found {shorten(name)}, expected one of {', '.join(names.values())}"
    )


@dataclass(frozen=True, slots=True)
class Metric:
    """A point of a metric, to be logged in a batch or out of a metric's history."""

    key: str
    value: float
    timestamp: int | None = None
    step: int | None = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Param:
    """A param to be logged in a batch."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RunTag:
    """A tag to be set in a batch."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class InputTag:
    """A tag of one use of a dataset."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """Data that a run used, known by name and digest."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A dataset among the inputs of a run."""

    dataset: Dataset
    tags: list[InputTag] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LoggedModelInput:
    """A logged model among the inputs of a run."""

    model_id: str


@dataclass(frozen=True, slots=True)
class LoggedModelOutput:
    """A logged model that a run brought forth at a step."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What went into a run."""

    dataset_inputs: list[DatasetInput] = field(default_factory=list)
    model_inputs: list[LoggedModelInput] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RunOutputs:
    """What came out of a run."""

    model_outputs: list[LoggedModelOutput] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A named set of runs; ``lifecycle_stage`` is active or deleted."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: str
    tags: dict[str, str]
    creation_time: int
    last_update_time: int


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A run without what was logged in it."""

    run_id: str
    experiment_id: str
    run_name: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None
    artifact_uri: str
    lifecycle_stage: str


@dataclass(frozen=True, slots=True)
class RunData:
    """The latest value of each metric of a run, its params and its tags."""

    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]


@dataclass(frozen=True)
class Run:
    """A run, whole."""

    info: RunInfo
    data: RunData
    inputs: RunInputs
    outputs: RunOutputs

    def to_dictionary(self) -> dict[str, Any]:
        """Return the run in dicts and lists."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FileInfo:
    """An entry of a folder of artifacts; its path is relative to the root of the artifacts."""

    path: str
    is_dir: bool
    file_size: int | None


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model folder that a run wrote; ``status`` is PENDING, READY or FAILED."""

    experiment_id: str
    model_id: str
    name: str
    artifact_location: str
    creation_timestamp: int
    last_updated_timestamp: int
    model_type: str | None
    source_run_id: str | None
    status: str
    status_message: str | None
    tags: dict[str, str]
    params: dict[str, str]
    metrics: list[Metric]

    @property
    def model_uri(self) -> str:
        """The reference under which the model can be registered, loaded and served."""
        return f"models:/{self.model_id}"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model; its number is a text, as MLflow's servers give it."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str
    user_id: str | None
    current_stage: str
    source: str
    run_id: str
    run_link: str
    status: str
    status_message: str | None
    tags: dict[str, str]
    aliases: list[str]
    model_id: str | None


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A name under which versions are kept; ``aliases`` maps each alias to a version's number."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None
    latest_versions: list[ModelVersion]
    tags: dict[str, str]
    aliases: dict[str, str]
