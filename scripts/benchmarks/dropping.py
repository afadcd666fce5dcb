"""Pictures dropped all at once into a folder that is watched: how long until the last cutout is there.

Each program has had some single files before, as one that has run for a while: a watching rembg comes to
trigger itself, and does files again that were done.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from daemon import Daemon
from pictures import drawn
from place import BenchError
from programs import rembg_command, rembg_environment

BEFORE = 6

_PATIENCE_S = 900
_LOOK_EVERY_S = 0.05
_END_OF_A_PNG = b"IEND\xaeB`\x82"


def watchd_s(model: Path, source: Path, work: Path, workers: int | None = None) -> float:
    """Of `watchd run`; with so many workers, each with one thread of the network, instead of its default."""
    settings = {} if workers is None else {"WATCHD_THREADS_WORKERS": str(workers)}
    with Daemon(work / f"watched-{workers}", model, **settings) as daemon:
        return _dropped_s(source, daemon.root / "inbox", daemon.root / "outbox", lambda: None)


def rembg_s(model: Path, source: Path, work: Path) -> float:
    """Of `rembg p -w`."""
    inbox, outbox = work / "rembg/in", work / "rembg/out"
    inbox.mkdir(parents=True)
    outbox.mkdir()
    command = rembg_command(inbox, outbox, "-w")
    process = subprocess.Popen(
        command,
        env=rembg_environment(model, work),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until(lambda: _watches(process.pid), lambda: _must_live(process))
        return _dropped_s(source, inbox, outbox, lambda: _must_live(process))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _dropped_s(source: Path, inbox: Path, outbox: Path, check: Callable[[], None]) -> float:
    """Renames copies into the inbox, as a move within one disk does."""
    _give_singly(inbox, outbox, check)
    staged = inbox.with_name("staged")
    shutil.copytree(source, staged)
    os.sync()
    names = sorted(path.name for path in staged.iterdir())
    begun = time.perf_counter()
    for name in names:
        (staged / name).rename(inbox / name)
    _until_out(names, outbox, check)
    return time.perf_counter() - begun


def _give_singly(inbox: Path, outbox: Path, check: Callable[[], None]) -> None:
    """One after another, each when the last one is out; drawn, so that no photo is like one of these."""
    for number in range(BEFORE):
        before = inbox.with_name(f"before-{number}.jpg")
        drawn(number, 640, 480).save(before)
        before.rename(inbox / before.name)
        _until_out([before.name], outbox, check)


def _until_out(names: Sequence[str], outbox: Path, check: Callable[[], None]) -> None:
    waiting = {outbox / f"{Path(name).stem}.png" for name in names}

    def all_done() -> bool:
        waiting.difference_update([path for path in waiting if _is_whole(path)])
        return not waiting

    _until(all_done, check)


def _until(condition: Callable[[], bool], check: Callable[[], None]) -> None:
    ends = time.perf_counter() + _PATIENCE_S
    while not condition():
        check()
        if time.perf_counter() > ends:
            raise BenchError(f"not done after {_PATIENCE_S} s")
        time.sleep(_LOOK_EVERY_S)


def _is_whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-len(_END_OF_A_PNG), os.SEEK_END)
            return file.read() == _END_OF_A_PNG
    except OSError:  # not there yet, or too short
        return False


def _watches(pid: int) -> bool:
    """Whether it has an inotify descriptor, which rembg makes once its network is loaded."""
    return any(_target(file) == "anon_inode:inotify" for file in Path(f"/proc/{pid}/fd").iterdir())


def _target(file: Path) -> str:
    try:
        return os.readlink(file)
    except FileNotFoundError:  # closed meanwhile
        return ""


def _must_live(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        raise BenchError(f"rembg p -w ended with {process.returncode}")
