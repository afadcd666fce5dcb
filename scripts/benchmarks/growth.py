"""What a watch folder with very many files costs: the real daemon, on folders that are filled beforehand."""

import io
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from daemon import Daemon
from pictures import drawn
from place import BenchError

from watchd.domain.job import SourceFile, Stamp
from watchd.domain.outcome import Rejected
from watchd.store.receipts import Receipt, Receipts
from watchd.tree import Tree

_JOBS = 200
_WARM_UP_JOBS = 20
_EDGE = 96
_LONGEST_S = 120.0
_LINKS = 1_000  # to one file; ext4 allows 65,000


@dataclass(frozen=True, slots=True)
class Working:
    """How long until the first cutout, and the memory by then and after some more work."""

    first_s: float
    rest_mb: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Known:
    """An inbox whose files stay there and are done: what a scan costs, and how a new one fares."""

    rescan_s: float
    first_s: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Spent:
    """By one job."""

    wall_s: float
    cpu_s: float


def started(root: Path, model: Path, count: int, work_s: float) -> Working:
    """The inbox is full before the daemon starts; time counts from there."""
    _prepare(root)
    _fill(root / "inbox", count)
    begun = time.perf_counter()
    with Daemon(root, model) as daemon:
        rest_mb = _memory_mb(daemon, "VmRSS")
        first_s = _first_cutout(root) - begun
        _work(root, work_s)
        return Working(first_s, rest_mb, _memory_mb(daemon, "VmHWM"))


def dropped(root: Path, model: Path, count: int, work_s: float) -> Working:
    """The files are moved into the inbox of a daemon at rest, one by one; time counts from the first."""
    _prepare(root)
    _fill(root / "coming", count)
    with Daemon(root, model) as daemon:
        rest_mb = _memory_mb(daemon, "VmRSS")
        move = threading.Thread(target=_move_all, args=(root / "coming", root / "inbox"), name="drop")
        begun = time.perf_counter()
        move.start()
        first_s = _first_cutout(root) - begun
        move.join()
        _work(root, work_s)
        return Working(first_s, rest_mb, _memory_mb(daemon, "VmHWM"))


def known(root: Path, model: Path, count: int, look_s: float) -> Known:
    """`after: keep`, and all have their receipt. The first cutout is that of one new file, at the start."""
    _prepare(root, after="keep", rescan="2s")
    _fill(root / "inbox", count)
    _receipts(root, root / "inbox")
    (root / "inbox/zz-new.jpg").write_bytes(_picture())
    begun = time.perf_counter()
    with Daemon(root, model) as daemon:
        first_s = _first_cutout(root) - begun
        _until_at_rest(daemon)
        busy = _cpu_s(daemon, look_s) / (look_s / 2)
        return Known(busy, first_s, _memory_mb(daemon, "VmHWM"))


def per_job(root: Path, model: Path, count: int) -> Spent:
    """Beside that many originals and cutouts."""
    _prepare(root)
    for folder, suffix in (("originals", ".jpg"), ("outbox", ".png")):
        _fill_with_links(root / folder, count, suffix)
    with Daemon(root, model) as daemon:
        _through(root, "warm", _WARM_UP_JOBS)
        before, begun = _used_s(daemon), time.perf_counter()
        _through(root, "job", _JOBS)
        return Spent((time.perf_counter() - begun) / _JOBS, (_used_s(daemon) - before) / _JOBS)


def _prepare(root: Path, after: str = "move", rescan: str = "5m") -> None:
    """Without the cache: all files have the same picture, which would be reused."""
    for folder in ("inbox", "outbox", "originals", "coming"):
        (root / folder).mkdir(parents=True)
    watch = f"watch: [{{root: ., after: {after}, rescan: {rescan}}}]\n"
    (root / "config.yaml").write_text(watch + "cache: {enabled: false}\n")


def _fill(folder: Path, count: int) -> None:
    data = _picture()
    for number in range(count):
        (folder / f"photo-{number:06}.jpg").write_bytes(data)


def _fill_with_links(folder: Path, count: int, suffix: str) -> None:
    """Made sooner; to be used where files only lie, for what happens to one happens to all of its links."""
    data = _picture()
    for number in range(count):
        path = folder / f"photo-{number:06}{suffix}"
        if number % _LINKS == 0:
            first = path
            path.write_bytes(data)
        else:
            os.link(first, path)


def _picture() -> bytes:
    file = io.BytesIO()
    drawn(0, _EDGE, _EDGE).save(file, "JPEG")
    return file.getvalue()


def _receipts(root: Path, folder: Path) -> None:
    """As if each file had been rejected: of cutouts each receipt would be forced to the disk."""
    (root / ".watchd").mkdir()
    receipts = Receipts(Tree(root / ".watchd"))
    for entry in os.scandir(folder):
        source = SourceFile(entry.name, Stamp.of(entry.stat()))
        receipts.end(Receipt(source.relative, source.stamp), Rejected("made for the benchmark"))


def _move_all(source: Path, target: Path) -> None:
    for name in sorted(os.listdir(source)):
        os.rename(source / name, target / name)


def _through(root: Path, stem: str, count: int) -> None:
    """Moves so many files in at once, and waits until all have left the inbox."""
    waiting = root / stem
    waiting.mkdir()
    data = _picture()
    for number in range(count):
        (waiting / f"{stem}-{number:03}.jpg").write_bytes(data)
    _move_all(waiting, root / "inbox")
    _wait(lambda: not _any(root / "inbox"), f"{stem} files are left in {root}/inbox")


def _first_cutout(root: Path) -> float:
    _wait(lambda: _any(root / "outbox"), f"no cutout in {root}/outbox")
    return time.perf_counter()


def _work(root: Path, seconds: float) -> None:
    """Until all is done, or for that long."""
    until = time.perf_counter() + seconds
    while _any(root / "inbox") and time.perf_counter() < until:
        time.sleep(0.05)


def _until_at_rest(daemon: Daemon) -> None:
    """Some rescans later: what was seen for the first time is known then."""
    while _cpu_s(daemon, 2) > 1.5:
        pass
    time.sleep(2)


def _any(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(not entry.name.startswith(".") for entry in entries)


def _wait(condition: Callable[[], bool], trouble: str) -> None:
    begun = time.perf_counter()
    while not condition():
        if time.perf_counter() - begun > _LONGEST_S:
            raise BenchError(f"{trouble} after {_LONGEST_S:.0f} s")
        time.sleep(0.001)


def _cpu_s(daemon: Daemon, seconds: float) -> float:
    before = _used_s(daemon)
    time.sleep(seconds)
    return _used_s(daemon) - before


def _used_s(daemon: Daemon) -> float:
    times = psutil.Process(daemon.process.pid).cpu_times()
    return times.user + times.system


def _memory_mb(daemon: Daemon, what: str) -> float:
    for line in Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise BenchError(f"no {what} of the daemon")
