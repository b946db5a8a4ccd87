"""A package that is on no index, as a wheel and on an index that wants a password."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECRET = "s3cret-of-the-index"
INFO = "secret_sauce-1.0.dist-info"


def write_wheel(folder: Path) -> Path:
    """Write a wheel of secret-sauce 1.0, with a module and a script."""
    files = {
        "secret_sauce.py": "x = 1\n",
        f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: secret-sauce\nVersion: 1.0\n",
        f"{INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{INFO}/entry_points.txt": "[console_scripts]\nsauce = secret_sauce:x\n",
    }
    record = "".join(f"{name},sha256={_digest(text)},{len(text)}\n" for name, text in files.items())
    folder.mkdir(parents=True)
    wheel = folder / "secret_sauce-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{INFO}/RECORD", f"{record}{INFO}/RECORD,,\n")
    return wheel


@contextmanager
def private_index(folder: Path) -> Iterator[str]:
    """Give the URL, password and all, of an index that has secret-sauce."""
    wheel = write_wheel(folder / "secret-sauce")
    page = f'<a href="{wheel.name}">{wheel.name}</a>'
    (folder / "secret-sauce" / "index.html").write_text(page)
    handler = functools.partial(_Guarded, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://ann:{SECRET}@127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class _Guarded(http.server.SimpleHTTPRequestHandler):
    """Serves files to who knows the password."""

    def do_GET(self) -> None:
        token = base64.b64encode(f"ann:{SECRET}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {token}":
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
