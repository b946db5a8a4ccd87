"""Lifecycles: their stages, their rules, and the file that they are read from."""

from __future__ import annotations

import math

import pytest
from mlserve.runtimes.errors import InvalidSetting
from mlserve.store.errors import InvalidParameter, InvalidState
from mlserve.store.lifecycle import Lifecycle, Rule, Threshold, read_lifecycle

WHOLE = """
stages = ["Lab", "Trial", "Live", "Retired"]
archive = "Retired"
self_approval = true

[stage.Live]
from = ["Trial"]
approval = true
metrics = ["auc >= 0.8", "val loss<1e-1"]
validated_example = true
"""


def read(tmp_path, text):
    path = tmp_path / "lifecycle.toml"
    path.write_text(text)
    return read_lifecycle(path)


def test_a_file_describes_a_whole_lifecycle(tmp_path):
    thresholds = (Threshold("auc", ">=", 0.8), Threshold("val loss", "<", 0.1))
    assert read(tmp_path, WHOLE) == Lifecycle(
        ("Lab", "Trial", "Live", "Retired"),
        "Retired",
        {"Live": Rule(("Trial",), True, thresholds, True)},
        self_approval=True,
    )


def test_an_empty_file_is_the_default_lifecycle(tmp_path):
    assert read(tmp_path, "") == Lifecycle()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stagse = []", "the key stagse is unknown; did you mean stages?"),
        ("[stage.Production]\naproval = true", "stage.Production: the key aproval .* approval"),
        ("[stage.Productoin]", "the stage Productoin is unknown; did you mean Production?"),
        ('[stage.Production]\nfrom = ["Stagin"]', "did you mean Staging?"),
        ('archive = "Gone"', "the stage Gone is unknown; known are Development"),
        ('stages = "Development"', "Expected `array`"),
        ("stages = []", "found none"),
        ('stages = ["Live", "live"]', "two of one name"),
        ('stages = ["None", "Live"]', "neither None nor latest"),
        ('stages = ["Lab", "3"]', "beginning with a letter"),
        ('stages = ["Lab", "a/b"]', "letters, digits"),
        ("stage = 3", "Expected `object`"),
        ("stage.Production = 3", "Expected `object`"),
        ('[stage.Production]\nmetrics = ["auc = 1"]', "such as auc >= 0.8"),
        ('[stage.Production]\nmetrics = ["auc >= high"]', "such as auc >= 0.8"),
        ('[stage.Production]\nmetrics = ["auc >= nan"]', "such as auc >= 0.8"),
        ("[stage", "expected a TOML file"),
    ],
)
def test_a_file_that_is_not_as_expected_is_refused_with_what_is(tmp_path, text, told):
    with pytest.raises(InvalidSetting, match=told) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidSetting, match=r"none\.toml: No such file"):
        read_lifecycle(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "stage"),
    [("Production", "Production"), ("pRODUCTION", "Production"), ("none", "Development"),
     ("None", "Development"), ("development", "Development")],
)  # fmt: skip
def test_a_stage_is_found_in_any_case_of_letters(name, stage):
    assert Lifecycle().find_stage(name) == stage


@pytest.mark.parametrize("name", ["", "Prod", "x" * 10_000, "Production "])
def test_an_unknown_stage_is_refused_with_those_there_are(name):
    expected = "Value must be one of None, Development, Staging, Production, Archived."
    with pytest.raises(InvalidParameter, match=expected) as caught:
        Lifecycle().find_stage(name)
    assert len(str(caught.value)) < 300


def test_the_first_stage_is_the_one_that_mlflow_calls_none():
    lifecycle = Lifecycle(("Lab", "Live"))
    assert [lifecycle.stored(stage) for stage in lifecycle.stages] == ["None", "Live"]
    assert [lifecycle.shown(stage) for stage in ("None", "Live", "Gone")] == ["Lab", "Live", "Gone"]


def test_the_stages_between_the_first_and_the_archive_can_archive():
    lifecycle = Lifecycle()
    assert [s for s in lifecycle.stages if lifecycle.can_archive(s)] == ["Staging", "Production"]
    assert not Lifecycle(("Lab", "Live")).can_archive("Live")


def test_a_move_that_no_rule_allows_is_refused():
    lifecycle = Lifecycle(rules={"Production": Rule(origins=("Staging",))})
    lifecycle.check_move("Staging", "Production")
    lifecycle.check_move("Production", "Production")
    lifecycle.check_move("Production", "Development")
    with pytest.raises(InvalidState, match=r"Development, expected .* Staging, .* to Production"):
        lifecycle.check_move("Development", "Production")


def test_nan_passes_no_threshold():
    for comparison in (">=", "<=", ">", "<"):
        assert not Threshold("auc", comparison, 0.5).is_passed_by(math.nan)
