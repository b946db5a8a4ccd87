"""Approvals: a version is proposed for a stage, and somebody else approves it or does not.

An approval is for one version and one stage, and is used up when the version gets the stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from ..runtimes.errors import shorten
from .entities import Approval
from .errors import AlreadyExists, ApprovalNeeded, InvalidParameter, InvalidState, NotFound
from .events import APPROVAL_DECIDED, APPROVAL_REQUESTED, announce
from .registry_names import check_model_name, check_reason, read_key
from .registry_records import hold_version
from .registry_requests import (
    ApprovalAnswer,
    ApprovalsAnswer,
    DecideApproval,
    RequestApproval,
    SearchApprovals,
)
from .tables import approvals

if TYPE_CHECKING:
    from .store import Store

PENDING: Final = "pending"
APPROVED: Final = "approved"
REJECTED: Final = "rejected"
USED: Final = "used"

_STATES = (PENDING, APPROVED, REJECTED, USED)
_MOST = 1000  # of an answer


def request_approval(store: Store, request: RequestApproval) -> ApprovalAnswer:
    """Ask that a version may get a stage that asks for an approval."""
    number = read_key(request.name, request.version)
    stage = store.lifecycle.find_stage(request.stage)
    check_reason(request.reason, f"the request for {stage}")
    if not store.lifecycle.rule(stage).needs_approval:
        raise InvalidState(f"the stage {stage} asks for no approval; move the version right away")
    with store.database.write() as connection:
        _, version = hold_version(connection, request.name, number)
        if store.lifecycle.shown(version.stage) == stage:
            raise InvalidState(f"{request.name} version {number} is in {stage} already")
        _check_none_open(connection, request.name, number, stage)
        row = {"name": request.name, "version": number, "stage": stage, "state": PENDING,
               "requested_by": store.caller, "requested_at": store.clock(),
               "reason": request.reason}  # fmt: skip
        key = connection.execute(insert(approvals).values(row)).inserted_primary_key
        approval = _read(connection, 0 if key is None else key[0])
        announce(store, connection, APPROVAL_REQUESTED, [_facts(approval)])
    return ApprovalAnswer(approval)


def decide_approval(store: Store, request: DecideApproval) -> ApprovalAnswer:
    """Approve or reject what is pending; who asked may approve only where the lifecycle says so."""
    number = read_key(request.name, request.version)
    stage = store.lifecycle.find_stage(request.stage)
    check_reason(request.reason, "the decision")
    with store.database.write() as connection:
        hold_version(connection, request.name, number)
        pending = _find(connection, request.name, number, stage, PENDING)
        if pending is None:
            raise NotFound(
                f"found no pending request of {request.name} version {number} for {stage}"
            )
        if request.is_approved:
            _check_approver(store, pending)
        values = {
            "state": APPROVED if request.is_approved else REJECTED,
            "decided_by": store.caller,
            "decided_at": store.clock(),
            "decision_reason": request.reason,
        }
        _update(connection, pending.approval_id, **values)
        approval = _read(connection, pending.approval_id)
        announce(store, connection, APPROVAL_DECIDED, [_facts(approval)])
    return ApprovalAnswer(approval)


def search_approvals(store: Store, request: SearchApprovals) -> ApprovalsAnswer:
    """Return the requests of a model, or of all, in one state or any; the newest come first."""
    statement = select(approvals).order_by(approvals.c.approval_id.desc()).limit(_MOST)
    if request.name is not None:
        check_model_name(request.name)
        statement = statement.where(approvals.c.name == request.name)
    if request.state is not None:
        if request.state not in _STATES:
            raise InvalidParameter(
                f"state: found {shorten(request.state)}, expected one of {', '.join(_STATES)}"
            )
        statement = statement.where(approvals.c.state == request.state)
    with store.database.read() as connection:
        return ApprovalsAnswer([_build(row) for row in connection.execute(statement)])


def use_approval(connection: Connection, name: str, number: int, stage: str) -> None:
    """Use up the approval of a version, which must be held, for a stage.

    Raises `ApprovalNeeded` where there is none.
    """
    approved = _find(connection, name, number, stage, APPROVED)
    if approved is None:
        raise ApprovalNeeded(name, number, stage)
    _update(connection, approved.approval_id, state=USED)


def _check_none_open(connection: Connection, name: str, number: int, stage: str) -> None:
    for state in (PENDING, APPROVED):
        if _find(connection, name, number, stage, state) is not None:
            raise AlreadyExists(
                f"there is a request of {name} version {number} for {stage}: {state}"
            )


def _check_approver(store: Store, pending: Row[Any]) -> None:
    if pending.requested_by == store.caller and not store.lifecycle.self_approval:
        raise InvalidState(
            f"{shorten(store.caller)} asked for this approval and cannot give it; have somebody "
            "else approve, or set self_approval = true in the lifecycle file"
        )


def _find(
    connection: Connection, name: str, number: int, stage: str, state: str
) -> Row[Any] | None:
    columns = approvals.c
    statement = select(approvals).where(
        columns.name == name,
        columns.version == number,
        columns.stage == stage,
        columns.state == state,
    )
    return connection.execute(statement.order_by(columns.approval_id).limit(1)).one_or_none()


def _update(connection: Connection, approval_id: int, **values: Any) -> None:
    statement = update(approvals).where(approvals.c.approval_id == approval_id)
    connection.execute(statement.values(values))


def _read(connection: Connection, approval_id: int) -> Approval:
    statement = select(approvals).where(approvals.c.approval_id == approval_id)
    return _build(connection.execute(statement).one())


def _build(row: Row[Any]) -> Approval:
    return Approval(
        row.approval_id,
        row.name,
        str(row.version),
        row.stage,
        row.state,
        row.requested_by,
        row.requested_at,
        row.reason,
        row.decided_by,
        row.decided_at,
        row.decision_reason,
    )


def _facts(approval: Approval) -> dict[str, Any]:
    return {
        "name": approval.name,
        "version": approval.version,
        "stage": approval.stage,
        "state": approval.state,
        "reason": approval.decision_reason or approval.reason,
    }
