import os
from pathlib import Path

import pytest
from fakes import names

from watchd.store.cachefolder import open_cache
from watchd.store.entryname import EntryName
from watchd.store.maskcache import MaskCache
from watchd.store.outputcache import OutputCache
from watchd.store.purge import everything, made_of, named, other_spaces, purge, unused_since
from watchd.tree import Tree

SPACE, FORMER = "u2net-3f9c1a7be2d0", "u2net-000000000000"
ONE, OTHER = "7c" * 32, "a1" * 32


def entry(sha256: str) -> EntryName:
    return EntryName("9f" * 32, 10, 10, sha256[:16])


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Two masks in use, one of a former network, and the finished cutouts of two files."""
    tree = open_cache(tmp_path / "cache")
    for space, sha256 in ((SPACE, ONE), (SPACE, OTHER), (FORMER, ONE)):
        MaskCache(tree, space, recipe={"weights": space}).add(entry(sha256), b"mask")
    for sha256 in (ONE, OTHER):
        OutputCache(tree).add(sha256, "e" * 12, ".png", b"cutout", "b" * 64)
    return tree


def left(tree: Tree) -> list[str]:
    return [name.removeprefix("v1/") for name in names(tree.root) if name.startswith("v1/")]


def path(sha256: str, space: str = SPACE) -> str:
    return f"{space}/{sha256[:2]}/{entry(sha256)}"


def output(sha256: str) -> str:
    return f"outputs/{sha256[:2]}/{sha256[:32]}-{'e' * 12}-{'b' * 64}.png"


def test_everything_leaves_and_what_is_not_ours_stays(tree: Tree) -> None:
    for foreign in (f"{SPACE}/7c/notes.txt", "outputs/7c/cutout.png", "holidays/space.json"):
        target = tree.root / "v1" / foreign
        target.parent.mkdir(exist_ok=True)
        target.write_text("mine")

    found = purge(tree, everything())

    assert (len(found.masks), len(found.outputs), found.stuck) == (3, 2, ())
    assert found.size_bytes > 0
    assert left(tree) == sorted([f"{SPACE}/7c/notes.txt", "outputs/7c/cutout.png", "holidays/space.json"])
    assert not (tree.root / "v1" / FORMER).exists()


def test_dry_run_tells_the_same_and_removes_nothing(tree: Tree) -> None:
    before = left(tree)

    told = purge(tree, everything(), dry_run=True)

    assert left(tree) == before
    assert told == purge(tree, everything())


def test_outputs_only_leaves_every_mask(tree: Tree) -> None:
    found = purge(tree, everything(), outputs_only=True)

    assert found.masks == ()
    assert path(ONE) in left(tree)
    assert output(ONE) not in left(tree)


def test_what_was_not_used_for_long_leaves(tree: Tree) -> None:
    for old in (path(ONE), output(OTHER)):
        os.utime(tree.root / "v1" / old, (5000, 5000))

    found = purge(tree, unused_since(5001))

    assert (found.masks, found.outputs) == ((f"v1/{path(ONE)}",), (f"v1/{output(OTHER)}",))
    assert purge(tree, unused_since(5000)).masks == ()


def test_spaces_that_are_not_in_use_leave_whole(tree: Tree) -> None:
    found = purge(tree, other_spaces({SPACE}))

    assert found.masks == (f"v1/{path(ONE, FORMER)}",)
    assert not (tree.root / "v1" / FORMER).exists()
    assert {path(ONE), path(OTHER), output(ONE)} <= set(left(tree))


def test_all_that_was_made_of_a_file_leaves_in_every_space(tree: Tree) -> None:
    found = purge(tree, made_of({ONE}))

    assert set(found.masks) == {f"v1/{path(ONE)}", f"v1/{path(ONE, FORMER)}"}
    assert found.outputs == (f"v1/{output(ONE)}",)


def test_named_mask_takes_the_cutouts_of_its_file_along(tree: Tree) -> None:
    found = purge(tree, named(str(entry(OTHER))))

    assert found.masks == (f"v1/{path(OTHER)}",)
    assert found.outputs == (f"v1/{output(OTHER)}",)


def test_named_cutout_leaves_alone(tree: Tree) -> None:
    found = purge(tree, named(os.path.basename(output(ONE))))

    assert (found.masks, found.outputs) == ((), (f"v1/{output(ONE)}",))


@pytest.mark.parametrize("name", ["foo", "../x", "", "space.json"])
def test_what_is_no_name_of_an_entry_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an entry"):
        named(name)
