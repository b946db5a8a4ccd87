"""Models that are cloudpickles, compressed or not."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cloudpickle

from .compatibility import check_version
from .errors import InvalidModel
from .modelfolder import MLMODEL, model_file

_OPENERS: Mapping[str, Callable[..., Any]] = {
    "bzip2": bz2.open,
    "gzip": gzip.open,
    "lzma": lzma.open,
}


def read_pickled_model(folder: Path, flavor: Mapping[str, Any]) -> Any:
    """Return the object that the model was pickled from.

    A pickle by another release of cloudpickle is tried with a warning, as MLflow does.
    """
    if not isinstance(name := flavor.get("python_model"), str):
        raise InvalidModel(folder / MLMODEL, "no python_model", "the path of a pickle")
    recorded = flavor.get("cloudpickle_version")
    check_version("cloudpickle", recorded, cloudpickle.__version__, pickled=False)
    opener = _OPENERS.get(flavor.get("python_model_compression") or "", open)
    with opener(model_file(folder, name), "rb") as file:
        return cloudpickle.load(file)
