"""YAML is read as plain data of bounded size, whatever the file holds."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.runtimes.errors import InvalidModel
from mlserve.runtimes.yamltext import MAX_BYTES, MAX_DEPTH, format_yaml, parse_yaml


def _bomb(item, levels, width):
    lines = [f"a0: &a0 {item}"]
    for level in range(1, levels):
        members = ",".join([f"*a{level - 1}"] * width)
        lines.append(f"a{level}: &a{level} [{members}]")
    return "\n".join(lines).encode()


def test_plain_data_are_read():
    text = b"a: [1, 2.5, true, null, x]\nb: {c: 2024-02-03}"
    assert parse_yaml(text, "f") == {
        "a": [1, 2.5, True, None, "x"],
        "b": {"c": dt.date(2024, 2, 3)},
    }


def test_an_alias_stands_for_what_it_names():
    assert parse_yaml(b"a: &x [1]\nb: *x\nc: {<<: &m {k: 1}, l: *x}\nd: *m", "f") == {
        "a": [1],
        "b": [1],
        "c": {"k": 1, "l": [1]},
        "d": {"k": 1},
    }


@pytest.mark.parametrize(
    "text",
    [
        b"a: [1",
        b"a: b: c",
        b"\x00\x01\x02\xff\xfe",
        b"\x80\x04\x95pickle",
        b"a: !!python/object/apply:os.system [true]",
        b"a: !!python/name:os.system",
        b"a: !mine x",
        b"a: !!timestamp x",
        b"a: !!bool x",
        b"a: !!int ''",
        b"a: 2024-02-31",
        b"? {a: b}\n: c",
        b"? [a]\n: c",
        b"a: 1\n---\nb: 2",
        b"a: *unknown",
        b"a: " + b"1" * 5000,
    ],
)
def test_what_is_not_plain_yaml_is_refused(text):
    with pytest.raises(InvalidModel, match=r"^f: found .*, expected"):
        parse_yaml(text, "f")


def test_an_error_names_the_line():
    with pytest.raises(InvalidModel, match="line 2"):
        parse_yaml(b"a: 1\nb: ]", "f")


@pytest.mark.parametrize("text", [_bomb("lol", 30, 9), _bomb("{k: v}", 40, 2)])
def test_aliases_that_stand_for_too_much_are_refused(text):
    with pytest.raises(InvalidModel, match="aliases that stand for too much"):
        parse_yaml(text, "f")


def test_merged_mappings_that_stand_for_too_much_are_refused():
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 20)]
    with pytest.raises(InvalidModel, match="aliases that stand for too much"):
        parse_yaml("\n".join(lines).encode(), "f")


def test_a_list_that_holds_itself_is_refused():
    with pytest.raises(InvalidModel, match=r"the alias \*a"):
        parse_yaml(b"x: &a [1, *a]", "f")


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1_000_000])
def test_deep_nesting_is_refused(depth):
    with pytest.raises(InvalidModel, match="nesting"):  # ours, or of the parser itself
        parse_yaml(b"[" * depth + b"]" * depth, "f")


def test_nesting_at_the_limit_is_read():
    assert parse_yaml(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, "f")


def test_a_file_over_the_limit_is_refused():
    with pytest.raises(InvalidModel, match="bytes"):
        parse_yaml(b"x" * (MAX_BYTES + 1), "f")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(text):
    with suppress(InvalidModel):
        parse_yaml(text, "f")


def test_mappings_are_written_in_blocks_with_sorted_keys():
    assert format_yaml({"b": {"y": 1, "x": [1]}, "a": None}, "f") == (
        b"a: null\nb:\n  x:\n  - 1\n  y: 1\n"
    )


def test_a_value_that_yaml_cannot_hold_is_refused():
    with pytest.raises(InvalidModel, match="cannot hold"):
        format_yaml({"a": object()}, "f")
