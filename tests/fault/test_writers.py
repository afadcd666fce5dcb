"""Writers of every habit: whatever they do, one whole cutout of their last word, and never one of a part."""

import hashlib
import logging
import os
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fakes import SUFFIXES, draw, encoded, wait_until
from house import House, running
from oracle import assert_converged, assert_nothing_lost

# Each of them with --all.
KINDS = ["JPEG", "PNG", *(pytest.param(kind, marks=pytest.mark.slow) for kind in [*SUFFIXES][2:])]
PAUSE_S = 0.9  # three times the settle time of the house
PAGE = 4096


def picture(kind: str) -> bytes:
    """Of many pages, so that a part of it is a part on disk, too."""
    options: dict[str, Any] = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100}}.get(kind, {})
    return encoded(kind, draw(320, 240), **options)


@dataclass
class Story:
    """How a file is written: in the block all but its last act, which makes it whole and free."""

    path: Path
    last: Callable[[], object]


@contextmanager
def story(root: Path, tiny: Path, name: str, data: bytes) -> Iterator[Story]:
    """Nothing may come of the file before its last act; after it, one whole cutout."""
    with running(root, tiny) as house:
        story = Story(house.folder.inbox / name, last=lambda: pytest.fail("it has no end"))
        yield story
        assert_untouched(house)
        story.last()
        wait_until(lambda: house.originals() == {name}, within_s=40)
    assert_converged(root, {name: hashlib.sha256(data).hexdigest()})


def assert_untouched(house: House) -> None:
    assert (house.outputs(), house.originals(), house.failed()) == (set(), set(), set())


def pause(seconds: float = PAUSE_S) -> None:
    """What the writer does in the test's story, not a wait for the daemon."""
    threading.Event().wait(seconds)


@pytest.mark.parametrize("kind", KINDS)
def test_slow_writer(root: Path, tiny: Path, kind: str) -> None:
    data = picture(kind)
    step = len(data) // 6 + 1
    with story(root, tiny, f"a.{SUFFIXES[kind]}", data) as told:
        file = open(told.path, "wb", buffering=0)  # noqa: SIM115 - closed by the last act
        for start in range(0, len(data), step):
            pause(0.2)
            file.write(data[start : start + step])
        pause()  # whole, but still open
        told.last = file.close


@pytest.mark.parametrize("kind", KINDS)
def test_upload_interrupted_and_appended_later(root: Path, tiny: Path, kind: str) -> None:
    data = picture(kind)
    parts = [0, len(data) // 10, len(data) // 2, len(data) - 40, len(data) - 1]
    with story(root, tiny, f"a.{SUFFIXES[kind]}", data) as told:
        for start, end in pairwise(parts):
            append(told.path, data[start:end])
            pause()
        told.last = partial(append, told.path, data[-1:])


def append(path: Path, data: bytes) -> None:
    with open(path, "ab") as file:
        file.write(data)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reserve", ["fallocate", "truncate"])
@pytest.mark.parametrize("closing", [False, True], ids=["kept-open", "closed-between"])
def test_preallocated_file_filled_out_of_order(
    root: Path, tiny: Path, kind: str, reserve: str, closing: bool
) -> None:
    data = picture(kind)
    pages = list(range(0, len(data), PAGE))
    # The end of the format is there from the beginning.
    batches = [pages[-1:], pages[:1], pages[2:-1]]
    with story(root, tiny, f"a.{SUFFIXES[kind]}", data) as told:
        file = os.open(told.path, os.O_WRONLY | os.O_CREAT)
        if reserve == "fallocate":
            os.posix_fallocate(file, 0, len(data))
        else:
            os.ftruncate(file, len(data))
        for batch in batches:
            if closing:
                os.close(file)
            pause(0.6)
            if closing:
                file = os.open(told.path, os.O_WRONLY)
            for start in batch:
                os.pwrite(file, data[start : start + PAGE], start)
        if closing:
            os.close(file)
            pause(0.6)
            file = os.open(told.path, os.O_WRONLY)

        def last() -> None:
            os.pwrite(file, data[PAGE : 2 * PAGE], PAGE)
            os.close(file)

        told.last = last


@pytest.mark.parametrize("how", ["renamed over it", "written into it"])
def test_overwritten_while_it_is_worked_on(
    root: Path, tiny: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = encoded("JPEG", draw(6000, 4000)), encoded("JPEG", draw(90, 60))
    with caplog.at_level(logging.INFO, "watchd"), running(root, tiny, {"threads.workers": 1}) as house:
        path = house.folder.inbox / "a.jpg"
        path.write_bytes(old)
        wait_until(lambda: os.listdir(house.folder.sidecar / "claims"), within_s=30)
        if how == "written into it":
            path.write_bytes(new)
        else:
            (path.with_name("a.jpg.part")).write_bytes(new)
            path.with_name("a.jpg.part").rename(path)

        wait_until(lambda: house.originals() == {"a.jpg"}, within_s=40)

    assert [record.message for record in caplog.records].count("delivered") == 1
    assert house.cutout("a.png").size == (90, 60)
    assert_converged(root, {"a.jpg": hashlib.sha256(new).hexdigest()})


def test_truncated_while_it_is_read_and_written_again(root: Path, tiny: Path) -> None:
    data = encoded("PNG", draw(3000, 2000))
    with running(root, tiny, {"threads.workers": 1}) as house:
        path = house.folder.inbox / "a.png"
        path.write_bytes(data)
        wait_until(lambda: os.listdir(house.folder.sidecar / "claims"), within_s=30)
        os.truncate(path, len(data) // 3)
        pause()
        assert_untouched(house)
        path.write_bytes(data)
        wait_until(lambda: house.originals() == {"a.png"}, within_s=40)

    assert_converged(root, {"a.png": hashlib.sha256(data).hexdigest()})


def test_two_writers_of_one_file(root: Path, tiny: Path) -> None:
    data = picture("PNG")
    with story(root, tiny, "a.png", data) as told:
        first = open(told.path, "wb", buffering=0)  # noqa: SIM115 - closed by the last act
        first.write(data[:PAGE])
        with open(told.path, "r+b", buffering=0) as second:
            second.seek(PAGE)
            second.write(data[PAGE:])
        pause()  # whole, and one of them gone
        told.last = first.close


@pytest.mark.parametrize("mode", [["--inplace"], ["--partial"], []], ids=" ".join)
def test_slow_rsync(root: Path, tiny: Path, tmp_path: Path, mode: list[str]) -> None:
    data = picture("BMP")
    (tmp_path / "a.bmp").write_bytes(data)
    with running(root, tiny) as house:
        assert rsync("--bwlimit=100", *mode, tmp_path / "a.bmp", f"{house.folder.inbox}/").wait() == 0
        wait_until(lambda: house.originals() == {"a.bmp"}, within_s=40)

    assert_converged(root, {"a.bmp": hashlib.sha256(data).hexdigest()})


@pytest.mark.parametrize("mode", [["--inplace"], ["--partial"]], ids=" ".join)
@pytest.mark.parametrize(
    "kind", ["JPEG", pytest.param("BMP", marks=pytest.mark.slow), pytest.param("PNG", marks=pytest.mark.slow)]
)
def test_rsync_interrupted_and_taken_up_again(
    root: Path, tiny: Path, tmp_path: Path, mode: list[str], kind: str
) -> None:
    # rsync writes 256 kB at a time.
    name, data = f"a.{SUFFIXES[kind]}", encoded(kind, draw(2400, 1000))
    (tmp_path / name).write_bytes(data)
    with story(root, tiny, name, data) as told:
        inbox = told.path.parent
        copy = rsync("--bwlimit=400", *mode, tmp_path / name, f"{inbox}/")
        wait_until(lambda: any(path.stat().st_size > 10_000 for path in inbox.iterdir()), within_s=20)
        copy.send_signal(signal.SIGINT)
        copy.wait()
        wait_until(told.path.exists, within_s=20)  # its other half puts the part there
        assert told.path.stat().st_size < len(data), "it was through before it could be interrupted"
        pause()
        told.last = lambda: rsync(*mode, tmp_path / name, f"{inbox}/").wait()


def rsync(*words: object) -> "subprocess.Popen[bytes]":
    command = shutil.which("rsync")
    if command is None:
        pytest.skip("rsync is not installed; scripts/test installs it where it may")
    return subprocess.Popen([command, "-a", *map(str, words)], stderr=subprocess.DEVNULL)


def test_files_that_are_older_than_the_daemon(root: Path, tiny: Path, tmp_path: Path) -> None:
    """`cp -p` and unzip give back the times that the files once had."""
    if shutil.which("unzip") is None or shutil.which("zip") is None:
        pytest.skip("zip and unzip are not installed; scripts/test installs them where it may")
    inputs: dict[str, str] = {}
    for number, kind in enumerate(SUFFIXES):
        path = tmp_path / f"{number}.{SUFFIXES[kind]}"
        path.write_bytes(picture(kind))
        os.utime(path, (10**9, 10**9))
        inputs[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    packed = list(inputs)[:3]
    subprocess.run(["zip", "-q", "some.zip", *packed], cwd=tmp_path, check=True)
    with running(root, tiny) as house:
        subprocess.run(["unzip", "-q", tmp_path / "some.zip", "-d", house.folder.inbox], check=True)
        for name in list(inputs)[3:]:
            subprocess.run(["cp", "-p", tmp_path / name, house.folder.inbox], check=True)

        wait_until(lambda: len(house.originals()) == len(inputs), within_s=40)

    assert_converged(root, inputs)
    assert {os.stat(root / "originals" / name).st_mtime for name in inputs} == {10**9}


@pytest.mark.parametrize(
    "temp", ["a.png.part", "a.png.crdownload", "a.png.filepart", ".a.png.Xk29fQ", "~$a.png", "a.png.tmp"]
)
def test_temporary_name_then_rename(root: Path, tiny: Path, temp: str) -> None:
    data = picture("PNG")
    with story(root, tiny, "a.png", data) as told:
        unfinished = told.path.with_name(temp)
        unfinished.write_bytes(data)  # whole already, and left alone under that name
        pause()
        told.last = partial(unfinished.rename, told.path)


def test_random_habits_of_many_writers_at_once(root: Path, tiny: Path) -> None:
    chance = random.Random(7)
    inputs: dict[str, str] = {}
    with running(root, tiny) as house:
        writers = []
        for number in range(24):
            kind = chance.choice(list(SUFFIXES))
            name, data = f"{number}.{SUFFIXES[kind]}", picture(kind)
            inputs[name] = hashlib.sha256(data).hexdigest()
            seed = chance.randrange(1 << 30)
            writers.append(
                threading.Thread(target=_write_oddly, args=(house.folder.inbox / name, data, seed))
            )
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert_nothing_lost(root, inputs)
        wait_until(lambda: len(house.originals()) == len(inputs), within_s=50)

    assert_converged(root, inputs)


def _write_oddly(path: Path, data: bytes, seed: int) -> None:
    """Growing from its beginning, now held open, now closed, with pauses long and short."""
    chance = random.Random(seed)
    at = 0
    while at < len(data):
        with open(path, "ab", buffering=0) as file:
            for _ in range(chance.randint(1, 4)):
                step = chance.randint(1, len(data) // 2)
                file.write(data[at : at + step])
                at = min(len(data), at + step)
                pause(chance.uniform(0, 0.3))
        pause(chance.choice([0, 0.2, 0.6]))


def test_file_that_is_never_finished_is_warned_of_and_then_failed(
    root: Path, tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = picture("PNG")[:-30]
    with caplog.at_level(logging.WARNING, "watchd"), running(root, tiny, {"settle_timeout": "3s"}) as house:
        (house.folder.inbox / "a.png").write_bytes(data)
        wait_until(lambda: [each for each in caplog.records if each.message == "file waits"], within_s=30)
        assert_untouched(house)

        wait_until(lambda: house.inbox() == set(), within_s=30)

    assert "the end of the PNG" in (root / "failed" / "a.png.error.json").read_text()
    assert_converged(root, {"a.png": hashlib.sha256(data).hexdigest()})


def test_file_that_stays_open_for_writing_is_warned_of_and_never_failed(
    root: Path, tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = picture("PNG")
    with caplog.at_level(logging.WARNING, "watchd"), running(root, tiny, {"settle_timeout": "1s"}) as house:
        with open(house.folder.inbox / "a.png", "wb") as file:
            file.write(data)
            file.flush()
            wait_until(lambda: [each for each in caplog.records if each.message == "file waits"], within_s=30)
            pause(2)
            assert_untouched(house)
        wait_until(lambda: house.originals() == {"a.png"}, within_s=30)

    assert_converged(root, {"a.png": hashlib.sha256(data).hexdigest()})
