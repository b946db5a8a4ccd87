"""The runtime of scikit-learn models, saved by pickle, cloudpickle or skops."""

from __future__ import annotations

import pickle
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import sklearn
from sklearn.exceptions import InconsistentVersionWarning
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from .columns import Columns, ModelInput, unwrap
from .compatibility import check_python, check_version
from .contract import LoadOptions
from .errors import InvalidModel, InvalidParams, InvalidSetting, MissingExtra, MLServeError
from .frames import to_frame
from .loadfailures import failed_load
from .modelcode import ModelCode, install_code
from .modelfolder import MLMODEL, model_file
from .modelspec import ModelSpec
from .standin import install_standin
from .trust import vouch, vouch_types

# Each answers a row at a time. `score` is not here: it needs the true labels, which no request has.
METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "predict_joint_log_proba",
    "decision_function",
    "score_samples",
    "transform",
    "inverse_transform",
    "apply",
)
NO_SCORE = "; score needs the true labels, which a request has not"

Method = Callable[[Any], Any]


class ThreadLimit(threading.local):
    """The compute budget as each thread keeps it: its first use in a thread sets it there.

    OpenMP counts threads for each calling thread; a limit set while loading would not hold in
    the threads that predict.
    """

    def __init__(self, pools: ThreadpoolController, threads: int) -> None:
        self.limiter = pools.limit(limits=threads)


class SklearnRuntime:
    """A loaded estimator, of whose methods each call may choose one."""

    __slots__ = ("_code", "_default", "_limit", "_methods")

    def __init__(
        self, methods: Mapping[str, Method], default: str, threads: int, code: ModelCode | None
    ) -> None:
        self._methods = methods
        self._default = methods[default]
        self._limit = ThreadLimit(ThreadpoolController(), threads)
        self._code = code

    @property
    def is_row_wise(self) -> bool:
        """All the methods that can be chosen answer a row at a time."""
        return True

    @property
    def concurrency(self) -> int:
        """One call at a time: it has the whole compute budget."""
        return 1

    @property
    def own_params(self) -> frozenset[str]:
        """The method, which a request may choose."""
        return frozenset({"predict_fn"})

    def predict(self, data: ModelInput, params: Mapping[str, Any]) -> Any:
        """Return what the estimator's method answers; ``params["predict_fn"]`` may name another.

        A sparse answer comes as an array.
        """
        method = self._choose(params["predict_fn"]) if "predict_fn" in params else self._default
        _ = self._limit.limiter
        prediction = method(native_input(data))
        return prediction.toarray() if hasattr(prediction, "toarray") else prediction

    def close(self) -> None:
        """Lift the limit on threads, and make the model's own code no longer importable."""
        self._limit.limiter.restore_original_limits()
        if self._code:
            self._code.remove()

    def _choose(self, name: object) -> Method:
        if isinstance(name, str) and name in self._methods:
            return self._methods[name]
        found = f'"{name}"' if name in METHODS else "a name that is none of its methods"
        raise InvalidParams(
            f'param "predict_fn": found {found}, expected one of {", ".join(self._methods)}'
        )


def load(folder: Path, spec: ModelSpec, options: LoadOptions) -> SklearnRuntime:
    """Return the runtime of the scikit-learn model in ``folder``."""
    flavor = spec.flavors.get("sklearn", {})
    generic = spec.flavors.get("python_function", {})
    kind = flavor.get("serialization_format") or "pickle"
    if kind not in READERS:
        raise InvalidModel(
            folder / MLMODEL, f'serialization_format "{kind}"', f"one of {', '.join(READERS)}"
        )
    name = flavor.get("pickled_model") or generic.get("model_path") or generic.get("data")
    file = model_file(folder, name or "model.pkl")
    if kind != "skops":
        vouch(f"{file.name} ({kind})", options)
        check_python(spec, options)
    check_version(
        "scikit-learn",
        flavor.get("sklearn_version"),
        sklearn.__version__,
        pickled=kind != "skops",
        allow_mismatch=options.allow_version_mismatch,
    )
    code = _install_code(folder, generic.get("code") or flavor.get("code"), options)
    try:
        estimator = _read(folder, kind, file, options)
        methods = find_methods(estimator)
        default = choose_default(type(estimator).__name__, methods, generic, options)
    except BaseException:
        if code:
            code.remove()
        raise
    limit_jobs(estimator, options.threads)
    return SklearnRuntime(methods, default, options.threads, code)


def read_pickle(file: Path, options: LoadOptions) -> Any:  # noqa: ARG001 - one shape of reader
    """Return the object in a pickle, or in a cloudpickle, which is one too."""
    install_standin()
    with file.open("rb") as stream:
        return pickle.load(stream)


def read_skops(file: Path, options: LoadOptions) -> Any:
    """Return the object in a skops file, if all its types are harmless or the operator's trust."""
    try:
        skops = import_module("skops.io")  # It imports much of scikit-learn: over a second.
    except ModuleNotFoundError as error:
        raise MissingExtra("a model in the skops format", "skops", "sklearn") from error
    types = skops.get_untrusted_types(file=file)
    vouch_types(file.name, types, options)
    return skops.load(file, trusted=types)


READERS = {"pickle": read_pickle, "cloudpickle": read_pickle, "skops": read_skops}


def find_methods(estimator: Any) -> dict[str, Method]:
    """Return those of `METHODS` that ``estimator`` has as it was fitted."""
    return {name: getattr(estimator, name) for name in METHODS if hasattr(estimator, name)}


def choose_default(
    estimator: str, methods: Mapping[str, Method], generic: Mapping[str, Any], options: LoadOptions
) -> str:
    """Return the method that answers where a request names none: the operator's or the model's."""
    name = options.predict_fn or generic.get("predict_fn") or "predict"
    if name in methods:
        return str(name)
    present = ", ".join(methods) or "none"
    advice = NO_SCORE if name == "score" else ""
    if options.predict_fn:
        raise InvalidSetting(
            f"predict_fn: found {name}, expected a method of {estimator}: {present}{advice}"
        )
    raise InvalidModel(
        MLMODEL,
        f"the predict_fn {name}",
        f"a method of {estimator} that can be served: {present}; "
        f"choose one with --predict-fn{advice}",
    )


def limit_jobs(estimator: Any, threads: int) -> None:
    """Lower each ``n_jobs`` of ``estimator`` and of its fitted parts to ``threads``.

    It says how many cores the training had, changes no prediction, and would start as many
    threads in each worker; where it is None or 1 it stays.
    """
    for part in _parts(estimator):
        jobs = vars(part).get("n_jobs")
        if isinstance(jobs, int) and not 1 <= jobs <= threads:
            part.n_jobs = threads


def native_input(data: ModelInput) -> Any:
    """Return ``data`` as scikit-learn takes it: a DataFrame, an array, or a dict of arrays."""
    return to_frame(data) if isinstance(data, Columns) else unwrap(data)


def _parts(estimator: Any) -> Iterator[Any]:
    """Yield ``estimator`` and every estimator that it holds, in attributes and lists of them."""
    seen: set[int] = set()
    waiting = [estimator]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, list | tuple):
            waiting.extend(item)
        elif hasattr(item, "__dict__") and any(hasattr(type(item), name) for name in METHODS):
            yield item
            waiting.extend(vars(item).values())


def _read(folder: Path, kind: str, file: Path, options: LoadOptions) -> Any:
    with warnings.catch_warnings():
        # One line of ours says it already, instead of one for each part of the model.
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        try:
            return READERS[kind](file, options)
        except MLServeError:
            raise
        except (Exception, SystemExit) as error:  # A pickle runs any code, which raises anything.
            raise failed_load(file.name, error, folder) from error


def _install_code(folder: Path, name: str | None, options: LoadOptions) -> ModelCode | None:
    if not name:
        return None
    vouch(f"the model's own code in {name}", options)
    return install_code(model_file(folder, name))
