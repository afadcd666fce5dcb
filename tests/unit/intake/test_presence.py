import shutil
from functools import partial
from pathlib import Path

import pytest
from fakes import watch_folder

from watchd.domain.errors import FolderError
from watchd.domain.profile import WatchFolder
from watchd.intake.presence import Presence


class Ground:
    """A watch folder on a share that a test mounts and unmounts by the words of mountinfo."""

    def __init__(self, root: Path) -> None:
        self.share = root / "share"
        self.folder: WatchFolder = watch_folder(self.share / "photos")
        self.mounts = {"1": "/"}
        self.mount("60")
        self.presence = Presence(self.folder, self.make, self.mountinfo)
        assert self.presence.absent() == ""

    def mount(self, number: str, at: Path | None = None) -> None:
        self.mounts[number] = str(at or self.share)

    def unmount(self, number: str) -> None:
        """The share goes, with what is on it."""
        del self.mounts[number]
        self.share.rename(self.share.with_name(f"away-{number}"))
        self.share.mkdir()

    def back(self, number: str, was: str) -> None:
        shutil.rmtree(self.share)
        self.share.with_name(f"away-{was}").rename(self.share)
        self.mount(number)

    def mountinfo(self) -> str:
        return "\n".join(f"{n} 1 0:1 / {at} rw - nfs4 nas:/x rw" for n, at in self.mounts.items())

    def make(self) -> None:
        for place in self.folder.places().values():
            place.mkdir(parents=True, exist_ok=True)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def test_share_that_is_not_mounted_is_absent_and_present_when_it_is_back(ground: Ground) -> None:
    ground.unmount("60")
    away = ground.presence.absent()
    ground.back("61", was="60")

    assert away == f"{ground.share} is not mounted"
    assert ground.presence.absent() == ""
    assert ground.presence.absent() == ""


def test_nothing_is_made_below_a_share_that_is_away(ground: Ground) -> None:
    ground.unmount("60")

    ground.presence.absent()

    assert list(ground.share.iterdir()) == []


def test_bare_mount_point_with_the_same_folders_is_not_the_share(ground: Ground) -> None:
    ground.unmount("60")
    ground.make()

    assert ground.presence.absent() == f"{ground.share} is not mounted"


def test_other_file_system_at_the_place_of_the_share_is_told_by_its_sentinel(ground: Ground) -> None:
    ground.unmount("60")
    ground.make()
    ground.mount("61")
    other = ground.presence.absent()
    ground.unmount("61")
    ground.back("62", was="60")

    assert "is not this watch folder" in other
    assert ground.presence.absent() == ""


def test_share_that_is_mounted_late_is_the_one_that_is_meant(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    late = ground.share / "photos"
    ground.folder.sidecar.joinpath("sentinel").write_text("of the share itself")
    ground.mount("70", at=late)
    shutil.move(ground.folder.inbox, tmp_path / "beneath")
    ground.folder.inbox.mkdir()

    on_top = ground.presence.absent()
    del ground.mounts["70"]
    shutil.move(ground.folder.inbox, tmp_path / "on top")
    shutil.move(tmp_path / "beneath", ground.folder.inbox)

    assert on_top == ""
    assert ground.presence.absent() == f"{late} is not mounted"


def test_root_that_was_deleted_and_made_again_is_filled_up(ground: Ground) -> None:
    root = ground.folder.inbox.parent
    shutil.rmtree(root)
    gone = ground.presence.absent()
    ground.folder.inbox.mkdir(parents=True)

    assert gone == f"{ground.folder.inbox} is gone"
    assert ground.presence.absent() == ""
    assert all(place.is_dir() for place in ground.folder.places().values())


def test_root_that_was_replaced_by_another_is_taken(ground: Ground) -> None:
    root = ground.folder.inbox.parent
    root.rename(root.with_name("old"))
    watch_folder(root)

    assert ground.presence.absent() == ""


@pytest.mark.parametrize("place", ["sidecar", "outbox", "originals", "failed"])
def test_folder_that_was_deleted_is_made_again(ground: Ground, place: str) -> None:
    shutil.rmtree(ground.folder.places()[place])

    assert ground.presence.absent() == ""
    assert ground.folder.places()[place].is_dir()
    assert ground.folder.sidecar.joinpath("sentinel").is_file()


def test_outbox_on_a_share_that_is_away_stops_the_folder(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    ground.mount("80", at=ground.folder.outbox)
    presence = Presence(ground.folder, ground.make, ground.mountinfo)
    before = presence.absent()
    del ground.mounts["80"]
    ground.folder.outbox.rename(tmp_path / "away")
    ground.folder.outbox.mkdir()

    assert before == ""
    assert presence.absent() == f"{ground.folder.outbox} is not mounted"


def test_folder_that_cannot_be_made_is_the_reason(ground: Ground) -> None:
    def fail() -> None:
        raise FolderError("outbox: cannot be made: Read-only file system")

    presence = Presence(ground.folder, fail, ground.mountinfo)
    assert presence.absent() == ""
    ground.folder.outbox.rmdir()

    assert presence.absent() == "outbox: cannot be made: Read-only file system"


def test_while_nothing_changes_the_mounts_are_not_read(ground: Ground) -> None:
    def read() -> str:
        read_again.append(True)
        return ground.mountinfo()

    read_again: list[bool] = []
    presence = Presence(ground.folder, partial(ground.make), read)
    presence.absent()
    read_again.clear()

    for _ in range(5):
        presence.absent()

    assert read_again == []


def test_inbox_is_local_until_a_share_is_mounted_over_it(tmp_path: Path) -> None:
    folder, mounts = watch_folder(tmp_path / "photos"), ["1 0 0:1 / / rw - ext4 /dev/sda rw"]
    presence = Presence(
        folder, lambda: folder.inbox.mkdir(parents=True, exist_ok=True), lambda: "\n".join(mounts)
    )
    presence.absent()
    before = presence.local()

    mounts.append(f"2 1 0:2 / {folder.inbox} rw - nfs4 nas:/x rw")
    folder.inbox.rename(tmp_path / "under")
    folder.inbox.mkdir()
    presence.absent()

    assert before
    assert not presence.local()
