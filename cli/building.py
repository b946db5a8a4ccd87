"""The making of images that the commands in ``build`` ask for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Final

from ..builder.build import build_image, generate_context
from ..builder.contract import Engine
from ..builder.dockerfile import is_image_name
from ..builder.errors import EngineUnavailable
from ..builder.image_names import parse_image_name
from ..builder.options import BuildOptions, read_build_arguments, read_platforms
from ..builder.outputs import refuse_existing
from ..runtimes.errors import InvalidSetting
from .build import AUTO, DOCKER, read_options
from .locating import fetch
from .store_options import say

_ROOM: Final = build_image.__module__.rpartition(".")[0]
_DOCKER: Final = f"{_ROOM}.docker_engine"
_OCI: Final = f"{_ROOM}.assembling"
_ADVICE: Final = "give --engine oci"
_EPOCH: Final = "SOURCE_DATE_EPOCH"


def build(model: str, name: str, tags: tuple[str, ...], is_pushed: bool, **flags: Any) -> str:
    """Build the image of ``model`` and return its digest."""
    options = replace(read_options(flags, (name, *tags)), is_pushed=is_pushed)
    for tag in options.tags:
        parse_image_name(tag)
    with _opened(options, **flags) as engine:
        built = build_image(
            fetch(model, os.environ), options, engine, cache_folder() / "trees", say
        )
    say(f"built {', '.join(built.references)}")
    return built.digest


def generate(model: str, path: Path, **flags: Any) -> str:
    """Write the build context of ``model`` and return its path."""
    options = read_options(flags)
    if len(options.platforms) > 1:
        raise InvalidSetting("--platform: found several, expected one: a context is for one")
    generate_context(fetch(model, os.environ), options, path, cache_folder() / "trees", say)
    return str(path)


def build_base(
    name: str,
    platforms: tuple[str, ...],
    build_arguments: tuple[str, ...],
    is_pushed: bool,
    **flags: Any,
) -> str:
    """Build the base image and return its digest."""
    (platform, *others) = read_platforms(platforms)
    if others:
        raise InvalidSetting("--platform: found several, expected one for a Docker engine")
    engine = _open_docker(read_build_arguments(build_arguments), **flags)
    try:
        built = engine.build_base(platform, [name], say)
        return str(engine.push(built, say) if is_pushed else built.digest)
    finally:
        engine.close()


def cache_folder() -> Path:
    """Return where builds keep what later ones use too."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mlserve" / "builds"


@contextmanager
def _opened(options: BuildOptions, engine: str, **flags: Any) -> Iterator[Engine]:
    """Give the engine that the flags choose, and close it in the end."""
    opened = _choose(options, engine, **flags)
    try:
        yield opened
    finally:
        opened.close()


def _choose(
    options: BuildOptions,
    engine: str,
    output: Path | None,
    build_arguments: tuple[str, ...],
    network: str | None,
) -> Engine:
    if output is not None:
        refuse_existing(output)
        if options.is_pushed:
            raise InvalidSetting("--output and --push: found both, expected one of them")
    arguments = read_build_arguments(build_arguments)
    needs_oci = _what_needs_oci(options, output)
    if engine == DOCKER and needs_oci:
        raise InvalidSetting(f"--engine docker: {needs_oci} is not for a Docker engine; {_ADVICE}")
    if engine == DOCKER or (engine == AUTO and not needs_oci):
        try:
            docker: Engine = _open_docker(arguments, network, options.is_fresh)
        except EngineUnavailable as error:
            if engine == DOCKER or arguments or network:
                raise
            say(f"building without a Docker engine: {error}")
        else:
            return docker
    if arguments or network:
        raise InvalidSetting("--build-arg and --network are for a Docker engine alone")
    if output is None and not options.is_pushed:
        output = _default_output(options.tags[0])
        refuse_existing(output)
    return _open_oci(output)


def _what_needs_oci(options: BuildOptions, output: Path | None) -> str:
    """Return what was asked for that a Docker engine does not do, or nothing."""
    if output is not None:
        return "--output"
    if len(options.platforms) > 1:
        return "--platform with several"
    if options.base is not None and not is_image_name(options.base):
        return "--base with a path"
    return ""


def _open_docker(arguments: dict[str, str], network: str | None, is_fresh: bool) -> Any:
    make, choose = (resolve_name(f"{_DOCKER}:{name}") for name in ("DockerEngine", "DockerOptions"))
    return make(choose(arguments, network, is_fresh))


def _open_oci(output: Path | None) -> Engine:
    make, choose = (resolve_name(f"{_OCI}:{name}") for name in ("OciEngine", "OciOptions"))
    created = int(os.environ.get(_EPOCH) or 0)
    engine: Engine = make(choose(output=output, cache=cache_folder() / "layers", created=created))
    return engine


def _default_output(name: str) -> Path:
    """Return the file of an image for which no place was named."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name.rpartition("/")[2])
    return Path(f"{stem}.tar")
