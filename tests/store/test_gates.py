"""Gates: what a version must have shown before it gets a stage."""

from __future__ import annotations

import pytest
from mlserve.store.errors import GateClosed
from mlserve.store.lifecycle import Lifecycle, Rule, Threshold
from mlserve.store.registry_operations import SET_MODEL_VERSION_TAG, TRANSITION_STAGE
from mlserve.store.registry_requests import SetModelVersionTag, TransitionStage
from mlserve.store.tracking_operations import (
    FINALIZE_LOGGED_MODEL,
    GET_LOGGED_MODEL,
    LOG_METRIC,
)
from mlserve.store.tracking_requests import FinalizeLoggedModel, LoggedModelId, LogMetric

from .registry import NAME, calling, move, new_registered, new_version, run_with_model, write_files
from .tracking import new_model, new_run, refusal

TO_STAGING = TransitionStage(NAME, "1", "Staging")


@pytest.fixture
def measured(store):
    """Does operations in a store whose stage Staging wants good metrics."""
    thresholds = (Threshold("auc", ">=", 0.8), Threshold("loss", "<", 0.5))
    return calling(store, lifecycle=Lifecycle(rules={"Staging": Rule(thresholds=thresholds)}))


@pytest.fixture
def tried(store):
    """Does operations in a store whose stage Staging wants an input example that was tried."""
    return calling(store, lifecycle=Lifecycle(rules={"Staging": Rule(needs_example=True)}))


@pytest.fixture
def remote(store):
    """Does operations for callers elsewhere, for whom no object store is looked into."""
    return calling(store, allows_local_paths=False)


def log(call, run_id, **metrics):
    for key, value in metrics.items():
        call(LOG_METRIC, LogMetric(run_id=run_id, key=key, value=value, timestamp=1))


def closed(call):
    return refusal(GateClosed, call, TRANSITION_STAGE, TO_STAGING)


class TestMetricGates:
    def test_a_version_whose_run_is_good_passes(self, measured):
        new_registered(measured)
        run_id = new_run(measured)
        log(measured, run_id, auc=0.8, loss=0.1)
        new_version(measured, run_id=run_id)
        assert move(measured, "1", "Staging").current_stage == "Staging"

    def test_all_that_is_wanting_is_told(self, measured):
        new_registered(measured)
        run_id = new_run(measured)
        log(measured, run_id, auc=0.75)
        new_version(measured, run_id=run_id)
        assert closed(measured) == (
            "churn version 1 does not pass the gates of Staging: found auc 0.75, expected "
            "auc >= 0.8; its run has no metric loss, expected loss < 0.5"
        )

    def test_the_latest_value_counts(self, measured):
        new_registered(measured)
        run_id = new_run(measured)
        log(measured, run_id, auc=0.9, loss=0.1)
        request = LogMetric(run_id=run_id, key="auc", value=0.5, timestamp=2, step=1)
        measured(LOG_METRIC, request)
        new_version(measured, run_id=run_id)
        assert "found auc 0.5" in closed(measured)

    def test_nan_passes_nothing(self, measured):
        new_registered(measured)
        run_id = new_run(measured)
        log(measured, run_id, auc="NaN", loss=0.1)
        new_version(measured, run_id=run_id)
        assert "found auc nan, expected auc >= 0.8" in closed(measured)

    def test_a_version_without_a_run_does_not_pass(self, measured, remote):
        new_registered(measured)
        new_version(remote, source="s3://bucket/model")
        assert "it has no run whose metrics tell of it" in closed(measured)

    def test_a_good_run_that_did_not_make_the_files_does_not_count(self, measured, remote):
        new_registered(measured)
        run_id = new_run(measured)
        log(measured, run_id, auc=0.9, loss=0.1)
        new_version(remote, source="s3://bucket/model", run_id=run_id)
        assert "its files are not among those of its run" in closed(measured)

    def test_a_logged_model_of_the_run_counts(self, measured):
        new_registered(measured)
        run_id = new_run(measured)
        log(measured, run_id, auc=0.9, loss=0.1)
        model_id = new_model(measured, name="model", source_run_id=run_id)
        new_version(measured, source=f"models:/{model_id}", model_id=model_id)
        assert move(measured, "1", "Staging").current_stage == "Staging"

    def test_a_logged_model_of_another_run_does_not(self, measured):
        new_registered(measured)
        good, other = new_run(measured), new_run(measured)
        log(measured, good, auc=0.9, loss=0.1)
        model_id = new_model(measured, name="model", source_run_id=other)
        new_version(measured, source=f"models:/{model_id}", model_id=model_id, run_id=good)
        assert "its files are not among those of its run" in closed(measured)


class TestExampleGates:
    def test_an_example_that_was_tried_passes(self, store, tried):
        new_registered(tried)
        run_id, uri = run_with_model(store, tried)
        write_files(store, uri, input_example_json=b"[]")
        new_version(tried, run_id=run_id)
        tried(
            SET_MODEL_VERSION_TAG,
            SetModelVersionTag(NAME, "1", "mlserve.example_validated", "true"),
        )
        assert move(tried, "1", "Staging").current_stage == "Staging"

    def test_an_example_that_nobody_tried_does_not(self, store, tried):
        new_registered(tried)
        model_id = new_model(tried, name="model")
        uri = tried(GET_LOGGED_MODEL, LoggedModelId(model_id)).model.info.artifact_uri
        write_files(store, uri, MLmodel=b"", input_example_json=b"[]")
        tried(FINALIZE_LOGGED_MODEL, FinalizeLoggedModel(model_id, "LOGGED_MODEL_READY"))
        new_version(tried, source=f"models:/{model_id}", model_id=model_id)
        assert closed(tried).endswith(
            'Staging: its tag mlserve.example_validated is not "true"; try the example, and set '
            "the tag"
        )

    def test_nor_does_the_word_of_somebody_without_an_example(self, store, tried):
        new_registered(tried)
        run_id, _ = run_with_model(store, tried)
        new_version(tried, run_id=run_id)
        tried(
            SET_MODEL_VERSION_TAG,
            SetModelVersionTag(NAME, "1", "mlserve.example_validated", "true"),
        )
        assert "registered without the file input_example.json" in closed(tried)
