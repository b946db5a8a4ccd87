"""Images from and to a real registry, and one that fails on purpose."""

from __future__ import annotations

import json
import random
import socket
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from mlserve.builder.assembling import OciEngine, OciOptions, assemble_image
from mlserve.builder.base_images import open_base
from mlserve.builder.credentials import Login
from mlserve.builder.errors import (
    DigestMismatch,
    RegistryRefused,
    RegistryUnavailable,
    UnusableBase,
)
from mlserve.builder.image_names import parse_image_name
from mlserve.builder.publishing import push_image
from mlserve.builder.registry_access import RegistryAccess
from mlserve.builder.registry_connection import RegistryConnection
from mlserve.builder.registry_tokens import Challenge
from mlserve.store.retrying import Retrying

from .images_made_here import (
    AMD64,
    ARM64,
    OF_PYTHON,
    PYTHON_FILES,
    plan_on,
    run,
    stage_on,
    write_layout,
    write_trees,
)
from .registries import Fault, Faulty, faulty, running_registry

LARGE = random.Random(7).randbytes(6 << 20)
PATIENT = Retrying(first_seconds=0.001, longest_seconds=0.002, longest_asked_seconds=0.001)


def login_of_nobody(_registry: str) -> Login | None:
    return None


def login_of_ann(_registry: str) -> Login | None:
    return Login("ann", "secret")


ACCESS = RegistryAccess(find_login=login_of_nobody, retrying=PATIENT)
AS_ANN = RegistryAccess(find_login=login_of_ann, retrying=PATIENT)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A registry that holds a base with a large layer."""
    folder = tmp_path_factory.mktemp("registry")
    files = PYTHON_FILES | {"usr/lib/large": LARGE}
    base = write_layout(folder / "base", files=files, config=OF_PYTHON)
    with running_registry(folder / "registry") as address:
        copy(f"oci:{base}", f"docker://{address}/base:3.11")
        yield address


@pytest.fixture
def proxy(registry):
    with faulty(registry) as server:
        yield server


@pytest.fixture
def trees(tmp_path) -> Path:
    return write_trees(tmp_path / "trees", model=LARGE)


def copy(source: str, target: str) -> None:
    flags = ["--insecure-policy", "--src-tls-verify=false", "--dest-tls-verify=false"]
    run("skopeo", "copy", *flags, source, target)


def inspect(reference: str) -> dict:
    return json.loads(run("skopeo", "inspect", "--tls-verify=false", f"docker://{reference}"))


def build_and_push(base: str, trees: Path, *tags: str, access: RegistryAccess = ACCESS):
    lines: list[str] = []
    engine = OciEngine(OciOptions(access=access))
    try:
        image = engine.build([stage_on(base, trees)], tags, lines.append)
        return engine.push(image, lines.append), lines
    finally:
        engine.close()


def build(base: str, trees: Path, output: Path, access: RegistryAccess = ACCESS):
    engine = OciEngine(OciOptions(output=output, access=access))
    try:
        return engine.build([stage_on(base, trees)], (), lambda _: None)
    finally:
        engine.close()


def sent(lines: list[str]) -> int:
    return sum(" was sent" in line for line in lines)


def test_an_image_is_pushed_under_all_its_tags_on_a_mounted_base(registry, trees, tmp_path):
    tags = [f"{registry}/pushed:7", f"{registry}/pushed:latest", f"{registry}/other/name:7"]
    digest, lines = build_and_push(f"{registry}/base:3.11", trees, *tags)
    assert [inspect(tag)["Digest"] for tag in tags] == [digest] * 3
    assert sum("was mounted" in line for line in lines) == 2
    copy(f"docker://{tags[0]}", f"oci:{tmp_path}/pulled:7")
    run("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/pulled:7", tmp_path / "unpacked")
    assert (tmp_path / "unpacked/rootfs/opt/ml/model/MLmodel").read_bytes() == LARGE
    assert (tmp_path / "unpacked/rootfs/usr/lib/large").read_bytes() == LARGE


def test_a_new_version_of_a_model_sends_its_layer_and_config_alone(registry, trees):
    base = f"{registry}/base:3.11"
    build_and_push(base, trees, f"{registry}/versions:1")
    (trees / "model" / "MLmodel").write_bytes(b"another")
    _, lines = build_and_push(base, trees, f"{registry}/versions:2")
    assert sent(lines) == 2
    assert sum("there already" in line for line in lines) == 3


def test_a_base_by_digest_and_by_tag_gives_the_same_image(registry, trees, tmp_path):
    digest = inspect(f"{registry}/base:3.11")["Digest"]
    by_digest = build(f"{registry}/base@{digest}", trees, tmp_path / "a")
    manifest = json.loads(run("skopeo", "inspect", "--raw", f"oci:{tmp_path}/a"))
    assert manifest["annotations"]["org.opencontainers.image.base.digest"] == digest
    assert by_digest.size_bytes > 2 * len(LARGE)


def test_an_index_of_several_platforms_is_pushed_whole(registry, trees, tmp_path):
    base = f"oci:{write_layout(tmp_path / 'base', (AMD64, ARM64))}"
    engine = OciEngine(OciOptions(access=ACCESS))
    stages = [stage_on(base, trees, platform) for platform in (AMD64, ARM64)]
    image = engine.build(stages, [f"{registry}/many:7"], lambda _: None)
    assert engine.push(image, lambda _: None) == image.digest
    engine.close()
    for architecture in ("amd64", "arm64"):
        flags = ["--tls-verify=false", f"docker://{registry}/many:7"]
        chosen = run("skopeo", f"--override-arch={architecture}", "inspect", *flags)
        assert json.loads(chosen)["Architecture"] == architecture


def test_a_download_that_breaks_off_goes_on_from_there(proxy: Faulty, trees, tmp_path):
    path = _large_blob(proxy)
    proxy.faults += [Fault("GET", path, cut_answer=given) for given in (100_000, 2_000_000, 0)]
    build(f"{proxy.address}/base:3.11", trees, tmp_path / "image")
    assert proxy.ranges == ["bytes=100000-", "bytes=2100000-", "bytes=2100000-"]


def test_what_was_downloaded_once_is_kept_for_the_next_build(proxy: Faulty, trees, tmp_path):
    for name in ("first", "second"):
        options = OciOptions(tmp_path / name, tmp_path / "cache", access=ACCESS)
        engine = OciEngine(options)
        engine.build([stage_on(f"{proxy.address}/base:3.11", trees)], (), lambda _: None)
        engine.close()
    assert [method for method, path in proxy.asked if _large_blob(proxy) in path] == ["GET"]


def test_an_upload_that_breaks_off_goes_on_from_there(proxy: Faulty, trees):
    proxy.faults.append(Fault("PATCH", "/uploads/", cut_request=3_000_000, is_kept=True))
    tag = f"{proxy.address}/resumed:7"
    digest, _ = build_and_push(f"{proxy.address}/base:3.11", trees, tag)
    assert inspect(tag)["Digest"] == digest
    assert [text.partition("-")[0] for text in proxy.ranges] == ["3000000"]


def test_an_upload_that_a_registry_forgets_begins_anew(proxy: Faulty, trees):
    proxy.faults.append(Fault("PATCH", "/uploads/", cut_request=3_000_000, times=2))
    tag = f"{proxy.address}/forgotten:7"
    digest, _ = build_and_push(f"{proxy.address}/base:3.11", trees, tag)
    assert inspect(tag)["Digest"] == digest
    assert proxy.ranges == []


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "PUT", "GET"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_fails_for_a_moment_is_tried_again(proxy: Faulty, trees, method, status):
    headers = {"retry-after": "1"}
    proxy.faults.append(Fault(method, "/v2/.+", times=2, status=status, headers=headers))
    tag = f"{proxy.address}/tried-{method.lower()}-{status}:7"
    digest, _ = build_and_push(f"{proxy.address}/base:3.11", trees, tag)
    assert proxy.faults[0].times == 0
    assert inspect(tag)["Digest"] == digest


def test_an_upload_whose_last_answer_is_lost_is_not_sent_again(proxy: Faulty, trees):
    proxy.faults.append(Fault("PUT", "/uploads/", cut_answer=0, times=1))
    tag = f"{proxy.address}/lost:7"
    digest, _ = build_and_push(f"{proxy.address}/base:3.11", trees, tag)
    assert inspect(tag)["Digest"] == digest


def test_a_registry_that_stays_down_is_an_error_and_leaves_nothing(proxy, trees, tmp_path):
    proxy.faults.append(Fault("GET", _large_blob(proxy), times=100, status=503))
    with pytest.raises(RegistryUnavailable, match=r"could not give sha256:\w+: 503 TROUBLE"):
        build(f"{proxy.address}/base:3.11", trees, tmp_path / "out" / "image.tar")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_push_that_fails_sets_no_tag(proxy: Faulty, trees):
    proxy.faults.append(Fault("PATCH", "/uploads/", times=100, status=403))
    with pytest.raises(RegistryRefused, match=r"403 TROUBLE .on purpose.; log in as somebody"):
        build_and_push(f"{proxy.address}/base:3.11", trees, f"{proxy.address}/failed:7")
    assert not [path for method, path in proxy.asked if method == "PUT" and "/manifests/" in path]


def test_an_unknown_tag_and_a_registry_that_is_not_there_are_told_apart(registry, trees, tmp_path):
    with pytest.raises(UnusableBase, match=r"base:9\.9: found .* has no image 9\.9, expected"):
        build(f"{registry}/base:9.9", trees, tmp_path / "image")
    with pytest.raises(RegistryUnavailable, match=r"127\.0\.0\.1:9 could not give the manifest"):
        build("127.0.0.1:9/base:3.11", trees, tmp_path / "image")


def test_bytes_that_are_not_those_of_their_digest_are_refused(registry, trees, tmp_path):
    with faulty(registry) as liar:
        path = _large_blob(liar)
        liar.faults.append(Fault("GET", path, status=200))
        access = RegistryAccess(find_login=login_of_nobody, retrying=Retrying(most=0))
        with pytest.raises((DigestMismatch, RegistryUnavailable)):
            build(f"{liar.address}/base:3.11", trees, tmp_path / "out" / "image", access)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_registry_with_tokens_gets_a_login_for_both_repositories(proxy: Faulty, trees):
    proxy.wants_token = True
    base, tag = f"{proxy.address}/base:3.11", f"{proxy.address}/tokens:7"
    digest, lines = build_and_push(base, trees, tag, access=AS_ANN)
    assert digest.startswith("sha256:")
    assert sum("was mounted" in line for line in lines) == 1
    assert [parse_qs(urlsplit(path).query)["scope"] for path in proxy.token_requests] == [
        ["repository:base:pull"],
        ["repository:tokens:pull,push", "repository:base:pull"],
    ]


def test_a_base_that_may_not_be_mounted_is_sent(proxy: Faulty, trees):
    base, tag = f"{proxy.registry}/base:3.11", f"{proxy.address}/unmounted:7"
    proxy.wants_token, proxy.denied_scope = True, "repository:base:pull"
    proxy.faults.append(Fault("POST", "mount=", status=403))
    layout = trees.parent / "pulled"
    copy(f"docker://{base}", f"oci:{layout}:3.11")
    opened = open_base(f"oci:{layout}:3.11", AS_ANN).for_platform(AMD64)
    below = replace(opened, name=parse_image_name(f"{proxy.address}/base:3.11"))
    image = assemble_image(below, plan_on(base), [], 0)
    lines: list[str] = []
    assert push_image(image, [parse_image_name(tag)], AS_ANN, lines.append) == image.root.digest
    assert sent(lines) == 2
    assert len(proxy.token_requests) == 2


def test_a_token_is_not_told_to_where_a_registry_leads_for_its_blobs(
    proxy: Faulty, registry, trees, tmp_path
):
    path = _large_blob(proxy)
    with faulty(registry) as elsewhere:
        proxy.wants_token = True
        location = f"http://{elsewhere.address}/v2/base{path}"
        proxy.faults.append(Fault("GET", path, times=1, status=307, headers={"location": location}))
        build(f"{proxy.address}/base:3.11", trees, tmp_path / "image", AS_ANN)
        assert ("GET", f"/v2/base{path}") in elsewhere.asked
        assert set(elsewhere.authorizations) == {None}
    assert "Bearer good" in proxy.authorizations


def test_a_login_is_not_sent_in_the_clear_because_a_registry_says_so():
    connection = RegistryConnection("registry.example", [], AS_ANN)
    challenge = Challenge("bearer", {"realm": "http://registry.example/token"})
    with pytest.raises(RegistryRefused, match=r"its tokens are at http:.*; it needs TLS"):
        connection._authorize([challenge])
    connection.close()


@pytest.mark.parametrize(
    ("code", "is_final"), [(socket.EAI_NONAME, True), (socket.EAI_AGAIN, False)]
)
def test_a_host_that_nobody_knows_is_not_asked_for_again(code, is_final):
    connection = RegistryConnection("registry.example", [], ACCESS)
    error = httpx.ConnectError("no such name")
    error.__cause__ = socket.gaierror(code, "no such name")
    with pytest.raises(RegistryUnavailable) as raised, connection.translated("give a blob"):
        raise error
    assert raised.value.is_final is is_final
    connection.close()


def test_a_registry_that_wants_a_login_says_how_to_give_one(proxy: Faulty, trees, tmp_path):
    proxy.wants_token = True
    with pytest.raises(RegistryRefused, match=r"401 .*; log in with: docker login 127"):
        build(f"{proxy.address}/base:3.11", trees, tmp_path / "image")


def test_a_registry_with_passwords_takes_the_right_one_alone(tmp_path, trees):
    base = f"oci:{write_layout(tmp_path / 'base')}"
    with running_registry(tmp_path / "registry", has_users=True) as address:
        tag = f"{address}/kept:7"
        digest, _ = build_and_push(base, trees, tag, access=AS_ANN)
        shown = run(
            "skopeo", "inspect", "--creds=ann:secret", "--tls-verify=false", f"docker://{tag}"
        )
        assert json.loads(shown)["Digest"] == digest
        with pytest.raises(RegistryRefused, match="401 Unauthorized; log in with"):
            build_and_push(base, trees, tag)


def _large_blob(proxy: Faulty) -> str:
    raw = run(
        "skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{proxy.registry}/base:3.11"
    )
    return f"/blobs/{json.loads(raw)['layers'][0]['digest']}"
