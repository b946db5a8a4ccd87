"""The signature as a typed JSON decoder: rows are checked while they are parsed.

It reads the common case of each row format and leaves everything else, errors too, to
``json_body.py``, which says no in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from types import GenericAlias
from typing import Annotated, Any

import msgspec

from ..runtimes.schema import Column, ColumnSchema, DataType
from .batching import Rows

_FLOAT32_MAX = 3.4028234663852886e38

_CELLS: Mapping[Any, Any] = {
    DataType.BOOLEAN: bool,
    DataType.INTEGER: Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)],
    DataType.LONG: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    DataType.FLOAT: Annotated[float, msgspec.Meta(ge=-_FLOAT32_MAX, le=_FLOAT32_MAX)] | None,
    DataType.DOUBLE: float | None,
    DataType.STRING: str | None,
}
_MAX_ORDERS = 64


class _Split(msgspec.Struct, forbid_unknown_fields=True):
    columns: msgspec.Raw
    data: msgspec.Raw


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    dataframe_split: _Split | msgspec.UnsetType = msgspec.UNSET
    dataframe_records: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    instances: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class TypedRowsDecoder:
    """Decodes ``dataframe_split``, ``dataframe_records`` and ``instances`` of plain rows.

    ``schema`` must be one whose rows can be packed: named columns of scalar types in `_CELLS`.
    """

    def __init__(self, schema: ColumnSchema) -> None:
        self._names = [str(name) for name in schema.names]
        self._cells = [_cell_type(column) for column in schema.columns]
        self._envelope = msgspec.json.Decoder(_Envelope)
        self._decode_records = _rows_decoder(_record_type(self._names, self._cells))
        self._orders: dict[bytes, Callable[[msgspec.Raw], Rows]] = {}

    def decode(self, body: bytes) -> Rows | None:
        """Return the rows of ``body`` in schema order, or None where it is not the common case."""
        try:
            envelope = self._envelope.decode(body)
            rows = self._rows(envelope)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
        return rows or None

    def _rows(self, envelope: _Envelope) -> Rows | None:
        match envelope.dataframe_split, envelope.dataframe_records, envelope.instances:
            case _Split() as split, msgspec.UNSET, msgspec.UNSET:
                return self._split_rows(split)
            case msgspec.UNSET, msgspec.Raw() as records, msgspec.UNSET:
                return self._record_rows(records)
            case msgspec.UNSET, msgspec.UNSET, msgspec.Raw() as records:
                return self._record_rows(records)
        return None

    def _record_rows(self, records: msgspec.Raw) -> Rows:
        return [msgspec.structs.astuple(record) for record in self._decode_records(records)]

    def _split_rows(self, split: _Split) -> Rows | None:
        order = bytes(split.columns)
        decode = self._orders.get(order)
        if decode is None:
            decode = self._decoder_for(order)
            if decode is None:
                return None
            if len(self._orders) >= _MAX_ORDERS:
                self._orders.clear()
            self._orders[order] = decode
        return decode(split.data)

    def _decoder_for(self, order: bytes) -> Callable[[msgspec.Raw], Rows] | None:
        """Return what decodes rows whose columns stand in ``order``, a JSON list of names."""
        given = msgspec.json.decode(order, type=list[str])
        if len(set(given)) != len(given) or not set(self._names).issubset(given):
            return None
        cells = dict(zip(self._names, self._cells, strict=True))
        row_type = GenericAlias(tuple, tuple(cells.get(name, Any) for name in given))
        decode = _rows_decoder(row_type)
        if given == self._names:
            return decode
        positions = [given.index(name) for name in self._names]
        return lambda raw: _reordered(decode(raw), positions)


def _rows_decoder(row_type: Any) -> Callable[[msgspec.Raw], list[Any]]:
    decoder: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(GenericAlias(list, (row_type,)))
    return decoder.decode


def _cell_type(column: Column) -> Any:
    cell = _CELLS[column.type]
    return cell if column.required else cell | None


def _record_type(names: Sequence[str], cells: Sequence[Any]) -> type[msgspec.Struct]:
    """Return a struct with a field a column; the fields' own names are positions."""
    fields = [(f"c{i}", cell) for i, cell in enumerate(cells)]
    rename = {f"c{i}": name for i, name in enumerate(names)}
    return msgspec.defstruct("Record", fields, rename=rename)


def _reordered(rows: Rows, positions: list[int]) -> Rows:
    if len(positions) == 1:
        (position,) = positions
        return [(row[position],) for row in rows]
    pick = itemgetter(*positions)
    return [pick(row) for row in rows]
