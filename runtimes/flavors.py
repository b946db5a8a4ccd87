"""The flavors that mlserve serves, and the loading of a model by the best of those it has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from operator import attrgetter
from pathlib import Path

from .contract import LoadOptions, Runtime, RuntimeLoader
from .errors import MissingExtra, MLServeError, ModelLoadFailed, UnsupportedModel
from .modelspec import ModelSpec, read_model_spec

GENERIC = "python_function"
ENTRY_POINTS = "mlserve.runtimes"
FLAVORS = {
    "onnx": f"{__package__}.onnx:load",
    "sklearn": f"{__package__}.sklearn:load",
    GENERIC: f"{__package__}.python_function:load",
}
"""Each flavor's `RuntimeLoader` as "module:attribute", in the order of preference."""

NATIVE = tuple(name for name in FLAVORS if name != GENERIC)

PACKAGES = {
    "sklearn": ("scikit-learn", "sklearn"),
    "threadpoolctl": ("scikit-learn", "sklearn"),
    "pandas": ("pandas", "sklearn"),
}
"""The package and the extra that bring each module which a runtime of ours imports."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is loaded and ready to predict."""

    folder: Path
    spec: ModelSpec
    flavor: str
    runtime: Runtime


def load_model(folder: Path | str, options: LoadOptions | None = None) -> Model:
    """Return the model in ``folder``, loaded by the best of its flavors or by the one asked for.

    Raises a `ModelError` that says what to do where it cannot be served.
    """
    folder, options = Path(folder), options or LoadOptions()
    spec = read_model_spec(folder)
    served = served_flavors()
    flavor = choose_flavor(spec, list(served), options.flavor)
    loader = find_loader(flavor, served[flavor])
    try:
        runtime = loader(folder, spec, options)
    except MLServeError:
        raise
    except Exception as error:  # A plug-in's loader is code of somebody else's.
        raise ModelLoadFailed(f"the flavor {flavor} of {folder}", error) from error
    return Model(folder, spec, flavor, runtime)


def served_flavors() -> dict[str, str]:
    """Return "module:attribute" by flavor in the order of preference, with installed plug-ins.

    A plug-in comes before the generic python_function, and never takes a name of ours.
    """
    plugins = {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}
    return {**{name: FLAVORS[name] for name in NATIVE}, **dict(sorted(plugins.items())), **FLAVORS}


def choose_flavor(spec: ModelSpec, served: Sequence[str], wanted: str | None = None) -> str:
    """Return which of the model's flavors to load: ``wanted``, or the first that is ``served``.

    A python_function that only hands on to a flavor served here (``mlflow.sklearn``) is that
    flavor, whether or not the model names it. Where python_function is code of its own around
    another flavor, it is what the model means, and a flavor of ours beside it is not used.
    """
    inner = _inner_flavor(spec)
    named = {inner if name == GENERIC and inner in served else name for name in spec.flavors}
    if wanted is not None:
        asked = inner if wanted == GENERIC and inner in served else wanted
        if asked in named and asked in served:
            return str(asked)
        advice = f"--flavor {wanted} is none that both have"
        raise UnsupportedModel(spec.flavors, served, advice)
    skipped = NATIVE if GENERIC in named and inner is None else ()
    for name in served:
        if name in named and name not in skipped:
            return name
    raise UnsupportedModel(
        spec.flavors,
        served,
        "save it with its python_function flavor too, or install a package with a runtime for "
        f"it (entry point group {ENTRY_POINTS})",
    )


def find_loader(flavor: str, reference: str) -> RuntimeLoader:
    """Return the loader that ``reference``, as "module:attribute", names for ``flavor``."""
    module, _, attribute = reference.partition(":")
    try:
        loader: RuntimeLoader = attrgetter(attribute)(import_module(module))
    except ModuleNotFoundError as error:
        package, extra = PACKAGES.get((error.name or "").partition(".")[0], (None, None))
        if package:
            raise MissingExtra(f"the flavor {flavor}", package, extra) from error
        raise ModelLoadFailed(f"the runtime {reference}", error) from error
    except Exception as error:  # A plug-in's module is code of somebody else's.
        raise ModelLoadFailed(f"the runtime {reference}", error) from error
    return loader


def _inner_flavor(spec: ModelSpec) -> str | None:
    """Return the flavor that MLflow's python_function only hands on to, or None."""
    module = str(spec.flavors.get(GENERIC, {}).get("loader_module"))
    match = re.fullmatch(r"mlflow\.(?!pyfunc$)(\w+)", module)
    return match[1] if match else None
