"""Tars that hold images, from whoever wrote them, and tars that hold none."""

from __future__ import annotations

import gzip
import json
import os
import socket

import pytest
from mlserve.builder.archives import Archive
from mlserve.builder.base_images import open_base
from mlserve.builder.errors import BuildError, ImageNotFound, InvalidImage, UnusableBase
from mlserve.builder.layers import Tree, diff_id_of, pack_layer
from mlserve.builder.layouts import Layout
from mlserve.builder.registry_access import RegistryAccess

from .images_made_here import AMD64, PYTHON_FILES, base_config, digest, tar_of, write_layout

LAYER = tar_of(PYTHON_FILES)
OTHER = gzip.compress(tar_of({"other": b"1"}), mtime=0)
CONFIG = base_config([digest(LAYER), digest(gzip.decompress(OTHER))])


def saved(**changed: object) -> dict[str, bytes | str | None]:
    """What `docker save` of old writes: a layer that was saved before is a link."""
    entry = {
        "Config": "c.json",
        "RepoTags": ["python:3.11", "py:1"],
        "Layers": ["a/l.tar", "b/l.tar"],
    }
    return {
        "c.json": CONFIG,
        "first/l.tar": LAYER,
        "a/l.tar": "../first/l.tar",
        "b/l.tar": OTHER,
        "manifest.json": json.dumps([entry | changed]).encode(),
    }


def blobs_of(base: str) -> list[bytes]:
    opened = open_base(base, RegistryAccess())
    contents = []
    for blob in opened.for_platform(AMD64).blobs:
        with blob.open() as stream:
            contents.append(stream.read())
    opened.close()
    return contents


@pytest.mark.parametrize("is_gzipped", [False, True])
@pytest.mark.parametrize("tag", ["", ":python:3.11", ":py:1"])
def test_what_docker_saved_is_read_with_its_links_and_its_compressed_layers(
    tmp_path, is_gzipped, tag
):
    content = tar_of(saved())
    file = tmp_path / "saved.tar"
    file.write_bytes(gzip.compress(content) if is_gzipped else content)
    assert blobs_of(f"docker-archive:{file}{tag}") == [LAYER, OTHER]


def test_a_tar_of_several_images_wants_a_tag(tmp_path):
    files = saved()
    [entry] = json.loads(files["manifest.json"])
    other = {"Config": "d.json", "RepoTags": ["d:1"], "Layers": ["b/l.tar"]}
    files["d.json"] = base_config([digest(gzip.decompress(OTHER))])
    files["manifest.json"] = json.dumps([entry, other]).encode()
    (tmp_path / "saved.tar").write_bytes(tar_of(files))
    with pytest.raises(UnusableBase, match=r"several; it holds d:1, py:1, python:3\.11"):
        blobs_of(f"{tmp_path}/saved.tar")
    assert blobs_of(f"{tmp_path}/saved.tar:d:1") == [OTHER]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "a tar of an image"),
        (b"no tar at all" * 100, "a tar of an image"),
        (gzip.compress(b"nor this"), "a tar of an image"),
        (gzip.compress(tar_of(saved()))[:200], "a tar of an image"),
        (tar_of({"etc/passwd": b""}), "no manifest.json"),
        (tar_of({"oci-layout": b"{}"}), "no index.json"),
        (tar_of({"oci-layout": b"{}", "index.json": b"[]"}), "index.json"),
        (tar_of(saved() | {"manifest.json": b"{}"}), "manifest.json"),
        (tar_of(saved(Layers=["nowhere"])), "no layer nowhere"),
        (tar_of(saved(Layers=["../../etc/passwd"])), "no layer"),
        (tar_of(saved(Config="nowhere")), "no nowhere"),
        (tar_of(saved() | {"c.json": b"{}"}), "the configuration"),
        (tar_of(saved(Layers=["b/l.tar"])), "1 layers, expected the 2"),
    ],
)
def test_a_file_that_holds_no_image_is_refused(tmp_path, content, found):
    (tmp_path / "base.tar").write_bytes(content)
    with pytest.raises(BuildError, match=found):
        blobs_of(f"{tmp_path}/base.tar")


@pytest.mark.parametrize(
    ("base", "found"),
    [
        ("oci:nowhere", "nothing there"),
        ("./nowhere", "nothing there"),
        ("{folder}", "a folder without the file oci-layout"),
        ("Not/A:Name:", "names no image"),
    ],
)
def test_a_base_that_is_not_there_is_told(tmp_path, base, found):
    with pytest.raises(UnusableBase, match=found):
        open_base(base.format(folder=tmp_path), RegistryAccess())


def test_a_layout_that_lacks_what_it_names_is_refused(tmp_path):
    layout = write_layout(tmp_path / "base")
    for blob in (layout / "blobs/sha256").iterdir():
        blob.unlink()
    with pytest.raises(InvalidImage, match="found no blob sha256:"):
        blobs_of(f"oci:{layout}")
    with pytest.raises(ImageNotFound, match=r"has no image 4; it holds 3\.11, sha256:"):
        Layout(layout).resolve("4")


def test_an_archive_of_a_layout_is_read_by_tag_and_by_digest(tmp_path):
    layout = write_layout(tmp_path / "base")
    files = {
        str(file.relative_to(layout)): file.read_bytes()
        for file in layout.rglob("*")
        if file.is_file()
    }
    (tmp_path / "base.tar").write_bytes(tar_of(files))
    archive = Archive(tmp_path / "base.tar")
    assert archive.resolve("3.11") == archive.resolve(archive.resolve("").digest)
    assert blobs_of(f"oci-archive:{tmp_path}/base.tar:3.11") == blobs_of(f"oci:{layout}")


def test_a_tree_with_a_socket_or_a_pipe_makes_no_layer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidImage, match="pipe: found a device, socket or pipe"):
        diff_id_of(Tree(tmp_path, "/opt"))
    (tmp_path / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        with pytest.raises(InvalidImage, match="s: found a device"):
            diff_id_of(Tree(tmp_path, "/opt"))


def test_a_layer_that_is_not_compressed_is_its_own_diff(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(b"content")
    tree = Tree(tmp_path / "tree", "/opt/ml/model")
    plain = pack_layer(tree, tmp_path / "plain", is_compressed=False)
    packed = pack_layer(tree, tmp_path / "packed")
    assert plain.descriptor.digest == plain.diff_id == packed.diff_id == diff_id_of(tree)
    assert gzip.decompress(packed.file.read_bytes()) == plain.file.read_bytes()
