"""At rest: CPU of the daemon beside 10,000 originals, and one scan of 10,000 files in the inbox."""

import argparse
import time
from pathlib import Path
from statistics import median

import psutil
from daemon import Daemon
from place import machine, model_file, scratch, warn_if_busy

from watchd.intake.scan import scan
from watchd.intake.wanted import Wanted
from watchd.tree import Tree

_FILES = 10_000
_WANTED_CPU = 0.5  # per cent of one CPU
_WANTED_SCAN_S = 0.5


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=30, help="how long to look (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    warn_if_busy()
    print(machine())
    with scratch("idle") as work:
        _fill(work / "root/originals")
        with Daemon(work / "root", model_file("builtin")) as daemon:
            time.sleep(3)  # what starting leaves to be done is not rest
            per_cent = 100 * _cpu_s(daemon.process.pid, asked.seconds) / asked.seconds
        print(
            f"CPU over {asked.seconds:.0f} s, {_FILES} originals: {per_cent:.2f} % of one CPU "
            f"(wanted: {_WANTED_CPU})"
        )
        _fill(work / "inbox")
        taken_s = [_scan_s(work / "inbox") for _ in range(5)]
        print(
            f"scan of {_FILES} files: {median(taken_s):.3f} s "
            f"({min(taken_s):.3f} to {max(taken_s):.3f}, wanted: {_WANTED_SCAN_S})"
        )


def _fill(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number in range(_FILES):
        (folder / f"photo-{number:05}.jpg").write_bytes(b"not looked into")


def _cpu_s(pid: int, seconds: float) -> float:
    process = psutil.Process(pid)
    before = process.cpu_times()
    time.sleep(seconds)
    after = process.cpu_times()
    return after.user + after.system - before.user - before.system


def _scan_s(inbox: Path) -> float:
    begun = time.perf_counter()
    found = sum(1 for _ in scan(Tree(inbox), Wanted(), recursive=True))
    taken_s = time.perf_counter() - begun
    assert found == _FILES, f"the scan found {found}"
    return taken_s
