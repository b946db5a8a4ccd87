import pytest
from mlserve.serve.metrics import METRICS, MetricStore, ServiceCollector, expose
from prometheus_client.parser import text_string_to_metric_families

LABELS = {"model": "churn", "version": "7"}


def _samples(store):
    text, _ = expose(ServiceCollector(store, LABELS), "")
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, *(v for k, v in sample.labels.items() if k not in LABELS)): sample
        for family in families
        for sample in family.samples
    }


def test_every_metric_of_the_table_is_shown_with_the_models_labels():
    samples = _samples(MetricStore()).values()

    names = {sample.name.removesuffix("_bucket") for sample in samples}
    assert {spec.full_name for spec in METRICS} <= names
    assert all(LABELS.items() <= sample.labels.items() for sample in samples)


def test_answers_are_counted_by_status():
    store = MetricStore()
    recorder = store.recorder()
    for status in (200, 200, 400, 418):
        recorder.answered(status)

    samples = _samples(store)
    counts = {s: samples["mlserve_requests_total", s].value for s in ("200", "400", "other")}
    assert counts == {"200": 2, "400": 1, "other": 1}


def test_a_histogram_is_cumulative_and_has_a_sum():
    store = MetricStore()
    for rows in (1, 3, 3, 100_000):
        store.recorder().batch_rows.observe(rows)

    samples = _samples(store)
    buckets = {b: samples["mlserve_batch_rows_bucket", b].value for b in ("1.0", "4.0", "+Inf")}
    assert buckets == {"1.0": 1, "4.0": 3, "+Inf": 4}
    assert samples["mlserve_batch_rows_sum",].value == 100_007
    assert samples["mlserve_batch_rows_count",].value == 4


def test_a_value_on_a_bound_counts_in_its_bucket():
    store = MetricStore()
    store.recorder().batch_rows.observe(4)

    assert _samples(store)["mlserve_batch_rows_bucket", "4.0"].value == 1


def test_workers_are_summed_across_processes(tmp_path):
    ours = MetricStore(tmp_path / "metrics", workers=2)
    theirs = MetricStore(tmp_path / "metrics", workers=2)
    ours.recorder(0).rows.add(3)
    theirs.recorder(1).rows.add(4)

    assert _samples(ours)["mlserve_rows_total",].value == 7


def test_a_worker_that_comes_back_keeps_its_counters_and_clears_its_gauges(tmp_path):
    store = MetricStore(tmp_path / "metrics", workers=1)
    first = store.recorder()
    first.rows.add(3)
    first.in_flight.add(2)

    again = MetricStore(tmp_path / "metrics", workers=1)
    again.recorder()

    samples = _samples(again)
    assert samples["mlserve_rows_total",].value == 3
    assert samples["mlserve_requests_in_flight",].value == 0


def test_an_unknown_reason_is_a_fault_of_ours():
    with pytest.raises(KeyError):
        MetricStore().recorder().rejected("whim")


def test_openmetrics_is_spoken_when_asked_for():
    _, content_type = expose(
        ServiceCollector(MetricStore(), LABELS), "application/openmetrics-text; version=1.0.0"
    )
    assert content_type.startswith("application/openmetrics-text")
