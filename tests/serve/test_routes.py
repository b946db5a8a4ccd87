"""The quiet routes: what each answers, and that a wrong path or method is refused in one shape."""

from __future__ import annotations

import asyncio
import logging
import re
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from mlserve.serve.app import Service
from mlserve.serve.metrics import MetricStore, ServiceCollector
from mlserve.serve.routes import Documents, quiet_routes
from mlserve.serve.settings import Settings

from .services import Gated, ask, client_of, make_service, metrics, model_of, serve

PROTOCOL = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
HEALTH = ["/ping", "/health", "/healthz", "/readyz"]
GET_ROUTES = ["/", *HEALTH, "/version", "/metrics", "/openapi.json"]


def get(path: str, method: str = "GET", **request) -> httpx.Response:
    return ask(model_of(Gated()), method, path, **request)


def before_the_start(path: str) -> httpx.Response:
    async def main() -> httpx.Response:
        async with client_of(make_service(model_of(Gated()))) as client:
            return await client.get(path)

    return asyncio.run(main())


@pytest.mark.parametrize("path", ["/ping", "/health"])
def test_health_is_told_as_mlflow_tells_it(path):
    answer = get(path)
    assert (answer.status_code, answer.content) == (200, b"\n")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_readiness_is_told_as_json(path):
    assert get(path).json() == {"status": "ready"}


@pytest.mark.parametrize("path", HEALTH)
def test_a_service_that_has_not_started_is_not_healthy(path):
    answer = before_the_start(path)
    assert answer.status_code == 503
    assert answer.json() == {
        "error_code": "TEMPORARILY_UNAVAILABLE",
        "message": "the model is not warmed up yet",
    }


def test_the_version_is_bare_text():
    assert get("/version").text == version("mlserve")


def test_metrics_are_in_the_format_of_prometheus():
    answer = get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "# TYPE mlserve_requests_total counter" in answer.text


@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/html", "application/openmetrics-text; version=x", ";;,;q=", "é"]
)
def test_metrics_are_shown_whatever_is_accepted(accept):
    answer = get("/metrics", headers={"accept": accept.encode("latin-1")})
    assert answer.status_code == 200
    assert "mlserve_rows_total" in answer.text


def test_openmetrics_is_spoken_where_it_is_accepted():
    answer = get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")


def routes_of_the_app() -> set[str]:
    documents = Documents("", b"", b"", {})
    routes = quiet_routes(documents, ServiceCollector(MetricStore(), {}), lambda: None)
    return {"POST /invocations", *(f"GET {route.path}" for route in routes)}


def test_the_docs_have_a_row_for_every_route_and_no_other():
    rows = re.findall(r"(?m)^\| `([A-Z]+) (/.*?) \|", PROTOCOL.partition("## Bodies")[0])
    told = {f"{method} {path.strip('`')}" for method, row in rows for path in row.split(", ")}
    assert told == routes_of_the_app()


def test_the_description_has_every_route_and_no_other():
    paths = get("/openapi.json").json()["paths"]
    told = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert told == routes_of_the_app()


def test_the_docs_tell_what_readiness_is_answered_with():
    row = re.search(r"(?m)^\| `GET /healthz`.*", PROTOCOL)[0]
    assert get("/healthz").text in row


def test_the_page_lets_no_script_of_others_in():
    answer = get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", GET_ROUTES)
def test_head_is_answered_as_get_is(path):
    assert get(path, "HEAD").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", GET_ROUTES)
def test_another_method_of_a_quiet_route_is_refused(path, method):
    answer = get(path, method)
    assert answer.status_code == 405
    assert answer.json()["error_code"] == "BAD_REQUEST"
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_another_method_of_the_scoring_route_is_refused(method):
    answer = get("/invocations", method)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/nowhere", "/invocations/x", "/ping/x", "/%00"])
def test_an_unknown_path_is_refused_in_the_shape_of_all_errors(path):
    answer = get(path)
    assert answer.status_code == 404
    assert answer.json().keys() == {"error_code", "message"}
    assert answer.json()["error_code"] == "ENDPOINT_NOT_FOUND"
    assert "see /openapi.json" in answer.json()["message"]


def test_a_long_path_is_cut_in_the_answer():
    assert len(get("/" + "x" * 10_000).content) < 300


@pytest.mark.parametrize("path", ["/invocations/", "/ping/"])
def test_a_slash_too_many_is_redirected(path):
    answer = get(path, "POST" if "invocations" in path else "GET")
    assert answer.status_code == 307
    assert answer.headers["location"].endswith(path.rstrip("/"))


@pytest.mark.parametrize("path", [*GET_ROUTES, "/nowhere"])
def test_every_answer_names_its_request(path):
    assert get(path, headers={"x-request-id": "req-7"}).headers["x-request-id"] == "req-7"
    assert get(path, headers={"x-request-id": "a b"}).headers["x-request-id"] != "a b"


def test_quiet_requests_are_logged_and_not_counted(caplog):
    caplog.set_level(logging.INFO, "mlserve.access")

    async def scenario(client: httpx.AsyncClient) -> tuple[int, dict[str, float]]:
        answer = await client.get("/nowhere?secret=1", headers={"x-request-id": "req-7"})
        return len(answer.content), await metrics(client)

    size, samples = serve(model_of(Gated()), scenario)
    record = caplog.records[0]
    assert record.request_id == "req-7"
    assert record.fields | {"seconds": 0, "client": ""} == {
        "method": "GET",
        "path": "/nowhere",
        "status": 404,
        "seconds": 0,
        "bytes": size,
        "client": "",
    }
    assert samples["mlserve_requests_total 404"] == 0


class Unreadable(MetricStore):
    """Numbers that cannot be read back."""

    def totals(self) -> list[float]:
        raise OSError("/secret/path: no such device")


def test_a_fault_of_ours_is_answered_in_the_shape_of_all_errors(caplog):
    async def main() -> httpx.Response:
        model = model_of(Gated())
        service = Service(model, Settings(model=model.folder), Unreadable())
        async with client_of(service) as client:
            return await client.get("/metrics", headers={"x-request-id": "req-7"})

    answer = asyncio.run(main())
    assert answer.status_code == 500
    assert answer.json() == {
        "error_code": "INTERNAL_ERROR",
        "message": "the service failed on this request (request id req-7)",
    }
    assert [record.request_id for record in caplog.records if record.exc_info] == ["req-7"]
