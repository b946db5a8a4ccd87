"""References resolved: by a store in this process, and by a server of ours."""

from __future__ import annotations

import io
from contextlib import closing
from itertools import count

import pytest
from mlserve.store import registry_operations as registry
from mlserve.store import registry_requests as requests
from mlserve.store import tracking_operations as tracking
from mlserve.store import tracking_requests
from mlserve.store.errors import CorruptArtifact, InvalidParameter, InvalidState, NotFound
from mlserve.store.fetching import fetch_model
from mlserve.store.http_transport import HttpTransport
from mlserve.store.manifest import make_manifest
from mlserve.store.model_cache import ModelCache
from mlserve.store.references import read_reference, write_moment
from mlserve.store.registry_requests import ManifestAnswer
from mlserve.store.resolving import resolve
from mlserve.store.rest.app import StoreApp
from mlserve.store.rest.settings import ServerSettings
from mlserve.store.store import Store, open_store

from .rest.clients import serving

_numbers = count(1)


class Here:
    """The way to a store that is open already."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def call(self, operation, request):
        return operation.run(self.store, request)

    def artifacts(self, uri):
        return self.store.artifacts(uri)

    def close(self):
        """Leave it open."""


class Clock:
    """Tells a time that the test sets."""

    def __init__(self) -> None:
        self.now = 1767225600000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def here(tmp_path, clock):
    uri = f"sqlite:///{tmp_path / 'store.db'}"
    with closing(open_store(uri, str(tmp_path / "artifacts"))) as opened:
        yield Here(Store(opened.database, opened.destination, caller="me", clock=clock))


@pytest.fixture(params=["here", "server"])
def transport(request, here):
    if request.param == "here":
        yield here
        return
    numbers = count(1)
    app = StoreApp(here.store, ServerSettings(), None, lambda _: f"request-{next(numbers)}")
    with serving(app) as url, closing(HttpTransport(url)) as transport:
        yield transport


@pytest.fixture
def cache(tmp_path):
    with closing(ModelCache(tmp_path / "cache", 1 << 30)) as cache:
        yield cache


@pytest.fixture
def fetch(transport, cache):
    return lambda text: fetch_model(text, lambda: Staying(transport), cache)


class Staying:
    """A way to a store that is not closed after each use."""

    def __init__(self, transport) -> None:
        self.call, self.artifacts = transport.call, transport.artifacts

    def close(self):
        """Leave it open."""


def new_run(transport, path="model", content=b"content"):
    """Make a run with a model among its artifacts, and return its id."""
    run = transport.call(tracking.CREATE_RUN, tracking_requests.CreateRun("0")).run.info
    artifacts = transport.artifacts(run.artifact_uri)
    artifacts.write(f"{path}/MLmodel", io.BytesIO(content))
    artifacts.write(f"{path}/sub/MLmodel", io.BytesIO(b"sub"))
    return run.run_id


def new_logged_model(transport, name="model", run_id=None, status="LOGGED_MODEL_READY"):
    """Make a logged model whose file holds its own id, and return that."""
    request = tracking_requests.CreateLoggedModel("0", name, source_run_id=run_id)
    info = transport.call(tracking.CREATE_LOGGED_MODEL, request).model.info
    model_id = info.model_id
    transport.artifacts(info.artifact_uri).write("MLmodel", io.BytesIO(model_id.encode()))
    transport.artifacts(info.artifact_uri).write("sub/MLmodel", io.BytesIO(b"sub"))
    finished = tracking_requests.FinalizeLoggedModel(model_id, status)
    transport.call(tracking.FINALIZE_LOGGED_MODEL, finished)
    return model_id


def register(transport, name="churn", count=1):
    """Register a model with versions whose files hold their own number."""
    request = requests.CreateRegisteredModel(name)
    transport.call(registry.CREATE_REGISTERED_MODEL, request)
    for number in range(1, count + 1):
        run_id = new_run(transport, content=str(number).encode())
        version = requests.CreateModelVersion(name, f"runs:/{run_id}/model", run_id)
        transport.call(registry.CREATE_MODEL_VERSION, version)


def promote(transport, version, stage, name="churn"):
    request = requests.TransitionStage(name, str(version), stage)
    transport.call(registry.TRANSITION_STAGE, request)


def set_alias(transport, alias, version):
    transport.call(registry.SET_ALIAS, requests.SetAlias("churn", alias, str(version)))


def content(model) -> str:
    return (model.folder / "MLmodel").read_text()


# Registered models


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("models:/churn/2", 2),
        ("models:/churn/Production", 3),
        ("models:/churn/production", 3),
        ("models:/churn/Staging", 2),
        ("models:/churn/None", 4),
        ("models:/churn/Development", 4),
        ("models:/churn@champion", 1),
        ("models:/churn/latest", 4),
        ("models:/churn/LATEST", 4),
    ],
)
def test_a_version_is_found_by_what_it_is_called(transport, fetch, text, version):
    register(transport, count=4)
    for number, stage in ((1, "Production"), (3, "Production"), (2, "Staging")):
        promote(transport, number, stage)
    set_alias(transport, "champion", 1)
    model = fetch(text)
    assert content(model) == str(version)
    assert (model.name, model.version) == ("churn", str(version))
    assert model.digest == model.folder.name


def test_a_folder_in_a_version_is_named_behind_it(transport, fetch):
    register(transport)
    promote(transport, 1, "Production")
    set_alias(transport, "champion", 1)
    for text in ("1", "Production", "latest"):
        assert content(fetch(f"models:/churn/{text}/sub")) == "sub"
    model = fetch("models:/churn@champion/sub")
    assert content(model) == "sub"
    assert [file.name for file in model.folder.iterdir()] == ["MLmodel"]


def test_a_stage_in_the_past_is_told_by_the_log(transport, fetch, clock):
    register(transport, count=2)
    moments = []
    for number in (1, 2, 1):
        clock.now += 1000
        promote(transport, number, "Production")
        promote(transport, 3 - number, "Archived")
        moments.append(write_moment(clock.now))
    found = [content(fetch(f"models:/churn/production?at={moment}")) for moment in moments]
    assert found == ["1", "2", "1"]


MISSING = [
    ("models:/churn/Staging", "no version in Staging; Production has 3; {first} has 4; {aliases}"),
    ("models:/churn/staging", "no version in staging; Production has 3; {first} has 4; {aliases}"),
    ("models:/churn/9", "no version 9; Production has 3; {first} has 4; {aliases}"),
    ("models:/churn@best", "no alias best; Production has 3; {first} has 4; {aliases}"),
    ("models:/chrun/1", "there is no registered model chrun; did you mean churn?"),
    ("models:/zzz/latest", "there is no registered model zzz; there is churn, empty"),
    ("models:/zzz/Production?at=2026-01-01T00:00:00Z", "there is no registered model zzz; there"),
    ("models:/zzz@best", "there is no registered model zzz; there is churn, empty"),
    ("models:/empty/latest", "no version; it has no versions yet"),
    ("models:/empty/1", "no version 1; it has no versions yet"),
]


@pytest.mark.parametrize(("text", "told"), MISSING, ids=[text for text, _ in MISSING])
def test_what_is_not_there_is_told_with_what_is(transport, fetch, text, told):
    register(transport, count=4)
    register(transport, "empty", count=0)
    for number in (1, 2, 3):
        promote(transport, number, "Production")
    set_alias(transport, "champion", 3)
    set_alias(transport, "first", 1)
    with pytest.raises(NotFound) as caught:
        fetch(text)
    aliases = "aliases: champion → 3, first → 1"
    expected = told.format(first="the first stage (None)", aliases=aliases)
    assert str(caught.value).startswith(f"{text}: {expected}")


def test_an_empty_registry_says_so(fetch):
    with pytest.raises(NotFound, match=r"no registered model churn; none is registered yet"):
        fetch("models:/churn/1")


def test_a_stage_that_no_lifecycle_has_is_told_with_those_that_are_there(transport, fetch):
    register(transport)
    with pytest.raises(InvalidParameter, match="Value must be one of None, Development, Staging"):
        fetch("models:/churn/Prodction")


def test_a_stage_that_was_empty_then_is_told_with_those_that_were_not(transport, fetch, clock):
    register(transport)
    clock.now += 1000
    promote(transport, 1, "Staging")
    moment = write_moment(clock.now)
    with pytest.raises(NotFound, match=r"no version was in Production then; Staging had 1"):
        fetch(f"models:/churn/Production?at={moment}")


def test_a_folder_that_a_version_does_not_have_is_not_found(transport, fetch):
    register(transport)
    with pytest.raises(NotFound, match="models:/churn/1/none: "):
        fetch("models:/churn/1/none")


def test_a_changed_byte_of_a_version_is_refused(transport, fetch, here):
    register(transport)
    uri = resolve(read_reference("models:/churn/1"), transport).uri
    here.artifacts(uri).write("MLmodel", io.BytesIO(b"2"))
    with pytest.raises(CorruptArtifact, match="models:/churn/1: MLmodel: found SHA-256"):
        fetch("models:/churn/1")


def test_a_file_that_was_added_to_a_version_is_refused(transport, fetch, here):
    register(transport)
    uri = resolve(read_reference("models:/churn/1"), transport).uri
    here.artifacts(uri).write("code/more.py", io.BytesIO(b""))
    with pytest.raises(CorruptArtifact, match=r"more.py: found a file, expected none"):
        fetch("models:/churn/1")


class Answering:
    """A way to a store whose answer to one operation is another."""

    def __init__(self, transport, operation, answer) -> None:
        self._transport, self._operation, self._answer = transport, operation, answer

    def call(self, operation, request):
        return (
            self._answer
            if operation is self._operation
            else self._transport.call(operation, request)
        )

    def artifacts(self, uri):
        return self._transport.artifacts(uri)

    def close(self):
        """Leave it open."""


@pytest.mark.parametrize(
    ("files", "kind"),
    [({"MLmodel": ("0" * 64, 1)}, CorruptArtifact), ({"../x": ("0" * 64, 1)}, InvalidParameter)],
)
def test_a_manifest_that_is_not_that_of_its_digest_is_refused(here, files, kind):
    register(here)
    answer = ManifestAnswer("mlflow-artifacts:/0", "0" * 64, files)
    with pytest.raises(kind):
        resolve(read_reference("models:/churn/1"), Answering(here, registry.GET_MANIFEST, answer))


def test_the_new_name_of_a_model_is_told_of_its_past(here, clock):
    register(here)
    clock.now += 1000
    promote(here, 1, "Production")
    moment = write_moment(clock.now)
    here.call(
        registry.RENAME_REGISTERED_MODEL, requests.RenameRegisteredModel("churn", "attrition")
    )
    clock.now += 1000
    resolved = resolve(read_reference(f"models:/attrition/Production?at={moment}"), here)
    assert (resolved.name, resolved.version) == ("attrition", 1)


# Runs and logged models


def test_a_model_among_the_artifacts_of_a_run_is_found_by_its_folder(transport, fetch):
    run_id = new_run(transport, "deep/model")
    model = fetch(f"runs:/{run_id}/deep/model")
    assert content(model) == "content"
    assert (model.name, model.version) == ("model", "")
    assert content(fetch(f"runs:/{run_id}/deep/model/sub")) == "sub"


def test_a_model_that_a_run_logged_is_found_by_its_name(transport, fetch):
    run_id, other = new_run(transport, "other"), new_run(transport, "other")
    expected = new_logged_model(transport, run_id=run_id)
    new_logged_model(transport, run_id=other)
    new_logged_model(transport, "another", run_id=run_id)
    model = fetch(f"runs:/{run_id}/model")
    assert (content(model), model.name, model.version) == (expected, "model", "")
    assert content(fetch(f"runs:/{run_id}/model/sub")) == "sub"


def test_a_logged_model_is_found_by_its_id(transport, fetch):
    model_id = new_logged_model(transport, "iris")
    model = fetch(f"models:/{model_id}")
    assert (content(model), model.name, model.version) == (model_id, "iris", "")


def test_a_run_without_the_model_is_told_with_what_it_has(transport, fetch):
    run_id = new_run(transport, "plots")
    new_logged_model(transport, "iris", run_id=run_id)
    with pytest.raises(NotFound) as caught:
        fetch(f"runs:/{run_id}/model")
    assert str(caught.value) == (
        f"runs:/{run_id}/model: the run has no model there; its folders are plots; it logged iris"
    )


def test_a_run_or_a_logged_model_that_is_not_there_is_not_found(fetch):
    with pytest.raises(NotFound, match="00000000"):
        fetch(f"runs:/{'0' * 32}/model")
    with pytest.raises(NotFound, match="m-00000000"):
        fetch(f"models:/m-{'0' * 32}")


def test_a_logged_model_whose_upload_failed_is_refused(transport, fetch):
    model_id = new_logged_model(transport, status="LOGGED_MODEL_UPLOAD_FAILED")
    with pytest.raises(InvalidState, match="was not uploaded whole"):
        fetch(f"models:/{model_id}")


def test_a_quote_in_the_path_of_a_run_is_no_part_of_a_filter(transport, fetch):
    run_id = new_run(transport, "it's")
    assert content(fetch(f"runs:/{run_id}/it's")) == "content"
    with pytest.raises(NotFound, match="the run has no model there"):
        fetch(f"runs:/{run_id}/x' OR name = 'y")


# Storage


def test_what_a_store_keeps_is_found_by_its_address(transport, fetch):
    run_id = new_run(transport)
    info = transport.call(tracking.GET_RUN, tracking_requests.RunId(run_id=run_id)).run.info
    model = fetch(f"{info.artifact_uri}/model/")
    assert (content(model), model.name) == ("content", "model")


def test_a_folder_is_itself_and_asks_nobody(tmp_path, cache):
    for text in (str(tmp_path), tmp_path.as_uri()):
        model = fetch_model(text, pytest.fail, cache)
        assert (model.folder, model.name, model.version, model.digest) == (tmp_path, "", "", None)


def test_a_folder_of_an_object_store_asks_no_server(cache, here):
    uri = f"memory://resolving{next(_numbers)}/iris"
    artifacts = here.artifacts(uri)
    artifacts.write("MLmodel", io.BytesIO(b"1"))
    model = fetch_model(uri, pytest.fail, cache)
    assert (content(model), model.name, model.version) == ("1", "iris", "")
    assert model.digest == make_manifest(artifacts).digest


def test_an_object_store_without_the_model_says_so(cache):
    with pytest.raises(NotFound, match="memory://none/iris: the artifacts: no artifact is there"):
        fetch_model("memory://none/iris", pytest.fail, cache)
