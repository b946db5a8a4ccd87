"""The filter language: what is read, and what is refused, quickly and with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlserve.store.errors import InvalidFilter, InvalidParameter
from mlserve.store.experiment_search import WORDS as EXPERIMENT_WORDS
from mlserve.store.filters import (
    LONGEST_FILTER,
    LONGEST_PATTERN,
    MOST_COMPARISONS,
    MOST_VALUES,
    Comparator,
    Comparison,
    Key,
    Kind,
    parse_filter,
)
from mlserve.store.logged_model_search import WORDS as LOGGED_MODEL_WORDS
from mlserve.store.ordering import LONGEST_TERM, MOST_TERMS, OrderWords, Term, parse_order
from mlserve.store.registry_search import MODEL_WORDS, MOST_MODELS, MOST_VERSIONS, VERSION_WORDS
from mlserve.store.run_search import MOST_EXPERIMENTS, MOST_RESULTS, ORDER_WORDS, WORDS

INVALID = "Invalid clause(s) in filter string: '"


def read(text: str) -> list[tuple]:
    """Return the kind, name, comparator and value of each comparison."""
    return [
        (each.key.kind, each.key.name, each.comparator, each.value)
        for each in parse_filter(text, WORDS).comparisons
    ]


def refuse(text: str, words=WORDS) -> str:
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(text, words)
    assert str(caught.value).startswith(INVALID)
    return str(caught.value)


def test_no_filter_asks_for_nothing():
    assert parse_filter(None, WORDS) == parse_filter("", WORDS)
    assert parse_filter("", WORDS).comparisons == ()


def test_comparisons_are_joined_by_and_in_any_case_and_with_any_spaces():
    assert read("metrics.m > 0.5 and\tparams.p='x'AND\n tags.t != \"y\" ") == [
        (Kind.METRIC, "m", Comparator.GREATER, 0.5),
        (Kind.PARAM, "p", Comparator.EQUAL, "x"),
        (Kind.TAG, "t", Comparator.UNEQUAL, "y"),
    ]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("metric", "metrics", "`metrics`"), Kind.METRIC),
        (("param", "params", "parameter", "parameters"), Kind.PARAM),
        (("tag", "tags"), Kind.TAG),
    ],
)
def test_an_entity_has_several_words(words, kind):
    value = "1" if kind is Kind.METRIC else "'1'"
    assert {read(f"{word}.k = {value}")[0][:2] for word in words} == {(kind, "k")}


@pytest.mark.parametrize("word", ["attribute.", "attributes.", "attr.", "run.", ""])
def test_an_attribute_may_stand_by_itself(word):
    assert read(f"{word}status = 'FAILED'") == [
        (Kind.ATTRIBUTE, "status", Comparator.EQUAL, "FAILED")
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("created", "start_time"),
        ("attributes.Created", "start_time"),
        ("attribute.`start_time`", "start_time"),
        ('"end_time"', "end_time"),
    ],
)
def test_an_attribute_has_several_names(name, meant):
    assert read(f"{name} > 5") == [(Kind.ATTRIBUTE, meant, Comparator.GREATER, 5)]


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("m", "m"),
        ("a.b.c", "a.b.c"),
        ("`a b`", "a b"),
        ('"a b"', "a b"),
        ('`it\'s "so"`', 'it\'s "so"'),
        ("`a = 'b' AND c`", "a = 'b' AND c"),
        ("val-loss/é:1", "val-loss/é:1"),
        ("5", "5"),
        ("select", "select"),
    ],
)
def test_a_key_is_bare_or_quoted(written, key):
    assert read(f"metrics.{written} > 1") == [(Kind.METRIC, key, Comparator.GREATER, 1.0)]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1", 1.0),
        ("-1", -1.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5e-3", -0.0005),
        ("1E+5", 100000.0),
        ("1e400", float("inf")),
        ("9" * 400, float("inf")),
    ],
)
def test_a_metric_is_compared_with_a_number(written, number):
    assert read(f"metrics.m > {written}")[0][3] == number


def test_a_time_is_compared_with_a_whole_number_or_another():
    assert [each[3] for each in read("start_time > 5 and end_time < 5.5")] == [5, 5.5]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("'x'", "x"),
        ('"x"', "x"),
        ("''", ""),
        ("'say \"hi\"'", 'say "hi"'),
        ('"it\'s"', "it's"),
        ("'it''s'", "it''s"),
        ("'it\\'s'", "it\\'s"),
        ("'a\\\\b'", "a\\\\b"),
        ("'a and b = 1'", "a and b = 1"),
        ("'; DROP TABLE runs; --'", "; DROP TABLE runs; --"),
    ],
)
def test_a_text_is_what_stands_between_its_quotes(written, text):
    assert read(f"params.p = {written}")[0][3] == text


def test_words_may_be_in_any_case_and_apart():
    assert [each[2] for each in read(
        "tags.a like 'x' and tags.b iLike 'y' and run_id not  in ('a') and run_id In ('b') "
        "and params.c is   null and params.d IS\nNOT NULL"
    )] == [
        Comparator.LIKE, Comparator.ILIKE, Comparator.NOT_IN, Comparator.IN,
        Comparator.IS_NULL, Comparator.IS_NOT_NULL,
    ]  # fmt: skip


def test_a_list_has_texts():
    assert read("run_id IN ('a', \"b\",'c',)")[0][3] == ("a", "b", "c")


@pytest.mark.parametrize("written", ["3", "'3'", '"3"'])
def test_the_number_of_a_version_may_be_quoted(written):
    comparison = Comparison(Key(Kind.ATTRIBUTE, "version_number"), Comparator.EQUAL, 3)
    assert parse_filter(f"version_number = {written}", VERSION_WORDS).comparisons == (comparison,)


@pytest.mark.parametrize("written", ["3.5", "'x'", "'3 x'", "''", "3e1"])
def test_the_number_of_a_version_is_a_whole_one(written):
    assert "whole numeric value" in refuse(f"version_number = {written}", VERSION_WORDS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("bad filter", "Invalid attribute key 'bad'"),
        ("metrics.m > 1 OR metrics.m < 0", "expected AND or the end, found 'OR metrics.m < 0'"),
        ("metrics.m > 1 metrics.m < 0", "expected AND or the end"),
        ("(metrics.m > 1)", "only lists are in parentheses"),
        ("metrics.m > 1 AND (params.p = 'x')", "only lists are in parentheses"),
        ("metrics.m > 1 AND", "expected a key such as metrics.m, found the end"),
        ("   ", "expected a key"),
        ("metrics.m", "expected a comparator after 'm', found the end"),
        ("metrics.m >", "Expected numeric value type for metric 'm'. Found the end"),
        ("metrics.m > 'x'", "Expected numeric value type for metric 'm'. Found \"'x'\""),
        ("metrics.m > nan", "Expected numeric value type"),
        ("metrics.m > 1and metrics.m < 2", "Expected numeric value type"),
        ("metrics.m == 1", "Invalid comparator '==' not one of"),
        ("metrics.m LIKE '1'", "Invalid comparator 'LIKE' not one of"),
        ("metrics.m IS NULL", "Invalid comparator 'IS NULL' not one of"),
        ("params.p > 'x'", "Invalid comparator '>' not one of"),
        ("params.p IN ('x')", "Invalid comparator 'IN' not one of"),
        ("tags.t NOT LIKE 'x'", "Invalid comparator 'NOT LIKE' not one of"),
        ("run_name IS NULL", "Invalid comparator 'IS NULL' not one of"),
        ("status IN ('x')", "Invalid comparator 'IN' not one of"),
        ("params.p = x", "Expected a quoted string value for parameter 'p' (e.g. 'my-value')"),
        ("params.p = 5", "Found '5'"),
        ("params.p = 'x", "Expected a quoted string value"),
        ('params.p = "x', "Expected a quoted string value"),
        ("params.`p = 'x'", "Invalid attribute key 'params.'"),
        ("run_id IN ()", "expected a non-empty list of string values"),
        ("run_id IN ('a'", "expected a non-empty list of string values, found the end"),
        ("run_id IN ('a' 'b')", "expected a non-empty list of string values"),
        ("run_id IN (1)", "expected a non-empty list of string values"),
        ("run_id IN 'a'", "expected a non-empty list of string values in parentheses"),
        ("foo.bar = 'x'", "Invalid entity type 'foo'. Valid values are ['metric', 'parameter'"),
        ("METRICS.m > 1", "Invalid entity type 'METRICS'"),
        ("lifecycle_stage = 'active'", "Invalid attribute key 'lifecycle_stage' specified"),
        ("datasets.source = 'x'", "Invalid dataset key 'source' specified"),
        ("metrics.m > 1;", "expected AND or the end"),
        ("metrics.m > 1 -- a", "expected AND or the end"),
        ("params.p = 'a\0'", "a NUL character"),
        ("params.p = '\ud800'", "a lone surrogate"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(text, reason):
    assert reason in refuse(text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1_000_000,
        "'" * 1_000_000,
        "(" * 1_000_000,
        " AND ".join(["metrics.m > 1"] * 10_000),
        "(" * 50_000 + "metrics.m > 1" + ")" * 50_000,
        "'" * (LONGEST_FILTER - 1),
        "'" + "\\'" * (LONGEST_FILTER // 2 - 1),
        "params.p = '" + "x" * (LONGEST_FILTER - 20),
        "params.p = '" + "''" * (LONGEST_FILTER // 2 - 20),
        "metrics.m > " + "1" * (LONGEST_FILTER - 20),
        "metrics.m > " + "1" * (LONGEST_FILTER - 20) + "x",
        "metrics.m > 1e" + "1" * (LONGEST_FILTER - 20),
        "run_id" + " " * (LONGEST_FILTER - 20),
        "params.p IS" + " " * (LONGEST_FILTER - 20),
        "a." * (LONGEST_FILTER // 2),
        "run_id IN (" + "'a'," * (MOST_VALUES + 1) + ")",
        " AND ".join(["run_id IN (" + "'a'," * 2_000 + ")"] * 3),
        "params.p LIKE '" + "%a" * LONGEST_PATTERN + "'",
        "metrics.m > 1" + " AND metrics.m > 1" * MOST_COMPARISONS,
        "\ud800" * 1_000_000,
    ],
)
def test_what_is_too_much_is_refused_in_few_words(text):
    assert len(refuse(text)) < 1000


def test_as_much_as_may_be_is_read():
    text = " AND ".join(["metrics.m > 1"] * MOST_COMPARISONS)
    assert len(read(text)) == MOST_COMPARISONS
    listed = ", ".join(f"'{i:032}'" for i in range(MOST_VALUES))
    assert len(read(f"run_id IN ({listed})")[0][3]) == MOST_VALUES


@pytest.mark.parametrize(
    ("text", "kind", "name", "is_ascending"),
    [
        ("metrics.m", Kind.METRIC, "m", True),
        ("metrics.m DESC", Kind.METRIC, "m", False),
        ("metric.`a b` asc", Kind.METRIC, "a b", True),
        ('params."a b"  desc ', Kind.PARAM, "a b", False),
        ("tags.`x DESC`", Kind.TAG, "x DESC", True),
        ("created DESC", Kind.ATTRIBUTE, "start_time", False),
        ("attributes.run_name", Kind.ATTRIBUTE, "run_name", True),
    ],
)
def test_an_order_is_a_key_and_a_way(text, kind, name, is_ascending):
    assert parse_order([text], ORDER_WORDS) == (Term(Key(kind, name), is_ascending),)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["metrics.m DOWN"], "Invalid order_by clause 'metrics.m DOWN': expected ASC, DESC or"),
        (["metrics.m DESC NULLS LAST"], "expected ASC, DESC or the end"),
        (["metrics.m; DROP TABLE runs"], "expected ASC, DESC or the end"),
        (["foo"], "Invalid attribute key 'foo'"),
        (["datasets.name"], "Invalid entity type 'datasets'"),
        ([""], "expected a key"),
        (["metrics.`m"], "Invalid order_by clause"),
        (["metrics.`\ud800`"], "a lone surrogate"),
        (["a" * (LONGEST_TERM + 1)], f"expected at most {LONGEST_TERM} characters"),
        (["metrics.m", "metrics.m DESC"], "`order_by` contains duplicate fields"),
        (["start_time", "created"], "`order_by` contains duplicate fields"),
        ([f"metrics.m{i}" for i in range(MOST_TERMS + 1)], f"expected up to {MOST_TERMS}"),
    ],
)
def test_an_order_that_cannot_be_read_is_refused(texts, reason):
    with pytest.raises(InvalidParameter) as caught:
        parse_order(texts, ORDER_WORDS)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_what_an_entity_does_not_have_is_not_ordered_by():
    with pytest.raises(InvalidParameter, match="Invalid entity type 'metrics'"):
        parse_order(["metrics.m"], OrderWords(("name",)))


def test_the_docs_tell_every_attribute_and_every_limit():
    page = (Path(__file__).parents[2] / "docs" / "searching.md").read_text()
    for words in (WORDS, EXPERIMENT_WORDS, LOGGED_MODEL_WORDS, MODEL_WORDS, VERSION_WORDS):
        assert all(f"`{name}`" in page or f"`{name} " in page for name in words.attributes)
    for limit in (
        LONGEST_FILTER, LONGEST_PATTERN, MOST_COMPARISONS, MOST_VALUES, MOST_TERMS,
        MOST_EXPERIMENTS, MOST_RESULTS, MOST_MODELS, MOST_VERSIONS,
    ):  # fmt: skip
        assert f"| {limit:,} |" in page
