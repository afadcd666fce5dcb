import os
from pathlib import Path

import pytest
from fakes import names, os_error

from watchd.store.counters import Counters, total
from watchd.tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_counts_outlive_the_process(tree: Tree) -> None:
    for _ in range(2):
        counters = Counters(tree)
        counters.add("hit_exact")
        counters.add("saved_seconds", 0.25)
        counters.save()

    assert total(tree) == {"hit_exact": 2, "saved_seconds": 0.5}


def test_counts_of_all_hosts_are_summed(tree: Tree) -> None:
    for host in ("one", "two"):
        counters = Counters(tree, host)
        counters.add("miss", 3)
        counters.save()

    assert total(tree) == {"miss": 6}


def test_nothing_new_writes_nothing(tree: Tree) -> None:
    Counters(tree).save()

    assert names(tree.root) == []


def test_host_of_any_name_gets_a_file_of_its_own(tree: Tree) -> None:
    for host in ("../../etc/passwd", "a b", ""):
        counters = Counters(tree, host)
        counters.add("miss")
        counters.save()

    assert total(tree) == {"miss": 3}
    assert all(name.startswith("counters/") for name in names(tree.root))


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b'{"miss": "many"}', b"\xff\xff"])
def test_torn_file_counts_as_nothing(tree: Tree, torn: bytes) -> None:
    counters = Counters(tree, "here")
    os.mkdir(tree.root / "counters")
    (tree.root / "counters" / "here.json").write_bytes(torn)

    counters.add("miss")
    counters.save()

    assert total(tree) == {"miss": 1}


def test_counts_that_cannot_be_saved_are_kept_for_the_next_time(tree: Tree) -> None:
    counters = Counters(tree, "here")
    counters.add("miss")
    (tree.root / "counters").write_bytes(b"")  # no folder
    with os_error():
        counters.save()
    (tree.root / "counters").unlink()

    counters.save()

    assert total(tree) == {"miss": 1}


def test_cache_without_counters_has_counted_nothing(tree: Tree) -> None:
    assert total(tree) == {}
