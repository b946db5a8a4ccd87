"""Models saved by other releases than the installed ones."""

from __future__ import annotations

import platform
import sys

import pytest
from mlserve.runtimes.compatibility import check_python, check_version, compare_versions
from mlserve.runtimes.contract import LoadOptions
from mlserve.runtimes.errors import IncompatibleVersion
from mlserve.runtimes.modelspec import ModelSpec

MAJOR, MINOR = sys.version_info[:2]


def recorded_python(version: str) -> ModelSpec:
    return ModelSpec({"python_function": {"python_version": version}})


@pytest.mark.parametrize(
    ("recorded", "installed"), [("1.9.1", "1.9.1"), ("1.9", "1.9.0"), ("1.9.1", "1.9.1+cpu")]
)
def test_the_same_release_says_nothing(recorded, installed):
    assert compare_versions("scikit-learn", recorded, installed, pickled=True) is None


@pytest.mark.parametrize("recorded", ["1.9.0", "1.2.2", "unknown"])
def test_another_release_warns_and_names_both(recorded):
    warning = compare_versions("scikit-learn", recorded, "1.9.1", pickled=recorded != "unknown")
    assert f"scikit-learn {recorded}" in (warning or "")
    assert "1.9.1 is installed" in (warning or "")


def test_a_pickle_of_another_major_release_is_refused():
    with pytest.raises(IncompatibleVersion, match=r"scikit-learn 0\.24\.2.*--allow-version"):
        compare_versions("scikit-learn", "0.24.2", "1.9.1", pickled=True)


def test_data_of_another_major_release_only_warn():
    assert compare_versions("onnx", "0.24.2", "1.9.1", pickled=False)


def test_the_operator_may_allow_another_major_release():
    assert compare_versions("onnx", "0.24.2", "1.9.1", pickled=True, allow_mismatch=True)


def test_only_the_numbers_asked_for_count():
    assert compare_versions("Python", "3.11.7", "3.11.9", pickled=True, parts=2) is None
    assert compare_versions("Python", "3.10.7", "3.11.9", pickled=True, parts=2)


def test_a_difference_is_one_line_in_the_log(caplog):
    check_version("scikit-learn", "1.0", "1.9.1", pickled=True)
    assert [record.name for record in caplog.records] == ["mlserve"]


def test_a_model_that_records_no_version_passes(caplog):
    check_version("scikit-learn", None, "1.9.1", pickled=True)
    check_python(ModelSpec({}), LoadOptions())
    assert not caplog.records


def test_the_same_minor_version_of_python_passes(caplog):
    check_python(recorded_python(f"{MAJOR}.{MINOR}.99"), LoadOptions())
    assert not caplog.records


def test_another_minor_version_of_python_warns(caplog):
    check_python(recorded_python(f"{MAJOR}.{MINOR + 1}.0"), LoadOptions())
    assert platform.python_version() in caplog.text


def test_another_major_version_of_python_is_refused():
    with pytest.raises(IncompatibleVersion, match=r"Python 2\.7"):
        check_python(recorded_python("2.7.18"), LoadOptions())
    check_python(recorded_python("2.7.18"), LoadOptions(allow_version_mismatch=True))
