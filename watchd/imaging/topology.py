"""How the CPUs of this machine are laid out, as sysfs tells: cores, their threads, nodes, caches, kinds."""

import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cpu:
    """One CPU as the kernel numbers them, which may be one of several threads of a core.

    Equal `core`: SMT siblings. Equal `cache`: they share the last-level cache. Equal `node`: the same
    memory is near. More `strength` is a faster kind of core, and means nothing but that.
    """

    number: int
    core: int
    node: int = 0
    cache: int = 0
    strength: int = 0


def usable_cpus(root: Path = Path("/")) -> tuple[Cpu, ...]:
    """The CPUs in this thread's affinity mask, which taskset and cpusets narrow; in ascending order."""
    return layout(os.sched_getaffinity(0), root)


def layout(numbers: Iterable[int], root: Path = Path("/")) -> tuple[Cpu, ...]:
    """Of these CPUs, without those that are offline. What sysfs does not tell is taken to be all alike."""
    cpus = root / "sys/devices/system/cpu"
    nodes, kinds = _nodes(root), _kinds(root)
    return tuple(
        Cpu(
            number,
            core=_first(cpus / f"cpu{number}/topology/thread_siblings_list", number),
            node=nodes.get(number, 0),
            cache=_cache(cpus / f"cpu{number}/cache"),
            strength=kinds.get(number) or _first(cpus / f"cpu{number}/cpu_capacity", 0),
        )
        for number in _online(sorted(numbers), cpus)
    )


def spread(cpus: Iterable[Cpu]) -> tuple[Cpu, ...]:
    """Best first for threads that work apart: nodes take turns, and so do the caches of a node."""
    tier = _tiers(cpus)
    beside = _ranks(tier, lambda cpu: (tier[cpu], cpu.node, cpu.cache))
    by_cache = sorted(tier, key=lambda cpu: (tier[cpu], beside[cpu], cpu.number))
    turn = _ranks(by_cache, lambda cpu: (tier[cpu], cpu.node))
    return tuple(sorted(tier, key=lambda cpu: (tier[cpu], turn[cpu], cpu.node, cpu.number)))


def together(cpus: Iterable[Cpu]) -> tuple[Cpu, ...]:
    """Best first for threads that share each piece of work: one node and one cache after the other."""
    tier = _tiers(cpus)
    in_node = Counter(cpu.node for cpu in tier)
    in_cache = Counter((cpu.node, cpu.cache) for cpu in tier)

    def place(cpu: Cpu) -> tuple[int, ...]:
        return -in_node[cpu.node], cpu.node, -in_cache[cpu.node, cpu.cache], cpu.cache, cpu.number

    return tuple(sorted(tier, key=lambda cpu: (tier[cpu], place(cpu))))


def cpu_list(text: str) -> tuple[int, ...]:
    """From "0-3,6" to (0, 1, 2, 3, 6), in the order given. ValueError: it is no such list."""
    cpus: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(text)
        span = range(int(first), int(last or first) + 1)
        if not 0 < len(span) <= MAX_CPUS:
            raise ValueError(text)
        cpus.update(dict.fromkeys(span))
    return tuple(cpus)


MAX_CPUS = 8192
"""More than Linux can be built for; a longer list is a slip of the finger."""


def _tiers(cpus: Iterable[Cpu]) -> Mapping[Cpu, tuple[int, int]]:
    """Cores come before their second threads, for two busy siblings are slower than two cores."""
    ordered = sorted(cpus, key=lambda cpu: cpu.number)
    thread = _ranks(ordered, lambda cpu: cpu.core)
    return {cpu: (thread[cpu], -cpu.strength) for cpu in ordered}


def _ranks(cpus: Iterable[Cpu], group: Callable[[Cpu], Hashable]) -> Mapping[Cpu, int]:
    """Of each CPU, how many of its group come before it."""
    seen: Counter[Hashable] = Counter()
    ranks = {}
    for cpu in cpus:
        ranks[cpu] = seen[group(cpu)]
        seen[group(cpu)] += 1
    return ranks


def _online(numbers: list[int], cpus: Path) -> list[int]:
    online = _listed(cpus / "online")
    return [number for number in numbers if number in online] or numbers


def _nodes(root: Path) -> Mapping[int, int]:
    """The node of each CPU."""
    nodes = {}
    for folder in (root / "sys/devices/system/node").glob("node[0-9]*"):
        nodes.update(dict.fromkeys(_listed(folder / "cpulist"), int(folder.name.removeprefix("node"))))
    return nodes


def _kinds(root: Path) -> Mapping[int, int]:
    """The strength of each CPU where Intel has several kinds of cores; elsewhere cpu_capacity tells it."""
    kinds = {}
    for strength, kind in ((3, "cpu_core"), (2, "cpu_atom"), (1, "cpu_lowpower")):
        kinds.update(dict.fromkeys(_listed(root / f"sys/devices/{kind}/cpus"), strength))
    return kinds


def _cache(caches: Path) -> int:
    """The first CPU that shares the third-level cache, or where there is none the second-level one."""
    return _first(caches / "index3/shared_cpu_list", _first(caches / "index2/shared_cpu_list", 0))


def _first(path: Path, default: int) -> int:
    return next(iter(_listed(path)), default)


def _listed(path: Path) -> tuple[int, ...]:
    """Empty if there is no such file, as on a kernel without this feature, or no number in it."""
    try:
        return cpu_list(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return ()
