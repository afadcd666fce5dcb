"""Very many files, very many folders, and names that do not stand still."""

import os
import random
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
import pytest
from commands import daemon
from fakes import draw, encoded, wait_until
from house import files
from oracle import assert_converged, assert_nothing_lost

Drop = Callable[[str, bytes], str]

MEGABYTE = 1 << 20

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def small() -> list[bytes]:
    """Eight pictures that are worked on in no time."""
    return [encoded("JPEG", draw(16 + number, 12)) for number in range(8)]


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_one_inbox_with_very_many_files_takes_no_more_memory(
    root: Path, drop: Drop, small: list[bytes], tiny: Path, count: int
) -> None:
    inputs: dict[str, str] = {}

    def drop_some(numbers: Iterable[int]) -> None:
        for number in numbers:
            name = f"{number}.jpg"
            inputs[name] = drop(name, small[number % len(small)] + name.encode())

    with daemon(root, "--model", tiny) as process:
        memory = psutil.Process(process.pid)
        drop_some(range(200))
        wait_until(lambda: done(root, inputs), within_s=120)
        before = memory.memory_info().rss
        drop_some(range(200, count))
        wait_until(lambda: done(root, inputs), within_s=600)
        after = memory.memory_info().rss

    assert after - before < 64 * MEGABYTE
    assert_converged(root, inputs)


@pytest.mark.parametrize("at_once", [True, False], ids=["there-at-the-start", "made-while-it-runs"])
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_very_many_folders(
    root: Path, drop: Drop, small: list[bytes], tiny: Path, count: int, at_once: bool
) -> None:
    inputs: dict[str, str] = {}

    def drop_all() -> None:
        for number in range(count):
            name = f"{number % 10}/{number}/photo.jpg"
            inputs[name] = drop(name, small[number % len(small)] + name.encode())

    if at_once:
        drop_all()
    with daemon(root, "--model", tiny):
        if not at_once:
            drop_all()
        wait_until(lambda: done(root, inputs), within_s=300)

    assert_converged(root, inputs)


@pytest.mark.parametrize("count", [30, pytest.param(300, marks=pytest.mark.slow)])
def test_storm_of_renames_loses_nothing(
    root: Path, drop: Drop, small: list[bytes], tiny: Path, count: int
) -> None:
    chance = random.Random(7)
    pause = threading.Event()
    with daemon(root, "--model", tiny):
        inputs = {f"{n}-0.jpg": drop(f"{n}-0.jpg", small[n % 8] + str(n).encode()) for n in range(count)}
        names = {number: root / "inbox" / f"{number}-0.jpg" for number in range(count)}
        for turn in range(1, 40):
            for number in list(names):
                again = root / "inbox" / f"{number}-{turn}.jpg"
                try:
                    os.rename(names[number], again)
                except FileNotFoundError:  # it is done
                    del names[number]
                else:
                    names[number] = again
            pause.wait(chance.uniform(0, 0.02))
        wait_until(lambda: files(root / "inbox") == set() and claims(root) == [], within_s=300)

    # Who renames a file after its cutout was delivered has made it another file, which gets its own one.
    assert_nothing_lost(root, inputs)
    originals = files(root / "originals")
    assert len(originals) == count
    assert files(root / "failed") == set()
    assert {os.path.splitext(name)[0] + ".png" for name in originals} <= files(root / "outbox")


def done(root: Path, inputs: Iterable[str]) -> bool:
    return not files(root / "inbox") and files(root / "originals") == set(inputs) and claims(root) == []


def claims(root: Path) -> list[str]:
    return os.listdir(root / ".watchd" / "claims")
