"""File systems of the NAS: what btrfs and XFS do otherwise than ext4 costs nothing, and copies are shared."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import watchd
from disks import formatted_disk
from fakes import wait_until
from oracle import assert_converged

from watchd.domain.reuse import Tier
from watchd.store.receipts import Receipts
from watchd.tree import Tree

Drop = Callable[[str, bytes], str]


@pytest.fixture(params=["btrfs", "xfs"])
def place(request: pytest.FixtureRequest, tmp_path: Path, root: Path) -> Iterator[Path]:
    """The root, on a file system of that kind."""
    with formatted_disk(request.param, tmp_path / "disk", root):
        yield root


def test_files_are_delivered_and_the_same_one_again_shares_its_blocks(
    place: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    inputs = {f"{n}.jpg": drop(f"{n}.jpg", data) for n, data in enumerate(photos)}
    first = watchd("run", "--once", place, "--model", tiny)
    inputs["again.jpg"] = drop("again.jpg", photos[0])

    second = watchd("run", "--once", place, "--model", tiny)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    receipt = Receipts(Tree(place / ".watchd")).read("again.jpg")
    assert receipt is not None
    assert receipt.reuse.tier is Tier.OUTPUT
    assert (place / "outbox" / "again.png").read_bytes() == (place / "outbox" / "0.png").read_bytes()
    if shutil.which("filefrag"):
        wait_until(lambda: shares_its_blocks(place / "outbox" / "again.png"))
    assert_converged(place, inputs)


def shares_its_blocks(path: Path) -> bool:
    subprocess.run(["sync", "--file-system", path], check=True)
    extents = subprocess.run(["filefrag", "-v", path], check=True, capture_output=True, text=True).stdout
    return "shared" in extents
