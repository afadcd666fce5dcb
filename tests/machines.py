"""What sysfs says on machines that we do not have, below a folder that stands for the root."""

from collections.abc import Iterable
from pathlib import Path

CPUS = "sys/devices/system/cpu"


def server(root: Path) -> Path:
    """Two sockets of 16 cores with two threads each (0 and 32, 1 and 33, …); eight cores share a cache."""
    for cpu in range(64):
        core = cpu % 32
        first = core - core % 8
        write(root, f"{CPUS}/cpu{cpu}/topology/thread_siblings_list", f"{core},{core + 32}")
        _cache(root, cpu, 2, f"{core},{core + 32}")
        _cache(root, cpu, 3, f"{first}-{first + 7},{first + 32}-{first + 39}")
    write(root, f"{CPUS}/online", "0-63")
    write(root, "sys/devices/system/node/node0/cpulist", "0-15,32-47")
    write(root, "sys/devices/system/node/node1/cpulist", "16-31,48-63")
    write(root, "sys/devices/system/node/online", "0-1")
    return root


def desktop(root: Path) -> Path:
    """Eight fast cores with two threads each (0 and 1, 2 and 3, …), and eight slow ones."""
    for cpu in range(24):
        siblings = f"{cpu - cpu % 2}-{cpu - cpu % 2 + 1}" if cpu < 16 else str(cpu)
        write(root, f"{CPUS}/cpu{cpu}/topology/thread_siblings_list", siblings)
        _cache(root, cpu, 3, "0-23")
    write(root, f"{CPUS}/online", "0-23")
    write(root, "sys/devices/system/node/node0/cpulist", "0-23")
    write(root, "sys/devices/cpu_core/cpus", "0-15")
    write(root, "sys/devices/cpu_atom/cpus", "16-23")
    return root


def phone(root: Path) -> Path:
    """An ARM with two slow and two fast cores, and no third-level cache."""
    _all_alone(root, range(4))
    for cpu, capacity in enumerate((430, 430, 1024, 1024)):
        write(root, f"{CPUS}/cpu{cpu}/cpu_capacity", str(capacity))
        _cache(root, cpu, 2, "0-1" if cpu < 2 else "2-3")
    return root


def container(root: Path, cpu_max: str = "max 100000") -> Path:
    """No sysfs but for the control group, which is its own root."""
    write(root, "proc/self/cgroup", "0::/")
    write(root, "sys/fs/cgroup/cpu.max", cpu_max)
    return root


def write(root: Path, relative: str, text: str) -> None:
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def _all_alone(root: Path, cpus: Iterable[int]) -> None:
    for cpu in cpus:
        write(root, f"{CPUS}/cpu{cpu}/topology/thread_siblings_list", str(cpu))


def _cache(root: Path, cpu: int, level: int, shared: str) -> None:
    write(root, f"{CPUS}/cpu{cpu}/cache/index{level}/shared_cpu_list", shared)
