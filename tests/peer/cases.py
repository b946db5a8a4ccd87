"""What the requests made by hand have in common: their names, their models, and rows to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .exchanges import Request, json_request

ROW = {"a": 0.5, "b": 1.5, "c": -2.0}
ROWS = [ROW, {"c": 3, "a": -1, "b": 0}]
TYPED = {
    "boolean": True,
    "integer": 7,
    "long": 2**40,
    "float": 0.25,
    "double": 1e300,
    "string": "x",
    "binary": "YWI=",
    "datetime": "2020-01-02T03:04:05",
}


@dataclass(frozen=True, slots=True)
class Case:
    """A request to a model, under a name that no other case has."""

    name: str
    model: str
    request: Request


def of(model: str, name: str, document: Any) -> Case:
    """Return the case of a JSON body."""
    return Case(f"{model}: {name}", model, json_request(document))


def split(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    data = [[row[name] for name in rows[0]] for row in rows]
    return {"dataframe_split": {"columns": list(rows[0]), "data": data, **more}}
