"""The models that are measured: one trained churn pipeline, as scikit-learn and as ONNX."""

import json
import sys
from pathlib import Path

from mlserve import save_model
from mlserve.runtimes.inference import infer_signature
from mlserve.runtimes.modelspec import ModelSpec, write_model_spec
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
from churn import build_pipeline, load_customers


def train():
    """Return the trained pipeline and its 19 features, all numbers as doubles."""
    features, churn = load_customers()
    numbers = features.select_dtypes("number").columns
    features[numbers] = features[numbers].astype(float)
    return build_pipeline(features).fit(features, churn), features


def save_sklearn(pipeline, features, folder):
    """Write the pipeline as a scikit-learn model."""
    save_model(pipeline, folder, example=features.head(5))


def save_onnx(pipeline, features, folder):
    """Write the pipeline as an ONNX model with an input a column."""
    inputs = [
        (name, FloatTensorType([None, 1]) if kind.kind == "f" else StringTensorType([None, 1]))
        for name, kind in features.dtypes.items()
    ]
    graph = to_onnx(pipeline, initial_types=inputs, options={"zipmap": False})
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    example = features.head(5)
    (folder / "serving_input_example.json").write_text(split_body(example))
    flavors = {
        "onnx": {"data": "model.onnx", "onnx_version": "1.17.0"},
        "python_function": {"loader_module": "mlflow.onnx", "data": "model.onnx"},
    }
    signature = infer_signature(example, None)
    info = {"artifact_path": "serving_input_example.json", "type": "dataframe",
            "serving_input_path": "serving_input_example.json"}  # fmt: skip
    write_model_spec(folder, ModelSpec(flavors, signature=signature, example=info))


def split_body(rows):
    """Return the request body that carries ``rows``."""
    return json.dumps({"dataframe_split": json.loads(rows.to_json(orient="split", index=False))})
