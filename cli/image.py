"""``mlserve image``: what an image is, what is in it, and how it came to be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, Final

import click
import msgspec

from ..builder.errors import ImageNotFound, InvalidImage
from ..builder.inspection import ImageReport, inspect_image, open_image
from ..builder.provenance import Provenance
from ..builder.registry_access import RegistryAccess
from ..builder.sbom import Package, read_packages
from ..runtimes.errors import InvalidSetting, MissingExtra, shorten
from .tables import Column, format_section, format_size, format_table, terminal_width

_MODEL: Final = "ml.mlserve.model."
_MODEL_FACTS: Final = ("name", "version", "run", "digest", "flavor")
_LAYERS: Final = (Column("LAYER"), Column("SIZE", is_whole=True), Column("HOLDS"))
_PACKAGES: Final = (
    Column("PACKAGE", is_whole=True),
    Column("VERSION", is_whole=True),
    Column("KIND"),
    Column("LICENSE"),
)


@click.group()
def image() -> None:
    """Look at images, wherever they were built."""


@image.command()
@click.argument("reference")
@click.option(
    "--platform",
    metavar="PLATFORM",
    help="Of an image for several platforms, one: such as linux/arm64.",
)
@click.option("--sbom", "is_sbom", is_flag=True, help="Print the SBOM itself, as it is attached.")
@click.option("--json", "is_json", is_flag=True, help="Print the facts as JSON.")
def show(reference: str, platform: str | None, is_sbom: bool, is_json: bool) -> None:
    """Print what the image at REFERENCE is, and what is told of it there.

    REFERENCE is a name in a registry, a folder with an OCI layout, or a tar; `:TAG` or `@DIGEST`
    says which image of there.
    """
    if is_sbom and is_json:
        raise InvalidSetting("--sbom and --json: found both, expected one of them")
    digest, reports = _inspect(reference, platform)
    if is_sbom:
        click.echo(_sbom_of(reports, reference))
    elif is_json:
        click.echo(json.dumps(_as_object(reference, digest, reports), indent=2))
    else:
        click.echo("\n\n".join(_sections(reference, digest, reports)))


def _inspect(reference: str, platform: str | None) -> tuple[str, list[ImageReport]]:
    try:
        source, name = open_image(reference, RegistryAccess())
    except ModuleNotFoundError as error:
        if error.name == "httpx":
            raise MissingExtra("asking a registry", "httpx", "build") from error
        raise
    with closing(source):
        descriptor = source.resolve(name)
        reports = list(inspect_image(source, descriptor))
    # What has no variant means any.
    chosen = [
        one for one in reports if not platform or f"{one.platform}/".startswith(f"{platform}/")
    ]
    if not chosen:
        raise ImageNotFound(reference, f"for {platform}", _platforms(reports))
    return descriptor.digest, chosen


def _sbom_of(reports: Sequence[ImageReport], reference: str) -> str:
    if len(reports) > 1:
        raise InvalidSetting(
            f"{reference} has an SBOM for each platform; choose one with --platform: "
            f"{_platforms(reports)}"
        )
    [report] = reports
    if report.sbom is None:
        raise ImageNotFound(reference, "with an SBOM: none in CycloneDX is attached to it")
    return report.sbom.decode(errors="replace")


def _sections(reference: str, digest: str, reports: Sequence[ImageReport]) -> Iterator[str]:
    facts = {"digest": digest, "platforms": _platforms(reports)}
    yield format_section(reference, facts.items())
    for report in reports:
        yield from filter(None, _sections_of(report))


def _sections_of(report: ImageReport) -> Iterator[str]:
    size = format_size(report.size_bytes)
    yield format_section(
        str(report.platform), {"digest": report.digest, "size": f"{size}, compressed"}.items()
    )
    yield format_section("model", _model_of(report).items())
    rows = [(one.digest, format_size(one.size_bytes), one.holds) for one in report.layers]
    yield format_table(_LAYERS, rows, terminal_width())
    yield format_section("labels", sorted(report.labels.items()))
    if (packages := _packages_of(report)) is not None:
        lines = [(one.name, one.version, one.kind, one.license) for one in packages]
        yield format_table(_PACKAGES, lines, terminal_width())
    if report.provenance:
        yield format_section("provenance (not signed)", _facts_of(report.provenance))
    told = ((one.digest, one.artifact_type or one.media_type) for one in report.artifacts)
    yield format_section("told of it", told)


def _facts_of(provenance: Provenance) -> Iterator[tuple[str, object]]:
    yield "builder", provenance.builder
    yield from provenance.builder_versions.items()
    yield "build type", provenance.build_type
    yield from provenance.parameters.items()
    for one in provenance.dependencies:
        digests = one.get("digest")
        if isinstance(digests, dict):
            for algorithm, value in digests.items():
                yield f"from {one.get('name', '')}", f"{algorithm}:{value}"


def _as_object(reference: str, digest: str, reports: Sequence[ImageReport]) -> dict[str, Any]:
    return {
        "reference": reference,
        "digest": digest,
        "platforms": [_platform_object(report) for report in reports],
    }


def _platform_object(report: ImageReport) -> dict[str, Any]:
    packages = _packages_of(report)
    return {
        "platform": str(report.platform),
        "digest": report.digest,
        "size_bytes": report.size_bytes,
        "layers": msgspec.to_builtins(report.layers),
        "labels": report.labels,
        "model": _model_of(report),
        "packages": None if packages is None else msgspec.to_builtins(packages),
        "provenance": msgspec.to_builtins(report.provenance),
        "artifacts": [
            {"digest": one.digest, "type": one.artifact_type or one.media_type}
            for one in report.artifacts
        ],
    }


def _model_of(report: ImageReport) -> dict[str, str]:
    labels = report.labels
    return {name: labels[f"{_MODEL}{name}"] for name in _MODEL_FACTS if f"{_MODEL}{name}" in labels}


def _packages_of(report: ImageReport) -> list[Package] | None:
    if report.sbom is None:
        return None
    try:
        return read_packages(report.sbom)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        what = f"the SBOM of {report.digest}"
        raise InvalidImage(what, shorten(error), "CycloneDX in JSON") from error


def _platforms(reports: Sequence[ImageReport]) -> str:
    return ", ".join(str(report.platform) for report in reports)
