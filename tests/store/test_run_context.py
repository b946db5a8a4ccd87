"""The system tags of a run: who started it, and which commit of what."""

from __future__ import annotations

import os
import subprocess

import pytest
from mlserve.store.run_context import context_tags, git_tags
from mlserve.store.tracking_uri import find_user

COMMIT, BRANCH = "mlflow.source.git.commit", "mlflow.source.git.branch"


def git(folder, *arguments):
    """Run Git with nothing of the user's; return what it printed."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
    }  # fmt: skip
    run = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return run.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    (folder / "deep").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "deep" / "script.py").write_text("")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_the_commit_and_the_branch_of_a_program_are_found(repository):
    expected = {COMMIT: git(repository, "rev-parse", "HEAD"), BRANCH: "main"}
    assert git_tags(repository / "deep" / "script.py") == expected


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://example.com/a/b.git", "https://example.com/a/b.git"),
        ("https://user:token@example.com/a.git", "https://example.com/a.git"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ("../b", "../b"),
    ],
)
def test_where_a_repository_was_cloned_from_is_told_without_its_password(repository, url, told):
    git(repository, "config", "branch.main.description", "url = no")
    git(repository, "remote", "add", "origin", url)
    git(repository, "remote", "add", "other", "https://example.com/other")
    found = git_tags(repository / "deep" / "script.py")
    assert found["mlflow.source.git.repoURL"] == told


def test_a_reference_that_git_has_packed_is_found(repository):
    git(repository, "checkout", "-q", "-b", "feature/x")
    git(repository, "pack-refs", "--all")
    expected = {COMMIT: git(repository, "rev-parse", "HEAD"), BRANCH: "feature/x"}
    assert git_tags(repository / "deep" / "script.py") == expected


def test_a_commit_without_a_branch_is_found(repository):
    git(repository, "checkout", "-q", "--detach")
    assert git_tags(repository / "deep" / "script.py") == {
        COMMIT: git(repository, "rev-parse", "HEAD")
    }


@pytest.mark.parametrize("is_packed", [False, True])
def test_the_commit_of_a_second_worktree_is_found(repository, tmp_path, is_packed):
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "second"))
    (tmp_path / "second" / "new").write_text("")
    git(tmp_path / "second", "add", ".")
    git(tmp_path / "second", "commit", "-q", "-m", "second")
    if is_packed:
        git(repository, "pack-refs", "--all")
    expected = {COMMIT: git(tmp_path / "second", "rev-parse", "HEAD"), BRANCH: "other"}
    assert git_tags(tmp_path / "second" / "deep" / "script.py") == expected
    assert git_tags(repository / "deep" / "script.py")[BRANCH] == "main"


def test_a_program_is_found_by_a_link_to_it(repository, tmp_path):
    (tmp_path / "link.py").symlink_to(repository / "deep" / "script.py")
    assert git_tags(tmp_path / "link.py")[BRANCH] == "main"


@pytest.mark.parametrize(
    "content", [b"", b"ref: refs/heads/none", b"ref: ../../x", b"\xff\xfe", b"zz" * 20, b"ref:"]
)
def test_a_repository_that_says_nothing_gives_no_tags(repository, content):
    (repository / ".git" / "HEAD").write_bytes(content)
    assert git_tags(repository / "deep" / "script.py") == {}


def test_a_new_repository_and_a_broken_link_to_one_give_no_tags(tmp_path):
    git(tmp_path, "init", "-q")
    assert git_tags(tmp_path / "script.py") == {}
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".git").write_text("gitdir: /nowhere")
    assert git_tags(tmp_path / "deep" / "script.py") == {}


def test_the_user_is_the_one_who_logs_in_or_the_systems():
    assert context_tags({})["mlflow.user"] == find_user()
    environment = {"MLSERVE_TRACKING_USERNAME": "ada", "MLSERVE_TRACKING_PASSWORD": "x"}
    assert context_tags(environment)["mlflow.user"] == "ada"
    assert context_tags({})["mlflow.source.type"] == "LOCAL"
