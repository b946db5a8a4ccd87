"""What an image installs: chosen from the model's files and the flavor that is served."""

from __future__ import annotations

import re

import pytest
from mlserve.builder.errors import UnresolvedRequirements
from mlserve.builder.locks import keep_hashes
from mlserve.builder.plan import Platform
from mlserve.builder.requirements import Requirements, choose_python, choose_requirements
from mlserve.builder.wheels import Target, explain, install, resolve
from mlserve.runtimes.errors import InvalidModel
from mlserve.runtimes.modelspec import ModelSpec

from .wheels_made_here import INFO, write_wheel

SKLEARN = ModelSpec({"sklearn": {"serialization_format": "cloudpickle"}, "python_function": {}})
ONNX = ModelSpec({"onnx": {}, "python_function": {}})
PYTHON = ModelSpec({"python_function": {}})
AMD64 = Target(Platform(), "3.11")


def names_of(requirements):
    return {re.match(r"[\w.-]+", line)[0] for line in requirements.lines}


def test_an_onnx_model_brings_nothing_of_what_it_lists(tmp_path):
    (tmp_path / "requirements.txt").write_text("mlflow==3.1\nscikit-learn==1.5.2\npandas\n")
    names = names_of(choose_requirements(tmp_path, ONNX, "onnx"))
    assert {"onnxruntime", "starlette", "numpy"} <= names
    assert not names & {"scikit-learn", "pandas", "mlflow", "skops"}


def test_a_scikit_learn_model_brings_its_list_without_mlflow(tmp_path):
    (tmp_path / "requirements.txt").write_text(
        "mlflow==3.1\nMLflow_Skinny\nmlserve==9\nscikit-learn==1.5.2  # as trained\n\n# no more\n"
    )
    chosen = choose_requirements(tmp_path, SKLEARN, "sklearn")
    assert "scikit-learn==1.5.2" in chosen.lines
    assert {"pandas", "cloudpickle"} <= names_of(chosen)
    assert not names_of(chosen) & {"mlflow", "MLflow_Skinny", "mlserve", "onnxruntime", "skops"}


def test_a_model_of_mlflow_1_is_read_from_its_conda_file(tmp_path):
    (tmp_path / "conda.yaml").write_text(
        "dependencies:\n- python=3.8\n- pip\n- pip:\n  - mlflow\n  - six==1.17.0\n"
    )
    assert "six==1.17.0" in choose_requirements(tmp_path, PYTHON, "python_function").lines


def test_a_lock_goes_before_the_list(tmp_path):
    (tmp_path / "requirements.txt").write_text("six==1.16.0\n")
    (tmp_path / "requirements.lock").write_text("six==1.17.0 \\\n    --hash=sha256:12\n")
    chosen = choose_requirements(tmp_path, PYTHON, "python_function")
    assert "six==1.17.0" in chosen.lines
    assert "six==1.16.0" not in chosen.lines
    assert chosen.hashes == {"six": ("sha256:12",)}


def test_what_a_list_says_of_indexes_is_left_out_and_told_without_its_secret(tmp_path):
    (tmp_path / "requirements.txt").write_text(
        "--extra-index-url=https://ann:secret@index.example/simple\n"
        "--find-links https://index.example\n-r more.txt\n-c bounds.txt\n"
    )
    (tmp_path / "more.txt").write_text("six\n-r requirements.txt\n")
    chosen = choose_requirements(tmp_path, PYTHON, "python_function")
    assert chosen.ignored == ("--extra-index-url", "--find-links")
    assert {"six", "-c bounds.txt"} <= set(chosen.lines)


def test_a_list_that_leads_out_of_the_model_is_refused(tmp_path):
    (tmp_path / "requirements.txt").write_text("-r ../../etc/passwd\n")
    with pytest.raises(InvalidModel, match="not inside the folder"):
        choose_requirements(tmp_path, PYTHON, "python_function")


@pytest.mark.parametrize(
    ("said", "python"),
    [("3.12.4", "3.12"), ("3.8.1", "3.11"), ("[", "3.11"), ("2.7", "3.11"), ("3.13", "3.13")],
)
def test_the_python_is_that_of_the_model_but_no_older_than_ours(tmp_path, said, python):
    (tmp_path / "python_env.yaml").write_text(f"python: '{said}'\n")
    assert choose_python(tmp_path, "3.11") == python


def test_a_lock_has_hashes_and_neither_index_nor_machine(tmp_path):
    lock = resolve(Requirements(tmp_path, ("six",)), AMD64, {"six": "1.16.0"})
    assert lock.startswith("six==1.16.0 \\\n    --hash=sha256:")
    assert "://" not in lock
    assert str(tmp_path) not in lock


def test_a_requirement_without_a_release_is_named_with_the_platform(tmp_path):
    arm64 = Target(Platform("linux", "arm64"), "3.11")
    with pytest.raises(UnresolvedRequirements) as raised:
        resolve(Requirements(tmp_path, ("six==99.9",)), arm64, {})
    assert str(raised.value).startswith("six cannot be had for linux/arm64 with Python 3.11: ")


def test_with_a_folder_of_wheels_no_index_is_asked(tmp_path):
    (tmp_path / "wheels").mkdir()
    with pytest.raises(UnresolvedRequirements, match="six was not found in the provided package"):
        resolve(
            Requirements(tmp_path, ("six",)), Target(Platform(), "3.11", tmp_path / "wheels"), {}
        )


def test_a_password_in_what_uv_says_is_not_repeated():
    error = explain("error: failed to fetch https://ann:secret@index.example/six/", "linux/amd64")
    assert "secret" not in str(error)


def test_what_was_locked_goes_before_what_the_index_says_today():
    lock = "a==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\nb-c==2 \\\n    --hash=sha256:3\n"
    assert keep_hashes(lock, {"b-c": ("sha256:9",)}) == lock.replace("sha256:3", "sha256:9")
    assert keep_hashes(lock, {}) == lock


def test_what_is_installed_tells_nothing_of_this_machine(tmp_path):
    target = Target(Platform(), "3.11", write_wheel(tmp_path / "wheels").parent)
    lock = tmp_path / "lock"
    lock.write_text(resolve(Requirements(tmp_path, ("secret-sauce",)), target, {}))
    install(lock, tmp_path / "site", target, tmp_path)
    files = {x.relative_to(tmp_path / "site").as_posix() for x in (tmp_path / "site").rglob("*")}
    assert "secret_sauce.py" in files
    assert not files & {"bin/sauce", ".lock", f"{INFO}/direct_url.json", f"{INFO}/uv_cache.json"}
    for name in files - {INFO}:
        assert str(tmp_path).encode() not in (tmp_path / "site" / name).read_bytes()


def test_a_file_that_is_not_the_one_that_was_locked_is_refused(tmp_path):
    target = Target(Platform(), "3.11", write_wheel(tmp_path / "wheels").parent)
    lock = tmp_path / "lock"
    lock.write_text(f"secret-sauce==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(UnresolvedRequirements, match=r"(?i)secret.sauce.*hash mismatch"):
        install(lock, tmp_path / "site", target, tmp_path)
