"""What one run of a program costs: wall time, CPU time and peak memory of its whole process tree."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from place import BenchError


@dataclass(frozen=True, slots=True)
class Run:
    wall_s: float
    cpu_s: float
    peak_bytes: int


def run(command: Sequence[str | Path], environment: dict[str, str], log: Path) -> Run:
    """Blocks until it ends; raises BenchError with the end of its output if it failed."""
    os.sync()  # what an earlier run left to be written is not this one's to wait for
    with log.open("wb") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        with _TreePeak(process.pid) as tree:
            _, status, used = os.wait4(process.pid, 0)
            wall_s = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BenchError(f"exit code {process.returncode} of {_line(command)}\n{ending(log)}")
    # ru_maxrss is exact, in KiB, and knows the largest process only; the samples know the sum.
    return Run(wall_s, used.ru_utime + used.ru_stime, max(tree.peak_bytes, used.ru_maxrss * 1024))


def ending(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _line(command: Sequence[str | Path]) -> str:
    return " ".join(map(str, command))


class _TreePeak:
    """Samples the memory of a process and all below it while it is entered."""

    def __init__(self, pid: int, every_s: float = 0.2) -> None:
        self.peak_bytes = 0
        self._pid = pid
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(self._pid)
            while not self._stopping.wait(self._every_s):
                tree = [top, *top.children(recursive=True)]
                self.peak_bytes = max(self.peak_bytes, sum(map(_resident, tree)))


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
