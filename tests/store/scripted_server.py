"""A server whose answers a test writes down beforehand, and that keeps what it was asked."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Thread


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """An answer to give; without a status the connection is closed instead."""

    status: int | None = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


CLOSED = Answer(None)


class ScriptedServer(socketserver.ThreadingTCPServer):
    """Gives the answers in turn, then the last one again and again."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answers: list[Answer]) -> None:
        self.answers, self.asked = answers, []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.command, self.path, headers, body))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer.status is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in ({"content-length": str(len(answer.body))} | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


for _method in ("GET", "POST", "PATCH", "DELETE", "PUT"):
    setattr(_Handler, f"do_{_method}", _Handler.handle_any)


@contextmanager
def scripted(*answers: Answer) -> Iterator[ScriptedServer]:
    """Serve these answers while the context lasts."""
    with ScriptedServer(list(answers)) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
