"""Experiments as scripts use them, and the runs that are in them: MLflow's functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from ..runtimes.errors import MissingExtra, shorten
from .current_experiment import CURRENT
from .errors import InvalidParameter
from .views import Experiment, PagedList, Run, ViewType

if TYPE_CHECKING:
    import pandas as pd

MOST_RUNS = 100_000
RUNS_A_PAGE = 10_000
EXPERIMENTS_A_PAGE = 1000

Item = TypeVar("Item")


def create_experiment(
    name: str, artifact_location: str | None = None, tags: Mapping[str, Any] | None = None
) -> str:
    """Make an experiment and return its id."""
    return CURRENT.client().create_experiment(name, artifact_location, tags)


def get_experiment(experiment_id: str) -> Experiment:
    """Return the experiment of this id; raises `NotFound`."""
    return CURRENT.client().get_experiment(experiment_id)


def get_experiment_by_name(name: str) -> Experiment | None:
    """Return the experiment of this name, or None."""
    return CURRENT.client().get_experiment_by_name(name)


def delete_experiment(experiment_id: str) -> None:
    """Mark an experiment as deleted; it can be restored."""
    CURRENT.client().delete_experiment(experiment_id)


def restore_experiment(experiment_id: str) -> None:
    """Make a deleted experiment active again."""
    CURRENT.client().restore_experiment(experiment_id)


def set_experiment_tag(key: str, value: Any) -> None:
    """Set a tag of the experiment that is logged to."""
    client = CURRENT.client()
    client.set_experiment_tag(CURRENT.find_id(client), key, value)


def set_experiment_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the experiment that is logged to."""
    for key, value in tags.items():
        set_experiment_tag(key, value)


def delete_experiment_tag(key: str) -> None:
    """Delete a tag of the experiment that is logged to."""
    client = CURRENT.client()
    client.delete_experiment_tag(CURRENT.find_id(client), key)


def search_experiments(
    view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """Return the experiments that ``filter_string`` matches, all of them or the first ones."""
    client = CURRENT.client()
    return collect(
        lambda most, token: client.search_experiments(
            view_type, most, filter_string, order_by, token
        ),
        max_results,
        EXPERIMENTS_A_PAGE,
    )


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    output_format: Literal["pandas"] = ...,
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> pd.DataFrame: ...


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = ...,
    filter_string: str = ...,
    run_view_type: int = ...,
    max_results: int = ...,
    order_by: Sequence[str] | None = ...,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = ...,
    experiment_names: Sequence[str] | None = ...,
) -> list[Run]: ...


def search_runs(  # noqa: PLR0913, PLR0917 - MLflow's arguments
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: int = ViewType.ACTIVE_ONLY,
    max_results: int = MOST_RUNS,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> pd.DataFrame | list[Run]:
    """Return the runs that ``filter_string`` matches, as a DataFrame or a list.

    They are of the experiment that is logged to, unless others are named. A DataFrame has the
    columns run_id, experiment_id, status, artifact_uri, start_time and end_time, and one for each
    metric (``metrics.…``), param (``params.…``) and tag (``tags.…``).
    """
    if output_format not in {"pandas", "list"}:
        raise InvalidParameter(
            f"Unsupported output format: {shorten(output_format)}. Supported string values are "
            "'pandas' or 'list'"
        )
    client = CURRENT.client()
    chosen = _choose(experiment_ids, experiment_names, search_all_experiments)
    runs = collect(
        lambda most, token: client.search_runs(
            chosen, filter_string, run_view_type, most, order_by, token
        ),
        max_results if chosen else 0,
        RUNS_A_PAGE,
    )
    return runs if output_format == "list" else _to_frame(runs)


def collect(
    find: Callable[[int, str | None], PagedList[Item]], most: int | None, page: int
) -> list[Item]:
    """Return what all pages of a search hold, up to ``most`` items."""
    found: list[Item] = []
    token: str | None = None
    while most is None or len(found) < most:
        answer = find(page if most is None else min(page, most - len(found)), token)
        found.extend(answer)
        token = answer.token
        if not token:
            break
    return list(islice(found, most))


def _choose(ids: Sequence[str] | None, names: Sequence[str] | None, is_all: bool) -> list[str]:
    """Return the ids of the experiments to search."""
    if ids and names:
        raise InvalidParameter("Only experiment_ids or experiment_names can be used, but not both")
    if ids:
        return [str(one) for one in ids]
    if names:
        found = map(get_experiment_by_name, names)
        return [experiment.experiment_id for experiment in found if experiment is not None]
    if is_all:
        return [experiment.experiment_id for experiment in search_experiments()]
    return [CURRENT.find_id(CURRENT.client())]


def _to_frame(runs: list[Run]) -> pd.DataFrame:
    try:
        from .run_frames import make_frame  # noqa: PLC0415 - it needs pandas
    except ModuleNotFoundError as error:
        if error.name != "pandas":
            raise
        raise MissingExtra('search_runs, unless with output_format="list",', "pandas") from error
    return make_frame(runs)
