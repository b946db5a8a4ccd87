"""A service for tests of processes: files in its model folder hold it up and tell of it.

As a program: ``python gated_service.py FOLDER '{"workers": 2}'`` serves it until told to stop.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from pathlib import Path

from mlserve.runtimes.errors import InvalidModel, MLServeError
from mlserve.serve.assignment import Slot
from mlserve.serve.launch import run_service
from mlserve.serve.logs import configure_logging
from mlserve.serve.server import Loaded
from mlserve.serve.settings import Settings

LOADER = "gated_service:load"


class GatedApp:
    """Answers with its process id: `/wait` only once the file "go" is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self.live(receive, send)
            return
        if scope["path"] == "/die":
            os._exit(3)
        if scope["path"] == "/wait":
            (self.folder / "waiting").touch()
            while not (self.folder / "go").exists():  # noqa: ASYNC110 - it is another process's
                await asyncio.sleep(0.005)
        body = b"%d" % os.getpid()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def live(self, receive, send):
        await receive()
        if (self.folder / "no-start").exists():
            await send({"type": "lifespan.startup.failed", "message": "no start today"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        (self.folder / "closed").touch()
        await send({"type": "lifespan.shutdown.complete"})


def load(settings: Settings, slot: Slot) -> Loaded:
    folder = settings.model
    (folder / "loading").touch()
    while (folder / "hold-loading").exists():
        time.sleep(0.005)
    if (folder / "refuse").exists():
        raise InvalidModel(folder / "MLmodel", "nonsense", "a mapping")
    if (folder / "raise").exists():
        raise ZeroDivisionError("the model's own fault")
    if (folder / "die").exists():
        os._exit(7)
    if (folder / "thread").exists():
        threading.Thread(target=threading.Event().wait).start()
    return Loaded(GatedApp(folder), settings.model_name, f"gated-{slot.index}")


def serve(folder: str, options: str) -> int:
    settings = Settings(
        model=Path(folder), **({"port": 0, "log_format": "json"} | json.loads(options))
    )
    configure_logging(settings.log_format, settings.log_level)
    try:
        return run_service(settings, LOADER)
    except MLServeError as error:
        sys.stderr.write(json.dumps({"message": str(error)}) + "\n")
        return 1


if __name__ == "__main__":
    sys.exit(serve(*sys.argv[1:]))
