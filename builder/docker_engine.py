"""Images made by a Docker engine, which is given a context and told to copy."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import docker
import requests
from docker.errors import APIError, DockerException
from docker.models.images import Image

from ..runtimes.errors import shorten
from .contexts import pack_context
from .contract import BuiltImage, Stage, Tell
from .docker_bases import check_base
from .dockerfile import write_dockerfile
from .engine_log import BuildLog, read_push
from .errors import EngineFailed, EngineUnavailable, InvalidImageName
from .image_names import parse_image_name
from .plan import Platform
from .staging import DOCKERFILE_BASE

_TIMEOUT_SECONDS: Final = 600
_DEFAULT_ADDRESS: Final = "the usual socket"


@dataclass(frozen=True, slots=True)
class DockerOptions:
    """What is handed on to the engine as it is."""

    build_arguments: Mapping[str, str] = field(default_factory=dict)
    network: str | None = None
    is_fresh: bool = False


class DockerEngine:
    """An `Engine` that is a Docker engine, found as Docker's own client finds it.

    Raises `EngineUnavailable` where none answers.
    """

    def __init__(self, options: DockerOptions | None = None) -> None:
        self._options = options or DockerOptions()
        try:
            self._client = docker.from_env(version="auto", timeout=_TIMEOUT_SECONDS)
        except (DockerException, requests.RequestException, ValueError) as error:
            address = os.environ.get("DOCKER_HOST") or _DEFAULT_ADDRESS
            raise EngineUnavailable(address, _reason(error)) from error

    def build(self, stages: Sequence[Stage], tags: Sequence[str], tell: Tell) -> BuiltImage:
        """Return the image, which the engine holds under all ``tags``."""
        if len(stages) != 1:
            raise EngineFailed(
                f"a Docker engine builds for one platform at a time, and {len(stages)} were asked "
                "for; build for each by itself, or all at once with --engine oci"
            )
        (stage,) = stages
        names = _read_names(tags)
        dockerfile = write_dockerfile(stage.plan)
        with _translated("the build"):
            tell(f"base {stage.plan.base} for {stage.plan.platform}")
            check_base(self._client, stage.plan, tell)
            trees = {layer.name: stage.folder / layer.name for layer in stage.plan.layers}
            return self._build(dockerfile, trees, stage.plan.platform, names, tell)

    def build_base(self, platform: Platform, tags: Sequence[str], tell: Tell) -> BuiltImage:
        """Return the image that others can be built on, made from the Dockerfile of mlserve's."""
        with _translated("the build"):
            dockerfile = DOCKERFILE_BASE.read_text()
            return self._build(dockerfile, {}, platform, _read_names(tags), tell)

    def push(self, image: BuiltImage, tell: Tell) -> str:
        """Push every tag and return the digest in the registry."""
        digest = image.digest
        for reference in image.references:
            with _translated(f"the push of {reference}"):
                lines = self._client.api.push(reference, stream=True, decode=True)
                digest = read_push(lines, reference, tell) or digest
        return digest

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _build(
        self,
        dockerfile: str,
        trees: Mapping[str, Path],
        platform: Platform,
        names: Sequence[str],
        tell: Tell,
    ) -> BuiltImage:
        options, log = self._options, BuildLog(tell)
        with tempfile.TemporaryFile(prefix="mlserve-context-") as context:
            pack_context(dockerfile, trees, context)
            tell(f"sending {context.tell() >> 20} MiB to the engine")
            context.seek(0)
            with self._tidied(log):
                lines = self._client.api.build(
                    fileobj=context,
                    custom_context=True,
                    rm=True,
                    forcerm=True,
                    decode=True,
                    nocache=options.is_fresh,
                    buildargs=dict(options.build_arguments),
                    network_mode=options.network,
                    platform=str(platform),
                )
                image = self._client.images.get(log.read(lines))
                self._tag(image, names)
        return BuiltImage(str(image.id), tuple(names), int(image.attrs["Size"]))

    @contextmanager
    def _tidied(self, log: BuildLog) -> Iterator[None]:
        """Remove what an unfinished build has made."""
        try:
            yield
        except BaseException:
            for image in reversed(log.made):
                with suppress(DockerException, requests.RequestException):
                    self._client.images.remove(image)
            raise

    def _tag(self, image: Image, names: Iterable[str]) -> None:
        """Give ``image`` all names, or none."""
        given = []
        try:
            for name in names:
                repository, _, tag = name.rpartition(":")
                image.tag(repository, tag)
                given.append(name)
        except BaseException:
            for name in given:
                with suppress(DockerException, requests.RequestException):
                    self._client.images.remove(name)
            raise


def _read_names(tags: Sequence[str]) -> list[str]:
    """Return the names as an engine writes them; raises `InvalidImageName`."""
    names = [parse_image_name(tag) for tag in tags]
    for tag, name in zip(tags, names, strict=True):
        if name.digest:
            raise InvalidImageName(tag, "an image that is built gets its digest then")
    return [name.familiar for name in names]


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except APIError as error:
        raise EngineFailed(f"{what} failed: {_reason(error)}") from error
    except (DockerException, requests.RequestException) as error:
        raise EngineFailed(
            f"{what} failed: the engine does not answer any more ({_reason(error)})"
        ) from error
    except OSError as error:
        raise EngineFailed(f"{what} failed: {error.strerror}; the context takes room") from error


def _reason(error: BaseException) -> str:
    """Return what the engine says, or else what the system said when it was called."""
    if explanation := getattr(error, "explanation", None):
        return shorten(explanation)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return shorten(error)
