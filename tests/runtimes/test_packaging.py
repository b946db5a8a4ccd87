"""A packaged model is a folder that MLflow and mlserve both load and that appears whole."""

from __future__ import annotations

import json
import os
import subprocess

import mlserve
import numpy as np
import pandas as pd
import pytest
import yaml
from mlserve.runtimes.columns import Columns
from mlserve.runtimes.contract import LoadOptions
from mlserve.runtimes.errors import (
    ModelExists,
    PredictionFailed,
    SchemaViolation,
    UnpackableModel,
)
from mlserve.runtimes.modelspec import read_model_spec
from mlserve.runtimes.schema import DataType, Signature
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestRegressor, VotingRegressor
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, TweedieRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, OneHotEncoder

TABLE = pd.DataFrame({"size": [1.0, 2.0, 4.0, 5.0], "rooms": [1, 1, 2, 3]})
PRICES = np.array([10.0, 20.0, 40.0, 51.0])
CITIES = pd.DataFrame({"city": ["Rome", None, "Oslo", "Rome"]})
IS_WARM = np.array(["yes", "no", "no", "yes"])

ASK_MLFLOW = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow
models = [mlflow.pyfunc.load_model(folder) for folder in sys.argv[1:]]
predictions = [model.predict(model.input_example).tolist() for model in models]
signatures = [model.metadata.signature.to_dict() for model in models]
print(json.dumps(list(zip(predictions, signatures))))
"""


@pytest.fixture
def prices():
    return LinearRegression().fit(TABLE, PRICES)


def as_input(example):
    if isinstance(example, np.ndarray):
        return example
    return Columns({name: example[name].to_numpy() for name in example}, len(example))


def regression_of_arrays():
    return LinearRegression().fit(TABLE.to_numpy(), PRICES), TABLE.to_numpy()


def classifier_of_text():
    return make_pipeline(OneHotEncoder(), LogisticRegression()).fit(CITIES, IS_WARM), CITIES


def forecast_where_sizes_are_missing():
    table = TABLE.assign(size=[1.0, None, 4.0, 5.0])
    return make_pipeline(SimpleImputer(), LinearRegression()).fit(table, PRICES), table


def pipeline_with_a_lambda():
    doubled = FunctionTransformer(lambda table: table * 2)
    return make_pipeline(doubled, LinearRegression()).fit(TABLE, PRICES), TABLE


def test_a_model_that_skops_can_hold_is_a_skops_file(prices, tmp_path):
    folder = mlserve.save_model(prices, tmp_path / "model")
    assert read_model_spec(folder).flavors["sklearn"]["pickled_model"] == "model.skops"
    assert (folder / "model.skops").exists()


@pytest.mark.parametrize(
    "model",
    [
        make_column_transformer((SimpleImputer(), make_column_selector(dtype_include=object))),
        make_column_transformer((KBinsDiscretizer(2, quantile_method="linear"), ["size"])),
        make_pipeline(SelectKBest(f_regression, k=1), TweedieRegressor()),
        VotingRegressor([("line", LinearRegression())]),
        CalibratedClassifierCV(LogisticRegression(), cv=2),
        GridSearchCV(Ridge(), {"alpha": [1.0, 2.0]}, cv=2),
        MLPRegressor(max_iter=1000, tol=1.0),
        MLPRegressor(max_iter=1000, tol=1.0, solver="sgd"),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_usual_estimators_are_packaged_as_data_that_are_loaded_without_a_word(
    model, tmp_path, caplog
):
    model.fit(TABLE, PRICES > 30 if isinstance(model, CalibratedClassifierCV) else PRICES)
    method = "predict" if hasattr(model, "predict") else "transform"
    folder = mlserve.save_model(model, tmp_path / "model", predict_fn=method)
    loaded = mlserve.load_model(folder, LoadOptions(safe_only=True)).runtime
    found = loaded.predict(as_input(TABLE), {})
    np.testing.assert_array_equal(found, getattr(model, method)(TABLE))
    assert not caplog.records


@pytest.mark.parametrize(
    "make",
    [
        lambda: pipeline_with_a_lambda()[0],
        lambda: RandomForestRegressor(2).fit(TABLE, PRICES),
        lambda: KNeighborsRegressor(2, algorithm="kd_tree").fit(TABLE, PRICES),
    ],
    ids=["a lambda", "trees", "a tree of neighbors"],
)
def test_a_model_that_skops_does_not_hold_safely_is_a_pickle(make, tmp_path):
    folder = mlserve.save_model(make(), tmp_path / "model")
    assert read_model_spec(folder).flavors["sklearn"]["serialization_format"] == "cloudpickle"
    assert sorted(file.name for file in folder.glob("model.*")) == ["model.pkl"]


def test_the_signature_is_inferred_from_all_rows_of_the_example(prices, tmp_path):
    many = pd.concat([TABLE] * 5, ignore_index=True)
    many.loc[19, "size"] = None
    folder = mlserve.save_model(prices, tmp_path / "model", example=many)
    signature = read_model_spec(folder).signature
    size = signature.inputs.columns[0]
    assert (size.name, size.type, size.required) == ("size", DataType.DOUBLE, False)


def test_a_given_signature_is_kept(prices, tmp_path):
    signature = mlserve.infer_signature(TABLE)
    folder = mlserve.save_model(prices, tmp_path / "model", example=TABLE, signature=signature)
    assert read_model_spec(folder).signature == Signature(inputs=signature.inputs)


def test_the_stored_request_is_the_first_rows_of_the_example(tmp_path):
    model, cities = classifier_of_text()
    folder = mlserve.save_model(model, tmp_path / "model", example=pd.concat([cities] * 3))
    request = json.loads((folder / "serving_input_example.json").read_text())
    data = [["Rome"], [None], ["Oslo"], ["Rome"], ["Rome"]]
    assert request == {"dataframe_split": {"columns": ["city"], "data": data}}


@pytest.mark.parametrize("example", [TABLE.to_dict("list"), TABLE.to_dict("records")])
def test_an_example_of_plain_values_is_a_table(prices, tmp_path, example):
    folder = mlserve.save_model(prices, tmp_path / "model", example=example)
    stored = json.loads((folder / "input_example.json").read_text())
    assert stored == {
        "columns": ["size", "rooms"],
        "data": TABLE.astype(object).to_numpy().tolist(),
    }


def test_the_requirements_are_pinned_in_all_three_files(prices, tmp_path):
    folder = mlserve.save_model(prices, tmp_path / "model")
    pins = (folder / "requirements.txt").read_text().split()
    packages = [pin.split("==")[0] for pin in pins]
    assert packages == ["numpy", "pandas", "scikit-learn", "scipy", "skops"]
    assert yaml.safe_load((folder / "conda.yaml").read_text())["dependencies"][-1] == {"pip": pins}
    python_env = yaml.safe_load((folder / "python_env.yaml").read_text())
    assert python_env["dependencies"] == ["-r requirements.txt"]


@pytest.mark.parametrize("made", ["folder", "file", "dangling link"])
def test_a_path_that_exists_is_refused_and_left_alone(prices, tmp_path, made):
    path = tmp_path / "model"
    {
        "folder": path.mkdir,
        "file": path.touch,
        "dangling link": lambda: path.symlink_to(tmp_path / "nothing"),
    }[made]()
    with pytest.raises(ModelExists, match=r"exists already; name a path where nothing is"):
        mlserve.save_model(prices, path)
    assert list(tmp_path.iterdir()) == [path]


def test_an_unwritten_file_leaves_no_folder_behind(prices, tmp_path):
    infinite = TABLE.assign(size=np.inf)
    signature = mlserve.infer_signature(TABLE)
    with pytest.raises(SchemaViolation, match="holds an infinity"):
        mlserve.save_model(prices, tmp_path / "model", example=infinite, signature=signature)
    assert list(tmp_path.iterdir()) == []


def test_folders_above_the_path_are_made(prices, tmp_path):
    assert mlserve.save_model(prices, str(tmp_path / "a" / "b")) == tmp_path / "a" / "b"


def test_the_folder_is_as_readable_as_any_other(prices, tmp_path):
    folder, other = mlserve.save_model(prices, tmp_path / "model"), tmp_path / "other"
    other.mkdir()
    assert folder.stat().st_mode == other.stat().st_mode


@pytest.mark.parametrize("thing", [print, {"a": 1}, LinearRegression])
def test_an_object_that_is_no_estimator_is_refused(thing, tmp_path):
    with pytest.raises(UnpackableModel, match="give a trained scikit-learn estimator"):
        mlserve.save_model(thing, tmp_path / "model")


def test_a_method_that_the_model_has_not_is_refused(prices, tmp_path):
    with pytest.raises(UnpackableModel, match='one that has a method "predict_proba"'):
        mlserve.save_model(prices, tmp_path / "model", predict_fn="predict_proba")


def test_an_example_that_the_model_cannot_predict_is_refused(prices, tmp_path):
    with pytest.raises(PredictionFailed, match="ValueError"):
        mlserve.save_model(prices, tmp_path / "model", example=CITIES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("example", ["text", [], [1, 2], {}, TABLE.head(0)])
def test_an_example_that_is_no_table_is_refused(prices, tmp_path, example):
    with pytest.raises(SchemaViolation, match="expected at least one row in a DataFrame"):
        mlserve.save_model(prices, tmp_path / "model", example=example)


MAKERS = (
    regression_of_arrays,
    classifier_of_text,
    forecast_where_sizes_are_missing,
    pipeline_with_a_lambda,
)


@pytest.fixture(scope="module")
def found_by_mlflow(mlflow_python, tmp_path_factory):
    """What MLflow predicts and reads for each of the makers' models, asked for in one process."""
    parent = tmp_path_factory.mktemp("packaged")
    folders = {}
    for make in MAKERS:
        model, example = make()
        folders[make] = mlserve.save_model(model, parent / make.__name__, example=example)
    answer = subprocess.run(
        [mlflow_python, "-c", ASK_MLFLOW, *folders.values()],
        cwd=parent,
        capture_output=True,
        check=True,
        timeout=120,
        env={**os.environ, "MLFLOW_ENABLE_TELEMETRY": "false"},
    )
    answers = zip(folders.values(), json.loads(answer.stdout), strict=True)
    return {make: (folder, *found) for make, (folder, found) in zip(MAKERS, answers, strict=True)}


@pytest.mark.parametrize("make", MAKERS)
def test_mlflow_loads_the_folder_and_predicts_the_same(make, found_by_mlflow):
    model, example = make()
    _, prediction, _ = found_by_mlflow[make]
    assert prediction == model.predict(example).tolist()


@pytest.mark.parametrize("make", MAKERS)
def test_mlflow_reads_the_signature_as_it_would_write_it(make, found_by_mlflow):
    folder, _, signature = found_by_mlflow[make]
    assert signature == yaml.safe_load((folder / "MLmodel").read_text())["signature"]


@pytest.mark.parametrize("make", MAKERS)
def test_mlserve_loads_the_folder_and_predicts_the_same(make, tmp_path):
    model, example = make()
    folder = mlserve.save_model(model, tmp_path / "model", example=example)
    loaded = mlserve.load_model(folder).runtime
    assert loaded.predict(as_input(example), {}).tolist() == model.predict(example).tolist()
