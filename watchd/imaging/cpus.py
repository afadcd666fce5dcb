"""Which CPUs we may use, how they are laid out, and which thread gets which."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from watchd.domain.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ThreadPlan:
    """How many threads work, and which CPU each is pinned to.

    `worker_cpus` has one entry per worker, None for one that is not pinned. `intra_affinities` pins the
    intra_op - 1 helpers of ONNX Runtime, in its own syntax: CPU numbers from 1, ";" between threads, ""
    where they are not pinned. `notes` say in words what was decided and why.
    """

    workers: int
    intra_op: int
    inter_op: int
    worker_cpus: tuple[int | None, ...]
    intra_affinities: str = ""
    notes: tuple[str, ...] = ()


def plan_threads(
    workers: int | None,
    intra_op: int | None,
    inter_op: int | None,
    binding: str,
    cpus: tuple[int, ...],
    quota: float | None,
) -> ThreadPlan:
    """From the settings (None = not set) and the machine: `cpus` are the usable ones, best first.

    `binding` is "auto", "none" or a list such as "0-3,6". ConfigError: a CPU in it is not usable.
    """
    chosen = _chosen(binding, cpus)
    whole = len(chosen) if quota is None else max(1, min(len(chosen), math.ceil(quota)))
    threads = intra_op or 1
    count = workers or max(1, whole // threads)
    needed = count + threads - 1
    obstacle = _obstacle(binding, needed, chosen, quota)
    pins = () if obstacle else tuple(chosen[index % len(chosen)] for index in range(needed))
    return ThreadPlan(
        workers=count,
        intra_op=threads,
        inter_op=inter_op or 1,
        worker_cpus=pins[:count] or (None,) * count,
        # ONNX Runtime counts CPUs from 1.
        intra_affinities=";".join(str(cpu + 1) for cpu in pins[count:]),
        notes=tuple(_notes(obstacle, count, threads, inter_op, whole)),
    )


def usable_cpus() -> tuple[int, ...]:
    """The CPUs in this thread's affinity mask, which taskset and cpusets narrow; in ascending order."""
    return tuple(sorted(os.sched_getaffinity(0)))


def physical_first(cpus: tuple[int, ...], root: Path = Path("/")) -> tuple[int, ...]:
    """One CPU of each core first, then their SMT siblings: two busy siblings are slower than two cores."""
    cores: dict[str, int] = {}
    rank = {}
    for cpu in cpus:
        core = _read(root / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or str(cpu)
        rank[cpu] = cores[core] = cores.get(core, -1) + 1
    return tuple(sorted(cpus, key=lambda cpu: (rank[cpu], cpu)))


def cpu_quota(root: Path = Path("/")) -> float | None:
    """How many CPUs' worth of time our cgroups grant, say 1.5: the tightest of all levels. None: no limit."""
    return min(_quotas(root), default=None)


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """From "0-3,6" to (0, 1, 2, 3, 6), in the order given. ConfigError: it is no such list."""
    cpus: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise _no_list(text)
        span = range(int(first), int(last or first) + 1)
        if not 0 < len(span) <= MAX_CPUS:
            raise _no_list(text)
        cpus.update(dict.fromkeys(span))
    return tuple(cpus)


MAX_CPUS = 8192
"""More than Linux can be built for; a longer list is a slip of the finger."""


def _no_list(text: str) -> ConfigError:
    return ConfigError(
        f"binding: {text!r} is no list of CPUs; allowed are auto, none, or a list such as 0-3,6"
    )


def _chosen(binding: str, cpus: tuple[int, ...]) -> tuple[int, ...]:
    if binding in ("auto", "none"):
        return cpus
    chosen = parse_cpu_list(binding)
    # ONNX Runtime would run unpinned on a CPU that is not there, and leave our mask for one outside it.
    if foreign := [str(cpu) for cpu in chosen if cpu not in cpus]:
        usable = ", ".join(map(str, sorted(cpus)))
        raise ConfigError(
            f"binding: we may not use CPU {', '.join(foreign)} of {binding!r}; usable are {usable}"
        )
    return chosen


def _obstacle(binding: str, needed: int, chosen: tuple[int, ...], quota: float | None) -> str:
    """Why nothing is pinned; empty if it is. A list that the user gave is obeyed in any case."""
    if binding == "none":
        return "binding is none"
    if binding != "auto":
        return ""
    if quota is not None and quota < len(chosen):
        # Others run on these CPUs too: a pinned thread would wait behind them with another CPU idle.
        return f"the cgroup grants {quota:g} of {len(chosen)} CPUs, so the scheduler shall choose which"
    if needed > len(chosen):
        return f"{needed} threads share {len(chosen)} CPUs"
    return ""


def _notes(obstacle: str, workers: int, intra_op: int, inter_op: int | None, whole: int) -> Iterator[str]:
    if obstacle:
        yield f"threads are not pinned: {obstacle}"
    if intra_op > 1 and workers > 1:
        yield f"intra_op: its helpers ({intra_op - 1}) are shared by all {workers} workers"
    if workers * intra_op > whole:
        yield f"{workers} workers × {intra_op} threads want more than {whole} CPUs: 15 to 25 % slower"
    if inter_op == 1:
        yield "inter_op: 1 has no effect, the nodes of a network run one after another anyway"
    elif inter_op:
        yield f"inter_op: {inter_op} runs nodes side by side (ORT_PARALLEL): measured 2 to 3 times slower"


def _quotas(root: Path) -> Iterator[float]:
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        names = controllers.split(",")
        if names == [""]:  # cgroup v2, alone or beside v1
            for mount in ("sys/fs/cgroup", "sys/fs/cgroup/unified"):
                yield from _quotas_along(root / mount, path, "cpu.max", "")
        elif "cpu" in names:
            for mount in {"sys/fs/cgroup/cpu", f"sys/fs/cgroup/{controllers}"}:
                yield from _quotas_along(root / mount, path, "cpu.cfs_quota_us", "cpu.cfs_period_us")


def _quotas_along(mount: Path, path: str, quota_file: str, period_file: str) -> Iterator[float]:
    """From our group up to the mount. A container may see the host's path: then only the mount is there."""
    group = PurePosixPath(path.lstrip("/"))
    for level in (group, *group.parents):
        words = _read(mount / level / quota_file).split()
        if period_file:
            words += _read(mount / level / period_file).split()
        if len(words) == 2 and words[0].isdecimal():  # else "max", -1, or no such file
            yield int(words[0]) / int(words[1])


def _read(path: Path) -> str:
    """Empty if there is none, as on a kernel without this feature."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
