"""What others on this machine, and in our control group, leave us of its CPUs and its memory."""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from watchd.imaging.cgroup import GroupUse, group_use, memory_pressure
from watchd.imaging.topology import layout

_WAITED = 0.1  # of the time


@dataclass(frozen=True, slots=True)
class Load:
    """Between two looks. `spare_cores` is what others do not want; `contended` says that somebody had to wait
    for a CPU. `memory_stalls` is the part of the time in which somebody waited for memory.
    """

    spare_cores: float
    contended: bool
    memory_available: float = 1.0
    memory_stalls: float = 0.0


@dataclass(frozen=True, slots=True)
class _Look:
    """Totals since some moment in the past, in seconds; None is what this kernel does not tell."""

    at: float
    cpus: frozenset[int]
    cores: int
    busy_s: float
    ours_s: float
    cpu_stalls_s: float | None
    memory_stalls_s: float | None
    group: GroupUse | None


class LoadMeter:
    """Tells the load since the last time that it was asked.

    The CPUs of others are those that we may use, too. Two threads of a core count as one core: what others
    do on the one is taken from us on the other.
    """

    def __init__(
        self, root: Path = Path("/"), mask: Callable[[], set[int]] = lambda: os.sched_getaffinity(0)
    ) -> None:
        self._root = root
        self._mask = mask
        self._before: _Look | None = None

    def read(self, now: float) -> Load | None:
        """None the first time, where no time has passed, or where we may use other CPUs than before."""
        before, self._before = self._before, self._look(now)
        if before is None or before.at >= now or before.cpus != self._before.cpus:
            return None
        return self._between(before, self._before)

    def _look(self, now: float) -> _Look:
        cpus, before = frozenset(self._mask()), self._before
        same = before is not None and before.cpus == cpus  # sysfs takes a while to tell of many
        return _Look(
            at=now,
            cpus=cpus,
            cores=before.cores if before and same else len({cpu.core for cpu in layout(cpus, self._root)}),
            busy_s=_busy_s(self._root, cpus),
            ours_s=_ours_s(self._root),
            cpu_stalls_s=_stalls_s(self._root / "proc/pressure/cpu"),
            memory_stalls_s=_memory_stalls_s(self._root),
            group=group_use(self._root),
        )

    def _between(self, before: _Look, after: _Look) -> Load:
        passed_s = after.at - before.at
        cpus = len(after.cpus)
        ours = (after.ours_s - before.ours_s) / passed_s
        busy = (after.busy_s - before.busy_s) / passed_s
        waited = _part(before.cpu_stalls_s, after.cpu_stalls_s, passed_s)
        if waited is None:
            waited = 1.0 if cpus - busy < _WAITED * cpus else 0.0
        contended = waited > _WAITED
        # Whoever shares a CPU with us waits as long as it runs, and wants as much again.
        spare = _spare(after.cores, (busy - ours) * (1 + min(1.0, waited)))
        group = _spare_of_group(before.group, after.group, ours, passed_s)
        if group is not None and group < spare:
            spare, contended = group, _throttled(before.group, after.group)
        stalls = _part(before.memory_stalls_s, after.memory_stalls_s, passed_s)
        return Load(spare, contended, _memory_available(self._root), stalls or 0.0)


def _spare(cores: float, others: float) -> float:
    return cores - max(0.0, others)


def _spare_of_group(
    before: GroupUse | None, after: GroupUse | None, ours: float, passed_s: float
) -> float | None:
    if before is None or after is None:
        return None
    return _spare(math.ceil(after.quota), (after.used_s - before.used_s) / passed_s - ours)


def _throttled(before: GroupUse | None, after: GroupUse | None) -> bool:
    return before is not None and after is not None and after.throttled > before.throttled


def _part(before_s: float | None, after_s: float | None, passed_s: float) -> float | None:
    return None if before_s is None or after_s is None else (after_s - before_s) / passed_s


def _busy_s(root: Path, cpus: frozenset[int]) -> float:
    """Time that a hypervisor took is nobody's here."""
    ours = {f"cpu{number}" for number in cpus}
    busy = 0
    for line in _read(root / "proc/stat").splitlines():
        name, *words = line.split()
        if name in ours:
            user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, words)
            busy += user + nice + system + irq + softirq
    return busy / _TICKS_A_SECOND


def _ours_s(root: Path) -> float:
    """Of this process and its children, those that have ended, too."""
    pids = ["self", *_children(root)]
    return sum(_process_s(_read(root / f"proc/{pid}/stat")) for pid in pids)


def _children(root: Path) -> Iterator[str]:
    for thread in (root / "proc/self/task").glob("*/children"):
        yield from _read(thread).split()


def _process_s(stat: str) -> float:
    """Behind the name, which may hold anything, utime, stime, cutime and cstime are the 12th to 15th."""
    return sum(map(int, stat.rpartition(")")[2].split()[11:15])) / _TICKS_A_SECOND


def _memory_available(root: Path) -> float:
    """As a part of all. 1 where it is not told."""
    told = _fields(root / "proc/meminfo")
    available, total = told.get("MemAvailable:", 1), told.get("MemTotal:", 1)
    return available / total


def _memory_stalls_s(root: Path) -> float | None:
    return max(
        (
            found
            for path in (root / "proc/pressure/memory", memory_pressure(root))
            if path is not None and (found := _stalls_s(path)) is not None
        ),
        default=None,
    )


def _stalls_s(path: Path) -> float | None:
    """How long some task has waited, of `some avg10=0.00 avg60=0.00 avg300=0.00 total=MICROSECONDS`."""
    some = next(iter(_read(path).splitlines()), "")
    total = some.rpartition("total=")[2]
    return int(total) / 1e6 if total.isdecimal() else None


def _fields(path: Path) -> Mapping[str, int]:
    rows = (line.split() for line in _read(path).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdecimal()}


def _read(path: Path) -> str:
    """Empty if there is none, or it has ended meanwhile."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
