"""The settings of a service: each is written once, as a field of `Settings`.

Its flag, its variable, its key in a configuration file and its row in the docs follow from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

from .kinds import (
    LABEL,
    MODEL,
    NAMES,
    PATH,
    SWITCH,
    TEXT,
    Kind,
    choice,
    number,
    several,
    whole_number,
)

PREFIX: Final = "MLSERVE_"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the field of a setting says beside its type and default.

    The longest of ``flags`` names the setting everywhere: ``--max-wait-ms`` is MLSERVE_MAX_WAIT_MS
    and the key ``max_wait_ms``. ``default`` is for readers, where the value itself tells nothing.
    """

    flags: tuple[str, ...]
    help: str
    kind: Kind
    default: str | None = None
    mlflow_variable: str | None = None

    @property
    def flag(self) -> str:
        """The setting's long flag."""
        return max(self.flags, key=len)

    @property
    def key(self) -> str:
        """The setting's key in a configuration file."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        """The setting's environment variable."""
        return PREFIX + self.key.upper()


def _about(
    flags: str, text: str, kind: Kind, *, default: str | None = None, mlflow: str | None = None
) -> dict[str, Setting]:
    return {"setting": Setting(tuple(flags.split()), text, kind, default, mlflow)}


@dataclass(frozen=True, slots=True)
class Settings:
    """How a service runs.

    `build_settings` makes one from flags, variables and a file, and checks every value; what is
    made directly is taken as it is.
    """

    model: Path = field(
        metadata=_about(
            "-m --model-uri",
            "The model: the folder that holds its file MLmodel, or a reference such as "
            "models:/NAME/STAGE, which is looked up in the store at MLSERVE_TRACKING_URI.",
            MODEL,
            default="required",
        )
    )
    host: str = field(
        default="127.0.0.1",
        metadata=_about(
            "-h --host",
            "The address to listen on; 0.0.0.0 is every address of the machine.",
            TEXT,
            mlflow="MLFLOW_HOST",
        ),
    )
    port: int = field(
        default=5000,
        metadata=_about(
            "-p --port",
            "The port to listen on; 0 takes one that is free.",
            whole_number(0, 65535),
            mlflow="MLFLOW_PORT",
        ),
    )
    workers: int = field(
        default=1,
        metadata=_about(
            "-w --workers",
            "Processes that serve side by side, each with the model in its own memory.",
            whole_number(1, 1024),
            mlflow="MLFLOW_MODELS_WORKERS",
        ),
    )
    threads: int = field(
        default=0,
        metadata=_about(
            "--threads",
            "Compute threads of one worker; 0 divides the CPUs of the container among the workers.",
            whole_number(0, 1024),
        ),
    )
    timeout_seconds: float = field(
        default=60.0,
        metadata=_about(
            "-t --timeout",
            "Seconds after which a request that is not answered gets status 504.",
            number(0.001, 86_400, "SECONDS"),
            mlflow="MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT",
        ),
    )
    max_batch_rows: int = field(
        default=1024,
        metadata=_about(
            "--max-batch-rows",
            "Rows that are joined into one call of the model; a larger request stays whole.",
            whole_number(1, 10_000_000),
        ),
    )
    max_wait_ms: float = field(
        default=0.0,
        metadata=_about(
            "--max-wait-ms",
            "Milliseconds that a request waits for others to join its batch.",
            number(0, 60_000, "MS"),
        ),
    )
    max_queue_rows: int = field(
        default=100_000,
        metadata=_about(
            "--max-queue-rows",
            "Rows that may wait for the model in one worker; what comes on top gets status 503.",
            whole_number(1, 1_000_000_000),
        ),
    )
    max_body_mb: int = field(
        default=64,
        metadata=_about(
            "--max-body-mb",
            "Size of a request body in MiB, over which it gets status 413.",
            whole_number(1, 65_536),
        ),
    )
    drain_seconds: float = field(
        default=30.0,
        metadata=_about(
            "--drain-seconds",
            "Seconds that accepted requests have to finish when the service is told to stop.",
            number(0, 86_400, "SECONDS"),
        ),
    )
    contracts: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            "--contracts",
            "The platforms whose routes are answered beside those of MLflow.",
            several("azureml", "kserve", "sagemaker", "vertex"),
        ),
    )
    health_route: str = field(
        default="/health",
        metadata=_about("--health-route", "The path at which Vertex AI asks for health.", PATH),
    )
    predict_route: str = field(
        default="/predict",
        metadata=_about(
            "--predict-route", "The path to which Vertex AI sends what is to be predicted.", PATH
        ),
    )
    model_name: str = field(
        default="",
        metadata=_about(
            "--model-name",
            "The model's name in metrics, logs and the page.",
            LABEL,
            default="that of the registered model, or of its folder",
        ),
    )
    model_version: str = field(
        default="",
        metadata=_about(
            "--model-version",
            "The model's version in metrics and the page.",
            LABEL,
            default="that of the registered model",
        ),
    )
    flavor: str | None = field(
        default=None,
        metadata=_about(
            "--flavor",
            "The flavor to serve, where the model has several.",
            TEXT,
            default="the first that a runtime here serves",
        ),
    )
    predict_fn: str | None = field(
        default=None,
        metadata=_about(
            "--predict-fn",
            "The method that predicts, such as predict_proba.",
            TEXT,
            default="what the model names",
        ),
    )
    safe_only: bool = field(
        default=False,
        metadata=_about(
            "--safe-only", "Refuse every model format that can run code on loading.", SWITCH
        ),
    )
    skops_trusted: tuple[str, ...] = field(
        default=(),
        metadata=_about(
            "--skops-trusted",
            "A type that a skops file may hold beside those that skops and mlserve trust; "
            "may be repeated.",
            NAMES,
        ),
    )
    allow_version_mismatch: bool = field(
        default=False,
        metadata=_about(
            "--allow-version-mismatch",
            "Load a model although a library that it was saved with differs too much.",
            SWITCH,
        ),
    )
    access_log: bool = field(
        default=False, metadata=_about("--access-log", "Log a line for each request.", SWITCH)
    )
    log_format: str = field(
        default="text",
        metadata=_about("--log-format", "How log lines are written.", choice("text", "json")),
    )
    log_level: str = field(
        default="info",
        metadata=_about(
            "--log-level",
            "The least important messages that are logged.",
            choice("debug", "info", "warning", "error"),
        ),
    )

    def __post_init__(self) -> None:
        name = self.model_name or self.model.resolve().name
        for label, text in (("model_name", name), ("model_version", self.model_version)):
            # Bytes that are no UTF-8, in a folder's name or a flag, have no place in an answer.
            object.__setattr__(self, label, text.encode(errors="replace").decode())


SETTINGS: Final[Mapping[str, Setting]] = {
    one.name: one.metadata["setting"] for one in fields(Settings)
}
"""The setting of each field, in the order of the docs."""
