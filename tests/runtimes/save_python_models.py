# ruff: noqa: ARG002 - MLflow says which arguments a model's predict has.
"""Save Python models of every kind with the real MLflow, and what MLflow itself predicts with them.

Run with the interpreter that has MLflow: save_python_models.py FOLDER
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")
os.environ["MLFLOW_UV_AUTO_DETECT"] = "false"

import mlflow  # noqa: E402
import pandas as pd  # noqa: E402
import pydantic  # noqa: E402
from mlflow.models import ModelSignature, infer_signature  # noqa: E402
from mlflow.pyfunc import PythonModel  # noqa: E402
from mlflow.tracking import MlflowClient  # noqa: E402
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema  # noqa: E402
from mlflow.types.llm import ChatChoice, ChatCompletionResponse, ChatMessage  # noqa: E402
from mlflow.types.type_hints import TypeFromExample  # noqa: E402

COLUMNS = Schema([ColSpec("double", "a"), ColSpec("long", "b")])
TABLE = ModelSignature(COLUMNS, params=ParamSchema([ParamSpec("p", "long", 2)]))
FRAME = {"a": [1.0, 2.0], "b": [3, 4]}


class WithContext(PythonModel):
    def load_context(self, context):
        self.text = Path(context.artifacts["note"]).read_text()

    def predict(self, context, model_input, params=None):
        total = float(model_input["a"].sum())
        return {"text": self.text, "config": context.model_config, "sum": total, "params": params}


class ContextFree(PythonModel):
    def predict(self, model_input):
        return (model_input["a"] * 2).tolist()


class OtherNames(PythonModel):
    def predict(self, ctx, data):
        return [sorted(ctx.artifacts), data["b"].tolist()]


class HoldsSignature(PythonModel):
    def __init__(self):
        self.signature = TABLE

    def predict(self, context, model_input, params=None):
        types = [kind.name for kind in self.signature.inputs.input_types()]
        return [self.signature.inputs.input_names(), types, self.signature.params.params[0].default]


class Traced(PythonModel):
    @mlflow.trace(name="x", span_type="CHAIN")
    def predict(self, context, model_input, params=None):
        with mlflow.start_span("inner") as span:
            span.set_inputs({"a": 1})
        return [1]


class TracedParts(PythonModel):
    @mlflow.trace
    def parts(self):
        yield from (1, 2)

    def predict(self, context, model_input, params=None):
        return list(self.parts())


def train():
    mlflow.log_metric("x", 1.0)
    return MlflowClient()


class TrainsElsewhere(PythonModel):
    def predict(self, context, model_input, params=None):
        return train() if len(model_input) > 100 else infer_signature.__name__


class Chat(mlflow.pyfunc.ChatModel):
    def predict(self, context, messages, params):
        message = ChatMessage(role="assistant", content=messages[0].content)
        return ChatCompletionResponse(choices=[ChatChoice(message=message)], created=1, id="x")


class Message(pydantic.BaseModel):
    role: str
    n: int = 0


class Messages(PythonModel):
    def predict(self, model_input: list[Message], params=None) -> list[str]:
        return [f"{type(m).__name__} {m.role} {m.n}" for m in model_input]


class Counts(PythonModel):
    def predict(self, context, model_input: list[dict[str, int]], params=None):
        return model_input


class LikeItsExample(PythonModel):
    def predict(self, model_input: TypeFromExample):
        return model_input


def double(model_input):
    return (model_input["a"] * 2).tolist()


def shout(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]


CODE = """
import mlflow
from mlflow.models import ModelConfig, set_model
from mlflow.pyfunc import PythonModel

config = ModelConfig(development_config={"k": 5})

class M(PythonModel):
    def predict(self, context, model_input, params=None):
        print("a print of the model's")
        return [config.get("k")] * len(model_input)

set_model(M())
"""

LOADER = """
import os

class Loaded:
    def __init__(self, path, config):
        self.path, self.config = path, config

    def score(self, frame):
        return [os.path.basename(self.path), self.config, frame["a"].tolist()]

def _load_pyfunc(path, model_config=None):
    return Loaded(path, model_config)
"""

LIBRARY = """
from mlflow.pyfunc import PythonModel

class M(PythonModel):
    def predict(self, context, model_input, params=None):
        from savedlib import lazy
        return lazy.double(model_input["a"])
"""


def main(folder: Path) -> None:
    """Save every model below ``folder``, and the predictions as expected.json."""
    expected: dict[str, Any] = {}

    def save(name: str, model: Any, data: Any = None, **options: Any) -> None:
        options = {"pip_requirements": ["pandas"], **options}
        mlflow.pyfunc.save_model(folder / name, python_model=model, **options)
        data = pd.DataFrame(FRAME) if data is None else data
        expected[name] = mlflow.pyfunc.load_model(str(folder / name)).predict(data)

    note = folder / "note.txt"
    note.write_text("hello")
    artifacts = {"note": str(note)}
    save("context", WithContext(), artifacts=artifacts, model_config={"k": 1}, signature=TABLE)
    save("context_free", ContextFree(), signature=TABLE)
    save("other_names", OtherNames(), artifacts=artifacts)
    save("holds_signature", HoldsSignature())
    save("traced", Traced())
    save("traced_parts", TracedParts())
    save("trains_elsewhere", TrainsElsewhere())
    save("chat", Chat(), {"messages": [{"role": "user", "content": "hello"}]})
    save("messages", Messages(), [{"role": "user", "n": 3}, {"role": "system"}])
    save("counts", Counts(), [{"x": 1}])
    save("like_its_example", LikeItsExample(), ["x"], input_example=["a", "b"])
    save("function", double, signature=TABLE)
    save("hinted_function", shout, ["a", "b"])
    for method in ("lzma", "bzip2", "gzip"):
        os.environ["MLFLOW_LOG_MODEL_COMPRESSION"] = method
        save(method, ContextFree(), signature=TABLE)
    del os.environ["MLFLOW_LOG_MODEL_COMPRESSION"]
    file = folder / "stated.py"
    file.write_text(CODE)
    save("code", str(file), model_config={"k": 7}, signature=TABLE)
    library = folder / "source" / "savedlib"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("")
    (library / "core.py").write_text(LIBRARY)
    (library / "lazy.py").write_text("def double(x): return (x * 2).tolist()\n")
    sys.path.insert(0, str(library.parent))
    from savedlib.core import M  # type: ignore[import-not-found]  # noqa: PLC0415

    save("library", M(), code_paths=[str(library)], signature=TABLE)
    save_loader(folder)
    expected["loader"] = mlflow.pyfunc.load_model(str(folder / "loader")).predict(
        pd.DataFrame(FRAME)
    )
    (folder / "expected.json").write_text(json.dumps(expected))


def save_loader(folder: Path) -> None:
    """Save a model of a loader module, with a predict method of another name."""
    data = folder / "numbers.bin"
    data.write_text("x")
    module = folder / "savedloader.py"
    module.write_text(LOADER)
    model = mlflow.models.Model()
    mlflow.pyfunc.save_model(
        folder / "loader",
        loader_module="savedloader",
        data_path=str(data),
        code_paths=[str(module)],
        mlflow_model=model,
        model_config={"k": 2},
        pip_requirements=["pandas"],
    )
    model.flavors["python_function"]["predict_fn"] = "score"
    model.save(folder / "loader" / "MLmodel")


if __name__ == "__main__":
    os.chdir(sys.argv[1])  # Traces are written to where the program runs.
    main(Path(sys.argv[1]))
