import logging
import shutil
from pathlib import Path

import pytest

from watchd.store.cachefolder import open_cache, put
from watchd.store.room import Room, free_share
from watchd.tree import Tree


class Disk:
    """How much of it is free."""

    def __init__(self) -> None:
        self.share = 0.5

    def free(self, folder: int) -> float:
        return self.share


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def room(tmp_path: Path, disk: Disk) -> Room:
    return Room(Tree(tmp_path), disk.free)


def test_disk_with_room_is_written_to(room: Room) -> None:
    assert room.enough()


def test_disk_that_is_nearly_full_is_spared_until_a_look_finds_room(
    room: Room, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    disk.share = 0.04

    full = [room.enough(), room.enough()]
    room.look()
    still_full = room.enough()
    disk.share = 0.06
    not_looked_yet = room.enough()
    room.look()

    assert (full, still_full, not_looked_yet) == ([False, False], False, False)
    assert room.enough()
    assert [record.message for record in caplog.records] == ["cache stops writing", "cache writes again"]


def test_nothing_is_written_to_a_disk_that_is_nearly_full(tmp_path: Path, room: Room, disk: Disk) -> None:
    disk.share = 0.0

    assert not put(Tree(tmp_path), "a", b"x", room)
    assert list(tmp_path.iterdir()) == []


def test_write_that_failed_is_said_once_and_not_repeated_before_a_look(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    room.stop("quota")
    room.stop("quota")

    stopped = room.enough()
    room.look()

    assert not stopped
    assert room.enough()
    assert [record.message for record in caplog.records] == ["cache stops writing"]


def test_folder_that_was_removed_is_written_to_again(tmp_path: Path) -> None:
    tree = open_cache(tmp_path / "cache")
    room = Room(tree)
    room.stop("it was away")
    shutil.rmtree(tree.root)

    room.look()

    assert put(tree, "v1/a", b"x", room)


def test_free_share_is_that_of_the_disk(tmp_path: Path) -> None:
    with Tree(tmp_path).folder() as handle:
        assert 0 < free_share(handle) <= 1
    with Tree(Path("/proc")).folder() as handle:
        assert free_share(handle) == 1  # it has no size
