"""A model's code folder: what of it can be imported, by whom and for how long."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlserve.runtimes.errors import InvalidModel
from mlserve.runtimes.modelcode import RESERVED, ModelCode, install_code, modules_in

Install = Callable[[Path], ModelCode]


@pytest.fixture
def install() -> Iterator[Install]:
    installed: list[ModelCode] = []

    def keep(folder: Path) -> ModelCode:
        installed.append(install_code(folder))
        return installed[-1]

    yield keep
    for code in installed:
        code.remove()


def write(folder: Path, *names: str, text: str = "") -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def canonical(distribution: str) -> str:
    return re.sub("[-_.]+", "-", distribution).lower()


def test_modules_packages_and_plain_folders_can_be_imported(tmp_path: Path, install: Install):
    install(write(tmp_path, "codeone.py", "codetwo/__init__.py", "codethree/part.py"))
    for name in ("codeone", "codetwo", "codethree.part"):
        importlib.import_module(name)
    assert modules_in(tmp_path) == {"codeone", "codetwo", "codethree", "codethree.part"}


def test_a_module_can_be_imported_later_while_the_model_is_in_use(tmp_path: Path, install: Install):
    install(write(tmp_path, "codelater/__init__.py", "codelater/lazy.py"))
    importlib.import_module("codelater")
    assert importlib.import_module("codelater.lazy").__file__ == str(tmp_path / "codelater/lazy.py")


def test_nothing_lands_on_the_import_path(tmp_path: Path, install: Install):
    before = list(sys.path)
    install(write(tmp_path, "codepath.py"))
    importlib.import_module("codepath")
    assert sys.path == before


def test_the_standard_librarys_our_own_and_our_dependencies_names_are_not_served(
    tmp_path: Path, install: Install, caplog: pytest.LogCaptureFixture
):
    names = ("colorsys", "mlserve", "yaml", "numpy")
    with caplog.at_level(logging.WARNING):
        code = install(write(tmp_path, *(f"{name}.py" for name in names)))
    assert not code.names
    assert importlib.import_module("colorsys").__file__ != str(tmp_path / "colorsys.py")
    assert all(name in caplog.text for name in names)


def test_the_modules_of_every_core_dependency_are_reserved():
    required = importlib.metadata.requires("mlserve") or []
    names = (re.split(r"[^\w.-]", line)[0] for line in required if "extra ==" not in line)
    core = {canonical(name) for name in names}
    modules = {
        module
        for module, owners in importlib.metadata.packages_distributions().items()
        if core & set(map(canonical, owners)) and module.isidentifier() and module[0] != "_"
    }
    assert modules >= {"numpy", "yaml", "prometheus_client"}
    assert modules <= RESERVED


def test_a_name_that_is_imported_from_elsewhere_is_refused(tmp_path: Path, install: Install):
    install(write(tmp_path / "one", "codeshared.py"))
    importlib.import_module("codeshared")
    with pytest.raises(InvalidModel, match=f"imported from {tmp_path / 'one'}"):
        install(write(tmp_path / "two", "codeshared.py"))
    assert not any(
        isinstance(finder, ModelCode) and finder.folder == tmp_path / "two"
        for finder in sys.meta_path
    )


def test_a_plain_folder_gives_way_to_a_real_package(tmp_path: Path, install: Install):
    install(write(tmp_path, "hypothesis/notes.txt"))
    assert str(tmp_path) not in str(importlib.util.find_spec("hypothesis"))


def test_removing_the_code_forgets_its_modules(tmp_path: Path, install: Install):
    code = install(write(tmp_path, "coderemoved.py"))
    importlib.import_module("coderemoved")
    code.remove()
    assert "coderemoved" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("coderemoved")


def test_a_changed_model_gets_its_new_code(tmp_path: Path, install: Install):
    for version in (1, 22):
        code = install(write(tmp_path, "codechanged.py", text=f"VERSION = {version}"))
        assert version == importlib.import_module("codechanged").VERSION
        code.remove()


def test_code_that_two_models_share_stays_until_both_are_gone(tmp_path: Path, install: Install):
    first, second = (install(write(tmp_path, "codeboth.py")) for _ in range(2))
    importlib.import_module("codeboth")
    first.remove()
    assert "codeboth" in sys.modules
    second.remove()
    assert "codeboth" not in sys.modules


def test_a_code_path_that_is_a_file_is_refused(tmp_path: Path, install: Install):
    write(tmp_path, "code.py")
    with pytest.raises(InvalidModel, match="folder"):
        install(tmp_path / "code.py")
