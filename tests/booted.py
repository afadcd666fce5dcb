"""A machine with systemd as its process 1: namespaces of their own, which forget everything at the end."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes import wait_until

CHECKOUT = Path(__file__).parents[1]
_NAME = f"python{sys.version_info.major}.{sys.version_info.minor}"
PYTHON_THERE = f"""#!/bin/sh
export LD_LIBRARY_PATH=/srv/python/lib
export PYTHONPATH=/srv/checkout:/srv/checkout/.venv/lib/{_NAME}/site-packages
exec /srv/python/bin/{_NAME} "$@"
"""
"""The text of a command that is our Python in there, with all that is installed here."""

_SYSTEMD = Path("/lib/systemd/systemd")
_NAMESPACES = ("--pid", "--fork", "--kill-child", "--mount", "--cgroup", "--uts", "--ipc", "--net")


class Machine:
    """`path` is where one of its files is found from here."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def path(self, inside: str) -> Path:
        return Path(f"/proc/{self._pid}/root{inside}")

    def run(self, *words: str, within_s: float = 60) -> "subprocess.CompletedProcess[str]":
        into = ["nsenter", f"--target={self._pid}", "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--net"]
        return subprocess.run(
            [*into, "--", *words], check=False, capture_output=True, text=True, timeout=within_s
        )

    def do(self, *words: str) -> str:
        """What it prints; AssertionError if it fails."""
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}\n{self.journal()}"
        return done.stdout

    def shows(self, unit: str, key: str) -> str:
        return self.do("systemctl", "show", "--value", f"--property={key}", unit).strip()

    def journal(self) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat").stdout


@contextmanager
def booted(place: Path, log: Path) -> Iterator[Machine]:
    """Skips the test, with the reason, where this cannot be done."""
    if reason := _missing():
        pytest.skip(reason)
    boot = [str(each) for each in (CHECKOUT / "tests/boot.sh", place, CHECKOUT, sys.base_prefix)]
    with _control_group() as group, log.open("w") as out:
        process = subprocess.Popen(
            ["sh", "-c", 'echo $$ >"$0" && exec unshare "$@"', group / "cgroup.procs", *_NAMESPACES, *boot],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            yield _up(process, log)
        finally:
            process.kill()
            process.wait()


def _up(process: "subprocess.Popen[bytes]", log: Path) -> Machine:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")

    def up() -> bool:
        if process.poll() is not None:
            pytest.skip(f"systemd cannot be booted here: {log.read_text()[-300:]}")
        pids = children.read_text().split()
        active = pids and Machine(int(pids[0])).run("systemctl", "is-active", "boot.target").stdout
        return bool(active) and active.strip() == "active"

    wait_until(up, within_s=60)
    return Machine(int(children.read_text()))


def _missing() -> str:
    if os.geteuid() != 0:
        return "needs root"
    if not _SYSTEMD.exists() or not shutil.which("unshare"):
        return "needs systemd and util-linux"
    return ""


@contextmanager
def _control_group() -> Iterator[Path]:
    """One that systemd may take for the root of all; of the second version, wherever that is mounted."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    root = next((Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"), None)
    if root is None:
        pytest.skip("needs control groups of the second version")
    [own] = [
        line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")
    ]
    group = root / own.lstrip("/") / f"watchd-boot-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error}")
    try:
        yield group
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """Once everything in it has ended, which takes a moment."""
    wait_until(lambda: "populated 0" in (group / "cgroup.events").read_text(), within_s=20)
    for below in sorted(group.rglob("*/"), reverse=True):
        below.rmdir()
    group.rmdir()
