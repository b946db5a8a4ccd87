"""Images that are made without an engine, looked at with the tools of others."""

from __future__ import annotations

import json
import os
import random
import resource
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlserve.builder.assembling import OciEngine, OciOptions
from mlserve.builder.errors import DigestMismatch, OutputExists, OutputFailed, UnusableBase

from .images_made_here import (
    AMD64,
    ARM64,
    OF_PYTHON,
    PYTHON_FILES,
    run,
    stage_on,
    write_layout,
    write_trees,
)

LARGE = random.Random(7).randbytes(300_000)
TAGS = ("churn:7", "registry.example/team/churn:7")


def quiet(line: str) -> None:
    """Take a line of progress."""


@pytest.fixture
def base(tmp_path) -> str:
    return f"oci:{write_layout(tmp_path / 'base')}:3.11"


@pytest.fixture
def trees(tmp_path) -> Path:
    return write_trees(tmp_path / "trees")


def build(output: Path, base: str, trees: Path, **options):
    engine = OciEngine(OciOptions(output=output, **options))
    try:
        return engine.build([stage_on(base, trees)], TAGS, quiet)
    finally:
        engine.close()


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond ``size``, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_an_image_says_what_its_plan_says_and_keeps_what_the_base_said(tmp_path, base, trees):
    build(tmp_path / "image", base, trees)
    config = json.loads(run("skopeo", "inspect", "--config", "--raw", f"oci:{tmp_path}/image:7"))
    assert config["config"] == {
        "Cmd": ["serve"],
        "Entrypoint": ["python3", "-m", "mlserve.serve.container"],
        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C", "PYTHONSAFEPATH=1"],
        "ExposedPorts": {"8080/tcp": {}},
        "Healthcheck": {"Test": ["CMD", "python3", "-c", "pass"]},
        "Labels": {
            "of": "the base",
            "ml.mlserve.model.name": "churn",
            "org.opencontainers.image.title": "churn",
        },
        "StopSignal": "SIGTERM",
        "User": "10001:10001",
        "WorkingDir": "/tmp",
    }
    assert config["an.unknown.key"] == {"kept": True}
    assert "container_config" not in config
    assert config["created"] == "1970-01-01T00:00:00Z"
    assert len(config["history"]) == len(config["rootfs"]["diff_ids"]) == 4


def test_umoci_unpacks_an_image_to_the_trees_that_it_was_made_of(tmp_path, base, trees):
    build(tmp_path / "image", base, trees)
    run("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/image:7", tmp_path / "unpacked")
    root = tmp_path / "unpacked" / "rootfs"
    assert files_of(root / "opt/mlserve/site") == files_of(trees / "requirements")
    assert files_of(root / "opt/ml/model") == {"MLmodel": b"a model"}
    assert (root / "opt/mlserve/site/link.py").readlink() == Path("numpy/__init__.py")
    assert (root / "usr/local/bin/python3.11").exists()


def test_two_builds_of_the_same_are_the_same_byte_for_byte(tmp_path, base, trees):
    again = write_trees(tmp_path / "again")
    for file in again.rglob("*"):
        os.utime(file, (1, 1), follow_symlinks=False)
        if not file.is_symlink():
            file.chmod(0o777 if file.is_dir() or file.name == "tool" else 0o600)
    first = build(tmp_path / "a", base, trees)
    elsewhere = f"oci:{write_layout(tmp_path / 'elsewhere')}"
    assert build(tmp_path / "b", elsewhere, again).digest == first.digest
    build(tmp_path / "a.tar", base, trees)
    build(tmp_path / "b.tar", elsewhere, again, cache=tmp_path / "cache")
    build(tmp_path / "c.tar", base, trees, cache=tmp_path / "cache")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    tars = {(tmp_path / name).read_bytes() for name in ("a.tar", "b.tar", "c.tar")}
    assert len(tars) == 1


def test_a_layer_holds_nothing_of_who_made_it_and_when(tmp_path, base, trees):
    build(tmp_path / "image", base, trees, created=86_400)
    manifest = json.loads(run("skopeo", "inspect", "--raw", f"oci:{tmp_path}/image:7"))
    blob = tmp_path / "image/blobs" / manifest["layers"][1]["digest"].replace(":", "/")
    with tarfile.open(blob) as layer:
        entries = layer.getmembers()
    assert {(e.uid, e.gid, e.uname, e.gname, e.mtime) for e in entries} == {(0, 0, "", "", 86_400)}
    assert {e.mode for e in entries if not e.issym()} == {0o644, 0o755}
    names = [e.name for e in entries]
    assert names[:3] == ["opt", "opt/mlserve", "opt/mlserve/site"]


def test_a_tar_is_read_as_a_layout_and_as_docker_saves_images(tmp_path, base, trees):
    built = build(tmp_path / "image.tar", base, trees)
    copied = f"docker-archive:{tmp_path}/image.tar:churn:7"
    assert (
        json.loads(run("skopeo", "inspect", copied))["Labels"]["ml.mlserve.model.name"] == "churn"
    )
    archived = f"oci-archive:{tmp_path}/image.tar:7"
    assert json.loads(run("skopeo", "inspect", archived))["Digest"] == built.digest


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive"])
def test_a_base_may_be_a_layout_or_a_tar_of_either_kind(tmp_path, base, trees, form):
    suffix = "" if form == "oci" else ".tar"
    tag = ":python:3.11" if form == "docker-archive" else ":3.11"
    copied = f"{form}:{tmp_path}/copied{suffix}"
    run("skopeo", "copy", "--insecure-policy", base, copied + tag)
    build(tmp_path / "image", copied, trees)
    run("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/image:7", tmp_path / "unpacked")
    assert (tmp_path / "unpacked/rootfs/usr/local/bin/python3.11").exists()


def test_several_platforms_become_an_index_whose_layers_are_kept_once(tmp_path, trees):
    base = f"oci:{write_layout(tmp_path / 'base', (AMD64, ARM64))}"
    engine = OciEngine(OciOptions(output=tmp_path / "image"))
    stages = [stage_on(base, trees, platform) for platform in (AMD64, ARM64)]
    engine.build(stages, TAGS, quiet)
    engine.close()
    for architecture in ("amd64", "arm64"):
        chosen = run(
            "skopeo", f"--override-arch={architecture}", "inspect", f"oci:{tmp_path}/image:7"
        )
        assert json.loads(chosen)["Architecture"] == architecture
    index = json.loads(run("skopeo", "inspect", "--raw", f"oci:{tmp_path}/image:7"))
    assert [m["platform"].get("variant") for m in index["manifests"]] == [None, "v8"]
    # A base layer and a configuration each, three shared layers, two manifests and the index.
    assert len(list((tmp_path / "image/blobs/sha256").iterdir())) == 10


@pytest.mark.parametrize("name", ["image", "image.tar"])
def test_what_is_there_already_is_not_written_over(tmp_path, base, trees, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputExists, match="exists already"):
        build(tmp_path / name, base, trees)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["image", "image.tar"])
def test_a_base_that_is_damaged_leaves_nothing_half_written(tmp_path, trees, name):
    base = write_layout(tmp_path / "base", config=OF_PYTHON)
    blobs = {file: file.read_bytes() for file in (base / "blobs/sha256").iterdir()}
    layer = next(file for file, content in blobs.items() if content.startswith(b"\x1f\x8b"))
    layer.write_bytes(blobs[layer][:-1] + b"x")
    with pytest.raises(DigestMismatch, match="damaged on its way"):
        build(tmp_path / "out" / name, f"oci:{base}", trees)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("cache", [None, "cache"])
def test_a_disk_that_is_full_of_layers_is_told(tmp_path, base, cache):
    trees = write_trees(tmp_path / "trees", model=LARGE)
    (trees / "requirements" / "large").write_bytes(LARGE)
    kept = tmp_path / cache if cache else None
    with file_limit(200_000), pytest.raises(OutputFailed, match="could not be written: File too"):
        build(tmp_path / "out" / "image", base, trees, cache=kept)
    assert not (tmp_path / "out").exists()
    assert not kept or list((kept / "layers").iterdir()) == []


@pytest.mark.parametrize("name", ["image", "image.tar"])
def test_a_full_disk_is_told_and_leaves_nothing_half_written(tmp_path, trees, name):
    files = PYTHON_FILES | {"usr/lib/large": LARGE}
    base = write_layout(tmp_path / "base", files=files, config=OF_PYTHON)
    expected = "could not be written: File too large; nothing"
    with file_limit(200_000), pytest.raises(OutputFailed, match=expected):
        build(tmp_path / "out" / name, f"oci:{base}", trees)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_build_that_is_interrupted_leaves_nothing(tmp_path, base, trees, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    def interrupt(line: str) -> None:
        if line.startswith("layer model"):
            raise KeyboardInterrupt

    engine = OciEngine(OciOptions(output=tmp_path / "out" / "image"))
    with pytest.raises(KeyboardInterrupt):
        engine.build([stage_on(base, trees)], TAGS, interrupt)
    assert not (tmp_path / "out").exists()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_base_for_another_platform_is_refused_with_what_it_has(tmp_path, trees):
    base = f"oci:{write_layout(tmp_path / 'base', (ARM64,))}"
    with pytest.raises(UnusableBase, match="found an image for linux/arm64/v8, expected one for"):
        build(tmp_path / "image", base, trees)
