"""``mlserve experiments``: the experiments of a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from ..store.contract import Transport
from ..store.entities import Experiment, Tag
from ..store.errors import NotFound
from ..store.result_pages import fetch_all
from ..store.tracking_operations import (
    CREATE_EXPERIMENT,
    DELETE_EXPERIMENT,
    GET_EXPERIMENT,
    GET_EXPERIMENT_BY_NAME,
    RESTORE_EXPERIMENT,
    SEARCH_EXPERIMENTS,
    UPDATE_EXPERIMENT,
)
from ..store.tracking_requests import (
    CreateExperiment,
    ExperimentId,
    GetExperimentByName,
    SearchExperiments,
    UpdateExperiment,
)
from .store_options import (
    ACTIVE,
    Session,
    View,
    list_options,
    order_option,
    print_entity,
    print_sections,
    read_pairs,
    result_options,
    say,
    store_options,
    tag_option,
    view_options,
)
from .tables import Column, format_time

VIEW = View(
    (
        Column("ID", is_whole=True),
        Column("NAME"),
        Column("STATE", is_whole=True),
        Column("CREATED", is_whole=True),
        Column("ARTIFACTS"),
    ),
    lambda one: (
        one.experiment_id,
        one.name,
        one.lifecycle_stage,
        format_time(one.creation_time),
        one.artifact_location,
    ),
)


@click.group()
def experiments() -> None:
    """List, make, rename, delete and restore experiments."""


@experiments.command("list")
@view_options
@list_options
def list_experiments(view: str | None, session: Session) -> None:
    """List experiments, the newest first."""
    with session.connected() as transport:
        found = find_experiments(transport, view, session.page_size)
        session.print_list(found, VIEW)


@experiments.command()
@click.argument("filter_text", metavar="FILTER")
@order_option
@view_options
@list_options
def search(filter_text: str, order_by: Sequence[str], view: str | None, session: Session) -> None:
    """List the experiments that FILTER describes, such as "name LIKE 'churn%'"."""
    with session.connected() as transport:
        found = find_experiments(transport, view, session.page_size, filter_text, order_by)
        session.print_list(found, VIEW)


@experiments.command()
@click.argument("experiment")
@result_options
def show(experiment: str, session: Session) -> None:
    """Show one EXPERIMENT, by its name or its id."""
    with session.connected() as transport:
        found = find_experiment(transport, experiment)
    if session.as_json:
        print_entity(found)
        return
    tags = [(tag.key, tag.value) for tag in found.tags]
    print_sections({"experiment": VIEW.facts(found), "tags": tags})


@experiments.command()
@click.argument("name")
@click.option("--artifact-location", metavar="URI", help="Where to keep the artifacts of its runs.")
@tag_option
@result_options
def create(name: str, artifact_location: str | None, tags: Sequence[str], session: Session) -> None:
    """Make an experiment called NAME, and print its id."""
    pairs = [Tag(key, value) for key, value in read_pairs(tags, "--tag").items()]
    with session.connected(makes=True) as transport:
        made = transport.call(CREATE_EXPERIMENT, CreateExperiment(name, artifact_location, pairs))
    session.print_made(made, made.experiment_id)


@experiments.command()
@click.argument("experiment")
@store_options
def delete(experiment: str, session: Session) -> None:
    """Delete an EXPERIMENT with its runs, until it is restored or collected as garbage."""
    with session.connected() as transport:
        found = find_experiment(transport, experiment)
        transport.call(DELETE_EXPERIMENT, ExperimentId(found.experiment_id))
    say(f"deleted; mlserve experiments restore {found.experiment_id} brings it back")


@experiments.command()
@click.argument("experiment")
@store_options
def restore(experiment: str, session: Session) -> None:
    """Bring a deleted EXPERIMENT back, with its runs."""
    with session.connected() as transport:
        found = find_experiment(transport, experiment)
        transport.call(RESTORE_EXPERIMENT, ExperimentId(found.experiment_id))
    say(f"restored experiment {found.experiment_id}")


@experiments.command()
@click.argument("experiment")
@click.argument("new_name")
@store_options
def rename(experiment: str, new_name: str, session: Session) -> None:
    """Give an EXPERIMENT the name NEW_NAME."""
    with session.connected() as transport:
        found = find_experiment(transport, experiment)
        transport.call(UPDATE_EXPERIMENT, UpdateExperiment(found.experiment_id, new_name))
    say(f"renamed experiment {found.experiment_id}")


def find_experiment(transport: Transport, text: str) -> Experiment:
    """Return the experiment of the name ``text``, or else of the id."""
    try:
        return transport.call(GET_EXPERIMENT_BY_NAME, GetExperimentByName(text)).experiment
    except NotFound:
        if not (text.isascii() and text.isdigit()):
            raise
    return transport.call(GET_EXPERIMENT, ExperimentId(text)).experiment


def find_experiments(
    transport: Transport,
    view: str | None,
    size: int,
    filter_text: str | None = None,
    order_by: Sequence[str] = (),
) -> Iterator[Experiment]:
    """Yield the experiments that a filter describes, ``size`` at a time."""
    request = SearchExperiments(
        max_results=size, filter=filter_text, order_by=list(order_by), view_type=view or ACTIVE
    )
    return fetch_all(transport, SEARCH_EXPERIMENTS, request, "experiments")
