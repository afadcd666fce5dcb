"""Daemons that fault tests start, look into from outside, stop and kill."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from commands import kill, start
from fakes import wait_until
from house import files

_QUICK = "settle: 300ms\n    rescan: 2s"


def configure(root: Path, folder: str = "", **keys: object) -> None:
    """Writes ROOT/config.yaml: `folder` holds further lines of the watch folder, `keys` top-level ones."""
    text = f"watch:\n  - root: .\n    {_QUICK}\n" + "".join(f"    {line}\n" for line in folder.splitlines())
    text += "log: {format: json, level: debug}\n" + "".join(
        f"{key}: {value}\n" for key, value in keys.items()
    )
    root.mkdir(parents=True, exist_ok=True)
    (root / "config.yaml").write_text(text)


@contextmanager
def crowd(root: Path, model: Path, count: int, **environ: str) -> Iterator[list["subprocess.Popen[str]"]]:
    """That many daemons on one folder, entered once all of them are running; whatever is left is killed."""
    daemons: list[subprocess.Popen[str]] = []
    try:
        for _ in range(count):
            before = len(said(root, "running", "state"))
            daemons.append(start(root, "--model", model, **environ))
            wait_until(lambda before=before: len(said(root, "running", "state")) > before, within_s=60)
        yield daemons
    finally:
        for daemon in daemons:
            kill(daemon)


def stop(daemon: "subprocess.Popen[str]", within_s: float = 60) -> int:
    """Asks it to end, and gives its exit code."""
    daemon.send_signal(signal.SIGTERM)
    return daemon.wait(within_s)


def lines(root: Path) -> Iterator[dict[str, Any]]:
    """What all daemons of the folder have logged."""
    log = Path(f"{root}.log")
    for line in log.read_text().splitlines(keepends=True) if log.exists() else []:
        if line.startswith("{") and line.endswith("\n"):  # the last one may still be being written
            yield json.loads(line)


def said(root: Path, text: str, field: str = "message") -> list[dict[str, Any]]:
    """The lines in which that field holds the text."""
    return [line for line in lines(root) if text in str(line.get(field, ""))]


def empty(root: Path) -> Callable[[], bool]:
    """For wait_until: nothing waits in the inbox any more."""
    return lambda: not files(root / "inbox")


def in_flight(root: Path) -> dict[int, list[str]]:
    """By process: the keys of the sources that it works on, or worked on when it was killed."""
    flights: dict[int, list[str]] = {}
    folder = root / ".watchd" / "flight"
    for name in os.listdir(folder) if folder.exists() else []:
        try:
            flying = json.loads((folder / name).read_bytes())["flying"]
        except (OSError, ValueError):  # just landed
            continue
        if not name.startswith("."):
            flights[int(name.partition("-")[0])] = [each.rpartition("/")[2] for each in flying]
    return flights


def freeze_at_work(root: Path, daemons: list["subprocess.Popen[str]"]) -> "subprocess.Popen[str]":
    """Stops one of them in the middle of a job, and gives it; SIGCONT lets it go on."""
    pids = {daemon.pid: daemon for daemon in daemons}
    frozen: list[int] = []

    def freeze() -> bool:
        for pid in in_flight(root).keys() & pids.keys():
            os.kill(pid, signal.SIGSTOP)
            _until_stopped(pid)
            if in_flight(root).get(pid):
                frozen.append(pid)
                return True
            os.kill(pid, signal.SIGCONT)
        return False

    wait_until(freeze, within_s=60)
    return pids[frozen[0]]


def _until_stopped(pid: int) -> None:
    wait_until(lambda: state_of(pid) in "Tt", within_s=10)


def state_of(pid: int) -> str:
    """One letter, as in ps."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def rewrite_claims(root: Path, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> list[Path]:
    """Changes what each claim says, and leaves its time as it is."""
    claims = sorted((root / ".watchd" / "claims").iterdir())
    for claim in claims:
        times = claim.stat()
        claim.write_text(json.dumps(change(json.loads(claim.read_text()))))
        os.utime(claim, ns=(times.st_atime_ns, times.st_mtime_ns))
    return claims
