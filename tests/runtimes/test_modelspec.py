"""An MLmodel of any release is read, and written back with all that was in it."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from mlserve.runtimes.errors import InvalidModel, ModelNotFound
from mlserve.runtimes.modelspec import ModelSpec, read_model_spec, write_model_spec
from mlserve.runtimes.schema import Array, Column, ColumnSchema, DataType, ParamSpec, Signature

MODELS = Path(__file__).parents[1] / "data" / "mlmodels"
SAVED = sorted(folder.name for folder in MODELS.iterdir() if folder.is_dir())
FIELDS = {
    "flavors",
    "signature",
    "is_signature_from_type_hint",
    "model_id",
    "run_id",
    "model_uuid",
    "mlflow_version",
    "utc_time_created",
    "metadata",
    "saved_input_example_info",
}

plain_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=10)
    | st.binary(max_size=4)
    | st.dates()
    | st.datetimes(),
    lambda nested: (
        st.lists(nested, max_size=3) | st.dictionaries(st.text(max_size=6), nested, max_size=3)
    ),
    max_leaves=6,
)
mappings = st.dictionaries(st.text(max_size=6), plain_data, max_size=3)
words = st.none() | st.text(max_size=12)
signatures = st.sampled_from(
    [
        None,
        Signature(
            inputs=ColumnSchema((Column(DataType.DOUBLE, "ä b"), Column(DataType.LONG, "c")))
        ),
        Signature(
            outputs=ColumnSchema((Column(Array(DataType.STRING), "x", required=False),)),
            params=(
                ParamSpec("n", DataType.LONG, 3),
                ParamSpec("l", DataType.STRING, ["a"], (-1,)),
            ),
        ),
    ]
)
specs = st.builds(
    ModelSpec,
    flavors=st.dictionaries(st.text(max_size=6), mappings, min_size=1, max_size=3),
    signature=signatures,
    is_signature_from_type_hint=st.booleans(),
    model_id=words,
    run_id=words,
    model_uuid=words,
    mlflow_version=words,
    utc_time_created=words,
    metadata=mappings,
    example=st.none() | mappings.filter(bool),
    extra=st.dictionaries(st.text(max_size=6).filter(lambda key: key not in FIELDS), plain_data),
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("model")


@pytest.fixture
def model(tmp_path):
    def write(text):
        (tmp_path / "MLmodel").write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return write


@settings(max_examples=150, deadline=None)
@given(spec=specs)
def test_a_written_spec_reads_back_as_itself(scratch, spec):
    write_model_spec(scratch, spec)
    assert read_model_spec(scratch) == spec


@pytest.mark.parametrize("name", SAVED)
def test_every_key_and_value_of_a_saved_model_is_kept(name, tmp_path):
    spec = read_model_spec(MODELS / name)
    write_model_spec(tmp_path, spec)
    assert read_model_spec(tmp_path) == spec
    before = yaml.safe_load((MODELS / name / "MLmodel").read_text())
    after = yaml.safe_load((tmp_path / "MLmodel").read_text())
    if not name.startswith("3."):
        # Signatures of older releases are written in today's spelling.
        assert before.pop("signature", {}).keys() <= after.pop("signature", {}).keys()
    assert after == before


def test_a_model_of_mlflow_1_0_is_read():
    spec = read_model_spec(MODELS / "1.0-data")
    assert spec.flavors["python_function"]["data"] == "model.pkl"
    assert spec.flavors["python_function"]["env"] == "conda.yaml"
    assert spec.signature is spec.model_uuid is spec.mlflow_version is spec.example is None
    assert spec.run_id == "5b1c0e3f8f5d4c6b9d0f7a2e4c6b8d0f"
    assert spec.extra == {"artifact_path": "model"}


def test_a_model_of_mlflow_3_is_read():
    spec = read_model_spec(MODELS / "3.17-chat")
    assert spec.mlflow_version == "3.17.2"
    assert spec.metadata == {"team": "fraud", "pinned": [1, 2]}
    assert spec.example["type"] == "json_object"
    assert spec.extra["prompts"] is None
    assert spec.signature.params == (ParamSpec("temperature", DataType.DOUBLE, 0.5),)


def test_a_signature_from_type_hints_is_told_apart():
    assert read_model_spec(MODELS / "3.17-type-hint").is_signature_from_type_hint
    assert not read_model_spec(MODELS / "3.17-text").is_signature_from_type_hint


@pytest.mark.parametrize(
    "signature",
    ["null", "{}", "{inputs: null}", "{inputs: null, outputs: null, params: null}", "{inputs: ''}"],
)
def test_a_signature_that_says_nothing_is_none(model, signature):
    folder = model(f"flavors: {{f: {{}}}}\nsignature: {signature}\n")
    assert read_model_spec(folder).signature is None


def test_unquoted_words_are_words(model):
    folder = model("flavors: {f: {}}\nmlflow_version: 2.0\nutc_time_created: 2019-06-03 17:30:12\n")
    spec = read_model_spec(folder)
    assert spec.mlflow_version == "2.0"
    assert spec.utc_time_created == "2019-06-03 17:30:12"


def test_a_field_that_is_set_replaces_the_null_that_was_read(model):
    folder = model("flavors: {f: {}}\nmodel_id: null\n")
    write_model_spec(folder, replace(read_model_spec(folder), model_id="m-1"))
    assert read_model_spec(folder) == ModelSpec({"f": {}}, model_id="m-1")


def test_a_flavor_may_be_shared_by_an_alias(model):
    spec = read_model_spec(model("flavors: {a: &f {data: x}, b: *f}"))
    assert spec.flavors == {"a": {"data": "x"}, "b": {"data": "x"}}


def test_a_folder_that_is_not_there_is_no_model(tmp_path):
    with pytest.raises(ModelNotFound, match="there is no such folder"):
        read_model_spec(tmp_path / "absent")


def test_a_path_that_no_file_system_holds_is_no_model(tmp_path):
    with pytest.raises(ModelNotFound, match="its MLmodel cannot be read"):
        read_model_spec(tmp_path / ("x" * 1000))


def test_a_folder_without_an_mlmodel_is_no_model(tmp_path):
    with pytest.raises(ModelNotFound, match="the folder holds no MLmodel"):
        read_model_spec(tmp_path)


def test_the_file_mlmodel_itself_is_no_folder(model):
    with pytest.raises(ModelNotFound, match="it is a file; give the folder that holds"):
        read_model_spec(model("flavors: {f: {}}") / "MLmodel")


def test_an_mlmodel_that_is_a_folder_or_a_pipe_is_no_model(tmp_path):
    (tmp_path / "a" / "MLmodel").mkdir(parents=True)
    (tmp_path / "b").mkdir()
    os.mkfifo(tmp_path / "b" / "MLmodel")
    for folder in ("a", "b"):
        with pytest.raises(ModelNotFound, match="its MLmodel is not a file"):
            read_model_spec(tmp_path / folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "found null, expected a mapping"),
        (b"# nothing\n", "found null, expected a mapping"),
        (b"- flavors", "found a list, expected a mapping"),
        (b"flavors", 'found "flavors", expected a mapping'),
        (b"\x80\x04\x95\x00\xffpickle", "not YAML"),
        (b"flavors: [", "not YAML"),
        (b"flavors: {f: !!python/object:os.x {}}", "not YAML"),
        (b"1: 2\nflavors: {f: {}}", "found the key 1, expected keys that are strings"),
        (b"run_id: x", 'found no such key, expected the key "flavors"'),
        (b"flavors: null", "flavors: found null, expected a mapping"),
        (b"flavors: {}", "flavors: found an empty mapping, expected at least one flavor"),
        (b"flavors: [sklearn]", "flavors: found a list, expected a mapping"),
        (b"flavors: {sklearn: null}", "flavors.sklearn: found null, expected a mapping"),
        (b"flavors: {f: {}}\nsignature: '[]'", 'signature: found "[]", expected a mapping'),
        (b"flavors: {f: {}}\nsignature: {inputs: '[]'}", "signature.inputs: found none"),
        (
            b"flavors: {f: {}}\nsignature: {inputs: [{type: long}]}",
            "signature.inputs: found a list",
        ),
        (b"flavors: {f: {}}\nmetadata: [x]", "metadata: found a list, expected a mapping"),
        (b"flavors: {f: {}}\nrun_id: [x]", "run_id: found a list, expected a string"),
        (b"flavors: {f: {}}\nis_signature_from_type_hint: 3", "found 3, expected true or false"),
        (b"flavors: {f: {}}\nsaved_input_example_info: x", 'found "x", expected a mapping'),
    ],
)
def test_a_broken_mlmodel_is_refused_with_its_place(model, text, message):
    folder = model(text)
    with pytest.raises(InvalidModel) as refusal:
        read_model_spec(folder)
    assert str(refusal.value).startswith(str(folder / "MLmodel"))
    assert message in str(refusal.value)


def test_a_yaml_bomb_is_refused(model):
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(InvalidModel, match="aliases that stand for too much"):
        read_model_spec(model("flavors: {f: {}}\n" + "\n".join(lines)))


def test_a_spec_without_flavors_is_not_written(tmp_path):
    with pytest.raises(InvalidModel, match="found no flavors"):
        write_model_spec(tmp_path, ModelSpec({}))


def test_a_failed_write_leaves_the_old_file_alone(model):
    folder = model("flavors: {f: {}}")
    with pytest.raises(InvalidModel):
        write_model_spec(folder, ModelSpec({"f": {"x": object()}}))
    assert (folder / "MLmodel").read_text() == "flavors: {f: {}}"
    assert [path.name for path in folder.iterdir()] == ["MLmodel"]


def test_a_file_is_replaced_as_a_whole(model):
    folder = model("flavors: {f: {}}")
    with (folder / "MLmodel").open() as reader:
        write_model_spec(folder, ModelSpec({"g": {}}))
        assert reader.read() == "flavors: {f: {}}"
    assert read_model_spec(folder) == ModelSpec({"g": {}})
    assert [path.name for path in folder.iterdir()] == ["MLmodel"]


def test_a_written_file_has_the_permissions_of_any_new_file(tmp_path):
    write_model_spec(tmp_path, ModelSpec({"f": {}}))
    (tmp_path / "new").touch()
    assert _mode(tmp_path / "MLmodel") == _mode(tmp_path / "new")


def test_a_spec_is_not_written_where_there_is_no_folder(tmp_path):
    with pytest.raises(ModelNotFound, match="there is no such folder"):
        write_model_spec(tmp_path / "absent", ModelSpec({"f": {}}))


def _mode(path):
    return stat.S_IMODE(path.stat().st_mode)
