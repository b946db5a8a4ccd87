"""The stand-in's tracing: every decorator returns what it decorates, every span records nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Span:
    """A span that takes what it is given and keeps none of it."""

    trace_id = request_id = span_id = parent_id = name = inputs = outputs = None

    def _ignore(self, *args: Any, **kwargs: Any) -> None:
        """Take anything."""

    set_inputs = set_outputs = set_attribute = set_attributes = set_status = _ignore
    set_span_type = set_tag = add_event = record_exception = end = _ignore


class SpanEvent:
    """An event in a span, of which nothing is kept."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take anything."""

    @classmethod
    def from_exception(cls, error: BaseException) -> SpanEvent:
        """Return the event of an error."""
        return cls(error)


class _Names(type):
    """A class whose every attribute is its own name, as the constants of an enumeration are."""

    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class SpanType(metaclass=_Names):
    """The kinds of span."""


class SpanAttributeKey(metaclass=_Names):
    """The names of a span's attributes."""


class SpanStatusCode(metaclass=_Names):
    """How a span ended."""


def trace(func: Callable[..., Any] | None = None, *_: Any, **__: Any) -> Any:
    """Return the function as it is, decorated with or without options."""
    return func if callable(func) else lambda function: function


@contextmanager
def start_span(*_: Any, **__: Any) -> Iterator[Span]:
    """Yield a span that records nothing."""
    yield Span()


def start_span_no_context(*_: Any, **__: Any) -> Span:
    """Return a span that records nothing."""
    return Span()


@contextmanager
def no_context(*_: Any) -> Iterator[None]:
    """Do nothing around a block."""
    yield


def capture_function_input_args(*_: Any, **__: Any) -> dict[str, Any]:
    """Return no inputs, because nothing records them."""
    return {}


def get_current_active_span() -> None:
    """Return None: there is never a span."""


def ignore(*_: Any, **__: Any) -> None:
    """Take anything and do nothing: for what only adds to a trace."""
