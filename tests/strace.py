"""Faults put under a run of watchd by strace: at the N-th of certain calls inside the watch folder."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import WATCHD

from watchd.domain.job import source_key


def strace() -> str:
    """The program; skips the test where it is not installed."""
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed; scripts/test installs it where it may")
    return program


@contextmanager
def injected(
    root: Path, model: Path, inputs: Iterable[str], injection: str, places: Iterable[str] = ()
) -> Iterator["subprocess.Popen[bytes]"]:
    """`watchd run --once` of which a call fails, or which gets a signal at it. Killed on leaving.

    Only calls on the folders of the watch folder count, or on `places` if they are given.
    """
    command = [strace(), "-f", "-qq", "-o", f"{root}.strace", "-e", injection]
    for place in places or _places(inputs):
        command += ["-P", str(root / place)]
    command += [str(WATCHD), "run", "--once", str(root), "--model", str(model)]
    Path(f"{root}.strace").unlink(missing_ok=True)
    with open(f"{root}.log", "ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        kill_all(process)


def stopped(root: Path) -> bool:
    """Whether the call with `signal=STOP` has come: from then on all threads stand still."""
    said = Path(f"{root}.strace")
    return said.exists() and "stopped by SIGSTOP" in said.read_text(errors="replace")


def kill_all(process: "subprocess.Popen[bytes]") -> None:
    """What strace runs first: it goes on as if nothing had happened, if only strace is killed."""
    for pid in children(process.pid):
        os.kill(pid, signal.SIGKILL)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def _places(inputs: Iterable[str]) -> list[str]:
    shards = {f".watchd/receipts/{source_key(name)[:2]}" for name in inputs}
    sidecar = [".watchd", ".watchd/claims", ".watchd/receipts", ".watchd/flight"]
    return ["inbox", "outbox", "originals", "failed", *sidecar, *sorted(shards)]
