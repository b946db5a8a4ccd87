"""The log of promotions, asked for: its entries, and which version had a stage at a moment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, select

from ..runtimes.errors import shorten
from .entities import Promotion
from .errors import InvalidParameter, NoSuchVersion
from .limits import check_integer, invalid
from .moves import ALIAS, read_stages_at
from .references import StageReference, write_reference
from .registry_names import check_model_name, read_version
from .registry_records import missing_model
from .registry_requests import (
    FindVersion,
    ModelVersionAnswer,
    PromotionsAnswer,
    SearchPromotions,
)
from .tables import promotions, registered_models
from .version_loading import load_model_versions

if TYPE_CHECKING:
    from .store import Store

_MOST = 10_000  # of a page
_LATEST_MOMENT: Final = 253_402_300_799_999  # the end of the year 9999
_TOKEN = re.compile(r"[0-9]{1,18}")


def find_version(store: Store, request: FindVersion) -> ModelVersionAnswer:
    """Return the version that had a stage at a moment; of several, the last that got it.

    The log alone tells it, so that later moves and names change nothing. Raises `NoSuchVersion`
    where none had it, or where the one that had it was deleted.
    """
    check_model_name(request.name)
    stage = store.lifecycle.find_stage(request.stage)
    if not 0 <= check_integer("at", request.at) <= _LATEST_MOMENT:
        raise invalid("at", request.at, "expected milliseconds from 1970 up to the year 9999")
    reference = write_reference(StageReference(request.name, stage, request.at))
    with store.database.read() as connection:
        model_uid = _find_model_at(connection, request.name, request.at)
        stages = read_stages_at(connection, model_uid, request.at)
        stored = store.lifecycle.stored(stage)
        holders = [number for number, held in stages.items() if held == stored]
        if not holders:
            there = _describe(store, stages)
            raise NoSuchVersion(reference, f"no version was in {stage} then", there)
        present = _name_of(connection, model_uid)
        found = load_model_versions(connection, [] if present is None else [(present, holders[-1])])
    if not found:
        raise NoSuchVersion(
            reference, f"version {holders[-1]} was in {stage}, and was deleted since"
        )
    return ModelVersionAnswer(*found)


def search_promotions(store: Store, request: SearchPromotions) -> PromotionsAnswer:
    """Return the log of a model, also under its former names, or of a deleted one; newest first."""
    check_model_name(request.name)
    if not 1 <= check_integer("max_results", request.max_results) <= _MOST:
        raise invalid("max_results", request.max_results, f"expected a number from 1 to {_MOST}")
    statement = select(promotions).order_by(promotions.c.promotion_id.desc())
    if request.version is not None:
        statement = statement.where(promotions.c.version == read_version(request.version))
    if request.page_token is not None:
        statement = statement.where(promotions.c.promotion_id < _read_token(request.page_token))
    with store.database.read() as connection:
        model_uid = _find_model(connection, request.name)
        of_model = statement.where(promotions.c.model_uid == model_uid)
        rows = connection.execute(of_model.limit(request.max_results + 1)).all()
    page = rows[: request.max_results]
    token = str(page[-1].promotion_id) if len(rows) > len(page) else None
    return PromotionsAnswer([_build(store, row) for row in page], token)


def _find_model_at(connection: Connection, name: str, at: int) -> str:
    """Return the id of the model that has the name and was there at a moment, or had it then."""
    model_uid = _find_model(connection, name)
    before = select(promotions.c.model_uid).where(promotions.c.at <= at)
    newest = before.order_by(promotions.c.promotion_id.desc()).limit(1)
    was_there = connection.scalar(newest.where(promotions.c.model_uid == model_uid))
    had_name = was_there or connection.scalar(newest.where(promotions.c.name == name))
    return str(had_name or model_uid)


def _find_model(connection: Connection, name: str) -> str:
    """Return the id of the model that has the name, or else of the last that had it."""
    present = select(registered_models.c.model_uid).where(registered_models.c.name == name)
    past = select(promotions.c.model_uid).where(promotions.c.name == name)
    newest = past.order_by(promotions.c.promotion_id.desc()).limit(1)
    model_uid = connection.scalar(present) or connection.scalar(newest)
    if model_uid is None:
        raise missing_model(name)
    return str(model_uid)


def _name_of(connection: Connection, model_uid: str) -> str | None:
    statement = select(registered_models.c.name)
    return connection.scalar(statement.where(registered_models.c.model_uid == model_uid))


def _describe(store: Store, stages: dict[int, str]) -> list[str]:
    """Return which version had each stage that any had."""
    holders = {stage: number for number, stage in stages.items() if stage}
    return [f"{store.lifecycle.shown(stage)} had {number}" for stage, number in holders.items()]


def _read_token(token: str) -> int:
    if _TOKEN.fullmatch(token) is None:
        raise InvalidParameter(f"Invalid page token: '{shorten(token)}'")
    return int(token)


def _build(store: Store, row: Row[Any]) -> Promotion:
    is_of_alias = row.kind == ALIAS
    origin, target = row.origin, row.target
    if not is_of_alias:
        origin, target = store.lifecycle.shown(origin), store.lifecycle.shown(target)
    return Promotion(
        id=row.promotion_id,
        at=row.at,
        name=row.name,
        version=str(row.version),
        kind=row.kind,
        alias=row.alias,
        origin=origin,
        to=target,
        actor=row.actor,
        reason=row.reason,
    )
