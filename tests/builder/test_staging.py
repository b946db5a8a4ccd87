"""The trees of an image: the same for the same inputs, and made once."""

from __future__ import annotations

import importlib.util
import marshal
import os
import subprocess
import sys

import pytest
from mlserve.builder.bytecode import compile_folder, is_compilable
from mlserve.builder.staging import Workshop, stage_model
from mlserve.builder.trees import KEPT_SECONDS, TreeCache
from mlserve.runtimes.errors import InvalidModel
from mlserve.store.fetching import LocatedModel
from mlserve.store.references import FolderReference

PYTHON = ".".join(map(str, sys.version_info[:2]))


def located(folder):
    return LocatedModel(folder, FolderReference(folder))


def test_mlserve_in_an_image_runs_by_itself_and_is_told_which_it_is(tmp_path):
    tree = Workshop(TreeCache(tmp_path), print).app(PYTHON)
    code = (
        "import importlib.metadata, mlserve.serve.launch, mlserve.runtimes.flavors, sys; "
        "print(importlib.metadata.version('mlserve'), mlserve.__file__)"
    )
    run = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={"PYTHONPATH": str(tree)},
        capture_output=True,
        check=True,
        text=True,
        cwd="/",
    )
    assert run.stdout.split() == ["0.1.0", str(tree / "mlserve" / "__init__.py")]
    assert not (tree / "mlserve" / "store").exists()
    assert not (tree / "mlserve" / "builder").exists()


def test_the_same_modules_give_the_same_bytecode_that_python_takes_unchecked(tmp_path):
    source = "def f(x):\n    return x in {'a', 'b', 'c'}, 'some text', 'some text'\n"
    contents = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        (folder / "module.py").write_text(source)
        (folder / "template.py").write_text("{{ no python }}")
        compile_folder(folder, "/opt/x")
        (file,) = folder.glob("__pycache__/*.pyc")
        contents.append(file.read_bytes())
    assert contents[0] == contents[1]
    header, code = contents[0][:16], marshal.loads(contents[0][16:])
    assert header[:4] == importlib.util.MAGIC_NUMBER
    assert header[4:8] == b"\1\0\0\0"
    assert code.co_filename == "/opt/x/module.py"


def test_another_release_of_python_has_other_bytecode():
    assert is_compilable(PYTHON)
    assert not is_compilable("3.99")


def test_a_folder_is_copied_whole_with_the_digest_of_what_was_copied(tmp_path):
    model = tmp_path / "model"
    (model / "data").mkdir(parents=True)
    (model / "MLmodel").write_text("flavors: {}")
    (model / "data" / "x.bin").write_bytes(b"12")
    (model / "linked.bin").symlink_to("data/x.bin")
    manifest = stage_model(located(model), tmp_path / "copy")
    assert set(manifest.files) == {"MLmodel", "data/x.bin", "linked.bin"}
    assert (tmp_path / "copy" / "linked.bin").read_bytes() == b"12"
    assert not (tmp_path / "copy" / "linked.bin").is_symlink()
    assert manifest.digest == stage_model(located(model), tmp_path / "again").digest


@pytest.mark.parametrize("target", ["../secret", "data"])
def test_a_link_out_of_the_model_or_to_a_folder_is_refused(tmp_path, target):
    model = tmp_path / "model"
    (model / "data").mkdir(parents=True)
    (tmp_path / "secret").write_text("key")
    (model / "link").symlink_to(target)
    with pytest.raises(InvalidModel, match="cp -rL"):
        stage_model(located(model), tmp_path / "copy")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    os.mkfifo(model / "pipe")
    with pytest.raises(InvalidModel, match="neither a file nor a folder"):
        stage_model(located(model), tmp_path / "copy")


def test_a_tree_is_made_once_and_one_that_failed_is_not_there(tmp_path):
    cache, made = TreeCache(tmp_path / "trees"), []

    def make(folder):
        made.append(folder)
        (folder / "file").touch()

    def fail(folder):
        (folder / "half").touch()
        raise ValueError("half")

    assert cache.get("a", make) == cache.get("a", make)
    assert len(made) == 1
    with pytest.raises(ValueError, match="half"):
        cache.get("b", fail)
    assert [tree.name for tree in (tmp_path / "trees").iterdir()] == ["a"]


def test_a_tree_that_nobody_used_for_long_makes_room(tmp_path):
    cache = TreeCache(tmp_path)
    old = cache.get("old", lambda _: None)
    long_ago = old.stat().st_mtime - KEPT_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    cache.get("new", lambda _: None)
    assert [tree.name for tree in tmp_path.iterdir()] == ["new"]
