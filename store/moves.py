"""Moves of versions between stages, and of aliases between versions, as the log keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, func, insert, select

from .tables import promotions

if TYPE_CHECKING:
    from .store import Store

STAGE: Final = "stage"
ROLLBACK: Final = "rollback"
ALIAS: Final = "alias"

_OF_STAGES = (STAGE, ROLLBACK)


@dataclass(frozen=True, slots=True)
class Move:
    """One entry of the log: a version got another stage, or an alias another version.

    ``origin`` and ``target`` are stages as the database names them, or the numbers of versions; ""
    is where a version or an alias comes from that is new, and where one goes that is deleted.
    """

    version: int
    origin: str
    target: str
    kind: str = STAGE
    alias: str | None = None
    reason: str = ""


def record_moves(
    store: Store, connection: Connection, model: Row[Any], moves: Iterable[Move]
) -> None:
    """Add the moves to the log of ``model``, which must be held, in their order."""
    common = {
        "at": store.clock(),
        "model_uid": model.model_uid,
        "name": model.name,
        "actor": store.caller,
    }
    rows = [
        common
        | {"version": move.version, "kind": move.kind, "alias": move.alias, "reason": move.reason,
           "origin": move.origin, "target": move.target}
        for move in moves
    ]  # fmt: skip
    if rows:
        connection.execute(insert(promotions), rows)


def read_stages_at(connection: Connection, model_uid: str, at: int | None = None) -> dict[int, str]:
    """Return the stage that each version had at a moment, or has now, by the log.

    The last to move is last. A version that was deleted by then has the stage "".
    """
    newest = select(func.max(promotions.c.promotion_id)).where(
        promotions.c.model_uid == model_uid, promotions.c.kind.in_(_OF_STAGES)
    )
    if at is not None:
        newest = newest.where(promotions.c.at <= at)
    rows = connection.execute(
        select(promotions.c.version, promotions.c.target)
        .where(promotions.c.promotion_id.in_(newest.group_by(promotions.c.version)))
        .order_by(promotions.c.promotion_id)
    )
    return {row.version: row.target for row in rows}


def read_holders(connection: Connection, model_uid: str, stage: str) -> list[int]:
    """Return the versions that had ``stage`` one after the other, the last of them last.

    What a rollback undid is not among them.
    """
    rows = connection.execute(
        select(promotions.c.version, promotions.c.kind)
        .where(
            promotions.c.model_uid == model_uid,
            promotions.c.kind.in_(_OF_STAGES),
            promotions.c.target == stage,
        )
        .order_by(promotions.c.promotion_id)
    )
    holders: list[int] = []
    for version, kind in rows:
        if kind == ROLLBACK:
            holders = holders_until(holders, version)
        else:
            holders.append(version)
    return holders


def holders_until(holders: Sequence[int], version: int) -> list[int]:
    """Return ``holders`` up to the last time that ``version`` was one; all if it never was."""
    for end in range(len(holders), 0, -1):
        if holders[end - 1] == version:
            return list(holders[:end])
    return list(holders)
