"""Small images to build on and trees to build from, made in the test's own folder."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path

from mlserve.builder.contract import Stage
from mlserve.builder.plan import APP, MODEL, SITE, BuildPlan, LayerPlan, Platform

AMD64 = Platform()
ARM64 = Platform(architecture="arm64", variant="v8")

PYTHON_FILES = {
    "usr/local/bin/python3.11": b"#!/bin/sh\n",
    "usr/local/bin/python3": "python3.11",
    "etc/passwd": b"root:x:0:0::/root:/bin/sh\n",
    "tmp": None,
}


OF_PYTHON = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "PYTHON_VERSION=3.11.9"]}
"""What the images of Python declare: their layers need not be read."""


def tar_of(files: dict[str, bytes | str | None]) -> bytes:
    """A tar of files (bytes), links (text) and folders (None)."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            if content is None:
                entry.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
            else:
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content) if isinstance(content, bytes) else None)
    return output.getvalue()


def digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def base_config(diff_ids: list[str], platform: Platform = AMD64, **changed: object) -> bytes:
    config = {
        "architecture": platform.architecture,
        "os": platform.os,
        "config": {
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"],
            "Cmd": ["python3"],
            "OnBuild": ["RUN false"],
            "Labels": {"of": "the base"},
        },
        "container_config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "an.unknown.key": {"kept": True},
    }
    if platform.variant:
        config["variant"] = platform.variant
    return json.dumps(config | changed).encode()


def write_layout(
    folder: Path,
    platforms: tuple[Platform, ...] = (AMD64,),
    files: dict[str, bytes | str | None] = PYTHON_FILES,
    **config: object,
) -> Path:
    """A layout as others write it: an index of platforms if there are several, tagged 3.11."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def keep(content: bytes, kind: str, **more: object) -> dict:
        name = digest(content)
        (blobs / name.removeprefix("sha256:")).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": name} | {
            "size": len(content),
            **more,
        }

    manifests = []
    for platform in platforms:
        tar = tar_of(files | {"etc/arch": platform.architecture.encode()})
        layer = keep(gzip.compress(tar, mtime=0), "layer.v1.tar+gzip")
        described = keep(base_config([digest(tar)], platform, **config), "config.v1+json")
        manifest = {"schemaVersion": 2, "config": described, "layers": [layer]}
        entry = {"os": platform.os, "architecture": platform.architecture}
        if platform.variant:
            entry["variant"] = platform.variant
        manifests.append(keep(json.dumps(manifest).encode(), "manifest.v1+json", platform=entry))
    if len(manifests) > 1:
        index = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
        manifests = [keep(index, "index.v1+json")]
    named = manifests[0] | {"annotations": {"org.opencontainers.image.ref.name": "3.11"}}
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    return folder


def write_trees(folder: Path, model: bytes = b"a model") -> Path:
    """The trees of a stage: packages, mlserve and a model."""
    files = {
        "requirements/numpy/__init__.py": b"version = 1\n",
        "requirements/numpy/" + "long" * 40 + ".py": b"",
        "requirements/ünïcode.py": b"",
        "mlserve/mlserve/__init__.py": b"",
        "model/MLmodel": model,
    }
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    program = folder / "requirements" / "bin" / "tool"
    program.parent.mkdir()
    program.write_bytes(b"#!/bin/sh\n")
    program.chmod(0o700)
    (folder / "requirements" / "link.py").symlink_to("numpy/__init__.py")
    return folder


def plan_on(base: str, platform: Platform = AMD64) -> BuildPlan:
    return BuildPlan(
        base=base,
        platform=platform,
        layers=(
            LayerPlan("requirements", SITE, "packages"),
            LayerPlan("mlserve", APP, "mlserve"),
            LayerPlan("model", MODEL, "the model"),
        ),
        entrypoint=("python3", "-m", "mlserve.serve.container"),
        command=("serve",),
        healthcheck=("python3", "-c", "pass"),
        environment={"PYTHONSAFEPATH": "1", "LANG": "C"},
        labels={"org.opencontainers.image.title": "churn", "ml.mlserve.model.name": "churn"},
    )


def stage_on(base: str, folder: Path, platform: Platform = AMD64) -> Stage:
    return Stage(plan_on(base, platform), folder)


def run(*command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
