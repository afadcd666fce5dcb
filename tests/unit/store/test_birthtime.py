import os
import time
from pathlib import Path

import pytest

from watchd.store.birthtime import born_s
from watchd.tree import Tree


def test_birth_is_when_the_file_was_made_and_not_when_it_was_touched(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    os.utime(tmp_path / "a", (1e9, 1e9))

    with Tree(tmp_path).folder() as handle:
        born = born_s(handle, "a")

    if born is None:
        pytest.skip("this file system keeps no time of birth")
    assert abs(time.time() - born) < 60


def test_file_that_is_gone_has_no_birth(tmp_path: Path) -> None:
    with Tree(tmp_path).folder() as handle:
        assert born_s(handle, "gone") is None


def test_file_system_without_births_says_so() -> None:
    with Tree(Path("/proc")).folder() as handle:
        assert born_s(handle, "self") is None
