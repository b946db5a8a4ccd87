"""Requests made by hand: every form that data can have, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .cases import ROW, ROWS, TYPED, Case, of, split
from .exchanges import csv_request

SKLEARN = ["sklearn_pickle", "sklearn_skops", "sklearn_proba"]


def tables() -> Iterator[Case]:
    """The formats of tables, for models of named columns of numbers."""
    columns = ["a", "b", "c"]
    asked: dict[str, Any] = {
        "split": split(ROWS),
        "split with an index": split(ROWS, index=[5, "x"]),
        "split with a short index": split(ROWS, index=[5]),
        "split with an index of null": split(ROWS, index=None),
        "split reordered": split(ROWS[1:]),
        "split with an extra column": split([{"x": "?", **ROW}]),
        "split with an extra nested column": split([{"x": [1, {}], **ROW}]),
        "split without a column": split([{"a": 1, "c": 2}]),
        "split without columns": {"dataframe_split": {"data": [[1, 2, 3]]}},
        "split with columns of null": {"dataframe_split": {"columns": None, "data": [[1, 2, 3]]}},
        "split without data": {"dataframe_split": {"columns": columns}},
        "split with data of null": {"dataframe_split": {"columns": columns, "data": None}},
        "split with another key": split(ROWS, dtype="x"),
        "split as a list": {"dataframe_split": []},
        "split as a text": {"dataframe_split": "x"},
        "split as null": {"dataframe_split": None},
        "split with a short row": {"dataframe_split": {"columns": columns, "data": [[1, 2]]}},
        "split with ragged rows": {
            "dataframe_split": {"columns": columns, "data": [[1, 2, 3], [1]]}
        },
        "split with a long row": {"dataframe_split": {"columns": columns, "data": [[1, 2, 3, 4]]}},
        "split with a flat row": {"dataframe_split": {"columns": columns, "data": [1, 2, 3]}},
        "split with rows of objects": {"dataframe_split": {"columns": columns, "data": [ROW]}},
        "split with data of columns": {"dataframe_split": {"data": {"a": [1], "b": [2], "c": [3]}}},
        "split with data of a text": {"dataframe_split": {"columns": columns, "data": "abc"}},
        "split with data of a number": {"dataframe_split": {"columns": columns, "data": 5}},
        "split with a column twice": {
            "dataframe_split": {"columns": ["a", "b", "c", "c"], "data": [[1, 2, 3, 4]]}
        },
        "split with columns of a text": {
            "dataframe_split": {"columns": "abc", "data": [[1, 2, 3]]}
        },
        "split with columns of numbers": {
            "dataframe_split": {"columns": [0, 1, 2], "data": [[1, 2, 3]]}
        },
        "split with columns of lists": {
            "dataframe_split": {"columns": [["a"], ["b"], ["c"]], "data": [[1, 2, 3]]}
        },
        "split with no rows": {"dataframe_split": {"columns": columns, "data": []}},
        "split with nothing": {"dataframe_split": {"columns": [], "data": []}},
        "records": {"dataframe_records": ROWS},
        "records with an extra key": {"dataframe_records": [{**ROW, "x": 1}, ROW]},
        "records that lack a key at times": {"dataframe_records": [ROW, {"a": 1}]},
        "records that lack a key": {"dataframe_records": [{"a": 1, "b": 2}]},
        "no records": {"dataframe_records": []},
        "empty records": {"dataframe_records": [{}]},
        "records of null": {"dataframe_records": None},
        "records as an object": {"dataframe_records": {"a": [1], "b": [2], "c": [3]}},
        "records as a text": {"dataframe_records": "abc"},
        "records of lists": {"dataframe_records": [[1, 2, 3]]},
        "records of numbers": {"dataframe_records": [1, 2, 3]},
        "records with null among them": {"dataframe_records": [ROW, None]},
        "instances": {"instances": ROWS},
        "instances as columns": {"instances": {"a": [1, 2], "b": [3, 4], "c": [5, 6]}},
        "instances as columns of unequal length": {
            "instances": {"a": [1, 2], "b": [3], "c": [5, 6]}
        },
        "instances that lack a key at times": {"instances": [ROW, {"a": 1, "b": 2}]},
        "instances that lack a key": {"instances": [{"a": 1, "b": 2}]},
        "instances as lists": {"instances": [[1, 2, 3]]},
        "instances of numbers": {"instances": [1, 2, 3]},
        "no instances": {"instances": []},
        "instances of null": {"instances": None},
        "instances of an empty object": {"instances": [{}]},
        "instances with null among them": {"instances": [ROW, None]},
        "instances with a list before an object": {"instances": [[1, 2, 3], ROW]},
        "instances as a number": {"instances": 5},
        "inputs": {"inputs": ROWS},
        "inputs as columns": {"inputs": {"a": [1, 2], "b": [3, 4], "c": [5, 6]}},
        "inputs as one row": {"inputs": ROW},
        "inputs as columns and single values": {"inputs": {"a": [1, 2], "b": 3, "c": 4}},
        "inputs as one-row columns and single values": {"inputs": {"a": [1], "b": 3, "c": 4}},
        "inputs as columns of unequal length": {"inputs": {"a": [1, 2], "b": [3], "c": [5, 6]}},
        "inputs as nested columns": {"inputs": {"a": [[1], [2]], "b": [[3], [4]], "c": [[5], [6]]}},
        "inputs that lack a key at times": {"inputs": [ROW, {"a": 1}]},
        "inputs with an extra column": {"inputs": {**ROW, "x": "y"}},
        "inputs with an extra column of another length": {
            "inputs": {"a": [1], "b": [2], "c": [3], "x": [1, 2]}
        },
        "inputs without a column": {"inputs": {"a": [1], "b": [2]}},
        "inputs as lists": {"inputs": [[1, 2, 3]]},
        "no inputs": {"inputs": []},
        "inputs of null": {"inputs": None},
        "inputs of an empty object": {"inputs": {}},
        "inputs with empty columns": {"inputs": {"a": [], "b": [], "c": []}},
        "inputs as a text": {"inputs": "abc"},
        "inputs as a number": {"inputs": 5},
        "inputs as a list with null": {"inputs": [ROW, None]},
    }
    for name, document in asked.items():
        for model in ("sklearn_skops", "context_free", "onnx_regression"):
            yield of(model, name, document)
    for model in [*SKLEARN, "context_free", "function", "code", "onnx_classification"]:
        yield of(model, "two rows", split(ROWS))


def untyped() -> Iterator[Case]:
    """For models that declare no signature."""
    asked: dict[str, Any] = {
        "split": split([TYPED]),
        "split without columns": {"dataframe_split": {"data": [[1, 2.5], [3, 4]]}},
        "split with a flat column": {"dataframe_split": {"data": [1, 2]}},
        "split with nulls": {
            "dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"], [None, None]]}
        },
        "split with numbered columns": {"dataframe_split": {"columns": [3, 4], "data": [[1, 2]]}},
        "split with true columns": {"dataframe_split": {"columns": [True, 2.5], "data": [[1, 2]]}},
        "split of nested cells": {
            "dataframe_split": {"columns": ["a"], "data": [[[1, 2]], [{"x": 1}]]}
        },
        "split of mixed cells": {
            "dataframe_split": {"columns": ["a"], "data": [[1], ["x"], [2.5]]}
        },
        "split of big integers": {
            "dataframe_split": {"columns": ["a"], "data": [[2**63], [2**70]]}
        },
        "split of ragged rows": {"dataframe_split": {"data": [[1], [1, 2]]}},
        "split with no rows": {"dataframe_split": {"columns": ["a"], "data": []}},
        "records": {"dataframe_records": [TYPED]},
        "records that lack a key at times": {"dataframe_records": [{"a": 1}, {"b": "x"}]},
        "no records": {"dataframe_records": []},
        "instances": {"instances": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]},
        "instances of mixed cells": {"instances": [{"a": 1}, {"a": "x"}]},
        "instances with nulls": {"instances": [{"a": 1}, {"a": None}]},
        "instances that lack a key at times": {"instances": [{"a": 1, "b": 2}, {"a": 2}]},
        "instances as lists": {"instances": [[1, 2], [3, 4.5]]},
        "instances of numbers": {"instances": [1, 2, 3]},
        "instances of texts": {"instances": ["a", "bc"]},
        "instances of cubes": {"instances": [[[1], [2]], [[3], [4]]]},
        "ragged instances": {"instances": [[1, 2], [3]]},
        "no instances": {"instances": []},
        "instances as columns": {"instances": {"a": [1, 2], "b": [3, 4]}},
        "instances as columns of unequal length": {"instances": {"a": [1, 2], "b": [3]}},
        "instances as a number": {"instances": 5},
        "instances of null": {"instances": None},
        "inputs": {"inputs": [[1, 2], [3, 4]]},
        "inputs of booleans": {"inputs": [True, False]},
        "inputs of mixed values": {"inputs": [1, "x", None]},
        "inputs with nulls": {"inputs": [1, None]},
        "inputs as records": {"inputs": [{"a": 1, "b": [1, 2]}]},
        "inputs as columns": {"inputs": {"a": [1, 2], "b": ["x", "y"]}},
        "inputs as columns of unequal length": {"inputs": {"a": [1, 2], "b": [3]}},
        "inputs as one row": {"inputs": {"a": 1, "b": "x"}},
        "inputs of nested objects": {"inputs": {"a": {"b": 1}}},
        "ragged inputs": {"inputs": [[1, 2], [3]]},
        "inputs as a number": {"inputs": 5},
        "inputs as a text": {"inputs": "abc"},
        "inputs of null": {"inputs": None},
        "no inputs": {"inputs": []},
        "inputs of an empty object": {"inputs": {}},
        "params that nothing declares": {"inputs": [[1, 2]], "params": 5},
        "messages": {"messages": [{"role": "user", "content": "x"}], "temperature": 0.5},
        "a prompt": {"prompt": "x", "params": {"a": 1}},
        "an input": {"input": [1, 2]},
        "an input beside a format": {"input": "x", "dataframe_split": 5},
    }
    for name, document in asked.items():
        yield of("anything", name, document)
    for name in ("instances as lists", "inputs", "split without columns", "inputs as columns"):
        three = json.loads(json.dumps(asked[name]).replace("[1, 2", "[1, 9, 2"))
        yield of("sklearn_anything", name, three)
        yield of("onnx_anything", name, three)
    yield of("sklearn_anything", "three numbers a row", {"inputs": [[1, 2, 3], [4, 5, 6]]})
    yield of("onnx_anything", "three numbers a row", {"inputs": [[1, 2, 3], [4, 5, 6]]})
    yield of("onnx_anything", "a table", {"dataframe_split": {"data": [[1, 2, 3], [4, 5, 6]]}})
    yield Case("anything: CSV", "anything", csv_request("a,b,c\n1,x,\n2,,0.5\n"))


def unnamed() -> Iterator[Case]:
    """Columns that have no names."""
    asked: dict[str, Any] = {
        "split": {"dataframe_split": {"data": [[1.5, 2, "x"], [3, 4, "y"]]}},
        "split with names": {
            "dataframe_split": {"columns": ["p", "q", "r"], "data": [[1.5, 2, "x"]]}
        },
        "split with an extra column": {"dataframe_split": {"data": [[1.5, 2, "x", None]]}},
        "split with too few columns": {"dataframe_split": {"data": [[1.5, 2]]}},
        "records": {"dataframe_records": [{"z": 1.5, "y": 2, "x": "u"}]},
        "instances": {"instances": [[1.5, 2, "x"]]},
        "instances of numbers": {"instances": [[1.5, 2.5, 3.5], [1, 2, 3]]},
        "instances of objects": {"instances": [{"a": 1}]},
        "inputs of objects": {"inputs": [{"a": 1}]},
        "inputs of columns": {"inputs": {"a": [1]}},
        "inputs of numbers": {"inputs": [[1, 2, 3], [4, 5, 6]]},
        "inputs of texts": {"inputs": [["1", "2", "3"]]},
        "inputs of one row": {"inputs": [1, 2, 3]},
        "inputs of too few numbers": {"inputs": [[1, 2]]},
        "inputs of too many numbers": {"inputs": [[1, 2, 3, 4]]},
        "ragged inputs": {"inputs": [[1, 2, 3], [4]]},
        "inputs as a number": {"inputs": 5},
        "cubes": {"inputs": [[[1], [2], [3]]]},
        "nothing": {"inputs": []},
    }
    for name, document in asked.items():
        for model in ("unnamed", "unnamed_column", "sklearn_unnamed"):
            yield of(model, name, document)
    yield Case("unnamed: CSV", "unnamed", csv_request("p,q,r\n1.5,2,x\n"))


def one_column() -> Iterator[Case]:
    """A single named column, which a plain list stands for."""
    asked: dict[str, Any] = {
        "inputs": {"inputs": ["a", "b"]},
        "instances": {"instances": ["a", "b"]},
        "inputs of numbers": {"inputs": [1, 2]},
        "inputs of lists": {"inputs": [["a"], ["b"]]},
        "inputs of nulls": {"inputs": [None, "a"]},
        "inputs as a text": {"inputs": "a"},
        "inputs as a number": {"inputs": 5},
        "inputs by name": {"inputs": {"text": ["a"]}},
        "inputs by another name": {"inputs": {"n": [1]}},
        "records": {"dataframe_records": [{"text": "a", "n": 1}]},
        "split": {"dataframe_split": {"data": [["a"]]}},
        "split by name": {"dataframe_split": {"columns": ["text"], "data": [["a"], ["b"]]}},
        "a flat split": {"dataframe_split": {"columns": ["text"], "data": ["a", "b"]}},
        "nothing": {"inputs": []},
        "an input": {"input": "a", "text": "b"},
        "an input alone": {"input": "a"},
    }
    for name, document in asked.items():
        for model in ("one_column", "one_number"):
            yield of(model, name, document)


def tensors() -> Iterator[Case]:
    """Tensors, one without a name and two with names."""
    asked: dict[str, Any] = {
        "inputs": {"inputs": [[1, 2], [3, 4]]},
        "instances": {"instances": [[1.5, 2], [3, 4]]},
        "inputs of fractions": {"inputs": [[0.1, 2.5]]},
        "inputs of texts": {"inputs": [["1", "2"]]},
        "inputs of words": {"inputs": [["a", "b"]]},
        "inputs of booleans": {"inputs": [[True, False]]},
        "inputs of nulls": {"inputs": [[None, 2]]},
        "inputs of big numbers": {"inputs": [[1e39, 2]]},
        "inputs of huge integers": {"inputs": [[2**63, 2**70]]},
        "inputs too wide": {"inputs": [[1, 2, 3]]},
        "inputs too flat": {"inputs": [1, 2]},
        "inputs too deep": {"inputs": [[[1, 2]]]},
        "ragged inputs": {"inputs": [[1, 2], [3]]},
        "a number": {"inputs": 5},
        "nothing": {"inputs": []},
        "objects": {"inputs": [{"a": 1}]},
        "by a name": {"inputs": {"x": [[1, 2]]}},
        "split": {"dataframe_split": {"data": [[1, 2], [3, 4]]}},
        "split with names": {"dataframe_split": {"columns": ["p", "q"], "data": [[1.5, 2]]}},
        "split of texts": {"dataframe_split": {"data": [["1", "2"]]}},
        "split of words": {"dataframe_split": {"data": [["a", 2]]}},
        "split of nulls": {"dataframe_split": {"data": [[None, 2]]}},
        "split too wide": {"dataframe_split": {"data": [[1, 2, 3]]}},
        "split of lists": {"dataframe_split": {"columns": ["x"], "data": [[[1, 2]], [[3, 4]]]}},
        "split of short lists": {"dataframe_split": {"columns": ["x"], "data": [[[1, 2]], [[3]]]}},
        "records": {"dataframe_records": [{"p": 1, "q": 2}]},
        "both": {"inputs": {"m": [[1, 2, 3]], "v": [0.5]}},
        "both and another": {"inputs": {"m": [[1, 2, 3]], "v": [0.5], "z": [1]}},
        "both as records": {"inputs": [{"m": [1, 2, 3], "v": 0.5}]},
        "both as instances": {"instances": [{"m": [1, 2, 3], "v": 0.5}, {"m": [4, 5, 6], "v": 1}]},
        "both with a fraction": {"inputs": {"m": [[1.5, 2, 3]], "v": [0.5]}},
        "both with texts": {"inputs": {"m": [["1", "2", "3"]], "v": ["0.5"]}},
        "both with a null": {"inputs": {"m": [[1, 2, 3]], "v": [None]}},
        "both of unequal length": {"inputs": {"m": [[1, 2, 3]], "v": [0.5, 1]}},
        "instances of unequal length": {"instances": {"m": [[1, 2, 3]], "v": [0.5, 1]}},
        "one of two": {"inputs": {"m": [[1, 2, 3]]}},
        "one of a wrong shape": {"inputs": {"m": [[1, 2]], "v": [0.5]}},
        "both in a table": {
            "dataframe_records": [{"m": [1, 2, 3], "v": 0.5}, {"m": [4, 5, 6], "v": 1}]
        },
        "both in a table with short lists": {"dataframe_records": [{"m": [1, 2], "v": 0.5}]},
        "both in a table of texts": {"dataframe_records": [{"m": ["1", "2", "3"], "v": "0.5"}]},
        "an input": {"input": [[1, 2]]},
    }
    for name, document in asked.items():
        for model in ("matrix", "tensors"):
            yield of(model, name, document)
    three = {"inputs": [[1, 2, 3], [4, 5, 6]]}
    for model in ("sklearn_tensor", "onnx_tensor"):
        yield of(model, "inputs", three)
        yield of(model, "split", {"dataframe_split": {"data": three["inputs"]}})
    yield Case("matrix: CSV", "matrix", csv_request("p,q\n1,2.5\n3,4\n"))


def graphs() -> Iterator[Case]:
    """ONNX graphs of several inputs and outputs."""
    rows = {"dataframe_records": [{"a": 1, "b": 2}, {"b": 0.5, "a": 0.25}]}
    one = {"dataframe_records": [{"a": 1, "b": 2}]}
    columns = {"inputs": {"a": [1, 2], "b": [3, 4]}}
    for model in ("onnx_inputs", "onnx_outputs"):
        yield of(model, "a table", rows)
        yield of(model, "a table of one row", one)
        yield of(model, "columns", columns)
        yield of(model, "one column of two", {"inputs": {"a": [1, 2]}})
    named = {"inputs": {"a": [[1], [2]], "b": [[3], [4]]}}
    yield of("onnx_input_tensors", "tensors", named)
    yield of("onnx_input_tensors", "a table", rows)
    yield of("onnx_input_tensors", "flat tensors", columns)
    broadcast = {"inputs": {"a": [[1], [2]], "b": [[3]]}}
    yield of("onnx_input_tensors", "tensors of unequal length", broadcast)
