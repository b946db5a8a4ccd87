"""Commands on a terminal, which is a real one as far as they can tell."""

from __future__ import annotations

import os
import pty
import subprocess
import sys


def on_a_terminal(
    uri: str, arguments: list[str], typed: str = "", columns: int = 80
) -> tuple[int, str]:
    """Run a command on a terminal, and return its exit code and all that is on the screen."""
    ours, theirs = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLSERVE_", "MLFLOW_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "mlserve", *arguments],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment | {"MLSERVE_TRACKING_URI": uri, "COLUMNS": str(columns)},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, typed.encode())
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    return process.wait(60), shown.decode()
