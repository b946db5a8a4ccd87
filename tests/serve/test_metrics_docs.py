"""docs/metrics.md tells of each metric what its row of the table in code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mlserve.serve.metrics import METRICS, MetricSpec

TEXT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
ROWS = {
    cells[0].strip("`"): cells[1:]
    for line in TEXT.splitlines()
    if line.startswith("| `mlserve_")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}

every_metric = pytest.mark.parametrize("spec", METRICS, ids=lambda spec: spec.name)


def listed(name: str) -> list[str]:
    """Return the words of the list item that starts with ``name``, up to its first full stop."""
    item = re.search(rf"(?s)^- `?{name}`?: (.*?)(?:\.\s|\n\n|\n- )", TEXT, re.MULTILINE)
    return [word.strip(" `\n") for word in item[1].split(",")]


def test_the_metrics_are_listed_in_the_order_of_the_code():
    assert list(ROWS) == [spec.full_name for spec in METRICS]


@every_metric
def test_a_metric_has_its_type_label_and_meaning(spec: MetricSpec):
    kind, unit, label, meaning = ROWS[spec.full_name]
    assert (kind, label.strip("`"), meaning) == (spec.kind, spec.label or "", spec.help)
    assert unit


@every_metric
def test_the_values_of_a_label_are_listed(spec: MetricSpec):
    assert spec.label is None or listed(spec.label) == list(spec.values)


@every_metric
def test_the_buckets_of_a_histogram_are_listed_under_its_unit(spec: MetricSpec):
    if spec.buckets:
        found = [float(bound) for bound in listed(ROWS[spec.full_name][1])]
        assert found == list(spec.buckets)
        assert spec.name.endswith(ROWS[spec.full_name][1])


def test_the_queries_name_metrics_that_are_there():
    shown = {
        f"{spec.full_name}{end}" for spec in METRICS for end in ("", "_sum", "_count", "_bucket")
    }
    queries = re.findall(r"(?s)```promql\n(.*?)```", TEXT)
    assert queries
    assert set(re.findall(r"mlserve_\w+", "".join(queries))) <= shown


def test_the_labels_of_every_sample_are_named():
    assert all(f"`{label}`" in TEXT for label in ("model", "version"))
