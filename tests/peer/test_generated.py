"""Both services answer alike whatever hypothesis makes up for a signature."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from mlserve.runtimes.modelspec import read_model_spec

from .differences import explain
from .strategies import requests

pytestmark = pytest.mark.filterwarnings("ignore")
EXAMPLES = 40
MODELS = [
    "anything",
    "code",
    "csv_optional",
    "csv_required",
    "matrix",
    "nested",
    "onnx_classification",
    "onnx_input_tensors",
    "onnx_inputs",
    "onnx_outputs",
    "onnx_regression",
    "onnx_tensor",
    "optional",
    "params",
    "scalars",
    "sklearn_anything",
    "sklearn_mixed",
    "sklearn_proba",
    "sklearn_skops",
    "sklearn_tensor",
    "sklearn_unnamed",
    "tensors",
    "unnamed",
]


@pytest.mark.parametrize("model", MODELS)
def test_both_answer_generated_requests_alike_but_for_declared_differences(peer, ask, model):
    signature = read_model_spec(peer.folder / model).signature

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(requests(signature))
    def compare(request):
        exchange = ask(model, request)
        assert exchange.is_same or explain(exchange), str(exchange)

    compare()
