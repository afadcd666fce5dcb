"""A cache that is damaged, removed, full, shared or out of time costs an inference, and never a picture."""

import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import kill
from daemons import configure, crowd, freeze_at_work, lines, said, stop
from disks import fill, make_room, set_read_only, small_disk
from fakes import draw, encoded, names, wait_until
from house import files
from oracle import assert_converged, assert_nothing_lost

from watchd.store.atomic import is_temp_name
from watchd.store.eviction import CacheLimits, sweep
from watchd.tree import Tree

Drop = Callable[[str, bytes], str]
Harm = Callable[[Path], object]

_DAY_S = 86400.0
_WEEK = CacheLimits(ttl_s=7 * _DAY_S)

pytestmark = pytest.mark.timeout(120)


def cache_of(root: Path) -> Path:
    return root / ".watchd" / "cache"


def entries(root: Path) -> list[Path]:
    """Masks and finished cutouts."""
    return sorted(cache_of(root).glob("v1/*/??/*.png"))


def tiers(root: Path) -> dict[str, str]:
    """By name of the file: where its cutout came from."""
    return {line["path"]: line["cache"] for line in said(root, "delivered")}


def delivered(root: Path, inputs: Iterable[str]) -> Callable[[], bool]:
    """For wait_until: all of these are, and what is to be remembered of them is."""
    return lambda: set(inputs) <= tiers(root).keys()


def assert_done(root: Path, inputs: dict[str, str]) -> None:
    """Everything is delivered, and files of one content have one cutout, byte for byte."""
    assert_converged(root, inputs)
    assert files(root / "failed") == set()
    cutouts = {
        (sha256, (root / "outbox" / name).with_suffix(".png").read_bytes()) for name, sha256 in inputs.items()
    }
    assert len(cutouts) == len(set(inputs.values()))
    assert not [line for line in lines(root) if line["message"] in ("failed", "a thread died")]
    assert not said(root, "folder paused")
    assert not [name for name in names(cache_of(root)) if is_temp_name(os.path.basename(name))]


@contextmanager
def meanwhile(harm: Callable[[], object]) -> Iterator[None]:
    """While entered that is done again and again."""
    ending = threading.Event()

    def work() -> None:
        while not ending.wait(0.002):
            harm()

    thread = threading.Thread(target=work, name="harm")
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def as_a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def as_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "mine").write_text("mine")


def as_a_link(path: Path) -> None:
    aside = path.with_name("aside")
    path.rename(aside)
    path.symlink_to(aside)


def with_a_bit_flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    path.write_bytes(data)


HARMS: list[Harm] = [
    lambda path: os.truncate(path, path.stat().st_size // 2),
    lambda path: os.truncate(path, 0),
    with_a_bit_flipped,
    lambda path: path.write_bytes(encoded("PNG", draw(90, 60, "RGBA"))),
    lambda path: path.write_bytes(bytes(5 << 20)),
    as_a_fifo,
    as_a_folder,
    as_a_link,
]


def harm(root: Path, sources: Iterable[str]) -> None:
    """The mask and the finished cutout of each source, which is named by its sha256, in another way."""
    for sha256, damage in zip(sources, HARMS, strict=True):
        mask, output = (
            [path for path in entries(root) if part in path.name]
            for part in (f"_{sha256[:16]}.", sha256[:32])
        )
        for path in mask + output:
            if path.is_file():  # a folder that was put there before is still in the way
                damage(path)


def test_damaged_entries_are_made_afresh(root: Path, drop: Drop, tiny: Path) -> None:
    """While the daemon runs, and before its start."""
    configure(root)
    photos = [encoded("JPEG", draw(200 + 40 * number, 150)) for number in range(len(HARMS))]
    inputs = {}

    def drop_all(turn: str) -> list[str]:
        dropped = {f"{turn}-{n}.jpg": drop(f"{turn}-{n}.jpg", data) for n, data in enumerate(photos)}
        inputs.update(dropped)
        wait_until(delivered(root, inputs), within_s=30)
        return list(dropped.values())

    with crowd(root, tiny, 1) as [daemon]:
        harm(root, drop_all("first"))
        harm(root, drop_all("second"))
        assert stop(daemon) == 0
    with crowd(root, tiny, 1) as [daemon]:
        drop_all("third")
        assert stop(daemon) == 0

    assert_done(root, inputs)
    assert set(tiers(root).values()) == {"miss"}


def test_foreign_files_in_the_cache_stay_and_do_no_harm(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    cache = cache_of(root)
    foreign = {
        "mine.txt",
        "v1/mine.txt",
        "v1/outputs/7c/mine.png",
        "v1/u2net-3f9c1a7be2d0/7c/mine.png",
        f"v1/u2net-3f9c1a7be2d0/7c/{'0' * 64}_0x0_{'0' * 16}.png",
        f"v1/outputs/7c/{'0' * 32}-{'0' * 12}.png",
        "v2/tiny/7c/mine.png",
    }
    for name in foreign:
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_text("mine")
        os.utime(cache / name, (0, 0))
    configure(root, cache="{ttl: 1s, max_age: 1s, max_size: 1MB, cleanup_interval: 1s}")

    with crowd(root, tiny, 1) as [daemon]:
        inputs = {f"{n}.jpg": drop(f"{n}.jpg", data) for n, data in enumerate(photos)}
        wait_until(delivered(root, inputs), within_s=30)
        wait_until(lambda: set(entries(root)) <= {cache / name for name in foreign}, within_s=30)
        assert stop(daemon) == 0

    assert_done(root, inputs)
    assert foreign <= files(cache)
    assert {(cache / name).read_text() for name in foreign} == {"mine"}


@pytest.mark.parametrize("harm", ["entries", "whole"])
def test_cache_that_vanishes_again_and_again_while_it_is_read(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path, harm: str
) -> None:
    """Entry by entry, or all of it; two daemons share it, and wait for each other's results."""
    configure(root, cache="{shared: true}")
    chance = random.Random(7)

    def remove() -> None:
        if harm == "whole":
            shutil.rmtree(cache_of(root), ignore_errors=True)
        elif there := entries(root):
            chance.choice(there).unlink(missing_ok=True)

    with crowd(root, tiny, 2) as daemons:
        with meanwhile(remove):
            inputs = {f"{n}.jpg": drop(f"{n}.jpg", photos[n % 5]) for n in range(60)}
            wait_until(delivered(root, inputs), within_s=60)
        codes = [stop(daemon) for daemon in daemons]

    assert codes == [0, 0]
    assert_done(root, inputs)
    assert sorted(line["path"] for line in said(root, "delivered")) == sorted(inputs)


def test_daemons_that_share_a_cache_make_each_picture_once(root: Path, drop: Drop, tiny: Path) -> None:
    """Large ones, so that the other daemon comes to the same picture while the first still works on it."""
    configure(root, cache="{shared: true}")
    large = [encoded("JPEG", draw(2000, 1200 + 200 * number)) for number in range(3)]
    with crowd(root, tiny, 2) as daemons:
        inputs = {f"{n}.jpg": drop(f"{n}.jpg", large[n % 3]) for n in range(18)}
        wait_until(delivered(root, inputs), within_s=60)
        codes = [stop(daemon) for daemon in daemons]

    assert codes == [0, 0]
    assert_done(root, inputs)
    assert Counter(tiers(root).values()) == {"miss": 3, "output": 15}


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "frozen"])
def test_daemon_that_others_wait_for_is_not_waited_for_too_long(
    root: Path, drop: Drop, tiny: Path, killed: bool
) -> None:
    """It stops while it works on a picture that the other daemon has as well, under another name."""
    configure(root, lease="2s", cache="{shared: true}", threads="{workers: 1}")
    large = encoded("JPEG", draw(3000, 2000))
    with crowd(root, tiny, 2) as daemons:
        inputs = {f"{n}.jpg": drop(f"{n}.jpg", large) for n in range(4)}
        stopped = freeze_at_work(root, daemons)
        if killed:
            kill(stopped)
        assert_nothing_lost(root, inputs)
        wait_until(delivered(root, inputs), within_s=60)
        if not killed:
            os.kill(stopped.pid, signal.SIGCONT)
        codes = [stop(daemon) for daemon in daemons if daemon.poll() is None]

    assert codes == ([0] if killed else [0, 0])
    assert_done(root, inputs)


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_disk_of_the_cache_alone_in_trouble_pauses_nothing(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path, trouble: str
) -> None:
    configure(root, cache="{cleanup_interval: 1s}")
    cache = cache_of(root)
    inputs = {}

    def drop_all(turn: str) -> list[str]:
        dropped = {f"{turn}-{n}.jpg": drop(f"{turn}-{n}.jpg", data) for n, data in enumerate(photos)}
        inputs.update(dropped)
        wait_until(delivered(root, inputs), within_s=30)
        return [tiers(root)[name] for name in dropped]

    with small_disk(cache, "4m"), crowd(root, tiny, 1) as [daemon]:
        fill(cache) if trouble == "full" else set_read_only(cache, True)
        without = drop_all("first"), drop_all("second")
        make_room(cache) if trouble == "full" else set_read_only(cache, False)
        wait_until(lambda: said(root, "cache writes again"), within_s=30)
        afterwards = drop_all("third"), drop_all("fourth")
        assert stop(daemon) == 0
        assert_done(root, inputs)

    assert without == (["miss"] * 5, ["miss"] * 5)
    assert afterwards == (["miss"] * 5, ["output"] * 5)
    assert said(root, "cache stops writing")


@pytest.mark.parametrize(
    ("days", "tier"), [(8, "miss"), (-8, "output"), (3650, "miss"), (-3650, "output")], ids=str
)
def test_sweep_by_a_clock_that_jumped_costs_an_inference_at_most(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path, days: int, tier: str
) -> None:
    configure(root)
    with crowd(root, tiny, 1) as [daemon]:
        inputs = {f"{n}.jpg": drop(f"{n}.jpg", data) for n, data in enumerate(photos)}
        wait_until(delivered(root, inputs), within_s=30)

        sweep(Tree(cache_of(root)), _WEEK, time.time() + days * _DAY_S)

        again = {f"{n}-again.jpg": drop(f"{n}-again.jpg", data) for n, data in enumerate(photos)}
        wait_until(delivered(root, again), within_s=30)
        assert stop(daemon) == 0

    assert_done(root, inputs | again)
    assert {tiers(root)[name] for name in again} == {tier}
