"""Programs under test: started for real, heard by their JSON log, ended by real signals."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

DEADLINE_SECONDS = 60
HERE = Path(__file__).parent
SERVE = (sys.executable, "-m", "mlserve", "models", "serve")


def wait_until(condition: Callable[[], Any]) -> Any:
    """Return what ``condition`` returns once that is true."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.005)
    raise TimeoutError("the condition did not come true in time")


class Program:
    """A running program and its log so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._has_ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines if line.startswith("{")]

    @property
    def messages(self) -> list[str]:
        return [record["message"] for record in self.records]

    def wait_for(self, words: str) -> dict[str, Any]:
        """Return the first record whose message contains ``words``, once it is there."""

        def found() -> dict[str, Any] | None:
            return next((record for record in self.records if words in record["message"]), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._has_ended, DEADLINE_SECONDS)
            record = found()
        assert record, f"no message {words!r} in {self.lines}"
        return record

    @property
    def address(self) -> tuple[str, int]:
        url = urlsplit(self.wait_for("ready")["url"])
        return url.hostname, url.port

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=DEADLINE_SECONDS)

    def get(self, path: str = "/") -> str:
        with closing(self.connect()) as connection:
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """Return the exit code, once the program has ended and all that it started with it."""
        code = self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        assert not self._reader.is_alive(), "a process of the program still holds its stderr"
        return code


@contextmanager
def running(*command: str, **environment: str) -> Iterator[Program]:
    """Run ``command`` in a process group of its own, which does not outlive the context."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLSERVE_", "MLFLOW_"))}
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
        env=inherited | {"PYTHONPATH": str(HERE)} | environment,
    )
    program = Program(process)
    try:
        yield program
    finally:
        if process.poll() is None or program._reader.is_alive():
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(DEADLINE_SECONDS)
        program._reader.join(DEADLINE_SECONDS)
        process.stdout.close()
        process.stderr.close()


def serving(*arguments: str) -> Any:
    """Run `mlserve models serve` on a free port."""
    return running(*SERVE, "-p", "0", "--log-format", "json", *arguments)


def gated(folder: Path, **settings: Any) -> Any:
    """Run the gated service on ``folder``, which need not hold a model."""
    script = str(HERE / "gated_service.py")
    return running(sys.executable, script, str(folder), json.dumps(settings))
