"""Plans and their Dockerfiles, which are made without doing anything."""

from __future__ import annotations

import pytest
from mlserve.builder.dockerfile import write_dockerfile
from mlserve.builder.errors import UnusableBase
from mlserve.builder.options import read_build_arguments, read_platforms, read_python
from mlserve.builder.plan import Platform
from mlserve.builder.planning import PackedModel, plan_image
from mlserve.runtimes.errors import InvalidSetting

CHURN = PackedModel("churn", "7", "run1", "sha256:12", "onnx")


def plan_of(model=CHURN, base=None):
    return plan_image(model, Platform(), "3.12", base, "0.1.0")


def test_the_layers_lie_in_the_order_in_which_they_change_with_the_model_last():
    assert [layer.target for layer in plan_of().layers] == [
        "/opt/mlserve",
        "/opt/mlserve/app",
        "/opt/ml/model",
    ]


def test_the_base_is_that_of_the_models_python_unless_another_is_named():
    assert plan_of().base == "python:3.12-slim"
    labels = plan_of(base="base:1@sha256:34").labels
    assert labels["org.opencontainers.image.base.name"] == "base:1"
    assert labels["org.opencontainers.image.base.digest"] == "sha256:34"


def test_the_labels_tell_what_is_known_and_nothing_else():
    labels = plan_of().labels
    assert labels["ml.mlserve.model.version"] == "7"
    assert labels["ml.mlserve.model.run"] == "run1"
    assert labels["org.opencontainers.image.title"] == "churn"
    assert "ml.mlserve.model.run" not in plan_of(PackedModel("churn")).labels


def test_a_dockerfile_runs_nothing():
    text = write_dockerfile(plan_of())
    instructions = [line.split()[0] for line in text.splitlines() if line[0] != " "]
    assert "RUN" not in instructions
    assert instructions[:4] == ["FROM", "COPY", "COPY", "COPY"]


def test_a_name_cannot_become_an_instruction():
    text = write_dockerfile(plan_of(PackedModel('a"\nRUN $HOME\\')))
    assert r'ml.mlserve.model.name="a\" RUN \$HOME\\"' in text
    assert not [line for line in text.splitlines() if line.startswith("RUN")]


@pytest.mark.parametrize("base", ["a\nRUN b", "oci:folder x", "./base.tar", "/base.tar", ""])
def test_a_base_that_a_dockerfile_cannot_name_is_refused(base):
    with pytest.raises(UnusableBase):
        write_dockerfile(plan_image(CHURN, Platform(), "3.11", base or " ", "0.1.0"))


def test_platforms_are_listed_by_commas_or_flags():
    assert read_platforms([]) == (Platform(),)
    both = read_platforms(["linux/amd64,linux/arm64/v8", "linux/arm64"])
    assert list(map(str, both)) == ["linux/amd64", "linux/arm64"]
    with pytest.raises(InvalidSetting, match="one or more of linux/amd64"):
        read_platforms(["windows/amd64"])


@pytest.mark.parametrize("text", ["3.10", "2.7", "three", "3", "", "3.11; x"])
def test_a_python_that_no_service_runs_on_is_refused(text):
    assert read_python("3.12.1") == "3.12"
    with pytest.raises(InvalidSetting, match="or later"):
        read_python(text)


def test_a_build_argument_without_a_name_is_refused():
    assert read_build_arguments(["A=1=2", "B="]) == {"A": "1=2", "B": ""}
    with pytest.raises(InvalidSetting, match="expected NAME=VALUE"):
        read_build_arguments(["secret"])
