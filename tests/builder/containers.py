"""Containers of images under test, asked over HTTP or from within."""

from __future__ import annotations

import hashlib
import http.client
import json
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from docker import DockerClient
from docker.models.containers import Container

DEADLINE_SECONDS = 60
PORT = 8080
JSON = "application/json"

# What an engine puts into every container.
ENGINES_OWN = ("dev", "etc", "proc", "sys", ".dockerenv", "run")

ASK_WITHIN = """
import sys, urllib.request
request = urllib.request.Request("http://127.0.0.1:8080/invocations", sys.argv[1].encode(),
                                 {"Content-Type": "application/json"})
print(urllib.request.urlopen(request, timeout=30).read().decode())
"""


@dataclass
class Service:
    """A container that serves; its address is its own on the engine's bridge."""

    container: Container
    host: str = ""

    def get(self, path: str) -> int:
        return self._ask("GET", path)[0]

    def predict(self, body: str) -> Any:
        status, answer = self._ask("POST", "/invocations", body)
        assert status == 200, answer
        return json.loads(answer)

    def predict_within(self, body: str) -> Any:
        """Ask from within the container, which may have no network."""
        code, output = self.container.exec_run(["python3", "-c", ASK_WITHIN, body])
        assert code == 0, output.decode()
        return json.loads(output)

    def is_healthy(self) -> bool:
        """Whether the image's own check, run as the engine does, finds the service well."""
        check = self.container.image.attrs["Config"]["Healthcheck"]["Test"]
        return self.container.exec_run(check[1:]).exit_code == 0

    def _ask(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, PORT, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, path, body, {"Content-Type": JSON})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


@contextmanager
def serving(client: DockerClient, image: str, **options: Any) -> Iterator[Service]:
    """Give a container of ``image`` that is healthy, and remove it in the end."""
    container = client.containers.run(image, detach=True, **options)
    try:
        service = Service(container)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not service.is_healthy():
            container.reload()
            logs = container.logs().decode()
            assert container.status == "running", logs
            assert time.monotonic() < deadline, logs
        container.reload()
        service.host = container.attrs["NetworkSettings"]["IPAddress"]
        yield service
    finally:
        container.remove(force=True)


class Load:
    """Clients that send one request after another until the service takes no more connections.

    What is sent after a stop may be refused, and whoever balances load sends it elsewhere; what
    was sent before it has to be answered.
    """

    def __init__(self, service: Service, body: str, clients: int = 8) -> None:
        self.answered: list[float] = []
        self.failed: list[tuple[float, str]] = []
        self._service, self._body = service, body
        self._has_begun = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        assert self._has_begun.wait(DEADLINE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(DEADLINE_SECONDS)

    def lost(self, stop: float) -> list[str]:
        """What became of requests that were sent before ``stop`` and not answered."""
        return [error for sent, error in self.failed if sent < stop]

    def _send(self) -> None:
        while True:
            connection = http.client.HTTPConnection(self._service.host, PORT, timeout=30)
            sent = time.monotonic()
            try:
                connection.request("POST", "/invocations", self._body, {"Content-Type": JSON})
                sent = time.monotonic()
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed.append((sent, repr(error)))
                return
            finally:
                connection.close()
            if response.status != 200:
                self.failed.append((sent, f"status {response.status}"))
            self.answered.append(time.monotonic())
            if len(self.answered) > 50:
                self._has_begun.set()


def files_of(client: DockerClient, image: str) -> dict[str, tuple[object, ...]]:
    """The mode, owner, time and content of each file of ``image``, by its name."""
    container = client.containers.create(image)
    try:
        with tempfile.TemporaryFile() as archive:
            archive.writelines(container.export())
            archive.seek(0)
            with tarfile.open(fileobj=archive) as tar:
                return {member.name: _describe(tar, member) for member in tar if _is_ours(member)}
    finally:
        container.remove(force=True)


def _is_ours(member: tarfile.TarInfo) -> bool:
    return not member.isdir() and member.name.partition("/")[0] not in ENGINES_OWN


def _describe(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[object, ...]:
    content = tar.extractfile(member) if member.isreg() else None
    shown = hashlib.sha256(content.read()).hexdigest() if content else member.linkname
    return oct(member.mode), member.uid, member.gid, member.mtime, shown
