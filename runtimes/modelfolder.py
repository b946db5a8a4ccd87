"""The folder of a model: the paths in it that its MLmodel names, and nothing outside it."""

from __future__ import annotations

from os.path import normpath
from pathlib import Path

from .errors import InvalidModel

MLMODEL = "MLmodel"


def path_inside(folder: Path, relative: str) -> Path:
    """Return the real path of ``relative`` in the model's folder, whether or not it exists.

    A path that leads out of the folder, by its text or by a symbolic link, is refused with
    `InvalidModel`.
    """
    root = folder.resolve()
    try:
        path = root.joinpath(relative).resolve()
    except (ValueError, OSError, RuntimeError, TypeError) as error:
        raise _refusal(folder, relative) from error
    if Path(relative).is_absolute():
        raise _refusal(folder, relative)
    if not path.is_relative_to(root):
        is_linked = Path(normpath(root / relative)).is_relative_to(root)
        raise (_refusal_of_link if is_linked else _refusal)(folder, relative)
    return path


def model_file(folder: Path, relative: str) -> Path:
    """Return the real path of the file or folder ``relative``, which must be there.

    Otherwise, or where it is outside the model's folder, it is refused with `InvalidModel`.
    """
    path = path_inside(folder, relative)
    if not path.is_file() and not path.is_dir():  # a pipe would be waited for without end
        fault = "is neither a file nor a folder" if path.exists() else "does not exist"
        found = f'the path "{relative}", which {fault}'
        raise InvalidModel(folder / MLMODEL, found, "a file of the model")
    return path


def _refusal(folder: Path, relative: str) -> InvalidModel:
    found = f'the path "{relative}", which is not inside the folder'
    return InvalidModel(folder / MLMODEL, found, "a path relative to the model's folder")


def _refusal_of_link(folder: Path, relative: str) -> InvalidModel:
    found = f'the path "{relative}", which is not inside the folder but linked from there'
    advice = "copy the folder with its links followed (cp -rL), and give the copy"
    return InvalidModel(folder / MLMODEL, found, f"a file in the folder itself; {advice}")
