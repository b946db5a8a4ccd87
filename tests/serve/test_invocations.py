"""The hot route as an ASGI endpoint: bodies in pieces, clients that leave, headers that lie."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from mlserve.serve.app import Service

from .services import Gated, client_of, lifespan, make_service, metrics, model_of

BODY = b'{"inputs": [[1.5]]}'
JSON_TYPE = (b"content-type", b"application/json")
MIB = 2**20


def request(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


GONE = {"type": "http.disconnect"}


async def post(service: Service, *messages: Any, headers: Any = (JSON_TYPE,)) -> Any:
    """Return the messages that the service sends for a request of ``messages``."""
    waiting, sent = list(messages), []

    async def receive() -> Any:
        return waiting.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/invocations",
        "headers": [*headers],
        "client": ("192.0.2.1", 1234),
    }
    await service(scope, receive, send)
    return sent


def answer(*messages: Any, headers: Any = (JSON_TYPE,), model: Any = None, **settings: Any) -> Any:
    """Return status, headers and body of the answer to ``messages``."""

    async def main() -> Any:
        service = make_service(model_of(model or Gated()), **settings)
        async with lifespan(service):
            return await post(service, *messages, headers=headers)

    start, end = asyncio.run(asyncio.wait_for(main(), 60))
    assert end["type"] == "http.response.body"
    names = [name for name, _ in start["headers"]]
    assert len(set(names)) == len(names)
    assert int(dict(start["headers"])[b"content-length"]) == len(end["body"])
    return start["status"], dict(start["headers"]), json.loads(end["body"] or "null")


def test_a_body_in_one_piece_is_answered():
    status, headers, body = answer(request(BODY))
    assert (status, body) == (200, {"predictions": [[3.0]]})
    assert headers[b"content-type"] == b"application/json"


def test_a_body_in_pieces_is_answered():
    pieces = [request(bytes([byte]), more=True) for byte in BODY]
    assert answer(*pieces, request(b""))[0] == 200


def test_a_message_without_a_body_is_an_empty_body():
    status, _, body = answer({"type": "http.request"})
    assert status == 400
    assert body["message"] == "the body is empty; send a JSON object"


@pytest.mark.parametrize("length", [b"-5", b"+5", b"1_0", b"0x10", b"", b"five", b"9" * 5000])
def test_a_content_length_that_is_no_number_is_refused(length):
    status, _, body = answer(request(BODY), headers=[JSON_TYPE, (b"content-length", length)])
    assert status == 400
    assert body["error_code"] == "BAD_REQUEST"
    assert "Content-Length" in body["message"]


def test_a_length_over_the_limit_is_refused_before_the_body_is_read():
    headers = [JSON_TYPE, (b"content-length", b"%d" % (MIB + 1))]
    status, _, body = answer(headers=headers, max_body_mb=1)
    assert status == 413
    assert body["error_code"] == "BAD_REQUEST"
    assert "larger than the limit of 1048576 bytes" in body["message"]


def test_a_body_without_a_length_is_refused_as_soon_as_it_is_over_the_limit():
    pieces = [request(b" " * (MIB // 2), more=True) for _ in range(2)]
    assert answer(*pieces, request(b" ", more=True), max_body_mb=1)[0] == 413


def test_one_piece_over_the_limit_is_refused():
    assert answer(request(b" " * (MIB + 1)), max_body_mb=1)[0] == 413


def test_a_body_of_just_the_limit_is_answered():
    assert answer(request(BODY.ljust(MIB)), max_body_mb=1)[0] == 200


def test_a_body_shorter_than_its_length_is_judged_by_what_came():
    headers = [JSON_TYPE, (b"content-length", b"100")]
    assert answer(request(BODY[:-1]), headers=headers)[0] == 400


@pytest.mark.parametrize("messages", [[GONE], [request(b"{", more=True), GONE]])
def test_a_client_that_leaves_is_counted_and_logged_and_the_next_one_is_answered(messages, caplog):
    caplog.set_level(logging.INFO, "mlserve.access")

    async def main() -> Any:
        service = make_service(model_of(Gated()))
        async with lifespan(service), client_of(service) as client:
            await post(service, *messages)
            after = await post(service, request(BODY))
            return after[0]["status"], await metrics(client)

    status, samples = asyncio.run(main())
    assert status == 200
    assert samples["mlserve_requests_total 499"] == 1
    assert samples["mlserve_requests_in_flight"] == 0
    logged = [record.fields for record in caplog.records if record.name == "mlserve.access"]
    assert [fields["status"] for fields in logged][:2] == [499, 200]


def test_a_request_before_the_start_is_told_that_the_service_is_starting():
    service = make_service(model_of(Gated()))
    start, end = asyncio.run(post(service, request(BODY)))
    body = json.loads(end["body"])
    assert start["status"] == 503
    assert body["error_code"] == "TEMPORARILY_UNAVAILABLE"
    assert "the service is starting" in body["message"]
    assert dict(start["headers"])[b"retry-after"] == b"1"


def test_a_request_after_the_end_is_told_that_the_service_is_shutting_down():
    async def main() -> Any:
        service = make_service(model_of(Gated()))
        async with lifespan(service):
            pass
        return await post(service, request(BODY))

    start, end = asyncio.run(main())
    assert start["status"] == 503
    assert "the service is shutting down" in json.loads(end["body"])["message"]


def test_a_request_that_is_cancelled_leaves_no_count_behind():
    async def main() -> Any:
        runtime = Gated()
        runtime.gate.clear()
        service = make_service(model_of(runtime))
        async with lifespan(service), client_of(service) as client:
            task = asyncio.create_task(post(service, request(BODY)))
            assert await asyncio.to_thread(runtime.entered.wait, 60)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            in_flight = (await metrics(client))["mlserve_requests_in_flight"]
            runtime.gate.set()
            after = await post(service, request(BODY))
            return in_flight, after[0]["status"]

    assert asyncio.run(main()) == (0, 200)


def test_a_model_that_raises_is_logged_in_full_under_the_requests_id(caplog):
    headers = [JSON_TYPE, (b"x-request-id", b"req-7")]
    status, headers, body = answer(request(b'{"inputs": [[-7.25]]}'), headers=headers)
    assert status == 400
    assert headers[b"x-request-id"] == b"req-7"
    assert body["error_code"] == "BAD_REQUEST"
    assert "(ValueError)" in body["message"]
    assert "7.25" not in body["message"]
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.request_id == "req-7"
    assert "[[-7.25]] is below zero" in str(record.exc_info[1].__cause__)


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b'{"inputs": [[1], [1, 2]]}'])
def test_a_fault_of_the_callers_leaves_no_traceback_in_the_log(body, caplog):
    assert answer(request(body))[0] == 400
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_wrong_row_count_is_a_fault_of_the_model():
    status, _, body = answer(request(BODY), model=Gated(extra_rows=2))
    assert status == 500
    assert body["error_code"] == "INTERNAL_ERROR"
    assert "the model returned 3 rows for 1 rows of input (request id" in body["message"]
