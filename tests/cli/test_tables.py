"""Tables as plain text: aligned, cut to the terminal, harmless to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.cli.tables import (
    Column,
    cut,
    format_section,
    format_size,
    format_table,
    format_time,
    measure,
    printable,
)

COLUMNS = [Column("ID", is_whole=True), Column("NAME"), Column("NOTE")]


def test_columns_are_aligned_by_spaces_alone():
    table = format_table(COLUMNS, [("1", "churn", "x"), ("22", "a", None)])
    assert table == "ID  NAME   NOTE\n1   churn  x\n22  a"


def test_a_table_without_rows_has_its_titles():
    assert format_table(COLUMNS, []) == "ID  NAME  NOTE"


def test_a_row_of_the_wrong_length_is_a_mistake():
    with pytest.raises(ValueError, match="zip"):
        format_table(COLUMNS, [("1", "2")])


def test_the_widest_columns_are_cut_to_the_width_and_whole_ones_never():
    row = ("f" * 32, "n" * 60, "short")
    lines = format_table(COLUMNS, [row], width=70).splitlines()
    assert max(map(measure, lines)) == 70
    assert lines[1] == f"{'f' * 32}  {'n' * 28}…  short"


def test_a_width_that_nothing_fits_keeps_the_whole_columns_and_a_little_of_the_others():
    lines = format_table(COLUMNS, [("f" * 32, "n" * 60, "t" * 60)], width=10).splitlines()
    assert lines[1] == f"{'f' * 32}  {'n' * 7}…  {'t' * 7}…"


def test_nothing_is_cut_without_a_width():
    assert "n" * 500 in format_table(COLUMNS, [("1", "n" * 500, "")])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b31m", r"\x9b31m"),
        ("a\nb\tc\rd\x00", r"a\x0ab\x09c\x0dd\x00"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("line\u2028end", r"line\u2028end"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
        ("Größe 数", "Größe 数"),
        (None, ""),
        (1.5, "1.5"),
    ],
)
def test_what_acts_on_a_terminal_is_escaped(value, shown):
    assert printable(value) == shown


@given(st.text())
def test_no_text_can_act_on_a_terminal(text):
    shown = printable(text)
    shown.encode()
    assert not set(shown) & {chr(code) for code in (*range(32), *range(127, 160))}


@given(st.text(), st.integers(1, 40))
def test_a_cut_text_is_no_wider_than_asked_for(text, width):
    assert measure(cut(printable(text), width)) <= width


def test_wide_characters_count_twice_and_marks_not_at_all():
    assert (measure("数据"), measure("e\u0301")) == (4, 1)
    assert format_table([Column("A"), Column("B")], [("数据", "x"), ("abcd", "y")]).endswith(
        "数据  x\nabcd  y"
    )


def test_a_section_aligns_values_below_its_title():
    assert format_section("Params", [("lr", 0.1), ("depth", "3\x07")]) == (
        "Params\n  lr     0.1\n  depth  3\\x07"
    )
    assert format_section("Params", []) == ""


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (1_767_225_600_000, "2026-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (10**18, "1000000000000000000"),
        (None, ""),
    ],
)
def test_a_time_is_utc_to_the_second(milliseconds, shown):
    assert format_time(milliseconds) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 40, "5120.0 GiB")],
)
def test_a_size_has_a_unit(size, shown):
    assert format_size(size) == shown
