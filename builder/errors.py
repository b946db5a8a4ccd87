"""Every error that building an image raises on purpose.

::

    MLServeError
    └── BuildError
        ├── UnresolvedRequirements   what the model needs has no release that fits
        ├── UnusableBase             a base image that cannot carry a service
        ├── ImageNotFound            no image of this name, or none for the platform
        ├── InvalidImage             a document of an image that breaks its format
        ├── InvalidImageName         a reference that no image can have
        ├── EngineUnavailable        no Docker engine answers
        ├── EngineFailed             the engine gave up on a build
        ├── RegistryRefused          a registry that says no: credentials, names, limits
        ├── RegistryUnavailable      a registry that does not answer, or not to the end
        ├── CredentialsUnavailable   a login that is kept somewhere and cannot be had
        ├── DigestMismatch           bytes that are not those that their digest promises
        ├── OutputExists             an image is to be written where something is already
        └── OutputFailed             an image that could not be written: a full disk, a right
"""

from __future__ import annotations

from pathlib import Path

from ..runtimes.errors import MLServeError, shorten


class BuildError(MLServeError):
    """An image that cannot be built as asked."""


class UnresolvedRequirements(BuildError):
    """Requirements that have no release which fits the platform and Python of the image."""

    def __init__(self, package: str, platform: str, reason: str) -> None:
        super().__init__(f"{package} cannot be had for {platform}: {reason}")


class UnusableBase(BuildError):
    """A base image that is not there, or that lacks what a service needs."""

    def __init__(self, base: str, found: str, expected: str) -> None:
        super().__init__(f"the base image {base}: found {found}, expected {expected}")


class ImageNotFound(BuildError):
    """There is no image of a name at a place, or none for a platform."""

    def __init__(self, place: str, wanted: str, present: str = "") -> None:
        found = f"; it holds {present}" if present else ""
        super().__init__(f"{place} has no image {wanted}{found}")


class InvalidImage(BuildError):
    """A document of an image, or a file of a layout, that is not as its format says."""

    def __init__(self, what: str, found: str, expected: str) -> None:
        super().__init__(f"{what}: found {found}, expected {expected}")


class InvalidImageName(BuildError):
    """A reference that no image can have."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f'"{shorten(name)}" names no image: {reason}; '
            "expected [HOST[:PORT]/]NAME[:TAG][@DIGEST]"
        )


class EngineUnavailable(BuildError):
    """No Docker engine answers."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(
            f"no Docker engine answers at {address} ({reason}); start one (systemctl start docker, "
            "or Docker Desktop), set DOCKER_HOST, or build without one: --engine oci"
        )


class EngineFailed(BuildError):
    """A build, a push or a pull that the engine gave up on."""


class RegistryRefused(BuildError):
    """A registry that refuses: says which, what was asked and what it answered."""

    def __init__(self, registry: str, action: str, status: int, reason: str, advice: str) -> None:
        self.status = status
        super().__init__(f"{registry} refused to {action}: {status} {reason}; {advice}")


class RegistryUnavailable(BuildError):
    """A registry that does not answer, or breaks off however often it is asked.

    ``retry_after`` is its header of that name; ``is_final`` says that asking again does not help.
    """

    def __init__(
        self,
        registry: str,
        action: str,
        reason: str,
        *,
        advice: str = "try again later",
        retry_after: str | None = None,
        is_final: bool = False,
    ) -> None:
        self.retry_after, self.is_final = retry_after, is_final
        super().__init__(f"{registry} could not {action}: {reason}; {advice}")


class CredentialsUnavailable(BuildError):
    """A login for a registry that is kept somewhere, and cannot be had from there."""

    def __init__(self, registry: str, reason: str) -> None:
        super().__init__(
            f"the login for {registry} cannot be had: {reason}; log in again with: "
            f"docker login {registry}"
        )


class DigestMismatch(BuildError):
    """Bytes whose digest is not the one that they were asked for by."""

    def __init__(self, what: str, found: str, expected: str) -> None:
        super().__init__(f"{what}: found {found}, expected {expected}; it was damaged on its way")


class OutputExists(BuildError):
    """A path to write an image to at which there is something already."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already; name a path where nothing is, or remove it first")


class OutputFailed(BuildError):
    """An image that could not be written to a path."""

    def __init__(self, path: Path, error: OSError) -> None:
        reason = error.strerror or str(error)
        super().__init__(f"{path} could not be written: {reason}; nothing was left there")
