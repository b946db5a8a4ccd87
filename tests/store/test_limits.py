"""Keys, texts and numbers: what the store takes is what MLflow's server takes."""

from __future__ import annotations

import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.store import limits
from mlserve.store.entities import Metric
from mlserve.store.errors import InvalidParameter
from mlserve.store.limits import check_integer, check_text, parse_experiment_id
from mlserve.store.points import Point, find_latest, read_points

KEYS = [
    "a", "A_1.b-c", "a b", "a:b", "a/b", "é", "日本", "\u0663", "a" * 250, "a" * 251, "...", "..a",
    "a..",
    "a/../b", "./a", "a/", "/a", "//a", "a//b", ".", "..", "../a", "a/..", "-", " ", " a ", "a\t",
    "a\n", "a$", "a%", "a\\b", "a#b", "a,b", "(a)", "a=b", "a'b", 'a"b', "a\0", "a\u200b", "😀",
]  # fmt: skip

ASK_MLFLOW = """
import json, sys
from mlflow.exceptions import MlflowException
from mlflow.utils import validation

def message(key):
    try:
        validation._validate_metric(key, 1.0, 1, 1)
    except MlflowException as error:
        return error.message

keys = json.load(sys.stdin)
limits = {name: getattr(validation, name) for name in dir(validation) if name.startswith("MAX_")}
print(json.dumps({"messages": [message(key) for key in keys], "limits": limits}))
"""


@pytest.fixture(scope="module")
def mlflow(mlflow_python):
    """What MLflow says to each of `KEYS`, and its limits."""
    run = subprocess.run(
        [mlflow_python, "-c", ASK_MLFLOW],
        input=json.dumps(KEYS).encode(), capture_output=True, check=True, timeout=300,
    )  # fmt: skip
    return json.loads(run.stdout.splitlines()[-1])


def our_message(key):
    try:
        read_points([Metric(key, 1.0, 1, 1)], "")
    except InvalidParameter as error:
        return str(error)
    return None


def test_the_keys_that_mlflow_takes_are_taken(mlflow):
    taken = {key: message is None for key, message in zip(KEYS, mlflow["messages"], strict=True)}
    # Python's "$" lets a newline at the end through, and so does MLflow.
    assert taken.pop("a\n")
    assert {key: our_message(key) is None for key in taken} == taken


def test_a_key_is_refused_in_mlflows_words(mlflow):
    for key, message in zip(KEYS, mlflow["messages"], strict=True):
        if message is not None and len(key) < 80:
            assert our_message(key) == message


def test_the_limits_are_mlflows(mlflow):
    theirs = mlflow["limits"]
    ours = {
        "MAX_METRICS_PER_BATCH": limits.MOST_METRICS,
        "MAX_PARAMS_TAGS_PER_BATCH": limits.MOST_PARAMS,
        "MAX_ENTITIES_PER_BATCH": limits.MOST_ENTRIES,
        "MAX_DATASETS_PER_BATCH": limits.MOST_LINKS,
        "MAX_ENTITY_KEY_LENGTH": limits.LONGEST_KEY,
        "MAX_PARAM_VAL_LENGTH": limits.LONGEST_PARAM,
        "MAX_TAG_VAL_LENGTH": limits.LONGEST_RUN_TAG,
        "MAX_EXPERIMENT_TAG_VAL_LENGTH": limits.LONGEST_EXPERIMENT_TAG,
        "MAX_EXPERIMENT_NAME_LENGTH": limits.LONGEST_EXPERIMENT_NAME,
        "MAX_DATASET_NAME_SIZE": limits.LONGEST_DATASET_NAME,
        "MAX_DATASET_DIGEST_SIZE": limits.LONGEST_DIGEST,
        "MAX_DATASET_SOURCE_SIZE": limits.LONGEST_SOURCE,
        "MAX_DATASET_SCHEMA_SIZE": limits.LONGEST_SCHEMA,
        "MAX_DATASET_PROFILE_SIZE": limits.LONGEST_PROFILE,
        "MAX_INPUT_TAG_VALUE_SIZE": limits.LONGEST_INPUT_TAG,
    }
    assert ours == {name: theirs[name] for name in ours}
    assert limits.MOST_TAGS == limits.MOST_PARAMS


@given(st.text(st.characters(codec=None)))
def test_any_key_is_taken_or_refused_with_a_short_message(key):
    message = our_message(key)
    assert message is None or len(message) < 500


@given(st.text(st.characters(codec=None)))
def test_a_text_that_is_taken_can_be_encoded_and_has_no_nul(text):
    try:
        check_text("text", text)
    except InvalidParameter:
        assert "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)
    else:
        assert b"\0" not in text.encode()


@pytest.mark.parametrize("text", [None, 5, b"x", ["x"]])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(InvalidParameter, match="expected a text"):
        check_text("value", text)


@pytest.mark.parametrize("number", [None, "5", 5.0, True, 2**63, -(2**63) - 1])
def test_what_is_no_whole_number_of_64_bits_is_refused(number):
    with pytest.raises(InvalidParameter, match="'step' supplied"):
        check_integer("step", number)


def test_the_message_about_a_huge_number_is_short():
    with pytest.raises(InvalidParameter) as caught:
        check_integer("step", 10**5000)
    assert len(str(caught.value)) < 200


@given(st.integers(-(10**25), 10**25))
def test_the_number_of_an_experiment_fits_the_database_or_is_none(number):
    parsed = parse_experiment_id(str(number))
    assert parsed in {number, -1}
    assert abs(parsed) < 2**63


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.integers(0, 2),
                          st.floats(-1, 1), st.booleans())))  # fmt: skip
def test_the_latest_points_are_the_same_in_any_order(fields):
    points = [Point(*point) for point in fields]
    order = [(point.key, point.step, point.timestamp, point.value) for point in points]
    found = [(p.key, p.step, p.timestamp, p.value) for p in find_latest(points)]
    backwards = [(p.key, p.step, p.timestamp, p.value) for p in find_latest(points[::-1])]
    assert found == backwards == [max(o for o in order if o[0] == key)
                                  for key in sorted({o[0] for o in order})]  # fmt: skip
