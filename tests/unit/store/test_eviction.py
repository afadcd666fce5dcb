import os
import time
from pathlib import Path

import pytest
from fakes import names

from watchd.store.birthtime import born_s
from watchd.store.cachefolder import open_cache
from watchd.store.entryname import EntryName
from watchd.store.eviction import CacheLimits, Swept, sweep
from watchd.store.inventory import masks
from watchd.tree import Tree

NOW = 1_800_000_000.0
HOUR, DAY = 3600.0, 86400.0
SPACE, FORMER = "u2net-3f9c1a7be2d0", "u2net-000000000000"
BLOCK = 4096  # what each entry takes here


class Folder:
    """A cache folder with entries of chosen ages. Their names end in their number."""

    def __init__(self, root: Path) -> None:
        self.tree = open_cache(root)

    def mask(self, number: int, unused_s: float = 0.0, space: str = SPACE) -> str:
        entry = EntryName("9f" * 32, 10, 10, f"{number:016x}")
        return self.put(f"v1/{space}/{entry.shard}/{entry}", unused_s)

    def output(self, number: int, unused_s: float = 0.0) -> str:
        return self.put(f"v1/outputs/7c/{number:032x}-{'a' * 12}-{'b' * 64}.png", unused_s)

    def put(self, relative: str, unused_s: float) -> str:
        path = self.tree.root / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(BLOCK))
        os.utime(path, (NOW - unused_s, NOW - unused_s))
        return relative

    def sweep(self, now_s: float = NOW, **limits: float) -> Swept:
        swept = sweep(self.tree, CacheLimits(**limits), now_s)
        assert swept is not None
        return swept

    def left(self) -> list[str]:
        return [name for name in names(self.tree.root) if name.startswith("v1")]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "cache")
    folder.mask(0)
    if next(masks(folder.tree)).size_bytes != BLOCK:
        pytest.skip("a file of 4096 bytes takes another room on this file system")
    folder.tree.unlink(folder.left()[0])
    return folder


def test_what_was_not_used_for_the_time_to_live_leaves(folder: Folder) -> None:
    stays = sorted([folder.mask(1, 6.9 * DAY), folder.output(1, 6.9 * DAY)])
    folder.mask(2, 7.1 * DAY)
    folder.output(2, 7.1 * DAY)

    swept = folder.sweep(ttl_s=7 * DAY)

    assert folder.left() == stays
    assert (swept.masks.by_ttl, swept.outputs.by_ttl) == (1, 1)
    assert (swept.masks.entries, swept.masks.size_bytes) == (1, BLOCK)


def test_without_limits_nothing_leaves(folder: Folder) -> None:
    folder.mask(1, 1000 * DAY)
    folder.output(1, 1000 * DAY)

    folder.sweep()

    assert len(folder.left()) == 2


def test_masks_of_a_former_model_leave_by_their_age(folder: Folder) -> None:
    folder.mask(1, 8 * DAY, FORMER)
    stays = folder.mask(2, 1 * DAY, FORMER)

    folder.sweep(ttl_s=7 * DAY)

    assert folder.left() == [stays]


def test_least_lately_used_masks_leave_down_to_nine_tenths_of_the_limit(folder: Folder) -> None:
    ages = [5, 1, 9, 3, 7, 2, 8, 4, 6, 0, 10]
    for number, age in enumerate(ages):
        folder.mask(number, age * DAY, SPACE if number % 2 else FORMER)

    swept = folder.sweep(mask_bytes=10 * BLOCK)

    left = sorted(age for number, age in enumerate(ages) if any(f"{number:016x}" in n for n in folder.left()))
    assert left == list(range(9))
    assert (swept.masks.by_size, swept.masks.entries, swept.masks.size_bytes) == (2, 9, 9 * BLOCK)


def test_cache_that_is_just_full_loses_nothing(folder: Folder) -> None:
    for number in range(10):
        folder.mask(number)

    swept = folder.sweep(mask_bytes=10 * BLOCK)

    assert swept.masks.by_size == 0
    assert len(folder.left()) == 10


def test_outputs_and_masks_each_have_their_own_limit(folder: Folder) -> None:
    for number in range(4):
        folder.mask(number, number)
        folder.output(number, number)

    swept = folder.sweep(output_bytes=2 * BLOCK)

    assert (swept.outputs.entries, swept.masks.entries) == (1, 4)
    assert [name for name in folder.left() if "outputs" in name] == [folder.output(0)]


def test_clock_that_was_set_back_drives_out_nothing(folder: Folder) -> None:
    folder.mask(1, 1 * DAY)
    folder.output(1)

    swept = folder.sweep(now_s=0.0, ttl_s=HOUR, max_age_s=HOUR)

    assert len(folder.left()) == 2
    assert swept.masks.by_ttl == 0


def test_clock_that_jumps_a_day_ahead_drives_out_nothing_of_this_week(folder: Folder) -> None:
    folder.mask(1, 5 * DAY)

    folder.sweep(now_s=NOW + DAY, ttl_s=7 * DAY)

    assert len(folder.left()) == 1


def test_entry_used_in_the_future_counts_as_just_used(folder: Folder) -> None:
    newest = folder.mask(1, -400 * DAY)
    folder.mask(2, 1 * HOUR)

    folder.sweep(ttl_s=7 * DAY, mask_bytes=BLOCK + 500)

    assert folder.left() == [newest]


def test_entry_made_too_long_ago_leaves_however_lately_it_was_used(folder: Folder) -> None:
    relative = folder.mask(1, -400 * DAY)
    with folder.tree.parent(relative) as spot:
        born = born_s(spot.folder, spot.name)
    if born is None:
        pytest.skip("this file system keeps no time of birth")

    young = folder.sweep(now_s=born + HOUR - 60, max_age_s=HOUR)
    old = folder.sweep(now_s=born + HOUR + 60, max_age_s=HOUR)

    assert (young.masks.by_ttl, old.masks.by_ttl) == (0, 1)
    assert folder.left() == []


def test_what_is_not_ours_stays_however_old_it_is(folder: Folder) -> None:
    ours = folder.mask(1, 1000 * DAY)
    shard = os.path.dirname(ours)
    foreign = [
        f"{ours}.bak",
        f"{shard}/notes.txt",
        f"{shard}/.hidden",
        f"{shard}/.someone-else.tmp",
        f"v1/{SPACE}/space.json",
        f"v1/{SPACE}/zz/{os.path.basename(ours)}",
        f"v1/{SPACE}/{os.path.basename(ours)}",
        "v1/outputs/7c/holiday.png",
        "v2/u2net/00/x.png",
    ]
    for relative in foreign:
        folder.put(relative, 1000 * DAY)

    folder.sweep(ttl_s=DAY, max_age_s=DAY, mask_bytes=1, output_bytes=1)

    assert set(names(folder.tree.root)) == {*foreign, "CACHEDIR.TAG", "README.txt"}


def test_links_and_folders_with_names_of_entries_stay(folder: Folder, tmp_path: Path) -> None:
    ours = folder.mask(1, 1000 * DAY)
    (tmp_path / "victim").write_text("mine")
    (folder.tree.root / ours.replace("10x10", "11x11")).symlink_to(tmp_path / "victim")
    (folder.tree.root / ours.replace("10x10", "12x12")).mkdir()
    (folder.tree.root / f"v1/{SPACE}/7d").symlink_to(tmp_path)

    swept = folder.sweep(now_s=time.time() + 1000 * DAY, ttl_s=DAY, mask_bytes=1)

    assert swept.masks.by_ttl == 1
    assert (tmp_path / "victim").read_text() == "mine"
    assert (folder.tree.root / ours.replace("10x10", "12x12")).is_dir()


def test_temps_of_killed_processes_leave_after_an_hour(folder: Folder) -> None:
    places = ["", f"v1/{SPACE}/", f"v1/{SPACE}/7c/", "v1/outputs/7c/"]
    for place in places:
        folder.put(f"{place}.watchd-dead.tmp", 1.1 * HOUR)
        folder.put(f"{place}.watchd-busy.tmp", 0.9 * HOUR)

    folder.sweep()

    assert [name for name in names(folder.tree.root) if "dead" in name] == []
    assert len([name for name in names(folder.tree.root) if "busy" in name]) == len(places)


def test_sweep_pauses_after_each_thousand_files_and_ends_when_told(tmp_path: Path) -> None:
    tree = open_cache(tmp_path / "cache")
    shard = tree.root / f"v1/{SPACE}/00"
    shard.mkdir(parents=True)
    for number in range(2500):
        (shard / str(EntryName("9f" * 32, 1, 1, f"{number:016x}"))).touch()
    pauses: list[int] = []

    whole = sweep(tree, CacheLimits(), NOW, lambda: pauses.append(1))
    told = sweep(tree, CacheLimits(ttl_s=1.0), time.time() + DAY, lambda: True)

    assert whole is not None
    assert whole.masks.entries == 2500
    assert len(pauses) == 2
    assert told is None
    assert len(names(shard)) == 1500


def test_cache_that_is_gone_is_swept_without_trouble(tmp_path: Path) -> None:
    swept = sweep(Tree(tmp_path / "gone"), CacheLimits(ttl_s=1.0), NOW)

    assert swept is not None
    assert swept.masks.entries == 0


def test_entry_that_cannot_be_removed_still_counts(folder: Folder) -> None:
    class Rigid(Tree):
        def unlink(self, relative: str) -> None:
            raise PermissionError(1, "not yours", relative)

    folder.mask(1, 8 * DAY)

    swept = sweep(Rigid(folder.tree.root), CacheLimits(ttl_s=DAY, mask_bytes=1), NOW)

    assert swept is not None
    assert (swept.masks.by_ttl, swept.masks.by_size, swept.masks.entries) == (0, 0, 1)
