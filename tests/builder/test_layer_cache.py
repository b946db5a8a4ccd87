"""Layers that are packed once: found again when nothing changed, and never when something did."""

from __future__ import annotations

import os
import shutil

import pytest
from mlserve.builder.kept_files import KEPT_SECONDS, KeptFiles
from mlserve.builder.layer_cache import LayerCache, fingerprint
from mlserve.builder.layers import Tree, pack_layer

from .images_made_here import write_trees


@pytest.fixture
def tree(tmp_path) -> Tree:
    return Tree(write_trees(tmp_path / "trees") / "requirements", "/opt/mlserve/site")


@pytest.fixture
def files(tmp_path) -> KeptFiles:
    return KeptFiles(tmp_path / "cache")


def test_a_cached_layer_is_the_one_that_would_be_packed(tmp_path, tree, files):
    cached = LayerCache(files).pack(tree)
    packed = pack_layer(tree, tmp_path / "packed")
    assert (cached.descriptor, cached.diff_id) == (packed.descriptor, packed.diff_id)
    assert cached.file.read_bytes() == packed.file.read_bytes()
    assert LayerCache(files).pack(tree) == cached


def test_the_same_files_elsewhere_are_the_same_layer(tmp_path, tree, files):
    shutil.copytree(tree.folder, tmp_path / "copy", symlinks=True)
    copy = Tree(tmp_path / "copy", tree.target)
    assert fingerprint(copy) != fingerprint(tree)
    assert LayerCache(files).pack(copy) == LayerCache(files).pack(tree)


def test_a_change_that_keeps_size_and_time_is_another_layer(tree, files):
    before = LayerCache(files).pack(tree)
    file = tree.folder / "numpy" / "__init__.py"
    status = file.stat()
    file.write_bytes(b"version = 2\n")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == status.st_size
    assert LayerCache(files).pack(tree).diff_id != before.diff_id


@pytest.mark.parametrize("change", ["mode", "name", "removed", "link"])
def test_any_other_change_is_another_layer(tree, files, change):
    before = LayerCache(files).pack(tree)
    match change:
        case "mode":
            (tree.folder / "bin" / "tool").chmod(0o600)
        case "name":
            (tree.folder / "bin" / "tool").rename(tree.folder / "bin" / "other")
        case "removed":
            (tree.folder / "bin" / "tool").unlink()
        case "link":
            (tree.folder / "link.py").unlink()
            (tree.folder / "link.py").symlink_to("numpy")
    assert LayerCache(files).pack(tree).diff_id != before.diff_id


def test_a_tree_for_another_place_or_time_is_another_layer(tree, files):
    trees = [tree, Tree(tree.folder, "/opt/other"), Tree(tree.folder, tree.target, 1)]
    assert len({LayerCache(files).pack(one).diff_id for one in trees}) == 3


def test_a_layer_that_was_removed_is_packed_again(tree, files):
    before = LayerCache(files).pack(tree)
    before.file.unlink()
    assert LayerCache(files).pack(tree) == before


def test_what_fails_half_way_is_not_kept(tree, files):
    os.mkfifo(tree.folder / "pipe")
    with pytest.raises(Exception, match="a device, socket or pipe"):
        LayerCache(files).pack(tree)
    assert not files.folder.exists() or not list(files.folder.iterdir())


def test_what_no_build_used_for_long_goes(tree, files):
    old = files.folder / "old"
    files.folder.mkdir()
    old.write_bytes(b"")
    os.utime(old, (0, old.stat().st_mtime - KEPT_SECONDS - 1))
    layer = LayerCache(files).pack(tree)
    assert layer.file.exists()
    assert not old.exists()
