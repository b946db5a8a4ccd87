"""Python functions: saved by the real MLflow, written by hand, and broken in every way."""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from mlserve.runtimes.columns import Columns, Payload, Tensors
from mlserve.runtimes.contract import LoadOptions, Runtime
from mlserve.runtimes.errors import (
    InvalidInput,
    InvalidModel,
    MissingExtra,
    ModelLoadFailed,
    UntrustedModel,
)
from mlserve.runtimes.modelspec import read_model_spec
from mlserve.runtimes.python_function import load

from .runtime_contract import RuntimeContract

TABLE = Columns({"a": np.array([1.0, 2.0]), "b": np.array([3, 4])}, 2)
INPUTS = {
    "messages": Payload([{"role": "user", "n": 3}, {"role": "system"}]),
    "counts": Payload([{"x": 1}]),
    "hinted_function": Payload(["a", "b"]),
    "like_its_example": Columns({0: np.array(["x"], dtype=object)}, 1),
}
CODE_MODEL = "mlflow.pyfunc.loaders.code_model"


def open_model(folder: Path, **options: Any) -> Runtime:
    return load(folder, read_model_spec(folder), LoadOptions(**options))


def write_model(
    folder: Path,
    files: dict[str, str | bytes],
    keys: dict[str, Any] | None = None,
    flavor: dict[str, Any] | None = None,
) -> Path:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    document = {"flavors": {"python_function": flavor or {}}, **(keys or {})}
    (folder / "MLmodel").write_text(yaml.safe_dump(document))
    return folder


def write_code_model(folder: Path, code: str, **flavor: Any) -> Path:
    keys = flavor.pop("keys", None)
    flavor = {"loader_module": CODE_MODEL, "model_code_path": "/elsewhere/stated.py", **flavor}
    return write_model(folder, {"stated.py": code}, keys, flavor)


def write_predict(folder: Path, signature: str, body: str, **flavor: Any) -> Path:
    """Write a model whose one function is ``predict``."""
    code = f"from mlflow.models import set_model\ndef predict({signature}):\n    {body}\n"
    return write_code_model(folder, f"{code}set_model(predict)\n", **flavor)


def write_pickle(folder: Path, data: bytes, **files: str) -> Path:
    flavor = {"loader_module": "mlflow.pyfunc.model", "python_model": "python_model.pkl"}
    flavor |= {"code": "code"} if files else {}
    sources = {f"code/{name}.py": text for name, text in files.items()}
    return write_model(folder, {"python_model.pkl": data, **sources}, flavor=flavor)


@pytest.fixture(scope="session")
def saved_by_mlflow(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    version = "import sys; print(*sys.version_info[:2])"
    theirs = subprocess.run([mlflow_python, "-c", version], capture_output=True, check=True)
    if theirs.stdout.split() != [str(part).encode() for part in sys.version_info[:2]]:
        pytest.skip("a cloudpickle needs the Python that wrote it, and MLflow's here is another")
    folder = tmp_path_factory.mktemp("python_models")
    script = Path(__file__).parent / "save_python_models.py"
    saved = subprocess.run(
        [mlflow_python, str(script), str(folder)], capture_output=True, timeout=300, check=False
    )
    assert saved.returncode == 0, saved.stderr.decode()[-2000:]
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "bzip2",
        "code",
        "context",
        "context_free",
        "counts",
        "function",
        "gzip",
        "hinted_function",
        "holds_signature",
        "library",
        "like_its_example",
        "loader",
        "lzma",
        "messages",
        "other_names",
        "traced",
        "traced_parts",
        "trains_elsewhere",
    ],
)
def test_a_model_saved_by_mlflow_predicts_as_with_mlflow(saved_by_mlflow: Path, name: str):
    if name == "messages":
        pytest.importorskip("pydantic", reason="the model itself requires pydantic")
    expected = json.loads((saved_by_mlflow / "expected.json").read_text())[name]
    runtime = open_model(saved_by_mlflow / name)
    try:
        assert runtime.predict(INPUTS.get(name, TABLE), {"p": 2}) == expected
    finally:
        runtime.close()


def test_a_chat_model_is_served_through_the_real_mlflow(
    saved_by_mlflow: Path, mlflow_python: str, tmp_path: Path
):
    """MLflow's environment has no mlserve: there the package is this clone, under its name."""
    (tmp_path / "mlserve").symlink_to(Path(__file__).parents[2])
    code = f"""
import json, sys
from pathlib import Path
from mlserve.runtimes.columns import Payload
from mlserve.runtimes.contract import LoadOptions
from mlserve.runtimes.modelspec import read_model_spec
from mlserve.runtimes.python_function import load
found = {{}}
inputs = {{"chat": Payload({{"messages": [{{"role": "user", "content": "hello"}}]}})}}
for name in ("chat", "messages", "code", "library"):
    folder = Path({str(saved_by_mlflow)!r}) / name
    runtime = load(folder, read_model_spec(folder), LoadOptions())
    found[name] = runtime.predict(inputs.get(name, Payload([{{"role": "user", "n": 3}}])), {{}}) \
        if name in ("chat", "messages") else None
    runtime.close()
left = [name for name in sys.modules if name.startswith(("code_model_", "savedlib"))]
Path({str(tmp_path / "found.json")!r}).write_text(json.dumps([found, left]))
"""
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [mlflow_python, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    expected = json.loads((saved_by_mlflow / "expected.json").read_text())
    found, left = json.loads((tmp_path / "found.json").read_text())
    assert found["chat"] == expected["chat"]
    assert found["messages"] == expected["messages"][:1]
    assert not left


def test_a_pydantic_hint_refuses_what_does_not_fit_and_shows_no_value(saved_by_mlflow: Path):
    pytest.importorskip("pydantic", reason="the model itself requires pydantic")
    runtime = open_model(saved_by_mlflow / "messages")
    with pytest.raises(InvalidInput) as caught:
        runtime.predict(Payload([{"role": "user"}, {"role": "user", "n": "secret"}]), {})
    assert str(caught.value).startswith("inputs[1].n: ")
    assert "secret" not in str(caught.value)


def test_a_table_is_a_data_frame_which_the_model_may_change(tmp_path: Path):
    body = "model_input.loc[0, 'a'] = 9.0; return model_input"
    runtime = open_model(write_predict(tmp_path, "model_input", body))
    changed = runtime.predict(TABLE, {})
    assert isinstance(changed, pd.DataFrame)
    assert changed["a"].tolist() == [9.0, 2.0]
    assert list(TABLE.values["a"]) == [1.0, 2.0]


def test_arrays_tensors_and_payloads_arrive_as_they_are(tmp_path: Path):
    runtime = open_model(write_predict(tmp_path, "model_input", "return model_input"))
    array = np.arange(3)
    assert runtime.predict(array, {}) is array
    assert runtime.predict(Tensors({"x": array}), {})["x"] is array
    assert runtime.predict(Payload({"messages": []}), {}) == {"messages": []}


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("self, context, model_input, params=None", {"k": 1}),
        ("self, model_input, params=None", {"k": 1}),
        ("self, model_input", None),
        ("self, model_input, **params", None),
    ],
)
def test_params_reach_a_predict_that_has_the_argument(
    tmp_path: Path, signature: str, expected: Any
):
    returned = "params or None" if "params" in signature else "None"
    code = f"""
import mlflow
class M(mlflow.pyfunc.PythonModel):
    def predict({signature}):
        return {returned}
mlflow.models.set_model(M())
"""
    if "**" in signature:
        folder = write_model(
            tmp_path,
            {"code/withkeywords.py": _loader(f"def predict({signature}): return {returned}")},
            flavor={"loader_module": "withkeywords", "code": "code"},
        )
    else:
        folder = write_code_model(tmp_path, code)
    runtime = open_model(folder)
    assert runtime.predict(TABLE, {"k": 1}) == expected
    runtime.close()


def _loader(method: str) -> str:
    return f"class Loaded:\n    {method}\ndef _load_pyfunc(path): return Loaded()\n"


def test_artifacts_are_absolute_paths_in_the_folder(tmp_path: Path):
    code = """
from mlflow.pyfunc import PythonModel
from mlflow.models import set_model
class M(PythonModel):
    def load_context(self, context):
        self.paths = dict(context.artifacts)
    def predict(self, context, model_input):
        return self.paths
set_model(M())
"""
    artifacts = {"note": {"path": "artifacts/note.txt", "uri": "s3://bucket/note.txt"}}
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "note.txt").write_text("hello")
    runtime = open_model(write_code_model(tmp_path, code, artifacts=artifacts))
    assert runtime.predict(TABLE, {}) == {"note": str(tmp_path / "artifacts" / "note.txt")}


@pytest.mark.parametrize("path", ["missing.txt", "../outside.txt"])
def test_an_artifact_that_is_not_in_the_folder_is_refused(tmp_path: Path, path: str):
    (tmp_path / "outside.txt").write_text("not the model's")
    folder = write_predict(
        tmp_path / "model", "model_input", "return 1", artifacts={"note": {"path": path}}
    )
    with pytest.raises(InvalidModel, match=path):
        open_model(folder)


def test_a_method_of_another_name_is_called_where_the_model_or_the_operator_says_so(tmp_path: Path):
    methods = "def score(self, x): return 'score'\n    def rank(self, x): return 'rank'"
    files = {"code/twomethods.py": _loader(methods)}
    flavor = {"loader_module": "twomethods", "code": "code", "predict_fn": "score"}
    folder = write_model(tmp_path, files, flavor=flavor)
    for options, expected in (({}, "score"), ({"predict_fn": "rank"}, "rank")):
        runtime = open_model(folder, **options)
        assert runtime.predict(TABLE, {}) == expected
        runtime.close()
    with pytest.raises(InvalidModel, match="the method predict_proba"):
        open_model(folder, predict_fn="predict_proba")


def test_a_loader_gets_the_config_only_where_there_is_one(tmp_path: Path):
    source = """
class Loaded:
    def __init__(self, given): self.given = given
    def predict(self, frame): return self.given
def _load_pyfunc(path, *config): return Loaded(list(config))
"""
    for name, config, expected in (("a", {}, []), ("b", {"k": 1}, [{"k": 1}])):
        files = {"code/configured.py": source}
        flavor = {"loader_module": "configured", "code": "code", "config": config}
        runtime = open_model(write_model(tmp_path / name, files, flavor=flavor))
        assert runtime.predict(TABLE, {}) == expected
        runtime.close()


def test_a_model_config_is_read_by_the_models_code(tmp_path: Path):
    code = """
import mlflow
config = mlflow.models.ModelConfig(development_config={"k": "while it was developed"})
mlflow.models.set_model(lambda model_input: config.get("k"))
"""
    runtime = open_model(write_code_model(tmp_path, code, config={"k": "as saved"}))
    assert runtime.predict(TABLE, {}) == "as saved"


def test_strangers_requests_are_merged_only_where_the_models_author_allows_it(tmp_path: Path):
    plain = open_model(write_predict(tmp_path / "a", "model_input", "return 1"))
    assert not plain.is_row_wise
    assert plain.concurrency == min(32, (os.cpu_count() or 1) + 4)
    keys = {"metadata": {"mlserve": {"row_wise": True}}}
    folder = write_predict(tmp_path / "b", "model_input", "return 1", keys=keys)
    assert open_model(folder).is_row_wise


class TestARowWisePythonFunction(RuntimeContract):
    @pytest.fixture
    def runtime(self, tmp_path: Path) -> Iterator[Runtime]:
        keys = {"metadata": {"mlserve": {"row_wise": True}}}
        body = "model_input['a'] *= 2; return model_input['a'] + model_input['b']"
        runtime = open_model(write_predict(tmp_path, "model_input", body, keys=keys))
        yield runtime
        runtime.close()

    @pytest.fixture
    def data(self) -> Columns:
        return TABLE


def test_safe_only_refuses_a_pickle_before_it_is_read(tmp_path: Path):
    created = tmp_path / "created"

    class Creates:
        def __reduce__(self) -> Any:
            return Path.touch, (created,)

    folder = write_pickle(tmp_path / "model", pickle.dumps(Creates()))
    with pytest.raises(UntrustedModel):
        open_model(folder, safe_only=True)
    assert not created.exists()


def test_safe_only_refuses_models_from_code_before_they_run(tmp_path: Path):
    created = tmp_path / "created"
    code = f"open({str(created)!r}, 'w')"
    with pytest.raises(UntrustedModel):
        open_model(write_code_model(tmp_path / "model", code), safe_only=True)
    assert not created.exists()


def test_one_warning_says_that_code_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        open_model(write_predict(tmp_path, "model_input", "return 1"))
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_missing_module_names_it_and_what_the_model_requires(tmp_path: Path):
    folder = write_predict(tmp_path, "model_input", "return 1")
    code = folder / "stated.py"
    code.write_text("import absent_library.part\n" + code.read_text())
    (folder / "requirements.txt").write_text("mlflow==3.17.2\nAbsent-Library[fast]==1.2\n")
    with pytest.raises(ModelLoadFailed) as caught:
        open_model(folder)
    message = str(caught.value)
    assert "No module named 'absent_library'" in message
    assert "Absent-Library[fast]==1.2" in message
    assert f"pip install -r {folder / 'requirements.txt'}" in message


def test_a_missing_module_that_nobody_requires_says_how_to_save_it(tmp_path: Path):
    folder = write_pickle(tmp_path, b"cabsent_library\nM\n(tR.")
    with pytest.raises(ModelLoadFailed, match="code_paths"):
        open_model(folder)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("raise ValueError('broken')", "ValueError: broken"),
        ("import sys; sys.exit('enough')", "SystemExit: enough"),
        ("def (", "SyntaxError"),
    ],
)
def test_code_that_fails_leaves_no_module_behind(tmp_path: Path, source: str, expected: str):
    before = set(sys.modules)
    files = {
        "code/halfway/__init__.py": "",
        "code/halfway/good.py": "",
        "code/halfway/bad.py": source,
    }
    code = "import halfway.good\nimport halfway.bad\n"
    flavor = {"loader_module": CODE_MODEL, "model_code_path": "stated.py", "code": "code"}
    folder = write_model(tmp_path, {"stated.py": code, **files}, flavor=flavor)
    with pytest.raises(ModelLoadFailed, match=expected):
        open_model(folder)
    left = {name for name in set(sys.modules) - before if not name.startswith("mlflow")}
    assert not left
    assert str(tmp_path) not in "".join(sys.path)


@pytest.mark.parametrize("data", [b"", b"no pickle", pickle.dumps([1])[:-1]])
def test_a_broken_pickle_is_named(tmp_path: Path, data: bytes):
    with pytest.raises(ModelLoadFailed, match=r"python_model\.pkl"):
        open_model(write_pickle(tmp_path, data))


def test_a_pickle_of_something_else_lacks_the_method(tmp_path: Path):
    with pytest.raises(InvalidModel, match="the type list, expected a model with the method"):
        open_model(write_pickle(tmp_path, pickle.dumps([1])))


@pytest.mark.parametrize(
    ("flavor", "expected"),
    [
        ({}, "loader_module"),
        ({"loader_module": "mlflow.pyfunc.model"}, "no python_model"),
        ({"loader_module": "mlflow.pyfunc.model", "python_model": "x.pkl"}, r"x\.pkl"),
        ({"loader_module": CODE_MODEL, "model_code_path": "/x/y.py"}, r"y\.py"),
        ({"loader_module": "json"}, "_load_pyfunc"),
        ({"loader_module": "json", "code": "nowhere"}, "nowhere"),
    ],
)
def test_what_the_mlmodel_lacks_is_named(tmp_path: Path, flavor: dict[str, Any], expected: str):
    with pytest.raises(InvalidModel, match=expected):
        open_model(write_model(tmp_path, {}, flavor=flavor))


def test_code_that_states_no_model_is_refused(tmp_path: Path):
    with pytest.raises(InvalidModel, match="set_model"):
        open_model(write_code_model(tmp_path, "x = 1\n"))


@pytest.mark.parametrize("module", ["mlflow.xgboost", "mlflow.pyfunc.loaders.chat_model"])
def test_a_loader_module_of_mlflows_says_what_to_install(tmp_path: Path, module: str):
    with pytest.raises(MissingExtra, match=f"{module} needs mlflow.*pip install mlflow"):
        open_model(write_model(tmp_path, {}, flavor={"loader_module": module}))


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("from mlflow.pyfunc import ChatModel", "mlflow.pyfunc.ChatModel"),
        ("import mlflow; mlflow.langchain.autolog()", "mlflow.langchain"),
        ("from mlflow.types.llm import ChatMessage", "mlflow.types.llm"),
    ],
)
def test_code_that_needs_more_of_mlflow_says_so(tmp_path: Path, statement: str, name: str):
    with pytest.raises(MissingExtra, match=f"{name}, which needs mlflow"):
        open_model(write_code_model(tmp_path, statement))


def test_a_pickle_that_needs_more_of_mlflow_says_so(tmp_path: Path):
    folder = write_pickle(tmp_path, b"\x80\x04\x8c\x13mlflow.pyfunc.model\x8c\tChatModel\x93.")
    with pytest.raises(MissingExtra, match="ChatModel, which needs mlflow"):
        open_model(folder)


def test_a_pickled_function_is_a_model(tmp_path: Path):
    pickled = b"cmlflow.pyfunc.model\n_FunctionPythonModel\n(cpickledfunction\npredict\ntR."
    source = "def predict(model_input: list[str]) -> list[str]: return model_input[::-1]"
    runtime = open_model(write_pickle(tmp_path, pickled, pickledfunction=source))
    assert runtime.predict(Payload(["a", "b"]), {}) == ["b", "a"]
    with pytest.raises(InvalidInput, match=r"inputs\[1\]: found an integer, expected a string"):
        runtime.predict(Payload(["a", 1]), {})
    runtime.close()


@pytest.mark.parametrize(
    "raised", ["SystemExit(3)", "KeyboardInterrupt", "__import__('asyncio').CancelledError"]
)
def test_a_prediction_that_exits_is_an_error_like_any_other(tmp_path: Path, raised: str):
    runtime = open_model(write_predict(tmp_path, "model_input", f"raise {raised}"))
    name = raised.partition("(3)")[0].rpartition(".")[2]
    with pytest.raises(RuntimeError, match=f"the model raised {name} while it predicted"):
        runtime.predict(TABLE, {})


def test_what_the_model_prints_is_only_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    runtime = open_model(write_predict(tmp_path, "model_input", "print('hello'); return 1"))
    assert runtime.predict(TABLE, {}) == 1
    assert capsys.readouterr().out == "hello\n"
