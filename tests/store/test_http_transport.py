"""Operations over HTTP: what is sent, what is tried again, what an answer means."""

from __future__ import annotations

import base64
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest
from mlserve.runtimes.errors import InvalidSetting
from mlserve.store import entities, errors
from mlserve.store import registry_operations as registry
from mlserve.store import tracking_operations as tracking
from mlserve.store.credentials import Credentials
from mlserve.store.http_transport import HttpTransport, make_exchange
from mlserve.store.registry_requests import (
    CreateModelVersion,
    GetLatestVersions,
    RegisteredModelName,
    SearchPromotions,
    TransitionStage,
)
from mlserve.store.retrying import Retrying, find_retrying
from mlserve.store.tracking_requests import (
    CreateRun,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    GetExperimentByName,
    GetMetricHistoryInterval,
    ListLoggedModelArtifacts,
    LogMetric,
    SearchExperiments,
)

from .scripted_server import CLOSED, Answer, scripted

EXPERIMENT = (
    b'{"experiment":{"experiment_id":"3","name":"n","artifact_location":"a","extra":[1],'
    b'"lifecycle_stage":"active","last_update_time":"1","creation_time":2}}'
)
SECRET = "hush-hush"


@pytest.fixture
def waits():
    """The seconds that were waited between attempts, for nobody waits in these tests."""
    return []


@pytest.fixture
def transport_to(waits):
    """Returns the transport to a URI."""
    opened = []

    def open_transport(uri, credentials=None, most=3):
        retrying = Retrying(most=most, wait=waits.append, draw=lambda: 0.5)
        opened.append(HttpTransport(uri, credentials, retrying))
        return opened[-1]

    yield open_transport
    for transport in opened:
        transport.close()


def get(transport):
    return transport.call(tracking.GET_EXPERIMENT_BY_NAME, GetExperimentByName("n"))


def create(transport):
    """Do what may not be done twice."""
    return transport.call(registry.DELETE_REGISTERED_MODEL, RegisteredModelName("churn"))


def refusal(status, code, message="why"):
    return Answer(status, json.dumps({"error_code": code, "message": message}).encode())


class TestRequests:
    @pytest.mark.parametrize(
        ("operation", "request_", "method", "path", "query", "body"),
        [
            (tracking.GET_EXPERIMENT_BY_NAME, GetExperimentByName("ü &"), "GET",
             "/api/2.0/mlflow/experiments/get-by-name", {"experiment_name": "ü &"}, None),
            (tracking.CREATE_RUN, CreateRun("0", start_time=0), "POST",
             "/api/2.0/mlflow/runs/create", {}, {"experiment_id": "0", "start_time": 0}),
            (tracking.SEARCH_EXPERIMENTS, SearchExperiments(order_by=["name"]), "POST",
             "/api/2.0/mlflow/experiments/search", {}, {"max_results": 1000, "order_by": ["name"]}),
            (tracking.LOG_METRIC, LogMetric(run_id="r", key="k", value="NaN", timestamp=1), "POST",
             "/api/2.0/mlflow/runs/log-metric", {},
             {"run_id": "r", "key": "k", "value": "NaN", "timestamp": 1, "step": 0}),
            (tracking.FINALIZE_LOGGED_MODEL, FinalizeLoggedModel("m-1", "READY"), "PATCH",
             "/api/2.0/mlflow/logged-models/m-1", {}, {"model_id": "m-1", "status": "READY"}),
            (tracking.DELETE_LOGGED_MODEL_TAG, DeleteLoggedModelTag("m-1", "a/b ü?"), "DELETE",
             "/api/2.0/mlflow/logged-models/m-1/tags/a%2Fb%20%C3%BC%3F", {},
             {"model_id": "m-1", "tag_key": "a/b ü?"}),
            (tracking.LIST_LOGGED_MODEL_ARTIFACTS, ListLoggedModelArtifacts("m-1", "a"), "GET",
             "/api/2.0/mlflow/logged-models/m-1/artifacts/directories",
             {"artifact_directory_path": "a"}, None),
            (registry.TRANSITION_STAGE, TransitionStage("n", "1", "Staging"), "POST",
             "/api/2.0/mlflow/model-versions/transition-stage", {},
             {"name": "n", "version": "1", "stage": "Staging", "archive_existing_versions": False}),
            (registry.GET_LATEST_VERSIONS, GetLatestVersions("n"), "POST",
             "/api/2.0/mlflow/registered-models/get-latest-versions", {}, {"name": "n"}),
            (registry.SEARCH_PROMOTIONS, SearchPromotions("n", max_results=5), "GET",
             "/api/2.0/mlserve/promotions", {"name": "n", "max_results": "5"}, None),
        ],
    )  # fmt: skip
    def test_an_operation_is_sent_as_its_table_says(
        self, operation, request_, method, path, query, body
    ):
        exchange = make_exchange(operation, request_)
        assert (exchange.method, exchange.path) == (method, path)
        assert dict(exchange.query) == query
        assert (json.loads(exchange.content()) if exchange.content else None) == body

    def test_a_list_in_a_query_is_repeated(self):
        request = GetMetricHistoryInterval(["a", "b"], "m")
        exchange = make_exchange(tracking.GET_METRIC_HISTORY_INTERVAL, request)
        assert exchange.query[:2] == (("run_ids", "a"), ("run_ids", "b"))

    @pytest.mark.parametrize("key", ["", ".", ".."])
    def test_a_part_of_a_path_is_never_another_path(self, key):
        with pytest.raises(errors.InvalidParameter, match="tag_key"):
            make_exchange(tracking.DELETE_LOGGED_MODEL_TAG, DeleteLoggedModelTag("m-1", key))

    @pytest.mark.parametrize("value", ["\ud800", object(), {1: object()}])
    def test_what_cannot_be_sent_is_refused(self, value):
        with pytest.raises(errors.InvalidParameter):
            make_exchange(registry.CREATE_MODEL_VERSION, CreateModelVersion("n", value))
        if isinstance(value, str):
            with pytest.raises(errors.InvalidParameter):
                make_exchange(tracking.GET_EXPERIMENT_BY_NAME, GetExperimentByName(value))

    def test_a_prefix_of_the_server_is_kept(self, transport_to):
        with scripted(Answer(body=EXPERIMENT)) as server:
            get(transport_to(f"{server.uri}/tracking/"))
        assert server.asked[0].path.startswith("/tracking/api/2.0/mlflow/experiments/get-by-name?")


class TestAnswers:
    def test_an_answer_is_read_leniently(self, transport_to):
        with scripted(Answer(body=EXPERIMENT)) as server:
            found = get(transport_to(server.uri)).experiment
        assert (found.experiment_id, found.last_update_time, found.creation_time) == ("3", 1, 2)

    def test_an_empty_body_is_an_answer_that_says_nothing(self, transport_to):
        with scripted(Answer(body=b"")) as server:
            assert create(transport_to(server.uri)) == entities.Empty()

    @pytest.mark.parametrize(
        "body", [b"<html>Sign in</html>", b"[1]", b'{"experiment":{}}', b'{"a":"\xff"}']
    )
    def test_what_is_no_answer_is_told_with_the_address(self, transport_to, body):
        with (
            scripted(Answer(body=body)) as server,
            pytest.raises(errors.ServerRefused, match="no answer of a tracking server") as told,
        ):
            get(transport_to(server.uri))
        assert server.uri in str(told.value)
        assert len(str(told.value)) < 600

    @pytest.mark.parametrize(
        ("status", "code", "kind"),
        [
            (404, "RESOURCE_DOES_NOT_EXIST", errors.NotFound),
            (400, "RESOURCE_ALREADY_EXISTS", errors.AlreadyExists),
            (400, "INVALID_PARAMETER_VALUE", errors.InvalidParameter),
            (400, "BAD_REQUEST", errors.InvalidParameter),
            (409, "INVALID_STATE", errors.InvalidState),
            (401, "UNAUTHENTICATED", errors.Unauthenticated),
            (403, "PERMISSION_DENIED", errors.Forbidden),
            (413, "SOMETHING_NEW", errors.TooLarge),
            (409, "DATA_LOSS", errors.CorruptArtifact),
            (503, "TEMPORARILY_UNAVAILABLE", errors.StoreUnavailable),
            (500, "INTERNAL_ERROR", errors.ServerRefused),
            (400, 3, errors.InvalidParameter),
        ],
    )
    def test_an_error_code_is_the_error_of_that_meaning(self, transport_to, status, code, kind):
        with (
            scripted(refusal(status, code)) as server,
            pytest.raises(errors.StoreError, match="why") as raised,
        ):
            create(transport_to(server.uri))
        assert type(raised.value) is kind

    @pytest.mark.parametrize(
        ("status", "kind", "message"),
        [
            (401, errors.Unauthenticated, "MLFLOW_TRACKING_USERNAME"),
            (403, errors.Forbidden, "403"),
            (404, errors.ServerRefused, "has no such operation"),
            (500, errors.ServerRefused, "HTTP 500"),
            (502, errors.StoreUnavailable, "502"),
        ],
    )
    def test_a_refusal_without_a_reason_is_told_by_its_status(
        self, transport_to, status, kind, message
    ):
        with (
            scripted(Answer(status, b"<html>nginx</html>")) as server,
            pytest.raises(kind, match=message),
        ):
            create(transport_to(server.uri))

    def test_a_long_message_is_cut(self, transport_to):
        with (
            scripted(refusal(400, "INVALID_PARAMETER_VALUE", "x" * 10**6)) as server,
            pytest.raises(errors.InvalidParameter) as raised,
        ):
            create(transport_to(server.uri))
        assert len(str(raised.value)) < 3000

    def test_a_redirection_is_not_followed(self, transport_to):
        with (
            scripted(Answer(301, b"", {"location": "http://127.0.0.1:1/"})) as server,
            pytest.raises(errors.ServerRefused, match="redirects elsewhere"),
        ):
            get(transport_to(server.uri))


class TestRetries:
    @pytest.mark.parametrize("first", [CLOSED, *(Answer(s) for s in (429, 502, 503, 504))])
    def test_what_may_be_repeated_is_tried_again(self, transport_to, waits, first):
        with scripted(first, first, Answer(body=EXPERIMENT)) as server:
            get(transport_to(server.uri))
        assert len(server.asked) == 3
        assert waits == [0.2, 0.4]

    @pytest.mark.parametrize("first", [CLOSED, *(Answer(s) for s in (429, 502, 503, 504))])
    def test_what_may_not_be_repeated_is_sent_once(self, transport_to, waits, first):
        with scripted(first) as server, pytest.raises(errors.StoreError):
            create(transport_to(server.uri))
        assert len(server.asked) == 1
        assert waits == []

    @pytest.mark.parametrize("status", [400, 404, 408, 409, 500, 501])
    def test_another_refusal_is_final(self, transport_to, status):
        with scripted(Answer(status)) as server, pytest.raises(errors.StoreError):
            get(transport_to(server.uri))
        assert len(server.asked) == 1

    def test_the_last_refusal_is_raised(self, transport_to, waits):
        with (
            scripted(refusal(503, "TEMPORARILY_UNAVAILABLE")) as server,
            pytest.raises(errors.StoreUnavailable, match="why"),
        ):
            get(transport_to(server.uri))
        assert len(server.asked) == 4
        assert len(waits) == 3

    @pytest.mark.parametrize("work", [get, create])
    def test_where_nothing_listens_anything_is_tried_again(self, transport_to, waits, work):
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(errors.StoreUnavailable, match=address):
            work(transport_to(address))
        assert len(waits) == 3

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [("7", 7), ("0", 0.2), ("100000", 60), ("soon", 0.2), ("-5", 0.2),
         (formatdate(0, usegmt=True), 0.2), ("Fri, 01 Jan 2100 00:00:00 GMT", 60)],
    )  # fmt: skip
    def test_the_server_may_say_how_long_to_wait(self, transport_to, waits, header, seconds):
        answer = Answer(503, b"{}", {"retry-after": header})
        with scripted(answer, Answer(body=EXPERIMENT)) as server:
            get(transport_to(server.uri))
        assert waits == [seconds]

    def test_waits_double_up_to_a_longest_one(self, waits):
        retrying = Retrying(most=9, wait=waits.append, draw=lambda: 0.5)
        assert [retrying.pause(i) for i in range(10)] == [True] * 9 + [False]
        assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10]

    @pytest.mark.parametrize("variable", ["MLSERVE_HTTP_REQUEST_MAX_RETRIES",
                                          "MLFLOW_HTTP_REQUEST_MAX_RETRIES"])  # fmt: skip
    def test_the_environment_says_how_often(self, variable):
        assert find_retrying({variable: "2"}).most == 2
        with pytest.raises(InvalidSetting, match=variable):
            find_retrying({variable: "-1"})


class TestCredentials:
    def test_a_name_and_a_password_are_sent(self, transport_to):
        with scripted(Answer(body=EXPERIMENT)) as server:
            get(transport_to(server.uri, Credentials("adä", SECRET)))
        expected = base64.b64encode(f"adä:{SECRET}".encode()).decode()
        assert server.asked[0].headers["authorization"] == f"Basic {expected}"

    def test_a_token_is_sent(self, transport_to):
        with scripted(Answer(body=EXPERIMENT)) as server:
            get(transport_to(server.uri, Credentials(token=SECRET)))
        assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"

    def test_those_in_the_uri_go_first(self, transport_to):
        with scripted(Answer(body=EXPERIMENT)) as server:
            uri = server.uri.replace("://", "://ada:p%40ss@")
            get(transport_to(uri, Credentials(token=SECRET)))
        expected = base64.b64encode(b"ada:p@ss").decode()
        assert server.asked[0].headers["authorization"] == f"Basic {expected}"

    @pytest.mark.parametrize("answer", [CLOSED, Answer(500), Answer(403), Answer(body=b"<"),
                                        Answer(301)])  # fmt: skip
    def test_no_message_shows_a_secret(self, transport_to, answer):
        with scripted(answer) as server:
            uri = server.uri.replace("://", f"://ada:{SECRET}@")
            transport = transport_to(uri, most=0)
            with pytest.raises(errors.StoreError) as raised:
                get(transport)
        assert SECRET not in str(raised.value)
        assert SECRET not in transport.address

    def test_none_are_sent_to_another_host_of_artifacts(self, transport_to):
        with scripted(Answer()) as ours, scripted(Answer()) as other:
            transport = transport_to(ours.uri, Credentials(token=SECRET))
            transport.artifacts("mlflow-artifacts:/a").list_folder()
            transport.artifacts(f"mlflow-artifacts://{other.uri[7:]}/a").list_folder()
        assert "authorization" in ours.asked[0].headers
        assert "authorization" not in other.asked[0].headers


ADDRESSES = ["http://", "http://h:99999", "http://h:x", "http://[::1", "http://h/?a=1",
             "http://h/#a", f"http://ada:{SECRET}@h:x"]  # fmt: skip


@pytest.mark.parametrize("uri", ADDRESSES)
def test_what_is_no_address_is_refused(uri):
    with pytest.raises(InvalidSetting, match=r"expected http\(s\)://HOST:PORT") as raised:
        HttpTransport(uri)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("uri", ["file:///etc", "/etc"])
def test_a_server_elsewhere_names_no_folder_of_this_machine(transport_to, uri):
    with pytest.raises(errors.InvalidState, match="cannot be reached from here"):
        transport_to("http://tracking.example:5000").artifacts(uri)


def test_a_server_on_this_machine_may_name_its_folder(transport_to, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    (file,) = transport_to("http://localhost:5000").artifacts(tmp_path.as_uri()).list_folder()
    assert file.path == "a.txt"


def test_it_is_used_by_many_threads_at_once(transport_to):
    with scripted(Answer(body=EXPERIMENT)) as server, ThreadPoolExecutor(16) as pool:
        transport = transport_to(server.uri)
        found = list(pool.map(lambda _: get(transport), range(200)))
    assert len(found) == len(server.asked) == 200


def test_a_forked_child_has_connections_of_its_own(transport_to):
    with scripted(Answer(body=EXPERIMENT)) as server:
        transport = transport_to(server.uri)
        get(transport)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for _ in range(3):
                    get(transport)
                code = 0
            finally:
                os._exit(code)
        for _ in range(3):
            get(transport)
        assert os.waitpid(child, 0)[1] == 0
    assert len(server.asked) == 7
