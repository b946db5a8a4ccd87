"""The choice among a model's flavors, and plug-ins."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlserve.runtimes.columns import Columns
from mlserve.runtimes.contract import LoadOptions
from mlserve.runtimes.errors import (
    InvalidModel,
    MissingExtra,
    ModelLoadFailed,
    ModelNotFound,
    UnsupportedModel,
)
from mlserve.runtimes.flavors import (
    FLAVORS,
    choose_flavor,
    find_loader,
    load_model,
    served_flavors,
)
from mlserve.runtimes.modelspec import ModelSpec
from skl2onnx.common.data_types import FloatTensorType

from .runtime_contract import RuntimeContract
from .trained import (
    IRIS,
    columns_of,
    compile_onnx,
    iris_classifier,
    write_mlmodel,
    write_onnx,
    write_sklearn,
)

FLOWERS = columns_of(IRIS.data[::15])
SERVED = ["onnx", "sklearn", "plugged", "python_function"]

PLUGIN = '''
"""A runtime of somebody else's, for models that are a number a row."""

class Doubling:
    is_row_wise = True
    concurrency = 2
    own_params = frozenset()

    def __init__(self, factor):
        self.factor = factor

    def predict(self, data, params):
        return data.values["x"] * self.factor

    def close(self):
        pass

def load(folder, spec, options):
    return Doubling(spec.flavors["plugged"]["factor"])

def break_down(folder, spec, options):
    raise OSError("the licence server is away")
'''
ENTRY_POINTS = """
[mlserve.runtimes]
plugged = somebodys_runtimes:load
broken = somebodys_runtimes:break_down
nameless = somebodys_runtimes:nothing
unimportable = somebodys_missing_runtimes:load
sklearn = somebodys_runtimes:load
python_function = somebodys_runtimes:load
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[None]:
    """A distribution with entry points, installed for the time of a test."""
    site = tmp_path / "site"
    metadata = site / "somebodys_runtimes-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "somebodys_runtimes.py").write_text(PLUGIN)
    (metadata / "METADATA").write_text("Name: somebodys-runtimes\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    sys.path.append(str(site))
    yield
    sys.path.remove(str(site))
    sys.modules.pop("somebodys_runtimes", None)


def spec_of(*names: str, loader: str | None = None) -> ModelSpec:
    flavors: dict[str, Any] = {name: {} for name in names}
    if loader:
        flavors["python_function"] = {"loader_module": loader}
    return ModelSpec(flavors)


@pytest.mark.usefixtures("plugin")
class TestPlugin(RuntimeContract):
    @pytest.fixture
    def runtime(self, tmp_path):
        return load_model(write_mlmodel(tmp_path / "model", {"plugged": {"factor": 2}})).runtime

    @pytest.fixture
    def data(self):
        return Columns({"x": np.arange(4.0)}, 4)


class TestPythonFunction(RuntimeContract):
    @pytest.fixture
    def runtime(self, tmp_path):
        folder = tmp_path / "model"
        (folder / "code").mkdir(parents=True)
        (folder / "code" / "flower_loader.py").write_text(
            "import pickle\n\n"
            "def _load_pyfunc(path):\n"
            "    with open(path, 'rb') as file:\n"
            "        return pickle.load(file)\n"
        )
        (folder / "flowers.pkl").write_bytes(pickle.dumps(iris_classifier()))
        section = {"loader_module": "flower_loader", "data": "flowers.pkl", "code": "code"}
        runtime = load_model(write_mlmodel(folder, {"python_function": section})).runtime
        yield runtime
        runtime.close()

    @pytest.fixture
    def data(self):
        return FLOWERS


class TestChoice:
    @pytest.mark.parametrize(
        ("spec", "chosen"),
        [
            (spec_of("sklearn", loader="mlflow.sklearn"), "sklearn"),
            (spec_of("onnx", "sklearn", loader="mlflow.sklearn"), "onnx"),
            (spec_of("sklearn", "onnx"), "onnx"),
            (spec_of(loader="mlflow.sklearn"), "sklearn"),
            (spec_of(loader="mlflow.onnx"), "onnx"),
            (spec_of("plugged", loader="mlflow.plugged"), "plugged"),
            (spec_of(loader="mlflow.plugged"), "plugged"),
            (spec_of("plugged", loader="mlflow.pyfunc.model"), "plugged"),
            (spec_of("plugged", "onnx"), "onnx"),
            (spec_of("xgboost", loader="mlflow.xgboost"), "python_function"),
            (spec_of("xgboost", "onnx", loader="mlflow.xgboost"), "onnx"),
            (spec_of(loader="mlflow.pyfunc.model"), "python_function"),
            (spec_of(loader="mlflow.pyfunc"), "python_function"),
            (spec_of("python_function"), "python_function"),
        ],
    )
    def test_the_first_of_those_served_is_chosen(self, spec, chosen):
        assert choose_flavor(spec, SERVED) == chosen

    @pytest.mark.parametrize("loader", ["own_wrapper", "mlflow.pyfunc.loaders.code_model"])
    def test_code_around_a_flavor_is_what_the_model_means(self, loader):
        assert choose_flavor(spec_of("sklearn", loader=loader), SERVED) == "python_function"

    @pytest.mark.parametrize(
        ("wanted", "chosen"),
        [("sklearn", "sklearn"), ("onnx", "onnx"), ("python_function", "sklearn")],
    )
    def test_the_operator_may_ask_for_one(self, wanted, chosen):
        spec = spec_of("onnx", "sklearn", loader="mlflow.sklearn")
        assert choose_flavor(spec, SERVED, wanted) == chosen

    @pytest.mark.parametrize("wanted", ["onnx", "xgboost", "nonsense"])
    def test_one_that_not_both_have_is_refused(self, wanted):
        with pytest.raises(UnsupportedModel, match=f"--flavor {wanted}"):
            choose_flavor(spec_of("xgboost", loader="mlflow.sklearn"), SERVED, wanted)

    def test_no_flavor_that_is_served_says_what_there_is_and_what_to_do(self):
        with pytest.raises(UnsupportedModel) as caught:
            choose_flavor(spec_of("mleap", "spark"), SERVED)
        message = str(caught.value)
        assert "has the flavors mleap, spark" in message
        assert "serves onnx, plugged, python_function, sklearn" in message
        assert "mlserve.runtimes" in message


class TestTable:
    def test_ours_are_in_order_of_preference(self):
        assert list(served_flavors())[:2] == ["onnx", "sklearn"]
        assert list(served_flavors())[-1] == "python_function"

    def test_each_of_ours_can_be_loaded(self):
        for flavor, reference in FLAVORS.items():
            assert callable(find_loader(flavor, reference))

    @pytest.mark.usefixtures("plugin")
    def test_a_plug_in_stands_before_the_generic_one_and_takes_no_name_of_ours(self):
        served = served_flavors()
        names = list(served)
        assert names.index("sklearn") < names.index("plugged") < names.index("python_function")
        assert {name: served[name] for name in FLAVORS} == FLAVORS


class TestLoading:
    def test_a_model_is_its_folder_its_spec_its_flavor_and_its_runtime(self, tmp_path):
        model = load_model(write_sklearn(tmp_path, iris_classifier()))
        assert (model.folder, model.flavor) == (tmp_path, "sklearn")
        assert model.spec.flavors["sklearn"]["pickled_model"] == "model.pkl"
        assert model.runtime.predict(FLOWERS, {})[0] == 0

    def test_a_folder_may_be_named_by_a_string(self, tmp_path):
        assert load_model(str(write_sklearn(tmp_path, iris_classifier()))).folder == tmp_path

    def test_an_old_folder_with_python_function_alone_gets_the_native_runtime(self, tmp_path):
        graph = compile_onnx(iris_classifier(), [("x", FloatTensorType([None, 4]))])
        write_onnx(tmp_path, graph)
        section = {"loader_module": "mlflow.onnx", "data": "model.onnx"}
        model = load_model(write_mlmodel(tmp_path, {"python_function": section}))
        assert model.flavor == "onnx"
        assert model.runtime.predict(FLOWERS, {}).rows == 10

    def test_a_compiled_model_is_preferred_and_the_original_can_be_asked_for(self, tmp_path):
        graph = compile_onnx(iris_classifier(), [("x", FloatTensorType([None, 4]))])
        write_onnx(tmp_path, graph)
        write_sklearn(tmp_path, iris_classifier())
        sections = {
            "python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.pkl"},
            "sklearn": {"pickled_model": "model.pkl"},
            "onnx": {"data": "model.onnx"},
        }
        write_mlmodel(tmp_path, sections)
        assert load_model(tmp_path, LoadOptions(safe_only=True)).flavor == "onnx"
        assert load_model(tmp_path, LoadOptions(flavor="sklearn")).flavor == "sklearn"

    def test_no_model_is_an_error_that_names_the_folder(self, tmp_path):
        with pytest.raises((ModelNotFound, InvalidModel), match=str(tmp_path)):
            load_model(tmp_path)

    @pytest.mark.usefixtures("plugin")
    @pytest.mark.parametrize(
        ("flavor", "message"),
        [
            ("broken", "the licence server is away"),
            ("nameless", "somebodys_runtimes:nothing"),
            ("unimportable", "somebodys_missing_runtimes"),
        ],
    )
    def test_a_plug_in_that_fails_is_a_failed_load(self, tmp_path, flavor, message):
        folder = write_mlmodel(tmp_path / "model", {flavor: {}})
        with pytest.raises(ModelLoadFailed, match=message):
            load_model(folder)

    @pytest.mark.parametrize(("module", "package"), [("sklearn", "scikit-learn"), ("pandas",) * 2])
    def test_a_missing_package_is_named_with_its_extra(self, tmp_path, module, package):
        folder = write_sklearn(tmp_path, iris_classifier())
        code = (
            "import sys\n"
            f"sys.modules[{module!r}] = None  # as if it were not installed\n"
            "from pathlib import Path\n"
            "from mlserve.runtimes.flavors import load_model\n"
            "try:\n"
            f"    load_model(Path({str(folder)!r}))\n"
            "except Exception as error:\n"
            "    print(type(error).__name__, error)\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
        )
        assert run.stdout.startswith(MissingExtra.__name__)
        assert f"needs {package}, which is not installed" in run.stdout
        assert 'extra "sklearn" holds: pip install cloudpickle pandas scikit-learn' in run.stdout
