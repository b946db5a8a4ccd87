"""Requests made by hand: routes, headers, bodies that are no data, type hints, answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from .cases import ROWS, Case, of, split
from .exchanges import Request, csv_request, json_request
from .model_answers import ANSWERS, CODES

# A table of one row, 0.5, 1.5 and 2.5, written by pyarrow.
PARQUET = """
UEFSMRUAFRwVHCwVAhUAFQYVBhwAAAACAAAAAgEAAAAAAADgPxUAFRwVHCwVAhUAFQYVBhwAAAACAAAAAgEAAAAAAAD4PxUA
FRwVHCwVAhUAFQYVBhwAAAACAAAAAgEAAAAAAAAEQBUEGUw1ABgGc2NoZW1hFQYAFQolAhgBYQAVCiUCGAFiABUKJQIYAWMA
FgIZHBk8JgAcFQoZJQYAGRgBYRUAFgIWQhZCJghJHBUAFQAVAgA8KQYZJgACAAAAJgAcFQoZJQYAGRgBYhUAFgIWQhZCJkpJ
HBUAFQAVAgA8KQYZJgACAAAAJgAcFQoZJQYAGRgBYxUAFgIWQhZCJowBSRwVABUAFQIAPCkGGSYAAgAAABbGARYCJggWxgEA
KCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI1LjAuMRk8HAAAHAAAHAAAAOcAAABQQVIx
"""


def routes() -> Iterator[Case]:
    """Paths and methods."""
    asked = [
        *("GET /ping", "HEAD /ping", "POST /ping", "GET /version"),
        *("GET /health", "GET /healthz", "GET /readyz"),
        *("GET /invocations", "OPTIONS /invocations", "POST /invocations/"),
        *("GET /", "GET /metrics", "GET /openapi.json", "GET /nowhere"),
    ]
    for line in asked:
        method, path = line.split()
        yield Case(line, "sklearn_pickle", Request(b"", (), method, path))


def content_types() -> Iterator[Case]:
    """What the header says."""
    body = json_request(split(ROWS)).body
    asked = [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json; charset=klingon",
        'application/json; charset="utf-8"',
        "application/json; format=pandas-split",
        "application/json;",
        "application/json; charset=utf-8; x=1",
        "APPLICATION/JSON",
        "text/plain",
        "application/octet-stream",
        "application/x-ndjson",
        "text/csv; charset=utf-16",
        "application/vnd.apache.parquet",
        "",
    ]
    for header in asked:
        request = Request(body, (("content-type", header),))
        yield Case(f"content type {header!r}", "sklearn_pickle", request)
    yield Case("no content type", "sklearn_pickle", Request(body, ()))
    parquet = (("content-type", "application/vnd.apache.parquet"),)
    yield Case("Parquet", "sklearn_pickle", Request(base64.b64decode(PARQUET), parquet))
    accepting = (*json_request({}).headers, ("accept", "text/csv"))
    yield Case("another type is asked for", "sklearn_pickle", Request(body, accepting))


def bodies() -> Iterator[Case]:
    """What is no request at all."""
    asked = {
        "empty": b"",
        "blank": b" \n",
        "no JSON": b"{",
        "a list": b"[]",
        "a number": b"1",
        "a string": b'"x"',
        "null": b"null",
        "an empty object": b"{}",
        "only params": b'{"params": {}}',
        "two formats": b'{"inputs": [1], "instances": [1]}',
        "four formats": b'{"inputs":0,"instances":0,"dataframe_split":0,"dataframe_records":0}',
        "an unknown key alone": b'{"data": [1]}',
        "invalid UTF-8": b'{"inputs": ["\xff"]}',
        "a BOM": b"\xef\xbb\xbf" + json.dumps(split(ROWS)).encode(),
        "UTF-16": json.dumps(split(ROWS)).encode("utf-16"),
        "deep nesting": b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "a trailing comma": b'{"inputs": [1,]}',
        "two documents": b'{"inputs": [1]} {"inputs": [1]}',
        "single quotes": b"{'inputs': [1]}",
        "a key twice": b'{"dataframe_records": 1, "dataframe_records": [{"a":1,"b":2,"c":3}]}',
        "a long number": b'{"dataframe_records": [{"a":' + b"1" * 400 + b',"b":2,"c":3}]}',
        "a very long number": b'{"dataframe_records": [{"a":' + b"1" * 5000 + b',"b":2,"c":3}]}',
        "NaN": b'{"dataframe_records": [{"a":NaN,"b":2,"c":3}]}',
        "Infinity": b'{"dataframe_records": [{"a":Infinity,"b":2,"c":3}]}',
        "a lone surrogate": b'{"dataframe_records": [{"a":"\\ud800","b":2,"c":3}]}',
        "a minus zero": b'{"dataframe_records": [{"a":-0.0,"b":-0,"c":3e0}]}',
        "a control character": b'{"dataframe_records": [{"a":"\x01","b":2,"c":3}]}',
    }
    for name, body in asked.items():
        for model in ("sklearn_skops", "anything"):
            yield Case(f"{model}: {name}", model, Request(body))
    unknown = {**split(ROWS), "signature_name": "x", "unknown": 1}
    yield of("sklearn_pickle", "unknown keys beside a format", unknown)


def hints() -> Iterator[Case]:
    """Models that check their input by their type hints."""
    asked: dict[str, Any] = {
        "texts": {"inputs": ["a", "b"]},
        "numbers": {"inputs": [1]},
        "nothing": {"inputs": []},
        "null": {"inputs": [None]},
        "a text": {"inputs": "a"},
        "an object": {"inputs": {"role": "user"}},
        "objects": {"inputs": [{"role": "user", "n": 3}, {"role": "system"}]},
        "objects of wrong types": {"inputs": [{"role": "user", "n": "3"}]},
        "objects with a list": {"inputs": [{"role": "user", "parts": [1, 2.5]}]},
        "objects without a member": {"inputs": [{"n": 3}]},
        "objects with another member": {"inputs": [{"role": "user", "z": 1}]},
        "a table": {"dataframe_records": [{"role": "user"}]},
        "a split table": {"dataframe_split": {"columns": ["text"], "data": [["a"]]}},
        "instances": {"instances": ["a"]},
        "an input": {"input": ["a"]},
        "messages": {"messages": [{"role": "user"}]},
        "two formats": {"inputs": ["a"], "instances": ["a"]},
        "no format": {"params": {}},
    }
    for name, document in asked.items():
        yield of("words", name, document)
        yield of("messages", name, document)
    yield Case("words: CSV", "words", csv_request("text\na\nb\n"))
    yield Case("messages: CSV", "messages", csv_request("role,n\nuser,1\n"))


def answers() -> Iterator[Case]:
    """Each kind of answer, and each error that a model raises."""
    for kind in (*ANSWERS, "value_error", "assertion", "exception_of_mlflow", *CODES):
        yield of("answers", kind, {"inputs": [kind]})
    for kind in ("frame", "floats", "bytes"):
        yield of("answers", f"{kind}, bare", {"input": "x", "kind": kind})
