"""docs/protocol.md says what the code does: its tables, and its examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mlserve.runtimes.enforcement import compile_schema
from mlserve.runtimes.modelspec import ModelSpec
from mlserve.runtimes.origins import Origin
from mlserve.runtimes.schema import Column, ColumnSchema, DataType, Signature
from mlserve.serve.csv_body import read_csv_body
from mlserve.serve.json_body import read_json_body
from mlserve.serve.settings import Settings
from mlserve.serve.statuses import STATUSES

from .differences import DIFFERENCES
from .forms import FORMS

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
COLUMNS = ColumnSchema((Column(DataType.DOUBLE, "age"), Column(DataType.STRING, "plan")))
SPEC = ModelSpec({}, Signature(COLUMNS))


def section(title: str) -> str:
    return re.split(r"(?m)^## ", PAGE.split(f"\n## {title}\n")[1])[0]


def rows(title: str) -> list[list[str]]:
    """Return the cells of the table under a title, without its head."""
    lines = re.findall(r"(?m)^\| (.*) \|$", section(title))
    return [[cell.strip().strip("`") for cell in line.split(" | ")] for line in lines[2:]]


def examples(kind: str) -> list[str]:
    """Return the bodies that all hold the same two rows."""
    found = re.findall(rf"(?s)```{kind}\n(.*?)```", section("Bodies"))
    return [text for text in found if "messages" not in text]


def test_the_table_of_errors_is_that_of_the_code():
    told = {name: (int(status), code) for name, status, code, _ in rows("Errors")}
    assert told == {kind.__name__: (s.http, s.code) for kind, s in STATUSES.items()}


def test_the_table_of_differences_has_the_keys_of_the_tests():
    keys = [key for key, _, _ in rows("Differences from MLflow")]
    assert sorted(keys) == sorted({d.key for d in DIFFERENCES} | {form.key for form in FORMS})


def test_the_limits_are_the_defaults_of_the_settings():
    told = {setting: default for _, default, setting in rows("Limits")}
    settings = Settings(model=Path())
    assert told == {
        "--max-body-mb": f"{settings.max_body_mb} MiB",
        "--max-queue-rows": f"{settings.max_queue_rows:,}",
        "--timeout": f"{settings.timeout_seconds:g}",
    }


@pytest.mark.parametrize("body", examples("json"))
def test_each_json_example_holds_the_same_rows(body):
    request = read_json_body(body.encode(), SPEC)
    table = compile_schema(COLUMNS).enforce(request.data, request.origin)
    assert {name: column.tolist() for name, column in table.values.items()} == {
        "age": [31, 45.5],
        "plan": ["basic", None],
    }


def test_the_csv_example_holds_the_same_rows_too():
    (body,) = examples("csv")
    table = compile_schema(COLUMNS).enforce(read_csv_body(body.encode(), COLUMNS), Origin.CSV)
    assert {name: column.tolist() for name, column in table.values.items()} == {
        "age": [31, 45.5],
        "plan": ["basic", None],
    }


def test_there_is_an_example_of_each_format():
    assert len(examples("json")) == 4
