"""The runtime of scikit-learn models, on estimators that were really trained."""

from __future__ import annotations

import pickle
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from mlserve.runtimes.columns import Columns, Payload, Tensors
from mlserve.runtimes.contract import LoadOptions
from mlserve.runtimes.errors import (
    IncompatibleVersion,
    InvalidModel,
    InvalidParams,
    InvalidSetting,
    ModelLoadFailed,
    UntrustedModel,
)
from mlserve.runtimes.modelspec import read_model_spec
from mlserve.runtimes.sklearn import limit_jobs, load
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_info

from .runtime_contract import RuntimeContract
from .trained import (
    DIABETES,
    IRIS,
    WINE,
    columns_of,
    diabetes_regressor,
    iris_classifier,
    wine_classifier,
    wine_frame,
    write_mlmodel,
    write_sklearn,
)

KINDS = ["pickle", "cloudpickle", "skops"]
FLOWERS = columns_of(IRIS.data[::15])


def opened(folder: Path, **options: Any) -> Any:
    return load(folder, read_model_spec(folder), LoadOptions(**options))


class MakesFile:
    """A pickle of this writes a file as soon as it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.write_text, (self.path, "code has run"))


class EvenRows(ClassifierMixin, BaseEstimator):
    """An estimator of nobody's library, with a method less than most."""

    def predict(self, X):  # noqa: N803 - as scikit-learn calls it
        return np.arange(len(X)) % 2 == 0


class TestClassifier(RuntimeContract):
    @pytest.fixture
    def runtime(self, tmp_path):
        runtime = opened(write_sklearn(tmp_path / "model", iris_classifier()))
        yield runtime
        runtime.close()

    @pytest.fixture
    def data(self):
        return FLOWERS


class TestMixedColumns(RuntimeContract):
    @pytest.fixture
    def runtime(self, tmp_path):
        folder = write_sklearn(tmp_path / "model", wine_classifier(), "skops")
        return opened(folder, predict_fn="predict_proba", safe_only=True)

    @pytest.fixture
    def data(self):
        return columns_of(wine_frame()[::20])


class TestArrays(RuntimeContract):
    @pytest.fixture
    def runtime(self, tmp_path):
        model = KNeighborsClassifier().fit(WINE.data.to_numpy(), WINE.target)
        return opened(write_sklearn(tmp_path / "model", model, "cloudpickle"))

    @pytest.fixture
    def data(self):
        return WINE.data.to_numpy()[::20]


@pytest.mark.parametrize("kind", KINDS)
def test_each_format_predicts_what_the_estimator_does(tmp_path, kind):
    model = diabetes_regressor()
    runtime = opened(write_sklearn(tmp_path, model, kind))
    found = runtime.predict(columns_of(DIABETES.data), {})
    np.testing.assert_allclose(found, model.predict(DIABETES.data), rtol=1e-12)


def test_columns_without_a_known_type_get_the_one_that_pandas_infers(tmp_path):
    runtime = opened(write_sklearn(tmp_path, wine_classifier()))
    frame = wine_frame()[:3]
    columns = Columns({name: frame[name].tolist() for name in frame}, 3)
    np.testing.assert_array_equal(runtime.predict(columns, {}), WINE.target[:3])


def test_a_format_that_is_not_named_is_a_pickle(tmp_path):
    folder = write_sklearn(tmp_path, iris_classifier(), serialization_format=None)
    assert opened(folder).predict(FLOWERS, {})[0] == 0


def test_an_unknown_format_is_an_invalid_model(tmp_path):
    folder = write_sklearn(tmp_path, iris_classifier(), serialization_format="joblib")
    with pytest.raises(InvalidModel, match=r'"joblib", expected one of pickle, cloudpickle, skops'):
        opened(folder)


def test_the_data_of_an_old_python_function_are_found(tmp_path):
    write_sklearn(tmp_path, iris_classifier())
    write_mlmodel(
        tmp_path, {"python_function": {"loader_module": "mlflow.sklearn", "data": "model.pkl"}}
    )
    assert opened(tmp_path).predict(FLOWERS, {})[0] == 0


def test_a_path_out_of_the_folder_is_refused(tmp_path):
    write_sklearn(tmp_path / "other", iris_classifier())
    folder = write_sklearn(
        tmp_path / "model", iris_classifier(), pickled_model="../other/model.pkl"
    )
    with pytest.raises(InvalidModel, match="not inside the folder"):
        opened(folder)


class TestTrust:
    @pytest.mark.parametrize("kind", ["pickle", "cloudpickle"])
    def test_safe_only_refuses_a_pickle_before_reading_it(self, tmp_path, kind):
        folder = write_sklearn(tmp_path / "model", MakesFile(tmp_path / "made"), kind)
        with pytest.raises(UntrustedModel, match=rf"model\.pkl \({kind}\)"):
            opened(folder, safe_only=True)
        assert not (tmp_path / "made").exists()

    def test_a_pickle_is_loaded_with_one_warning_line(self, tmp_path, caplog):
        opened(write_sklearn(tmp_path, iris_classifier()))
        (record,) = caplog.records
        assert "model.pkl (pickle) can run any code" in record.getMessage()

    def test_skops_is_loaded_without_any(self, tmp_path, caplog):
        opened(write_sklearn(tmp_path, iris_classifier(), "skops"), safe_only=True)
        assert not caplog.records

    def test_what_a_model_says_of_its_own_trust_counts_for_nothing(self, tmp_path):
        model = make_pipeline(FunctionTransformer(np.savetxt), GaussianNB())
        folder = write_sklearn(tmp_path, model, "skops", skops_trusted_types=["numpy.savetxt"])
        with pytest.raises(UntrustedModel, match=r"add --skops-trusted numpy\.savetxt"):
            opened(folder)

    def test_types_that_the_operator_trusts_are_loaded(self, tmp_path):
        model = KNeighborsClassifier().fit(IRIS.data, IRIS.target)
        folder = write_sklearn(tmp_path, model, "skops")
        with pytest.raises(UntrustedModel) as caught:
            opened(folder)
        words = str(caught.value).split()
        types = [words[i + 1] for i, word in enumerate(words) if word == "--skops-trusted"]
        runtime = opened(folder, skops_trusted=tuple(types), safe_only=True)
        assert runtime.predict(FLOWERS, {})[0] == 0

    def test_safe_only_refuses_a_models_own_code(self, tmp_path):
        folder = write_sklearn(tmp_path, iris_classifier(), "skops", generic={"code": "code"})
        (tmp_path / "code").mkdir()
        with pytest.raises(UntrustedModel, match="own code in code"):
            opened(folder, safe_only=True)


class TestMethods:
    def test_the_python_function_says_which_method_answers(self, tmp_path):
        folder = write_sklearn(tmp_path, iris_classifier(), generic={"predict_fn": "predict_proba"})
        assert opened(folder).predict(FLOWERS, {}).shape == (10, 3)

    def test_the_operator_overrides_it(self, tmp_path):
        folder = write_sklearn(tmp_path, iris_classifier(), generic={"predict_fn": "predict_proba"})
        runtime = opened(folder, predict_fn="predict")
        assert runtime.predict(FLOWERS, {}).shape == (10,)

    @pytest.mark.parametrize(
        "name", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
    )
    def test_a_request_may_choose_another(self, tmp_path, name):
        model = iris_classifier()
        runtime = opened(write_sklearn(tmp_path, model))
        found = runtime.predict(FLOWERS, {"predict_fn": name})
        np.testing.assert_allclose(found, getattr(model, name)(IRIS.data[::15]))

    @pytest.mark.parametrize(
        "name", ["score", "fit", "transform", "__init__", 5, None, ["predict"]]
    )
    def test_a_request_that_chooses_what_there_is_not_hears_what_there_is(self, tmp_path, name):
        runtime = opened(write_sklearn(tmp_path, iris_classifier()))
        expected = "expected one of predict, predict_proba, predict_log_proba, decision_function$"
        with pytest.raises(InvalidParams, match=expected):
            runtime.predict(FLOWERS, {"predict_fn": name})

    def test_an_operator_who_chooses_what_there_is_not_hears_what_there_is(self, tmp_path):
        folder = write_sklearn(tmp_path, diabetes_regressor())
        with pytest.raises(InvalidSetting, match=r"method of LinearRegression: predict$"):
            opened(folder, predict_fn="predict_proba")

    def test_a_model_that_answers_with_score_says_why_it_cannot(self, tmp_path):
        folder = write_sklearn(tmp_path, iris_classifier(), generic={"predict_fn": "score"})
        with pytest.raises(InvalidModel, match=r"--predict-fn; score needs the true labels"):
            opened(folder)

    def test_a_transformer_is_served_by_the_method_that_it_has(self, tmp_path):
        folder = write_sklearn(tmp_path, StandardScaler().fit(IRIS.data))
        with pytest.raises(InvalidModel, match=r"StandardScaler.*: transform, inverse_transform"):
            opened(folder)
        assert opened(folder, predict_fn="transform").predict(FLOWERS, {}).shape == (10, 4)

    def test_a_sparse_answer_comes_as_an_array(self, tmp_path):
        encoder = OneHotEncoder().fit(wine_frame()[["colour"]])
        runtime = opened(write_sklearn(tmp_path, encoder), predict_fn="transform")
        found = runtime.predict(columns_of(wine_frame()[["colour"]]), {})
        np.testing.assert_array_equal(found.sum(axis=1), 1)

    def test_other_params_are_left_aside(self, tmp_path):
        runtime = opened(write_sklearn(tmp_path, iris_classifier()))
        assert len(runtime.predict(FLOWERS, {"threshold": 0.5})) == 10


class TestInput:
    @pytest.mark.parametrize("wrap", [lambda x: x, Payload])
    def test_an_array_is_passed_as_it_is(self, tmp_path, wrap):
        model = KMeans(3, n_init=1, random_state=0).fit(IRIS.data.to_numpy())
        runtime = opened(write_sklearn(tmp_path, model))
        found = runtime.predict(wrap(IRIS.data.to_numpy()), {})
        np.testing.assert_array_equal(found, model.labels_)

    def test_columns_known_by_position_suit_a_model_trained_on_an_array(self, tmp_path):
        model = GaussianNB().fit(IRIS.data.to_numpy(), IRIS.target)
        runtime = opened(write_sklearn(tmp_path, model))
        columns = Columns(dict(enumerate(IRIS.data.to_numpy().T)), 150)
        np.testing.assert_array_equal(
            runtime.predict(columns, {}), model.predict(IRIS.data.to_numpy())
        )

    def test_named_tensors_are_a_dict_of_arrays(self, tmp_path):
        model = FunctionTransformer(sorted).fit([[1]])
        runtime = opened(write_sklearn(tmp_path, model), predict_fn="transform")
        tensors = Tensors({"b": np.zeros(2), "a": np.ones(2)})
        assert runtime.predict(tensors, {}) == ["a", "b"]


class TestVersions:
    def test_another_release_is_one_warning_of_ours_and_none_of_scikit_learns(
        self, tmp_path, caplog
    ):
        forest = RandomForestClassifier(5).fit(IRIS.data, IRIS.target)
        folder = write_sklearn(tmp_path, forest, sklearn_version="1.2.2")
        content = (folder / "model.pkl").read_bytes()
        now = sklearn.__version__.encode()
        (folder / "model.pkl").write_bytes(content.replace(now, b"1.2.2"))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            opened(folder)
        assert not caught
        assert sum("saved with scikit-learn 1.2.2" in m for m in caplog.messages) == 1

    def test_a_pickle_of_another_major_release_is_refused_unread(self, tmp_path):
        folder = write_sklearn(
            tmp_path / "model", MakesFile(tmp_path / "made"), sklearn_version="0.24.2"
        )
        with pytest.raises(IncompatibleVersion):
            opened(folder)
        assert not (tmp_path / "made").exists()

    def test_it_is_tried_where_the_operator_allows_it(self, tmp_path):
        folder = write_sklearn(tmp_path, iris_classifier(), sklearn_version="0.24.2")
        assert opened(folder, allow_version_mismatch=True).is_row_wise

    def test_skops_of_another_major_release_is_loaded_with_a_warning(self, tmp_path, caplog):
        opened(write_sklearn(tmp_path, iris_classifier(), "skops", sklearn_version="0.24.2"))
        assert "0.24.2" in caplog.text

    def test_a_pickle_of_another_major_python_is_refused(self, tmp_path):
        folder = write_sklearn(tmp_path, iris_classifier(), generic={"python_version": "2.7.18"})
        with pytest.raises(IncompatibleVersion):
            opened(folder)


class TestFailures:
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_broken_file_fails_to_load_by_its_name(self, tmp_path, kind):
        folder = write_sklearn(tmp_path, iris_classifier(), kind)
        (file,) = folder.glob("model.*")
        file.write_bytes(b"\x80\x04broken")
        with pytest.raises(ModelLoadFailed, match=file.name):
            opened(folder)

    def test_a_pickle_that_exits_fails_to_load(self, tmp_path):
        class Exits:
            def __reduce__(self):
                return (sys.exit, (0,))

        with pytest.raises(ModelLoadFailed, match="SystemExit"):
            opened(write_sklearn(tmp_path, Exits()))

    def test_a_module_that_is_not_there_is_named(self, tmp_path):
        folder = write_sklearn(tmp_path, iris_classifier())
        (folder / "model.pkl").write_bytes(b"cnobodys_module\nThing\n.")
        with pytest.raises(ModelLoadFailed, match="nobodys_module"):
            opened(folder)


def test_a_models_own_code_is_there_for_it_and_gone_after_it(tmp_path):
    folder = write_sklearn(tmp_path, iris_classifier(), generic={"code": "code"})
    (folder / "code").mkdir()
    (folder / "code" / "own_estimator.py").write_text(
        "class Doubling:\n    def predict(self, X):\n        return [2] * len(X)\n"
    )
    (folder / "model.pkl").write_bytes(b"(iown_estimator\nDoubling\n.")
    runtime = opened(folder)
    assert runtime.predict(FLOWERS, {}) == [2] * 10
    runtime.close()
    assert "own_estimator" not in sys.modules


def test_an_estimator_of_no_library_is_served_by_what_it_has(tmp_path):
    cloudpickled = pickle.dumps(EvenRows())
    folder = write_sklearn(tmp_path, iris_classifier())
    (folder / "model.pkl").write_bytes(cloudpickled)
    assert opened(folder).predict(FLOWERS, {}).tolist() == [True, False] * 5


class TestThreads:
    def test_jobs_are_lowered_to_the_budget_wherever_they_are(self):
        forest = RandomForestClassifier(3, n_jobs=-1)
        split = make_column_transformer((StandardScaler(), list(range(4))), n_jobs=8)
        calibrated = CalibratedClassifierCV(forest, cv=2)
        votes = VotingClassifier([("a", calibrated), ("b", GaussianNB())], n_jobs=2)
        model = make_pipeline(split, SelectKBest(k=2), votes).fit(IRIS.data.to_numpy(), IRIS.target)
        inner = votes.estimators_[0].calibrated_classifiers_[0].estimator
        limit_jobs(model, 2)
        assert (split.n_jobs, votes.n_jobs, inner.n_jobs) == (2, 2, 2)
        limit_jobs(model, 1)
        assert (split.n_jobs, votes.n_jobs, inner.n_jobs) == (1, 1, 1)

    @pytest.mark.parametrize("jobs", [None, 1, 2])
    def test_jobs_within_the_budget_stay(self, jobs):
        forest = RandomForestClassifier(n_jobs=jobs)
        limit_jobs(forest, 4)
        assert forest.n_jobs == jobs

    def test_the_pools_of_the_thread_that_predicts_are_limited_until_the_runtime_closes(
        self, tmp_path
    ):
        before = [pool["num_threads"] for pool in threadpool_info()]
        runtime = opened(write_sklearn(tmp_path, iris_classifier()), threads=1)
        runtime.predict(FLOWERS, {})
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
        runtime.close()
        assert [pool["num_threads"] for pool in threadpool_info()] == before
