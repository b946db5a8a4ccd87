"""Of ``mlserve registry``: versions get stages and aliases, with approvals and a log."""

from __future__ import annotations

from typing import Any, Final

import click

from ..store.contract import Transport
from ..store.entities import ModelVersion
from ..store.registry_operations import (
    DECIDE_APPROVAL,
    DELETE_ALIAS,
    GET_MODEL_VERSION,
    GET_VERSION_BY_ALIAS,
    REQUEST_APPROVAL,
    ROLL_BACK,
    SEARCH_APPROVALS,
    SEARCH_PROMOTIONS,
    SET_ALIAS,
    TRANSITION_STAGE,
)
from ..store.registry_requests import (
    AliasName,
    DecideApproval,
    RequestApproval,
    Rollback,
    SearchApprovals,
    SearchPromotions,
    SetAlias,
    TransitionStage,
    VersionName,
)
from ..store.result_pages import fetch_all
from .store_options import Command, Session, View, list_options, result_options, say, store_options
from .tables import Column, format_time

HISTORY: Final = View(
    (
        Column("TIME", is_whole=True),
        Column("VERSION", is_whole=True),
        Column("WHAT"),
        Column("FROM"),
        Column("TO"),
        Column("BY"),
        Column("REASON"),
    ),
    lambda one: (
        format_time(one.at),
        one.version,
        f"@{one.alias}" if one.alias else one.kind,
        one.origin,
        one.to,
        one.actor,
        one.reason,
    ),
)
APPROVALS: Final = View(
    (
        Column("NAME", is_whole=True),
        Column("VERSION", is_whole=True),
        Column("STAGE", is_whole=True),
        Column("STATE", is_whole=True),
        Column("ASKED BY"),
        Column("REASON"),
        Column("DECIDED BY"),
        Column("DECISION"),
    ),
    lambda one: (
        one.name,
        one.version,
        one.stage,
        one.state,
        one.requested_by,
        one.reason,
        one.decided_by,
        one.decision_reason,
    ),
)

reason_option = click.option("--reason", metavar="TEXT", help="Why, for the log of promotions.")
needed_reason_option = click.option("--reason", metavar="TEXT", required=True, help="Why.")


def version_arguments(command: Command) -> Command:
    """Return ``command`` with the arguments that name a version and a stage."""
    for name in ("stage", "version", "name"):
        command = click.argument(name)(command)
    return command


@click.command()
@version_arguments
@click.option(
    "--archive-existing", is_flag=True, help="Archive the versions that are in the stage now."
)
@reason_option
@result_options
def promote(
    name: str,
    version: str,
    stage: str,
    archive_existing: bool,
    reason: str | None,
    session: Session,
) -> None:
    """Move a VERSION of the registered model NAME, a number or @ALIAS, to STAGE."""
    with session.connected() as transport:
        number = find_version(transport, name, version).version
        request = TransitionStage(name, number, stage, archive_existing, reason)
        moved = transport.call(TRANSITION_STAGE, request).model_version
    say(f"{name} version {moved.version} is in {moved.current_stage}")
    session.print_made(moved)


@click.command()
@click.argument("name")
@click.argument("stage", default="Production")
@needed_reason_option
@result_options
def rollback(name: str, stage: str, reason: str, session: Session) -> None:
    """Give STAGE, or Production, back to the version that had it before the present one."""
    with session.connected() as transport:
        moved = transport.call(ROLL_BACK, Rollback(name, stage, reason)).model_version
    say(f"{name} version {moved.version} is in {moved.current_stage} again")
    session.print_made(moved)


@click.group()
def alias() -> None:
    """Give an alias to a version, or take it away."""


@alias.command("set")
@click.argument("name")
@click.argument("alias_name", metavar="ALIAS")
@click.argument("version")
@reason_option
@store_options
def set_alias(
    name: str, alias_name: str, version: str, reason: str | None, session: Session
) -> None:
    """Let ALIAS mean a VERSION of the registered model NAME, and no other."""
    with session.connected() as transport:
        number = find_version(transport, name, version).version
        transport.call(SET_ALIAS, SetAlias(name, alias_name, number, reason))
    say(f"{name}@{alias_name} is version {number}")


@alias.command()
@click.argument("name")
@click.argument("alias_name", metavar="ALIAS")
@store_options
def remove(name: str, alias_name: str, session: Session) -> None:
    """Let ALIAS mean no version of the registered model NAME any more."""
    with session.connected() as transport:
        transport.call(DELETE_ALIAS, AliasName(name, alias_name))
    say(f"{name}@{alias_name} is no version")


@click.command()
@click.argument("name")
@click.option("--version", metavar="N", help="Of this version alone.")
@list_options
def history(name: str, version: str | None, session: Session) -> None:
    """List the promotions of the registered model NAME: when, what, from, to, by whom and why."""
    request = SearchPromotions(name, version, session.page_size)
    with session.connected() as transport:
        found = fetch_all(transport, SEARCH_PROMOTIONS, request, "promotions")
        session.print_list(found, HISTORY)


@click.command()
@version_arguments
@needed_reason_option
@result_options
def request(name: str, version: str, stage: str, reason: str, session: Session) -> None:
    """Ask that a VERSION of the registered model NAME may get STAGE."""
    with session.connected() as transport:
        number = find_version(transport, name, version).version
        asked = RequestApproval(name, number, stage, reason)
        approval = transport.call(REQUEST_APPROVAL, asked).approval
    say(f"asked for an approval of {name} version {number} for {approval.stage}")
    session.print_made(approval)


@click.command()
@version_arguments
@needed_reason_option
@result_options
def approve(**flags: Any) -> None:
    """Approve that a VERSION of the registered model NAME gets STAGE."""
    _decide(is_approved=True, **flags)


@click.command()
@version_arguments
@needed_reason_option
@result_options
def reject(**flags: Any) -> None:
    """Reject that a VERSION of the registered model NAME gets STAGE."""
    _decide(is_approved=False, **flags)


@click.command()
@click.argument("name", required=False)
@click.option("--state", metavar="STATE", help="pending, approved, rejected or used.")
@list_options
def approvals(name: str | None, state: str | None, session: Session) -> None:
    """List approvals, of the registered model NAME or of all."""
    with session.connected() as transport:
        found = transport.call(SEARCH_APPROVALS, SearchApprovals(name, state)).approvals
        session.print_list(found, APPROVALS)


COMMANDS: Final = (promote, rollback, alias, history, request, approve, reject, approvals)


def find_version(transport: Transport, name: str, text: str) -> ModelVersion:
    """Return the version that ``text`` names, a number or @ALIAS."""
    if text.startswith("@"):
        asked = AliasName(name, text.removeprefix("@"))
        return transport.call(GET_VERSION_BY_ALIAS, asked).model_version
    return transport.call(GET_MODEL_VERSION, VersionName(name, text)).model_version


def _decide(
    *, is_approved: bool, name: str, version: str, stage: str, reason: str, session: Session
) -> None:
    with session.connected() as transport:
        number = find_version(transport, name, version).version
        decision = DecideApproval(name, number, stage, reason, is_approved)
        approval = transport.call(DECIDE_APPROVAL, decision).approval
    say(f"{approval.state} {name} version {number} for {approval.stage}")
    session.print_made(approval)
