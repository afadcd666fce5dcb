"""What our control groups grant us: time on the CPUs, and memory. The tightest of all levels counts."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def cpu_quota(root: Path = Path("/")) -> float | None:
    """How many CPUs' worth of time, say 1.5. None: no limit."""
    unified = (_numbers(level / "cpu.max") for level in _levels(root, ""))
    legacy = (
        _numbers(level / "cpu.cfs_quota_us") + _numbers(level / "cpu.cfs_period_us")
        for level in _levels(root, "cpu")
    )
    # Where there is no limit the quota is "max" or -1, which leaves no pair.
    return min((pair[0] / pair[1] for pair in (*unified, *legacy) if len(pair) == 2), default=None)


def memory_limit(root: Path = Path("/")) -> int | None:
    """How many bytes. None: no limit; without one the old groups tell more than any machine has."""
    unified = (_numbers(level / "memory.max") for level in _levels(root, ""))
    legacy = (_numbers(level / "memory.limit_in_bytes") for level in _levels(root, "memory"))
    return min((limit for found in (*unified, *legacy) for limit in found), default=None)


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


def _numbers(path: Path) -> tuple[int, ...]:
    return tuple(int(word) for word in _read(path).split() if word.isdecimal())


def _read(path: Path) -> str:
    """Empty if there is none, as on a kernel without this feature."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
