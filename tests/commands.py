"""The installed command in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from fakes import wait_until

WATCHD = Path(sys.executable).with_name("watchd")


def watchd(*words: object, within_s: float = 60, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Runs to its end; what it prints is in the result."""
    return subprocess.run(
        [WATCHD, *map(str, words)],
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=within_s,
        env=_environ(environ),
    )


def ended_by(number: signal.Signals, *words: object) -> "subprocess.CompletedProcess[str]":
    """Sends the signal as soon as it has a child; no child may outlive it."""
    with subprocess.Popen([WATCHD, *map(str, words)], stderr=subprocess.PIPE, encoding="utf-8") as process:
        me = psutil.Process(process.pid)
        wait_until(me.children, within_s=30)
        children = me.children()
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    wait_until(lambda: not any(child.is_running() for child in children), within_s=30)
    return subprocess.CompletedProcess(process.args, process.returncode, "", said)


@contextmanager
def daemon(
    root: Path, *words: object, under: Sequence[str] = (), **environ: str
) -> Iterator["subprocess.Popen[str]"]:
    """`watchd run ROOT`, entered once it says that it is running; whatever is left of it is killed."""
    process = start(root, *words, under=under, **environ)
    try:
        wait_until(lambda: running(root, process), within_s=30)
        yield process
    finally:
        kill(process)


def start(root: Path, *words: object, under: Sequence[str] = (), **environ: str) -> "subprocess.Popen[str]":
    """In a session of its own, its words in ROOT.log; `under` is a command that becomes it in the end."""
    with open(f"{root}.log", "a", encoding="utf-8") as log:
        return subprocess.Popen(
            [*under, WATCHD, "run", root, *map(str, words)],
            stderr=log,
            stdout=log,
            text=True,
            start_new_session=True,
            env=_environ(environ),
        )


def running(root: Path, process: "subprocess.Popen[str]") -> bool:
    assert process.poll() is None, f"the daemon ended: {Path(f'{root}.log').read_text()}"
    status = root / ".watchd" / "status.json"
    text = status.read_text() if status.exists() else ""
    return f'"pid": {process.pid}' in text and '"state": "running"' in text


def kill(process: "subprocess.Popen[str]") -> None:
    """kill -9, to whatever it has started as well."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environ(more: Mapping[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("WATCHD_", "OMP_"))}
    return kept | dict(more)
