"""What our control groups grant us: time on the CPUs, and memory. The tightest of all levels counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True, slots=True)
class GroupUse:
    """Of the group with the tightest quota: how much time on the CPUs it has had, and how often it was made
    to wait since its quota was used up.
    """

    quota: float
    used_s: float
    throttled: int


def cpu_quota(root: Path = Path("/")) -> float | None:
    """How many CPUs' worth of time, say 1.5. None: no limit."""
    return min((quota for quota, _ in _quotas(root)), default=None)


def group_use(root: Path = Path("/")) -> GroupUse | None:
    """None: no limit, or no account of it."""
    quota, level = min(_quotas(root), default=(0.0, None))
    if level is None:
        return None
    told = _fields(level / "cpu.stat")
    nanoseconds = _numbers(level / "cpuacct.usage")
    if "usage_usec" not in told and not nanoseconds:
        return None
    used_s = told["usage_usec"] / 1e6 if "usage_usec" in told else nanoseconds[0] / 1e9
    return GroupUse(quota, used_s, told.get("nr_throttled", 0))


def memory_pressure(root: Path = Path("/")) -> Path | None:
    """The file that tells how long our own group waits for memory."""
    return next((level / "memory.pressure" for level in _levels(root, "")), None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """How many bytes. None: no limit; without one the old groups tell more than any machine has."""
    unified = (_numbers(level / "memory.max") for level in _levels(root, ""))
    legacy = (_numbers(level / "memory.limit_in_bytes") for level in _levels(root, "memory"))
    return min((limit for found in (*unified, *legacy) for limit in found), default=None)


def _quotas(root: Path) -> Iterator[tuple[float, Path]]:
    """With the folder of each; where there is no limit the quota is "max" or -1, which leaves no pair."""
    for level in _levels(root, ""):
        if len(pair := _numbers(level / "cpu.max")) == 2:
            yield pair[0] / pair[1], level
    for level in _levels(root, "cpu"):
        pair = _numbers(level / "cpu.cfs_quota_us") + _numbers(level / "cpu.cfs_period_us")
        if len(pair) == 2:
            yield pair[0] / pair[1], level


def _levels(root: Path, controller: str) -> Iterator[Path]:
    """The folders of our group and of all above it; "" is the unified hierarchy, cgroup v2.

    A container may see its path on the host, which it does not have: then only the mount is there.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, names, path = line.split(":", 2)
        if controller not in names.split(","):
            continue
        mounts = (controller, names) if controller else ("", "unified")
        group = PurePosixPath(path.lstrip("/"))
        for mount in dict.fromkeys(mounts):
            for level in (group, *group.parents):
                yield root / "sys/fs/cgroup" / mount / level


def _fields(path: Path) -> dict[str, int]:
    rows = (line.split() for line in _read(path).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}


def _numbers(path: Path) -> tuple[int, ...]:
    return tuple(int(word) for word in _read(path).split() if word.isdecimal())


def _read(path: Path) -> str:
    """Empty if there is none, as on a kernel without this feature."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
