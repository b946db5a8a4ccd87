"""Serves a model with an installed mlserve, asks it for its own example, and compares the answer.

    serve_onnx.py MLSERVE FOLDER

Needs the standard library alone, and ends with an error if anything is not as it should be.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import Request, urlopen

DEADLINE_SECONDS = 60


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_until_ready(url: str, service: subprocess.Popen[bytes]) -> None:
    """Return when ``service`` answers that it is ready; give up when it ends or takes too long."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            with urlopen(f"{url}/health", timeout=5):
                return
        except OSError as error:
            if service.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the service did not become ready: {error}") from error
            time.sleep(0.1)


def ask(url: str, body: bytes) -> list[dict[str, object]]:
    """Return the predictions that the service answers to ``body``."""
    request = Request(f"{url}/invocations", body, {"Content-Type": "application/json"})
    with urlopen(request, timeout=DEADLINE_SECONDS) as response:
        predictions: list[dict[str, object]] = json.load(response)["predictions"]
        return predictions


def main(mlserve: str, folder: Path) -> None:
    """Serve ``folder``, ask once, stop the service, and compare."""
    port = free_port()
    command = [mlserve, "models", "serve", "-m", str(folder), "-p", str(port)]
    service = subprocess.Popen(command)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, service)
        predictions = ask(url, (folder / "serving_input_example.json").read_bytes())
        service.send_signal(signal.SIGTERM)
        code = service.wait(DEADLINE_SECONDS)
    finally:
        service.kill()
    labels = [row["label"] for row in predictions]
    expected = json.loads(folder.with_name("expected.json").read_text())
    if (labels, code) != (expected, 0):
        raise SystemExit(f"found {labels} and exit {code}, expected {expected} and exit 0")
    print(f"the installed wheel answered {labels} as expected")


main(sys.argv[1], Path(sys.argv[2]))
