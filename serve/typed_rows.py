"""The signature as a typed JSON decoder: rows are checked while they are parsed.

It reads the common case of each row format and leaves everything else, errors too, to
``json_body.py``, which says no in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
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
_HEAD_BYTES = 64  # more than stands before the columns, and white space in it


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
        self._decode_records = _list_decoder(_record_type(self._names, self._cells))
        self._orders: dict[bytes, _Order] = {}
        self._likely: _Order | None = None

    def decode(self, body: bytes) -> Rows | None:
        """Return the rows of ``body`` in schema order, or None where it is not the common case."""
        likely = self._likely
        try:
            if likely is not None and likely.begins(body):
                rows = likely.decode_body(body)
            else:
                rows = self._rows(self._envelope.decode(body))
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
        text = bytes(split.columns)
        order = self._orders.get(text)
        if order is not None:
            self._likely = order  # what came twice is likely to come again
        else:
            order = self._order_of(text)
            if order is None:
                return None
            if len(self._orders) >= _MAX_ORDERS:
                self._orders.clear()
            self._orders[text] = order
        return order.decode_rows(split.data)

    def _order_of(self, text: bytes) -> _Order | None:
        """Return the order of the columns that ``text`` lists, None where one is not there once."""
        given = msgspec.json.decode(text, type=list[str])
        if len(set(given)) != len(given) or not set(self._names).issubset(given):
            return None
        cells = dict(zip(self._names, self._cells, strict=True))
        row_type = GenericAlias(tuple, tuple(cells.get(name, Any) for name in given))
        is_ours = given == self._names
        return _Order(text, row_type, None if is_ours else [given.index(n) for n in self._names])


class _Order:
    """One order of columns in ``dataframe_split``, and what decodes the bodies that have it.

    ``text`` is the list of names, as JSON; ``positions`` is where a row has the schema's columns,
    None for a row that is in the schema's order.
    """

    def __init__(self, text: bytes, row_type: Any, positions: list[int] | None) -> None:
        self._text, self._positions = text, positions
        self._row_type = row_type
        self._decode_rows = _list_decoder(row_type)
        self._head_bytes = len(text) + _HEAD_BYTES

    def begins(self, body: bytes) -> bool:
        """Tell whether ``body`` seems to have its columns in this order, by a look at its head."""
        return body.find(self._text, 0, self._head_bytes) >= 0

    def decode_body(self, body: bytes) -> Rows | None:
        """Return the rows of ``body``, read in one go; None where the order is another."""
        split = self._decode_body(body).dataframe_split
        return self._arranged(split.data) if bytes(split.columns) == self._text else None

    def decode_rows(self, data: msgspec.Raw) -> Rows:
        """Return the rows of ``data``."""
        return self._arranged(self._decode_rows(data))

    @cached_property
    def _decode_body(self) -> Callable[[bytes], Any]:
        rows = GenericAlias(list, (self._row_type,))
        fields = [("columns", msgspec.Raw), ("data", rows)]
        split = msgspec.defstruct("Split", fields, forbid_unknown_fields=True)
        envelope = msgspec.defstruct(
            "Envelope", [("dataframe_split", split)], forbid_unknown_fields=True
        )
        return msgspec.json.Decoder(envelope).decode

    def _arranged(self, rows: Rows) -> Rows:
        positions = self._positions
        if positions is None:
            return rows
        if len(positions) == 1:
            (position,) = positions
            return [(row[position],) for row in rows]
        pick = itemgetter(*positions)
        return [pick(row) for row in rows]


def _list_decoder(item: Any) -> Callable[[msgspec.Raw], list[Any]]:
    decoder: msgspec.json.Decoder[list[Any]] = msgspec.json.Decoder(GenericAlias(list, (item,)))
    return decoder.decode


def _cell_type(column: Column) -> Any:
    cell = _CELLS[column.type]
    return cell if column.required else cell | None


def _record_type(names: Sequence[str], cells: Sequence[Any]) -> type[msgspec.Struct]:
    """Return a struct with a field a column; the fields' own names are positions."""
    fields = [(f"c{i}", cell) for i, cell in enumerate(cells)]
    rename = {f"c{i}": name for i, name in enumerate(names)}
    return msgspec.defstruct("Record", fields, rename=rename)
