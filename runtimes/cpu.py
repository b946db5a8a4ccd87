"""How many cores this process may use: its affinity and its control group's quota, not the host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import ceil
from pathlib import Path, PurePosixPath

CGROUP_ROOT = Path("/sys/fs/cgroup")
PROC_CGROUP = Path("/proc/self/cgroup")


def cpu_budget(
    workers: int = 1,
    *,
    root: Path = CGROUP_ROOT,
    proc: Path = PROC_CGROUP,
    affinity: int | None = None,
) -> int:
    """Return how many threads each of ``workers`` processes may keep busy, at least one.

    It is the smaller of the cores that the process may run on and the CPU quota of its control
    group (version 1 or 2, the tightest of the groups it is nested in, rounded up), shared out
    evenly.
    """
    cores = _affinity() if affinity is None else affinity
    quota = read_quota(root, proc)
    usable = cores if quota is None else min(cores, ceil(quota))
    return max(1, usable // max(1, workers))


def read_quota(root: Path = CGROUP_ROOT, proc: Path = PROC_CGROUP) -> float | None:
    """Return the CPU quota in cores of the control groups in ``proc``, or None if there is none."""
    groups = parse_groups(_read(proc) or "")
    quotas = [
        *(parse_cpu_max(_read(at / "cpu.max") or "") for at in _nested(root, groups.get("", "/"))),
        *(
            parse_cfs(_read(at / "cpu.cfs_quota_us"), _read(at / "cpu.cfs_period_us"))
            for at in _nested(root / "cpu", groups.get("cpu", "/"))
        ),
    ]
    return min((quota for quota in quotas if quota is not None), default=None)


def parse_groups(text: str) -> dict[str, str]:
    """Return the group's path under each controller of ``/proc/self/cgroup``; version 2's is ""."""
    lines = (line.split(":", 2) for line in text.splitlines() if line.count(":") >= 2)
    return {
        controller: path for _, controllers, path in lines for controller in controllers.split(",")
    }


def parse_cpu_max(text: str) -> float | None:
    """Return the cores that version 2's ``cpu.max`` grants ("200000 100000"), None for "max"."""
    quota, _, period = text.strip().partition(" ")
    return parse_cfs(quota, period or "100000")


def parse_cfs(quota: str | None, period: str | None) -> float | None:
    """Return the cores that a quota in microseconds a period grants, or None if it is no limit."""
    try:
        cores = int(quota or "") / int(period or "")
    except (ValueError, ZeroDivisionError):
        return None
    return cores if cores > 0 else None


def _nested(root: Path, group: str) -> Iterator[Path]:
    """Yield the folders of ``group`` and of those around it.

    A container sees its own group as the root under a path of the host's: that leads nowhere,
    and the root holds the limit.
    """
    path = PurePosixPath(group.lstrip("/"))
    yield from (root / at for at in (path, *path.parents))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
