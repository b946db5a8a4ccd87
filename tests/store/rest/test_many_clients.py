"""Many clients at once: nothing is lost, and nobody waits for what another one waits for."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from threading import Barrier

import httpx
import pytest

from ...serve.processes import wait_until
from .clients import API, DEADLINE_SECONDS, PROXY, client_of

CLIENTS, WRITES = 50, 12
BODY = b"x" * 9000


@pytest.fixture
def client(store):
    with client_of(store) as made:
        yield made


def post(client, path, **body):
    answer = client.post(f"{API}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def create_run(client):
    return post(client, "runs/create", experiment_id="0")["run"]["info"]["run_id"]


def test_fifty_clients_that_log_at_once_lose_nothing(client):
    shared, start = create_run(client), Barrier(CLIENTS)

    def log(number):
        with httpx.Client(base_url=client.base_url, timeout=DEADLINE_SECONDS) as own:
            start.wait(DEADLINE_SECONDS)
            run_id = create_run(own)
            for step in range(WRITES):
                point = {"key": "m", "value": step, "timestamp": number, "step": step}
                post(own, "runs/log-metric", run_id=run_id, **point)
                post(own, "runs/log-metric", run_id=shared, **point)
            post(own, "runs/log-parameter", run_id=shared, key=f"p{number}", value="x")
            return run_id

    with ThreadPoolExecutor(CLIENTS) as pool:
        run_ids = list(pool.map(log, range(CLIENTS)))

    def count(run_id):
        asked = {"run_id": run_id, "metric_key": "m", "max_results": 25_000}
        return len(client.get(f"{API}/metrics/get-history", params=asked).json()["metrics"])

    assert {count(run_id) for run_id in run_ids} == {WRITES}
    assert count(shared) == CLIENTS * WRITES
    run = client.get(f"{API}/runs/get", params={"run_id": shared}).json()["run"]
    assert len(run["data"]["params"]) == CLIENTS
    assert run["data"]["metrics"][0]["step"] == WRITES - 1


def test_clients_that_register_at_once_get_consecutive_versions(client):
    run_id = create_run(client)
    path = f"0/{run_id}/artifacts/model"
    assert client.put(f"{PROXY}/{path}/MLmodel", content=b"flavors: {}").status_code == 200
    post(client, "registered-models/create", name="churn")

    def register(_):
        source = f"mlflow-artifacts:/{path}"
        made = post(client, "model-versions/create", name="churn", source=source, run_id=run_id)
        return int(made["model_version"]["version"])

    with ThreadPoolExecutor(20) as pool:
        assert sorted(pool.map(register, range(40))) == list(range(1, 41))


def test_who_reads_does_not_wait_for_those_who_write(client, store):
    run_id = create_run(client)
    with ThreadPoolExecutor(40) as pool:
        with store.database.write():  # whoever else writes waits now, on SQLite
            waiting = [pool.submit(create_run, client) for _ in range(40)]
            for path in ("/health", f"{API}/runs/get?run_id={run_id}", PROXY):
                assert client.get(path).status_code == 200
        assert len({one.result(DEADLINE_SECONDS) for one in waiting}) == 40


def begin(client, request, length):
    connection = socket.create_connection((client.base_url.host, client.base_url.port), 60)
    head = f"{request} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def begin_upload(client, path, length):
    return begin(client, f"PUT {PROXY}/{path}", length)


def test_an_upload_that_stands_still_holds_nobody_up(client):
    with closing(begin_upload(client, "slow", 10)) as slow:
        slow.sendall(b"01234")
        assert client.put(f"{PROXY}/quick", content=b"x").status_code == 200
        assert client.get(f"{PROXY}/slow").status_code == 404
        slow.sendall(b"56789")
        assert slow.recv(1000).startswith(b"HTTP/1.1 200")
    assert client.get(f"{PROXY}/slow").content == b"0123456789"


def test_an_upload_that_breaks_off_leaves_nothing(client, tmp_path):
    for length in (10, 5_000_000):
        with closing(begin_upload(client, "broken", length)) as broken:
            broken.sendall(b"x" * (length // 2))

    def files():
        return [name for _, _, names in os.walk(tmp_path / "artifacts") for name in names]

    wait_until(lambda: not files())
    assert client.get(f"{PROXY}/broken").status_code == 404


def test_a_download_that_breaks_off_is_given_up(client):
    client.put(f"{PROXY}/large", content=bytes(50_000_000))
    for _ in range(70):  # more than there are threads for artifacts
        with client.stream("GET", f"{PROXY}/large") as answer:
            assert next(answer.iter_raw())
    assert client.get(f"{PROXY}/large", headers={"range": "bytes=0-0"}).content == b"\0"


def test_bodies_that_are_too_much_together_are_put_off(store):
    with client_of(store, max_body_mb=1) as client, ExitStack() as stack:
        for _ in range(8):  # each may be this large, and eight of them together
            connection = stack.enter_context(
                closing(begin(client, f"POST {API}/runs/create", 2**20))
            )
            connection.sendall(b" " * (2**20 - 1000))
        wait_until(lambda: client.post(f"{API}/runs/create", content=BODY).status_code == 503)
        answer = client.post(f"{API}/runs/create", content=BODY)
        assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
        assert answer.headers["retry-after"] == "1"
        assert client.get(f"{API}/experiments/get?experiment_id=0").status_code == 200
        stack.close()
        wait_until(lambda: client.post(f"{API}/runs/create", content=BODY).status_code != 503)
