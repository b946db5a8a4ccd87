"""``mlserve gc``: what was deleted is deleted for good, and its artifacts with it."""

from __future__ import annotations

import re
from pkgutil import resolve_name
from types import ModuleType
from typing import Any, Final

import click

from ..runtimes.errors import InvalidSetting
from .store_options import (
    json_option,
    opened_store,
    print_json,
    print_sections,
    require_yes,
    say,
    tracking_option,
    yes_option,
)
from .tables import format_size

UNITS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}
"""Milliseconds in a unit of time."""

_COLLECTING: Final = f"{__package__.rpartition('.')[0]}.store.collecting"
_PART: Final = re.compile(r"(\d{1,9})([dhms])")


@click.command()
@click.option(
    "--older-than",
    default="30d",
    show_default=True,
    metavar="TIME",
    help="Only what was deleted longer ago, such as 7d, 12h or 1d12h; 0d is everything.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would be deleted, and delete nothing.")
@yes_option
@json_option
@tracking_option
@click.pass_context
def gc(
    context: click.Context,
    /,
    *,
    older_than: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    tracking_uri: str | None,
) -> None:
    """Delete for good what was deleted: experiments, runs, logged models and their artifacts.

    What a registered version is of stays, and so does the experiment that it is in. Deliveries to
    webhooks that failed go too. The artifacts are those of MLSERVE_ARTIFACTS_DESTINATION, or in
    the folder mlartifacts beside the database.
    """
    age = read_duration(older_than)
    with opened_store(tracking_uri, "gc") as store:
        collecting: ModuleType = resolve_name(_COLLECTING)
        plan = collecting.plan_collection(store, store.clock() - age)
        for text in plan.kept:
            say(f"kept {text}")
        if dry_run:
            found = collecting.measure_collection(store, plan)
        else:
            require_yes(_question(plan), yes=yes)
            found = collecting.collect(store, plan)
    _report(found, as_json=as_json, is_dry=dry_run)
    context.exit(1 if found.freed.faults else 0)


def read_duration(text: str) -> int:
    """Return the milliseconds of a duration such as 7d, 12h or 1d12h."""
    parts = _PART.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        raise InvalidSetting(f"--older-than: found {text}, expected a duration such as 7d or 12h")
    return sum(int(number) * UNITS[unit] for number, unit in parts)


def _question(plan: Any) -> str:
    return (
        f"Delete {len(plan.experiment_ids)} experiments, {len(plan.run_ids)} runs and "
        f"{len(plan.model_ids)} logged models for good, with their artifacts?"
    )


def _report(found: Any, *, as_json: bool, is_dry: bool) -> None:
    for place, reason in found.freed.faults.items():
        say(f"not deleted, and left for another time: {place}: {reason}")
    if found.freed.waiting:
        say(
            f"{found.freed.waiting} folders of artifacts are left for another time: where they "
            "are is not there; name it in MLSERVE_ARTIFACTS_DESTINATION"
        )
    counts = {
        "experiments": found.experiments,
        "runs": found.runs,
        "logged_models": found.logged_models,
        "deliveries": found.deliveries,
        "files": found.freed.files,
    }
    if as_json:
        print_json({**counts, "bytes": found.freed.size, "kept": found.kept})
        return
    shown = [(name.replace("_", " "), number) for name, number in counts.items()]
    title = "would be deleted" if is_dry else "deleted"
    print_sections({title: [*shown, ("size", format_size(found.freed.size))]})
