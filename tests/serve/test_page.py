"""The page shows any model, and nothing that a model says of itself becomes markup or script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from html.parser import HTMLParser
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.runtimes.modelspec import ModelSpec
from mlserve.runtimes.schema import (
    Column,
    ColumnSchema,
    DataType,
    Object,
    ParamSpec,
    Property,
    Signature,
    TensorSchema,
    TensorSpec,
)
from mlserve.serve.page import lay_out, render_page

CHURN = Signature(
    ColumnSchema(
        (Column(DataType.LONG, "tenure"), Column(DataType.STRING, "plan", required=False))
    ),
    TensorSchema((TensorSpec(np.dtype(np.float32), (-1, 2)),)),
    (ParamSpec("threshold", DataType.DOUBLE, 0.5), ParamSpec("tags", DataType.STRING, [], (-1,))),
)
EXAMPLE = orjson.dumps({"dataframe_split": {"columns": ["tenure", "plan"], "data": [[1, "it's"]]}})
VOID = {"meta", "link", "input"}


class Page(HTMLParser):
    """The elements of a page, and the text of those that have an id."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.cells: list[str] = []
        self.text = ""
        self._open: list[tuple[str, str | None]] = []
        self.feed(source)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self._open.append((tag, attributes.get("id")))
            if tag in {"th", "td"}:
                self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        for tag, key in self._open:
            if key is not None:
                self.texts[key] = self.texts.get(key, "") + data
            if tag in {"th", "td"}:
                self.cells[-1] += data


def render(signature: Signature | None, example: bytes | None = None, name: str = "churn") -> str:
    spec = ModelSpec({"sklearn": {}}, signature)
    return render_page(spec, "sklearn", example, name, "3")[0].decode()


def tables(page: Page) -> list[tuple[str, ...]]:
    return list(zip(*[iter(page.cells)] * 3, strict=True))


def test_the_page_names_the_model_its_version_and_flavor() -> None:
    page = Page(render(CHURN))
    assert "churn" in page.text
    assert "Version3" in page.text
    assert "Flavorsklearn" in page.text


def test_what_the_model_says_of_its_making_is_shown() -> None:
    spec = ModelSpec(
        {}, run_id="r1", mlflow_version="3.17.2", utc_time_created="2026-11-23 01:15:19.167745"
    )
    text = Page(render_page(spec, "onnx", None, "m", "1")[0].decode()).text
    assert "Run idr1" in text
    assert "Saved by MLflow3.17.2" in text
    assert "Saved on2026-11-23 01:15:19 UTC" in text


def test_the_signature_is_shown_as_tables() -> None:
    assert tables(Page(render(CHURN))) == [
        ("Column", "Type", "Required"),
        ("tenure", "long", "required"),
        ("plan", "string", "optional"),
        ("Tensor", "Type", "Shape"),
        ("(unnamed)", "float32", "any by 2"),
        ("Param", "Type", "Default"),
        ("threshold", "double", "0.5"),
        ("tags", "list of string", "[]"),
    ]


def test_a_model_without_signature_says_so() -> None:
    page = Page(render(None))
    assert "declares no signature" in page.text
    assert page.cells == []


def test_the_form_holds_the_recorded_example() -> None:
    page = Page(render(CHURN, EXAMPLE))
    assert json.loads(page.texts["body"]) == json.loads(EXAMPLE)
    assert page.texts["about-body"] == "The example that the model was saved with."


def test_without_a_recorded_example_the_form_holds_one_made_up() -> None:
    page = Page(render(CHURN))
    assert json.loads(page.texts["body"])["dataframe_split"]["columns"] == ["tenure", "plan"]
    assert "Made up from the signature" in page.texts["about-body"]


def test_with_no_example_at_all_the_form_is_empty() -> None:
    page = Page(render(None))
    assert page.texts["body"].strip() == ""
    assert page.texts["about-body"] == "The model came without an example."


def test_the_command_sends_the_example() -> None:
    words = shlex.split(Page(render(CHURN, EXAMPLE)).texts["curl"])
    assert words[:-1] == [
        *("curl", "http://127.0.0.1:5000/invocations"),
        *("-H", "Content-Type: application/json", "-d"),
    ]
    assert json.loads(words[-1]) == json.loads(EXAMPLE)


def test_a_body_too_long_for_a_command_is_sent_from_a_file() -> None:
    columns = ColumnSchema(tuple(Column(DataType.DOUBLE, f"feature_{i}") for i in range(600)))
    page = Page(render(Signature(columns)))
    assert shlex.split(page.texts["curl"])[-1] == "@body.json"
    assert "Save the request body as body.json first" in page.text


@pytest.mark.parametrize(("columns", "filters"), [(20, 0), (21, 1)])
def test_a_long_table_has_a_filter(columns: int, filters: int) -> None:
    schema = ColumnSchema(tuple(Column(DataType.DOUBLE, f"c{i}") for i in range(columns)))
    elements = Page(render(Signature(schema))).elements
    assert sum("data-table" in attributes for _, attributes in elements) == filters


def test_every_label_names_a_field_and_every_reference_an_element() -> None:
    elements = Page(render(CHURN)).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    references = [
        attributes[key]
        for _, attributes in elements
        for key in ("for", "aria-labelledby", "aria-describedby", "data-table")
        if key in attributes
    ]
    assert len(ids) == len(set(ids))
    assert set(references) <= set(ids)


def test_the_page_loads_nothing_from_elsewhere() -> None:
    links = [
        attributes.get(key)
        for _, attributes in Page(render(CHURN)).elements
        for key in ("href", "src", "action")
        if key in attributes
    ]
    assert all(re.fullmatch(r"data:,|[a-z.]+", str(link)) for link in links)


HOSTILE = [
    "<script>alert(1)</script>",
    "\"' onmouseover=alert(1) x='",
    "</textarea><img src=x onerror=alert(1)>",
    "</title></style></script><b>",
    "$name ${name} $$ {0} %s",
    "&lt;b&gt; &#60;",
    "\u202egpj.exe",
    "a\x00b",
    "\ud800",
]


def hostile_model(text: str) -> tuple[ModelSpec, str]:
    column = Column(Object({text: Property(DataType.STRING)}), text)
    tensor = TensorSpec(np.dtype(np.int64), (-1,), text)
    signature = Signature(
        ColumnSchema((column,)),
        TensorSchema((tensor,)),
        (ParamSpec(text, DataType.STRING, text),),
    )
    spec = ModelSpec({text: {}}, signature, False, text, text, text, text, text)
    return spec, text


def assert_harmless(text: str) -> None:
    spec, flavor = hostile_model(text)
    page = Page(render_page(spec, flavor, None, text, text)[0].decode())
    tame, plain = hostile_model("plain")
    expected = Page(render_page(tame, plain, None, "plain", "plain")[0].decode())
    assert page.elements == expected.elements
    assert page.texts["form"] != ""


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_comes_from_a_model_never_becomes_markup(text: str) -> None:
    assert_harmless(text)


@given(st.text(st.characters() | st.sampled_from("<>&\"'$/`"), min_size=1, max_size=30))
def test_no_text_of_a_model_becomes_markup(text: str) -> None:
    assert_harmless(text)


def test_a_character_that_turns_the_writing_around_is_spelt_out() -> None:
    page = render(Signature(ColumnSchema((Column(DataType.LONG, "\u202etxt.exe"),))))
    assert "\u202e" not in page
    command = shlex.split(Page(page).texts["curl"])[-1]
    assert json.loads(command)["dataframe_split"]["columns"] == ["\u202etxt.exe"]


def read_policy(headers: dict[str, str]) -> dict[str, str]:
    directives = headers["content-security-policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)


@pytest.mark.parametrize("tag", ["script", "style"])
def test_the_policy_lets_only_the_pages_own_script_and_style_run(tag: str) -> None:
    body, headers = render_page(ModelSpec({}, CHURN), "sklearn", None, "churn", "3")
    (source,) = re.findall(f"<{tag}>(.*?)</{tag}>", body.decode(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    assert read_policy(headers)[f"{tag}-src"] == f"'sha256-{digest}'"


def test_the_policy_forbids_all_else() -> None:
    policy = read_policy(render_page(ModelSpec({}), "sklearn", None, "churn", "3")[1])
    del policy["script-src"], policy["style-src"]
    assert policy == {
        "default-src": "'none'",
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


def test_the_page_has_no_inline_style_or_handler_that_the_policy_would_stop() -> None:
    attributes = [name for _, attributes in Page(render(CHURN)).elements for name in attributes]
    assert not [name for name in attributes if name == "style" or name.startswith("on")]


def test_a_body_is_laid_out_with_a_line_for_each_row() -> None:
    assert lay_out(json.loads(EXAMPLE)) == (
        '{\n  "dataframe_split": {\n    "columns": ["tenure", "plan"],\n'
        '    "data": [\n      [1, "it\'s"]\n    ]\n  }\n}'
    )


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_laying_out_changes_no_value(value: Any) -> None:
    assert json.loads(lay_out(value)) == value
