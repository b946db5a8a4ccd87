"""The runtime of ONNX models, on compiled models and on small graphs made by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from mlserve.runtimes.columns import Columns, Payload, Tensors
from mlserve.runtimes.contract import LoadOptions
from mlserve.runtimes.errors import (
    InvalidInput,
    InvalidModel,
    InvalidPrediction,
    InvalidSetting,
    MissingColumns,
    ModelLoadFailed,
    UntrustedModel,
)
from mlserve.runtimes.modelspec import read_model_spec
from mlserve.runtimes.onnx import (
    DTYPES,
    choose_providers,
    keeps_rows,
    load,
    make_session_options,
    to_columns,
)
from onnx import TensorProto, helper, numpy_helper
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

from .runtime_contract import RuntimeContract
from .trained import (
    DIABETES,
    IRIS,
    columns_of,
    compile_onnx,
    diabetes_regressor,
    iris_classifier,
    wine_classifier,
    wine_frame,
    write_onnx,
)

FLOWERS = columns_of(IRIS.data)
WINES = columns_of(wine_frame())
WINE_INPUTS = [
    ("alcohol", FloatTensorType([None, 1])),
    ("hue", FloatTensorType([None, 1])),
    ("colour", StringTensorType([None, 1])),
]


KINDS = {
    "tensor(float)": TensorProto.FLOAT,
    "tensor(double)": TensorProto.DOUBLE,
    "tensor(float16)": TensorProto.FLOAT16,
    "tensor(int8)": TensorProto.INT8,
    "tensor(int16)": TensorProto.INT16,
    "tensor(int32)": TensorProto.INT32,
    "tensor(int64)": TensorProto.INT64,
    "tensor(uint8)": TensorProto.UINT8,
    "tensor(uint16)": TensorProto.UINT16,
    "tensor(uint32)": TensorProto.UINT32,
    "tensor(uint64)": TensorProto.UINT64,
    "tensor(bool)": TensorProto.BOOL,
    "tensor(string)": TensorProto.STRING,
}
CPU = ("CPUExecutionProvider", {})


def opened(folder: Path, **options: Any) -> Any:
    return load(folder, read_model_spec(folder), LoadOptions(**options))


def iris_graph(*, zipmap: bool = False) -> Any:
    return compile_onnx(iris_classifier(), [("x", FloatTensorType([None, 4]))], zipmap=zipmap)


def wine_graph(*, zipmap: bool = False) -> Any:
    return compile_onnx(wine_classifier(), WINE_INPUTS, zipmap=zipmap)


def identity_graph(kind: int, shape: Any = ("rows", 1), answer: Any = None) -> Any:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "identity",
        [value("x", kind, shape)],
        [value("y", kind, answer or shape)],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])


def totals_graph() -> Any:
    """A graph that answers with each row and with the sum of all rows."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            helper.make_node("Identity", ["x"], ["y"]),
            helper.make_node("ReduceSum", ["x"], ["total"], keepdims=0),
        ],
        "totals",
        [value("x", TensorProto.FLOAT, (None, 1))],
        [value("y", TensorProto.FLOAT, (None, 1)), value("total", TensorProto.FLOAT, ())],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])


class TestOneInput(RuntimeContract):
    @pytest.fixture
    def runtime(self, tmp_path):
        runtime = opened(write_onnx(tmp_path, iris_graph(zipmap=True)))
        yield runtime
        runtime.close()

    @pytest.fixture
    def data(self):
        return columns_of(IRIS.data[::15])


class TestSeveralInputs(RuntimeContract):
    @pytest.fixture
    def runtime(self, tmp_path):
        return opened(write_onnx(tmp_path, wine_graph()), threads=2, safe_only=True)

    @pytest.fixture
    def data(self):
        return columns_of(wine_frame()[::20])


class TestArrays(RuntimeContract):
    @pytest.fixture
    def runtime(self, tmp_path):
        graph = compile_onnx(diabetes_regressor(), [("x", FloatTensorType([None, 10]))])
        return opened(write_onnx(tmp_path, graph))

    @pytest.fixture
    def data(self):
        return DIABETES.data.to_numpy()[::50]


class TestAnswers:
    def test_columns_of_one_input_predict_what_the_estimator_does(self, tmp_path):
        found = opened(write_onnx(tmp_path, iris_graph())).predict(FLOWERS, {})
        assert isinstance(found, Columns)
        np.testing.assert_array_equal(found.values["label"], iris_classifier().predict(IRIS.data))
        expected = iris_classifier().predict_proba(IRIS.data)
        np.testing.assert_allclose(found.values["probabilities"], expected, atol=1e-5)
        assert found.rows == 150

    def test_columns_of_several_inputs_do_too(self, tmp_path):
        found = opened(write_onnx(tmp_path, wine_graph())).predict(WINES, {})
        expected = wine_classifier().predict_proba(wine_frame())
        np.testing.assert_allclose(found.values["probabilities"], expected, atol=1e-5)

    def test_an_output_of_width_one_is_a_plain_column(self, tmp_path):
        graph = compile_onnx(diabetes_regressor(), [("x", FloatTensorType([None, 10]))])
        found = opened(write_onnx(tmp_path, graph)).predict(columns_of(DIABETES.data), {})
        assert found.values["variable"].shape == (442,)

    def test_a_wider_output_is_an_array_a_row(self, tmp_path):
        found = opened(write_onnx(tmp_path, iris_graph())).predict(FLOWERS, {})
        assert found.values["probabilities"].shape == (FLOWERS.rows, 3)

    def test_a_zipmap_is_a_dict_a_row_with_strings_for_keys(self, tmp_path):
        found = opened(write_onnx(tmp_path, iris_graph(zipmap=True))).predict(FLOWERS, {})
        assert set(found.values["output_probability"][0]) == {"0", "1", "2"}
        assert found.rows == 150

    def test_an_array_gets_arrays_by_name(self, tmp_path):
        runtime = opened(write_onnx(tmp_path, iris_graph()))
        found = runtime.predict(IRIS.data.to_numpy(), {})
        assert found["label"].shape == (150,)
        assert found["probabilities"].shape == (150, 3)

    def test_named_tensors_do_too_with_strings_for_keys(self, tmp_path):
        runtime = opened(write_onnx(tmp_path, wine_graph(zipmap=True)))
        tensors = Tensors({name: v.reshape(-1, 1) for name, v in WINES.values.items()})
        found = runtime.predict(tensors, {})
        assert set(found["output_probability"][0]) == {"0", "1", "2"}

    def test_one_array_for_several_inputs_is_refused(self, tmp_path):
        runtime = opened(write_onnx(tmp_path, wine_graph()))
        with pytest.raises(InvalidInput, match="one tensor for each of alcohol, hue, colour"):
            runtime.predict(np.zeros((1, 3)), {})

    def test_a_payload_is_refused(self, tmp_path):
        with pytest.raises(InvalidInput):
            opened(write_onnx(tmp_path, iris_graph())).predict(Payload("text"), {})

    def test_a_missing_input_is_named(self, tmp_path):
        columns = Columns({"alcohol": [13.0], "Hue": [1.0], "colour": ["pale"]}, 1)
        with pytest.raises(MissingColumns, match=r'column "hue" \(there is "Hue"\)'):
            opened(write_onnx(tmp_path, wine_graph())).predict(columns, {})

    def test_outputs_of_different_lengths_are_no_table(self, tmp_path):
        runtime = opened(write_onnx(tmp_path, totals_graph()))
        with pytest.raises(InvalidPrediction, match="y of 2, total of 1"):
            runtime.predict(Columns({"x": [1.0, 2.0]}, 2), {})

    @pytest.mark.parametrize(
        ("output", "column"),
        [
            (np.float32(3).reshape(()), [3]),
            (np.array([1, 2]), [1, 2]),
            (np.array([["a"], ["b"]], dtype=object), ["a", "b"]),
            (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
            (np.zeros((2, 1, 1)), [0, 0]),
            (np.zeros((1, 2, 2)), [[[0, 0], [0, 0]]]),
            (np.zeros((0, 3)), []),
            ([{1: 0.5}], [{"1": 0.5}]),
            ({"a": 1}, [{"a": 1}]),
        ],
    )
    def test_each_shape_of_output_has_one_entry_a_row(self, output, column):
        found = to_columns(["y"], [output])
        entries = found.values["y"]
        entries = entries.tolist() if isinstance(entries, np.ndarray) else entries
        assert (entries, found.rows) == (column, len(column))


class TestTypes:
    @pytest.mark.parametrize("kind", DTYPES)
    def test_a_graph_of_each_type_is_fed(self, tmp_path, kind):
        cells = {"tensor(string)": ["a", "é"], "tensor(bool)": [True, False]}.get(kind, [0, 1])
        runtime = opened(write_onnx(tmp_path, identity_graph(KINDS[kind])))
        found = runtime.predict(Columns({"x": cells}, 2), {})
        assert found.values["y"].tolist() == cells
        assert found.values["y"].dtype == DTYPES[kind]

    def test_a_type_that_columns_cannot_hold_is_refused_at_load(self, tmp_path):
        folder = write_onnx(tmp_path, identity_graph(TensorProto.BFLOAT16))
        with pytest.raises(InvalidModel, match=r'the input "x" of type tensor\(bfloat16\)'):
            opened(folder)


class TestRows:
    def test_dynamic_first_dimensions_are_row_wise(self, tmp_path):
        assert opened(write_onnx(tmp_path, iris_graph(zipmap=True))).is_row_wise

    def test_a_fixed_batch_is_not(self, tmp_path):
        assert not opened(write_onnx(tmp_path, identity_graph(1, (2, 1)))).is_row_wise

    def test_an_answer_about_all_rows_is_not(self, tmp_path):
        assert not opened(write_onnx(tmp_path, totals_graph())).is_row_wise

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([("tensor(float)", [None, 4]), ("tensor(float)", [None])], True),
            ([("tensor(float)", ["batch", 4]), ("tensor(float)", ["batch"])], True),
            ([("tensor(float)", ["batch", 4]), ("tensor(float)", [None])], True),
            ([("tensor(float)", ["sequence", 4]), ("tensor(float)", ["batch"])], False),
            ([("tensor(float)", [None]), ("seq(map(int64,tensor(float)))", [])], True),
            ([("tensor(float)", [None]), ("seq(tensor(float))", [])], False),
            ([("tensor(float)", [None]), ("tensor(float)", [])], False),
        ],
    )
    def test_only_one_free_first_dimension_throughout_is_rows(self, values, expected):
        assert keeps_rows(values) is expected


class TestSession:
    def test_the_budget_is_the_default(self):
        made = make_session_options({}, LoadOptions(threads=3))
        assert (made.intra_op_num_threads, made.inter_op_num_threads) == (3, 1)

    @pytest.mark.parametrize(("recorded", "made"), [(8, 4), (2, 2), (0, 4), (None, 4)])
    def test_the_model_may_ask_for_fewer_threads_and_never_for_more(self, recorded, made):
        asked = {"intra_op_num_threads": recorded}
        assert make_session_options(asked, LoadOptions(threads=4)).intra_op_num_threads == made

    def test_threads_of_parallel_execution_are_within_the_budget(self):
        asked = {"inter_op_num_threads": 8, "execution_mode": "parallel"}
        made = make_session_options(asked, LoadOptions(threads=2))
        assert made.inter_op_num_threads == 2
        assert made.execution_mode == ort.ExecutionMode.ORT_PARALLEL

    def test_waiting_threads_do_not_spin_unless_the_model_asks(self):
        key = "session.intra_op.allow_spinning"
        assert make_session_options({}, LoadOptions()).get_session_config_entry(key) == "0"
        asked = {"extra_session_config": {key: 1}}
        assert make_session_options(asked, LoadOptions()).get_session_config_entry(key) == "1"

    def test_the_models_optimization_level_holds(self):
        made = make_session_options({"graph_optimization_level": 1}, LoadOptions())
        assert made.graph_optimization_level == ort.GraphOptimizationLevel.ORT_ENABLE_BASIC

    @pytest.mark.parametrize(
        "asked",
        [
            {"execution_mode": "sideways"},
            {"graph_optimization_level": 7},
            {"intra_op_num_threads": "many"},
            {"inter_op_num_threads": -1},
            {"extra_session_config": ["a"]},
        ],
    )
    def test_session_options_that_are_none_are_an_invalid_model(self, asked):
        (name,) = asked
        with pytest.raises(InvalidModel, match=name):
            make_session_options(asked, LoadOptions())

    @pytest.mark.parametrize(
        ("recorded", "chosen"),
        [
            (None, [CPU]),
            (["CUDAExecutionProvider", "CPUExecutionProvider"], [CPU]),
            ("CPUExecutionProvider", [CPU]),
            (["CUDAExecutionProvider"], [CPU]),
            ([["Own", {"id": 1}], "CPUExecutionProvider"], [("Own", {"id": 1}), CPU]),
        ],
    )
    def test_the_providers_are_those_recorded_that_there_are(self, recorded, chosen):
        assert choose_providers(recorded, ["CPUExecutionProvider", "Own"]) == chosen

    @pytest.mark.parametrize("recorded", [5, [5], [["CPUExecutionProvider"]], [[]], {"a": 1}])
    def test_providers_of_another_form_are_an_invalid_model(self, recorded):
        with pytest.raises(InvalidModel, match="providers"):
            choose_providers(recorded, ["CPUExecutionProvider"])

    def test_options_of_providers_need_the_operators_trust(self, tmp_path):
        providers = [["CPUExecutionProvider", {"use_arena": "1"}]]
        folder = write_onnx(tmp_path, iris_graph(), providers=providers)
        with pytest.raises(UntrustedModel, match="leave the options out"):
            opened(folder, safe_only=True)
        assert opened(folder).is_row_wise


class TestFiles:
    def test_a_broken_file_names_the_versions(self, tmp_path):
        folder = write_onnx(tmp_path, b"not a graph", onnx_version="1.2.3")
        with pytest.raises(ModelLoadFailed, match=rf"model\.onnx.*onnx 1\.2\.3.*{ort.__version__}"):
            opened(folder)

    def test_a_file_that_is_not_there_is_an_invalid_model(self, tmp_path):
        folder = write_onnx(tmp_path, iris_graph(), data="other.onnx")
        with pytest.raises(InvalidModel, match=r"other\.onnx"):
            opened(folder)

    def test_data_outside_the_graph_are_found_beside_it(self, tmp_path):
        value = helper.make_tensor_value_info
        weights = numpy_helper.from_array(np.full((4, 1), 2, dtype="float32"), "w")
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"])],
            "weighted",
            [value("x", TensorProto.FLOAT, (None, 4))],
            [value("y", TensorProto.FLOAT, (None, 1))],
            [weights],
        )
        model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
        folder = write_onnx(tmp_path, b"")
        onnx.save_model(
            model,
            folder / "model.onnx",
            save_as_external_data=True,
            location="weights.bin",
            size_threshold=0,
        )
        assert (folder / "weights.bin").exists()
        found = opened(folder).predict(Columns({n: [1.0] for n in "abcd"}, 1), {})
        assert found.values["y"].tolist() == [8.0]

    def test_another_release_of_onnx_is_a_warning(self, tmp_path, caplog):
        opened(write_onnx(tmp_path, iris_graph(), onnx_version="1.2.3"))
        assert f"onnx 1.2.3, and {onnx.__version__} is installed" in caplog.text

    def test_a_method_to_predict_with_is_refused(self, tmp_path):
        with pytest.raises(InvalidSetting, match="predict_proba"):
            opened(write_onnx(tmp_path, iris_graph()), predict_fn="predict_proba")


@pytest.mark.parametrize(("given", "found"), [(None, "1"), ("0", "0")])
def test_onnx_runtime_reports_to_nobody_unless_the_operator_says_so(given, found):
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    environment |= {"ORT_DISABLE_TELEMETRY": given} if given else {}
    code = "import os, mlserve.runtimes.onnx; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == found
