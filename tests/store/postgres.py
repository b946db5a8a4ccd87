"""A PostgreSQL server of the tests' own, from the binaries that Debian installs."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

VERSIONS = Path("/usr/lib/postgresql")
MISSING = "PostgreSQL is not installed; apt-get install postgresql"


def find_binaries() -> Path | None:
    """Return the folder of the newest ``initdb`` and ``postgres``, or None if there are none."""
    if (on_path := shutil.which("initdb")) is not None:
        return Path(on_path).parent
    folders = VERSIONS.glob("*/bin") if VERSIONS.is_dir() else ()
    found = [folder for folder in folders if (folder / "initdb").exists()]
    return max(found, key=lambda folder: float(folder.parent.name), default=None)


@contextmanager
def running_server() -> Iterator[str]:
    """Start a server on a free port of loopback and give its URI, without a database's name."""
    binaries = find_binaries()
    assert binaries is not None, MISSING
    folder = Path(tempfile.mkdtemp(prefix="mlserve-postgres-"))
    owner = _owner(folder)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    data = folder / "data"
    initdb = [binaries / "initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8"]
    subprocess.run(
        [*initdb, "--locale=C", "--no-sync"],
        check=True, capture_output=True, timeout=120, cwd=folder, **owner,
    )  # fmt: skip
    server = subprocess.Popen(
        [binaries / "postgres", "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1",
         "-c", "fsync=off", "-c", "max_connections=200"],
        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=folder, **owner,
    )  # fmt: skip
    try:
        uri = f"postgresql://tester@127.0.0.1:{port}"
        _wait_for(uri, server)
        yield uri
    finally:
        # At once: what a slower end would write to the disk is deleted next.
        server.send_signal(signal.SIGQUIT)
        server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def create_database(uri: str, name: str) -> str:
    """Make an empty database on the server at ``uri``, and return the database's URI."""
    with psycopg.connect(f"{uri}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{uri}/{name}"


def empty_database(uri: str, name: str) -> str:
    """Make a database, or empty the one that is there, and return its URI.

    The files of hundreds of databases would take longer to delete than the tests take.
    """
    with psycopg.connect(f"{uri}/postgres", autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount == 0:
            return create_database(uri, name)
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        connection.execute(end, [name])
    with psycopg.connect(f"{uri}/{name}", autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return f"{uri}/{name}"


def _owner(folder: Path) -> dict[str, str | int]:
    """Return the user to run as: PostgreSQL refuses root."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, user)
    return {"user": user}


def _wait_for(uri: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            psycopg.connect(f"{uri}/postgres", connect_timeout=1).close()
        except psycopg.OperationalError:
            try:
                server.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            raise
        return
    raise TimeoutError(uri)
