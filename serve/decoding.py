"""From a request's body to checked data: the codec of its format, then the signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from ..runtimes.columns import Columns, ModelInput, count_rows, layout
from ..runtimes.enforcement import ColumnEnforcer, Enforcer, Origin, compile_schema
from ..runtimes.errors import MalformedRequest
from ..runtimes.flavors import Model
from ..runtimes.params import enforce_params
from ..runtimes.schema import ColumnSchema
from .batching import Rows
from .content import BodyFormat, parse_content_type, to_utf8
from .csv_body import read_csv_body
from .json_body import read_json_body
from .typed_rows import TypedRowsDecoder

_ROWS_KEY = "rows"


class Decoded(NamedTuple):
    """A request's checked data; requests of equal ``key`` may share a call of the model."""

    data: Rows | ModelInput
    rows: int
    params: Mapping[str, Any]
    key: object
    is_bare: bool = False


class Decoder:
    """Reads the bodies of requests to one model."""

    def __init__(self, model: Model) -> None:
        self._spec = model.spec
        self._is_row_wise = model.runtime.is_row_wise
        signature = model.spec.signature
        self._schema = signature.inputs if signature else None
        self._params = signature.params if signature else None
        self._own_params = model.runtime.own_params
        self.enforcer: Enforcer = compile_schema(self._schema)
        self._typed = self._typed_decoder()
        self._defaults = enforce_params(self._params, None)

    def decode(self, body: bytes, content_type: bytes) -> Decoded:
        """Return the data of ``body``; raises what `statuses` maps to a 4xx."""
        if content_type != b"application/json":
            body_format, codec = parse_content_type(content_type.decode("latin-1"))
            if codec != "utf-8":
                body = to_utf8(body, codec)
            if body_format is BodyFormat.CSV:
                return self._decode_csv(body)
        if self._typed is not None and (typed := self._typed.decode(body)) is not None:
            key = _ROWS_KEY if self._is_row_wise else object()
            return Decoded(typed, len(typed), self._defaults, key)
        return self._decode_json(body)

    def _decode_json(self, body: bytes) -> Decoded:
        request = read_json_body(body, self._spec)
        params = enforce_params(self._params, request.params)
        if isinstance(request.params, dict):
            own = self._own_params & request.params.keys()
            params |= {name: request.params[name] for name in own}
        data = self._enforce(request.data, request.origin)
        return self._decoded(data, params, request.is_bare)

    def _decode_csv(self, body: bytes) -> Decoded:
        schema = self._schema if isinstance(self._schema, ColumnSchema) else None
        data = self._enforce(read_csv_body(body, schema), Origin.CSV)
        return self._decoded(data, self._defaults, is_bare=False)

    def _enforce(self, data: ModelInput, origin: Origin) -> ModelInput:
        data = self.enforcer.enforce(data, origin)
        if count_rows(data) == 0:
            raise MalformedRequest("the request has no rows; send at least one")
        return data

    def _decoded(self, data: ModelInput, params: dict[str, Any], is_bare: bool) -> Decoded:
        key: object = object()
        if self._is_row_wise and not is_bare:
            key = (layout(data), _params_key(params))
        return Decoded(data, count_rows(data), params, key, is_bare)

    def _typed_decoder(self) -> TypedRowsDecoder | None:
        if self._spec.is_signature_from_type_hint or not isinstance(self._schema, ColumnSchema):
            return None
        if not (isinstance(self.enforcer, ColumnEnforcer) and self.enforcer.is_packable):
            return None
        return TypedRowsDecoder(self._schema) if self._schema.is_named else None


def _params_key(params: Mapping[str, Any]) -> bytes:
    return orjson.dumps(params, option=orjson.OPT_SORT_KEYS, default=repr)
