"""Requests read from bodies and query strings, and what is told of those that cannot be."""

from __future__ import annotations

import contextlib
import json

import msgspec
import pytest
from mlserve.store.entities import Entity, Metric, Number, Tag
from mlserve.store.errors import InvalidParameter
from mlserve.store.registry_operations import OPERATIONS as REGISTRY_OPERATIONS
from mlserve.store.rest.requests import Raw, read_request
from mlserve.store.tracking_operations import OPERATIONS as TRACKING_OPERATIONS
from mlserve.store.tracking_requests import LogBatch, LogMetric, SearchRuns, SetTag

OPERATIONS = [*TRACKING_OPERATIONS, *REGISTRY_OPERATIONS]


class Everything(Entity, frozen=True):
    name: str
    text: str | None = None
    number: int = 3
    value: Number = 0.0
    flag: bool = False
    names: list[str] = msgspec.field(default_factory=list)
    tags: list[Tag] = msgspec.field(default_factory=list)


def read(document, kind=Everything, fields=None):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_request(kind, Raw(fields or {}, b"", body))


def read_query(query, kind=Everything, fields=None):
    return read_request(kind, Raw(fields or {}, query, b""))


def refusal(document, kind=Everything):
    with pytest.raises(InvalidParameter) as caught:
        read(document, kind)
    return str(caught.value)


def test_a_body_is_read_into_its_struct():
    body = {"name": "a", "number": 5, "tags": [{"key": "k", "value": "v"}]}
    assert read(body) == Everything("a", number=5, tags=[Tag("k", "v")])


def test_unknown_keys_are_left_out():
    assert read({"name": "a", "workspace": {"x": [1]}}) == Everything("a")


def test_numbers_may_come_as_strings():
    assert read({"name": "a", "number": "5", "value": "0.5"}) == Everything(
        "a", number=5, value=0.5
    )


@pytest.mark.parametrize(
    ("text", "value"), [("Infinity", float("inf")), ("-Infinity", float("-inf"))]
)
def test_infinities_come_as_the_strings_that_protobuf_has_for_them(text, value):
    assert read({"name": "a", "value": text}).value == value


def test_nan_comes_as_a_string():
    found = read({"name": "a", "value": "NaN"}).value
    assert found != found  # noqa: PLR0124 - what only NaN is


def test_a_null_is_the_same_as_nothing():
    body = {"name": "a", "number": None, "names": None, "text": None}
    assert read(body) == Everything("a")


def test_a_text_that_says_null_stays_a_text():
    assert read({"name": "null", "text": "null"}) == Everything("null", "null")


def test_no_body_and_no_query_ask_for_the_defaults():
    assert read_query(b"", SearchRuns) == SearchRuns()


def test_a_query_string_is_read_into_its_struct():
    found = read_query(b"name=a%20b&number=7&flag=true&text=")
    assert found == Everything("a b", text="", number=7, flag=True)


def test_a_key_that_is_repeated_in_a_query_string_is_a_list():
    assert read_query(b"name=a&names=x&names=y").names == ["x", "y"]


def test_a_key_that_comes_once_is_a_list_of_one_where_a_list_belongs():
    assert read_query(b"name=a&names=x").names == ["x"]


def test_of_a_key_that_is_repeated_without_being_a_list_the_first_counts():
    assert read_query(b"name=a&name=b").name == "a"


def test_fields_of_the_path_are_part_of_the_request():
    assert read({"tags": []}, fields={"name": "a"}) == Everything("a")
    assert read_query(b"", fields={"name": "a"}) == Everything("a")


def test_a_field_of_the_path_goes_before_one_of_the_body():
    assert read({"name": "b"}, fields={"name": "a"}) == Everything("a")


@pytest.mark.parametrize("document", [{}, {"name": ""}, {"name": None}])
def test_a_required_parameter_that_is_missing_is_named_as_mlflow_names_it(document):
    assert refusal(document) == (
        "Missing value for required parameter 'name'. "
        "See the API docs for more information about request parameters."
    )


def test_a_missing_parameter_inside_a_list_is_named_with_its_place():
    assert "parameter 'tags[1].key'" in refusal({"name": "a", "tags": [{"key": "k"}, {}]})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (
            "number",
            "many",
            "Invalid value \"many\" for parameter 'number' supplied: expected `int`",
        ),
        ("number", 1.5, "Invalid value 1.5 for parameter 'number' supplied: expected `int`"),
        ("number", "", "Invalid value \"\" for parameter 'number' supplied"),
        ("name", 5, "Invalid value 5 for parameter 'name' supplied: expected `str`, got `int`"),
        ("names", "x", "Invalid value \"x\" for parameter 'names' supplied: expected `array`"),
        ("names", [1], "Invalid value 1 for parameter 'names[0]' supplied: expected `str`"),
        ("names", [None], "Invalid value null for parameter 'names[0]' supplied"),
        ("tags", [{"key": []}], "Invalid value [] for parameter 'tags[0].key' supplied"),
        ("value", "abc", "Invalid value \"abc\" for parameter 'value' supplied"),
        ("value", True, "Invalid value true for parameter 'value' supplied"),
        ("flag", "perhaps", "Invalid value \"perhaps\" for parameter 'flag' supplied"),
        ("number", "9" * 5000, "Invalid value"),
    ],
)
def test_a_wrong_value_is_named_with_its_place_and_what_was_expected(name, value, told):
    assert told in refusal({"name": "a", name: value})


def test_a_long_value_is_not_echoed():
    assert len(refusal({"name": "a", "names": "x" * 100_000})) < 400


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"nonsense",
        b"[]",
        b"5",
        b'"text"',
        b"null",
        b'{"name": "a"} x',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a", "value": NaN}',
        b'{"name": "a", "value": 1e999}',
        b'\xef\xbb\xbf{"name": "a"}',
        b'{"name": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"name": null, "x": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"name": "a", "names": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
    ],
    ids=lambda body: body[:30],
)
def test_what_is_no_request_is_refused(body):
    refusal(body)


@pytest.mark.parametrize("query", [b"name=%ff", b"name=\xff", b"a=1&" * 20_000])
def test_a_query_string_that_cannot_be_read_is_refused(query):
    with pytest.raises(InvalidParameter):
        read_query(query)


def test_metrics_of_a_batch_are_read_with_their_numbers():
    body = {
        "run_id": "r",
        "metrics": [{"key": "m", "value": "1e3", "timestamp": "5", "step": 2.0}],
    }
    assert read(body, LogBatch).metrics == [Metric("m", 1000.0, timestamp=5, step=2)]


def test_a_value_that_may_be_empty_may_be_empty():
    assert read({"run_id": "r", "key": "k", "value": ""}, SetTag).value == ""


def test_an_empty_key_is_a_missing_one():
    body = {"run_id": "r", "key": "", "value": 1.0, "timestamp": 1}
    assert "'key'" in refusal(body, LogMetric)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.work)
def test_a_request_of_every_operation_that_lacks_what_is_required_is_refused(operation):
    if any(field.required for field in msgspec.structs.fields(operation.request)):
        assert "Missing value for required parameter" in refusal({}, operation.request)
    else:
        assert read({}, operation.request) == operation.request()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.work)
@pytest.mark.parametrize("value", [0, -1, 10**30, 1e300, True, "x", [], [[]], [{}], {}, {"a": 1}])
def test_whatever_a_parameter_of_any_operation_is_nothing_but_a_refusal_is_raised(operation, value):
    for field in msgspec.structs.fields(operation.request):
        with contextlib.suppress(InvalidParameter):
            read({field.encode_name: value}, operation.request)
