"""Beside a competing process that wants every CPU: what each keeps of its throughput, and gets back.

The competitor is measured beside the daemon at rest, and then beside the daemon that has more to do than it
can; it runs in a session of its own, as another user's or another service's would.
"""

import argparse
import itertools
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pictures
import psutil
from daemon import Daemon
from place import BenchError, machine, model_file, scratch, warn_if_busy

_COMPETITOR = Path(__file__).with_name("competitor.py")
_MODES = {
    "neither": "",
    "adaptive": "threads: {adaptive: true}\n",
    "polite": "threads: {polite: true}\n",
    "adaptive, polite": "threads: {adaptive: true, polite: true}\n",
}
_CPUS = psutil.cpu_count() or 1
_LOOK_EVERY_S = 0.1
_WINDOW_S = 1.0
_BACK = 0.9


@dataclass(frozen=True, slots=True)
class Found:
    alone: float
    beside: float
    back_s: float | None
    competitor: float
    taken: float
    strangers: float


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=15, help="how long they compete (%(default)s)")
    parser.add_argument("--files", type=int, default=3000, help="how many pictures wait (%(default)s)")
    parser.add_argument("--model", default="builtin", help="name or .onnx file (%(default)s)")
    parser.add_argument("--mode", action="append", choices=_MODES, help="only this one; may be repeated")


def run(asked: argparse.Namespace) -> None:
    warn_if_busy()
    print(f"{machine()}; {asked.model}, {pictures.KINDS['small'].title}, {asked.seconds:.0f} s")
    print("| threads | /s alone | /s beside it | back to 90 % after | it keeps | we take | strangers take |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for mode in asked.mode or _MODES:
        with scratch("adaptive") as work:
            found = _measure(work, _MODES[mode], asked)
        back = "not in time" if found.back_s is None else f"{found.back_s:.1f} s"
        print(
            f"| {mode} | {found.alone:.1f} | {found.beside:.1f} | {back} | {100 * found.competitor:.1f} % "
            f"| {100 * found.taken:.1f} % | {100 * found.strangers:.1f} % |",
            flush=True,
        )


def _measure(work: Path, threads: str, asked: argparse.Namespace) -> Found:
    root = work / "root"
    root.mkdir()
    (root / "config.yaml").write_text(f"watch: [{{root: .}}]\ncache: {{enabled: false}}\n{threads}")
    stock = _stock(work / "stock", asked.files)
    with Daemon(root, model_file(asked.model)) as daemon:
        strangers = _Strangers(daemon.process.pid)
        outbox = root / "outbox"
        time.sleep(2)
        at_rest = _competed(_compete(asked.seconds))
        for path in stock:
            path.rename(root / "inbox" / path.name)
        time.sleep(2)
        alone = _rate(outbox, asked.seconds / 2)
        before_s, rival = strangers.daemon_s(), _compete(asked.seconds)
        beside = _rate(outbox, asked.seconds)
        competitor = _competed(rival) / at_rest
        taken = (strangers.daemon_s() - before_s) / asked.seconds / _CPUS
        back_s = _back_s(outbox, alone)
        if not any((root / "inbox").iterdir()):
            raise BenchError("all was done before the end: give more --files")
        return Found(alone, beside, back_s, competitor, taken, strangers.part())


class _Strangers:
    """What part of the CPUs all others have used since it was made: what makes the figures doubtful."""

    def __init__(self, daemon: int) -> None:
        self._daemon = psutil.Process(daemon)
        self._begun, self._before_s = time.perf_counter(), self._strange_s()

    def part(self) -> float:
        passed_s = time.perf_counter() - self._begun
        return (self._strange_s() - self._before_s) / passed_s / _CPUS

    def daemon_s(self) -> float:
        used = self._daemon.cpu_times()
        return float(used.user + used.system)

    def _strange_s(self) -> float:
        used = psutil.cpu_times()
        busy_s = used.user + used.nice + used.system + used.irq + used.softirq
        ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return float(busy_s - self.daemon_s() - sum(each.ru_utime + each.ru_stime for each in ours))


def _stock(folder: Path, count: int) -> Sequence[Path]:
    folder.mkdir()
    sources = itertools.cycle(sorted(pictures.folder("small", quick=False).iterdir()))
    stock = [folder / f"{number:05}.jpg" for number in range(count)]
    for path in stock:
        shutil.copyfile(next(sources), path)
    return stock


def _compete(seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, str(_COMPETITOR), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def _competed(rival: "subprocess.Popen[str]") -> int:
    said, _ = rival.communicate()
    return int(said)


def _rate(outbox: Path, seconds: float) -> float:
    begun, before = time.perf_counter(), _count(outbox)
    time.sleep(seconds)
    return (_count(outbox) - before) / (time.perf_counter() - begun)


def _back_s(outbox: Path, alone: float) -> float | None:
    """When a window began in which it was as fast as alone, or nearly; counts from now."""
    begun = time.perf_counter()
    looks: list[tuple[float, int]] = []
    while (now := time.perf_counter() - begun) < 12:
        looks.append((now, _count(outbox)))
        first, count = next((look for look in reversed(looks) if now - look[0] >= _WINDOW_S), (now, 0))
        if now > first and (looks[-1][1] - count) / (now - first) >= _BACK * alone:
            return first
        time.sleep(_LOOK_EVERY_S)
    return None


def _count(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(1 for _ in entries)
