"""The compute budget of a process."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlserve.runtimes.cpu import cpu_budget, parse_cfs, parse_cpu_max, parse_groups, read_quota

VERSION_1 = "12:memory:/jobs/7\n4:cpu,cpuacct:/jobs/7\n1:name=systemd:/\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_groups_of_both_versions_are_read():
    assert parse_groups("4:cpu,cpuacct:/a:b\n0::/c\nnonsense\n") == {
        "cpu": "/a:b",
        "cpuacct": "/a:b",
        "": "/c",
    }


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("200000 100000\n", 2.0),
        ("50000 100000", 0.5),
        ("150000", 1.5),
        ("max 100000\n", None),
        ("", None),
        ("x y", None),
        ("1 0", None),
    ],
)
def test_cpu_max_is_a_quota_in_cores(text: str, cores: float | None):
    assert parse_cpu_max(text) == cores


@pytest.mark.parametrize(
    ("quota", "period", "cores"),
    [("300000\n", "100000\n", 3.0), ("-1", "100000", None), (None, "100000", None)],
)
def test_a_cfs_quota_below_zero_is_no_limit(quota, period, cores):
    assert parse_cfs(quota, period) == cores


def test_the_tightest_of_nested_groups_counts(tmp_path):
    proc = write(tmp_path / "proc", "0::/a/b\n")
    write(tmp_path / "cgroup/a/b/cpu.max", "max 100000")
    write(tmp_path / "cgroup/a/cpu.max", "250000 100000")
    write(tmp_path / "cgroup/cpu.max", "800000 100000")
    assert read_quota(tmp_path / "cgroup", proc) == 2.5


def test_a_container_reads_the_root_where_the_path_is_the_hosts(tmp_path):
    proc = write(tmp_path / "proc", "0::/kubepods/pod7\n")
    write(tmp_path / "cgroup/cpu.max", "100000 100000")
    assert read_quota(tmp_path / "cgroup", proc) == 1


def test_version_1_is_read_from_the_cpu_controllers_folder(tmp_path):
    proc = write(tmp_path / "proc", VERSION_1)
    write(tmp_path / "cgroup/cpu/jobs/7/cpu.cfs_quota_us", "200000")
    write(tmp_path / "cgroup/cpu/jobs/7/cpu.cfs_period_us", "100000")
    write(tmp_path / "cgroup/cpu/cpu.cfs_quota_us", "-1")
    write(tmp_path / "cgroup/cpu/cpu.cfs_period_us", "100000")
    assert read_quota(tmp_path / "cgroup", proc) == 2


def test_a_part_of_a_core_counts_as_one(tmp_path):
    write(tmp_path / "cpu.max", "150000 100000")
    assert cpu_budget(root=tmp_path, proc=tmp_path / "none", affinity=8) == 2


@pytest.mark.parametrize(("workers", "threads"), [(0, 6), (1, 6), (2, 3), (4, 1), (6, 1), (100, 1)])
def test_the_workers_share_the_cores_evenly(tmp_path, workers, threads):
    assert cpu_budget(workers, root=tmp_path, proc=tmp_path / "none", affinity=6) == threads


def test_affinity_limits_a_larger_quota(tmp_path):
    write(tmp_path / "cpu.max", "6400000 100000")
    assert cpu_budget(root=tmp_path, proc=tmp_path / "none", affinity=2) == 2


def test_this_machine_has_a_budget():
    assert cpu_budget() >= 1
