"""Whether an image that a Docker engine holds, or can pull, can carry a service."""

from __future__ import annotations

from typing import Final

from docker import DockerClient
from docker.errors import APIError, ImageNotFound
from docker.models.images import Image

from ..runtimes.errors import shorten
from .contract import Tell
from .errors import UnusableBase
from .plan import BuildPlan

_VERSION: Final = "PYTHON_VERSION"
_ASK: Final = "import sys; print('%d.%d' % sys.version_info[:2])"
_START_SECONDS: Final = 60


def check_base(client: DockerClient, plan: BuildPlan, tell: Tell) -> None:
    """Return if the base of ``plan`` is there, pulled if need be, and has its platform and Python.

    Raises `UnusableBase`.
    """
    image = _find(client, plan, tell)
    architecture = str(image.attrs.get("Architecture"))
    if architecture != plan.platform.architecture:
        found = f"an image for {image.attrs.get('Os')}/{architecture}"
        raise UnusableBase(plan.base, found, f"one for {plan.platform}")
    python = _declared(image) or _asked(client, image, plan)
    if python != plan.python:
        raise UnusableBase(
            plan.base, f"Python {python}", f"Python {plan.python}; build with --python {python}"
        )


def _find(client: DockerClient, plan: BuildPlan, tell: Tell) -> Image:
    try:
        return client.images.get(plan.base)
    except ImageNotFound:
        tell(f"pulling {plan.base}")
    try:
        return client.images.pull(plan.base, platform=str(plan.platform))
    except APIError as error:
        reason = shorten(error.explanation or error)
        raise UnusableBase(
            plan.base, f"none, and no way to pull it ({reason})", "an image"
        ) from error


def _declared(image: Image) -> str:
    """Return the release of Python that Python's own images declare."""
    for entry in (image.attrs.get("Config") or {}).get("Env") or ():
        name, _, value = entry.partition("=")
        if name == _VERSION:
            return ".".join(value.split(".")[:2])
    return ""


def _asked(client: DockerClient, image: Image, plan: BuildPlan) -> str:
    """Return the release of Python that a container of the image says it has."""
    container = client.containers.create(
        image.id, entrypoint=["python3"], command=["-Ic", _ASK], network_disabled=True
    )
    try:
        container.start()
        status = int(container.wait(timeout=_START_SECONDS)["StatusCode"])
        output = container.logs(stderr=False).decode(errors="replace").strip()
    except APIError as error:
        raise UnusableBase(
            plan.base, f"no python3 ({shorten(error.explanation)})", f"Python {plan.python}"
        ) from error
    finally:
        container.remove(force=True)
    if status:
        raise UnusableBase(
            plan.base, f"a python3 that exits with {status}", f"Python {plan.python}"
        )
    return str(output)
