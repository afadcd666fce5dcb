import os
from pathlib import Path

import pytest

from watchd.store.cachefolder import open_cache
from watchd.store.counters import Counters
from watchd.store.entryname import EntryName
from watchd.store.maskcache import MaskCache
from watchd.store.outputcache import OutputCache
from watchd.store.stock import take_stock
from watchd.tree import Tree

SPACE = "u2net-3f9c1a7be2d0"
ENTRY = EntryName("9f" * 32, 10, 10, "7c0123456789abcd")


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return open_cache(tmp_path / "cache")


def test_empty_cache_holds_nothing_and_counts_nothing(tree: Tree) -> None:
    stock = take_stock(tree)

    assert (stock.spaces, stock.outputs.entries, stock.outputs.oldest_use_s) == ((), 0, None)
    assert set(stock.counts.values()) == {0}
    assert (stock.error_rate, stock.mean_overlap) == (None, None)


def test_each_space_with_entries_is_told_with_its_oldest_use(tree: Tree) -> None:
    MaskCache(tree, SPACE).add(ENTRY, b"mask")
    OutputCache(tree).add("7c" * 32, "a" * 12, ".png", b"cutout", "b" * 64)
    os.utime(tree.root / "v1" / SPACE / "7c" / str(ENTRY), (5000, 5000))
    (tree.root / "v1" / "u2net-000000000000").mkdir()

    stock = take_stock(tree)

    [shelf] = stock.spaces
    assert (shelf.name, shelf.entries, shelf.oldest_use_s) == (SPACE, 1, 5000)
    assert shelf.size_bytes > 0
    assert stock.outputs.entries == 1


def test_error_rate_is_that_of_the_audited_hits(tree: Tree) -> None:
    counters = Counters(tree)
    for name, by in (("audits", 84), ("audits_apart", 1), ("audit_overlap", 83.2)):
        counters.add(name, by)
    counters.save()

    stock = take_stock(tree)

    assert stock.error_rate == pytest.approx(1 / 84)
    assert stock.mean_overlap == pytest.approx(83.2 / 84)
