"""``mlserve runs``: the runs of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from ..runtimes.errors import InvalidSetting
from ..store.entities import Metric, Run
from ..store.result_pages import fetch_all
from ..store.tracking_operations import DELETE_RUN, GET_RUN, RESTORE_RUN, SEARCH_RUNS
from ..store.tracking_requests import RunId, SearchRuns
from .experiments import find_experiment, find_experiments
from .store_options import (
    ACTIVE,
    ALL,
    PAGE,
    Command,
    Session,
    View,
    list_options,
    order_option,
    print_entity,
    print_sections,
    result_options,
    say,
    store_options,
    view_options,
)
from .tables import Column, format_time

COLUMNS = (
    Column("RUN ID", is_whole=True),
    Column("NAME"),
    Column("EXPERIMENT", is_whole=True),
    Column("STATUS", is_whole=True),
    Column("STARTED", is_whole=True),
    Column("DURATION", is_whole=True),
)
KINDS = ("metrics", "params", "tags")


def search_options(command: Command) -> Command:
    """Return ``command`` with the flags of a search for runs."""
    experiments = click.option(
        "--experiment",
        "-x",
        "experiments",
        multiple=True,
        metavar="NAME",
        help="Of this experiment alone, by its name or its id; may be given several times.",
    )
    columns = click.option(
        "--column",
        "columns",
        multiple=True,
        metavar="KIND.KEY",
        help="Show this, such as metrics.auc, params.depth or tags.team, in place of all metrics.",
    )
    for option in (list_options, view_options, columns, order_option, experiments):
        command = option(command)
    return command


@click.group()
def runs() -> None:
    """List, show, delete and restore runs."""


@runs.command("list")
@search_options
def list_runs(**flags: Any) -> None:
    """List the runs of all experiments, or of some, the newest first."""
    _print_runs(None, **flags)


@runs.command()
@click.argument("filter_text", metavar="FILTER")
@search_options
def search(filter_text: str, **flags: Any) -> None:
    """List the runs that FILTER describes, such as "metrics.auc > 0.8 AND params.depth = '3'"."""
    _print_runs(filter_text, **flags)


@runs.command()
@click.argument("run_id")
@result_options
def show(run_id: str, session: Session) -> None:
    """Show the run of this id, with all that was logged in it."""
    with session.connected() as transport:
        run = transport.call(GET_RUN, RunId(run_id=run_id)).run
    if session.as_json:
        print_entity(run)
        return
    view = make_view(())
    inputs, outputs, data = run.inputs, run.outputs, run.data
    datasets = inputs.dataset_inputs if inputs else []
    models = outputs.model_outputs if outputs else []
    facts = [*view.facts(run)[:-1], ("state", run.info.lifecycle_stage)]
    print_sections({
        "run": [*facts, ("user", run.info.user_id), ("artifacts", run.info.artifact_uri)],
        "params": [(param.key, param.value) for param in data.params],
        "metrics": [(m.key, f"{_number(m)}  (step {m.step or 0})") for m in data.metrics],
        "datasets": [(one.dataset.name, one.dataset.digest) for one in datasets],
        "models": [(model.model_id, f"step {model.step}") for model in models],
        "tags": [(tag.key, tag.value) for tag in data.tags],
    })  # fmt: skip


@runs.command()
@click.argument("run_ids", metavar="RUN_ID...", nargs=-1, required=True)
@store_options
def delete(run_ids: Sequence[str], session: Session) -> None:
    """Delete runs, until they are restored or collected as garbage."""
    with session.connected() as transport:
        for run_id in run_ids:
            transport.call(DELETE_RUN, RunId(run_id=run_id))
            say(f"deleted; mlserve runs restore {run_id} brings it back")


@runs.command()
@click.argument("run_ids", metavar="RUN_ID...", nargs=-1, required=True)
@store_options
def restore(run_ids: Sequence[str], session: Session) -> None:
    """Bring deleted runs back."""
    with session.connected() as transport:
        for run_id in run_ids:
            transport.call(RESTORE_RUN, RunId(run_id=run_id))
            say(f"restored run {run_id}")


def make_view(chosen: Sequence[str]) -> View:
    """Return how runs are shown: with the chosen columns, or with all their metrics in one."""
    keys = [_read_column(text) for text in chosen]
    titles = [Column(text) for text in chosen] or [Column("METRICS")]

    def row(run: Run) -> list[object]:
        cells = [_find(run, kind, key) for kind, key in keys] or [_all_metrics(run)]
        return [*_facts(run), *cells]

    return View((*COLUMNS, *titles), row)


def _print_runs(
    filter_text: str | None,
    experiments: Sequence[str],
    order_by: Sequence[str],
    columns: Sequence[str],
    view: str | None,
    session: Session,
) -> None:
    shown = make_view(columns)
    with session.connected() as transport:
        if experiments:
            ids = [find_experiment(transport, name).experiment_id for name in experiments]
        else:
            ids = [one.experiment_id for one in find_experiments(transport, view and ALL, PAGE)]
        request = SearchRuns(
            ids, filter_text, view or ACTIVE, session.page_size, order_by=list(order_by)
        )
        found = fetch_all(transport, SEARCH_RUNS, request, "runs") if ids else iter(())
        session.print_list(found, shown)


def _facts(run: Run) -> list[object]:
    info = run.info
    return [
        info.run_id,
        info.run_name,
        info.experiment_id,
        info.status,
        format_time(info.start_time),
        _duration(info.start_time, info.end_time),
    ]


def _read_column(text: str) -> tuple[str, str]:
    kind, _, key = text.partition(".")
    if kind not in KINDS or not key:
        raise InvalidSetting(
            f"--column: found {text}, expected metrics.KEY, params.KEY or tags.KEY"
        )
    return kind, key


def _find(run: Run, kind: str, key: str) -> object:
    found = next((one for one in getattr(run.data, kind) if one.key == key), None)
    return _number(found) if isinstance(found, Metric) else found and found.value


def _all_metrics(run: Run) -> str:
    return ", ".join(f"{metric.key}={_number(metric)}" for metric in run.data.metrics)


def _number(metric: Metric) -> str:
    return metric.value if isinstance(metric.value, str) else f"{metric.value:.6g}"


def _duration(start: int, end: int | None) -> str:
    if end is None:
        return ""
    seconds = (end - start) / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
