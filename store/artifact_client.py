"""The part of the client that is about the files of runs and logged models."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import yaml

from ..runtimes.errors import shorten
from . import tracking_operations as operations
from .artifact_paths import check_file_path, check_folder_path, join_paths
from .connections import Connection
from .contract import Artifacts
from .errors import InvalidParameter, NotFound
from .tracking_requests import ListArtifacts, ListLoggedModelArtifacts, LoggedModelId, RunId
from .viewing import view_file
from .views import FileInfo

_YAML = {".yaml", ".yml"}
_PLOTLY_IMAGES = {".png", ".jpeg", ".webp", ".svg", ".pdf"}


class ArtifactClient:
    """Files, under the names of MLflow's client; paths have "/" between their parts."""

    _tracking: Connection

    def list_artifacts(self, run_id: str, path: str | None = None) -> list[FileInfo]:
        """Return the entries of a folder of a run, by name."""
        request = ListArtifacts(run_id=run_id, path=path)
        answer = self._tracking.call(operations.LIST_ARTIFACTS, request)
        return [view_file(file) for file in answer.files]

    def list_logged_model_artifacts(self, model_id: str, path: str | None = None) -> list[FileInfo]:
        """Return the entries of a folder of a logged model, by name."""
        request = ListLoggedModelArtifacts(model_id, path)
        answer = self._tracking.call(operations.LIST_LOGGED_MODEL_ARTIFACTS, request)
        return [view_file(file) for file in answer.files]

    def log_artifact(
        self, run_id: str, local_path: str | Path, artifact_path: str | None = None
    ) -> None:
        """Write a file, or a folder with its name, to the folder ``artifact_path`` of a run."""
        _write_path(self._of_run(run_id), Path(local_path), artifact_path)

    def log_artifacts(
        self, run_id: str, local_dir: str | Path, artifact_path: str | None = None
    ) -> None:
        """Write all that is in a folder to the folder ``artifact_path`` of a run."""
        _write_folder(self._of_run(run_id), Path(local_dir), artifact_path or "")

    def log_model_artifact(
        self, model_id: str, local_path: str | Path, artifact_path: str | None = None
    ) -> None:
        """Write a file, or a folder with its name, to a folder of a logged model."""
        _write_path(self._of_model(model_id), Path(local_path), artifact_path)

    def log_model_artifacts(
        self, model_id: str, local_dir: str | Path, artifact_path: str | None = None
    ) -> None:
        """Write all that is in a folder to a folder of a logged model."""
        _write_folder(self._of_model(model_id), Path(local_dir), artifact_path or "")

    def log_text(self, run_id: str, text: str, artifact_file: str) -> None:
        """Write a text to a file of a run, in UTF-8."""
        self.log_stream(run_id, BytesIO(text.encode()), artifact_file)

    def log_dict(self, run_id: str, dictionary: Mapping[str, Any], artifact_file: str) -> None:
        """Write a dict or a list to a file of a run: YAML where its name says so, else JSON."""
        if PurePosixPath(artifact_file).suffix in _YAML:
            text = yaml.safe_dump(dictionary, indent=2, sort_keys=False, allow_unicode=True)
        else:
            text = json.dumps(dictionary, indent=2, default=_plain, ensure_ascii=False)
        self.log_text(run_id, text, artifact_file)

    def log_stream(self, run_id: str, stream: BinaryIO, artifact_file: str) -> None:
        """Write what can be read from ``stream`` to a file of a run."""
        check_file_path(artifact_file)
        self._of_run(run_id).write(artifact_file, stream)

    def log_figure(
        self,
        run_id: str,
        figure: Any,
        artifact_file: str,
        *,
        save_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a figure of Matplotlib or Plotly to a file of a run, in the format of its name."""
        check_file_path(artifact_file)
        with tempfile.TemporaryDirectory(prefix="mlserve-") as scratch:
            file = Path(scratch) / PurePosixPath(artifact_file).name
            _save_figure(figure, file, dict(save_kwargs or {}))
            with file.open("rb") as source:
                self._of_run(run_id).write(artifact_file, source)

    def download_artifacts(self, run_id: str, path: str, dst_path: str | Path | None = None) -> str:
        """Copy a file or a folder of a run into a folder of this machine; return where it is.

        The folder ``dst_path`` must be there; without one a new folder is made, which stays.
        """
        check_folder_path(path)
        top = Path(tempfile.mkdtemp(prefix="mlserve-") if dst_path is None else dst_path)
        if not top.is_dir():
            raise InvalidParameter(f"dst_path: found no folder at {top}, expected one; make it")
        artifacts = self._of_run(run_id)
        files = [file.path for file in artifacts.walk(path)]
        for file in files or ([path] if path else []):
            _copy(artifacts, file, top / file)
        return str((top / path).absolute())

    def _of_run(self, run_id: str) -> Artifacts:
        run = self._tracking.call(operations.GET_RUN, RunId(run_id=run_id)).run
        return self._tracking.artifacts(run.info.artifact_uri)

    def _of_model(self, model_id: str) -> Artifacts:
        model = self._tracking.call(operations.GET_LOGGED_MODEL, LoggedModelId(model_id)).model
        return self._tracking.artifacts(model.info.artifact_uri)


def _write_path(artifacts: Artifacts, source: Path, artifact_path: str | None) -> None:
    path = join_paths(artifact_path or "", source.absolute().name)
    if source.is_dir():
        _write_folder(artifacts, source, path)
        return
    with _opened(source) as file:
        artifacts.write(check_file_path(path), file)


def _write_folder(artifacts: Artifacts, folder: Path, artifact_path: str) -> None:
    check_folder_path(artifact_path)
    if not folder.is_dir():
        raise NotFound(f"{shorten(folder)}: there is no such folder; name one to log")
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        path = join_paths(artifact_path, file.relative_to(folder).as_posix())
        with _opened(file) as source:
            artifacts.write(check_file_path(path), source)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise NotFound(
            f"{shorten(path)}: {error.strerror}; name a file or a folder to log"
        ) from error
    with file:
        yield file


def _copy(artifacts: Artifacts, path: str, target: Path) -> None:
    with artifacts.read(path) as source:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)


def _plain(value: Any) -> Any:
    """Return what a number or an array of NumPy's is in JSON, and a text for what is nothing."""
    for name in ("tolist", "isoformat"):
        if hasattr(value, name):
            return getattr(value, name)()
    raise InvalidParameter(
        f"found {type(value).__name__} among what is to be written, expected values of JSON"
    )


def _save_figure(figure: Any, file: Path, options: dict[str, Any]) -> None:
    """Save a figure by what it can do: neither library is imported, one of them made it."""
    if hasattr(figure, "savefig"):
        figure.savefig(file, **options)
    elif file.suffix == ".html" and hasattr(figure, "write_html"):
        figure.write_html(file, **({"include_plotlyjs": "cdn", "auto_open": False} | options))
    elif file.suffix in _PLOTLY_IMAGES and hasattr(figure, "write_image"):
        figure.write_image(file, **options)
    elif hasattr(figure, "write_html"):
        raise InvalidParameter(
            f"{shorten(file.name)}: found no format of Plotly's, expected a name that ends with "
            f".html, {', '.join(sorted(_PLOTLY_IMAGES))}"
        )
    else:
        raise InvalidParameter(
            f"found {type(figure).__name__}, expected a figure of Matplotlib or Plotly"
        )
