"""The names of images, as Docker reads them: ``[HOST[:PORT]/]NAME[:TAG][@DIGEST]``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from .errors import InvalidImageName

DOCKER_HUB: Final = "docker.io"

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME: Final = re.compile(
    rf"""(?:(?P<registry>(?:[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?)/)?
    (?P<repository>{_COMPONENT}(?:/{_COMPONENT})*)
    (?::(?P<tag>[\w][\w.-]{{0,127}}))?
    (?:@(?P<digest>[a-z0-9]+:[a-fA-F0-9]{{32,}}))?""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ImageName:
    """Where an image is kept, and which one of a repository it is."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        name = f"{self.registry}/{self.repository}"
        if self.tag:
            name += f":{self.tag}"
        return f"{name}@{self.digest}" if self.digest else name

    @property
    def reference(self) -> str:
        """What names the image in its repository; a digest says more than a tag."""
        return self.digest or self.tag or "latest"

    @property
    def familiar(self) -> str:
        """The name as people write it: without Docker Hub, and with a tag."""
        name = f"{self.repository}:{self.tag or 'latest'}"
        if self.registry == DOCKER_HUB:
            return name.removeprefix("library/")
        return f"{self.registry}/{name}"

    @property
    def place(self) -> str:
        """The repository alone."""
        return f"{self.registry}/{self.repository}"

    def at(self, reference: str) -> ImageName:
        """Return the name of another image of the repository."""
        is_digest = ":" in reference
        return replace(
            self,
            tag=None if is_digest else reference,
            digest=reference if is_digest else None,
        )


def parse_image_name(name: str) -> ImageName:
    """Return the image that ``name`` names; what has no host is Docker Hub's.

    Raises `InvalidImageName`.
    """
    registry, repository, rest = _split(name)
    found = _NAME.fullmatch(f"{registry}/{repository}{rest}")
    if found is None:
        reason = "it has capital letters" if repository != repository.lower() else "of its form"
        raise InvalidImageName(name, reason)
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    tag, digest = found["tag"], found["digest"]
    return ImageName(registry, repository, tag or (None if digest else "latest"), digest)


def _split(name: str) -> tuple[str, str, str]:
    """Return host, repository, and the tag and digest behind them."""
    body, at, digest = name.partition("@")
    before, slash, last = body.rpartition("/")
    last, colon, tag = last.partition(":")
    path = f"{before}{slash}{last}"
    first, slash, others = path.partition("/")
    rest = f"{colon}{tag}{at}{digest}"
    if slash and (set(first) & set(".:[") or first == "localhost" or first != first.lower()):
        registry = DOCKER_HUB if first == "index.docker.io" else first
        return registry, others, rest
    return DOCKER_HUB, path, rest
