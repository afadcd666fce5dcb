import errno
import json
import logging
import os
import shutil
import stat
import threading
import time
from pathlib import Path

import pytest
from fakes import names

from watchd.store.cachefolder import open_cache
from watchd.store.entryname import EntryName
from watchd.store.eviction import CacheLimits, sweep
from watchd.store.maskcache import MAX_ENTRY_BYTES, MaskCache
from watchd.tree import Tree

SPACE = "u2net-3f9c1a7be2d0"
SHA256 = "7c" + "0123456789abcdef" * 3 + "0123456789abcd"
ENTRY = EntryName("9f" * 32, 1500, 1000, SHA256[:16])
PATH = f"v1/{SPACE}/7c/{ENTRY}"


class FakeRemote:
    """Another host's masks, in memory."""

    def __init__(self) -> None:
        self.masks: dict[str, bytes] = {}

    def find(self, sha16: str) -> str | None:
        return next((name for name in self.masks if sha16 in name), None)

    def get(self, name: str) -> bytes | None:
        return self.masks.get(name)

    def put(self, name: str, data: bytes) -> None:
        self.masks[name] = data


class FullTree(Tree):
    """A disk on which nothing can be made any more."""

    code = errno.ENOSPC

    def give_rights(self, handle: int) -> None:
        raise OSError(self.code, os.strerror(self.code))


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return open_cache(tmp_path / "cache")


@pytest.fixture
def cache(tree: Tree) -> MaskCache:
    return MaskCache(tree, SPACE)


def another(cache_tree: Tree) -> MaskCache:
    """The same folder, seen by another process."""
    return MaskCache(cache_tree, SPACE)


def numbered(number: int) -> EntryName:
    return EntryName(f"{number:064x}", 10, 10, f"{number % 4:02x}{number:014x}")


def test_added_mask_is_found_by_digest_and_by_likeness(cache: MaskCache) -> None:
    assert cache.add(ENTRY, b"mask")

    assert cache.find(SHA256) == ENTRY
    assert cache.near("9f" * 31 + "9e", 16) == [(1, ENTRY)]
    assert cache.read(ENTRY) == b"mask"


def test_unknown_picture_is_not_found(cache: MaskCache) -> None:
    assert cache.find(SHA256) is None
    assert cache.near("9f" * 32, 16) == []
    assert cache.read(ENTRY) is None


def test_entry_lies_in_the_shard_of_its_digest_and_for_its_owner_alone(cache: MaskCache, tree: Tree) -> None:
    cache.add(ENTRY, b"mask")

    path = tree.root / PATH
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(above.stat().st_mode) for above in [*path.parents][:4]} == {0o700}


def test_space_tells_people_how_its_masks_were_made(tree: Tree) -> None:
    MaskCache(tree, SPACE, recipe={"side": 320}).add(ENTRY, b"mask")

    assert json.loads(tree.read(f"v1/{SPACE}/space.json")) == {"side": 320}


def test_masks_of_another_space_are_not_seen(cache: MaskCache, tree: Tree) -> None:
    cache.add(ENTRY, b"mask")
    other = MaskCache(tree, "u2net-000000000000")

    other.refresh()

    assert other.find(SHA256) is None


def test_masks_of_former_days_are_found_after_the_first_refresh(cache: MaskCache, tree: Tree) -> None:
    for number in range(100):
        cache.add(numbered(number), b"mask")
    later = another(tree)

    later.refresh()

    assert len(later) == 100
    assert later.read(numbered(42)) == b"mask"


def test_what_another_process_adds_and_removes_is_known_after_a_refresh(tree: Tree) -> None:
    one, other = another(tree), another(tree)
    one.refresh()
    other.add(ENTRY, b"mask")

    one.refresh()
    seen = one.find(SHA256)
    other.discard(ENTRY)
    one.refresh()

    assert seen == ENTRY
    assert one.find(SHA256) is None


def test_shard_that_changed_in_the_tick_of_the_last_look_is_looked_at_again(
    cache: MaskCache, tree: Tree
) -> None:
    cache.add(ENTRY, b"mask")
    later = another(tree)
    later.refresh()
    shard = tree.root / f"v1/{SPACE}/7c"
    changed_ns = shard.stat().st_mtime_ns
    second = EntryName(ENTRY.phash, 1, 1, "7c" + "f" * 14)
    (shard / str(second)).write_bytes(b"mask")
    os.utime(shard, ns=(changed_ns, changed_ns))

    later.refresh()

    assert later.find(second.sha16) == second


def test_shard_that_has_not_changed_for_long_is_not_listed_again(cache: MaskCache, tree: Tree) -> None:
    cache.add(ENTRY, b"mask")
    shard = tree.root / f"v1/{SPACE}/7c"
    os.utime(shard, (1e9, 1e9))
    later = another(tree)
    later.refresh()
    (shard / str(EntryName(ENTRY.phash, 1, 1, "7c" + "f" * 14))).write_bytes(b"mask")
    os.utime(shard, (1e9, 1e9))

    later.refresh()

    assert len(later) == 1


@pytest.mark.parametrize("again", [1, 2])
def test_foreign_things_in_a_shard_are_no_entries_and_stay(cache: MaskCache, tree: Tree, again: int) -> None:
    cache.add(ENTRY, b"mask")
    shard = tree.root / f"v1/{SPACE}/7c"
    link, folder, fifo, stray = (EntryName(ENTRY.phash, n, 1, "7c" + "e" * 14) for n in range(1, 5))
    (shard / str(link)).symlink_to(tree.root / "README.txt")
    (shard / str(folder)).mkdir()
    os.mkfifo(shard / str(fifo))
    (shard / str(EntryName(ENTRY.phash, 4, 1, "00" + "e" * 14))).write_bytes(b"in the wrong shard")
    (shard / "notes.txt").write_text("mine")
    (shard.parent / "zz").mkdir()
    before = names(tree.root)
    later = another(tree)

    for _ in range(again):
        later.refresh()
    known = len(later)
    read = [later.read(each) for each in (link, folder, fifo, stray)]

    assert known == 1
    assert read == [None] * 4
    assert names(tree.root) == before


def test_entry_that_has_vanished_is_a_miss_and_found_no_more(cache: MaskCache, tree: Tree) -> None:
    cache.add(ENTRY, b"mask")
    (tree.root / PATH).unlink()

    assert cache.read(ENTRY) is None
    assert cache.find(SHA256) is None


def test_entry_that_is_too_large_is_not_read(cache: MaskCache) -> None:
    cache.refresh()
    cache.add(ENTRY, bytes(MAX_ENTRY_BYTES + 1))

    assert cache.read(ENTRY) is None
    assert cache.find(SHA256) is None


def test_largest_entry_is_read(cache: MaskCache) -> None:
    cache.add(ENTRY, bytes(MAX_ENTRY_BYTES))

    assert cache.read(ENTRY) == bytes(MAX_ENTRY_BYTES)


def test_discarded_entry_is_gone_from_the_folder(cache: MaskCache, tree: Tree) -> None:
    cache.add(ENTRY, b"torn")

    cache.discard(ENTRY)
    cache.discard(ENTRY)

    assert cache.find(SHA256) is None
    assert not (tree.root / PATH).exists()


def test_entry_added_again_is_replaced_whole(cache: MaskCache, tree: Tree) -> None:
    cache.add(ENTRY, b"torn")

    cache.add(ENTRY, b"mask")

    assert cache.read(ENTRY) == b"mask"
    assert [name for name in names(tree.root) if name.endswith(".tmp")] == []


def test_reading_an_entry_sets_the_time_of_its_last_use(cache: MaskCache, tree: Tree) -> None:
    cache.add(ENTRY, b"mask")
    os.utime(tree.root / PATH, (1e9, 1e9))

    cache.read(ENTRY)

    assert time.time() - (tree.root / PATH).stat().st_mtime < 60


def test_time_of_last_use_is_not_written_more_than_once_an_hour(cache: MaskCache, tree: Tree) -> None:
    cache.add(ENTRY, b"mask")
    lately = time.time() - 3500
    os.utime(tree.root / PATH, (lately, lately))

    cache.read(ENTRY)

    assert (tree.root / PATH).stat().st_mtime == pytest.approx(lately, abs=0.01)


def test_folder_removed_meanwhile_is_a_miss_and_made_again_by_the_next_write(
    cache: MaskCache, tree: Tree
) -> None:
    cache.add(ENTRY, b"mask")
    shutil.rmtree(tree.root)

    cache.refresh()
    found, read, added = cache.find(SHA256), cache.read(ENTRY), cache.add(ENTRY, b"mask")

    assert (found, read, added) == (None, None, True)
    assert cache.read(ENTRY) == b"mask"
    assert {"CACHEDIR.TAG", "README.txt", PATH} <= set(names(tree.root))


def test_folder_that_was_away_for_a_moment_comes_back_as_it_was(cache: MaskCache, tree: Tree) -> None:
    cache.add(ENTRY, b"mask")
    os.utime(tree.root / f"v1/{SPACE}/7c", (1e9, 1e9))
    cache.refresh()
    tree.root.rename(tree.root.parent / "away")
    missed = cache.read(ENTRY)

    (tree.root.parent / "away").rename(tree.root)
    cache.refresh()

    assert missed is None
    assert cache.find(SHA256) == ENTRY
    assert cache.read(ENTRY) == b"mask"


def test_folder_whose_place_is_gone_takes_nothing_and_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    cache = MaskCache(open_cache(tmp_path / "share" / "cache"), SPACE)
    shutil.rmtree(tmp_path / "share")

    assert not cache.add(ENTRY, b"mask")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_disk_that_takes_nothing_is_no_error_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    tree = FullTree(open_cache(tmp_path / "cache").root)
    tree.code = code
    cache = MaskCache(tree, SPACE)

    added = [cache.add(numbered(number), b"mask") for number in range(3)]

    assert added == [False] * 3
    assert cache.find(numbered(0).sha16) is None
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        "cache stops writing"
    ]
    assert names(tree.root) == ["CACHEDIR.TAG", "README.txt"]


def test_foreign_thing_in_the_place_of_a_shard_stops_no_other_entry(
    cache: MaskCache, tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    (tree.root / f"v1/{SPACE}").mkdir(parents=True)
    (tree.root / f"v1/{SPACE}/7c").write_text("mine")

    assert not cache.add(ENTRY, b"mask")
    assert cache.add(numbered(1), b"mask")
    assert caplog.records == []


def test_mask_of_another_host_is_fetched_and_kept(tree: Tree) -> None:
    remote = FakeRemote()
    remote.put(str(ENTRY), b"mask")
    cache = MaskCache(tree, SPACE, remote=remote)
    cache.learn(ENTRY)
    cache.refresh()

    found, read = cache.find(SHA256), cache.read(ENTRY)

    assert (found, read) == (ENTRY, b"mask")
    assert (tree.root / PATH).read_bytes() == b"mask"


def test_learned_mask_that_the_other_host_no_longer_has_is_forgotten(tree: Tree) -> None:
    cache = MaskCache(tree, SPACE, remote=FakeRemote())
    cache.learn(ENTRY)

    assert cache.read(ENTRY) is None
    assert cache.find(SHA256) is None


def test_mask_of_another_host_that_is_too_large_is_not_taken(tree: Tree) -> None:
    remote = FakeRemote()
    remote.put(str(ENTRY), bytes(MAX_ENTRY_BYTES + 1))
    cache = MaskCache(tree, SPACE, remote=remote)
    cache.learn(ENTRY)

    assert cache.read(ENTRY) is None
    assert not (tree.root / PATH).exists()


def test_learned_mask_outlives_the_listing_of_its_shard(tree: Tree) -> None:
    cache = MaskCache(tree, SPACE, remote=FakeRemote())
    cache.add(EntryName(ENTRY.phash, 1, 1, "7c" + "f" * 14), b"mask")
    cache.learn(ENTRY)

    cache.refresh()

    assert cache.find(SHA256) == ENTRY


def test_added_mask_is_given_to_the_other_hosts_even_if_the_disk_is_full(tmp_path: Path) -> None:
    remote = FakeRemote()
    cache = MaskCache(FullTree(open_cache(tmp_path / "cache").root), SPACE, remote=remote)

    added = cache.add(ENTRY, b"mask")

    assert not added
    assert cache.find(SHA256) == ENTRY
    assert cache.read(ENTRY) == b"mask"


def test_two_caches_and_a_sweep_on_one_folder_never_give_a_torn_mask(tree: Tree) -> None:
    entries = [numbered(number) for number in range(20)]
    bodies = {entry: str(entry).encode() * 200 for entry in entries}
    caches = another(tree), another(tree)
    wrong: list[object] = []
    ended = threading.Event()

    def use(cache: MaskCache) -> None:
        for turn in range(200):
            entry = entries[turn % len(entries)]
            cache.refresh()
            data = cache.read(found) if (found := cache.find(entry.sha16)) else None
            if data is None:
                cache.add(entry, bodies[entry])
            elif data != bodies[entry]:
                wrong.append(entry)

    def evict() -> None:
        while not ended.is_set():
            sweep(tree, CacheLimits(mask_bytes=40_000), time.time())

    users = [threading.Thread(target=use, args=[cache]) for cache in caches]
    evictor = threading.Thread(target=evict)
    for thread in (evictor, *users):
        thread.start()
    for user in users:
        user.join()
    ended.set()
    evictor.join()

    assert wrong == []
    assert [name for name in names(tree.root) if name.endswith(".tmp")] == []


def test_mask_that_another_process_has_just_added_is_found_by_looking_again(
    tree: Tree, cache: MaskCache
) -> None:
    cache.refresh()
    another(tree).add(ENTRY, b"mask")
    assert cache.find(SHA256) is None

    cache.look_again(SHA256)

    assert cache.find(SHA256) == ENTRY


def test_mask_that_another_host_has_just_added_is_found_by_looking_again(tree: Tree) -> None:
    remote = FakeRemote()
    cache = MaskCache(tree, SPACE, remote=remote)
    remote.put(str(ENTRY), b"mask")

    cache.look_again(SHA256)

    assert cache.find(SHA256) == ENTRY
    assert cache.read(ENTRY) == b"mask"


def test_what_a_stranger_calls_the_mask_of_a_picture_is_not_believed(tree: Tree) -> None:
    remote = FakeRemote()
    cache = MaskCache(tree, SPACE, remote=remote)
    remote.put(f"{SHA256[:16]}-../../secret", b"mask")

    cache.look_again(SHA256)

    assert cache.find(SHA256) is None
