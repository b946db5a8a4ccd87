"""Every way in which we answer otherwise than MLflow on purpose: the keys of docs/protocol.md.

An exchange that differs must be explained by one of them, and each has a witness among the cases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .exchanges import Exchange, is_equal

Pair = tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One kind of difference.

    ``classes`` are the status classes of MLflow and of us, ``says`` a pattern in the message of
    the one that refuses, ``when`` what else must hold of the exchange. Where both predict, ``part``
    tells whether the difference explains a pair of parts of the two predictions.
    """

    key: str
    classes: str
    witness: str
    says: str = ""
    when: Callable[[Exchange], bool] = lambda _: True
    part: Callable[[Any, Any], bool] | None = None

    def explains(self, exchange: Exchange) -> bool:
        """Tell whether this is why the answers differ, where one service refuses or both predict.

        Of predictions that differ by part, see `explain`.
        """
        theirs, ours = exchange.theirs, exchange.ours
        classes = f"{theirs.status_class} {ours.status_class}"
        if self.part or not re.fullmatch(self.classes, classes):
            return False
        message = ours.message if ours.status_class != 2 else theirs.message
        return re.search(self.says, message) is not None and self.when(exchange)


def explain(exchange: Exchange) -> set[str]:
    """Return the keys that together explain the difference of two answers, or none."""
    keys = {difference.key for difference in DIFFERENCES if difference.explains(exchange)}
    if keys or (exchange.theirs.status_class, exchange.ours.status_class) != (2, 2):
        return keys
    for theirs, ours in different_parts(exchange.theirs.value, exchange.ours.value):
        found = [d.key for d in DIFFERENCES if d.part and d.part(theirs, ours)]
        if not found:
            return set()
        keys.update(found[:1])
    return keys


def different_parts(theirs: Any, ours: Any) -> Iterator[Pair]:
    """Yield the smallest parts of two JSON values in which they differ."""
    match theirs, ours:
        case list(), list() if len(theirs) == len(ours):
            for pair in zip(theirs, ours, strict=True):
                yield from different_parts(*pair)
        case dict(), dict() if theirs.keys() == ours.keys():
            for name, value in theirs.items():
                yield from different_parts(value, ours[name])
        case _ if not is_equal(theirs, ours):
            yield theirs, ours


def _is_path(*paths: str) -> Callable[[Exchange], bool]:
    return lambda exchange: exchange.request.path in paths


def _is_of(*models: str) -> Callable[[Exchange], bool]:
    return lambda exchange: exchange.model.startswith(models)


def _is_csv(exchange: Exchange) -> bool:
    return dict(exchange.request.headers).get("content-type", "").startswith("text/csv")


def _has(text: bytes) -> Callable[[Exchange], bool]:
    return lambda exchange: text in exchange.request.body


def _stands_for_none(theirs: Any, ours: Any) -> bool:
    """Tell whether MLflow made a value of a missing one."""
    if ours is None:
        return theirs in [True, False, "None", {"bytes": b"None".hex()}]
    return (theirs, ours) == ("bool", "object")


def _is_spelt_out(theirs: Any, ours: Any) -> bool:
    """Tell whether a text is what MLflow left a number or a boolean."""
    if theirs is None:
        return ours in {"nan", "inf", "-inf"}
    return (
        isinstance(ours, str)
        and isinstance(theirs, bool | int | float)
        and (ours == str(theirs) or (not isinstance(theirs, bool) and float(ours) == theirs))
    )


def _plain(described: dict[str, Any]) -> Any:
    """Return the values in an array that a model was given, as JSON had them."""
    items = described.get("array", described)
    return (
        [_plain(i) if isinstance(i, dict) else i for i in items]
        if isinstance(items, list)
        else items
    )


DIFFERENCES = [
    # Routes and headers.
    Difference(
        "more-routes",
        "4 2",
        "GET /metrics",
        when=_is_path("/", "/metrics", "/healthz", "/readyz", "/ping"),
    ),
    Difference(
        "own-documents",
        "2 2",
        "GET /version",
        when=_is_path("/version", "/openapi.json"),
    ),
    Difference(
        "media-type-case", "4 2", "content type 'APPLICATION/JSON'", "only supports the following"
    ),
    Difference(
        "charset", "4 2", "content type 'application/json; charset=latin-1'", "only supports UTF-8"
    ),
    Difference("no-content-type", "5 4", "no content type", "has no content type"),
    Difference("parquet", "2 4", "Parquet", 'the content type "application/vnd.apache.parquet"'),
    # The form of a body.
    Difference("beyond-python", "5 4", "anything: deep nesting", "nested too deep|too many digits"),
    Difference("lone-surrogates", "4 2", "anything: a lone surrogate", "surrogates not allowed"),
    Difference("two-formats", "2 4", "words: two formats", "send exactly one of them"),
    Difference("no-rows", "2 4", "anything: no records", "the request has no rows"),
    Difference(
        "ragged-rows",
        "2 4",
        "context_free: split with ragged rows",
        r"row \d+(:| has)( found)? \d+ values, expected",
    ),
    Difference(
        "split-data",
        "2 4",
        "context_free: split with data of columns",
        r"dataframe_split\.data(: found|[:,] row \d+(: found| has) (an object|null|a \w+))",
    ),
    Difference(
        "column-names", "2 4", "anything: split with true columns", "expected a name, or the number"
    ),
    Difference("csv-index", "2 4", "CSV of numbers: an index", r"^CSV line \d+: found \d+ fields"),
    Difference(
        "csv-schemas",
        "4 2",
        "matrix: CSV",
        "Failed to parse input as a Pandas",
        lambda exchange: _is_csv(exchange) and not exchange.model.startswith("csv_"),
    ),
    # The values of cells.
    Difference(
        "required-values", "2 4", "scalars: split, boolean None", "found a missing value, expected"
    ),
    Difference(
        "optional-values",
        "4 2",
        "optional: split, integer None",
        "NoneType|Int64|encoding without a string|has NA values|int(32|64) for float64 dtyped",
        _is_of("optional", "csv_optional"),
    ),
    Difference("optional-values", "2 2", "optional: split, boolean None", part=_stands_for_none),
    Difference(
        "boolean-values",
        "2 4",
        "scalars: split, boolean 'no'",
        "found (?!a missing value).*, expected boolean",
    ),
    Difference(
        "boolean-values",
        "2 2",
        "scalars: split, boolean 'False'",
        part=lambda theirs, ours: theirs is True and ours is False,
    ),
    Difference(
        "integer-range",
        "2 4",
        "scalars: split, integer 2147483648",
        r"^(?!param).*out of range, expected (integer|long|u?int\d+)",
    ),
    Difference(
        "integer-fractions",
        "2 4",
        "scalars: split, long 1.5",
        r"with a fraction, expected (integer|long|u?int\d+)",
    ),
    Difference("float-range", "2 4", "scalars: split, float 1e+39", "out of range, expected float"),
    Difference("string-values", "2 2", "scalars: split, string 7", part=_is_spelt_out),
    Difference(
        "nested-cells",
        "2 4",
        "scalars: split, string [1]",
        "found (a list|an object), expected (string|float|double|integer|long)",
    ),
    Difference(
        "binary-values",
        "2 4",
        "scalars: split, binary '!!!'",
        "found (?!a missing value).*, expected binary",
    ),
    Difference("binary-utf8", "4 2", "scalars: inputs, binary 'é'", "'ascii' codec"),
    Difference(
        "datetime-values",
        "2 4",
        "scalars: split, datetime '02.01.2020'",
        "^(?!param).*, expected datetime",
    ),
    Difference(
        "datetime-values",
        "4 2",
        "scalars: datetimes of several forms",
        "match format|unconverted data remains",
    ),
    Difference(
        "datetime-offsets",
        "4 2",
        "scalars: split, datetime '2020-01-02T03:04:05Z'",
        "timezone-aware",
    ),
    Difference(
        "params-range", "2 4", "params: count 2147483648", "^param .*out of range, expected"
    ),
    Difference("params-datetimes", "2 4", "params: moment ''", "^param .*, expected datetime"),
    Difference("predict-fn", "2 [24]", "sklearn_pickle: a method", when=_has(b'"predict_fn"')),
    Difference(
        "csv-booleans", "4 2", "csv_required: CSV of two, boolean '1'", "cast|bool", _is_csv
    ),
    Difference(
        "csv-booleans",
        "2 4",
        "CSV of numbers: true",
        "found a string, expected (double|float|integer|long)",
        _is_csv,
    ),
    # The shape of the data.
    Difference(
        "list-rows",
        "4 2",
        "unnamed: instances",
        "could not convert string to float|Can not safely convert float64 to int64"
        r"|len\(\) of unsized object",
        _is_of("unnamed"),
    ),
    Difference("single-values", "4 2", "one_column: inputs as a text", "extra inputs: \\[0\\]"),
    Difference(
        "extra-columns",
        "4 2",
        "context_free: inputs with an extra column",
        r"using all scalar values|inhomogeneous shape|float\(\) argument must be",
        lambda exchange: not exchange.model.startswith(("nested", "anything")),
    ),
    Difference(
        "tensor-records", "4 2", "tensors: both as records", "missing inputs", _is_of("tensors")
    ),
    Difference(
        "mixed-arrays",
        "2 4",
        "nested: records, a matrix of numbers and booleans",
        "(member|element) .*: found (a boolean|a string), expected (double|float|long|integer)",
    ),
    Difference(
        "nested-instances",
        "4 2",
        "nested: instances, what is required",
        "must be 1-dimensional|inhomogeneous shape",
        _is_of("nested"),
    ),
    Difference(
        "nested-gaps",
        "4 2",
        "nested: two records, a map of null",
        "Expected data to be (a dict|list or numpy array), got float|len\\(\\) of unsized object",
        _is_of("nested"),
    ),
    Difference(
        "nested-gaps",
        "2 2",
        "nested: two records, anything: null",
        part=lambda theirs, ours: (theirs, ours) == ("float64", "object"),
    ),
    Difference(
        "float-gaps",
        "4 2",
        "onnx_regression: inputs that lack a key at times",
        "safely convert float64 to float32",
    ),
    Difference(
        "plain-records",
        "2 2",
        "anything: inputs as records",
        part=lambda theirs, ours: isinstance(theirs, dict) and is_equal(_plain(theirs), ours),
    ),
    Difference(
        "whole-numbers",
        "4 2",
        "nested: records, an object with an integer for a double",
        "type double, received type int|with dtype `integer`"
        "|safely convert (int64 to (float64|double)|float64 to int64)",
        _is_of("nested", "params"),
    ),
    Difference(
        "empty-arrays",
        "2 2",
        "nested: inputs, an empty array",
        part=lambda theirs, ours: (theirs, ours) in [("float64", "int64"), ("float64", "object")],
    ),
    # Predictions.
    Difference(
        "onnx-inputs",
        "4 2",
        "onnx_inputs: a table",
        "unexpected error while evaluating",
        _is_of("onnx_inputs", "onnx_anything"),
    ),
    Difference(
        "onnx-outputs",
        "4 2",
        "onnx_classification: two rows",
        "unexpected error while evaluating",
        _is_of("onnx_classification", "onnx_outputs"),
    ),
    Difference("answers", "5 2", "answers: frames", "Internal Server Error", _is_of("answers")),
    Difference(
        "not-a-time",
        "2 2",
        "answers: not_a_time",
        part=lambda theirs, ours: (theirs, ours) == ("NaT", None),
    ),
]
