"""Trained models written as folders in the MLflow format; scikit-learn's for now."""

from __future__ import annotations

import platform
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cloudpickle
import sklearn
import skops.io
from sklearn.base import BaseEstimator

from .environment import CONDA_FILE, PYTHON_ENV_FILE, write_environment
from .errors import ModelExists, PredictionFailed, UnpackableModel
from .inference import infer_signature
from .modelspec import ModelSpec, write_model_spec
from .recording import ExampleData, read_example_data, write_example
from .schema import Signature
from .trust import HARMLESS_TYPES

RECORDED_ROWS = 5


@dataclass(frozen=True, slots=True)
class SavedEstimator:
    """An estimator's file, the package that reads it, and the types that skops is to trust."""

    file: str
    serializer: str
    trusted: list[str] | None = None


def save_model(
    model: Any,
    path: Path | str,
    *,
    example: Any = None,
    signature: Signature | None = None,
    predict_fn: str = "predict",
) -> Path:
    """Write the scikit-learn ``model`` to a new folder at ``path``, and return that path.

    ``example`` is data that the model can predict: a DataFrame, an array, a dict of columns or a
    list of records. The signature is inferred from all of it, unless ``signature`` is given; its
    first rows are stored. ``predict_fn`` names the method that answers requests. The folder appears
    whole or not at all.

    The file is in the skops format where that holds the model in types whose loading runs no code,
    and cloudpickle's where not.
    """
    path = Path(path)
    if path.exists() or path.is_symlink():
        raise ModelExists(path)
    _check_packable(model, predict_fn)
    data = None if example is None else read_example_data(example)
    if signature is None and data is not None:
        signature = infer_signature(data, _predict(model, predict_fn, data[:RECORDED_ROWS]))
    with _new_folder(path) as folder:
        info = None if data is None else write_example(folder, data[:RECORDED_ROWS])
        saved = _write_estimator(folder, model)
        write_environment(folder, ("numpy", "pandas", "scikit-learn", "scipy", saved.serializer))
        write_model_spec(
            folder,
            ModelSpec(
                flavors=_flavors(saved, predict_fn),
                signature=signature,
                model_uuid=uuid.uuid4().hex,
                utc_time_created=str(datetime.now(UTC).replace(tzinfo=None)),
                example=info,
            ),
        )
    return path


def _check_packable(model: Any, predict_fn: str) -> None:
    found = f"an object of type {type(model).__name__}"
    if isinstance(model, type) or not isinstance(model, BaseEstimator):
        raise UnpackableModel(found, "a trained scikit-learn estimator or pipeline")
    if not callable(getattr(model, predict_fn, None)):
        raise UnpackableModel(found, f'one that has a method "{predict_fn}"')


def _predict(model: Any, predict_fn: str, rows: ExampleData) -> Any:
    try:
        return getattr(model, predict_fn)(rows)
    except Exception as error:  # the model's own code: anything may come out of it
        raise PredictionFailed(error) from error


def _write_estimator(folder: Path, model: Any) -> SavedEstimator:
    file = folder / "model.skops"
    trusted = _write_skops(file, model)
    if trusted is not None:
        return SavedEstimator(file.name, "skops", trusted)
    file.unlink(missing_ok=True)
    file = folder / "model.pkl"
    with file.open("wb") as stream:
        cloudpickle.dump(model, stream)
    return SavedEstimator(file.name, "cloudpickle")


def _write_skops(file: Path, model: Any) -> list[str] | None:
    """Return which harmless types a reader must trust, or None if skops cannot hold ``model``.

    In that case part of the file may be there.
    """
    try:
        skops.io.dump(model, file)
        trusted = sorted(HARMLESS_TYPES.intersection(skops.io.get_untrusted_types(file=file)))
        skops.io.load(file, trusted=trusted)
    except OSError:
        raise
    except Exception:  # noqa: BLE001 - skops has a dozen types of error for what it cannot hold
        return None
    return trusted


def _flavors(saved: SavedEstimator, predict_fn: str) -> dict[str, dict[str, Any]]:
    return {
        "python_function": {
            "env": {"conda": CONDA_FILE, "virtualenv": PYTHON_ENV_FILE},
            "loader_module": "mlflow.sklearn",
            "model_path": saved.file,
            "predict_fn": predict_fn,
            "python_version": platform.python_version(),
        },
        "sklearn": {
            "code": None,
            "pickled_model": saved.file,
            "serialization_format": saved.serializer,
            "sklearn_version": sklearn.__version__,
            "skops_trusted_types": saved.trusted or None,  # for MLflow; mlserve does not ask a file
        },
    }


@contextmanager
def _new_folder(path: Path) -> Iterator[Path]:
    """Give a folder beside ``path`` that gets this name if all goes well, and is removed if not."""
    folder = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    folder.mkdir(parents=True)
    try:
        yield folder
        folder.rename(path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
