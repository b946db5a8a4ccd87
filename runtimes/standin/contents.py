"""What each module of the stand-in has: the one table of names that models may import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from json import JSONEncoder
from typing import Any, NoReturn

from . import configuration, exceptions, python_models, schemas, tracing


def deferred(name: str) -> Callable[..., NoReturn]:
    """Return a function that may be imported and fails when it is called.

    Pickles and model files import functions that they use only where the model is trained.
    """

    def call(*_: Any, **__: Any) -> NoReturn:
        raise ModuleNotFoundError(
            f"this model calls {name}, which needs mlflow installed: pip install mlflow",
            name="mlflow",
        )

    call.__name__ = call.__qualname__ = name.rpartition(".")[2]
    return call


_TRACKING = (
    "active_run", "autolog", "end_run", "log_artifact", "log_dict", "log_metric", "log_metrics",
    "log_param", "log_params", "log_text", "register_model", "set_experiment", "set_tag",
    "set_tags", "set_tracking_uri", "set_registry_uri", "start_run", "MlflowClient",
)  # fmt: skip

_TRACING: Mapping[str, Any] = {
    "trace": tracing.trace,
    "start_span": tracing.start_span,
    "start_span_no_context": tracing.start_span_no_context,
    "get_current_active_span": tracing.get_current_active_span,
    "update_current_trace": tracing.ignore,
}

_ENTITIES = {
    "Span": tracing.Span,
    "SpanEvent": tracing.SpanEvent,
    "SpanStatusCode": tracing.SpanStatusCode,
    "SpanType": tracing.SpanType,
}

_SCHEMA = {
    "AnyType": schemas.AnyType,
    "Array": schemas.Array,
    "ColSpec": schemas.ColSpec,
    "DataType": schemas.DataType,
    "Map": schemas.Map,
    "Object": schemas.Object,
    "ParamSchema": schemas.ParamSchema,
    "ParamSpec": schemas.ParamSpec,
    "Property": schemas.Property,
    "Schema": schemas.Schema,
    "SparkMLVector": schemas.SparkMLVector,
    "TensorInfo": schemas.TensorInfo,
    "TensorSpec": schemas.TensorSpec,
}

_PYTHON_MODELS = {
    "PythonModel": python_models.PythonModel,
    "PythonModelContext": python_models.PythonModelContext,
    "_FunctionPythonModel": python_models.FunctionPythonModel,
}

_MODEL_STATEMENT = {
    "ModelConfig": configuration.ModelConfig,
    "set_model": configuration.set_model,
}

_VALIDATION = {
    "FuncInfo": python_models.FuncInfo,
    "pyfunc": python_models.pyfunc,
    "_validate_model_input": python_models.keep_model_input,
}

MODULES: Mapping[str, tuple[Mapping[str, Any], tuple[str, ...]]] = {
    "mlflow": ({**_TRACING, "MlflowException": exceptions.MlflowException}, _TRACKING),
    "mlflow.entities": (_ENTITIES, ()),
    "mlflow.entities.span": ({**_ENTITIES, "NoOpSpan": tracing.Span}, ()),
    "mlflow.entities.span_event": ({"SpanEvent": tracing.SpanEvent}, ()),
    "mlflow.entities.span_status": ({"SpanStatusCode": tracing.SpanStatusCode}, ()),
    "mlflow.exceptions": ({"MlflowException": exceptions.MlflowException}, ()),
    "mlflow.models": (
        {**_MODEL_STATEMENT, "ModelSignature": schemas.ModelSignature},
        ("infer_signature", "set_signature"),
    ),
    "mlflow.models.model": ({"set_model": configuration.set_model}, ("Model",)),
    "mlflow.models.model_config": ({"ModelConfig": configuration.ModelConfig}, ()),
    "mlflow.models.signature": (
        {"ModelSignature": schemas.ModelSignature, "_TypeHints": python_models.TypeHints},
        ("infer_signature", "set_signature"),
    ),
    "mlflow.protos": ({}, ()),
    "mlflow.protos.databricks_pb2": (exceptions.ERROR_CODES, ()),
    "mlflow.pyfunc": (_PYTHON_MODELS, ("load_model", "log_model", "save_model")),
    "mlflow.pyfunc.model": (_PYTHON_MODELS, ()),
    "mlflow.pyfunc.utils": ({"pyfunc": python_models.pyfunc}, ()),
    "mlflow.pyfunc.utils.data_validation": (_VALIDATION, ()),
    "mlflow.tracing": (_TRACING, ("disable", "enable", "set_destination")),
    "mlflow.tracing.constant": ({"SpanAttributeKey": tracing.SpanAttributeKey}, ()),
    "mlflow.tracing.fluent": (
        {**_TRACING, "_set_sampling_ratio_override": tracing.no_context},
        (),
    ),
    "mlflow.tracing.provider": ({"safe_set_span_in_context": tracing.no_context}, ()),
    "mlflow.tracing.utils": (
        {
            "TraceJSONEncoder": JSONEncoder,
            "capture_function_input_args": tracing.capture_function_input_args,
        },
        (),
    ),
    "mlflow.tracking": ({}, ("MlflowClient",)),
    "mlflow.tracking.client": ({}, ("MlflowClient",)),
    "mlflow.tracking.fluent": ({}, _TRACKING),
    "mlflow.types": (_SCHEMA, ()),
    "mlflow.types.schema": (_SCHEMA, ()),
    "mlflow.types.type_hints": ({"TypeFromExample": python_models.TypeFromExample}, ()),
}
