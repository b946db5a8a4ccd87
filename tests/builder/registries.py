"""A real registry on loopback, and a server before it that fails on purpose."""

from __future__ import annotations

import base64
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

# What `htpasswd -nbBC 5 ann secret` prints.
USERS = "ann:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"


@contextmanager
def running_registry(folder: Path, *, has_users: bool = False) -> Iterator[str]:
    """Run Debian's or Docker's registry, and give its HOST:PORT."""
    program = shutil.which("docker-registry") or shutil.which("registry")
    if program is None:
        pytest.skip("no docker-registry is installed: apt-get install docker-registry")
    folder.mkdir()
    address = f"127.0.0.1:{_free_port()}"
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
    }
    if has_users:
        (folder / "users").write_text(USERS)
        config["auth"] = {"htpasswd": {"realm": "here", "path": str(folder / "users")}}
    (folder / "config.yml").write_text(json.dumps(config))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", str(folder / "config.yml")], stdout=log, stderr=log
        )
    try:
        _wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _wait_for(address: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        connection = HTTPConnection(address, timeout=5)
        try:
            connection.request("GET", "/v2/")
            connection.getresponse()
        except OSError:
            threading.Event().wait(0.02)
        else:
            return
        finally:
            connection.close()
    pytest.fail(f"the registry at {address} did not start")


@dataclass
class Fault:
    """What happens to requests of a method whose path matches: ``times`` times.

    A ``status`` is answered instead; or an answer breaks off after ``cut_answer`` bytes, or a
    request after ``cut_request`` bytes. What came in of it is known afterwards if it ``is_kept``;
    Docker's registry knows nothing of it.
    """

    method: str
    path: str
    times: int = 1
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_answer: int | None = None
    cut_request: int | None = None
    is_kept: bool = False


@dataclass
class Faulty:
    """A server before a registry: what it was asked, its faults, and the tokens that it wants."""

    registry: str
    address: str = ""
    faults: list[Fault] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    wants_token: bool = False
    denied_scope: str = "nothing"
    authorizations: list[str | None] = field(default_factory=list)
    token_requests: list[str] = field(default_factory=list)
    has_referrers: bool = False
    referrers: dict[str, list[dict]] = field(default_factory=dict)
    kept: dict[str, dict[str, str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, method: str, path: str) -> Fault | None:
        with self.lock:
            self.asked.append((method, path))
            for fault in self.faults:
                if fault.times and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None


@contextmanager
def faulty(registry: str) -> Iterator[Faulty]:
    state = Faulty(registry)

    class Handler(_Forwarding):
        faulty = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Forwarding(BaseHTTPRequestHandler):
    faulty: Faulty
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            self._give_token()
            return
        fault = self.faulty.take(self.command, self.path)
        self.faulty.authorizations.append(self.headers.get("authorization"))
        if self.faulty.wants_token and self.headers.get("authorization") != "Bearer good":
            self._read_body()
            realm = f'Bearer realm="http://{self.faulty.address}/token",service="a service"'
            self._answer(401, {"www-authenticate": realm}, b"")
        elif fault and fault.status:
            self._read_body()
            errors = {"errors": [{"code": "TROUBLE", "message": "on purpose"}]}
            self._answer(fault.status, fault.headers, json.dumps(errors).encode())
        elif fault and fault.cut_request is not None:
            self._take_a_part(fault)
        elif self.command == "GET" and self.path in self.faulty.kept:
            self._answer(204, self.faulty.kept[self.path], b"")
        elif self.faulty.has_referrers and "/referrers/" in self.path:
            self._list_referrers()
        else:
            self._forward(fault)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _give_token(self) -> None:
        self.faulty.token_requests.append(self.path)
        pair = base64.b64encode(b"ann:secret").decode()
        is_known = self.headers.get("authorization") == f"Basic {pair}"
        is_known &= self.faulty.denied_scope not in unquote(self.path)
        body = json.dumps({"token": "good"}).encode() if is_known else b"{}"
        self._answer(200 if is_known else 401, {}, body)

    def _read_body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _note_referrer(self, body: bytes) -> dict[str, str]:
        """Do what the registries of OCI 1.1 do with a manifest that has a subject."""
        manifest = json.loads(body)
        if "subject" not in manifest:
            return {}
        digest = f"sha256:{sha256(body).hexdigest()}"
        kind, about = manifest["mediaType"], manifest["subject"]["digest"]
        described = {"mediaType": kind, "digest": digest, "size": len(body)}
        described["artifactType"] = manifest["artifactType"]
        self.faulty.referrers.setdefault(about, []).append(described)
        return {"OCI-Subject": about}

    def _list_referrers(self) -> None:
        """List one on each page."""
        path, _, page = self.path.partition("?page=")
        number = int(page or 0)
        listed = self.faulty.referrers.get(path.rpartition("/")[2], [])
        more = (
            {"link": f'<{path}?page={number + 1}>; rel="next"'} if number + 1 < len(listed) else {}
        )
        index = {"schemaVersion": 2, "manifests": listed[number : number + 1]}
        self._answer(200, more, json.dumps(index).encode())

    def _take_a_part(self, fault: Fault) -> None:
        part = self.rfile.read(fault.cut_request)
        if fault.is_kept:
            connection = HTTPConnection(self.faulty.registry, timeout=60)
            headers = {"host": self.headers["host"], "content-type": "application/octet-stream"}
            connection.request(self.command, self.path, part, headers)
            response = connection.getresponse()
            response.read()
            names = ("location", "range")
            self.faulty.kept[self.path] = {name: response.headers[name] for name in names}
            connection.close()
        self._cut()

    def _forward(self, fault: Fault | None) -> None:
        """Send the request on, or what of it a fault lets through."""
        if value := self.headers.get("range") or self.headers.get("content-range"):
            self.faulty.ranges.append(value)
        connection = HTTPConnection(self.faulty.registry, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "connection":
                connection.putheader(name, value)
        connection.endheaders()
        if body := self._read_body():
            connection.send(body)
        response = connection.getresponse()
        content = response.read()
        headers = {k: v for k, v in response.getheaders() if k.lower() != "transfer-encoding"}
        if self.faulty.has_referrers and self.command == "PUT" and "/manifests/" in self.path:
            headers |= self._note_referrer(body)
        connection.close()
        self._answer(response.status, headers, content, fault.cut_answer if fault else None)

    def _answer(
        self, status: int, headers: dict[str, str], body: bytes, cut: int | None = None
    ) -> None:
        self.send_response_only(status)
        sent = {name.lower() for name in headers}
        for name, value in headers.items():
            self.send_header(name, value)
        if "content-length" not in sent and status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut])
        if cut is not None:
            self._cut()

    def _cut(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
