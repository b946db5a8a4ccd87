"""``mlserve conformance``: whether a running service keeps the contract of a platform."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from ..runtimes.errors import InvalidSetting, MLServeError
from .conformance_checks import Check, Finding, Subject, examine
from .conformance_contracts import CHECKS
from .conformance_example import Example, load_example, read_example
from .conformance_service import Service, Unmet, open_service
from .tables import Column, format_table, terminal_width

HEALTH_ROUTES: Final = {"azureml": "/", "vertex": "/health"}
PREDICT_ROUTES: Final = {"azureml": "/score", "vertex": "/predict"}

_COLUMNS: Final = (
    Column("CHECK", is_whole=True),
    Column("RESULT", is_whole=True),
    Column("WHAT IS ASKED"),
    Column("FOUND"),
)


class ServiceUnreachable(MLServeError):
    """Nobody answers at the address of a service."""


@click.command()
@click.argument("url")
@click.option(
    "--contract", required=True, type=click.Choice(sorted(CHECKS)), help="Whose contract."
)
@click.option(
    "--example",
    type=click.Path(path_type=Path),
    help="A file with a body for /invocations in JSON, such as a model's "
    "serving_input_example.json.  [default: the example in the service's /openapi.json]",
)
@click.option("--health-route", help="Where Vertex AI or Azure ML asks for health.")
@click.option("--predict-route", help="Where Vertex AI or Azure ML sends rows.")
@click.option("--model-name", help="The model, for KServe.  [default: the first that is listed]")
@click.option("--header", multiple=True, metavar="NAME:VALUE", help="Sent with each request.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds to wait for an answer.")
@click.option("--json", "is_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_context
def conformance(context: click.Context, /, url: str, contract: str, **options: Any) -> None:
    """Ask the service at URL what a contract asks for, and print what came of it.

    The exit code is 0 where the service keeps the contract, and 1 where it does not.
    """
    service = open_service(url, _read_headers(options["header"]), options["timeout"])
    file: Path | None = options["example"]
    subject = Subject(
        service,
        _ask_for_example(service) if file is None else load_example(file),
        options["health_route"] or HEALTH_ROUTES.get(contract, ""),
        options["predict_route"] or PREDICT_ROUTES.get(contract, ""),
        options["model_name"] or (_ask_for_model(service) if contract == "kserve" else ""),
    )
    findings = examine(subject, CHECKS[contract])
    click.echo(_format_json(findings) if options["is_json"] else _format_table(findings))
    context.exit(0 if all(finding.is_met for finding in findings) else 1)


def _read_headers(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition(":") for text in texts]
    for text, (name, colon, _) in zip(texts, pairs, strict=True):
        if not colon or not name.strip():
            raise InvalidSetting(f'--header: found "{text}", expected NAME:VALUE')
    return {name.strip(): value.strip() for name, _, value in pairs}


def _ask_for_example(service: Service) -> Example:
    """Return the example in the service's own description, which those of mlserve have."""
    try:
        answer = service.get("/openapi.json")
        document = answer.document() if answer.status == 200 else {}
    except Unmet as unmet:
        raise ServiceUnreachable(f"{service.url.geturl()}: {unmet}") from None
    try:
        scoring = document["paths"]["/invocations"]["post"]
        body = scoring["requestBody"]["content"]["application/json"]["example"]
    except (KeyError, TypeError):
        raise InvalidSetting(
            "the service tells no example of a request; give one with --example FILE"
        ) from None
    return read_example(body, "the example in /openapi.json")


def _ask_for_model(service: Service) -> str:
    """Return the first model that the service lists, or a name that none has."""
    try:
        document = service.get("/v1/models").document()
        return str(document["models"][0])
    except (Unmet, IndexError, KeyError, TypeError):
        return "model"


def _format_table(findings: Sequence[Finding]) -> str:
    rows = [(one.check.name, _result(one), one.check.clause, one.found) for one in findings]
    return format_table(_COLUMNS, rows, terminal_width())


def _format_json(findings: Sequence[Finding]) -> str:
    return json.dumps([_as_object(one.check, one) for one in findings], indent=2)


def _as_object(check: Check, finding: Finding) -> dict[str, Any]:
    return {
        "check": check.name,
        "clause": check.clause,
        "is_met": finding.is_met,
        "found": finding.found,
    }


def _result(finding: Finding) -> str:
    return "met" if finding.is_met else "NOT MET"
