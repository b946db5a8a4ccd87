"""Which packages an image needs: those of the service, and what the served flavor calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points, requires
from pathlib import Path
from typing import Any, Final

from ..runtimes.environment import CONDA_FILE, PYTHON_ENV_FILE, REQUIREMENTS_FILE
from ..runtimes.flavors import ENTRY_POINTS, GENERIC
from ..runtimes.modelfolder import path_inside
from ..runtimes.modelspec import ModelSpec
from ..runtimes.yamltext import parse_yaml
from .locks import normal_name, pinned_hashes, split_hashes

LOCK_FILE: Final = "requirements.lock"

NEEDS: Final = {
    "onnx": ("onnxruntime",),
    "sklearn": ("pandas", "scikit-learn"),
    GENERIC: ("cloudpickle", "pandas"),
}
"""What each flavor's runtime imports beside what every service needs."""

SELF_SUFFICIENT: Final = frozenset({"onnx"})
"""The flavors that need nothing of what a model lists: its list is that of its other flavors."""

NEVER: Final = frozenset({"mlflow", "mlflow-skinny", "mlflow-tracing", "mlserve"})
"""What is left out of a model's list: nothing here needs MLflow, and the package called mlserve on
the public index is another project's."""

_OF_FLAVORS: Final = frozenset({"onnxruntime"})
_SERIALIZERS: Final = {"skops": ("skops",), "cloudpickle": ("cloudpickle",)}
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_EXTRA: Final = re.compile(r";.*\bextra\s*==\s*['\"](\w+)['\"]")
_OLDEST_PYTHON: Final = (3, 11)


@dataclass(frozen=True, slots=True)
class Requirements:
    """Lines as pip reads them, whose paths are relative to ``folder``.

    ``hashes`` are what the files of a package may have, where the model says so, by its name.
    ``ignored`` are lines of the model's that say where packages are found, which is the business
    of whoever builds.
    """

    folder: Path
    lines: tuple[str, ...]
    hashes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()


def choose_requirements(folder: Path, spec: ModelSpec, flavor: str) -> Requirements:
    """Return what an image needs that serves ``flavor`` of the model in ``folder``.

    A lock in the folder says all that the model needs; else the flavor does, and the model's own
    list where its flavor calls code of others.
    """
    needs = _flavor_needs(spec, flavor)
    if (folder / LOCK_FILE).is_file():
        return _with_model(folder, [*needs, *_lines_of_file(folder, LOCK_FILE)])
    if flavor in SELF_SUFFICIENT:
        return Requirements(folder, (*service_requirements(), *needs))
    return _with_model(folder, [*needs, *_model_lines(folder)])


def service_requirements() -> tuple[str, ...]:
    """Return what every service needs, as the installed mlserve says."""
    lines = requires("mlserve") or ()
    return tuple(x for x in lines if not _EXTRA.search(x) and _name_of(x) not in _OF_FLAVORS)


def choose_python(folder: Path, default: str) -> str:
    """Return the release of Python that the model was saved with, or ``default`` if it says none.

    It is 3.11 for older ones, which a service does not run on.
    """
    file = folder / PYTHON_ENV_FILE
    if not file.is_file():
        return default
    document = parse_yaml(file.read_bytes(), file)
    said = str(document.get("python")) if isinstance(document, dict) else ""
    found = re.match(r"3\.(\d{1,3})(?:\.|$)", said)
    if found is None:
        return default
    release = max((3, int(found[1])), _OLDEST_PYTHON)
    return ".".join(map(str, release))


def _with_model(folder: Path, lines: list[str]) -> Requirements:
    kept, ignored = [], []
    for line in lines:
        if line.startswith("-") and not line.startswith(("-c ", "--constraint ")):
            ignored.append(line.split("=")[0].split()[0])
        elif normal_name(_name_of(line)) not in NEVER:
            kept.append(split_hashes(line)[0])
    every = (*service_requirements(), *kept)
    return Requirements(folder, every, pinned_hashes(lines), tuple(ignored))


def _flavor_needs(spec: ModelSpec, flavor: str) -> tuple[str, ...]:
    """Return the packages that a flavor's runtime imports, as the extras of mlserve want them."""
    if flavor not in NEEDS:
        return _plugin_of(flavor)
    saved_as = spec.flavors.get(flavor, {}).get("serialization_format")
    names = {*NEEDS[flavor], *_SERIALIZERS.get(str(saved_as), ())}
    wanted = {_name_of(line): line.partition(";")[0].strip() for line in requires("mlserve") or ()}
    return tuple(wanted[name] for name in sorted(names))


def _plugin_of(flavor: str) -> tuple[str, ...]:
    """Return the installed package that brings the runtime of ``flavor``."""
    (point,) = entry_points(group=ENTRY_POINTS, name=flavor)
    return (f"{point.dist.name}=={point.dist.version}",) if point.dist else ()


def _model_lines(folder: Path) -> list[str]:
    if (folder / REQUIREMENTS_FILE).is_file():
        return _lines_of_file(folder, REQUIREMENTS_FILE)
    file = folder / CONDA_FILE
    return _pip_lines(parse_yaml(file.read_bytes(), file)) if file.is_file() else []


def _pip_lines(document: Any) -> list[str]:
    """Return what conda is to hand to pip; MLflow 1 wrote no other list."""
    entries = document.get("dependencies") if isinstance(document, dict) else None
    lists = [entry.get("pip") for entry in entries or () if isinstance(entry, dict)]
    return [str(line) for lines in lists if isinstance(lines, list) for line in lines]


def _lines_of_file(folder: Path, name: str) -> list[str]:
    """Return the lines of a requirements file, those of files that it includes among them."""
    return list(_read_lines(folder, name, set()))


def _read_lines(folder: Path, name: str, seen: set[Path]) -> Iterator[str]:
    file = path_inside(folder, name)
    if file in seen or not file.is_file():
        return
    seen.add(file)
    text = file.read_text(errors="replace").replace("\\\n", " ")
    for line in (re.sub(r"(^|\s)#.*", "", raw).strip() for raw in text.splitlines()):
        included = re.match(r"(?:-r|--requirement)[\s=]+(\S+)", line)
        if included:
            inner = (Path(name).parent / included[1]).as_posix()
            yield from _read_lines(folder, inner, seen)
        elif line:
            yield line


def _name_of(line: str) -> str:
    found = _NAME.match(line)
    return found[0] if found else line
