"""A path that a model names is found inside its folder or refused."""

from __future__ import annotations

import os
import subprocess

import pytest
from mlserve.runtimes.errors import InvalidModel
from mlserve.runtimes.modelfolder import model_file, path_inside


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "model.pkl").write_bytes(b"x")
    (folder / "artifacts" / "words.txt").write_text("x")
    (tmp_path / "secret").write_text("x")
    (tmp_path / "model-of-another").mkdir()
    return folder


@pytest.mark.parametrize(
    "relative", ["model.pkl", "artifacts", "artifacts/words.txt", "artifacts/../model.pkl", "."]
)
def test_a_path_in_the_folder_is_found(folder, relative):
    assert model_file(folder, relative).samefile(folder / relative)


@pytest.mark.parametrize(
    "relative",
    ["..", "../secret", "artifacts/../../secret", "../model-of-another", "/etc/passwd", "a\0b"],
)
def test_a_path_that_leads_out_is_refused(folder, relative):
    with pytest.raises(InvalidModel, match="not inside the folder, expected a path relative"):
        model_file(folder, relative)


def test_an_absolute_path_is_refused_even_within_the_folder(folder):
    with pytest.raises(InvalidModel, match="not inside the folder"):
        model_file(folder, str(folder / "model.pkl"))


@pytest.mark.parametrize("relative", ["link.pkl", "up/secret", "./artifacts/../link.pkl"])
def test_a_link_that_leads_out_is_refused_and_what_to_do_is_told(folder, relative):
    (folder / "link.pkl").symlink_to(folder.parent / "secret")
    (folder / "up").symlink_to("..")
    with pytest.raises(InvalidModel, match=r"not inside the folder but linked .* \(cp -rL\)"):
        model_file(folder, relative)


def test_a_copy_with_its_links_followed_holds_what_they_led_to(folder, tmp_path):
    (folder / "link.pkl").symlink_to(folder.parent / "secret")
    subprocess.run(["cp", "-rL", folder, tmp_path / "copy"], check=True, timeout=60)
    assert model_file(tmp_path / "copy", "link.pkl").read_text() == "x"


def test_a_link_that_stays_inside_is_followed(folder):
    (folder / "link.pkl").symlink_to("model.pkl")
    assert model_file(folder, "link.pkl").read_bytes() == b"x"


def test_a_link_to_itself_is_refused(folder):
    (folder / "loop").symlink_to("loop")
    with pytest.raises(InvalidModel):
        model_file(folder, "loop")


def test_a_folder_reached_by_a_link_is_a_folder(folder):
    (folder.parent / "current").symlink_to(folder)
    assert model_file(folder.parent / "current", "model.pkl").read_bytes() == b"x"


def test_a_file_that_is_not_there_is_refused_by_name(folder):
    with pytest.raises(
        InvalidModel, match=r'MLmodel: found the path "model\.onnx", which does not'
    ):
        model_file(folder, "model.onnx")


def test_a_pipe_is_refused_before_anybody_waits_for_it(folder):
    os.mkfifo(folder / "model.onnx")
    with pytest.raises(InvalidModel, match="which is neither a file nor a folder"):
        model_file(folder, "model.onnx")


def test_a_path_inside_need_not_exist(folder):
    assert path_inside(folder, "model.onnx") == folder.resolve() / "model.onnx"
