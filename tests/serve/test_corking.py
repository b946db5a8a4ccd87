import asyncio
import socket

import uvicorn
from mlserve.serve.corking import CorkedProtocol, CorkedTransport


class Wire(asyncio.Transport):
    """A transport that keeps what each call writes."""

    def __init__(self):
        super().__init__({"peername": ("here", 1)})
        self.writes = []
        self.closed = False

    def write(self, data):
        self.writes.append(bytes(data))

    def writelines(self, list_of_data):
        self.writes.append(b"".join(list_of_data))

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True


def run(scenario):
    async def main():
        wire = Wire()
        await scenario(wire, CorkedTransport(wire, asyncio.get_running_loop()))

    asyncio.run(main())


def test_head_and_body_are_one_write():
    async def scenario(wire, corked):
        corked.write(b"head")
        corked.write(b"body")
        await asyncio.sleep(0)
        assert wire.writes == [b"headbody"]

    run(scenario)


def test_a_write_alone_goes_with_the_next_turn_of_the_loop():
    async def scenario(wire, corked):
        corked.write(b"head")
        assert wire.writes == []
        await asyncio.sleep(0)
        assert wire.writes == [b"head"]

    run(scenario)


def test_order_is_kept_over_many_writes():
    async def scenario(wire, corked):
        parts = [b"%d," % i for i in range(101)]
        for i, part in enumerate(parts):
            corked.write(part)
            if i % 7 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert b"".join(wire.writes) == b"".join(parts)

    run(scenario)


def test_closing_writes_what_is_held_first():
    async def scenario(wire, corked):
        corked.write(b"head")
        corked.close()
        assert wire.writes == [b"head"]
        assert corked.is_closing()

    run(scenario)


def test_all_else_is_the_transports():
    async def scenario(_, corked):
        assert corked.get_extra_info("peername") == ("here", 1)

    run(scenario)


async def _two_requests_at_once(app):
    config = uvicorn.Config(app, http=CorkedProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n" * 2)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        answers = await asyncio.wait_for(reader.read(), 30)
        writer.close()
        server.should_exit = True
        await asyncio.wait_for(serving, 30)
    return answers


async def _streaming(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for part in (b"one ", b"two ", b"three"):
        await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def test_pipelined_requests_and_streamed_bodies_are_answered_whole_and_in_order():
    answers = asyncio.run(_two_requests_at_once(_streaming))

    assert answers.count(b"HTTP/1.1 200 OK") == 3
    assert answers.count(b"4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n") == 3
