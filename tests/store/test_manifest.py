"""Manifests: one form for one folder, read back as it was written."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.store.errors import InvalidParameter
from mlserve.store.manifest import FileDigest, Manifest, read_manifest, write_manifest

A, B = "a" * 64, "b" * 64

DIGESTS = st.builds(
    FileDigest,
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.integers(0, 2**60),
)
# Of one length and level, so that none is a folder of another.
PATHS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="/\\#%:.")
)
MANIFESTS = st.dictionaries(PATHS.map(lambda name: f"x{name}"), DIGESTS, max_size=5).map(Manifest)


@given(MANIFESTS)
def test_a_manifest_is_read_as_it_was_written(manifest):
    assert read_manifest(write_manifest(manifest)) == manifest
    assert read_manifest(write_manifest(manifest).decode()) == manifest


def test_a_manifest_has_one_form_whatever_the_order_of_its_files():
    files = {"MLmodel": FileDigest(A, 1), "data/b": FileDigest(B, 2), "data/ü": FileDigest(A, 3)}
    expected = f'{{"files":{{"MLmodel":["{A}",1],"data/b":["{B}",2],"data/ü":["{A}",3]}}}}'
    for order in (files, dict(reversed(files.items()))):
        manifest = Manifest(order)
        assert write_manifest(manifest).decode() == expected
        assert manifest.digest == hashlib.sha256(expected.encode()).hexdigest()


def test_a_manifest_of_a_folder_inside_names_its_files_from_there():
    manifest = Manifest(
        {"a/x": FileDigest(A, 1), "a/b/y": FileDigest(B, 2), "ab": FileDigest(A, 3)}
    )
    assert manifest.below("a") == Manifest({"x": FileDigest(A, 1), "b/y": FileDigest(B, 2)})
    assert manifest.below("") == manifest
    assert manifest.size == 6


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        b"\xff",
        '{"files":{"a":["x",1]}}',
        f'{{"files":{{"a":["{A.upper()}",1]}}}}',
        f'{{"files":{{"a":["{A}",-1]}}}}',
        f'{{"files":{{"a":["{A}",1.5]}}}}',
        f'{{"files":{{"a":["{A}"]}}}}',
        '{"files":{},"more":1}',
    ],
)
def test_what_is_no_manifest_is_refused(text):
    with pytest.raises(InvalidParameter):
        read_manifest(text)


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "%2e%2e/x", "a\\x", "a\0", ""])
def test_a_manifest_cannot_lead_out_of_its_folder(path):
    text = write_manifest(Manifest({path: FileDigest(A, 1)}))
    with pytest.raises(InvalidParameter, match="Invalid path"):
        read_manifest(text)


def test_a_path_is_a_file_or_a_folder_but_not_both():
    text = write_manifest(Manifest({"a": FileDigest(A, 1), "a/b": FileDigest(A, 1)}))
    with pytest.raises(InvalidParameter, match="a as a file and as a folder"):
        read_manifest(text)
