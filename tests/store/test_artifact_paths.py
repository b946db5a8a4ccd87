"""The paths of artifacts: which are taken, and every way out that is not."""

from __future__ import annotations

import pytest
from mlserve.store.artifact_paths import check_file_path, check_folder_path, join_paths
from mlserve.store.errors import InvalidParameter

GOOD = [
    "model/MLmodel",
    "plot.png",
    "a b/ü/データ.csv",
    "2026-01-01T00:00:00.txt",
    "50%",
    "100%25",
    "loss%20curve.png",
    "...",
    "..a",
    "a..b",
    ".hidden",
    "x?y",
    "*",
    "~",
    "~root/x",
    "$HOME",
]

BAD = {
    "up": "..",
    "up first": "../x",
    "up inside": "a/../b",
    "up at the end": "a/..",
    "up with a space": "a/.. /b",
    "this": ".",
    "this inside": "a/./b",
    "absolute": "/etc/passwd",
    "two slashes": "//host/share",
    "empty part": "a//b",
    "slash at the end": "a/",
    "backslash": "a\\b",
    "up with backslashes": "..\\..\\x",
    "UNC": "\\\\host\\share",
    "drive": "C:/Windows",
    "drive alone": "c:x",
    "NUL": "a\0b",
    "newline": "a\nb",
    "escape": "a\x1b[0m",
    "C1 control": "a\x85",
    "lone surrogate": "a\udcff",
    "hash": "a#b",
    "encoded up": "%2e%2e/x",
    "encoded up, upper case": "%2E%2E/x",
    "half encoded up": ".%2e/x",
    "encoded slash": "a%2fb",
    "encoded up and slash": "..%2f..%2fetc",
    "encoded absolute": "%2fetc/passwd",
    "encoded backslash": "a%5cb",
    "encoded NUL": "a%00b",
    "encoded hash": "a%23b",
    "encoded drive": "C%3a/x",
    "double encoded up": "%252e%252e/x",
    "double encoded slash": "..%252f..%252fetc",
    "triple encoded up": "%25252e%25252e/x",
    "encoded without end": "%" + "25" * 20 + "2e/x",
    "no UTF-8 when decoded": "a%ff",
    "long": "/".join(["abcdefghi"] * 101),
    "long part": "a" * 256,
    "long part in bytes": "ü" * 128,
    "temporary file": "a/.mlserve-writing-1",
}


@pytest.mark.parametrize("path", GOOD)
def test_the_path_of_a_file_is_taken_as_it_is(path):
    assert check_file_path(path) == path


@pytest.mark.parametrize("path", BAD.values(), ids=BAD)
@pytest.mark.parametrize("check", [check_file_path, check_folder_path])
def test_a_path_that_leads_elsewhere_is_refused_as_mlflow_says(check, path):
    with pytest.raises(InvalidParameter, match="Invalid path"):
        check(path)


@pytest.mark.parametrize("path", BAD.values(), ids=BAD)
def test_a_refusal_is_short_and_printable(path):
    with pytest.raises(InvalidParameter) as caught:
        check_file_path(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_the_empty_path_is_a_folder_and_no_file():
    assert check_folder_path("") == ""
    with pytest.raises(InvalidParameter, match="Invalid path"):
        check_file_path("")


def test_paths_are_joined_without_empty_parts():
    assert join_paths("", "a", "", "b/c") == "a/b/c"
    assert join_paths("", "") == ""
