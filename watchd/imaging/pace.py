"""How fast workers are who do the same thing again and again, each on its own CPU."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles

from watchd.domain.tunereport import Pace


def pace(work: Callable[[], object], cpus: Sequence[int | None], until: float) -> Pace:
    """`cpus` has one entry a worker: the CPU it is pinned to, or None. `until` is by time.perf_counter().

    Each worker does it at least once; raises what `work` raises. The peak of memory is that of the process.
    """

    def worker(cpu: int | None) -> tuple[list[float], float]:
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        took: list[float] = []
        begun = time.perf_counter()
        while not took or time.perf_counter() < until:
            before = time.perf_counter()
            work()
            took.append(time.perf_counter() - before)
        return took, time.perf_counter() - begun

    cpu_s = time.process_time()
    with ThreadPoolExecutor(len(cpus), "worker") as pool:
        done = list(pool.map(worker, cpus))
    took = sorted(each for times, _ in done for each in times)
    shares = quantiles(took, n=20, method="inclusive") if len(took) > 1 else took * 19
    return Pace(
        # Of each worker by its own time, since they do not end at the same moment.
        per_second=sum(len(times) / seconds for times, seconds in done),
        cpu_s=(time.process_time() - cpu_s) / len(took),
        latency_p50_s=shares[9],
        latency_p95_s=shares[18],
        peak_bytes=_peak_bytes(),
    )


def _peak_bytes() -> int:
    """Of this program alone: what getrusage tells includes what the process was before it began."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
