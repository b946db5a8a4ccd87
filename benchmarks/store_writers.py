"""50 clients that write to one server at once: what each waits, and whether anything is lost."""

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

from servers import Server, running

CLIENTS, WRITES = 50, 40
API = "/api/2.0/mlflow"


def measure_writers():
    """Print the longest and the median wait, and how many writes are there afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mlserve", "server", "--port", "PORT",
                   "--backend-store-uri", f"sqlite:///{folder}/store.db",
                   "--artifacts-destination", f"{folder}/artifacts"]  # fmt: skip
        server = Server("mlserve", command, b"{}", path=f"{API}/experiments/search")
        with running(server, Path(folder) / "server.log"):
            with ThreadPoolExecutor(CLIENTS) as pool:
                waits = sorted(
                    w for part in pool.map(_write, [server.port] * CLIENTS) for w in part
                )
            found = len(_ask(_connect(server.port), "runs/search", {
                "experiment_ids": ["0"], "max_results": 50_000,
            })["runs"])  # fmt: skip
    print(f"\n{CLIENTS} clients, {WRITES} runs each: {found} of {CLIENTS * WRITES} are there; ")
    print(f"a write took {waits[len(waits) // 2]:.0f} ms (median), {waits[-1]:.0f} ms at most.")


def _write(port):
    connection, waits = _connect(port), []
    for i in range(WRITES):
        started = time.perf_counter()
        _ask(connection, "runs/create", {"experiment_id": "0", "start_time": i})
        waits.append((time.perf_counter() - started) * 1000)
    return waits


def _connect(port):
    return HTTPConnection("127.0.0.1", port, timeout=60)


def _ask(connection, path, fields):
    headers = {"content-type": "application/json"}
    connection.request("POST", f"{API}/{path}", json.dumps(fields), headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {body[:300]}")
    return json.loads(body)
