"""An HTTP server on loopback that webhooks are sent to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Event, Thread


@dataclass(frozen=True)
class Received:
    """A request that came."""

    path: str
    headers: Message
    body: bytes


@dataclass
class Receiver:
    """What came so far, and the statuses with which the next requests are answered, else 200.

    While ``hold`` is clear, no request is answered.
    """

    port: int
    requests: Queue[Received] = field(default_factory=Queue)
    statuses: list[int] = field(default_factory=list)
    hold: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/in"

    def take(self) -> Received:
        return self.requests.get(timeout=30)


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """Listen on a free port of loopback until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.put(Received(self.path, self.headers, body))
            receiver.hold.wait(60)
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_address[1])
        receiver.hold.set()
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.hold.set()
            server.shutdown()
            thread.join()
