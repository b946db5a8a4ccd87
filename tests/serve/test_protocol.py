"""The HTTP of one connection: offers that are declined, and clients that are slow or no clients."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from mlserve.serve.protocol import Protocol
from mlserve.serve.server import configure_uvicorn

DEADLINE_SECONDS = 60
OFFERS = {
    "http 2": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEA\r\n",
    "websocket": b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
}


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Hasty(Protocol):
    """A protocol whose patience with clients ends almost at once."""

    client_seconds = 0.05


async def echo(scope, receive, send):
    """Answer with the method, the path, the names of the headers and the body, as JSON."""
    assert scope["type"] == "http"
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    names = sorted(name.decode() for name, _ in scope["headers"])
    answer = json.dumps([scope["method"], scope["path"], names, body.decode()]).encode()
    headers = [(b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


@asynccontextmanager
async def connection(protocol=Protocol, app=echo):
    """Give the two streams of a connection to a server of ``app``, and the server's state."""
    config = configure_uvicorn(app)
    config.http, config.lifespan = protocol, "off"
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: protocol(config, server.server_state, {}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    try:
        yield reader, writer, server.server_state
    finally:
        writer.close()
        listening.close()
        await listening.wait_closed()


async def read_answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = [int(line[15:]) for line in head.splitlines() if line.startswith(b"content-length")]
    return int(head[9:12]), json.loads(await reader.readexactly(length))


def exchange(*pieces, answers=1, protocol=Protocol):
    """Return the answers to what ``pieces`` say, each of them sent once the last was read."""

    async def main():
        async with connection(protocol) as (reader, writer, _):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            return [await read_answer(reader) for _ in range(answers)]

    async def in_time():
        return await asyncio.wait_for(main(), DEADLINE_SECONDS)

    return asyncio.run(in_time())


def is_ended(piece):
    """Tell that a hasty server ends the connection on which ``piece`` is all that comes."""

    async def main():
        async with connection(Hasty) as (reader, writer, _):
            writer.write(piece)
            return await reader.read() == b""

    async def in_time():
        return await asyncio.wait_for(main(), DEADLINE_SECONDS)

    return asyncio.run(in_time())


def post(body, more=b""):
    head = b"POST /invocations?a=b HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n"
    return head % (more, len(body)) + body


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS.keys())
def test_a_request_that_offers_another_protocol_is_answered_with_its_body(offer):
    ((status, (method, path, names, body)),) = exchange(post(b"body", offer))
    assert (status, method, path, body) == (200, "POST", "/invocations", "body")
    assert "upgrade" not in names
    assert {"host", "content-length"} < set(names)


@pytest.mark.parametrize("cut", [1, 30, -10, -4, -2])
def test_it_may_come_in_pieces(cut):
    request = post(b"body", OFFERS["http 2"])
    ((status, answer),) = exchange(request[:cut], request[cut:])
    assert (status, answer[3]) == (200, "body")


def test_the_requests_behind_it_are_answered_too():
    answers = exchange(post(b"1", OFFERS["http 2"]) + post(b"2") + post(b"3"), answers=3)
    assert [(status, answer[3]) for status, answer in answers] == [
        (200, "1"),
        (200, "2"),
        (200, "3"),
    ]


def test_requests_far_ahead_of_their_answers_wait_in_the_kernel():
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    most_at_once = 256 * 1024 // len(request)  # the largest read of asyncio, and of uvloop
    total = 6 * most_at_once

    async def main():
        async with connection() as (reader, writer, state):
            writer.write(request * total)
            waiting = 0
            for _ in range(total):
                await read_answer(reader)
                waiting = max(waiting, *(len(one.pipeline) for one in state.connections))
            return waiting

    assert 0 < asyncio.run(asyncio.wait_for(main(), DEADLINE_SECONDS)) <= most_at_once


def test_a_body_in_chunks_behind_an_offer_is_read():
    offer = OFFERS["http 2"] + b"Transfer-Encoding: chunked\r\n"
    request = b"POST / HTTP/1.1\r\nHost: x\r\n" + offer + b"\r\n4\r\nbody\r\n0\r\n\r\n"
    ((status, answer),) = exchange(request)
    assert (status, answer[3]) == (200, "body")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"BREW / HTTP/1.1\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
    ids=["tls", "method", "connect", "lengths", "http 2"],
)
def test_what_is_no_http_is_refused_in_the_shape_of_all_errors(request_bytes):
    ((status, answer),) = exchange(request_bytes)
    assert status == 400
    assert answer == {
        "error_code": "BAD_REQUEST",
        "message": "the request is no valid HTTP/1.1",
    }


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
        (b"GET / HTTP/1.1\r\nX: ", b"yyyy"),
        (b"GET /", b"yyyy"),
        (post(b"1") + b"GET / HTTP/1.1\r\n", b"X: y\r\n"),
        (CHUNKED + b"1;", b"yyyy"),
        (CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n"),
    ],
    ids=["headers", "header", "path", "second", "chunk", "trailers"],
)
def test_what_is_no_body_is_not_read_without_end(start, more):
    async def main():
        async with connection() as (reader, writer, _):
            writer.write(start)
            answer = b""
            with suppress(ConnectionError):
                while not reader.at_eof():
                    writer.write(more * (64 * 1024 // len(more)))
                    await writer.drain()
                    await asyncio.sleep(0)
                    with suppress(TimeoutError):
                        answer += await asyncio.wait_for(reader.read(65536), 0.001)
            return answer

    answer = asyncio.run(asyncio.wait_for(main(), DEADLINE_SECONDS))
    assert not answer or b"HTTP/1.1 431 " in answer  # a reset may overtake the answer


def test_a_large_head_is_read():
    head = b"GET / HTTP/1.1\r\n" + b"X: %s\r\n" % (b"y" * 60_000) + b"\r\n"
    ((status, _),) = exchange(head[:30_000], head[30_000:])
    assert status == 200


@pytest.mark.parametrize(
    "piece",
    [b"", b"POST /invoc", b"GET / HTTP/1.1\r\nHost: x\r\n", post(b"body")[:-2]],
    ids=["nothing", "half a line", "half a head", "half a body"],
)
def test_a_request_that_does_not_come_in_time_ends_the_connection(piece):
    assert is_ended(piece)


def test_a_second_request_that_does_not_come_in_time_ends_the_connection_too():
    async def main():
        async with connection(Hasty) as (reader, writer, _):
            writer.write(post(b"1"))
            first = await read_answer(reader)
            writer.write(b"POST /invoc")
            return first[0], await reader.read()

    assert asyncio.run(asyncio.wait_for(main(), DEADLINE_SECONDS)) == (200, b"")


def test_an_answer_has_all_the_time_that_it_needs():
    async def slow(scope, receive, send):
        await asyncio.sleep(4 * Hasty.client_seconds)
        await echo(scope, receive, send)

    async def main():
        async with connection(Hasty, slow) as (reader, writer, _):
            writer.write(post(b""))
            return await read_answer(reader)

    status, _ = asyncio.run(asyncio.wait_for(main(), DEADLINE_SECONDS))
    assert status == 200
