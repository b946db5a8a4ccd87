"""Requests as HTTP brings them, a JSON body or a query string, read into their Structs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Any, NamedTuple, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec

from ...runtimes.errors import shorten
from ..entities import Entity
from ..errors import InvalidParameter

Kind = TypeVar("Kind", bound=Entity)

_MOST_PARAMETERS = 10_000
_SEE = "See the API docs for more information about request parameters."
_PLACE = re.compile(r"(.*?)(?: - at `\$(.*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class Raw(NamedTuple):
    """A request as it came: the fields in its path, its query string, its body."""

    fields: Mapping[str, str]
    query: bytes
    body: bytes


def read_request(kind: type[Kind], raw: Raw) -> Kind:
    """Return the request of the class ``kind``; unknown keys are left out, as MLflow does.

    Numbers may come as strings, a null is the same as nothing. Raises `InvalidParameter`.
    """
    try:
        request = _read(kind, raw)
    except RecursionError:
        raise InvalidParameter("the request is nested too deeply") from None
    for name in _describe(kind).texts:
        if not getattr(request, name):
            raise _missing(name)
    return request


class _Description(NamedTuple):
    decoder: msgspec.json.Decoder[Any]
    texts: tuple[str, ...]
    lists: frozenset[str]


@cache
def _describe(kind: type[Entity]) -> _Description:
    fields = msgspec.structs.fields(kind)
    return _Description(
        msgspec.json.Decoder(kind, strict=False),
        tuple(field.name for field in fields if field.required and field.type is str),
        frozenset(field.encode_name for field in fields if _is_list(field.type)),
    )


def _is_list(kind: Any) -> bool:
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return any(get_origin(one) is list for one in kinds)


def _read(kind: type[Kind], raw: Raw) -> Kind:
    if not raw.body:
        return _convert(kind, _read_query(kind, raw.query) | dict(raw.fields))
    if not raw.fields:
        try:
            request: Kind = _describe(kind).decoder.decode(raw.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # the slow way knows of nulls, and of what is wrong
        else:
            return request
    return _convert(kind, _read_object(raw.body) | dict(raw.fields))


def _read_query(kind: type[Entity], query: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
        )
    except UnicodeDecodeError:
        raise InvalidParameter("the query string holds bytes that are no UTF-8") from None
    except ValueError:
        raise InvalidParameter(
            f"the query string holds more than {_MOST_PARAMETERS} parameters"
        ) from None
    lists = _describe(kind).lists
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            values.setdefault(name, []).append(value)
        else:
            values.setdefault(name, value)
    return values


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidParameter(f"the request body is no valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidParameter("the request body is not a JSON object")
    bare: dict[str, Any] = _without_nulls(document)
    return bare


def _without_nulls(value: Any) -> Any:
    """Return ``value`` without the members of objects that are null: in protobuf they say nothing.

    https://protobuf.dev/programming-guides/json/
    """
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    return value


def _convert(kind: type[Kind], values: dict[str, Any]) -> Kind:
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _explain(str(error), values) from None


def _explain(problem: str, values: dict[str, Any]) -> InvalidParameter:
    """Return what msgspec found wrong in the words that MLflow's server has for it."""
    found = _PLACE.fullmatch(problem)
    reason, place = found.groups() if found else (problem, None)
    if missing := _MISSING.fullmatch(reason):
        return _missing(f"{place}.{missing[1]}".lstrip(".") if place else missing[1])
    path = (place or "").lstrip(".")
    value = msgspec.json.encode(_value_at(path, values)).decode()
    return InvalidParameter(
        f"Invalid value {shorten(value)} for parameter '{shorten(path)}' supplied: "
        f"{reason[:1].lower()}{reason[1:]}. {_SEE}"
    )


def _missing(path: str) -> InvalidParameter:
    return InvalidParameter(f"Missing value for required parameter '{shorten(path)}'. {_SEE}")


def _value_at(path: str, values: Any) -> Any:
    """Return the value that msgspec's ``path`` leads to, or the last on the way that it names."""
    for name, index in _STEP.findall(path):
        if name and isinstance(values, dict) and name in values:
            values = values[name]
        elif index.isdigit() and isinstance(values, list) and int(index) < len(values):
            values = values[int(index)]
        else:
            break
    return values
