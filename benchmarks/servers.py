"""Servers as child processes on one core; their seconds to the first answer and their memory."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SERVER_CORE, LOAD_CORE = "0", "1"
HERE = Path(__file__).parent
UVICORN = ["-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]


@dataclass
class Server:
    """One program to measure; ``command`` gets its port where it says PORT.

    ``body`` is what it answers at ``path`` once it is ready.
    """

    name: str
    command: list[str]
    body: bytes
    env: dict[str, str] = field(default_factory=dict)
    path: str = "/invocations"
    port: int = 0
    seconds_to_answer: float = 0.0
    mib_at_start: float = 0.0
    process: subprocess.Popen | None = None

    @property
    def base(self):
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self):
        """Where it is asked what it is there for."""
        return f"{self.base}{self.path}"

    def settle(self, limit_seconds=60):
        """Wait until the work for clients that are gone is done, so that the next has the core."""
        give_up = time.monotonic() + limit_seconds
        before, now = -1.0, self._cpu_seconds()
        while now - before > 0.01 and time.monotonic() < give_up:
            time.sleep(0.1)
            before, now = now, self._cpu_seconds()

    def _cpu_seconds(self):
        pids = [self.process.pid, *_descendants(self.process.pid)]
        return sum(_cpu_seconds(pid) for pid in pids)

    def memory_mib(self):
        """Return the proportional memory of the process and its children, in MiB."""
        pids = [self.process.pid, *_descendants(self.process.pid)]
        return sum(_pss_kib(pid) for pid in pids) / 1024


def echo(body):
    """Return the server that answers a constant."""
    return Server("echo", [*_app("echo")], body)


def handwritten(model, body):
    """Return the least server that predicts with the ONNX model."""
    return Server("handwritten", [*_app("handwritten")], body, {"BENCHMARK_MODEL": str(model)})


def mlserve(name, model, body):
    """Return mlserve with a model folder."""
    # 32 clients with 10,000 rows each are more than the queue takes by default.
    command = [sys.executable, "-m", "mlserve", "models", "serve", "-m", str(model), "-p", "PORT",
               "--max-queue-rows", "1000000"]  # fmt: skip
    return Server(name, command, body)


def mlflow(python, model, body):
    """Return MLflow's own server, run by the interpreter of an environment that has it."""
    command = [python, "-m", "mlflow", "models", "serve", "-m", str(model), "-p", "PORT",
               "--env-manager", "local"]  # fmt: skip
    env = {"PATH": f"{Path(python).parent}:{os.environ['PATH']}"}
    return Server("mlflow", command, body, env)


@contextmanager
def running(server, log):
    """Start ``server``, wait for its first good answer, and end it afterwards.

    What it says goes to the file ``log``, and to the terminal where it does not start.
    """
    server.port = _free_port()
    command = [word.replace("PORT", str(server.port)) for word in server.command]
    started = time.perf_counter()
    server.process = subprocess.Popen(
        ["taskset", "-c", SERVER_CORE, *command],
        cwd=HERE,
        env=os.environ | server.env,
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        _wait_for_answer(server)
        server.seconds_to_answer = time.perf_counter() - started
        server.mib_at_start = server.memory_mib()
        yield server
    except OSError:
        print(log.read_text(), file=sys.stderr)
        raise
    finally:
        os.killpg(server.process.pid, signal.SIGTERM)
        server.process.wait(60)


def ask(server, body):
    """Return the answer to one request."""
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(server.url, body, headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read()


def _wait_for_answer(server, limit_seconds=180):
    give_up = time.monotonic() + limit_seconds
    while True:
        try:
            ask(server, server.body)
        except urllib.error.HTTPError:
            raise
        except OSError:
            if server.process.poll() is not None or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


def _app(name):
    return [sys.executable, *UVICORN, "--port", "PORT", "--factory", f"apps:{name}"]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _descendants(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [d for child in map(int, children) for d in (child, *_descendants(child))]


def _cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pss_kib(pid):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
