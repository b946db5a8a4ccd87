"""Small models trained on scikit-learn's own data, written as the folders that MLflow writes."""

from __future__ import annotations

import pickle
import platform
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import sklearn
import skops.io
import yaml
from mlserve.runtimes.columns import Columns
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris, load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

IRIS = load_iris(as_frame=True)
DIABETES = load_diabetes(as_frame=True)
WINE = load_wine(as_frame=True)


def iris_classifier() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(IRIS.data, IRIS.target)


def diabetes_regressor() -> Any:
    return LinearRegression().fit(DIABETES.data, DIABETES.target)


def wine_frame() -> pd.DataFrame:
    """Two numbers of each wine and its colour in words, so that columns are of mixed types."""
    frame = WINE.data[["alcohol", "hue"]].copy()
    names = np.array(["pale", "ruby", "dark"], dtype=object)
    frame["colour"] = names[pd.cut(WINE.data["color_intensity"], 3, labels=False)]
    return frame


def wine_classifier() -> Any:
    split = make_column_transformer(
        (StandardScaler(), ["alcohol", "hue"]),
        (OneHotEncoder(handle_unknown="ignore"), ["colour"]),
    )
    return make_pipeline(split, LogisticRegression()).fit(wine_frame(), WINE.target)


def columns_of(frame: pd.DataFrame) -> Columns:
    """Return the columns as a signature's enforcement gives them."""
    return Columns(
        {
            name: np.array(frame[name].tolist(), dtype=object)
            if not pd.api.types.is_numeric_dtype(frame[name])
            else frame[name].to_numpy()
            for name in frame
        },
        len(frame),
    )


def write_mlmodel(folder: Path, flavors: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors}))
    return folder


def write_sklearn(
    folder: Path, estimator: Any, kind: str = "pickle", *, generic: Any = (), **flavor: Any
) -> Path:
    """Write ``estimator`` by ``kind``; ``generic`` and ``flavor`` replace keys of the MLmodel."""
    name = "model.skops" if kind == "skops" else "model.pkl"
    folder.mkdir(parents=True, exist_ok=True)
    match kind:
        case "skops":
            skops.io.dump(estimator, folder / name)
        case "cloudpickle":
            (folder / name).write_bytes(cloudpickle.dumps(estimator))
        case _:
            (folder / name).write_bytes(pickle.dumps(estimator))
    python_function = {
        "loader_module": "mlflow.sklearn",
        "model_path": name,
        "predict_fn": "predict",
        "python_version": platform.python_version(),
    }
    sections = {
        "pickled_model": name,
        "serialization_format": kind,
        "sklearn_version": sklearn.__version__,
    }
    return write_mlmodel(
        folder,
        {"python_function": python_function | dict(generic), "sklearn": sections | flavor},
    )


def write_onnx(folder: Path, graph: Any, **flavor: Any) -> Path:
    """Write an ONNX model, or the bytes of what claims to be one."""
    folder.mkdir(parents=True, exist_ok=True)
    content = graph if isinstance(graph, bytes) else graph.SerializeToString()
    (folder / "model.onnx").write_bytes(content)
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    return write_mlmodel(
        folder,
        {
            "python_function": {"loader_module": "mlflow.onnx", "data": "model.onnx"},
            "onnx": {"data": "model.onnx", "providers": providers} | flavor,
        },
    )


def compile_onnx(estimator: Any, inputs: list[tuple[str, Any]], *, zipmap: bool = False) -> Any:
    options = {} if zipmap or not hasattr(estimator, "predict_proba") else {"zipmap": False}
    return to_onnx(estimator, initial_types=inputs, options=options or None)
