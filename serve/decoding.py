"""From a request's body to checked data: the codec of its format, then the signature."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..runtimes.columns import Columns, ModelInput, count_rows, layout
from ..runtimes.enforcement import ColumnEnforcer, Enforcer, compile_schema
from ..runtimes.errors import MalformedRequest
from ..runtimes.flavors import Model
from ..runtimes.origins import Origin
from ..runtimes.params import enforce_params
from ..runtimes.schema import ColumnSchema
from .batching import Rows
from .content import BodyFormat, parse_content_type, to_utf8
from .csv_body import read_csv_body
from .json_body import Translate, read_json_body
from .typed_rows import TypedRowsDecoder

_ROWS_KEY = "rows"
_ESCAPED = re.compile(r'["\\\x00-\x1f]')


class Decoded(NamedTuple):
    """A request's checked data; requests of equal ``key`` may share a call of the model.

    ``is_bare`` asks for an answer without the ``predictions`` around it.
    """

    data: Rows | ModelInput
    rows: int
    params: Mapping[str, Any]
    key: object
    is_bare: bool = False


class Decoder:
    """Reads the bodies of requests to one model.

    With ``translate``, those of a platform's own form too.
    """

    def __init__(self, model: Model, translate: Translate | None = None) -> None:
        self._spec, self._translate = model.spec, translate
        self._is_row_wise = model.runtime.is_row_wise
        signature = model.spec.signature
        # A model that checks its input by its own type hints needs no second opinion.
        is_hinted = model.spec.is_signature_from_type_hint
        self._schema = signature.inputs if signature and not is_hinted else None
        self._params = signature.params if signature else None
        self._own_params = model.runtime.own_params
        self._enforcer: Enforcer = compile_schema(self._schema)
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

    def pack(self, rows: Sequence[tuple[Any, ...]]) -> Columns:
        """Return the columns of rows that `decode` gave, maybe of several bodies."""
        if not isinstance(self._enforcer, ColumnEnforcer):
            raise TypeError("only a schema of columns gives rows")
        return self._enforcer.pack(rows)

    def _decode_json(self, body: bytes) -> Decoded:
        request = read_json_body(body, self._spec, self._translate)
        params = enforce_params(self._params, request.params)
        if isinstance(request.params, dict):
            own = self._own_params & request.params.keys()
            params |= {name: request.params[name] for name in own}
        return self._enforced(request.data, request.origin, params, is_bare=request.is_bare)

    def _decode_csv(self, body: bytes) -> Decoded:
        schema = self._schema if isinstance(self._schema, ColumnSchema) else None
        data = read_csv_body(body, schema)
        return self._enforced(data, Origin.CSV, self._defaults, is_bare=False)

    def _enforced(
        self, data: ModelInput, origin: Origin, params: Mapping[str, Any], *, is_bare: bool
    ) -> Decoded:
        data = self._enforcer.enforce(data, origin)
        rows = count_rows(data)
        if rows == 0:
            raise MalformedRequest("the request has no rows; send at least one")
        is_shared = self._is_row_wise and not is_bare
        key = (layout(data), _params_key(params)) if is_shared else object()
        return Decoded(data, rows, params, key, is_bare)

    def _typed_decoder(self) -> TypedRowsDecoder | None:
        schema, enforcer = self._schema, self._enforcer
        if not (isinstance(schema, ColumnSchema) and isinstance(enforcer, ColumnEnforcer)):
            return None
        is_typed = schema.is_named and enforcer.is_packable and _are_keys(schema.names)
        return TypedRowsDecoder(schema) if is_typed else None


def _are_keys(names: Iterable[object]) -> bool:
    """Tell whether msgspec takes ``names`` for keys: each once, and none that JSON escapes."""
    texts = [str(name) for name in names]
    return len(set(texts)) == len(texts) and not any(map(_ESCAPED.search, texts))


def _params_key(params: Mapping[str, Any]) -> object:
    """Return what equal params share: their Python text, which tells NaN from null, 1 from 1.0."""
    try:
        return repr(params) if params else None
    except RecursionError:
        return object()
