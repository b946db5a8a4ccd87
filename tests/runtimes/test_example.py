"""A recorded example of any release of MLflow becomes a request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlserve.runtimes.errors import InvalidModel
from mlserve.runtimes.example import read_example
from mlserve.runtimes.modelspec import ModelSpec, read_model_spec

MODELS = Path(__file__).parents[1] / "data" / "mlmodels"
WITH_BOTH = sorted(file.parent.name for file in MODELS.glob("*/serving_input_example.json"))


@pytest.fixture
def model(tmp_path):
    def write(info, **files):
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
        return tmp_path, ModelSpec({"f": {}}, example=info)

    return write


def _recorded(model, example, **info):
    folder, spec = model({"artifact_path": "input_example.json", **info}, input_example=example)
    body = read_example(folder, spec)
    return None if body is None else json.loads(body)


@pytest.mark.parametrize("name", WITH_BOTH)
def test_the_saved_request_is_the_example(name):
    body = read_example(MODELS / name, read_model_spec(MODELS / name))
    assert json.loads(body) == json.loads(
        (MODELS / name / "serving_input_example.json").read_text()
    )


@pytest.mark.parametrize("name", [name for name in WITH_BOTH if not name.endswith("sparse")])
def test_an_example_alone_makes_the_request_that_mlflow_would_have_saved(name, tmp_path):
    saved = (MODELS / name / "input_example.json").read_text()
    (tmp_path / "input_example.json").write_text(saved)
    body = read_example(tmp_path, read_model_spec(MODELS / name))
    assert json.loads(body) == json.loads(
        (MODELS / name / "serving_input_example.json").read_text()
    )


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("1.0-data", None),
        ("1.30-plain", None),
        (
            "1.30-frame",
            {
                "dataframe_split": {
                    "columns": ["age", "tenure", "plan", "active"],
                    "data": [[34, 1.5, "basic", True], [51, 20.0, "plus", False]],
                }
            },
        ),
        ("1.30-unnamed-frame", {"dataframe_split": {"data": [[1.0] * 3, [1.0] * 3]}}),
        ("1.30-tensor", {"inputs": [[1.0] * 3, [1.0] * 3]}),
        (
            "2.4-optional",
            {
                "dataframe_split": {
                    "columns": ["age", "plan"],
                    "data": [[34.0, "basic"], [51.0, None]],
                }
            },
        ),
    ],
)
def test_examples_of_older_releases_become_requests(name, body):
    example = read_example(MODELS / name, read_model_spec(MODELS / name))
    assert (None if example is None else json.loads(example)) == body


def test_a_frame_of_records_is_sent_as_records(model):
    body = _recorded(model, [{"a": 1}, {"a": 2}], type="dataframe", pandas_orient="records")
    assert body == {"dataframe_records": [{"a": 1}, {"a": 2}]}


def test_a_frame_of_values_is_sent_without_columns(model):
    body = _recorded(model, [[1, 2]], type="dataframe", pandas_orient="values")
    assert body == {"dataframe_split": {"data": [[1, 2]]}}


@pytest.mark.parametrize(
    ("saved", "body"),
    [
        ([[1, 2]], {"inputs": [[1, 2]]}),
        ({"inputs": {"x": [1]}}, {"inputs": {"x": [1]}}),
        ({"instances": [[1]]}, {"instances": [[1]]}),
        ({"x": [1], "y": [2]}, {"inputs": {"x": [1], "y": [2]}}),
    ],
)
def test_arrays_are_sent_as_inputs(model, saved, body):
    assert _recorded(model, saved, type="ndarray") == body


def test_params_go_beside_the_data(model):
    saved = {"inputs": [1], "params": {"n": 3}}
    assert _recorded(model, saved, type="json_object", params="true") == {
        "inputs": [1],
        "params": {"n": 3},
    }


def test_params_go_into_an_unwrapped_request(model):
    saved = {"inputs": {"prompt": "hi"}, "params": {"n": 3}}
    body = _recorded(model, saved, type="json_object", params="true")
    assert body == {"prompt": "hi", "n": 3}


def test_a_saved_request_that_nobody_recorded_is_used(model):
    folder, spec = model(None, serving_input_example={"inputs": [1]})
    assert read_example(folder, spec) == b'{"inputs":[1]}'


def test_the_body_is_strict_json(model):
    folder, spec = model(None, serving_input_example='{"inputs": [NaN, Infinity, -Infinity, "ü"]}')
    assert read_example(folder, spec) == b'{"inputs":[null,null,null,"\\u00fc"]}'


@pytest.mark.parametrize("info", [None, {}, {"type": "dataframe"}, {"artifact_path": "gone.json"}])
def test_no_example_is_none(model, info):
    assert read_example(*model(info)) is None


def test_an_example_whose_file_is_gone_is_none(tmp_path):
    spec = read_model_spec(MODELS / "3.17-frame")
    assert read_example(tmp_path, spec) is None


@pytest.mark.parametrize("kind", ["sparse_matrix_csr", "image", None])
def test_an_example_that_no_request_carries_is_none(model, kind):
    assert _recorded(model, {"data": [1]}, type=kind) is None


@pytest.mark.parametrize("text", ["", "{", "\x80", "[" * 100_000])
def test_an_example_that_is_not_json_is_refused(model, text):
    folder, spec = model(None, serving_input_example=text)
    with pytest.raises(InvalidModel, match=r"serving_input_example.json: found a file that is not"):
        read_example(folder, spec)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "serving_input_example.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidModel, match="not JSON"):
        read_example(tmp_path, ModelSpec({"f": {}}))


def test_a_saved_request_that_is_no_mapping_is_refused(model):
    folder, spec = model(None, serving_input_example=[1])
    with pytest.raises(InvalidModel, match="found a list, expected a mapping"):
        read_example(folder, spec)


def test_params_that_are_missing_are_refused(model):
    with pytest.raises(InvalidModel, match='expected the key "params"'):
        _recorded(model, {"inputs": [1]}, type="ndarray", params="true")


def test_a_frame_that_is_no_frame_is_refused(model):
    with pytest.raises(InvalidModel, match="found 3, expected a list"):
        _recorded(model, 3, type="dataframe")


def test_an_example_outside_the_folder_is_refused(model):
    folder, spec = model({"artifact_path": "../x.json", "type": "dataframe"})
    with pytest.raises(InvalidModel, match="not inside the folder"):
        read_example(folder, spec)
