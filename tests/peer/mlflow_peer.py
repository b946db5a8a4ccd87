"""MLflow in a process of its own, asked over its pipes."""

from __future__ import annotations

import base64
import json
import select
import subprocess
from pathlib import Path
from typing import Any

from .exchanges import Answer, Request, read_answer

PROGRAM = Path(__file__).parent / "mlflow_process.py"
START_SECONDS = 180
ANSWER_SECONDS = 60


class MlflowPeer:
    """MLflow's scoring app for each of the models that it saved below ``folder``."""

    def __init__(self, python: str, folder: Path) -> None:
        self.folder = folder
        self._log = (folder / "mlflow.log").open("wb+")
        self._process = subprocess.Popen(
            [python, str(PROGRAM), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
        )
        self._unread = b""
        try:
            self.models: list[str] = self._read_line(START_SECONDS)
        except BaseException:
            self.close()
            raise

    def ask(self, model: str, request: Request) -> Answer:
        """Return MLflow's answer to ``request``."""
        asked = {
            "model": model,
            "method": request.method,
            "path": request.path,
            "headers": request.headers,
            "body": base64.b64encode(request.body).decode(),
        }
        answer = self._exchange(asked)
        return read_answer(answer["status"], base64.b64decode(answer["body"]))

    def read_predictions(self, text: str) -> list[Any]:
        """Return the one column of predictions that MLflow's client reads in an answer."""
        return self._exchange({"answer": text})["predictions"]

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process.stdout.close()
        self._log.close()

    def _exchange(self, asked: dict[str, Any]) -> Any:
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        return self._read_line(ANSWER_SECONDS)

    def _read_line(self, seconds: float) -> Any:
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._process.stdout], [], [], seconds)
            chunk = self._process.stdout.read(1 << 20) if ready else b""
            if not chunk:
                what = "ended" if ready else f"gave no answer in {seconds} s"
                raise RuntimeError(f"MLflow {what}: {self._tail()}")
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)

    def _tail(self) -> str:
        self._log.seek(0)
        return self._log.read()[-4000:].decode("utf-8", "replace")
