import os
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import names, put, watch_folder

from watchd.domain.errors import FolderError
from watchd.domain.job import Stamp
from watchd.domain.profile import WatchFolder
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
