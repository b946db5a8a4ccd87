"""The server as a whole: what it answers, whom it lets in, and what it tells of its faults."""

from __future__ import annotations

import base64
import gzip
import json
import logging
from dataclasses import replace
from itertools import count

import pytest
from mlserve.store.operation import Role
from mlserve.store.rest.access import Access, Account, Caller
from mlserve.store.rest.app import OPERATIONS
from mlserve.store.rest.secret_hashes import (
    digest_token,
    hash_password,
    make_token,
    read_password_hash,
)
from mlserve.store.store import open_store

from .clients import API, PROXY, client_of, send_raw

TOKENS = {role: make_token() for role in Role}
PASSWORD = "correct horse"

_numbers = count()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One store for all, on SQLite alone: what is tested here asks the database for little."""
    folder = tmp_path_factory.mktemp("store")
    made = open_store(f"sqlite:///{folder / 'store.db'}", str(folder / "artifacts"))
    yield made
    made.close()


@pytest.fixture
def name() -> str:
    """A name that nothing has yet."""
    return f"name-{next(_numbers)}"


@pytest.fixture(scope="module")
def client(store):
    with client_of(store) as made:
        yield made


@pytest.fixture(scope="module")
def access() -> Access:
    accounts = [
        Account(Caller(role.name.lower(), role), None, (digest_token(token),))
        for role, token in TOKENS.items()
    ]
    password = read_password_hash(hash_password(PASSWORD))
    return Access([*accounts, Account(Caller("alice", Role.WRITER), password, ())])


def bearer(role):
    return {"authorization": f"Bearer {TOKENS[role]}"}


def path_of(operation):
    return (
        operation.path.replace("{model_id}", "m-1")
        .replace("{tag_key}", "k")
        .replace("{webhook_id}", "w")
    )


# What is answered


def test_the_default_experiment_is_there(client):
    answer = client.get(f"{API}/experiments/get", params={"experiment_id": "0"})
    assert answer.json()["experiment"]["name"] == "Default"
    assert answer.headers["content-type"] == "application/json"


def test_what_was_written_is_read(client, name):
    made = client.post(f"{API}/experiments/create", json={"name": name})
    assert list(made.json()) == ["experiment_id"]
    found = client.get(f"{API}/experiments/get-by-name", params={"experiment_name": name})
    assert found.json()["experiment"]["experiment_id"] == made.json()["experiment_id"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/2.0/mlflow/experiments/get/?experiment_id=0",
        "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0",
    ],
)
def test_other_forms_of_a_path_are_answered_alike(client, path):
    assert client.get(path).json()["experiment"]["experiment_id"] == "0"


def test_the_head_of_an_answer_has_no_body(client):
    answer = client.head(f"{API}/experiments/get", params={"experiment_id": "0"})
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_health_of_the_server_is_ok(client):
    assert client.get("/health").text == "OK"


def test_a_probe_is_answered_whatever_it_calls_the_server(client):
    for path in ("/health", "/version"):
        assert client.get(path, headers={"host": "10-0-0-1.pod.example"}).status_code == 200


def test_what_the_server_cannot_do_is_told_to_the_client_of_mlflow(client):
    info = client.get("/api/3.0/mlflow/server-info").json()
    assert info["multipart_uploads_enabled"] is False
    assert info["workspaces_enabled"] is False


def test_every_answer_has_an_id(client):
    assert client.get("/nothing").headers["x-request-id"].startswith("request-")


# What is refused


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/api/2.0/mlflow/nothing", "/api/2.0/mlflow/traces", "/graphql"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_endpoint_is_404_in_the_shape_of_mlflow(client, method, path):
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", f"{API}/runs/get"), ("GET", f"{API}/runs/create"), ("POST", "/health"),
     ("OPTIONS", f"{API}/runs/create"), ("POST", PROXY), ("PATCH", f"{PROXY}/a")],
)  # fmt: skip
def test_a_wrong_method_is_405_with_the_right_ones(client, method, path):
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error_code"]) == (405, "BAD_REQUEST")
    assert answer.headers["allow"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.work)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"name": "\\ud800"}', b"[" * 10_000]
)
def test_a_body_that_is_no_request_is_never_a_fault_of_the_server(client, operation, body):
    headers = {"content-type": "application/json"}
    answer = client.request(operation.methods[0], path_of(operation), content=body, headers=headers)
    assert answer.status_code < 500, answer.text
    if answer.status_code != 200:
        assert set(answer.json()) == {"error_code", "message"}


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; a=b"]
)
def test_a_body_that_a_page_could_send_unasked_is_refused(client, kind, name):
    headers = {} if kind is None else {"content-type": kind}
    answer = client.post(
        f"{API}/experiments/create", content=json.dumps({"name": name}), headers=headers
    )
    assert answer.status_code == 400
    assert "expected application/json" in answer.json()["message"]


def test_json_may_name_its_encoding(client, name):
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    answer = client.post(
        f"{API}/experiments/create", content=json.dumps({"name": name}), headers=headers
    )
    assert answer.status_code == 200


def test_a_body_over_the_limit_is_413(store):
    with client_of(store, max_body_mb=1) as client:
        body = {"name": "x" * 2**20}
        answer = client.post(f"{API}/experiments/create", json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (413, "INVALID_PARAMETER_VALUE")


def test_a_body_that_tells_no_length_is_held_to_the_limit(store):
    with client_of(store, max_body_mb=1) as client:
        answer = client.post(
            f"{API}/experiments/create",
            content=(b"x" * 2**19 for _ in range(3)),
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 413


def test_a_compressed_body_is_not_unpacked(client, name):
    body = gzip.compress(json.dumps({"name": name}).encode())
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = client.post(f"{API}/experiments/create", content=body, headers=headers)
    assert answer.status_code == 400


def test_a_yaml_bomb_is_no_request(client):
    bomb = b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nname: *c"
    for kind in ("application/json", "application/yaml"):
        headers = {"content-type": kind}
        answer = client.post(f"{API}/experiments/create", content=bomb, headers=headers)
        assert answer.status_code == 400


@pytest.mark.parametrize("path", [f"{API}/experiments/get?experiment_id=0", PROXY, "/nothing"])
def test_a_foreign_host_is_refused_everywhere(client, path):
    answer = client.get(path, headers={"host": "evil.example"})
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")


def test_a_host_that_is_allowed_is_answered(store):
    with client_of(store, allowed_hosts=("mlserve.example",)) as client:
        headers = {"host": "mlserve.example"}
        path = f"{API}/experiments/get?experiment_id=0"
        assert client.get(path, headers=headers).status_code == 200


def test_a_page_of_elsewhere_changes_nothing(client, name):
    headers = {"origin": "https://evil.example"}
    answer = client.post(f"{API}/experiments/create", json={"name": name}, headers=headers)
    assert answer.status_code == 403
    assert client.put(f"{PROXY}/a", content=b"x", headers=headers).status_code == 403
    found = client.get(f"{API}/experiments/get-by-name", params={"experiment_name": name})
    assert found.status_code == 404


SCRIPT = "<script>alert(document.cookie)</script>"


def test_a_script_in_a_name_or_a_tag_comes_back_as_json_that_no_browser_runs(client):
    tags = [{"key": "k", "value": SCRIPT}]
    made = client.post(f"{API}/experiments/create", json={"name": SCRIPT, "tags": tags})
    answer = client.get(f"{API}/experiments/get", params=made.json())
    experiment = answer.json()["experiment"]
    assert (experiment["name"], experiment["tags"]) == (SCRIPT, tags)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_script_in_what_is_refused_comes_back_as_json_that_no_browser_runs(client):
    for answer in (
        client.get(f"/{SCRIPT}"),
        client.get(f"{API}/experiments/get-by-name", params={"experiment_name": f"no {SCRIPT}"}),
        client.get(f"{PROXY}/{SCRIPT}"),
    ):
        assert answer.status_code in {400, 404}
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"


# Who is let in


@pytest.fixture(scope="module")
def guarded(store, access):
    with client_of(store, access) as made:
        yield made


def test_without_accounts_anybody_is_let_in(client, name):
    assert client.post(f"{API}/experiments/create", json={"name": name}).status_code == 200


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.work)
def test_no_operation_is_done_without_an_account(guarded, operation):
    answer = guarded.request(operation.methods[0], path_of(operation))
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.work)
def test_an_operation_needs_its_role(guarded, operation):
    for role in Role:
        answer = guarded.request(operation.methods[0], path_of(operation), headers=bearer(role))
        assert (answer.status_code == 403) is (role < operation.role)
        assert answer.status_code < 500


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", PROXY, Role.READER),
        ("GET", f"{PROXY}/a", Role.READER),
        ("HEAD", f"{PROXY}/a", Role.READER),
        ("PUT", f"{PROXY}/a", Role.WRITER),
        ("DELETE", f"{PROXY}/a", Role.WRITER),
        ("GET", "/get-artifact?run_id=r&path=a", Role.READER),
        ("GET", "/model-versions/get-artifact?name=n&version=1&path=a", Role.READER),
        ("GET", "/api/3.0/mlflow/server-info", Role.READER),
        ("GET", "/nothing", Role.READER),
        ("POST", "/nothing", Role.WRITER),
    ],
)
def test_everything_else_needs_an_account_and_a_role(guarded, method, path, role):
    assert guarded.request(method, path).status_code == 401
    for held in Role:
        answer = guarded.request(method, path, headers=bearer(held))
        assert (answer.status_code == 403) is (held < role)


def test_health_and_version_are_for_everybody(guarded):
    assert guarded.get("/health").status_code == guarded.get("/version").status_code == 200


BYPASSES = [
    "/health/../api/2.0/mlflow/experiments/get?experiment_id=0",
    "/health%2f..%2fapi/2.0/mlflow/experiments/get?experiment_id=0",
    "/api/2.0/mlflow/experiments/get?experiment_id=0#/health",
    "//api/2.0/mlflow/experiments/get?experiment_id=0",
    "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0",
    "/api/2.0/mlflow/experiments/get/?experiment_id=0",
    "/API/2.0/mlflow/experiments/get?experiment_id=0",
    "/api/2.0/mlflow/experiments/get;/health?experiment_id=0",
    "http://localhost/health/../api/2.0/mlflow/experiments/get?experiment_id=0",
    "/api/2.0/mlflow-artifacts/artifacts/%2e%2e/health",
]


@pytest.mark.parametrize("path", BYPASSES)
def test_no_form_of_a_path_gets_around_the_accounts(guarded, path):
    status, _ = send_raw(guarded, "GET", path)
    assert status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"x-forwarded-user": "admin"},
        {"x-mlflow-user": "admin"},
        {"x-http-method-override": "GET"},
        {"x-original-url": "/health"},
        {"cookie": "session=admin"},
        {"authorization": "Basic " + base64.b64encode(b"admin:").decode()},
        {"authorization": "Basic " + base64.b64encode(b"alice:wrong").decode()},
        {"authorization": "Bearer " + "0" * 43},
    ],
)
def test_no_header_but_true_credentials_lets_anybody_in(guarded, headers, name):
    answer = guarded.post(f"{API}/experiments/create", json={"name": name}, headers=headers)
    assert answer.status_code == 401


def test_a_password_lets_its_account_in(guarded, name):
    answer = guarded.post(
        f"{API}/experiments/create", json={"name": name}, auth=("alice", PASSWORD)
    )
    assert answer.status_code == 200


def test_the_log_of_promotions_says_which_account_it_was(guarded, name):
    writer, asked = bearer(Role.WRITER), {"name": name, "version": "1", "stage": "Production"}
    made = guarded.post(f"{API}/logged-models", json={"experiment_id": "0"}, headers=writer)
    model_id = made.json()["model"]["info"]["model_id"]
    guarded.put(f"{PROXY}/0/models/{model_id}/artifacts/MLmodel", content=b"", headers=writer)
    for path, body in {
        "registered-models/create": {"name": name},
        "model-versions/create": {
            "name": name, "source": f"models:/{model_id}", "model_id": model_id,
        },
        "model-versions/transition-stage": asked,
    }.items():  # fmt: skip
        assert guarded.post(f"{API}/{path}", json=body, headers=writer).status_code == 200
    path = f"/api/2.0/mlserve/promotions?name={name}"
    promotions = guarded.get(path, headers=bearer(Role.READER)).json()["promotions"]
    assert {one["actor"] for one in promotions} == {"writer"}


def test_a_credential_is_asked_for_before_the_body_is_read(guarded):
    answer = guarded.put(f"{PROXY}/a", content=b"x" * 10_000_000)
    assert answer.status_code == 401


# Faults of the server itself


def test_a_fault_tells_an_id_and_the_log_has_the_rest(store, caplog, name):
    broken = replace(store, clock=lambda: 1 // 0)
    with caplog.at_level(logging.ERROR), client_of(broken) as client:
        answer = client.post(f"{API}/experiments/create", json={"name": name})
    assert (answer.status_code, answer.json()["error_code"]) == (500, "INTERNAL_ERROR")
    request_id = answer.headers["x-request-id"]
    assert f"request id {request_id}" in answer.json()["message"]
    assert "ZeroDivisionError" not in answer.text
    (record,) = caplog.records
    assert record.request_id == request_id
    assert record.exc_info[0] is ZeroDivisionError


def test_a_server_whose_artifacts_cannot_be_reached_says_so_as_a_client_can_read_it(store):
    elsewhere = replace(store, destination="nonsense://bucket")
    with client_of(elsewhere) as client:
        answer = client.get(f"{PROXY}/a")
        assert set(answer.json()) == {"error_code", "message"}
