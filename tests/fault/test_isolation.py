"""`isolation: process`: a decoder that crashes or hangs costs one file, and no child outlives its daemon."""

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from commands import daemon, kill
from fakes import draw, encoded, wait_until
from house import House, running
from oracle import assert_converged, assert_nothing_lost, digest
from processes import gone, words

Drop = Callable[[str, bytes], str]

ISOLATED = {"WATCHD_ISOLATION": "process", "WATCHD_THREADS_WORKERS": "1"}


@pytest.fixture(scope="module")
def large() -> bytes:
    """40 megapixels in a PNG: long enough in decoding to be met there."""
    return encoded("PNG", draw(8000, 5000), compress_level=1)


@pytest.fixture
def house(root: Path, tiny: Path) -> Iterator[House]:
    # One worker, so that there is one child.
    options = {"isolation": "process", "limits.decode_timeout": "15s", "threads.workers": 1}
    with running(root, tiny, options) as house:
        yield house


def children(pid: int | None = None) -> list[psutil.Process]:
    """The decoders of a process; a zombie has no command line, and counts."""
    return [
        each
        for each in psutil.Process(pid).children(recursive=True)
        if gone(each) or "watchd.imaging.decoder" in words(each)
    ]


def caught_decoding(root: Path, data: bytes, pid: int | None = None) -> psutil.Process:
    """Drops the file, and gives the decoder once it is at work on it. There must be one worker only."""
    (root / "inbox" / "first.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
    wait_until((root / "outbox" / "first.png").exists, within_s=60)
    [child] = children(pid)
    before = _cpu_s(child)
    (root / "inbox" / "large.png").write_bytes(data)
    wait_until(lambda: _cpu_s(child) > before + 0.05, within_s=60)
    return child


def _cpu_s(process: psutil.Process) -> float:
    return float(process.cpu_times().user)


def test_crash_of_the_decoder_costs_one_file_and_not_the_daemon(house: House, large: bytes) -> None:
    caught_decoding(house.root, large).send_signal(signal.SIGSEGV)
    wait_until(lambda: len(house.failed()) == 2, within_s=60)
    (house.folder.inbox / "next.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
    house.wait_for("next.png", within_s=60)

    report = json.loads((house.folder.failed / "large.png.error.json").read_text())
    assert "the decoder died of SIGSEGV" in report["reason"]
    assert (house.folder.failed / "large.png").read_bytes() == large
    assert house.outputs() == {"first.png", "next.png"}


def test_decoder_that_hangs_costs_one_file_and_not_the_daemon(house: House, large: bytes) -> None:
    stopped = caught_decoding(house.root, large)
    stopped.suspend()
    wait_until(lambda: len(house.failed()) == 2, within_s=60)
    (house.folder.inbox / "next.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
    house.wait_for("next.png", within_s=60)

    report = json.loads((house.folder.failed / "large.png.error.json").read_text())
    assert "took longer than 15 s" in report["reason"]
    assert not psutil.pid_exists(stopped.pid)


@pytest.mark.slow
def test_decoder_killed_from_outside_is_tried_again(house: House, large: bytes) -> None:
    caught_decoding(house.root, large).kill()

    house.wait_for("large.png", within_s=90)
    assert house.failed() == set()


def test_files_of_all_kinds_converge_with_decoders_that_die_all_the_time(root: Path, tiny: Path) -> None:
    options = {"isolation": "process", "settle_timeout": "2s"}
    inputs: dict[str, str] = {}
    with running(root, tiny, options) as house:
        for number in range(60):
            kind = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP")[number % 6]
            data = encoded(kind, draw(300 + number, 200))
            path = house.folder.inbox / f"{number}.{kind.lower()}"
            path.write_bytes(data if number % 10 else data[: len(data) // 2])
            inputs[path.name] = digest(path)
            for child in children()[: number % 2]:
                child.send_signal(signal.SIGSEGV)
        wait_until(lambda: house.inbox() == set(), within_s=60)
        assert_nothing_lost(root, inputs)

    assert_converged(root, inputs)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_no_decoder_outlives_its_daemon(root: Path, tiny: Path, ending: signal.Signals) -> None:
    with daemon(root, "--model", tiny, **ISOLATED) as process:
        (root / "inbox" / "a.jpg").write_bytes(encoded())
        wait_until((root / "outbox" / "a.png").exists, within_s=60)
        left = children(process.pid)
        assert left

        process.send_signal(ending)

        wait_until(lambda: all(map(gone, left)), within_s=30)
        process.wait(30)


HANGING = """
import sys
if "watchd.imaging.decoder" in sys.orig_argv:
    import watchd.imaging.decode as decode
    def load(self):
        while True:
            pass
    decode.Header.load = load
"""


def test_decoder_that_hangs_dies_with_its_daemon(root: Path, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(HANGING)
    path = f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    with daemon(root, "--model", tiny, **ISOLATED, PYTHONPATH=path) as process:
        (root / "inbox" / "a.jpg").write_bytes(encoded())
        wait_until(lambda: any(_cpu_s(child) > 2 for child in children(process.pid)), within_s=60)
        [child] = children(process.pid)

        kill(process)

        wait_until(lambda: gone(child), within_s=30)
    assert_nothing_lost(root, {"a.jpg": hashlib.sha256(encoded()).hexdigest()})


def test_drain_lets_the_decoder_finish_what_it_has_begun(root: Path, tiny: Path, large: bytes) -> None:
    with daemon(root, "--model", tiny, **ISOLATED) as process:
        child = caught_decoding(root, large, process.pid)
        # As systemd and terminals do it: everyone is told at once.
        child.send_signal(signal.SIGTERM)
        child.send_signal(signal.SIGINT)
        os.kill(process.pid, signal.SIGTERM)

        assert process.wait(60) == 0

    assert (root / "originals" / "large.png").exists()
    first = digest(root / "originals" / "first.jpg")
    assert_converged(root, {"first.jpg": first, "large.png": hashlib.sha256(large).hexdigest()})
