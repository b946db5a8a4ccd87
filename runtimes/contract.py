"""What a runtime is: the protocol that every flavor's module and every plug-in fulfils."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .columns import ModelInput
from .modelspec import ModelSpec


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How the operator wants a model loaded.

    ``flavor`` and ``predict_fn`` override what the model would choose; ``safe_only`` refuses every
    format that can run code on loading; ``skops_trusted`` names the types that a skops file may
    hold beside skops' own defaults; ``threads`` is the compute budget of one runtime.
    """

    flavor: str | None = None
    predict_fn: str | None = None
    safe_only: bool = False
    skops_trusted: tuple[str, ...] = ()
    allow_version_mismatch: bool = False
    threads: int = 1


class Runtime(Protocol):
    """A loaded model.

    ``predict`` may be called from any thread, and from several at once where ``concurrency`` is
    over 1; it may block and keep a core busy. It must not keep or change ``data``.
    """

    @property
    def is_row_wise(self) -> bool:
        """Whether each row's prediction depends on that row alone, in a result of an entry a row.

        Only then are the requests of strangers joined into one call.
        """

    @property
    def concurrency(self) -> int:
        """How many calls of ``predict`` may usefully run at once."""

    @property
    def own_params(self) -> frozenset[str]:
        """The request params that the runtime itself reads, whatever the signature says."""

    def predict(self, data: ModelInput, params: Mapping[str, Any]) -> Any:
        """Return the prediction: an array, `Columns`, a pandas object, or plain Python values.

        Whatever it raises is the model's refusal of this input.
        """

    def close(self) -> None:
        """Give back what the runtime holds; it is not used afterwards."""


class RuntimeLoader(Protocol):
    """What a flavor's "module:attribute" names."""

    def __call__(self, folder: Path, spec: ModelSpec, options: LoadOptions) -> Runtime:
        """Return the runtime of the model in ``folder``, or raise a `ModelError`."""
