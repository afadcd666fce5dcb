import os
from pathlib import Path

import pytest
from fakes import put

from watchd.domain.job import Stamp
from watchd.domain.profile import Order
from watchd.intake.ranking import Ranking
from watchd.tree import Tree


def changed_at(inbox: Path, relative: str, seconds: int) -> None:
    put(inbox, relative, b"photo")
    os.utime(inbox / relative, (seconds, seconds))


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.OLDEST, ["b.jpg", "sub/c.jpg", "a.jpg"]),
        (Order.NEWEST, ["a.jpg", "sub/c.jpg", "b.jpg"]),
        (Order.NAME, ["a.jpg", "b.jpg", "sub/c.jpg"]),
    ],
)
def test_files_are_ranked_by_last_change_or_path(tmp_path: Path, order: Order, expected: list[str]) -> None:
    for name, seconds in (("a.jpg", 3000), ("b.jpg", 1000), ("sub/c.jpg", 2000)):
        changed_at(tmp_path, name, seconds)
    ranking = Ranking(order, Tree(tmp_path))

    assert sorted(expected, key=lambda name: ranking(name, None)) == expected


def test_file_whose_stamp_is_known_is_not_asked(tmp_path: Path) -> None:
    ranking = Ranking(Order.OLDEST, Tree(tmp_path))

    assert ranking("gone.jpg", Stamp(1, 5, 9, 1)) == (5, "gone.jpg")


def test_file_that_is_gone_has_a_rank_all_the_same(tmp_path: Path) -> None:
    ranking = Ranking(Order.NEWEST, Tree(tmp_path))

    assert ranking("gone.jpg", None) == (0, "gone.jpg")
