"""The page as a person meets it: a real browser, a real service, a trained model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from mlserve import save_model

from ..runtimes.trained import IRIS, iris_classifier
from .browser import Browser, Tab, browsing
from .processes import serving, wait_until


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("NO BROWSER, THE PAGE IS NOT TESTED IN ONE: run `apt-get install chromium`")
    with browsing(program, tmp_path_factory.mktemp("browser") / "profile") as browser:
        yield browser


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    """The address of a service of the iris model."""
    folder = tmp_path_factory.mktemp("models") / "iris"
    save_model(iris_classifier(), folder, example=IRIS.data.iloc[[0, 149]])
    with serving("-m", str(folder)) as service:
        yield service.wait_for("ready")["url"] + "/"


@pytest.fixture
def page(browser, url) -> Tab:
    tab = browser.new_tab()
    tab.open(url)
    return tab


def result_of(page: Tab) -> str:
    """Return the word on the answer, once there is one."""
    return wait_until(lambda: (text := page.text("#result")).endswith(" ms") and text)


def test_the_page_shows_the_model_its_signature_and_its_example(page):
    assert page.text("h1") == "iris"
    assert "sepal length (cm)\tdouble\trequired" in page.text("#inputs-table")
    assert json.loads(page.text("#body")) == {
        "dataframe_split": {
            "columns": list(IRIS.data.columns),
            "data": IRIS.data.iloc[[0, 149]].to_numpy().tolist(),
        }
    }


def test_the_button_sends_the_example_and_shows_the_answer(page, url):
    page.press("#send")
    assert result_of(page).startswith("200 OK in ")
    assert json.loads(page.text("#answer")) == {"predictions": [0, 2]}
    assert ("POST", url + "invocations") in page.requests


def test_what_was_typed_is_what_is_sent(page):
    flowers = IRIS.data.iloc[[149]].to_dict(orient="records")
    page.fill("#body", json.dumps({"dataframe_records": flowers}))
    page.press("#send")
    assert result_of(page).startswith("200 OK in ")
    assert json.loads(page.text("#answer")) == {"predictions": [2]}


def test_a_wrong_body_shows_the_message_of_the_error(page):
    page.fill("#body", '{"dataframe_records": [{"sepal length (cm)": "long"}]}')
    page.press("#send")
    assert result_of(page).startswith("400 in ")
    assert "sepal" in json.loads(page.text("#answer"))["message"]


def test_reset_brings_the_example_back(page):
    example = page.text("#body")
    page.fill("#body", "{}")
    page.press("#reset")
    assert page.text("#body") == example


def test_the_command_names_the_address_that_the_page_came_from(page, url):
    assert page.text("#curl").startswith(f"curl {url}invocations ")


def test_nothing_is_asked_of_another_host_and_nothing_is_complained_of(page, url):
    page.press("#send")
    result_of(page)
    asked = {urlsplit(address)[:2] for _, address in page.requests}
    assert asked == {urlsplit(url)[:2]}
    assert page.complaints == []


def test_the_policy_stops_what_is_not_the_pages_own(page):
    page.evaluate(
        """new Promise((resolve) => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'foreign'";
            const image = document.createElement("img");
            image.src = "http://elsewhere.invalid/";
            image.onerror = resolve;
            document.body.append(script, image);
        })"""
    )
    assert page.evaluate("document.title") == "iris, served by mlserve"
    assert ["Content Security Policy" in text for text in page.complaints] == [True, True]
