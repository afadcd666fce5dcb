"""A power cut, of the whole machine or of one disk: what was not forced to the disk by then is gone."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import watchd
from daemons import configure
from disks import Disk
from fakes import wait_until
from house import files
from oracle import assert_converged, assert_nothing_lost
from strace import injected, stopped

Drop = Callable[[str, bytes], str]

_LEASE_S = 1
_SHOOT = ("shoot/a.jpg", "shoot/b.jpg")
_SHOWN = {"shoot/a.png", "shoot/b.png"}

# Each with the stride that is enough for a look at it; with --all it is 1.
_CALLS = {"rename,renameat,renameat2": 7, "fsync": 11, "unlink,unlinkat": 9}


pytestmark = pytest.mark.xdist_group("mounts")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("calls", _CALLS, ids=lambda calls: calls.partition(",")[0])
@pytest.mark.parametrize("place", ["", "outbox", "originals"], ids=["everything", "outbox", "originals"])
def test_power_cut_at_every_nth_call_loses_nothing(
    root: Path,
    tmp_path: Path,
    drop: Drop,
    photos: list[bytes],
    broken: bytes,
    tiny: Path,
    place: str,
    calls: str,
    pytestconfig: pytest.Config,
) -> None:
    """On one disk ext4's journal keeps the order of all changes; two disks have none in common."""
    stride = 1 if pytestconfig.getoption("--all") else _CALLS[calls]
    number, cuts = 1, 0
    while True:
        shutil.rmtree(root, ignore_errors=True)
        with _disk(tmp_path / "disk", root / place) as disk:
            configure(root, lease=f"{_LEASE_S}s")
            inputs = {f"{n}.jpg": drop(f"{n}.jpg", data) for n, data in enumerate(photos[:2])}
            inputs["bad.png"] = drop("bad.png", broken)
            disk.unmount()  # what was dropped has been on the disk for long
            disk.mount()
            if not _cut_at(number, calls, disk, root, tiny, inputs):
                break
            cuts += 1
            assert_nothing_lost(root, inputs)
            wait_until(lambda: _claims_are_old(root), within_s=30)  # to boot takes longer than a lease

            result = watchd("run", "--once", root, "--model", tiny)

            assert result.returncode in (0, 1), result.stderr
            assert_converged(root, inputs)
        number += stride
    assert cuts


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("call", "place"),
    [("renameat2", "outbox"), ("unlinkat", "outbox/.watchd-batches")],
    ids=["named", "tidied"],
)
def test_power_cut_while_a_folder_is_delivered_shows_all_of_it_or_nothing(
    root: Path, tmp_path: Path, drop: Drop, photos: list[bytes], tiny: Path, call: str, place: str
) -> None:
    """Right after it got its name, before that was forced to the disk; and once it was."""
    with _disk(tmp_path / "disk", root) as disk:
        configure(root, "deliver: folders", lease=f"{_LEASE_S}s")
        inputs = {name: drop(name, data) for name, data in zip(_SHOOT, photos, strict=False)}
        disk.unmount()
        disk.mount()
        assert _cut_at(1, call, disk, root, tiny, inputs, places=[place])
        assert_nothing_lost(root, inputs)
        seen = {name for name in files(root / "outbox") if not name.startswith(".")}
        assert seen == _SHOWN or (call == "renameat2" and not seen)
        wait_until(lambda: _claims_are_old(root), within_s=30)

        result = watchd("run", "--once", root, "--model", tiny)

        assert result.returncode == 0, result.stderr
        assert_converged(root, inputs)


def _claims_are_old(root: Path) -> bool:
    claims = root / ".watchd" / "claims"
    ages = [time.time() - path.stat().st_mtime for path in claims.iterdir()] if claims.exists() else []
    return min(ages, default=_LEASE_S + 1) > _LEASE_S


def _cut_at(
    number: int,
    calls: str,
    disk: Disk,
    root: Path,
    tiny: Path,
    inputs: dict[str, str],
    places: Iterable[str] = (),
) -> bool:
    """Cuts the power right after that call; False if the run ended before it came to it."""
    injection = f"inject={calls}:signal=STOP:when={number}"
    with injected(root, tiny, inputs, injection, places) as process:
        wait_until(lambda: process.poll() is not None or stopped(root), within_s=120)
        cut = process.poll() is None
        if cut:
            disk.cut_power()
    if cut:
        disk.unmount()
        disk.mount()
    return cut


@contextmanager
def _disk(image: Path, place: Path) -> Iterator[Disk]:
    disk = Disk(image, place)
    try:
        yield disk
    finally:
        disk.unmount()
