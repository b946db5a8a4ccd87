"""What the settings say of the model reaches the runtime that loads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlserve.runtimes.contract import LoadOptions
from mlserve.runtimes.cpu import cpu_budget
from mlserve.runtimes.errors import UntrustedModel
from mlserve.serve.assignment import Slot
from mlserve.serve.loading import load_options, load_service
from mlserve.serve.settings import Settings

from ..runtimes.trained import iris_classifier, write_sklearn

FOLDER = Path("iris")


def test_every_setting_of_the_loading_is_an_option():
    settings = Settings(
        FOLDER,
        flavor="onnx",
        predict_fn="predict_proba",
        safe_only=True,
        skops_trusted=("a.B",),
        allow_version_mismatch=True,
        threads=3,
    )
    assert load_options(settings) == LoadOptions(
        flavor="onnx",
        predict_fn="predict_proba",
        safe_only=True,
        skops_trusted=("a.B",),
        allow_version_mismatch=True,
        threads=3,
    )


def test_without_settings_the_options_are_their_defaults_but_for_the_threads():
    assert load_options(Settings(FOLDER)) == LoadOptions(threads=cpu_budget())


def test_workers_share_the_compute_threads():
    assert load_options(Settings(FOLDER, workers=1024)).threads == 1
    assert load_options(Settings(FOLDER, workers=1024, threads=2)).threads == 2


def test_a_pickle_is_not_loaded_for_a_service_of_safe_formats_alone(tmp_path):
    folder = write_sklearn(tmp_path, iris_classifier(), "pickle")
    with pytest.raises(UntrustedModel, match="--safe-only"):
        load_service(Settings(folder, safe_only=True), Slot())
