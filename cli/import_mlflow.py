"""``mlserve import-mlflow``: what an MLflow holds is copied into a store."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pkgutil import resolve_name
from typing import Any, Final

import click

from ..store.errors import StoreUnavailable
from .progress import Progress
from .store_options import json_option, opened_store, print_json, print_sections, read_pairs
from .tables import format_size, printable

_STORE: Final = f"{__package__.rpartition('.')[0]}.store"


@click.command("import-mlflow")
@click.argument("source_uri")
@click.option(
    "--to",
    "--tracking-uri",
    "tracking_uri",
    metavar="URI",
    help="The store to copy into, by its database.  [default: MLSERVE_TRACKING_URI, "
    "MLFLOW_TRACKING_URI, sqlite:///mlserve.db]",
)
@click.option(
    "--artifacts-at",
    multiple=True,
    metavar="PREFIX=PLACE",
    help="Read what the source keeps under PREFIX, a folder or a URI, from PLACE.  "
    "[default: mlflow-artifacts:/=mlartifacts beside a database]",
)
@json_option
@click.pass_context
def import_mlflow(
    context: click.Context,
    /,
    *,
    source_uri: str,
    tracking_uri: str | None,
    artifacts_at: Sequence[str],
    as_json: bool,
) -> None:
    """Copy an MLflow's experiments, runs, models and artifacts from SOURCE_URI into a store.

    SOURCE_URI is the address of a tracking server, or of the database that it keeps: a file,
    sqlite:///FILE or postgresql://…. Ids of runs and models, times, and the numbers of versions are
    kept. Begun again, it copies what is missing; what is there is skipped.
    """
    progress = Progress(
        sys.stderr, shutil.get_terminal_size().columns if sys.stderr.isatty() else None
    )
    moved = read_pairs(artifacts_at, "--artifacts-at")
    with opened_store(tracking_uri, "import-mlflow", makes=True) as store:
        opened_source: Any = resolve_name(f"{_STORE}.importing_sources:opened_source")
        import_all: Any = resolve_name(f"{_STORE}.importing:import_all")
        watch = _Watch(progress)
        with opened_source(source_uri, moved, os.environ) as (source, places):
            progress.note("looking at what there is")
            try:
                tally = import_all(source, store, places, watch)
            except StoreUnavailable as error:
                raise StoreUnavailable(f"{error}; begin again, to copy what is missing") from error
            finally:
                progress.clear()
    _report(tally, as_json=as_json)
    context.exit(1 if tally.failures else 0)


class _Watch:
    """Tells of an import: how far it is, and at once what fails."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._told = progress, 0

    def __call__(self, tally: Any) -> None:
        for failure in tally.failures[self._told :]:
            self._progress.say(printable(f"{failure.what}: {failure.reason}"))
        self._told = len(tally.failures)
        copied = tally.copied
        details = f"{copied['metric points']:,} points, {format_size(copied['bytes'])}"
        self._progress.show(tally.done, tally.total, details)


def _report(tally: Any, *, as_json: bool) -> None:
    if as_json:
        print_json({
            "copied": dict(+tally.copied),
            "skipped": dict(tally.skipped),
            "left_out": dict(tally.left_out),
            "failures": [failure._asdict() for failure in tally.failures],
        })  # fmt: skip
        return
    copied = +tally.copied  # what there is none of is not told
    size = copied.pop("bytes", 0)
    sizes = [("size", format_size(size))] if size else []
    print_sections({
        "copied": [*copied.items(), *sizes],
        "there already": tally.skipped.items(),
        "not copied by any import": tally.left_out.items(),
        "failed": [("things", len(tally.failures))] if tally.failures else [],
    })  # fmt: skip
