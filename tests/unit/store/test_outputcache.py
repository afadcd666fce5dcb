import errno
import hashlib
import os
import time
from pathlib import Path

import pytest
from fakes import names

from watchd.store.cachefolder import open_cache
from watchd.store.outputcache import OutputCache
from watchd.store.room import Room
from watchd.store.storedfile import StoredFile
from watchd.tree import Tree

SHA256 = "7c" + "0123456789abcdef" * 3 + "0123456789abcd"
RENDER = "aabbccddeeff"
DATA = b"cutout" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()
PATH = f"v1/outputs/7c/{SHA256[:32]}-{RENDER}-{DIGEST}.png"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return open_cache(tmp_path / "cache")


@pytest.fixture
def cache(tree: Tree) -> OutputCache:
    return OutputCache(tree)


def content(stored: StoredFile | None) -> bytes | None:
    if stored is None:
        return None
    with stored:
        return os.pread(stored.handle, 1 << 20, 0)


def test_added_output_is_opened_again_with_its_size_and_digest(cache: OutputCache) -> None:
    assert cache.add(SHA256, RENDER, ".png", DATA, DIGEST)

    stored = cache.open(SHA256, RENDER)

    assert stored is not None
    assert (stored.size, stored.sha256, stored.relative) == (len(DATA), DIGEST, PATH)
    assert stored.is_sound()
    assert content(stored) == DATA


def test_output_lies_under_a_name_that_tells_its_digest_for_its_owner_alone(
    cache: OutputCache, tree: Tree
) -> None:
    cache.add(SHA256, RENDER, ".png", DATA, DIGEST)

    assert (tree.root / PATH).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("sha256", "render"),
    [(SHA256.replace("0123", "0124", 1), RENDER), (SHA256, "aabbccddeef0"), ("00" + SHA256[2:], RENDER)],
)
def test_output_of_another_picture_or_with_other_options_is_not_given(
    cache: OutputCache, sha256: str, render: str
) -> None:
    cache.add(SHA256, RENDER, ".png", DATA, DIGEST)

    assert cache.open(sha256, render) is None


def test_output_that_was_changed_on_the_disk_is_not_sound(cache: OutputCache, tree: Tree) -> None:
    cache.add(SHA256, RENDER, ".png", DATA, DIGEST)
    (tree.root / PATH).write_bytes(DATA[:-1] + b"X")

    stored = cache.open(SHA256, RENDER)

    assert stored is not None
    with stored:
        assert not stored.is_sound()


def test_discarded_output_is_gone_while_it_is_still_open(cache: OutputCache, tree: Tree) -> None:
    cache.add(SHA256, RENDER, ".png", DATA, DIGEST)
    stored = cache.open(SHA256, RENDER)
    assert stored is not None

    cache.discard(stored)
    cache.discard(stored)

    assert content(stored) == DATA
    assert cache.open(SHA256, RENDER) is None
    assert PATH not in names(tree.root)


def test_links_folders_and_foreign_names_are_no_outputs(cache: OutputCache, tree: Tree) -> None:
    (tree.root / PATH).parent.mkdir(parents=True)
    (tree.root / PATH).symlink_to(tree.root / "README.txt")
    (tree.root / PATH.replace("-", "_")).mkdir()
    (tree.root / PATH.replace(".png", ".bak")).write_bytes(DATA)
    before = names(tree.root)

    assert cache.open(SHA256, RENDER) is None
    assert names(tree.root) == before


def test_opening_an_output_sets_the_time_of_its_last_use(cache: OutputCache, tree: Tree) -> None:
    cache.add(SHA256, RENDER, ".png", DATA, DIGEST)
    os.utime(tree.root / PATH, (1e9, 1e9))

    content(cache.open(SHA256, RENDER))

    assert time.time() - (tree.root / PATH).stat().st_mtime < 60


def test_disk_that_takes_nothing_stops_masks_and_outputs_alike(tmp_path: Path) -> None:
    class FullTree(Tree):
        def give_rights(self, handle: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    tree = FullTree(open_cache(tmp_path / "cache").root)
    room = Room(tree)

    added = OutputCache(tree, room=room).add(SHA256, RENDER, ".png", DATA, DIGEST)

    assert not added
    assert room.stopped
    assert OutputCache(tree).open(SHA256, RENDER) is None
