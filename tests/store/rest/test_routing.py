"""Operations found by their methods and paths."""

from __future__ import annotations

import pytest
from mlserve.store import registry_operations, tracking_operations
from mlserve.store.errors import InvalidParameter
from mlserve.store.rest.app import OPERATIONS
from mlserve.store.rest.refusals import WrongMethod
from mlserve.store.rest.routing import Routes
from mlserve.store.rest.threads import SLOW

API = "/api/2.0/mlflow"
ROUTES = Routes(OPERATIONS)


def find(method, path):
    return ROUTES.find(method, path)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.work)
def test_every_operation_is_at_its_path_with_each_of_its_methods(operation):
    path = operation.path.replace("{model_id}", "m-1").replace("{tag_key}", "k")
    path = path.replace("{webhook_id}", "w")
    for method in operation.methods:
        assert find(method, path).operation is operation


def test_an_operation_is_below_ajax_api_too():
    assert find("GET", "/ajax-api/2.0/mlflow/runs/get").operation is tracking_operations.GET_RUN


def test_a_slash_at_the_end_changes_nothing():
    assert find("GET", f"{API}/runs/get/").operation is tracking_operations.GET_RUN


def test_head_asks_for_what_get_does():
    assert find("HEAD", f"{API}/runs/get").operation is tracking_operations.GET_RUN


def test_fields_of_a_path_are_decoded_once():
    found = find("DELETE", f"{API}/logged-models/m-1/tags/a%2Fb%20%2525")
    assert found.operation is tracking_operations.DELETE_LOGGED_MODEL_TAG
    assert found.fields == {"model_id": "m-1", "tag_key": "a/b %25"}


def test_a_plain_path_goes_before_one_with_fields():
    found = find("POST", f"{API}/logged-models/search")
    assert found.operation is tracking_operations.SEARCH_LOGGED_MODELS


def test_what_only_we_have_is_below_a_base_of_its_own():
    assert find("GET", "/api/2.0/mlserve/promotions").operation is (
        registry_operations.SEARCH_PROMOTIONS
    )


@pytest.mark.parametrize(
    "path",
    ["/", "", "/api/2.0/mlflow", "/api/2.0/mlflow/runs", f"{API}/runs/get/x", "/api/3.0/mlflow/x",
     f"{API}//runs/get", f"{API}/logged-models/m/tags/a/b", f"{API}/runs%2Fget"],
)  # fmt: skip
def test_a_path_that_no_operation_has_is_not_found(path):
    assert find("GET", path) is None


def test_a_wrong_method_is_refused_with_the_right_ones():
    with pytest.raises(WrongMethod, match="found PUT, expected GET, POST") as caught:
        find("PUT", f"{API}/experiments/search")
    assert caught.value.allowed == "GET, POST"


def test_a_field_that_is_no_utf_8_is_refused():
    with pytest.raises(InvalidParameter, match="no UTF-8"):
        find("GET", f"{API}/logged-models/%ff")


def test_work_that_may_be_slow_is_work_of_operations():
    assert {operation.work for operation in OPERATIONS} >= SLOW
