"""The runtime of ONNX models, on ONNX Runtime; ``feeds.py`` makes what its graph takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

# ONNX Runtime looks at it when it is imported: a service reports to nobody, unless it is told to.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime as ort

from .columns import ColumnName, Columns, ColumnValues, ModelInput, Tensors
from .compatibility import check_version
from .contract import LoadOptions
from .errors import InvalidInput, InvalidModel, InvalidPrediction, InvalidSetting, ModelLoadFailed
from .feeds import Feeds, GraphInput, GraphInputs
from .modelfolder import MLMODEL, model_file
from .modelspec import ModelSpec
from .trust import vouch

DTYPES: dict[str, np.dtype[Any]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(double)": np.dtype(np.float64),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(int8)": np.dtype(np.int8),
    "tensor(int16)": np.dtype(np.int16),
    "tensor(int32)": np.dtype(np.int32),
    "tensor(int64)": np.dtype(np.int64),
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(uint16)": np.dtype(np.uint16),
    "tensor(uint32)": np.dtype(np.uint32),
    "tensor(uint64)": np.dtype(np.uint64),
    "tensor(bool)": np.dtype(bool),
    "tensor(string)": np.dtype(object),
}
EXECUTION_MODES = {
    "SEQUENTIAL": ort.ExecutionMode.ORT_SEQUENTIAL,
    "PARALLEL": ort.ExecutionMode.ORT_PARALLEL,
}
LEVELS = {int(level): level for level in ort.GraphOptimizationLevel.__members__.values()}
CPU_PROVIDER = "CPUExecutionProvider"
# A waiting thread that spins takes the cores that the workers beside it need.
SESSION_CONFIG = {
    "session.intra_op.allow_spinning": "0",
    "session.inter_op.allow_spinning": "0",
}
FATAL_ONLY = 4

Provider = tuple[str, Mapping[str, Any]]


class OnnxRuntime:
    """A loaded ONNX graph: tables in, tables out; tensors in, tensors by name out."""

    __slots__ = ("_inputs", "_is_row_wise", "_output_names", "_run", "_session")

    def __init__(self, session: Any, file: Path) -> None:
        self._session, self._run = session, _direct_run(session)
        self._inputs = GraphInputs(_graph_input(file, item) for item in session.get_inputs())
        self._output_names = [item.name for item in session.get_outputs()]
        self._is_row_wise = keeps_rows(
            (item.type, item.shape) for item in (*session.get_inputs(), *session.get_outputs())
        )

    @property
    def is_row_wise(self) -> bool:
        """Whether the first dimension of every input and output is one of any length."""
        return self._is_row_wise

    @property
    def concurrency(self) -> int:
        """One call at a time: it has the whole compute budget."""
        return 1

    @property
    def own_params(self) -> frozenset[str]:
        """None: a graph has nothing to choose."""
        return frozenset()

    def predict(self, data: ModelInput, params: Mapping[str, Any]) -> Columns | dict[str, Any]:  # noqa: ARG002 - a runtime's signature
        """Return the outputs: `Columns` of one entry a row for `Columns`, else arrays by name.

        A graph has no params; they are left aside.
        """
        if isinstance(data, Columns):
            feeds = self._inputs.feed_columns(data)
            return to_columns(self._output_names, self._run(self._output_names, feeds, None))
        outputs = self._run(self._output_names, self._tensor_feeds(data), None)
        return dict(zip(self._output_names, map(_with_string_keys, outputs), strict=True))

    def close(self) -> None:
        """Free the session's memory and threads."""
        del self._run, self._session

    def _tensor_feeds(self, data: ModelInput) -> Feeds:
        match data:
            case Tensors(values=values):
                return self._inputs.feed_tensors(values)
            case np.ndarray() if len(self._inputs.names) == 1:
                return self._inputs.feed_tensors({self._inputs.names[0]: data})
        names = ", ".join(self._inputs.names)
        raise InvalidInput(f"found data without names, expected one tensor for each of {names}")


def load(folder: Path, spec: ModelSpec, options: LoadOptions) -> OnnxRuntime:
    """Return the runtime of the ONNX model in ``folder``."""
    if options.predict_fn is not None:
        raise InvalidSetting(
            f"predict_fn: found {options.predict_fn}, but an ONNX model has no methods to choose "
            "from; leave it out, or choose another flavor of the model"
        )
    config = spec.flavors.get("onnx", {})
    name = config.get("data") or spec.flavors.get("python_function", {}).get("data")
    file = model_file(folder, name or "model.onnx")
    if (installed := _installed("onnx")) is not None:
        check_version("onnx", config.get("onnx_version"), installed, pickled=False)
    session_options = make_session_options(config.get("onnx_session_options") or {}, options)
    providers = choose_providers(config.get("providers"), ort.get_available_providers())
    if any(provider_options for _, provider_options in providers):
        vouch(
            "a model with options for ONNX execution providers (they may name libraries)",
            options,
            "leave the options out of the providers in the MLmodel",
        )
    return OnnxRuntime(_open(file, config, session_options, providers), file)


def make_session_options(recorded: Mapping[str, Any], options: LoadOptions) -> Any:
    """Return the session options that the model records, within the budget of threads."""
    made = ort.SessionOptions()
    made.log_severity_level = FATAL_ONLY  # Its errors are raised, and so logged once, by us.
    asked = _threads(recorded, "intra_op_num_threads") or options.threads
    made.intra_op_num_threads = min(asked, options.threads)
    asked = _threads(recorded, "inter_op_num_threads") or 1
    made.inter_op_num_threads = min(asked, options.threads)
    if mode := recorded.get("execution_mode"):
        made.execution_mode = _listed("execution_mode", str(mode).upper(), EXECUTION_MODES)
    if (level := recorded.get("graph_optimization_level")) is not None:
        made.graph_optimization_level = _listed("graph_optimization_level", level, LEVELS)
    config = recorded.get("extra_session_config") or {}
    if not isinstance(config, Mapping):
        raise InvalidModel(MLMODEL, f"extra_session_config {config!r}", "a mapping")
    for key, value in {**SESSION_CONFIG, **config}.items():
        made.add_session_config_entry(str(key), str(value))
    return made


def choose_providers(recorded: object, available: Iterable[str]) -> list[Provider]:
    """Return the ``recorded`` execution providers that are ``available``, or the CPU alone.

    MLflow records a name, or a list of names and of [name, options].
    """
    entries = [recorded] if isinstance(recorded, str) else recorded or []
    if not isinstance(entries, list):
        raise InvalidModel(MLMODEL, f"providers {entries!r}", "a list of names")
    there = set(available)
    usable = [provider for provider in map(_provider, entries) if provider[0] in there]
    return usable or [(CPU_PROVIDER, {})]


def keeps_rows(values: Iterable[tuple[str, list[Any]]]) -> bool:
    """Return whether all ``values`` of a graph, as (type, shape), have a row's entry each.

    The first dimension must be of any length and, where it is named, have one name throughout: a
    graph over [sequence, features] that answers [batch] is none. Of sequences only those of maps
    are known to: ZipMap makes one a row.
    """
    firsts = set()
    for kind, shape in values:
        if kind.startswith("seq(map("):
            continue
        if not shape or isinstance(shape[0], int):
            return False
        firsts.add(shape[0])
    return len(firsts - {None}) <= 1


def to_columns(names: list[str], outputs: list[Any]) -> Columns:
    """Return the outputs of a graph as columns of one entry a row.

    A width of one is no width: [N, 1] is [N]. Anything wider is an array a row.
    """
    values: dict[ColumnName, ColumnValues] = {
        name: _entries(output) for name, output in zip(names, outputs, strict=True)
    }
    lengths = set(map(len, values.values()))
    if len(lengths) != 1:
        found = ", ".join(f"{name} of {len(column)}" for name, column in values.items())
        raise InvalidPrediction(f"the model's outputs are of different lengths: {found}")
    return Columns(values, lengths.pop())


def _entries(output: Any) -> ColumnValues:
    if not isinstance(output, np.ndarray):
        plain = _with_string_keys(output)
        return plain if isinstance(plain, list) else [plain]
    if output.ndim == 1:
        return output
    is_narrow = output.ndim == 0 or output.size == len(output)
    return output.reshape(-1) if is_narrow else output


def _with_string_keys(output: Any) -> Any:
    """Return ``output`` with the maps in it keyed by strings, as JSON has them."""
    if isinstance(output, dict):
        return {str(key): value for key, value in output.items()}
    if isinstance(output, list):
        return [_with_string_keys(item) for item in output]
    return output


def _graph_input(file: Path, item: Any) -> GraphInput:
    if item.type not in DTYPES:
        raise InvalidModel(
            file.name,
            f'the input "{item.name}" of type {item.type}',
            f"one of {', '.join(DTYPES)}",
        )
    shape = tuple(size if isinstance(size, int) else None for size in item.shape)
    return GraphInput(item.name, DTYPES[item.type], shape)


def _open(file: Path, config: Mapping[str, Any], options: Any, providers: list[Provider]) -> Any:
    try:
        return ort.InferenceSession(file, options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors have no class in common.
        recorded = config.get("onnx_version")
        saved = f" (saved with onnx {recorded}, loaded with ONNX Runtime {ort.__version__})"
        raise ModelLoadFailed(f"{file.name}{saved if recorded else ''}", error) from error


def _direct_run(session: Any) -> Callable[..., list[Any]]:
    """Return ``session.run``, or on the CPU alone what that calls.

    Before each call it asks C++ for every input's name, to tell which are missing from feeds that
    have all. For one row of many columns that is a fifth of the time.
    """
    inner = getattr(session, "_sess", None)
    is_plain = session.get_providers() == [CPU_PROVIDER]
    run: Callable[..., list[Any]] = inner.run if inner and is_plain else session.run
    return run


def _threads(recorded: Mapping[str, Any], key: str) -> int:
    """Return how many threads the model asks for, 0 where it does not."""
    count = recorded.get(key) or 0
    if not isinstance(count, int) or count < 0:
        raise InvalidModel(MLMODEL, f"{key} {count!r}", "a number of threads")
    return count


def _listed(key: str, value: Any, table: Mapping[Any, Any]) -> Any:
    if not isinstance(value, int | str) or value not in table:
        raise InvalidModel(MLMODEL, f"{key} {value!r}", f"one of {', '.join(map(str, table))}")
    return table[value]


def _provider(entry: object) -> Provider:
    match entry:
        case str() as name:
            return name, {}
        case [str() as name, dict() as options]:
            return name, options
    raise InvalidModel(MLMODEL, f"{entry!r} among the providers", "a name, or [name, options]")


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
