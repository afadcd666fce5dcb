import os
import stat
from pathlib import Path

import pytest
from fakes import names

from watchd.store.cachefolder import open_cache, put
from watchd.store.room import Room
from watchd.tree import Tree


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_cache_folder_is_private_and_says_what_it_is(tmp_path: Path) -> None:
    tree = open_cache(tmp_path / "deep" / "cache")

    assert mode(tree.root) == 0o700
    assert names(tree.root) == ["CACHEDIR.TAG", "README.txt"]
    assert tree.read("CACHEDIR.TAG").startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")


def test_folder_that_is_there_keeps_its_mode_and_its_files(tmp_path: Path) -> None:
    root = tmp_path / "cache"
    root.mkdir(mode=0o755)
    (root / "README.txt").write_text("mine")

    tree = open_cache(root)
    put(tree, "v1/space/7c/a", b"x", Room(tree))

    assert mode(root) == 0o755
    assert tree.read("README.txt") == b"mine"
    assert mode(root / "v1") == 0o700


def test_folder_that_cannot_be_made_is_no_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    tree = open_cache(tmp_path / "file" / "cache")

    assert not put(tree, "v1/a", b"x", Room(tree))


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_files_are_for_their_owner_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    tree = open_cache(tmp_path / "cache")
    before = os.umask(umask)
    try:
        assert put(tree, "v1/space/7c/a", b"x", Room(tree))
    finally:
        os.umask(before)

    made = [tree.root / "v1", tree.root / "v1/space", tree.root / "v1/space/7c"]
    assert [mode(path) for path in made] == [0o700] * 3
    assert mode(tree.root / "v1/space/7c/a") == 0o600


def test_link_in_the_place_of_a_folder_leads_nowhere(tmp_path: Path) -> None:
    tree = open_cache(tmp_path / "cache")
    (tmp_path / "elsewhere").mkdir()
    (tree.root / "v1").symlink_to(tmp_path / "elsewhere")

    assert not put(Tree(tree.root), "v1/a", b"x", Room(tree))
    assert names(tmp_path / "elsewhere") == []
