"""The stand-in's signature and schema classes: they hold what a pickled model remembers of them.

Their attributes have MLflow's names, because a pickle fills an object's attributes directly.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

DataType = Enum(
    "DataType",
    ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"],
    module=__name__,
)


class _Typed:
    """Something with a type and a name."""

    _kind = "_dtype"

    def __init__(
        self,
        type: Any,  # noqa: A002 - MLflow's own name
        name: str | None = None,
        required: bool = True,
    ) -> None:
        self.__dict__[self._kind] = DataType[type] if isinstance(type, str) else type
        self._name, self._required = name, required

    @property
    def type(self) -> Any:
        """The type of the values."""
        return self.__dict__[self._kind]

    @property
    def dtype(self) -> Any:
        """The type of the values, under its other name."""
        return self.type

    @property
    def name(self) -> str | None:
        """The name, or None."""
        return self._name

    @property
    def required(self) -> bool:
        """Whether it must be there."""
        return self._required


class ColSpec(_Typed):
    """One column."""

    _kind = "_type"


class Array(_Typed):
    """A list of values of one type."""


class Property(_Typed):
    """One member of an object."""

    def __init__(self, name: str, dtype: Any, required: bool = True) -> None:
        super().__init__(dtype, name, required)


class Map(_Typed):
    """An object with values of one type."""

    _kind = "_value_type"


class Object:
    """An object with known members."""

    def __init__(self, properties: list[Property]) -> None:
        self._properties = properties

    @property
    def properties(self) -> list[Property]:
        """The members."""
        return self._properties


class AnyType:
    """Any value."""


class SparkMLVector:
    """A Spark ML vector."""


class TensorInfo:
    """The type and the shape of a tensor."""

    def __init__(self, dtype: Any, shape: Any) -> None:
        self.dtype, self.shape = dtype, tuple(shape)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_dtype"], state["_shape"])  # type: ignore[misc]


class TensorSpec:
    """One tensor."""

    required = True

    def __init__(
        self,
        type: Any,  # noqa: A002 - MLflow's own name
        shape: Any,
        name: str | None = None,
    ) -> None:
        self._name, self._tensorInfo = name, TensorInfo(type, shape)

    @property
    def name(self) -> str | None:
        """The name, or None."""
        return self._name

    @property
    def type(self) -> Any:
        """The numpy type of the values."""
        return self._tensorInfo.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the dimensions, -1 for any."""
        return self._tensorInfo.shape


class Schema:
    """The inputs or the outputs of a model."""

    def __init__(self, inputs: list[Any]) -> None:
        self._inputs = inputs

    def __len__(self) -> int:
        return len(self._inputs)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._inputs)

    @property
    def inputs(self) -> list[Any]:
        """The columns or tensors."""
        return self._inputs

    def is_tensor_spec(self) -> bool:
        """Return whether it is made of tensors."""
        return bool(self._inputs) and isinstance(self._inputs[0], TensorSpec)

    def has_input_names(self) -> bool:
        """Return whether the columns or tensors have names."""
        return bool(self._inputs) and self._inputs[0].name is not None

    def input_names(self) -> list[str | int]:
        """Return the names, or the positions where there are none."""
        return [i if spec.name is None else spec.name for i, spec in enumerate(self._inputs)]

    def required_input_names(self) -> list[str | int]:
        """Return the names of what must be there."""
        return [n for n, s in zip(self.input_names(), self._inputs, strict=True) if s.required]

    def input_types(self) -> list[Any]:
        """Return the types."""
        return [spec.type for spec in self._inputs]

    def input_dict(self) -> dict[str | int, Any]:
        """Return the columns or tensors by name."""
        return dict(zip(self.input_names(), self._inputs, strict=True))


class ParamSpec(_Typed):
    """One inference param."""

    def __init__(self, name: str, dtype: Any, default: Any, shape: Any = None) -> None:
        super().__init__(dtype, name)
        self._default, self._shape = default, shape

    @property
    def default(self) -> Any:
        """The value where a request gives none."""
        return self._default

    @property
    def shape(self) -> Any:
        """None for a scalar, (-1,) for a list."""
        return self._shape


class ParamSchema:
    """The inference params of a model."""

    def __init__(self, params: list[ParamSpec]) -> None:
        self._params = params

    def __len__(self) -> int:
        return len(self._params)

    def __iter__(self) -> Iterator[ParamSpec]:
        return iter(self._params)

    @property
    def params(self) -> list[ParamSpec]:
        """The params."""
        return self._params


class ModelSignature:
    """What a model takes and gives."""

    def __init__(self, inputs: Any = None, outputs: Any = None, params: Any = None) -> None:
        self.inputs, self.outputs, self.params = inputs, outputs, params
