"""Promotions: versions get stages and aliases, each with its log entry in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, delete, select, update

from .approvals import use_approval
from .entities import Empty
from .errors import InvalidParameter, InvalidState
from .events import ALIAS_CHANGED, STAGE_CHANGED, announce
from .gates import check_gates
from .moves import (
    ALIAS,
    ROLLBACK,
    Move,
    holders_until,
    read_holders,
    read_stages_at,
    record_moves,
)
from .registry_names import (
    check_alias,
    check_model_name,
    check_new_alias,
    check_reason,
    check_words,
    read_key,
)
from .registry_records import hold_model, hold_version, touch_model
from .registry_requests import (
    AliasName,
    ModelVersionAnswer,
    Rollback,
    SetAlias,
    TransitionStage,
)
from .tables import aliases, model_versions
from .upserts import insert_or_update
from .version_loading import load_model_versions

if TYPE_CHECKING:
    from .store import Store


def transition_stage(store: Store, request: TransitionStage) -> ModelVersionAnswer:
    """Move a version to a stage, if the lifecycle, the gates and the approvals allow it.

    With ``archive_existing_versions`` the others in the stage go to the archive.
    """
    number = read_key(request.name, request.version)
    stage = store.lifecycle.find_stage(request.stage)
    reason = check_words("reason", request.reason)
    if request.archive_existing_versions:
        _require_active(store, stage)
    with store.database.write() as connection:
        model, version = hold_version(connection, request.name, number)
        _check_move(store, connection, version, stage)
        moves = [Move(number, version.stage, store.lifecycle.stored(stage), reason=reason)]
        if request.archive_existing_versions:
            others = _versions_in(connection, request.name, moves[0].target) - {number}
            moves = [*_archive(store, others, moves[0]), *moves]
        _make_moves(store, connection, model, moves)
        return _answer(connection, request.name, number)


def roll_back(store: Store, request: Rollback) -> ModelVersionAnswer:
    """Give a stage back to the version that had it before the one that has it now.

    That one is archived, or gets the first stage where there is no archive. No gate and no approval
    is asked for: the version that comes back had passed them.
    """
    check_model_name(request.name)
    stage = store.lifecycle.find_stage(request.stage)
    check_reason(request.reason, f"giving {stage} back")
    _require_given(store, stage)
    stored = store.lifecycle.stored(stage)
    with store.database.write() as connection:
        model = hold_model(connection, request.name)
        present = _find_holder(connection, model, stored)
        if present is None:
            raise InvalidState(f"{request.name}: no version is in {stage} that could give it back")
        earlier = _find_earlier(connection, model, stored, present)
        if earlier is None:
            raise InvalidState(
                f"{request.name}: version {present} is in {stage}, and no other version that is "
                "still there was in it before"
            )
        back = Move(earlier.version, earlier.stage, stored, ROLLBACK, reason=request.reason)
        _make_moves(store, connection, model, [_leave(store, present, back), back])
        return _answer(connection, request.name, earlier.version)


def set_alias(store: Store, request: SetAlias) -> Empty:
    """Give an alias to a version; the one that had it has it no more."""
    number = read_key(request.name, request.version)
    check_new_alias(request.alias)
    reason = check_words("reason", request.reason)
    row = {"name": request.name, "alias": request.alias, "version": number}
    with store.database.write() as connection:
        model, _ = hold_version(connection, request.name, number)
        before = _find_alias(connection, request.name, request.alias)
        if before != number:
            connection.execute(insert_or_update(connection, aliases), row)
            origin = "" if before is None else str(before)
            move = Move(number, origin, str(number), ALIAS, request.alias, reason)
            _record(store, connection, model, [move])
    return Empty()


def delete_alias(store: Store, request: AliasName) -> Empty:
    """Take an alias away, if a version has it."""
    check_model_name(request.name)
    check_alias(request.alias)
    condition = (aliases.c.name == request.name, aliases.c.alias == request.alias)
    with store.database.write() as connection:
        model = hold_model(connection, request.name)
        before = _find_alias(connection, request.name, request.alias)
        if before is not None:
            connection.execute(delete(aliases).where(*condition))
            move = Move(before, str(before), "", ALIAS, request.alias)
            _record(store, connection, model, [move])
    return Empty()


def _require_given(store: Store, stage: str) -> None:
    """Refuse the stages that versions get without being given them."""
    if not store.lifecycle.is_given(stage):
        raise InvalidParameter(
            f"found the stage {stage}, expected one that versions are moved up to"
        )


def _require_active(store: Store, stage: str) -> None:
    lifecycle = store.lifecycle
    if not lifecycle.can_archive(stage):
        active = [one for one in lifecycle.stages if lifecycle.can_archive(one)]
        raise InvalidParameter(
            "Model version transition cannot archive existing model versions "
            f"because '{stage}' is not an Active stage. Valid stages are {active}"
        )


def _check_move(store: Store, connection: Connection, version: Row[Any], stage: str) -> None:
    """Refuse a move that the lifecycle does not allow; to stay where one is needs nothing."""
    origin, rule = store.lifecycle.shown(version.stage), store.lifecycle.rule(stage)
    if origin == stage:
        return
    store.lifecycle.check_move(origin, stage)
    check_gates(connection, version, stage, rule)
    if rule.needs_approval:
        use_approval(connection, version.name, version.version, stage)


def _archive(store: Store, numbers: Iterable[int], successor: Move) -> list[Move]:
    archive = store.lifecycle.stored(store.lifecycle.archive)
    reason = f"version {successor.version} took its stage"
    return [Move(number, successor.target, archive, reason=reason) for number in sorted(numbers)]


def _leave(store: Store, number: int, back: Move) -> Move:
    """Return the move of the version that loses its stage to a rollback."""
    lifecycle = store.lifecycle
    has_archive = lifecycle.can_archive(lifecycle.shown(back.target))
    target = lifecycle.archive if has_archive else lifecycle.first
    return Move(number, back.target, lifecycle.stored(target), reason=back.reason)


def _find_holder(connection: Connection, model: Row[Any], stage: str) -> int | None:
    """Return the version that has the stage: of several, the last that got it."""
    numbers = _versions_in(connection, model.name, stage)
    moved = read_stages_at(connection, model.model_uid)
    in_order = [number for number in moved if number in numbers]
    # What another program wrote has no log.
    return in_order[-1] if in_order else max(numbers, default=None)


def _find_earlier(
    connection: Connection, model: Row[Any], stage: str, present: int
) -> Row[Any] | None:
    """Return the last version before ``present`` that had the stage and is still there."""
    there = {row.version: row for row in _versions_of(connection, model.name)}
    holders = holders_until(read_holders(connection, model.model_uid, stage), present)
    return next((there[n] for n in reversed(holders) if n != present and n in there), None)


def _versions_of(connection: Connection, name: str) -> Sequence[Row[Any]]:
    columns: Any = (model_versions.c.version, model_versions.c.stage)
    return connection.execute(select(*columns).where(model_versions.c.name == name)).all()


def _versions_in(connection: Connection, name: str, stage: str) -> set[int]:
    return {row.version for row in _versions_of(connection, name) if row.stage == stage}


def _find_alias(connection: Connection, name: str, alias: str) -> int | None:
    statement = select(aliases.c.version).where(aliases.c.name == name, aliases.c.alias == alias)
    return connection.scalar(statement)


def _make_moves(
    store: Store, connection: Connection, model: Row[Any], moves: Sequence[Move]
) -> None:
    now = store.clock()
    for move in moves:
        is_moved = (model_versions.c.name == model.name, model_versions.c.version == move.version)
        values = {"stage": move.target, "last_update_time": now}
        connection.execute(update(model_versions).where(*is_moved).values(values))
    touch_model(connection, model.name, now)
    _record(store, connection, model, moves)


def _record(store: Store, connection: Connection, model: Row[Any], moves: Sequence[Move]) -> None:
    """Write the moves, all of stages or all of aliases, to the log and to the outbox."""
    record_moves(store, connection, model, moves)
    event = ALIAS_CHANGED if moves[0].kind == ALIAS else STAGE_CHANGED
    announce(store, connection, event, [_facts(store, model.name, move) for move in moves])


def _facts(store: Store, name: str, move: Move) -> dict[str, Any]:
    facts = {"name": name, "version": str(move.version), "reason": move.reason}
    if move.kind == ALIAS:
        return facts | {"alias": move.alias, "from": move.origin, "to": move.target}
    shown = store.lifecycle.shown
    return facts | {"from": shown(move.origin), "to": shown(move.target)}


def _answer(connection: Connection, name: str, number: int) -> ModelVersionAnswer:
    return ModelVersionAnswer(*load_model_versions(connection, [(name, number)]))
