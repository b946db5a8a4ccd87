"""Which Python a base has, whatever its layers do to each other."""

from __future__ import annotations

import pytest
from mlserve.builder.assembling import OciEngine, OciOptions
from mlserve.builder.base_python import add_layer, python_among
from mlserve.builder.errors import UnusableBase

from .images_made_here import PYTHON_FILES, stage_on, write_layout, write_trees

PATH = "/usr/local/bin:/usr/bin:/bin"


def python_of(*layers: dict[str, str], path: str = PATH) -> str | None:
    names: dict[str, str] = {}
    for layer in layers:
        add_layer(names, layer.items())
    return python_among(names, path)


@pytest.mark.parametrize(
    "layer",
    [
        {"usr/bin/python3": "python3.11", "usr/bin/python3.11": ""},
        {"./usr/bin/python3": "/usr/bin/python3.11", "./usr/bin/python3.11": ""},
        {"bin": "usr/bin", "usr/bin/python3": "python3.11", "usr/bin/python3.11": ""},
        {
            "bin": "sbin",
            "sbin/python3": "../opt/py",
            "opt/py": "x/python3.11",
            "opt/x/python3.11": "",
        },
        {"usr/bin/python3": "", "usr/lib/python3.11": ""},
    ],
)
def test_a_python_is_found_through_links(layer):
    assert python_of(layer) == "3.11"


def test_the_first_folder_of_the_path_counts():
    debian = {"usr/bin/python3": "python3.11", "usr/bin/python3.11": ""}
    built = {"usr/local/bin/python3": "python3.12", "usr/local/bin/python3.12": ""}
    assert python_of(debian, built) == "3.12"
    assert python_of(debian, built, path="/usr/bin") == "3.11"


@pytest.mark.parametrize(
    "upper",
    [
        {"usr/bin/.wh.python3": ""},
        {"usr/.wh.bin": ""},
        {"usr/bin/.wh..wh..opq": "", "usr/bin/sh": ""},
        {"usr/bin/python3": "nowhere"},
    ],
)
def test_what_an_upper_layer_hides_is_not_found(upper):
    assert python_of({"usr/bin/python3": "python3.11", "usr/bin/python3.11": ""}, upper) is None


def test_what_an_opaque_layer_brings_itself_is_found():
    lower = {"usr/bin/python3": "python3.11", "usr/bin/python3.11": ""}
    upper = {"usr/bin/python3": "python3.13", "usr/bin/python3.13": "", "usr/bin/.wh..wh..opq": ""}
    assert python_of(lower, upper) == "3.13"


def test_links_that_lead_in_circles_lead_to_no_python():
    assert python_of({"usr/bin/python3": "python3.1", "usr/bin/python3.1": "python3"}) is None


@pytest.mark.parametrize(
    ("files", "environment", "found"),
    [
        ({"bin/sh": b""}, ["PATH=/bin"], "no python3 on its PATH"),
        ({"usr/bin/python3": "python3.9", "usr/bin/python3.9": b""}, [], "Python 3.9"),
        (PYTHON_FILES, ["PYTHON_VERSION=3.12.1"], "Python 3.12"),
    ],
)
def test_a_base_without_the_python_of_the_layers_is_refused(tmp_path, files, environment, found):
    base = write_layout(tmp_path / "base", files=files, config={"Env": environment})
    engine = OciEngine(OciOptions(output=tmp_path / "image"))
    stage = stage_on(f"oci:{base}", write_trees(tmp_path / "trees"))
    with pytest.raises(UnusableBase, match=f"found {found}, expected Python 3.11"):
        engine.build([stage], (), lambda _: None)
    assert not (tmp_path / "image").exists()
