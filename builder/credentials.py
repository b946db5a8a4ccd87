"""Who somebody is to a registry: what `docker login` kept, or a program of theirs knows."""

from __future__ import annotations

import base64
import binascii
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from ..runtimes.errors import InvalidSetting, shorten
from .errors import CredentialsUnavailable
from .image_names import DOCKER_HUB

_DOCKER_HUB_KEY: Final = "https://index.docker.io/v1/"
_PROGRAM_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HELPER_SECONDS: Final = 60.0
_NOT_THERE: Final = "credentials not found"
_TOKEN_USER: Final = "<token>"  # noqa: S105 - how a program says that it gives a token


@dataclass(frozen=True, slots=True)
class Login:
    """A name and a secret; an ``identity_token`` stands in the place of both."""

    username: str
    password: str = field(repr=False)
    identity_token: str | None = field(default=None, repr=False)


class _Entry(msgspec.Struct):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""


class _DockerConfig(msgspec.Struct, rename="camel"):
    auths: dict[str, _Entry] = {}
    cred_helpers: dict[str, str] = {}
    creds_store: str = ""


class _Answer(msgspec.Struct, rename="pascal"):
    username: str = ""
    secret: str = ""


def find_login(registry: str, environment: Mapping[str, str] | None = None) -> Login | None:
    """Return the login for ``registry`` that Docker's configuration has, or None.

    The file is config.json of ``DOCKER_CONFIG`` or of ~/.docker; a program named there comes
    before what the file holds itself. Raises `CredentialsUnavailable` or `InvalidSetting`.
    """
    environment = os.environ if environment is None else environment
    config = _read_config(_config_file(environment))
    helper = config.cred_helpers.get(registry) or config.creds_store
    if helper and (login := _ask(helper, registry, environment)):
        return login
    for address, entry in config.auths.items():
        if _host_of(address) == registry:
            return _read_entry(entry, registry)
    return None


def _config_file(environment: Mapping[str, str]) -> Path:
    named = environment.get("DOCKER_CONFIG")
    folder = Path(named) if named else Path(environment.get("HOME", "~")).expanduser() / ".docker"
    return folder / "config.json"


def _read_config(file: Path) -> _DockerConfig:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_DockerConfig)
    except (FileNotFoundError, NotADirectoryError):
        return _DockerConfig()
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidSetting(
            f"{file}: {shorten(error)}; expected the configuration that `docker login` writes"
        ) from error


def _host_of(address: str) -> str:
    """Return the registry of a key, which older versions of Docker wrote as an address."""
    host = re.sub(r"^https?://", "", address).partition("/")[0]
    return DOCKER_HUB if host in {"index.docker.io", "registry-1.docker.io"} else host


def _read_entry(entry: _Entry, registry: str) -> Login | None:
    username, password = entry.username, entry.password
    if entry.auth:
        try:
            decoded = base64.b64decode(entry.auth, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise CredentialsUnavailable(registry, "its entry in config.json is damaged") from error
        username, _, password = decoded.partition(":")
    if not (username or entry.identitytoken):
        return None
    return Login(username, password.rstrip("\0"), entry.identitytoken or None)


def _ask(helper: str, registry: str, environment: Mapping[str, str]) -> Login | None:
    program = f"docker-credential-{helper}"
    if not _PROGRAM_NAME.fullmatch(helper):
        raise CredentialsUnavailable(registry, f"{shorten(helper)} is no name of a program")
    address = _DOCKER_HUB_KEY if registry == DOCKER_HUB else registry
    try:
        done = subprocess.run(  # noqa: S603 - the program that the user's own configuration names
            [program, "get"],
            input=address.encode(),
            capture_output=True,
            check=False,
            timeout=_HELPER_SECONDS,
            env=dict(environment),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = error.strerror if isinstance(error, OSError) else "it did not answer"
        raise CredentialsUnavailable(registry, f"{program}: {reason}") from error
    if done.returncode:
        said = (done.stdout or done.stderr).decode(errors="replace").strip()
        if _NOT_THERE in said:
            return None
        raise CredentialsUnavailable(registry, f"{program}: {shorten(said)}")
    return _read_answer(done.stdout, program, registry)


def _read_answer(content: bytes, program: str, registry: str) -> Login | None:
    try:
        answer = msgspec.json.decode(content, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # What it said may be the secret itself, and is not shown.
        raise CredentialsUnavailable(registry, f"{program} answered in another form") from error
    if not answer.username:
        return None
    if answer.username == _TOKEN_USER:
        return Login("", "", answer.secret)
    return Login(answer.username, answer.secret)


def basic_header(login: Login) -> str:
    """Return the value of Authorization for a name and a password."""
    pair = f"{login.username}:{login.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"
