"""References to models: every form is read, written, and read again; all else is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.store.errors import InvalidParameter
from mlserve.store.references import (
    AliasReference,
    FolderReference,
    LatestReference,
    LoggedModelReference,
    RunReference,
    StageReference,
    StorageReference,
    VersionReference,
    read_moment,
    read_reference,
    write_moment,
    write_reference,
)

DAY = 1767225600000  # the first of January 2026, in UTC
RUN = "0123456789abcdef0123456789abcdef"

FORMS = {
    "models/churn": FolderReference(Path("models/churn")),
    "/models/churn": FolderReference(Path("/models/churn")),
    "C:/models": FolderReference(Path("C:/models")),
    "a:b": FolderReference(Path("a:b")),
    "file:///models/a%20b": FolderReference(Path("/models/a b")),
    "file:models": FolderReference(Path("models")),
    "file://localhost/models": FolderReference(Path("/models")),
    "FILE:///models": FolderReference(Path("/models")),
    "s3://bucket/models/churn/": StorageReference("s3://bucket/models/churn"),
    "S3://bucket/models": StorageReference("s3://bucket/models"),
    "gs://bucket/models": StorageReference("gs://bucket/models"),
    "abfs://c@a.dfs.core.windows.net/m": StorageReference("abfs://c@a.dfs.core.windows.net/m"),
    "memory://models": StorageReference("memory://models"),
    "mlflow-artifacts:/0/models/m": StorageReference("mlflow-artifacts:/0/models/m"),
    f"runs:/{RUN}/model": RunReference(RUN, "model"),
    f"runs:/{RUN}/a/b/": RunReference(RUN, "a/b"),
    f"models:/m-{RUN}": LoggedModelReference(f"m-{RUN}"),
    "models:/churn/3": VersionReference("churn", 3),
    "models:/churn/03": VersionReference("churn", 3),
    "models:/churn/3/": VersionReference("churn", 3),
    "models:/churn/3/a/b": VersionReference("churn", 3, "a/b"),
    "models:/a b/3": VersionReference("a b", 3),
    "models:/m-3/3": VersionReference("m-3", 3),
    "models:/wh?t/3": VersionReference("wh?t", 3),
    "MODELS:/churn/3": VersionReference("churn", 3),
    "models:/churn/Production": StageReference("churn", "Production"),
    "models:/churn/production/a": StageReference("churn", "production", None, "a"),
    "models:/churn/None": StageReference("churn", "None"),
    "models:/churn/latest": LatestReference("churn"),
    "models:/churn/LATEST/a": LatestReference("churn", "a"),
    "models:/churn@champion": AliasReference("churn", "champion"),
    "models:/churn@champion/a/b": AliasReference("churn", "champion", "a/b"),
    "models:/churn@3": AliasReference("churn", "3"),
    "models:/a@b@c": AliasReference("a@b", "c"),
    "models:/churn/Production?at=2026-01-01": StageReference("churn", "Production", DAY),
    "models:/churn/Production?at=2026-01-01T00:00Z": StageReference("churn", "Production", DAY),
    "models:/churn/Production?at=2026-01-01T02:00%2B02:00": StageReference(
        "churn", "Production", DAY
    ),
    "models:/churn/Staging/a?at=2026-01-01": StageReference("churn", "Staging", DAY, "a"),
}


@pytest.mark.parametrize(("text", "reference"), FORMS.items(), ids=FORMS)
def test_a_reference_is_read_and_written_and_read_again(text, reference):
    assert read_reference(text) == reference
    assert read_reference(write_reference(reference)) == reference


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01", 0),
        ("2026-01-01", DAY),
        ("2026-01-01T00:00", DAY),
        ("2026-01-01 00:00", DAY),
        ("2026-01-01T00:00:00.001Z", DAY + 1),
        ("2026-01-01T00:00:00.0019Z", DAY + 1),
        ("2026-01-01T01:30+01:30", DAY),
        ("2025-12-31T23:00-01:00", DAY),
    ],
)
def test_a_moment_is_a_date_or_a_time_in_utc_unless_it_says_otherwise(text, milliseconds):
    assert read_moment(text) == milliseconds


@given(st.integers(0, 2**47))
def test_a_moment_is_read_as_it_was_written(milliseconds):
    assert read_moment(write_moment(milliseconds)) == milliseconds


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "1969-12-31", "1970-01-01T00:00+01:00", "9999-12-31T23:59-12:00",
     "2026-02-30", "0001-01-01T00:00+23:59", "1767225600000"],
)  # fmt: skip
def test_what_is_no_moment_from_1970_on_is_refused(text):
    with pytest.raises(InvalidParameter, match="2026-01-01T12:00Z"):
        read_reference(f"models:/churn/Production?at={text}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "found ''"),
        ("a\0b", "expected a folder"),
        ("http://host/model", "an address that begins with http:"),
        ("hdfs:/models", "an address that begins with hdfs:"),
        ("dbfs:/models", "an address that begins with dbfs:"),
        ("file://other/models", "found a host"),
        ("models:churn/1", "no single slash"),
        ("models://churn/1", "no single slash"),
        ("models:/", "no name"),
        ("models:/churn", "no version, stage or alias of churn"),
        ("models:/churn/", "no version, stage or alias of churn"),
        ("models:/churn//1", "Invalid path|the stage ''"),
        ("models:/ /1", "the name ' '"),
        ("models:/a:b/1", "the name 'a:b'"),
        ("models:/@champion", "the name ''"),
        ("models:/churn@", "the alias ''"),
        ("models:/churn/0", "version 0"),
        ("models:/churn/2147483648", "version 2147483648"),
        ("models:/churn/" + "9" * 5000, "version 999"),
        ("models:/churn/1/../2", "Invalid path"),
        ("models:/churn/Production/%2e%2e/x", "Invalid path"),
        ("models:/churn/1?at=2026-01-01", "a moment for what is no stage"),
        ("models:/churn@champion?at=2026-01-01", "a moment for what is no stage"),
        ("models:/churn/latest?at=2026-01-01", "a moment for what is no stage"),
        (f"models:/m-{RUN}?at=2026-01-01", "a moment for what is no stage"),
        ("models:/churn/Production?on=2026-01-01", "nothing but ?at="),
        ("models:/churn/Production?", "nothing but ?at="),
        ("models:/churn@champion?x", "nothing but ?at="),
        ("runs:/", "no run or no path"),
        (f"runs:/{RUN}", "no run or no path"),
        (f"runs:/{RUN}/", "no run or no path"),
        (f"runs:/{RUN}/../other", "Invalid path"),
        (f"runs:{RUN}/model", "no single slash"),
        (f"runs://{RUN}/model", "no single slash"),
        ("s3://", "the name of a bucket"),
        ("s3://bucket/../x", "Invalid path"),
        ("mlflow-artifacts:/a/../b", "Invalid path"),
    ],
)
def test_what_is_no_reference_is_refused_with_the_reason(text, reason):
    with pytest.raises(InvalidParameter) as caught:
        read_reference(text)
    assert any(one in str(caught.value) for one in reason.split("|"))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "s3://KEY:SECRET@b/x",
        "s3://KEY:SECRET[@b/x",
        "s3://KEY:SECRET\u2100@b/x",
        "s3://KEY:SECRET@b\n/x",
        "file://KEY:SECRET@b/x",
        "http://u:SECRET@h/x",
        "https://h/x?token=SECRET",
    ],
)
def test_credentials_in_a_reference_are_not_repeated(text):
    with pytest.raises(InvalidParameter) as caught:
        read_reference(text)
    assert "SECRET" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_reference_or_refused(text):
    for start in ("", "models:/", "models:/a/", "runs:/", "models:/a/b?at=", "s3://", "file:"):
        try:
            reference = read_reference(start + text)
        except InvalidParameter:
            continue
        assert read_reference(write_reference(reference)) == reference
