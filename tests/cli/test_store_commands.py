"""The commands on a store: tables, JSON, what is asked first, and exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field, replace
from io import BytesIO

import pytest
from click.testing import CliRunner, Result
from mlserve.cli.main import main
from mlserve.store.embedded import EmbeddedTransport
from mlserve.store.entities import Metric, Param, Tag
from mlserve.store.registry_operations import CREATE_MODEL_VERSION, CREATE_REGISTERED_MODEL
from mlserve.store.registry_requests import CreateModelVersion, CreateRegisteredModel
from mlserve.store.tracking_operations import CREATE_EXPERIMENT, CREATE_RUN, LOG_BATCH, UPDATE_RUN
from mlserve.store.tracking_requests import CreateExperiment, CreateRun, LogBatch, UpdateRun

from ..store.servers import running_mlserve
from .terminals import on_a_terminal


@dataclass(frozen=True)
class Filled:
    """A store with an experiment, three runs and a registered model of two versions."""

    uri: str
    run_ids: list[str]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, answer: str | None = None) -> Result:
        """Run a command in this process; its stdin is no terminal."""
        environment = {"MLSERVE_TRACKING_URI": self.uri, **self.environment}
        return CliRunner().invoke(main, arguments, input=answer, env=environment)

    def lines(self, *arguments: str) -> list[str]:
        done = self.run(*arguments)
        assert done.exit_code == 0, done.stderr
        return done.stdout.splitlines()

    def json(self, *arguments: str):
        done = self.run(*arguments, "--json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def filled(tmp_path) -> Filled:
    uri = f"sqlite:///{tmp_path / 'store.db'}"
    with closing(EmbeddedTransport(uri, caller="tester")) as transport:
        call = transport.call
        number = call(CREATE_EXPERIMENT, CreateExperiment("churn", tags=[Tag("team", "growth")]))
        ids = []
        for i in range(3):
            request = CreateRun(number.experiment_id, "ada", f"run {i}", 1_767_225_600_000 + i)
            info = call(CREATE_RUN, request).run.info
            call(LOG_BATCH, LogBatch(
                run_id=info.run_id,
                metrics=[Metric("auc", 0.7 + i / 10, 1, 5)],
                params=[Param("depth", str(i))],
            ))  # fmt: skip
            call(UPDATE_RUN, UpdateRun(
                run_id=info.run_id, status="FINISHED", end_time=1_767_225_661_000
            ))  # fmt: skip
            transport.artifacts(info.artifact_uri).write("m/MLmodel", BytesIO(b"flavors: {}"))
            ids.append(info.run_id)
        call(CREATE_REGISTERED_MODEL, CreateRegisteredModel("churn", description="who leaves"))
        for run_id in ids[:2]:
            call(CREATE_MODEL_VERSION, CreateModelVersion("churn", f"runs:/{run_id}/m", run_id))
    return Filled(uri, ids)


class TestExperiments:
    def test_they_are_listed_as_a_table(self, filled):
        title, *rows = filled.lines("experiments", "list")
        assert title.split() == ["ID", "NAME", "STATE", "CREATED", "ARTIFACTS"]
        assert [row.split()[:3] for row in rows] == [
            ["1", "churn", "active"],
            ["0", "Default", "active"],
        ]

    def test_one_is_made_shown_renamed_deleted_and_restored(self, filled):
        made = filled.run("experiments", "create", "new", "--tag", "a=b=c")
        assert made.stdout == "2\n"
        assert filled.json("experiments", "show", "new")["tags"] == [{"key": "a", "value": "b=c"}]
        filled.lines("experiments", "rename", "new", "newer")
        assert filled.lines("experiments", "delete", "newer") == []
        assert "newer" not in "".join(filled.lines("experiments", "list"))
        assert [one["name"] for one in filled.json("experiments", "list", "--deleted")] == ["newer"]
        assert len(filled.json("experiments", "list", "--all")) == 3
        filled.lines("experiments", "restore", "2")
        assert filled.json("experiments", "show", "newer")["lifecycle_stage"] == "active"

    def test_a_name_goes_before_an_id(self, filled):
        filled.lines("experiments", "create", "1")
        assert filled.json("experiments", "show", "1")["experiment_id"] == "2"
        assert filled.json("experiments", "show", "0")["name"] == "Default"

    def test_a_search_filters_and_sorts(self, filled):
        filled.lines("experiments", "create", "churn two")
        found = filled.json(
            "experiments", "search", "name LIKE 'churn%'", "--order-by", "name DESC"
        )
        assert [one["name"] for one in found] == ["churn two", "churn"]


class TestRuns:
    def test_they_are_listed_with_their_metrics_the_newest_first(self, filled):
        title, *rows = filled.lines("runs", "list")
        assert re.split(" {2,}", title) == [
            "RUN ID", "NAME", "EXPERIMENT", "STATUS", "STARTED", "DURATION", "METRICS",
        ]  # fmt: skip
        assert re.split(" {2,}", rows[0]) == [
            filled.run_ids[2], "run 2", "1", "FINISHED", "2026-01-01T00:00:00Z", "0:01:01",
            "auc=0.9",
        ]  # fmt: skip
        assert [row.split()[0] for row in rows] == filled.run_ids[::-1]

    def test_columns_are_chosen(self, filled):
        title, first, *_ = filled.lines(
            "runs", "list", "--column", "params.depth", "--column", "tags.none"
        )
        assert title.endswith("params.depth  tags.none")
        assert first.split()[-1] == "2"

    def test_a_search_filters_sorts_and_stops(self, filled):
        found = filled.json(
            "runs", "search", "metrics.auc > 0.75", "-x", "churn", "--order-by", "metrics.auc"
        )
        assert [run["info"]["run_id"] for run in found] == filled.run_ids[1:]
        assert found[0]["data"]["params"] == [{"key": "depth", "value": "1"}]
        assert len(filled.json("runs", "list", "--limit", "2")) == 2
        assert filled.json("runs", "list", "-x", "Default") == []

    def test_one_is_shown_whole(self, filled):
        text = "\n".join(filled.lines("runs", "show", filled.run_ids[0]))
        for line in (
            "  name        run 0",
            "  user        ada",
            "  depth  0",
            "  auc  0.7  (step 5)",
        ):
            assert line in text

    def test_some_are_deleted_and_restored(self, filled):
        filled.lines("runs", "delete", *filled.run_ids[:2])
        assert len(filled.json("runs", "list")) == 1
        assert len(filled.json("runs", "list", "--deleted")) == 2
        filled.lines("runs", "restore", filled.run_ids[0])
        assert len(filled.json("runs", "list")) == 2

    def test_all_pages_are_printed(self, filled):
        with closing(EmbeddedTransport(filled.uri)) as transport:
            for _ in range(1010):
                transport.call(CREATE_RUN, CreateRun("0"))
        assert len(filled.json("runs", "list")) == 1013


class TestRegistry:
    def test_models_and_versions_are_listed(self, filled):
        filled.lines("registry", "alias", "set", "churn", "champion", "1")
        [_, row] = filled.lines("registry", "list")
        assert re.split(" {2,}", row)[:3] == ["churn", "None 2", "@champion 1"]
        assert row.endswith("who leaves")
        [_, *rows] = filled.lines("registry", "versions", "churn")
        assert [row.split()[0] for row in rows] == ["2", "1"]
        assert [one["version"] for one in filled.json("registry", "versions", "churn")] == [
            "2",
            "1",
        ]
        assert filled.json("registry", "search", "name = 'none'") == []

    def test_a_version_is_promoted_and_rolled_back_and_the_log_tells_it(self, filled):
        filled.lines("registry", "promote", "churn", "1", "production")
        filled.lines("registry", "alias", "set", "churn", "next", "2", "--reason", "to try")
        done = filled.json(
            "registry", "promote", "churn", "@next", "Production", "--archive-existing",
            "--reason", "better",
        )  # fmt: skip
        assert (done["version"], done["current_stage"]) == ("2", "Production")
        back = filled.json("registry", "rollback", "churn", "--reason", "worse after all")
        assert (back["version"], back["current_stage"]) == ("1", "Production")
        told = filled.json("registry", "history", "churn", "--version", "2")
        assert {one["reason"] for one in told} >= {"better", "worse after all", "to try"}
        shown = filled.lines("registry", "history", "churn")
        assert shown[0].split() == ["TIME", "VERSION", "WHAT", "FROM", "TO", "BY", "REASON"]
        assert "worse after all" in shown[1]

    def test_an_alias_is_given_and_taken_away(self, filled):
        filled.lines("registry", "alias", "set", "churn", "champion", "2")
        assert filled.json("registry", "show", "churn", "@champion")["version"] == "2"
        filled.lines("registry", "alias", "remove", "churn", "champion")
        assert filled.run("registry", "show", "churn", "@champion").exit_code == 1

    def test_a_stage_is_requested_rejected_and_approved(self, filled, tmp_path):
        file = tmp_path / "lifecycle.toml"
        file.write_text("self_approval = true\n[stage.Production]\napproval = true\n")
        filled = replace(filled, environment={"MLSERVE_LIFECYCLE": str(file)})
        refused = filled.run("registry", "promote", "churn", "1", "Production")
        assert "mlserve registry request churn 1 Production --reason" in refused.stderr
        wish = ("churn", "1", "Production", "--reason")
        assert filled.json("registry", "request", *wish, "good")["state"] == "pending"
        assert filled.json("registry", "reject", *wish, "not yet")["state"] == "rejected"
        filled.lines("registry", "request", *wish, "better")
        assert filled.json("registry", "approve", *wish, "checked")["state"] == "approved"
        filled.lines("registry", "promote", "churn", "1", "Production")
        states = [one["state"] for one in filled.json("registry", "approvals", "churn")]
        assert sorted(states) == ["rejected", "used"]
        assert filled.json("registry", "approvals", "--state", "pending") == []

    @pytest.mark.parametrize("command", ["request", "approve", "reject", "rollback"])
    def test_a_reason_is_required(self, filled, command):
        stage = [] if command == "rollback" else ["1", "Production"]
        done = filled.run("registry", command, "churn", *stage)
        assert done.exit_code == 2
        assert "--reason" in done.stderr

    def test_a_model_is_made_and_renamed(self, filled):
        assert filled.lines("registry", "create", "fraud", "--tag", "a=b") == ["fraud"]
        filled.lines("registry", "rename", "fraud", "frauds")
        assert filled.json("registry", "show", "frauds")["tags"] == [{"key": "a", "value": "b"}]

    def test_a_model_is_shown_with_its_versions(self, filled):
        text = "\n".join(filled.lines("registry", "show", "churn"))
        assert "description  who leaves" in text
        assert f"runs:/{filled.run_ids[0]}/m" in text


class TestWhatCannotBeUndone:
    def test_a_version_and_a_model_are_deleted_with_yes(self, filled):
        filled.lines("registry", "delete", "churn", "2", "--yes")
        assert [one["version"] for one in filled.json("registry", "versions", "churn")] == ["1"]
        filled.lines("registry", "delete", "churn", "-y")
        assert filled.json("registry", "list") == []

    @pytest.mark.parametrize(
        "command", [["registry", "delete", "churn"], ["registry", "delete", "churn", "1"], ["gc"]]
    )
    def test_nothing_is_deleted_where_nobody_can_be_asked(self, filled, command):
        done = filled.run(*command, answer="y\n")
        assert done.exit_code == 2
        assert "give --yes" in done.stderr
        assert len(filled.json("registry", "versions", "churn")) == 2

    @pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 1)])
    def test_on_a_terminal_it_is_asked(self, filled, answer, left):
        code, shown = on_a_terminal(filled.uri, ["registry", "delete", "churn"], f"{answer}\n")
        assert "Delete churn with all its versions? [y/N]" in shown
        assert code == left
        assert len(filled.json("registry", "list")) == left


class TestTerminals:
    def test_a_table_is_as_wide_as_the_terminal_and_ids_are_whole(self, filled):
        filled.lines("experiments", "create", "n" * 200)
        code, shown = on_a_terminal(filled.uri, ["experiments", "list"], columns=72)
        assert code == 0
        assert max(map(len, shown.splitlines())) <= 72
        assert "…" in shown
        assert "n" * 200 in "".join(filled.lines("experiments", "list"))

    def test_names_cannot_act_on_a_terminal(self, filled):
        name = "\x1b]0;owned\x07\x1b[2J\u202egnp"
        filled.lines("experiments", "create", name)
        for arguments in (
            ["experiments", "list"],
            ["experiments", "show", name],
            ["experiments", "list", "--json"],
            ["experiments", "create", name],
        ):
            _, shown = on_a_terminal(filled.uri, arguments, columns=200)
            assert not set(shown) & {"\x1b", "\x07", "\u202e"}
        assert filled.json("experiments", "list")[0]["name"] == name

    def test_what_the_encoding_of_stdout_lacks_is_escaped(self, filled):
        filled.lines("experiments", "create", "größer 数")
        done = subprocess.run(
            [sys.executable, "-m", "mlserve", "experiments", "list", "--tracking-uri", filled.uri],
            capture_output=True, check=True, timeout=60,
            env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        )  # fmt: skip
        assert "größer \\u6570" in done.stdout.decode("latin-1")


class TestExitCodes:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["runs", "show", "f" * 32], "not found"),
            (["experiments", "show", "none"], "Could not find experiment with name 'none'"),
            (["runs", "search", "metrics.auc >"], "Invalid clause(s) in filter string"),
            (["registry", "show", "none"], "Registered Model with name=none not found"),
            (["registry", "promote", "churn", "9", "Production"], "version=9"),
            (["registry", "promote", "churn", "1", "Nowhere"], "Invalid Model Version stage"),
        ],
    )
    def test_what_is_not_there_or_not_allowed_is_1(self, filled, arguments, words):
        done = filled.run(*arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert words in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["runs", "list", "--column", "auc"], "expected metrics.KEY, params.KEY or tags.KEY"),
            (["runs", "list", "--limit", "0"], "--limit"),
            (["experiments", "create", "x", "--tag", "a"], "--tag: found a, expected KEY=VALUE"),
            (["experiments", "list", "--tracking-uri", "ftp://x"], "expected sqlite:///FILE"),
            (["gc", "--older-than", "soon"], "--older-than: found soon, expected a duration"),
            (["gc", "--tracking-uri", "http://localhost:5000"], "works on a store's database"),
        ],
    )
    def test_wrong_usage_is_2(self, filled, arguments, words):
        done = filled.run(*arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert words in done.stderr

    def test_a_store_that_is_not_there_is_made_only_by_what_makes_something(self, tmp_path):
        uri = f"sqlite:///{tmp_path / 'new.db'}"
        none = Filled(uri, [])
        for command in (["runs", "list"], ["gc", "--yes"], ["registry", "show", "x"]):
            done = none.run(*command)
            assert done.exit_code == 2
            assert "there is no store at" in done.stderr
        assert not list(tmp_path.iterdir())
        assert none.lines("experiments", "create", "first") == ["1"]


def test_the_same_commands_work_through_a_server(tmp_path):
    with running_mlserve(tmp_path) as uri:
        remote = Filled(uri, [])
        assert remote.lines("experiments", "create", "far") == ["1"]
        assert [one["name"] for one in remote.json("experiments", "list")] == ["far", "Default"]
        remote.lines("registry", "create", "churn")
        assert [one["name"] for one in remote.json("registry", "list")] == ["churn"]
        assert remote.json("registry", "history", "churn") == []
        assert remote.json("webhooks", "list") == []
        assert remote.json("runs", "list", "--all") == []


class TestWebhooks:
    def test_one_is_made_listed_and_deleted_and_its_secret_never_shown(self, filled):
        [webhook_id] = filled.lines(
            "webhooks", "create", "chat", "https://example.org/hook",
            "--event", "model_version.created", "--secret", "s3cret",
        )  # fmt: skip
        [one] = filled.json("webhooks", "list")
        assert (one["webhook_id"], one["events"]) == (webhook_id, ["model_version.created"])
        assert "s3cret" not in json.dumps(one)
        assert webhook_id in filled.lines("webhooks", "list")[1]
        assert filled.run("webhooks", "delete", webhook_id).exit_code == 2
        filled.lines("webhooks", "delete", webhook_id, "--yes")
        assert filled.json("webhooks", "list") == []


class TestGarbage:
    def test_it_reports_what_it_freed(self, filled):
        filled.lines("runs", "delete", *filled.run_ids)
        told = filled.run("gc", "--older-than", "0d", "--dry-run")
        assert told.exit_code == 0
        assert told.stderr.count("version ") == 2
        assert told.stdout.splitlines()[0] == "would be deleted"
        freed = filled.json("gc", "--older-than", "0d", "--yes")
        assert (freed["runs"], freed["files"], freed["bytes"]) == (1, 1, 11)
        assert len(freed["kept"]) == 2
        assert len(filled.json("runs", "list", "--deleted")) == 2

    def test_nothing_younger_than_thirty_days_goes_unless_it_is_said(self, filled):
        filled.lines("runs", "delete", filled.run_ids[2])
        assert filled.json("gc", "--yes")["runs"] == 0
        assert filled.json("gc", "--yes", "--older-than", "1d12h")["runs"] == 0
