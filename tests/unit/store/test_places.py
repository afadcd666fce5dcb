import os
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import names, put, watch_folder

from watchd.domain.errors import FolderError
from watchd.domain.job import Stamp
from watchd.domain.profile import Permissions, WatchFolder
from watchd.store.atomic import temp_name
from watchd.store.places import Places, free_bytes, prepare
from watchd.store.receipts import Receipt


def test_folders_that_are_missing_are_made(tmp_path: Path) -> None:
    folder = watch_folder(tmp_path / "a")
    elsewhere = replace(folder, outbox=tmp_path / "b" / "c" / "outbox")

    prepare(elsewhere)
    prepare(elsewhere)

    assert elsewhere.outbox.is_dir()


def test_folder_that_cannot_be_made_is_named_with_its_key(folder: WatchFolder, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = replace(folder, failed=tmp_path / "file" / "failed")

    with pytest.raises(FolderError, match=r"failed .*/file/failed: cannot be made"):
        prepare(folder)


def test_file_in_the_place_of_a_folder_is_named(folder: WatchFolder) -> None:
    folder.outbox.rmdir()
    folder.outbox.touch()

    with pytest.raises(FolderError, match="outbox"):
        prepare(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_may_not_be_written_is_named(folder: WatchFolder) -> None:
    folder.outbox.chmod(0o500)

    with pytest.raises(FolderError, match=r"outbox .*: cannot be written"):
        prepare(folder)


def test_places_are_opened_without_touching_the_disk(tmp_path: Path) -> None:
    folder = watch_folder(tmp_path)
    for place in folder.places().values():
        place.rmdir()

    Places.of(folder, lease_s=60)

    assert list(tmp_path.iterdir()) == []


def test_temps_of_a_killed_attempt_are_cleared_wherever_they_lie(folder: WatchFolder) -> None:
    killed = Receipt("sub/a.jpg", Stamp(1, 2, 3, 4), token="killed", output="sub/a.png")
    for place in (folder.outbox, folder.originals, folder.failed):
        put(place, f"sub/{temp_name('killed')}", b"half")
        put(place, f"sub/{temp_name('alive')}", b"half")

    for _ in range(2):
        Places.of(folder, lease_s=60).clear_after(killed)

    for place in (folder.outbox, folder.originals, folder.failed):
        assert names(place) == [f"sub/{temp_name('alive')}"]


def test_clearing_up_where_folders_are_gone_is_no_error(folder: WatchFolder) -> None:
    folder.outbox.rmdir()
    folder.failed.rmdir()
    folder.failed.touch()

    Places.of(folder, lease_s=60).clear_after(Receipt("a.jpg", Stamp(1, 2, 3, 4), token="t", output="a.png"))


def test_free_bytes_are_those_of_the_disk(tmp_path: Path) -> None:
    assert 0 < free_bytes(tmp_path) < 1 << 60


@pytest.mark.parametrize("mode", [0o2770, 0o755])
def test_cutout_and_its_folder_inherit_what_the_inbox_has(tmp_path: Path, mode: int) -> None:
    folder = watch_folder(tmp_path, permissions=Permissions.INHERIT)
    if os.geteuid() == 0:
        os.chown(folder.inbox, 12, 34)
    folder.inbox.chmod(mode)
    folder.outbox.rmdir()

    prepare(folder)
    _deliver(folder, "sub/a.jpg")

    inbox, outbox = folder.inbox.stat(), folder.outbox.stat()
    cutout, above = ((folder.outbox / name).stat() for name in ("sub/a.png", "sub"))
    assert outbox.st_mode == above.st_mode == inbox.st_mode
    assert cutout.st_mode & 0o7777 == mode & 0o666
    assert {(each.st_uid, each.st_gid) for each in (outbox, above, cutout)} == {(inbox.st_uid, inbox.st_gid)}


def test_cutout_is_left_to_the_umask_unless_it_shall_inherit(tmp_path: Path) -> None:
    folder = watch_folder(tmp_path)
    folder.inbox.chmod(0o777)
    before = os.umask(0o027)
    try:
        _deliver(folder, "a.jpg")
    finally:
        os.umask(before)

    assert (folder.outbox / "a.png").stat().st_mode & 0o777 == 0o640


def test_cutout_in_a_setgid_folder_gets_the_group_of_that_folder(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder any group")
    folder = watch_folder(tmp_path)
    os.chown(folder.outbox, -1, 34)
    folder.outbox.chmod(0o2775)

    _deliver(folder, "a.jpg")

    assert (folder.outbox / "a.png").stat().st_gid == 34


def _deliver(folder: WatchFolder, name: str) -> None:
    places = Places.of(folder, lease_s=60)
    receipt = places.receipts.begin(put(folder.inbox, name), "t")
    places.outbox.deliver(receipt, ".png", b"cutout", lambda output, _: replace(receipt, output=output))
