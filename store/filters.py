"""MLflow's filter language, from a string to a small tree that says nothing of SQL.

What may be asked of an entity is its `Vocabulary`; ``filter_sql`` turns the tree into clauses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final, NoReturn

from ..runtimes.errors import shorten
from .errors import InvalidFilter, InvalidParameter
from .limits import is_storable

LONGEST_FILTER: Final = 200_000
MOST_COMPARISONS: Final = 100
MOST_VALUES: Final = 5_000
"""Of all lists together."""

LONGEST_PATTERN: Final = 1_000
"""Of LIKE and ILIKE: to search a text takes as long as it and its pattern multiplied."""

LONGEST_NUMBER: Final = 400


class Kind(StrEnum):
    """What a key is a key of."""

    METRIC = "metric"
    PARAM = "parameter"
    TAG = "tag"
    ATTRIBUTE = "attribute"
    DATASET = "dataset"


class Comparator(StrEnum):
    """How a key is compared with a value."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


EQUALITY: Final = frozenset({Comparator.EQUAL, Comparator.UNEQUAL})
PATTERNS: Final = frozenset({Comparator.LIKE, Comparator.ILIKE})
LISTS: Final = frozenset({Comparator.IN, Comparator.NOT_IN})
PRESENCE: Final = frozenset({Comparator.IS_NULL, Comparator.IS_NOT_NULL})
RANGE: Final = frozenset(
    {Comparator.LESS, Comparator.AT_MOST, Comparator.GREATER, Comparator.AT_LEAST}
)


class Values(Enum):
    """What a key is compared with."""

    TEXT = "a quoted string value"
    NUMBER = "numeric value"
    WHOLE_NUMBER = "whole numeric value"
    QUOTED_NUMBER = "whole numeric value, quoted or not,"


@dataclass(frozen=True, slots=True)
class Rule:
    """How a key may be compared, and with what."""

    comparators: frozenset[Comparator]
    values: Values = Values.TEXT


TEXT: Final = Rule(EQUALITY | PATTERNS)
LISTED_TEXT: Final = Rule(EQUALITY | PATTERNS | LISTS)
OPTIONAL_TEXT: Final = Rule(EQUALITY | PATTERNS | PRESENCE)
IDENTIFIER: Final = Rule(EQUALITY | LISTS)
NUMBER: Final = Rule(EQUALITY | RANGE, Values.NUMBER)
WHOLE_NUMBER: Final = Rule(EQUALITY | RANGE, Values.WHOLE_NUMBER)
QUOTED_NUMBER: Final = Rule(EQUALITY | RANGE, Values.QUOTED_NUMBER)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What may be asked of an entity.

    ``attributes`` has the rule of each attribute by its name, and ``kinds`` those of the keys that
    users choose; ``aliases`` are further names of attributes.
    """

    attributes: Mapping[str, Rule]
    kinds: Mapping[Kind, Rule]
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Key:
    """A metric, param, tag, attribute or dataset's attribute by its name."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A key, compared with a value: a text, a number, a list of texts, or nothing."""

    key: Key
    comparator: Comparator
    value: str | float | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Conjunction:
    """Comparisons of which all have to hold."""

    comparisons: tuple[Comparison, ...] = ()


Refusal = Callable[[str, str], InvalidParameter]
"""Makes an error of the text that cannot be read, and why."""

DATASET_ATTRIBUTES: Final = ("name", "digest", "context")

_TOO_MANY_VALUES: Final = f"found lists of more than {MOST_VALUES} values; ask for less at once"
_SCOPE: Final = "there is no OR, and only lists are in parentheses"

_ENTITIES: Final = {
    "metric": Kind.METRIC,
    "metrics": Kind.METRIC,
    "parameter": Kind.PARAM,
    "parameters": Kind.PARAM,
    "param": Kind.PARAM,
    "params": Kind.PARAM,
    "tag": Kind.TAG,
    "tags": Kind.TAG,
    "attribute": Kind.ATTRIBUTE,
    "attributes": Kind.ATTRIBUTE,
    "attr": Kind.ATTRIBUTE,
    "run": Kind.ATTRIBUTE,
    "dataset": Kind.DATASET,
    "datasets": Kind.DATASET,
}

_SPACE: Final = re.compile(r"\s*")
_KEY: Final = re.compile(
    r"""(?:(?P<entity>\w+|`\w+`)\.)?(?P<name>`[^`]+`|"[^"]+"|'[^']+'|[^\s`"'<>=!(),;]+)"""
)
_SIGN: Final = re.compile(r"[<>=!]+")
_WORDS: Final = re.compile(r"(?:NOT\s+)?(?:LIKE|ILIKE|IN)\b|IS\s+(?:NOT\s+)?NULL\b", re.IGNORECASE)
# A quote that is doubled or has a backslash before it does not end a text, and stays in it as it
# is: MLflow takes nothing out of a text.
_TEXT: Final = re.compile(r"""'(?:''|\\'|[^'])*'|"(?:""|\\"|[^"])*\"""")
_NUMBER: Final = re.compile(r"-?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?(?![\w.])")
_AND: Final = re.compile(r"AND\b", re.IGNORECASE)
_OPEN, _COMMA, _CLOSE = re.compile(r"\("), re.compile(","), re.compile(r"\)")


def parse_filter(text: str | None, words: Vocabulary) -> Conjunction:
    """Return what ``text`` asks for; raises `InvalidFilter`.

    ::

        filter     = comparison, { "AND", comparison }
        comparison = key, comparator, value
                   | key, [ "NOT" ], "IN", "(", text, { ",", text }, [ "," ], ")"
                   | key, "IS", [ "NOT" ], "NULL"
        key        = [ entity, "." ], name
        name       = bare | "`", any, "`" | '"', any, '"'
        value      = text | number
    """
    if not text:
        return Conjunction()
    reader = Reader(text)
    if len(text) > LONGEST_FILTER:
        reader.refuse(f"found {len(text)} characters, expected at most {LONGEST_FILTER}")
    comparisons = [_read_comparison(reader, words)]
    while not reader.is_at_end():
        if reader.take(_AND) is None:
            reader.refuse(f"expected AND or the end, found {reader.rest()}; {_SCOPE}")
        comparisons.append(_read_comparison(reader, words))
        if len(comparisons) > MOST_COMPARISONS:
            reader.refuse(f"found more than {MOST_COMPARISONS} comparisons; ask for less at once")
        if sum(map(_count_listed, comparisons)) > MOST_VALUES:
            reader.refuse(_TOO_MANY_VALUES)
    return Conjunction(tuple(comparisons))


class Reader:
    """A text that is read from its beginning, piece by piece.

    ``error`` makes the error that is raised where it cannot be read, of the text and the reason.
    """

    def __init__(self, text: str, error: Refusal = InvalidFilter) -> None:
        self._text, self._error, self._position = text, error, 0
        if not is_storable(text[: LONGEST_FILTER + 1]):
            self.refuse("it holds a NUL character or a lone surrogate; leave it out")

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return what comes next, after spaces, and go beyond it, if it is of ``pattern``."""
        self._skip_space()
        if (found := pattern.match(self._text, self._position)) is not None:
            self._position = found.end()
        return found

    def is_at_end(self) -> bool:
        """Say whether nothing but spaces is left."""
        self._skip_space()
        return self._position == len(self._text)

    def rest(self) -> str:
        """Return how what is left begins, for a message."""
        self._skip_space()
        return repr(self._text[self._position :][:40]) if not self.is_at_end() else "the end"

    def refuse(self, reason: str) -> NoReturn:
        """Raise the error of a text that cannot be read."""
        raise self._error(make_printable(shorten(self._text)), make_printable(reason))

    def _skip_space(self) -> None:
        if (found := _SPACE.match(self._text, self._position)) is not None:
            self._position = found.end()


def read_key(
    reader: Reader, kinds: Collection[Kind], attributes: Collection[str], aliases: Mapping[str, str]
) -> Key:
    """Return the key that comes next: one of ``kinds``, or an attribute by any of its names."""
    if (found := reader.take(_KEY)) is None:
        reader.refuse(f"expected a key such as metrics.m, found {reader.rest()}; {_SCOPE}")
    entity, name = found["entity"], found["name"]
    name = name[1:-1] if name[0] in "`\"'" else name
    kind = Kind.ATTRIBUTE if entity is None else _ENTITIES.get(entity.strip("`"))
    if kind is None or (kind is not Kind.ATTRIBUTE and kind not in kinds):
        valid = [str(kind) for kind in (*kinds, Kind.ATTRIBUTE)]
        reader.refuse(f"Invalid entity type '{shorten(entity)}'. Valid values are {valid}")
    if kind is Kind.ATTRIBUTE:
        name = aliases.get(name, name)
        if name not in attributes:
            valid = sorted(attributes)
            reader.refuse(f"Invalid attribute key '{shorten(name)}' specified. Valid keys: {valid}")
    if kind is Kind.DATASET and name not in DATASET_ATTRIBUTES:
        valid = list(DATASET_ATTRIBUTES)
        reader.refuse(f"Invalid dataset key '{shorten(name)}' specified. Valid keys: {valid}")
    return Key(kind, name)


def make_printable(text: str) -> str:
    """Return ``text`` with lone surrogates, which no answer can carry, spelt out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _read_comparison(reader: Reader, words: Vocabulary) -> Comparison:
    key = read_key(reader, words.kinds, words.attributes, words.aliases)
    rule = words.attributes[key.name] if key.kind is Kind.ATTRIBUTE else words.kinds[key.kind]
    comparator = _read_comparator(reader, key, rule)
    if comparator in PRESENCE:
        return Comparison(key, comparator, None)
    if comparator in LISTS:
        return Comparison(key, comparator, _read_list(reader))
    if rule.values is Values.TEXT:
        value = _read_text(reader, key)
        if comparator in PATTERNS and len(value) > LONGEST_PATTERN:
            reader.refuse(f"found a pattern of more than {LONGEST_PATTERN} characters")
        return Comparison(key, comparator, value)
    return Comparison(key, comparator, _read_number(reader, key, rule.values))


def _count_listed(comparison: Comparison) -> int:
    return len(comparison.value) if isinstance(comparison.value, tuple) else 0


def _read_comparator(reader: Reader, key: Key, rule: Rule) -> Comparator:
    found = reader.take(_SIGN) or reader.take(_WORDS)
    if found is None:
        reader.refuse(f"expected a comparator after '{shorten(key.name)}', found {reader.rest()}")
    word = " ".join(found[0].upper().split())
    valid = [str(comparator) for comparator in Comparator if comparator in rule.comparators]
    if word not in valid:
        name = f"{key.kind} '{shorten(key.name)}'"
        reader.refuse(f"Invalid comparator '{shorten(word)}' not one of {valid}, for {name}")
    return Comparator(word)


def _read_text(reader: Reader, key: Key) -> str:
    if (found := reader.take(_TEXT)) is None:
        reader.refuse(
            f"Expected a quoted string value for {key.kind} '{shorten(key.name)}' "
            f"(e.g. 'my-value'). Found {reader.rest()}"
        )
    return found[0][1:-1]


def _read_number(reader: Reader, key: Key, values: Values) -> float:
    quoted = reader.take(_TEXT) if values is Values.QUOTED_NUMBER else None
    found = _NUMBER.fullmatch(quoted[0][1:-1]) if quoted else reader.take(_NUMBER)
    text = found[0] if found else ""
    is_whole = text.removeprefix("-").isdigit()
    if not text or (values is not Values.NUMBER and not is_whole):
        shown = repr(shorten(quoted[0])) if quoted else repr(text) if text else reader.rest()
        reader.refuse(
            f"Expected {values.value} type for {key.kind} '{shorten(key.name)}'. Found {shown}"
        )
    if len(text) > LONGEST_NUMBER:
        reader.refuse(f"found a number of more than {LONGEST_NUMBER} digits")
    return float(text) if key.kind is Kind.METRIC or not is_whole else int(text)


def _read_list(reader: Reader) -> tuple[str, ...]:
    values: list[str] = []
    reason = "expected a non-empty list of string values"
    if reader.take(_OPEN) is None:
        reader.refuse(f"{reason} in parentheses, found {reader.rest()}")
    while (found := reader.take(_TEXT)) is not None:
        values.append(found[0][1:-1])
        if len(values) > MOST_VALUES:
            reader.refuse(_TOO_MANY_VALUES)
        if reader.take(_COMMA) is None:
            break
    if not values or reader.take(_CLOSE) is None:
        reader.refuse(f"{reason}, found {reader.rest()}")
    return tuple(values)
