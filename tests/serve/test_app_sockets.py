"""A service in a process of its own, asked over sockets by clients that break the rules."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from mlserve import save_model

from ..runtimes.trained import IRIS, iris_classifier
from .processes import DEADLINE_SECONDS, Program, running, wait_until

SECRET = b"s3cr3t-p4yl04d"
MIB = 2**20
BODY = json.dumps({"dataframe_split": IRIS.data.head(2).to_dict(orient="split")}).encode()
HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("models") / "iris"
    save_model(iris_classifier(), folder, example=IRIS.data.head(2))
    command = ("mlserve", "models", "serve", "-m", str(folder), "-p", "0", "--max-body-mb", "8")
    with running(sys.executable, "-m", *command, "--access-log", "--log-format", "json") as program:
        program.wait_for("ready")
        yield program


def connect(service: Program) -> socket.socket:
    return socket.create_connection(service.address, timeout=DEADLINE_SECONDS)


def read_answer(connection: socket.socket) -> tuple[int, Any]:
    """Return the status and the JSON of the next answer on ``connection``."""
    with closing(connection.makefile("rb")) as stream:
        status = int(stream.readline().split()[1])
        length = 0
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, json.loads(stream.read(length))


def exchange(service: Program, *pieces: bytes) -> tuple[int, Any]:
    with closing(connect(service)) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return read_answer(connection)


def with_length(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def assert_alive(service: Program) -> None:
    assert exchange(service, with_length(BODY)) == (200, {"predictions": [0, 0]})


def is_idle(service: Program) -> bool:
    lines = service.get("/metrics").splitlines()
    (line,) = [one for one in lines if one.startswith("mlserve_requests_in_flight{")]
    return float(line.split()[-1]) == 0


def logged(service: Program, status: int) -> int:
    """Return how many requests the access log says were answered with ``status``."""
    return sum(record.get("status") == status for record in service.records)


def test_a_body_of_100_mib_is_refused_and_the_connection_and_others_go_on(service):
    with closing(connect(service)) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (100 * MIB))
        status, answer = read_answer(connection)
        assert status == 413
        assert "larger than the limit of 8388608 bytes" in answer["message"]
        assert_alive(service)
        for _ in range(100):
            connection.sendall(b" " * MIB)
        connection.sendall(with_length(BODY))
        assert read_answer(connection)[0] == 200


def test_chunks_over_the_limit_are_refused_before_they_end(service):
    with closing(connect(service)) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(9):
            connection.sendall(chunk(b" " * MIB))
        assert read_answer(connection)[0] == 413
    assert_alive(service)


def test_a_body_in_chunks_is_answered(service):
    chunks = b"".join(chunk(BODY[i : i + 7]) for i in range(0, len(BODY), 7))
    request = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    assert exchange(service, request)[0] == 200


def test_a_client_that_leaves_in_its_body_costs_nothing(service):
    before = logged(service, 499)
    for _ in range(3):
        with closing(connect(service)) as connection:
            connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n" + SECRET)
    wait_until(lambda: logged(service, 499) == before + 3)
    wait_until(lambda: is_idle(service))
    assert_alive(service)


def test_a_client_that_leaves_before_its_answer_costs_nothing(service):
    for _ in range(3):
        with closing(connect(service)) as connection:
            connection.sendall(with_length(BODY))
    wait_until(lambda: is_idle(service))
    assert_alive(service)


@pytest.mark.parametrize("length", [b"-1", b"ten", b"1e3", b"", b"99999999999999999999999"])
def test_a_length_that_is_none_is_refused(service, length):
    with closing(connect(service)) as connection:
        connection.sendall(HEAD + b"Content-Length: " + length + b"\r\n\r\n" + BODY)
        assert connection.recv(12).startswith(b"HTTP/1.1 400")
    assert_alive(service)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"POST /invocations HTTP/9.9\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=["tls", "no path", "version", "two lengths", "length and chunks", "no chunk", "long path"],
)
def test_what_is_no_http_ends_its_own_connection_alone(service, request_bytes):
    with closing(connect(service)) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        first = connection.recv(12)
        assert not first or first[9:10] == b"4"
    assert_alive(service)


def test_requests_in_a_row_on_one_connection_are_answered_in_order(service):
    with closing(connect(service)) as connection:
        connection.sendall(with_length(BODY) + with_length(b"{"))
        stream = connection.makefile("rb")
        statuses = []
        while len(statuses) < 2:
            line = stream.readline()
            if b"HTTP/1.1 " in line:
                statuses.append(int(line.partition(b"HTTP/1.1 ")[2][:3]))
        stream.close()
    assert statuses == [200, 400]


def test_an_expectation_is_met_only_for_a_body_that_is_wanted(service):
    expect = HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    with closing(connect(service)) as connection:
        connection.sendall(expect % (100 * MIB))
        assert read_answer(connection)[0] == 413
    with closing(connect(service)) as connection:
        connection.sendall(expect % len(BODY))
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert read_answer(connection)[0] == 200


def test_the_log_never_holds_a_body(service):
    exchange(service, with_length(b'{"inputs": "%s"}' % SECRET))
    exchange(service, with_length(SECRET))
    wait_until(lambda: logged(service, 400) >= 2)
    assert SECRET.decode() not in "".join(service.lines)
    assert not [record for record in service.records if "exception" in record]
