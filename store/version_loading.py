"""Versions of registered models read whole, however many: two statements, made once and kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Table,
    Text,
    any_,
    bindparam,
    func,
    null,
    select,
    tuple_,
    union_all,
)

from .entities import ModelVersion, Tag
from .tables import aliases, model_version_tags, model_versions

Key = tuple[str, int]

_LARGE: Final = {"manifest", "digest"}
_COLUMNS: Final = [column for column in model_versions.c if column.name not in _LARGE]


def load_model_versions(connection: Connection, keys: Sequence[Key]) -> list[ModelVersion]:
    """Return the versions of ``keys``, name and number, in their order, without those not there."""
    is_sqlite = connection.dialect.name == "sqlite"
    rows = connection.execute(_select_versions(is_sqlite), _key_values(keys, is_sqlite)).all()
    found = {(one.name, int(one.version)): one for one in _complete(connection, rows)}
    return [found[key] for key in keys if key in found]


def load_latest_versions(
    connection: Connection, names: Sequence[str], stages: Collection[str] = ()
) -> list[ModelVersion]:
    """Return the newest version in each stage of each model, in the order of their numbers.

    ``stages``, as the database has them, leave out the others.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    wanted: Any = msgspec.json.encode(names).decode() if is_sqlite else list(names)
    rows = connection.execute(_select_latest(is_sqlite), {"names": wanted}).all()
    return _complete(connection, [row for row in rows if not stages or row.stage in stages])


def _complete(connection: Connection, rows: Sequence[Row[Any]]) -> list[ModelVersion]:
    """Return the versions of ``rows`` with their tags and aliases."""
    if not rows:
        return []
    is_sqlite = connection.dialect.name == "sqlite"
    values = _key_values([(row.name, row.version) for row in rows], is_sqlite)
    tags, given = defaultdict(list), defaultdict(list)
    for name, version, key, value in connection.execute(_select_labels(is_sqlite), values):
        if value is None:
            given[name, version].append(key)
        else:
            tags[name, version].append(Tag(key, value))
    return [_build(row, tags[row.name, row.version], given[row.name, row.version]) for row in rows]


def _build(row: Row[Any], tags: list[Tag], given: list[str]) -> ModelVersion:
    return ModelVersion(
        name=row.name,
        version=str(row.version),
        creation_timestamp=row.creation_time,
        last_updated_timestamp=row.last_update_time,
        user_id=row.user_id,
        current_stage=row.stage,
        description=row.description,
        source=row.source,
        run_id=row.run_id,
        status=row.status,
        status_message=row.status_message,
        tags=tags,
        run_link=row.run_link,
        aliases=given,
        model_id=row.model_id,
    )


@cache
def _select_versions(is_sqlite: bool) -> Select[Any]:
    return select(*_COLUMNS).where(_is_wanted(model_versions, is_sqlite))


@cache
def _select_latest(is_sqlite: bool) -> Select[Any]:
    name, version = model_versions.c.name, model_versions.c.version
    if is_sqlite:
        names = func.json_each(bindparam("names", type_=Text)).table_valued("value")
        is_named: ColumnElement[bool] = name.in_(select(names.c.value))
    else:
        is_named = name == any_(bindparam("names", type_=ARRAY(Text())))
    newest = select(name, func.max(version)).where(is_named).group_by(name, model_versions.c.stage)
    is_newest = tuple_(name, version).in_(newest)
    return select(*_COLUMNS).where(is_newest).order_by(name, version)


@cache
def _select_labels(is_sqlite: bool) -> Any:
    """Return the statement for tags, and for aliases, whose value is null, in their order."""
    tags, given = model_version_tags.c, aliases.c
    of_tags = select(tags.name, tags.version, tags.key, tags.value)
    of_aliases = select(given.name, given.version, given.alias, null())
    return union_all(
        of_tags.where(_is_wanted(model_version_tags, is_sqlite)),
        of_aliases.where(_is_wanted(aliases, is_sqlite)),
    ).order_by("key")


def _is_wanted(table: Table, is_sqlite: bool) -> ColumnElement[bool]:
    """Return the condition that a row is of a version among the keys."""
    if is_sqlite:
        keys = func.json_each(bindparam("keys", type_=Text)).table_valued("value")
        pair = [func.json_extract(keys.c.value, path) for path in ("$[0]", "$[1]")]
        wanted = select(*pair)
    else:
        names = bindparam("names", type_=ARRAY(Text()))
        numbers = bindparam("numbers", type_=ARRAY(Integer()))
        rows = func.unnest(names, numbers).table_valued("name", "number").render_derived()
        wanted = select(rows.c.name, rows.c.number)
    return tuple_(table.c.name, table.c.version).in_(wanted)


def _key_values(keys: Sequence[Key], is_sqlite: bool) -> dict[str, Any]:
    """Return the parameters that `_is_wanted` has."""
    if is_sqlite:
        return {"keys": msgspec.json.encode(keys).decode()}
    return {"names": [name for name, _ in keys], "numbers": [number for _, number in keys]}
