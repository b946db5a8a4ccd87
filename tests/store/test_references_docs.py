"""The table in docs/references.md is what the parser takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from mlserve.store.references import (
    FolderReference,
    Reference,
    StageReference,
    StorageReference,
    read_reference,
    write_reference,
)
from mlserve.store.storage_uris import OBJECT_STORES

DOCS = (Path(__file__).parents[2] / "docs" / "references.md").read_text()
ROWS = re.findall(r"(?m)^\| ([^|]+) \| `([^`|]+)` \| [^|]+ \|$", DOCS)
EXAMPLES = [example for _, example in ROWS]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_read_and_written(example):
    reference = read_reference(example)
    assert read_reference(write_reference(reference)) == reference


def test_there_is_an_example_of_every_kind_of_reference():
    kinds = {type(read_reference(example)) for example in EXAMPLES}
    assert kinds == set(get_args(Reference))


def test_the_table_has_every_object_store_that_lasts():
    forms = " ".join(form for form, _ in ROWS)
    assert {f"{scheme}:" for scheme in OBJECT_STORES if scheme != "memory"} <= set(
        re.findall(r"`(\w+:)`", forms)
    )


@pytest.mark.parametrize(("form", "example"), ROWS)
def test_an_example_is_of_its_form(form, example):
    reference = read_reference(example)
    if "?at=" in form:
        assert isinstance(reference, StageReference)
        assert reference.at is not None
    elif form == "a path" or "file:" in form:
        assert isinstance(reference, FolderReference)
    elif ":/" not in form:
        assert isinstance(reference, StorageReference)
    else:
        pattern = re.sub(r"[A-Z]+", "[^/@?]+", re.escape(form.strip("`")))
        assert re.fullmatch(pattern, example)


def test_every_reference_in_the_text_is_one():
    named = re.findall(r"`(models:/[a-z][^`]*)`", DOCS)
    assert len(named) > 8
    for text in named:
        read_reference(text)
