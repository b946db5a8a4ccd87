"""What no client of good faith sends to the registry: always the caller's fault, never ours."""

from __future__ import annotations

import msgspec
import pytest
from mlserve.store.entities import Tag
from mlserve.store.errors import StoreError, StoreUnavailable
from mlserve.store.registry_operations import OPERATIONS

from .registry import NAME, new_registered

TEXTS = [
    "",
    " ",
    NAME,
    "1",
    "a\0b",
    "\ud800",
    "' OR 1=1; DROP TABLE promotions; --",
    "%",
    "\\",
    "../../etc/passwd",
    "file:///etc/passwd",
    "http://169.254.169.254/",
    "runs:/",
    "models:/",
    "s3://",
    "\u202e\U0001f600",
    "9" * 400,
    "x" * 300_000,
]
NUMBERS = [0, -1, 2**31, 2**63 - 1, 2**63, -(2**70), 10**400]


def values_of(kind):
    """Return odd values of a type, as msgspec describes it."""
    match kind:
        case msgspec.inspect.StrType():
            return TEXTS
        case msgspec.inspect.IntType():
            return NUMBERS
        case msgspec.inspect.BoolType():
            return [True, False]
        case msgspec.inspect.ListType(msgspec.inspect.StrType()):
            return [[], *([text] for text in TEXTS)]
        case msgspec.inspect.ListType():
            return [[], *([Tag(text, text)] for text in TEXTS)]
        case msgspec.inspect.UnionType(types):
            return values_of(types[0])
    raise TypeError(kind)


def requests_of(operation):
    """Yield requests whose fields all are odd, or all but one that is in order."""
    fields = msgspec.inspect.type_info(operation.request).fields
    known = {"name": NAME, "version": "1", "stage": "Production", "reason": "why", "alias": "a"}
    choices = {field.name: values_of(field.type) for field in fields}
    for turn in range(max(map(len, choices.values()), default=1)):
        odd = {name: values[turn % len(values)] for name, values in choices.items()}
        yield operation.request(**odd)
        in_order = {name: known.get(name, value) for name, value in odd.items()}
        for name, value in odd.items():
            yield operation.request(**in_order | {name: value})


def refusal_of(call, operation, request):
    try:
        call(operation, request)
    except StoreError as error:
        return error
    return None


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.methods[0]} {one.path}")
def test_odd_requests_are_answered_or_refused(call, operation):
    new_registered(call, versions=1)
    for request in requests_of(operation):
        refusal = refusal_of(call, operation, request)
        assert not isinstance(refusal, StoreUnavailable)
        assert len(str(refusal)) < 1500
