import os
import shutil
from pathlib import Path

import pytest
from fakes import ManualClock, put

from watchd.domain.job import Stamp
from watchd.intake.stillness import Stillness
from watchd.tree import Tree


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def to_do() -> set[str]:
    """The files that have no outcome yet."""
    return set()


@pytest.fixture
def stillness(inbox: Path, to_do: set[str], clock: ManualClock) -> Stillness:
    def done(relative: str, _: Stamp) -> bool:
        return relative not in to_do

    return Stillness(Tree(inbox), done, clock)


def test_folder_in_which_all_is_done_grows_still(
    stillness: Stillness, inbox: Path, clock: ManualClock
) -> None:
    put(inbox, "shoot/x/notes.txt")

    first = stillness.seconds("shoot")
    clock.advance(7)

    assert (first, stillness.seconds("shoot")) == (0.0, 7.0)


def test_file_without_an_outcome_is_named_however_deep_it_lies(
    stillness: Stillness, inbox: Path, to_do: set[str]
) -> None:
    put(inbox, "shoot/a.jpg")
    put(inbox, "shoot/x/y/b.jpg")
    to_do.add("shoot/x/y/b.jpg")

    assert stillness.seconds("shoot") is None
    assert stillness.to_do("shoot") == "shoot/x/y/b.jpg"
    assert stillness.to_do("other") == ""


def test_time_begins_anew_once_a_file_has_come_and_is_done(
    stillness: Stillness, inbox: Path, to_do: set[str], clock: ManualClock
) -> None:
    put(inbox, "shoot/a.jpg")
    stillness.seconds("shoot")
    clock.advance(5)
    put(inbox, "shoot/b.jpg")
    to_do.add("shoot/b.jpg")
    assert stillness.seconds("shoot") is None
    to_do.clear()
    os.unlink(inbox / "shoot/b.jpg")

    assert stillness.seconds("shoot") == 0.0


def test_file_that_is_no_picture_yet_and_grows_keeps_the_folder_busy(
    stillness: Stillness, inbox: Path, clock: ManualClock
) -> None:
    put(inbox, "shoot/.a.jpg.part", b"1")
    stillness.seconds("shoot")
    clock.advance(5)
    put(inbox, "shoot/.a.jpg.part", b"12")

    assert stillness.seconds("shoot") == 0.0


def test_what_happens_in_another_folder_does_not_matter(
    stillness: Stillness, inbox: Path, clock: ManualClock
) -> None:
    put(inbox, "shoot/notes.txt")
    stillness.seconds("shoot")
    clock.advance(5)
    put(inbox, "shoot-2/notes.txt")

    assert stillness.seconds("shoot") == 5.0


def test_folder_that_was_removed_is_still(stillness: Stillness, inbox: Path, clock: ManualClock) -> None:
    put(inbox, "shoot/a.jpg")
    stillness.seconds("shoot")
    shutil.rmtree(inbox / "shoot")

    stillness.seconds("shoot")
    clock.advance(5)

    assert stillness.seconds("shoot") == 5.0
    assert stillness.to_do("shoot") == ""


def test_folder_that_cannot_be_reached_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    with pytest.raises(OSError, match="symbolic links"):
        Stillness(Tree(tmp_path / "loop"), lambda *_: True).seconds("shoot")


def test_link_counts_for_nothing(stillness: Stillness, inbox: Path, to_do: set[str]) -> None:
    put(inbox, "outside/a.jpg")
    (inbox / "shoot").mkdir()
    (inbox / "shoot" / "a.jpg").symlink_to(inbox / "outside" / "a.jpg")
    (inbox / "shoot" / "sub").symlink_to(inbox / "outside")
    to_do.update({"shoot/a.jpg", "shoot/sub/a.jpg", "outside/a.jpg"})

    assert stillness.to_do("shoot") == ""


def test_folders_that_are_forgotten_begin_anew(stillness: Stillness, inbox: Path, clock: ManualClock) -> None:
    for folder in ("kept", "forgotten"):
        put(inbox, f"{folder}/notes.txt")
        stillness.seconds(folder)
    clock.advance(5)

    stillness.forget_all_but({"kept"})

    assert [stillness.seconds("kept"), stillness.seconds("forgotten")] == [5.0, 0.0]
