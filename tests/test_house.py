"""The rules that hold the house together: who imports whom, what is shipped, what is locked."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlserve.runtimes.errors import EXTRAS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["setuptools"]["packages"]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))

# The folders that no package holds.
OUTSIDE = {".ci", "benchmarks", "docs", "examples", "requirements", "tests"}

# Which rooms a room may import beside itself; "" is the root.
MAY_IMPORT = {
    "runtimes": set(),
    "serve": {"runtimes"},
    "batch": {"runtimes"},
    "store": {"runtimes"},
    "builder": {"runtimes", "store"},
    "deploy": {"builder", "runtimes", "store"},
}
MAY_IMPORT["cli"] = MAY_IMPORT[""] = {"cli", *MAY_IMPORT}

# What any module may import at its top: the standard library and the core dependencies.
CORE = {
    "click",
    "httptools",
    "msgspec",
    "numpy",
    "orjson",
    "prometheus_client",
    "starlette",
    "uvicorn",
    "uvloop",
    "yaml",
}

# The modules that may import more, because they are imported only where they are needed.
LAZY = {
    "builder/publishing.py": set(),
    "builder/registry.py": set(),
    "builder/registry_connection.py": {"httpx"},
    "builder/docker_bases.py": {"docker"},
    "builder/docker_engine.py": {"docker", "requests"},
    "builder/wheels.py": {"uv"},
    "builder/staging.py": set(),
    "builder/build.py": set(),
    "cli/building.py": set(),
    "cli/store_launch.py": set(),
    "runtimes/frames.py": {"pandas"},
    "runtimes/inference.py": {"pandas"},
    "runtimes/onnx.py": {"onnxruntime"},
    "runtimes/packaging.py": {"cloudpickle", "sklearn", "skops"},
    "runtimes/pickledmodels.py": {"cloudpickle"},
    "runtimes/recording.py": {"pandas"},
    "runtimes/sklearn.py": {"scipy", "sklearn", "threadpoolctl"},
    "store/approvals.py": {"sqlalchemy"},
    "store/collecting.py": {"sqlalchemy"},
    "store/database.py": {"sqlalchemy"},
    "store/direct_access.py": {"fsspec"},
    "store/deliveries.py": {"httpx", "sqlalchemy"},
    "store/embedded.py": set(),
    "store/events.py": {"sqlalchemy"},
    "store/experiment_search.py": set(),
    "store/experiments.py": {"sqlalchemy"},
    "store/filter_sql.py": {"sqlalchemy"},
    "store/garbage.py": {"sqlalchemy"},
    "store/gates.py": {"sqlalchemy"},
    "store/http_connection.py": {"httpx"},
    "store/http_transport.py": set(),
    "store/importing.py": {"sqlalchemy"},
    "store/importing_artifacts.py": set(),
    "store/importing_database.py": set(),
    "store/importing_registry.py": {"sqlalchemy"},
    "store/importing_rows.py": {"sqlalchemy"},
    "store/importing_sources.py": set(),
    "store/importing_tables.py": {"sqlalchemy"},
    "store/importing_versions.py": set(),
    "store/key_values.py": {"sqlalchemy"},
    "store/logged_model_search.py": {"sqlalchemy"},
    "store/logged_models.py": {"sqlalchemy"},
    "store/membership.py": {"sqlalchemy"},
    "store/metric_history.py": {"sqlalchemy"},
    "store/migrations/env.py": {"alembic"},
    "store/migrations/upgrade.py": {"alembic", "sqlalchemy"},
    "store/migrations/versions/r0001_the_first_tables.py": {"alembic", "sqlalchemy"},
    "store/model_logging.py": set(),
    "store/model_sources.py": {"sqlalchemy"},
    "store/model_versions.py": {"sqlalchemy"},
    "store/moves.py": {"sqlalchemy"},
    "store/object_artifacts.py": {"fsspec"},
    "store/ordering.py": {"sqlalchemy"},
    "store/paging.py": {"sqlalchemy"},
    "store/prepared.py": {"sqlalchemy"},
    "store/promotion_log.py": {"sqlalchemy"},
    "store/promotions.py": {"sqlalchemy"},
    "store/proxied_artifacts.py": set(),
    "store/registered_models.py": {"sqlalchemy"},
    "store/registry_records.py": {"sqlalchemy"},
    "store/registry_search.py": {"sqlalchemy"},
    "store/run_artifacts.py": {"sqlalchemy"},
    "store/run_frames.py": {"pandas"},
    "store/run_links.py": {"sqlalchemy"},
    "store/run_logging.py": {"sqlalchemy"},
    "store/run_pages.py": {"sqlalchemy"},
    "store/run_search.py": set(),
    "store/run_states.py": {"sqlalchemy"},
    "store/runs.py": {"sqlalchemy"},
    "store/shared_commits.py": {"sqlalchemy"},
    "store/store.py": set(),
    "store/tables.py": {"sqlalchemy"},
    "store/upserts.py": {"sqlalchemy"},
    "store/view_types.py": set(),
    "store/version_loading.py": {"sqlalchemy"},
    "store/webhooks.py": {"sqlalchemy"},
}

HEAVY = [
    "alembic",
    "click",
    "fsspec",
    "httpx",
    "msgspec",
    "numpy",
    "onnxruntime",
    "pandas",
    "sklearn",
    "sqlalchemy",
    "starlette",
    "uvicorn",
    "yaml",
]


def tracked_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return [ROOT / name for name in listing.stdout.decode().split("\0") if (ROOT / name).is_file()]


def package_folder(package: str) -> Path:
    return ROOT.joinpath(*package.split(".")[1:])


MODULES = sorted(file for package in PACKAGES for file in package_folder(package).glob("*.py"))


def name_of(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def room_of(module: Path) -> str:
    folders = module.relative_to(ROOT).parent.parts
    return folders[0] if folders else ""


def imports_at_the_top(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield what importing the module imports: not what only functions or type checkers do."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting.extend(ast.iter_child_nodes(node))


def rooms_imported_by(module: Path) -> set[str]:
    parents = module.relative_to(ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = parents[: len(parents) - node.level + 1]
            path = (*above, *(node.module or "").split("."))
            found |= {path[0]} if path[0] else {alias.name for alias in node.names}
    return {name for name in found if name in MAY_IMPORT}


def modules_imported_by(module: Path) -> set[Path]:
    found = set()
    for node in imports_at_the_top(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = module.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            found |= {folder.with_suffix(".py"), *(folder / f"{a.name}.py" for a in node.names)}
    return found


def outsiders_imported_by(module: Path) -> set[str]:
    found = set()
    for node in imports_at_the_top(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif not node.level and node.module:
            found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_room_imports_only_the_rooms_below_it(module):
    room = room_of(module)
    assert rooms_imported_by(module) - {room} <= MAY_IMPORT[room]


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_imports_its_own_package_relatively(module):
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not {name for name in imported if name and name.split(".")[0] == "mlserve"}


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_imports_core_dependencies_alone_unless_it_is_lazy(module):
    assert outsiders_imported_by(module) - CORE <= LAZY.get(name_of(module), set())


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_lazy_module_is_imported_at_the_top_of_lazy_modules_alone(module):
    lazy = {ROOT / name for name in LAZY}
    assert module in lazy or not modules_imported_by(module) & lazy


def test_every_folder_of_modules_is_in_the_list_of_packages():
    modules = [f.relative_to(ROOT) for f in tracked_files() if f.suffix == ".py"]
    folders = {m.parent.parts for m in modules if m.parts[0] not in OUTSIDE}
    assert {".".join(("mlserve", *parts)) for parts in folders} == set(PACKAGES)


def test_every_file_of_a_package_that_is_no_module_is_in_its_package_data():
    files = [f for f in tracked_files() if f.suffix != ".py" and f.parent != ROOT]
    data = {
        package_folder(package) / name
        for package, names in PROJECT["tool"]["setuptools"]["package-data"].items()
        for name in names
    }
    assert {f for f in files if f.relative_to(ROOT).parts[0] not in OUTSIDE} <= data


def test_importing_mlserve_imports_nothing_heavy():
    code = "import json, sys, mlserve; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=60, cwd="/"
    )
    assert not set(HEAVY) & set(json.loads(run.stdout))


@pytest.mark.parametrize("arguments", [["--help"], ["models", "serve", "--help"]])
def test_help_imports_nothing_heavy_but_click(arguments):
    code = (
        "import atexit, json, sys\n"
        "from mlserve.cli.main import main\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
        f"main({arguments})"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=60, cwd="/"
    )
    assert set(HEAVY) & set(json.loads(run.stderr)) == {"click"}


def test_the_public_names_are_there():
    code = "import mlserve; [getattr(mlserve, name) for name in mlserve.__all__]"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd="/")


def test_a_public_name_whose_extra_is_missing_says_how_to_install_it():
    code = "import sys; sys.modules['skops'] = None; import mlserve; mlserve.save_model"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, timeout=60, cwd="/"
    )
    expected = b"mlserve.save_model needs skops, which is not installed; install what the extra "
    assert expected in run.stderr


def test_a_missing_extra_is_told_by_the_packages_that_it_holds():
    extras = PROJECT["project"]["optional-dependencies"]
    names = {extra: tuple(re.split("[<>=]", p)[0] for p in extras[extra]) for extra in EXTRAS}
    assert names == EXTRAS


def test_no_text_says_to_install_mlserve_by_its_name():
    # The public index has another project of this name, whose code would run.
    by_name = re.compile(rb"mlserve\[[a-z]|install (?:-[-\w]+ )*['\"]?mlserve(?![-/.]|\*\.whl)")
    named = [name_of(file) for file in tracked_files() if by_name.search(file.read_bytes())]
    assert not named


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_a_lock_pins_each_package_with_hashes(lock):
    entries = re.split(r"\n(?=[a-z])", lock.read_text().strip())
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==[^ ]+ ", entry)
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry)


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_a_lock_names_no_index_and_no_host(lock):
    text = lock.read_text()
    assert not re.search(r"://|\bindex\b|--find-links|--trusted-host| @ ", text)
    assert not re.search(r"(?m)^-", text)


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return dict(re.findall(r"(?m)^([a-z0-9._-]+)==([^ ]+)", text))


@pytest.mark.parametrize("lock", ["core", "demo"])
def test_a_lock_of_users_pins_what_the_tests_ran_with(lock):
    assert pins(lock).items() <= pins("dev").items()


def test_mlflow_is_compared_on_the_same_releases_and_is_nowhere_else():
    same = ["cloudpickle", "numpy", "onnx", "onnxruntime", "pandas", "scikit-learn", "skops"]
    assert {name: pins("peer")[name] for name in same} == {name: pins("dev")[name] for name in same}
    assert "mlflow" in pins("peer")
    assert "mlflow" not in pins("dev")


def test_the_extra_all_holds_every_other_extra():
    extras = dict(PROJECT["project"]["optional-dependencies"])
    everything = extras.pop("all")
    assert set(everything) == {package for packages in extras.values() for package in packages}


def test_no_file_names_a_path_of_the_machine_it_was_written_on():
    home = re.compile(rb"/(?:home|Users|work|root)/[\w.-]+/|/tmp/\w+/")
    named = {}
    for file in tracked_files():
        if found := home.findall(file.read_bytes()):
            named[name_of(file)] = found
    assert not named
