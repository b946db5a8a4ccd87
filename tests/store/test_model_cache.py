"""The cache of models: verified, shared among processes, limited, and never half there."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from mlserve.store.artifact_storage import open_artifacts
from mlserve.store.errors import CorruptArtifact, InvalidParameter, NotFound, StoreUnavailable
from mlserve.store.manifest import FileDigest, Manifest, make_manifest, verify, write_manifest
from mlserve.store.model_cache import ModelCache

from .artifacts_contract import LARGE
from .s3_server import bucket, client, s3_environment

__all__ = ["bucket", "s3_environment"]

MODEL = {"MLmodel": b"flavors: {}\n", "data/model.bin": LARGE, "empty": b""}
PROCESS = Path(__file__).with_name("cache_process.py")
PLENTY = 1 << 30


def put(artifacts, files=MODEL):
    for path, content in files.items():
        artifacts.write(path, io.BytesIO(content))
    return make_manifest(artifacts)


def contents(folder: Path) -> dict[str, bytes]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def kept(cache_folder: Path) -> set[str]:
    return {folder.name for folder in (cache_folder / "models").iterdir()}


def incoming(cache_folder: Path) -> list[Path]:
    return list((cache_folder / "incoming").iterdir())


@pytest.fixture
def cache(tmp_path):
    cache = ModelCache(tmp_path / "cache", PLENTY)
    yield cache
    cache.close()


@pytest.fixture(params=["folder", "s3"])
def artifacts(request, tmp_path):
    if request.param == "folder":
        return open_artifacts(str(tmp_path / "artifacts"))
    return open_artifacts(f"s3://{request.getfixturevalue('bucket')}/model")


def test_a_model_is_downloaded_whole_and_kept_under_its_digest(cache, artifacts, tmp_path):
    manifest = put(artifacts)
    folder = cache.get(manifest, artifacts)
    assert folder == tmp_path / "cache" / "models" / manifest.digest
    assert contents(folder) == MODEL
    assert incoming(tmp_path / "cache") == []


def test_a_model_that_is_there_is_not_downloaded_again(cache, artifacts):
    manifest = put(artifacts)
    folder = cache.get(manifest, artifacts)
    artifacts.delete("")
    assert cache.get(manifest, artifacts) == folder


@pytest.mark.parametrize("at", [0, len(LARGE) // 2, len(LARGE) - 1])
def test_a_changed_byte_is_refused_and_nothing_is_kept(cache, artifacts, tmp_path, at):
    manifest = put(artifacts)
    changed = bytearray(LARGE)
    changed[at] ^= 1
    artifacts.write("data/model.bin", io.BytesIO(changed))
    with pytest.raises(
        CorruptArtifact, match=r"data/model.bin: found SHA-256 .*, expected SHA-256"
    ):
        cache.get(manifest, artifacts)
    assert kept(tmp_path / "cache") == set()
    assert incoming(tmp_path / "cache") == []
    with pytest.raises(CorruptArtifact):
        verify(manifest, artifacts)


def test_a_missing_file_is_refused(cache, artifacts, tmp_path):
    manifest = put(artifacts)
    artifacts.delete("empty")
    for check in (cache.get, verify):
        with pytest.raises(CorruptArtifact, match="empty: found no file"):
            check(manifest, artifacts)
    assert kept(tmp_path / "cache") == set()


def test_a_file_that_was_added_is_refused(cache, artifacts, tmp_path):
    manifest = put(artifacts)
    artifacts.write("data/more", io.BytesIO(b""))
    for check in (cache.get, verify):
        with pytest.raises(CorruptArtifact, match="data/more: found a file, expected none"):
            check(manifest, artifacts)
    assert kept(tmp_path / "cache") == set()


def test_what_was_registered_is_verified(artifacts):
    verify(put(artifacts), artifacts)


def test_a_model_without_a_manifest_is_kept_under_the_digest_of_what_came(cache, artifacts):
    expected = put(artifacts)
    folder, manifest = cache.download("s3://somewhere", artifacts)
    assert manifest == expected
    assert contents(folder) == MODEL
    assert cache.get(manifest, artifacts) == folder


def test_a_model_without_a_manifest_is_looked_at_anew_each_time(cache, artifacts):
    put(artifacts)
    first, _ = cache.download("s3://somewhere", artifacts)
    artifacts.write("MLmodel", io.BytesIO(b"flavors: {a: {}}\n"))
    second, _ = cache.download("s3://somewhere", artifacts)
    assert (contents(first)["MLmodel"], contents(second)["MLmodel"]) == (
        b"flavors: {}\n",
        b"flavors: {a: {}}\n",
    )


def test_a_folder_without_files_is_not_found(cache, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(NotFound):
        cache.download("empty", open_artifacts(str(empty)))
    with pytest.raises(NotFound):
        cache.get(Manifest({}), open_artifacts(str(empty)))


class HostileArtifacts:
    """What a server may answer that is not ours: a list with a path that leads elsewhere."""

    def __init__(self, artifacts, path) -> None:
        self._artifacts, self._path = artifacts, path

    def walk(self, path=""):
        for file in self._artifacts.walk(path):
            yield type(file)(self._path, False, file.file_size)

    def read(self, _):
        return self._artifacts.read("MLmodel")


@pytest.mark.parametrize("path", ["../../../x", "/tmp/x", "a/../../x", "..%2fx", "a\0b"])
def test_a_path_out_of_the_folder_is_refused(cache, tmp_path, path):
    artifacts = open_artifacts(str(tmp_path / "artifacts"))
    put(artifacts, {"MLmodel": b""})
    before = set(tmp_path.rglob("*"))
    with pytest.raises(InvalidParameter, match="Invalid path"):
        cache.download("x", HostileArtifacts(artifacts, path))
    manifest = Manifest({path: FileDigest("0" * 64, 0)})
    with pytest.raises((InvalidParameter, CorruptArtifact)):
        cache.get(manifest, HostileArtifacts(artifacts, path))
    cache_folder = tmp_path / "cache"
    assert {path for path in set(tmp_path.rglob("*")) - before if path.is_file()} == set(
        (cache_folder / "locks").iterdir()
    )


def test_a_folder_that_lost_a_file_is_downloaded_again(cache, artifacts):
    manifest = put(artifacts)
    folder = cache.get(manifest, artifacts)
    (folder / "empty").unlink()
    (folder / "MLmodel").chmod(0o644)
    (folder / "MLmodel").write_bytes(b"short")
    assert contents(cache.get(manifest, artifacts)) == MODEL


def test_files_in_the_cache_are_read_only(cache, artifacts):
    folder = cache.get(put(artifacts), artifacts)
    assert {file.stat().st_mode & 0o777 for file in folder.rglob("*") if file.is_file()} == {0o444}
    assert (folder.parent.stat().st_mode & 0o777) == 0o700


def test_a_cache_that_cannot_be_written_says_which_setting_names_another(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    artifacts = open_artifacts(str(tmp_path / "artifacts"))
    manifest = put(artifacts)
    with pytest.raises(StoreUnavailable, match=r"file.*name another folder in MLSERVE_CACHE_DIR"):
        ModelCache(tmp_path / "file", PLENTY).get(manifest, artifacts)


# Over the limit


def put_models(tmp_path, count):
    """Return the artifacts and manifests of models of 1,000 bytes each."""
    places = [open_artifacts(str(tmp_path / f"model{i}")) for i in range(count)]
    return [(put(place, {"x": bytes([i]) * 1000}), place) for i, place in enumerate(places)]


def set_last_use(cache_folder: Path, manifest: Manifest, time: float) -> None:
    os.utime(cache_folder / "locks" / f"{manifest.digest}.use", (time, time))


def test_over_the_limit_the_model_goes_that_was_not_used_for_longest(tmp_path):
    folder = tmp_path / "cache"
    models = put_models(tmp_path, 4)
    for i, (manifest, artifacts) in enumerate(models[:3]):
        cache = ModelCache(folder, PLENTY)
        cache.get(manifest, artifacts)
        cache.close()
        set_last_use(folder, manifest, [3000, 1000, 2000][i])
    cache = ModelCache(folder, 3500)
    cache.get(*models[3])
    assert kept(folder) == {models[i][0].digest for i in (0, 2, 3)}
    assert incoming(folder) == []
    cache.close()


def test_a_model_in_use_is_kept_over_the_limit(tmp_path):
    folder = tmp_path / "cache"
    models = put_models(tmp_path, 3)
    cache = ModelCache(folder, 500)
    for manifest, artifacts in models:
        cache.get(manifest, artifacts)
    assert kept(folder) == {manifest.digest for manifest, _ in models}
    cache.close()
    other = ModelCache(folder, 500)
    other.get(*models[0])
    assert kept(folder) == {models[0][0].digest}
    other.close()


# Among processes


@contextmanager
def process(cache_folder, source, manifest=None, environment=None):
    """Give a process that takes the model at ``source`` out of the cache, until the block ends."""
    manifest = manifest or f"{source}.manifest"
    command = [sys.executable, str(PROCESS), *map(str, (cache_folder, manifest, source))]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=os.environ | (environment or {}),
    ) as started:
        try:
            yield started
        finally:
            started.kill()


@pytest.fixture
def slow_model(tmp_path):
    source = tmp_path / "source"
    manifest = put(open_artifacts(str(source)), {"slow": b"123", "zzz": b"2"})
    (tmp_path / "source.manifest").write_bytes(write_manifest(manifest))
    return source, manifest


def lines_until_done(started) -> list[str]:
    """Let a process read as soon as it says so; return what it says until the model is there."""
    lines = [started.stdout.readline()]
    if lines == ["reading\n"]:
        started.stdin.write("go on\n")
        lines.append(started.stdout.readline())
    return lines


def test_processes_at_once_download_a_model_once(tmp_path, slow_model):
    source, manifest = slow_model
    with ExitStack() as stack, ThreadPoolExecutor(4) as pool:
        started = [stack.enter_context(process(tmp_path / "cache", source)) for _ in range(4)]
        said = [line for lines in pool.map(lines_until_done, started) for line in lines]
    place = f"{tmp_path / 'cache' / 'models' / manifest.digest}\n"
    assert sorted(said) == sorted(["reading\n", *[place] * 4])


def test_threads_at_once_download_a_model_once(cache, tmp_path):
    artifacts = open_artifacts(str(tmp_path / "artifacts"))
    manifest = put(artifacts)
    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(lambda _: cache.get(manifest, artifacts), range(16)))
    assert [contents(folder) for folder in folders] == [MODEL]


def kill_while_reading(cache_folder, source) -> None:
    with process(cache_folder, source) as started:
        assert started.stdout.readline() == "reading\n"
        started.kill()
        started.wait()


def test_a_download_that_was_killed_is_begun_anew(tmp_path, slow_model, cache):
    source, manifest = slow_model
    kill_while_reading(tmp_path / "cache", source)
    assert kept(tmp_path / "cache") == set()
    assert [folder.name for folder in incoming(tmp_path / "cache")] == [manifest.digest]
    folder = cache.get(manifest, open_artifacts(str(source)))
    assert contents(folder) == {"slow": b"123", "zzz": b"2"}
    assert incoming(tmp_path / "cache") == []


def test_what_a_killed_download_left_goes_with_the_next_of_another_model(
    tmp_path, slow_model, cache
):
    kill_while_reading(tmp_path / "cache", slow_model[0])
    cache.get(*put_models(tmp_path, 1)[0])
    assert incoming(tmp_path / "cache") == []


def test_a_download_that_goes_on_is_left_alone(tmp_path, slow_model, cache):
    source, manifest = slow_model
    with process(tmp_path / "cache", source) as started:
        assert started.stdout.readline() == "reading\n"
        cache.get(*put_models(tmp_path, 1)[0])
        assert [folder.name for folder in incoming(tmp_path / "cache")] == [manifest.digest]
        started.stdin.write("go on\n")
        assert contents(Path(started.stdout.readline().strip())) == {"slow": b"123", "zzz": b"2"}


def test_a_model_in_use_by_another_process_is_kept_until_that_ends(tmp_path, slow_model):
    source, manifest = slow_model
    folder = tmp_path / "cache"
    cache = ModelCache(folder, 0)
    first, second = put_models(tmp_path, 2)
    with process(folder, source) as started:
        lines_until_done(started)
        cache.get(*first)
        assert manifest.digest in kept(folder)
        started.kill()
        started.wait()
    cache.get(*second)
    assert kept(folder) == {first[0].digest, second[0].digest}
    cache.close()


def test_a_download_from_s3_that_was_killed_leaves_no_model(tmp_path, bucket, s3_environment):
    source = f"s3://{bucket}/model"
    manifest = put(open_artifacts(source), {"slow": LARGE, "zzz": b"2"})
    written = tmp_path / "manifest"
    written.write_bytes(write_manifest(manifest))
    folder = tmp_path / "cache"
    with process(folder, source, written, s3_environment) as started:
        assert started.stdout.readline() == "reading\n"
        started.kill()
        started.wait()
    assert kept(folder) == set()
    with process(folder, source, written, s3_environment) as started:
        assert lines_until_done(started)[0] == "reading\n"
    [model] = (folder / "models").iterdir()
    assert contents(model) == {"slow": LARGE, "zzz": b"2"}


def test_a_byte_that_changed_in_s3_is_refused(bucket, s3_environment, cache, tmp_path):
    artifacts = open_artifacts(f"s3://{bucket}/model")
    manifest = put(artifacts)
    s3 = client(s3_environment)
    content = s3.get_object(Bucket=bucket, Key="model/MLmodel")["Body"].read()
    s3.put_object(Bucket=bucket, Key="model/MLmodel", Body=content.replace(b"f", b"g"))
    with pytest.raises(CorruptArtifact, match="MLmodel"):
        cache.get(manifest, artifacts)
    assert kept(tmp_path / "cache") == set()
