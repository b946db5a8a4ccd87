"""A store: its database, the place of its artifacts, and who asks. Operations take one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .artifact_storage import is_kept, open_artifacts
from .contract import Artifacts
from .database import Database, parse_url
from .errors import InvalidParameter
from .lifecycle import Lifecycle
from .storage_uris import hide_credentials
from .webhook_hosts import HostRules


def now_ms() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Store:
    """What an operation needs; ``caller`` names who asked for it.

    Artifacts are kept under ``destination``, a folder or a URI; the records name them by
    ``mlflow-artifacts:/…``, so that the destination can be moved. Who asks from another machine
    is not to name files and folders of this one: a server sets ``allows_local_paths`` to false.
    ``webhook_hosts`` are the hosts that webhooks may be made for.
    """

    database: Database
    destination: str
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    caller: str = "unknown"
    clock: Callable[[], int] = now_ms
    allows_local_paths: bool = True
    webhook_hosts: HostRules = field(default_factory=HostRules)

    def artifacts(self, uri: str) -> Artifacts:
        """Return the artifacts under ``uri``, as a record names it.

        Raises `InvalidParameter` where they are not to be read for who asks.
        """
        if not self.reads(uri):
            raise InvalidParameter(
                f"{hide_credentials(uri)} is not among the artifacts that this server keeps, and "
                "it lends its credentials to nobody; read it where it is"
            )
        return open_artifacts(uri, self.destination)

    def reads(self, uri: str) -> bool:
        """Whether the artifacts under ``uri`` are read for who asks.

        Anybody may make a record that names a bucket, and the store may see more than they.
        """
        return self.allows_local_paths or is_kept(uri, self.destination)

    def close(self) -> None:
        """Close the database; the store is not used afterwards."""
        self.database.close()


def open_store(
    uri: str,
    destination: str | None = None,
    lifecycle: Lifecycle | None = None,
    caller: str = "unknown",
) -> Store:
    """Return the store whose database is at ``uri``, made if it is new.

    Where no ``destination`` is given, the artifacts of a SQLite store are kept in the folder
    ``mlartifacts`` beside its file, and those of another in that folder of the working directory.
    """
    if destination is None:
        url = parse_url(uri)
        beside = Path(url.database or "").parent if "sqlite" in url.drivername else Path()
        destination = str((beside / "mlartifacts").absolute())
    return Store(Database(uri), destination, lifecycle or Lifecycle(), caller)
