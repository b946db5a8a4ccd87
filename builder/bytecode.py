"""Modules compiled beforehand: a service may write nowhere, and so cannot do it itself.

As a program, ``python -m mlserve.builder.bytecode FOLDER TARGET``, it compiles the modules of a
folder that will be TARGET in an image. The same sources give the same bytes.
"""

from __future__ import annotations

import importlib.util
import marshal
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from .errors import BuildError

_HASHED_UNCHECKED: Final = (0b01).to_bytes(4, "little")
# From version 3 on, marshal notes which objects something else refers to, which is chance.
_MARSHAL_VERSION: Final = 2
_TESTS: Final = frozenset({"tests", "test"})
_CHUNK: Final = 50


def is_compilable(python: str) -> bool:
    """Whether the Python that runs here makes the bytecode of the release ``python``."""
    return sys.implementation.name == "cpython" and python == ".".join(
        map(str, sys.version_info[:2])
    )


def compile_folder(folder: Path, target: str) -> None:
    """Compile the modules of ``folder``, in processes whose hash seed is fixed.

    A module that is no Python of this release, as packages have some in templates, is left as it
    is.
    """
    command = [sys.executable, "-m", __name__, str(folder.absolute()), target]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(  # noqa: S603 - this very Python and module, without a shell
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BuildError(f"compiling the modules of {folder} failed: {done.stderr[-1000:]}")


def compile_module(file: Path, name: str) -> None:
    """Write the bytecode of ``file``, which will be ``name`` in an image, where imports look."""
    source = file.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(source, name, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError):
        return
    header = importlib.util.MAGIC_NUMBER + _HASHED_UNCHECKED + importlib.util.source_hash(source)
    compiled = Path(importlib.util.cache_from_source(str(file), optimization=""))
    compiled.parent.mkdir(exist_ok=True)
    compiled.write_bytes(header + marshal.dumps(code, _MARSHAL_VERSION))


def _modules(folder: Path) -> Iterator[Path]:
    """Yield the modules of ``folder``; the tests of packages are no part of a service."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _TESTS)
        yield from (Path(place) / name for name in sorted(files) if name.endswith(".py"))


def _compile_in(folder: Path, target: str, file: Path) -> None:
    compile_module(file, f"{target}/{file.relative_to(folder).as_posix()}")


def _main(folder: Path, target: str) -> None:
    with ProcessPoolExecutor() as processes:
        work = partial(_compile_in, folder, target)
        for _ in processes.map(work, _modules(folder), chunksize=_CHUNK):
            pass


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2])
