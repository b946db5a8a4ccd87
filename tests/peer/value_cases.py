"""Requests made by hand: every kind of value for every type of a column, member or param."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .cases import ROWS, TYPED, Case, of, split
from .exchanges import CSV, Request, csv_request

NESTED = {"longs": [1, 2], "object": {"x": "u", "y": 0.5}}


def cells() -> Iterator[Case]:
    """Each type given each kind of value, in tables and in fields."""
    values: list[Any] = [
        None, True, False, 0, 1, 7, -3, 1.0, 1.5, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1,
        2**63 - 1, 2**63, -(2**63), 2**64, 2**70, 1e20, 1e39, 1e300, -1e300, 5e-324, float("nan"),
        float("inf"), "", "7", "1.5", " 8 ", "true", "False", "no", "x", "é", "nan", "1e3", "0x10",
        "1_000", "YWI=", "YW\nI=", "!!!", "2020-01-02", "2020-01-02T03:04:05Z",
        "2020-01-02 03:04:05.123456789", "2020-01-02T03:04:05+02:00", "02.01.2020", "2020", "NaT",
        "2300-01-01", "now", [], [1], {}, {"x": 1},
    ]  # fmt: skip
    for column in TYPED:
        for value in values:
            for model in ("scalars", "optional"):
                rows = [{**TYPED, column: value}]
                yield of(model, f"split, {column} {value!r}", split(rows))
                yield of(model, f"instances, {column} {value!r}", {"instances": rows})
                yield of(model, f"inputs, {column} {value!r}", {"inputs": rows})
            several = {name: [cell, cell] for name, cell in TYPED.items()}
            several[column] = [TYPED[column], value]
            yield of("scalars", f"inputs as columns, {column} {value!r}", {"inputs": several})
    for column in TYPED:
        lacking = {name: cell for name, cell in TYPED.items() if name != column}
        for model in ("scalars", "optional"):
            yield of(model, f"split without {column}", split([lacking]))
            yield of(model, f"inputs without {column}", {"inputs": lacking})
            gaps = {"dataframe_records": [TYPED, lacking, TYPED]}
            yield of(model, f"records without {column} at times", gaps)
    forms = [{**TYPED, "datetime": "2020-01-02"}, TYPED, {**TYPED, "datetime": "2020"}]
    yield of("scalars", "datetimes of several forms", split(forms))
    yield of("sklearn_mixed", "a row", split([TYPED]))
    yield of("sklearn_mixed", "an unseen word", split([{**TYPED, "string": "never"}]))
    yield of("optional", "nothing but an extra column", split([{"x": 1}]))


def nested() -> Iterator[Case]:
    """Arrays, objects, maps and anything."""
    asked: dict[str, dict[str, Any]] = {
        "what is required": {},
        "everything": {
            "matrix": [[1, 2.5], [3.5]],
            "map": {"k": 3},
            "objects": [{"x": "a"}, {"x": "b", "y": 2.5}],
            "any": [1, {"z": None}],
            "text": "t",
        },
        "an empty array": {"longs": []},
        "an array of null": {"longs": None},
        "an array with null": {"longs": [1, None]},
        "an array of fractions": {"longs": [1.5]},
        "an array of whole fractions": {"longs": [1.0, 2.0]},
        "an array of texts": {"longs": ["1"]},
        "an array of booleans": {"longs": [True]},
        "an array of big integers": {"longs": [2**63]},
        "a number for an array": {"longs": 5},
        "a text for an array": {"longs": "5"},
        "an object for an array": {"longs": {"x": 1}},
        "a flat matrix": {"matrix": [1, 2]},
        "an empty matrix": {"matrix": [[]]},
        "a matrix of null": {"matrix": None},
        "a matrix with null": {"matrix": [None, [1.5]]},
        "a matrix of integers": {"matrix": [[1, 2]]},
        "a matrix of numbers and booleans": {"matrix": [[0.5, True]]},
        "a matrix of texts": {"matrix": [["a"]]},
        "an object without an optional member": {"object": {"x": "u"}},
        "an object with null for an optional member": {"object": {"x": "u", "y": None}},
        "an object without a required member": {"object": {"y": 0.5}},
        "an object with null for a required member": {"object": {"x": None}},
        "an object with another member": {"object": {"x": "u", "z": 1}},
        "an object with an integer for a double": {"object": {"x": "u", "y": 3}},
        "an object with a big integer for a double": {"object": {"x": "u", "y": 2**60 + 1}},
        "an object with a text for a double": {"object": {"x": "u", "y": "0.5"}},
        "an object with a number for a text": {"object": {"x": 5}},
        "an object of null": {"object": None},
        "an empty object": {"object": {}},
        "a list for an object": {"object": [1]},
        "a text for an object": {"object": "x"},
        "an empty map": {"map": {}},
        "a map of null": {"map": None},
        "a map with null": {"map": {"k": None}},
        "a map of texts": {"map": {"k": "3"}},
        "a map of fractions": {"map": {"k": 1.5}},
        "a map of big integers": {"map": {"k": 2**31}},
        "a list for a map": {"map": [3]},
        "no objects": {"objects": []},
        "objects with null": {"objects": [None]},
        "objects with numbers": {"objects": [1]},
        "objects without a member": {"objects": [{"y": 1.5}]},
        "anything: null": {"any": None},
        "anything: a text": {"any": "x"},
        "anything: a number": {"any": 2**70},
        "a number for a text": {"text": 5},
        "another column": {"other": {"deep": [1]}},
    }
    for name, changes in asked.items():
        rows = [{**NESTED, **changes}]
        yield of("nested", f"records, {name}", {"dataframe_records": rows})
        yield of("nested", f"split, {name}", split(rows))
        yield of("nested", f"inputs, {name}", {"inputs": rows})
        yield of("nested", f"inputs as one row, {name}", {"inputs": rows[0]})
        yield of("nested", f"instances, {name}", {"instances": rows})
        yield of("nested", f"two records, {name}", {"dataframe_records": [NESTED, *rows]})
        yield of("nested", f"two inputs, {name}", {"inputs": [NESTED, *rows]})
    yield of("nested", "no array", {"inputs": [{"object": {"x": "u"}}]})
    yield of("nested", "no object", {"inputs": [{"longs": [1]}]})


def csv_bodies() -> Iterator[Case]:
    """Tables as CSV."""
    asked = {
        "rows": "a,b,c\n0.5,1.5,-2\n3,-1,0\n",
        "reordered": "c,a,b\n1,2,3\n",
        "an extra column": "x,a,b,c\nq,1,2,3\n",
        "a missing column": "a,b\n1,2\n",
        "a missing cell": "a,b,c\n1,,3\n",
        "a short row": "a,b,c\n1,2\n",
        "a long row": "a,b,c\n1,2,3,4\n",
        "an index": "a,b,c\n9,1,2,3\n8,4,5,6\n",
        "words": "a,b,c\nx,1,2\n",
        "no rows": "a,b,c\n",
        "nothing": "",
        "blank lines": "\n\na,b,c\n\n1,2,3\n\n",
        "windows lines": "a,b,c\r\n1,2,3\r\n",
        "no last newline": "a,b,c\n1,2,3",
        "quotes": '"a","b","c"\n"1","2","3"\n',
        "an open quote": 'a,b,c\n1,"2,3\n',
        "a BOM": "\ufeffa,b,c\n1,2,3\n",
        "a column twice": "a,b,c,c\n1,2,3,4\n",
        "spaces": "a,b,c\n 1, 2 ,3\n",
        "spaces in the header": "a, b,c\n1,2,3\n",
        "semicolons": "a;b;c\n1;2;3\n",
        "infinity": "a,b,c\ninf,-inf,1e400\n",
        "an exponent": "a,b,c\n1e3,.5,5.\n",
        "true": "a,b,c\nTrue,2,3\n",
    }
    for name, text in asked.items():
        yield Case(f"CSV of numbers: {name}", "context_free", csv_request(text))
        yield Case(f"CSV without a signature: {name}", "anything", csv_request(text))
    row = {name: "1" for name in TYPED if name != "datetime"} | {"boolean": "True", "string": "x"}
    words = [
        *("", "NA", "null", "nan", "1", "0", "1.0", "1.5", "true", "FALSE", "yes", "x"),
        *("2147483648", "9223372036854775808", "1e39", " 1", "01", "+1", "2020-01-02T03:04:05"),
        *("inf", 'a"b', '"a,b"', "é"),
    ]
    for column in row:
        for word in words:
            text = f"{','.join(row)}\n{','.join({**row, column: word}.values())}\n"
            twice = f"{text}{','.join(row.values())}\n"
            for model in ("csv_required", "csv_optional"):
                yield Case(f"{model}: CSV, {column} {word!r}", model, csv_request(text))
                yield Case(f"{model}: CSV of two, {column} {word!r}", model, csv_request(twice))
    moment = f"{','.join([*row, 'datetime'])}\n{','.join([*row.values(), '2020-01-02'])}\n"
    yield Case("scalars: CSV with a datetime", "scalars", csv_request(moment))
    yield Case("optional: CSV without a datetime", "optional", csv_request(text))
    yield Case("CSV with invalid UTF-8", "context_free", Request(b"a,b,c\n1,2,\xff\n", CSV))


def params() -> Iterator[Case]:
    """Each param given each kind of value."""
    values: list[Any] = [
        None, True, 5, -1, 2.5, 5.0, "5", "x", "", 2**31, 2**63, 1e300, "2020-01-02",
        "2020-01-02T03:04:05Z", "2020-13-01", [], [1], [1, 2.5], ["a"], [None], [[1]], [True], {},
        {"x": 1},
    ]  # fmt: skip
    names = ["flag", "count", "long", "float", "double", "word", "moment", "counts", "words"]
    for name in names:
        for value in values:
            document = {**split(ROWS), "params": {name: value}}
            yield of("params", f"{name} {value!r}", document)
    for value in (None, {}, {"unknown": 1}, [], [1], 5, "x", True):
        yield of("params", f"all {value!r}", {**split(ROWS), "params": value})
        yield of("sklearn_pickle", f"params of {value!r}", {**split(ROWS), "params": value})
    both = {"count": 5, "word": "b", "counts": [7]}
    yield of("params", "several", {"instances": ROWS, "params": both})
    yield Case("params: CSV", "params", csv_request("a,b,c\n1,2,3\n"))
    yield of(
        "sklearn_pickle", "a method", {**split(ROWS), "params": {"predict_fn": "predict_proba"}}
    )
    yield of("sklearn_pickle", "no method", {**split(ROWS), "params": {"predict_fn": "__class__"}})
    yield of(
        "sklearn_pickle",
        "a method that it has not",
        {**split(ROWS), "params": {"predict_fn": "score"}},
    )
    unwrapped = {"input": "x", "a": 1, "b": 2, "c": 3, "count": 9}
    yield of("params", "an unwrapped payload", unwrapped)
