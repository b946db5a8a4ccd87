"""Tracking servers as processes of their own: ours, and MLflow's."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

SECONDS_TO_START = 180


@contextmanager
def running_mlserve(folder: Path, *flags: str) -> Iterator[str]:
    """Start ``mlserve server`` on a new SQLite file in ``folder``, and give its URI."""
    command = [sys.executable, "-m", "mlserve", "server", *_places(folder), *flags]
    with _running(command, folder) as uri:
        yield uri


@contextmanager
def running_mlflow(python: str, folder: Path) -> Iterator[str]:
    """Start ``mlflow server`` on a new SQLite file in ``folder``, and give its URI."""
    command = [python, "-m", "mlflow", "server", "--workers", "1", *_places(folder)]
    with _running(command, folder) as uri:
        yield uri


def _places(folder: Path) -> list[str]:
    return [
        "--backend-store-uri", f"sqlite:///{folder / 'store.db'}",
        "--artifacts-destination", str(folder / "artifacts"),
    ]  # fmt: skip


@contextmanager
def _running(command: Sequence[str], folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "server.log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "MLSERVE_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=output, stderr=output, cwd=folder, env=environment, start_new_session=True,
        )  # fmt: skip
    uri = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(f"{uri}/health", process, log)
        yield uri
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"{url} is not ready: {process.poll()=} {log.read_text()[-2000:]}")
