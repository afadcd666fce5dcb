from pathlib import Path

import pytest
from fakes import names

from watchd.store.cachefolder import open_cache
from watchd.store.entryname import EntryName
from watchd.store.inventory import masks, masks_of, outputs, remove, remove_space, spaces, temps
from watchd.store.maskcache import MaskCache
from watchd.store.outputcache import OutputCache
from watchd.tree import Tree

SPACE, FORMER = "u2net-3f9c1a7be2d0", "u2net-000000000000"
ENTRIES = [EntryName("9f" * 32, 10, 10, f"{shard}0123456789abcd") for shard in ("00", "7c", "ff")]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = open_cache(tmp_path / "cache")
    for space in (SPACE, FORMER):
        cache = MaskCache(tree, space)
        for entry in ENTRIES:
            cache.add(entry, b"mask")
    OutputCache(tree).add("7c" * 32, "a" * 12, ".png", b"cutout", "b" * 64)
    return tree


def test_masks_of_all_spaces_are_told_with_their_space(tree: Tree) -> None:
    found = [(each.space, each.name) for each in masks(tree)]

    assert sorted(found) == sorted((space, str(entry)) for space in (SPACE, FORMER) for entry in ENTRIES)
    assert sorted(spaces(tree)) == sorted([SPACE, FORMER])


def test_outputs_are_no_masks_and_no_space(tree: Tree) -> None:
    [output] = outputs(tree)

    assert output.relative == f"v1/outputs/7c/{'7c' * 16}-{'a' * 12}-{'b' * 64}.png"


def test_removed_entry_is_gone_and_removing_it_twice_does_no_harm(tree: Tree) -> None:
    found = next(masks_of(tree, SPACE))

    assert [remove(tree, found), remove(tree, found)] == [True, True]
    assert len(list(masks_of(tree, SPACE))) == 2


def test_former_space_is_removed_whole_and_the_others_stay(tree: Tree) -> None:
    removed = remove_space(tree, FORMER)

    assert removed == 3
    assert spaces(tree) == [SPACE]
    assert not (tree.root / "v1" / FORMER).exists()
    assert len(list(masks(tree))) == 3


def test_space_with_something_of_somebody_elses_keeps_that(tree: Tree) -> None:
    (tree.root / "v1" / FORMER / "7c" / "notes.txt").write_text("mine")

    remove_space(tree, FORMER)

    assert names(tree.root / "v1" / FORMER) == ["7c/notes.txt"]


def test_space_that_is_in_use_is_filled_again_after_it_was_removed(tree: Tree) -> None:
    cache = MaskCache(tree, SPACE)
    cache.refresh()

    remove_space(tree, SPACE)
    cache.refresh()
    known = len(cache)
    cache.add(ENTRIES[0], b"mask")

    assert known == 0
    assert cache.read(ENTRIES[0]) == b"mask"


def test_space_of_another_folder_is_not_reached_by_a_link(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "space.json").touch()
    (tree.root / "v1" / "link-000000000000").symlink_to(tmp_path / "elsewhere")

    assert "link-000000000000" not in spaces(tree)


def test_empty_folder_has_nothing(tmp_path: Path) -> None:
    tree = Tree(tmp_path)

    assert (spaces(tree), list(masks(tree)), list(outputs(tree)), list(temps(tree))) == ([], [], [], [])
