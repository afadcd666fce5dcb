"""Which thread gets which CPU, and how many threads there are."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from watchd.domain.errors import ConfigError
from watchd.imaging.topology import Cpu, cpu_list, spread, together


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

    @property
    def spins(self) -> bool:
        """Whether idle helpers may burn a CPU: nobody else wants it."""
        return self.intra_op > 1 and self.workers == 1

    @property
    def of_a_network(self) -> tuple[object, ...]:
        """What a network is loaded by, and keeps while it is loaded."""
        return self.intra_op, self.inter_op, self.intra_affinities, self.spins


@dataclass(frozen=True, slots=True)
class Room:
    """The CPUs to choose from, how many of them a quota grants, and how many are worth a worker."""

    chosen: tuple[Cpu, ...]
    granted: int
    cores: int


def room_for(binding: str, cpus: tuple[Cpu, ...], quota: float | None) -> Room:
    """ConfigError: a CPU in the list is not usable."""
    chosen = _chosen(binding, cpus)
    granted = len(chosen) if quota is None else max(1, min(len(chosen), math.ceil(quota)))
    return Room(chosen, granted, min(granted, _cores(binding, chosen)))


def plan_threads(
    workers: int | None,
    intra_op: int | None,
    inter_op: int | None,
    binding: str,
    cpus: tuple[Cpu, ...],
    quota: float | None,
    runs_that_fit: int | None = None,
) -> ThreadPlan:
    """From the settings (None = not set) and the machine: `cpus` are those that we may use.

    `binding` is "auto", "none" or a list such as "0-3,6". `runs_that_fit` is for how many networks at work
    there is memory. ConfigError: a CPU in the list is not usable.
    """
    room = room_for(binding, cpus, quota)
    chosen, granted, cores = room.chosen, room.granted, room.cores
    given = min(intra_op or 1, max(1, granted // (workers or 1)))
    wanted = max(1, cores // given)
    count = workers or min(wanted, runs_that_fit or wanted)
    spare = max(1, cores // count) if count < wanted and workers is None else 1
    threads = given if intra_op else spare
    needed = count + threads - 1
    obstacle = _obstacle(binding, needed, chosen, quota)
    pins = () if obstacle else _pins(binding, count, threads, chosen)
    return ThreadPlan(
        workers=count,
        intra_op=threads,
        inter_op=inter_op or 1,
        worker_cpus=pins[:count] or (None,) * count,
        # ONNX Runtime counts CPUs from 1.
        intra_affinities=";".join(str(cpu + 1) for cpu in pins[count:]),
        notes=(
            *_notes(obstacle, count, threads, inter_op),
            *_notes_on_limits(count, intra_op, threads, granted),
            *_notes_on_memory(count, wanted, runs_that_fit),
        ),
    )


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """From "0-3,6" to (0, 1, 2, 3, 6), in the order given. ConfigError: it is no such list."""
    try:
        return cpu_list(text)
    except ValueError:
        raise ConfigError(
            f"binding: {text!r} is no list of CPUs; allowed are auto, none, or a list such as 0-3,6"
        ) from None


def _chosen(binding: str, cpus: tuple[Cpu, ...]) -> tuple[Cpu, ...]:
    if binding in ("auto", "none"):
        return cpus
    usable = {cpu.number: cpu for cpu in cpus}
    chosen = parse_cpu_list(binding)
    # ONNX Runtime would run unpinned on a CPU that is not there, and leave our mask for one outside it.
    if foreign := [str(number) for number in chosen if number not in usable]:
        raise ConfigError(
            f"binding: we may not use CPU {', '.join(foreign)} of {binding!r}; "
            f"usable are {', '.join(map(str, sorted(usable)))}"
        )
    return tuple(usable[number] for number in chosen)


def _cores(binding: str, chosen: tuple[Cpu, ...]) -> int:
    """How many CPUs are worth a worker: a core's second thread has no arithmetic of its own to do it with.

    Whoever gives a list has said which ones.
    """
    return len({cpu.core for cpu in chosen}) if binding in ("auto", "none") else len(chosen)


def _obstacle(binding: str, needed: int, chosen: tuple[Cpu, ...], quota: float | None) -> str:
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


def _pins(binding: str, workers: int, intra_op: int, chosen: tuple[Cpu, ...]) -> tuple[int, ...]:
    """The CPU of each worker, and then of each helper."""
    if binding == "auto":
        chosen = together(chosen) if workers == 1 else spread(chosen)
    return tuple(chosen[index % len(chosen)].number for index in range(workers + intra_op - 1))


def _notes(obstacle: str, workers: int, intra_op: int, inter_op: int | None) -> Iterator[str]:
    if obstacle:
        yield f"threads are not pinned: {obstacle}"
    if intra_op > 1 and workers > 1:
        yield f"intra_op: its helpers ({intra_op - 1}) are shared by all {workers} workers"
    if inter_op == 1:
        yield "inter_op: 1 has no effect, the nodes of a network run one after another anyway"
    elif inter_op:
        yield f"inter_op: {inter_op} runs nodes side by side (ORT_PARALLEL): measured 2 to 3 times slower"


def _notes_on_limits(count: int, intra_op: int | None, threads: int, granted: int) -> Iterator[str]:
    if intra_op and intra_op > threads:
        yield (
            f"intra_op: {threads} instead of {intra_op}, since {count} × {intra_op} threads "
            f"want more than {granted} CPUs: 15 to 25 % slower"
        )
    elif count > granted:
        yield f"{count} workers want more than {granted} CPUs: 5 to 20 % slower"


def _notes_on_memory(count: int, wanted: int, runs_that_fit: int | None) -> Iterator[str]:
    if runs_that_fit is None:
        return
    if count > runs_that_fit:
        yield f"{count} workers want more memory than limits.memory, which is enough for {runs_that_fit}"
    elif count == runs_that_fit < wanted:
        yield f"{count} workers instead of {wanted}, since limits.memory is not enough for more"
