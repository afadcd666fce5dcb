"""A disk that is full, read-only or broken for a while: the folder pauses, and goes on by itself."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemons import configure, crowd, empty, lines, said, stop
from disks import fill, make_room, set_read_only, small_disk
from fakes import wait_until
from house import files
from oracle import assert_converged, assert_nothing_lost
from strace import strace

from watchd.store.receipts import Receipts
from watchd.tree import Tree

Drop = Callable[[str, bytes], str]
Files = list[tuple[str, bytes]]

_PLACES = ["outbox", "originals", "failed", ".watchd"]


@pytest.fixture
def mixed(photos: list[bytes], broken: bytes) -> Files:
    return [*((f"{number}.jpg", data) for number, data in enumerate(photos)), ("bad.png", broken)]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("place", _PLACES)
def test_full_disk_pauses_the_folder_which_drains_by_itself_once_there_is_room(
    root: Path, drop: Drop, mixed: Files, tiny: Path, place: str
) -> None:
    configure(root)
    with small_disk(root / place), crowd(root, tiny, 1) as [daemon]:
        fill(root / place)
        inputs = {name: drop(name, data) for name, data in mixed}
        _wait_for_pause(root, "No space left on device", shown=place != ".watchd")
        assert_nothing_lost(root, inputs)

        make_room(root / place)

        _assert_drained(root, daemon, inputs)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("place", _PLACES)
def test_disk_that_is_read_only_for_a_while_costs_nothing(
    root: Path, drop: Drop, mixed: Files, tiny: Path, place: str
) -> None:
    configure(root)
    with small_disk(root / place), crowd(root, tiny, 1) as [daemon]:
        set_read_only(root / place, True)
        inputs = {name: drop(name, data) for name, data in mixed}
        _wait_for_pause(root, "Read-only file system", shown=place != ".watchd")
        assert_nothing_lost(root, inputs)

        set_read_only(root / place, False)

        _assert_drained(root, daemon, inputs)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("place", ["", "outbox", "originals", "failed"])
def test_disk_that_cannot_keep_what_is_written_costs_nothing(
    root: Path, drop: Drop, mixed: Files, tiny: Path, place: str
) -> None:
    """fsync fails: of every file and folder, or of one folder, which is after the rename."""
    configure(root)
    with crowd(root, tiny, 1) as [daemon]:
        with _failing(daemon.pid, "fsync", root / place if place else None):
            inputs = {name: drop(name, data) for name, data in mixed}
            if place == "originals":  # the move has happened; only a power cut could undo it
                wait_until(lambda: said(root, "may not survive a power cut"), within_s=60)
            else:
                _wait_for_pause(root, "Input/output error")
            assert_nothing_lost(root, inputs)

        _assert_drained(root, daemon, inputs, paused=place != "originals")


@contextmanager
def _failing(pid: int, call: str, path: Path | None) -> Iterator[None]:
    """While entered that call fails in the daemon: everywhere, or for this path."""
    words = [strace(), "-f", "-o", "/dev/null", "-e", f"inject={call}:error=EIO", "-p", str(pid)]
    words += ["-P", str(path)] if path else []
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, start_new_session=True) as tracer:
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        try:
            yield
        finally:
            tracer.terminate()
            tracer.wait(30)


def _wait_for_pause(root: Path, reason: str, shown: bool = True) -> None:
    wait_until(lambda: [line for line in said(root, "folder paused") if reason in line["reason"]], 60)
    if shown:
        status = root / ".watchd" / "status.json"
        wait_until(lambda: any(json.loads(status.read_bytes())["folders"].values()), within_s=60)


def _assert_drained(
    root: Path, daemon: "subprocess.Popen[str]", inputs: dict[str, str], paused: bool = True
) -> None:
    """By itself, without an attempt spent, and only the bad file has failed."""
    wait_until(empty(root), within_s=120)
    wait_until(lambda: not paused or said(root, "folder resumed"), within_s=60)
    assert stop(daemon) == 0
    assert_converged(root, inputs)
    assert files(root / "failed") == {"bad.png", "bad.png.error.json"}
    receipts = {receipt.relative: receipt for receipt in Receipts(Tree(root / ".watchd")).all()}
    assert {name: receipt.attempts for name, receipt in receipts.items()} == dict.fromkeys(inputs, 1)
    assert not [line for line in lines(root) if line["message"] in ("failed", "a thread died")]
