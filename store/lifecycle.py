"""The stages of a model's versions: which there are, and what a move to one asks for."""

from __future__ import annotations

import math
import operator
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from ..runtimes.errors import InvalidSetting, nearest, shorten
from .errors import InvalidParameter, InvalidState

DEVELOPMENT: Final = "Development"
STAGING: Final = "Staging"
PRODUCTION: Final = "Production"
ARCHIVED: Final = "Archived"

NO_STAGE: Final = "None"
"""What MLflow calls the stage of a new version: ours for the first stage, where MLflow reads it."""

COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = MappingProxyType(
    {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
)

# Not "latest" and no number, which mean something else in models:/NAME/…
_STAGE_NAME: Final = re.compile(r"(?!(?i:none|latest)$)[A-Za-z][A-Za-z0-9 _-]{0,63}")
_THRESHOLD: Final = re.compile(r"(\S.*?)\s*(>=|<=|>|<)\s*(\S+)")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound of a metric, such as ``auc >= 0.8``; NaN passes none."""

    metric: str
    comparison: str
    bound: float

    def __str__(self) -> str:
        return f"{self.metric} {self.comparison} {self.bound:g}"

    def is_passed_by(self, value: float) -> bool:
        """Whether a run with this value of the metric passes."""
        return COMPARISONS[self.comparison](value, self.bound)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a move of a version to one stage asks for; the default asks for nothing.

    ``origins`` are the stages that it may come from, None being any.
    """

    origins: tuple[str, ...] | None = None
    needs_approval: bool = False
    thresholds: tuple[Threshold, ...] = ()
    needs_example: bool = False


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The stages in order, of which a new version gets the first, and the rules of some.

    ``archive`` is where a version goes whose stage another takes over. ``self_approval`` lets the
    one who asked for an approval give it, as where one person does everything.
    """

    stages: tuple[str, ...] = (DEVELOPMENT, STAGING, PRODUCTION, ARCHIVED)
    archive: str = ARCHIVED
    rules: Mapping[str, Rule] = field(default_factory=dict)
    self_approval: bool = False

    @property
    def first(self) -> str:
        """The stage of a new version."""
        return self.stages[0]

    def find_stage(self, name: str) -> str:
        """Return the stage that ``name`` means, in any case of letters; MLflow's None is the first.

        Raises `InvalidParameter` where there is none.
        """
        known = {NO_STAGE.casefold(): self.first} | {s.casefold(): s for s in self.stages}
        stage = known.get(name.casefold())
        if stage is None:
            raise InvalidParameter(
                f"Invalid Model Version stage: {shorten(name)}. "
                f"Value must be one of {', '.join((NO_STAGE, *self.stages))}."
            )
        return stage

    def stored(self, stage: str) -> str:
        """Return how the database and MLflow's protocol name ``stage``."""
        return NO_STAGE if stage == self.first else stage

    def shown(self, stored: str) -> str:
        """Return the name of a stage that the database names; what it names no more stays."""
        return self.first if stored == NO_STAGE else stored

    def rule(self, stage: str) -> Rule:
        """Return what a move to ``stage`` asks for."""
        return self.rules.get(stage, Rule())

    def is_given(self, stage: str) -> bool:
        """Whether versions are moved up to ``stage``: it is not the first, nor the archive."""
        return stage not in (self.first, self.archive)

    def can_archive(self, stage: str) -> bool:
        """Whether those in ``stage`` can be archived when another version gets it."""
        return self.archive in self.stages and self.is_given(stage)

    def check_move(self, origin: str, stage: str) -> None:
        """Raise `InvalidState` where no version may move from ``origin`` to ``stage``."""
        origins = self.rule(stage).origins
        if origins is not None and origin not in (*origins, stage):
            raise InvalidState(
                f"found a version in {origin}, expected one in {' or '.join(origins) or 'no stage'}"
                f", the only way to {stage}"
            )


class _Stage(msgspec.Struct, forbid_unknown_fields=True, rename={"origins": "from"}):
    origins: tuple[str, ...] | None = None
    approval: bool = False
    metrics: tuple[str, ...] = ()
    validated_example: bool = False


class _File(msgspec.Struct, forbid_unknown_fields=True):
    stages: tuple[str, ...] = (DEVELOPMENT, STAGING, PRODUCTION, ARCHIVED)
    archive: str | None = None
    self_approval: bool = False
    stage: dict[str, _Stage] = {}


def read_lifecycle(path: Path) -> Lifecycle:
    """Return the lifecycle that a TOML file describes; every key may be left out.

    ::

        stages = ["Development", "Staging", "Production", "Archived"]  # in order
        archive = "Archived"          # where a version goes whose stage another takes over
        self_approval = false         # may one approve what one asked for?

        [stage.Production]
        from = ["Staging"]            # the stages that a version may come from; else any
        approval = true               # somebody has to approve first
        metrics = ["auc >= 0.8"]      # what the latest metrics of its run must be
        validated_example = true      # the model has an input example that was tried

    Raises `InvalidSetting` for what is unknown or not as expected.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return _build(_read_file(document))
    except OSError as error:
        raise InvalidSetting(f"the lifecycle file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{path}: found {error}, expected a TOML file") from error
    except (msgspec.ValidationError, InvalidSetting) as error:
        raise InvalidSetting(f"{path}: {error}") from error


def _read_file(document: dict[str, Any]) -> _File:
    _require_known("the key", document, _File.__struct_encode_fields__)
    tables = document.get("stage")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if isinstance(table, dict):
            _require_known(f"stage.{name}: the key", table, _Stage.__struct_encode_fields__)
    return msgspec.convert(document, _File)


def _build(file: _File) -> Lifecycle:
    stages = file.stages
    _check_names(stages)
    named = [stage for rule in file.stage.values() for stage in rule.origins or ()]
    _require_known("the stage", (*file.stage, *named), stages)
    if file.archive is not None:
        _require_known("the stage", (file.archive,), stages)
    rules = {name: _build_rule(stage) for name, stage in file.stage.items()}
    return Lifecycle(stages, file.archive or ARCHIVED, rules, file.self_approval)


def _build_rule(stage: _Stage) -> Rule:
    return Rule(
        origins=stage.origins,
        needs_approval=stage.approval,
        thresholds=tuple(map(_read_threshold, stage.metrics)),
        needs_example=stage.validated_example,
    )


def _check_names(stages: tuple[str, ...]) -> None:
    for name in stages:
        if _STAGE_NAME.fullmatch(name) is None:
            raise InvalidSetting(
                f'stages: found "{shorten(name)}", expected at most 64 letters, digits, spaces, '
                '"-" and "_", beginning with a letter, and neither None nor latest'
            )
    if len({name.casefold() for name in stages}) < max(len(stages), 1):
        found = "two of one name" if stages else "none"
        raise InvalidSetting(f"stages: found {found}, expected stages that differ")


def _read_threshold(text: str) -> Threshold:
    match = _THRESHOLD.fullmatch(text.strip())
    try:
        metric, comparison, number = match.groups() if match else ("", "", "")
        bound = float(number)
    except ValueError:
        bound = math.nan
    if math.isnan(bound):
        raise InvalidSetting(
            f'metrics: found "{shorten(text)}", expected a metric, one of '
            f"{', '.join(COMPARISONS)} and a number, such as auc >= 0.8"
        )
    return Threshold(metric, comparison, bound)


def _require_known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = tuple(known)
    for name in names:
        if name not in known:
            match = nearest(name, known)
            advice = f"did you mean {match}?" if match else f"known are {', '.join(known)}"
            raise InvalidSetting(f"{what} {shorten(name)} is unknown; {advice}")
