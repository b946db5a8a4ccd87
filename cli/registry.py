"""``mlserve registry``: registered models and their versions.

Stages, aliases and approvals are in ``promotions``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from ..store.contract import Transport
from ..store.entities import ModelVersion, RegisteredModel, Tag
from ..store.registry_operations import (
    CREATE_REGISTERED_MODEL,
    DELETE_MODEL_VERSION,
    DELETE_REGISTERED_MODEL,
    GET_REGISTERED_MODEL,
    RENAME_REGISTERED_MODEL,
    SEARCH_MODEL_VERSIONS,
    SEARCH_REGISTERED_MODELS,
)
from ..store.registry_requests import (
    CreateRegisteredModel,
    RegisteredModelName,
    RenameRegisteredModel,
    SearchModelVersions,
    SearchRegisteredModels,
    VersionName,
)
from ..store.result_pages import fetch_all
from . import promotions
from .store_options import (
    Session,
    View,
    list_options,
    order_option,
    print_entity,
    print_sections,
    print_text,
    read_pairs,
    require_yes,
    result_options,
    say,
    store_options,
    tag_option,
    yes_option,
)
from .tables import Column, format_table, format_time, terminal_width

MODELS = View(
    (
        Column("NAME", is_whole=True),
        Column("STAGES"),
        Column("ALIASES"),
        Column("UPDATED", is_whole=True),
        Column("DESCRIPTION"),
    ),
    lambda model: (
        model.name,
        ", ".join(f"{one.current_stage} {one.version}" for one in model.latest_versions),
        ", ".join(f"@{alias.alias} {alias.version}" for alias in model.aliases),
        format_time(model.last_updated_timestamp),
        model.description,
    ),
)
VERSIONS = View(
    (
        Column("VERSION", is_whole=True),
        Column("STAGE", is_whole=True),
        Column("ALIASES"),
        Column("CREATED", is_whole=True),
        Column("STATUS"),
        Column("SOURCE"),
        Column("RUN ID"),
    ),
    lambda one: (
        one.version,
        one.current_stage,
        ", ".join(f"@{alias}" for alias in one.aliases),
        format_time(one.creation_timestamp),
        one.status,
        one.source,
        one.run_id,
    ),
)


@click.group()
def registry() -> None:
    """List, make, promote, roll back and delete registered models."""


for command in promotions.COMMANDS:
    registry.add_command(command)


@registry.command("list")
@list_options
def list_models(session: Session) -> None:
    """List registered models, each with the latest version in each stage."""
    with session.connected() as transport:
        found = find_models(transport, session.page_size)
        session.print_list(found, MODELS)


@registry.command()
@click.argument("filter_text", metavar="FILTER")
@order_option
@list_options
def search(filter_text: str, order_by: Sequence[str], session: Session) -> None:
    """List the registered models that FILTER describes, such as "tags.team = 'growth'"."""
    with session.connected() as transport:
        found = find_models(transport, session.page_size, filter_text, order_by)
        session.print_list(found, MODELS)


@registry.command()
@click.argument("name")
@list_options
def versions(name: str, session: Session) -> None:
    """List the versions of the registered model NAME, the newest first."""
    with session.connected() as transport:
        transport.call(GET_REGISTERED_MODEL, RegisteredModelName(name))
        found = find_versions(transport, name, session.page_size)
        session.print_list(found, VERSIONS)


@registry.command()
@click.argument("name")
@click.argument("version", required=False)
@result_options
def show(name: str, version: str | None, session: Session) -> None:
    """Show the registered model NAME, or one VERSION of it: a number, or @ALIAS."""
    with session.connected() as transport:
        if version is not None:
            _show_version(session, promotions.find_version(transport, name, version))
            return
        model = transport.call(GET_REGISTERED_MODEL, RegisteredModelName(name)).registered_model
        if session.as_json:
            print_entity(model)
            return
        rows = [VERSIONS.row(one) for one in find_versions(transport, name)]
    tags = [(tag.key, tag.value) for tag in model.tags]
    print_sections({"registered model": MODELS.facts(model), "tags": tags})
    print_text(format_table(VERSIONS.columns, rows, terminal_width()))


@registry.command()
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What the model is for.")
@tag_option
@result_options
def create(name: str, description: str | None, tags: Sequence[str], session: Session) -> None:
    """Make a registered model called NAME, which has no versions yet."""
    pairs = [Tag(key, value) for key, value in read_pairs(tags, "--tag").items()]
    request = CreateRegisteredModel(name, pairs, description)
    with session.connected(makes=True) as transport:
        made = transport.call(CREATE_REGISTERED_MODEL, request).registered_model
    session.print_made(made, made.name)


@registry.command()
@click.argument("name")
@click.argument("new_name")
@store_options
def rename(name: str, new_name: str, session: Session) -> None:
    """Give the registered model NAME the name NEW_NAME."""
    with session.connected() as transport:
        transport.call(RENAME_REGISTERED_MODEL, RenameRegisteredModel(name, new_name))
    say(f"renamed {name} to {new_name}")


@registry.command()
@click.argument("name")
@click.argument("version", required=False)
@yes_option
@store_options
def delete(name: str, version: str | None, yes: bool, session: Session) -> None:
    """Delete the registered model NAME with all its versions, or one VERSION alone, for good.

    The artifacts stay with the run or the logged model that they are of.
    """
    with session.connected() as transport:
        if version is None:
            transport.call(GET_REGISTERED_MODEL, RegisteredModelName(name))
            require_yes(f"Delete {name} with all its versions?", yes=yes)
            transport.call(DELETE_REGISTERED_MODEL, RegisteredModelName(name))
        else:
            found = promotions.find_version(transport, name, version)
            require_yes(
                f"Delete version {found.version} of {name}, in {found.current_stage}?", yes=yes
            )
            transport.call(DELETE_MODEL_VERSION, VersionName(name, found.version))
    say(f"deleted {name}" + (f" version {found.version}" if version else ""))


def find_models(
    transport: Transport,
    size: int,
    filter_text: str | None = None,
    order_by: Sequence[str] = (),
) -> Iterator[RegisteredModel]:
    """Yield the registered models that a filter describes, ``size`` at a time."""
    request = SearchRegisteredModels(filter_text, size, list(order_by))
    return fetch_all(transport, SEARCH_REGISTERED_MODELS, request, "registered_models")


def find_versions(transport: Transport, name: str, size: int = 1000) -> Iterator[ModelVersion]:
    """Yield the versions of a registered model, the newest first."""
    quote = '"' if "'" in name else "'"
    request = SearchModelVersions(f"name = {quote}{name}{quote}", size, ["version_number DESC"])
    return fetch_all(transport, SEARCH_MODEL_VERSIONS, request, "model_versions")


def _show_version(session: Session, version: ModelVersion) -> None:
    if session.as_json:
        print_entity(version)
        return
    facts = [("name", version.name), *VERSIONS.facts(version), ("model", version.model_id),
             ("description", version.description)]  # fmt: skip
    tags = [(tag.key, tag.value) for tag in version.tags]
    print_sections({"version": facts, "tags": tags})
