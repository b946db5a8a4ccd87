"""Where a run was started: the system tags of its user, its program and the commit of that."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from .credentials import find_credentials
from .tracking_uri import find_user

USER = "mlflow.user"
SOURCE_NAME = "mlflow.source.name"
SOURCE_TYPE = "mlflow.source.type"
GIT_COMMIT = "mlflow.source.git.commit"
GIT_BRANCH = "mlflow.source.git.branch"
GIT_REPOSITORY = "mlflow.source.git.repoURL"
PARENT_RUN_ID = "mlflow.parentRunId"
RUN_NAME = "mlflow.runName"
NOTE = "mlflow.note.content"

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MOST_BYTES = 16 << 20


def context_tags(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that tell who started this program, and what it is."""
    program = sys.argv[0] if sys.argv else ""
    is_file = bool(program) and Path(program).is_file()
    credentials = find_credentials(environment)
    tags = {
        USER: (credentials and credentials.username) or find_user(),
        SOURCE_NAME: program or "<console>",
        SOURCE_TYPE: "LOCAL",
    }
    return tags | git_tags(Path(program)) if is_file else tags


def git_tags(program: Path) -> dict[str, str]:
    """Return the commit and the branch that are checked out where ``program`` is, if they are.

    Where they were cloned from is told too. The files of the repository are read; Git itself is not
    needed.
    """
    try:
        folder = _find_repository(program.resolve())
        if folder is None:
            return {}
        head, shared = _read(folder / "HEAD").strip(), _find_shared(folder)
        tags = _read_head(head, folder, shared)
        return tags | _read_remote(shared) if tags else {}
    except (OSError, ValueError, RuntimeError):
        return {}  # a repository that cannot be read says nothing


def _find_repository(program: Path) -> Path | None:
    """Return the folder of the repository that ``program`` is in: .git, or where a file .git leads.

    What stands beside the program is not its history: a program that is a folder is its own.
    """
    for folder in (program, *program.parents):
        found = folder / ".git"
        if found.is_dir():
            return found
        if found.is_file():
            return folder / _read(found).removeprefix("gitdir:").strip()
    return None


def _find_shared(folder: Path) -> Path:
    """Return where the repository is that ``folder`` is of: a second worktree has its own HEAD."""
    common = folder / "commondir"
    return folder / _read(common).strip() if common.is_file() else folder


def _read_remote(shared: Path) -> dict[str, str]:
    """Return where the repository was cloned from, without a password that may stand there."""
    config = shared / "config"
    section = ""
    for line in _read(config).splitlines() if config.is_file() else ():
        key, _, value = map(str.strip, line.partition("="))
        if key.startswith("["):
            section = key
        elif key == "url" and section.startswith("[remote "):
            url = urlsplit(value)
            place = url._replace(netloc=url.netloc.rpartition("@")[2]) if url.scheme else url
            return {GIT_REPOSITORY: place.geturl()}
    return {}


def _read_head(head: str, folder: Path, shared: Path) -> dict[str, str]:
    if not head.startswith("ref:"):
        return _tags(head)
    name = head.removeprefix("ref:").strip()
    loose = [place / name for place in (folder, shared)]
    commit = next((_read(file).strip() for file in loose if file.is_file()), None)
    return _tags(commit or _find_packed(shared, name), name.removeprefix("refs/heads/"))


def _find_packed(folder: Path, name: str) -> str:
    """Return the commit of a reference that Git has moved into its one file of many."""
    file = folder / "packed-refs"
    lines = _read(file).splitlines() if file.is_file() else []
    entries = (line.partition(" ") for line in lines)
    return next((commit for commit, _, found in entries if found == name), "")


def _tags(commit: str, branch: str | None = None) -> dict[str, str]:
    if not _COMMIT.fullmatch(commit):
        return {}
    return {GIT_COMMIT: commit} | ({GIT_BRANCH: branch} if branch else {})


def _read(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(_MOST_BYTES).decode()
