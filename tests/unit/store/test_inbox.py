import os
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from fakes import names, os_error, put, settled, watch_folder

from watchd.domain.errors import SourceChanged, SourceGone
from watchd.domain.profile import After, WatchFolder
from watchd.store.inbox import Inbox, numbered
from watchd.tree import Tree


def inbox_of(folder: WatchFolder, after: After = After.MOVE) -> Inbox:
    return Inbox(Tree(folder.inbox), Tree(folder.originals), after)


def test_settled_file_is_opened(folder: WatchFolder) -> None:
    source = put(folder.inbox, "sub/a.jpg", b"pixels")

    with inbox_of(folder).open(source) as file:
        assert file.read() == b"pixels"


def test_file_that_changed_before_it_is_opened_raises(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg", b"pixels")
    put(folder.inbox, "a.jpg", b"others")

    with pytest.raises(SourceChanged), inbox_of(folder).open(source):
        pass


def test_file_that_changes_while_it_is_read_raises_on_leaving(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg", b"pixels")

    with pytest.raises(SourceChanged), inbox_of(folder).open(source):
        put(folder.inbox, "a.jpg", b"others")


def test_error_from_bytes_that_changed_is_told_as_the_change(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg", b"pixels")

    def decode() -> None:
        with inbox_of(folder).open(source):
            put(folder.inbox, "a.jpg", b"other")
            raise ValueError("broken data")

    with pytest.raises(SourceChanged):
        decode()


def test_error_from_bytes_that_did_not_change_stays_what_it_is(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg", b"pixels")

    with pytest.raises(ValueError, match="broken data"), inbox_of(folder).open(source):
        raise ValueError("broken data")


def test_file_that_is_gone_raises(folder: WatchFolder) -> None:
    source = put(folder.inbox, "sub/a.jpg")
    (folder.inbox / "sub" / "a.jpg").unlink()
    (folder.inbox / "sub").rmdir()

    with pytest.raises(SourceGone), inbox_of(folder).open(source):
        pass
    with pytest.raises(SourceGone):
        inbox_of(folder).confirm(source)


@pytest.mark.parametrize("kind", ["folder", "link", "fifo"])
def test_something_else_in_the_files_place_is_a_change(folder: WatchFolder, kind: str) -> None:
    source = put(folder.inbox, "a.jpg")
    path = folder.inbox / "a.jpg"
    path.unlink()
    match kind:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(__file__)
        case _:
            os.mkfifo(path)
    before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(SourceChanged), inbox_of(folder).open(source):
        pass

    assert len(os.listdir("/proc/self/fd")) == before


def test_file_renamed_over_the_source_while_it_is_open_is_seen_by_confirm(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg", b"pixels")
    put(folder.inbox, "new", b"others")
    os.rename(folder.inbox / "new", folder.inbox / "a.jpg")

    with pytest.raises(SourceChanged):
        inbox_of(folder).confirm(source)


def test_file_that_did_not_change_is_confirmed(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg", b"pixels")

    with inbox_of(folder).open(source) as file:
        file.read()

    inbox_of(folder).confirm(source)


def test_original_is_moved_to_the_mirrored_subfolder(folder: WatchFolder) -> None:
    source = put(folder.inbox, "sub/a.jpg", b"pixels")

    inbox_of(folder).retire(source, "t")

    assert names(folder.inbox) == []
    assert (folder.originals / "sub/a.jpg").read_bytes() == b"pixels"


def test_originals_of_one_name_are_numbered(folder: WatchFolder) -> None:
    inbox = inbox_of(folder)

    for content in (b"1", b"2", b"3"):
        inbox.retire(put(folder.inbox, "a.jpg", content), "t")

    assert names(folder.originals) == ["a-2.jpg", "a-3.jpg", "a.jpg"]
    assert (folder.originals / "a.jpg").read_bytes() == b"1"
    assert (folder.originals / "a-3.jpg").read_bytes() == b"3"


def test_original_is_deleted_where_that_is_asked_for(folder: WatchFolder) -> None:
    inbox_of(folder, After.DELETE).retire(put(folder.inbox, "a.jpg"), "t")

    assert names(folder.inbox) == names(folder.originals) == []


def test_original_is_kept_where_that_is_asked_for(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg")

    inbox_of(folder, After.KEEP).retire(source, "t")

    assert settled(folder.inbox, "a.jpg") == source
    assert names(folder.originals) == []


@pytest.mark.parametrize("after", After)
def test_source_that_changed_since_stays_in_the_inbox(folder: WatchFolder, after: After) -> None:
    source = put(folder.inbox, "a.jpg", b"worked on")
    put(folder.inbox, "a.jpg", b"a new version")

    inbox_of(folder, after).retire(source, "t")

    assert (folder.inbox / "a.jpg").read_bytes() == b"a new version"
    assert names(folder.originals) == []


@pytest.mark.parametrize("after", After)
def test_retiring_twice_does_no_harm(folder: WatchFolder, after: After) -> None:
    source = put(folder.inbox, "a.jpg")
    inbox = inbox_of(folder, after)

    inbox.retire(source, "t")
    inbox.retire(source, "t")

    assert names(folder.originals) == (["a.jpg"] if after is After.MOVE else [])


def test_originals_that_are_gone_are_trouble_of_the_disk_and_the_source_stays(tmp_path: Path) -> None:
    folder = watch_folder(tmp_path)
    source = put(folder.inbox, "a.jpg")
    folder.originals.rmdir()

    with pytest.raises(FileNotFoundError):
        inbox_of(folder).retire(source, "t")

    assert names(folder.inbox) == ["a.jpg"]


def test_original_is_not_moved_through_a_link(folder: WatchFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder.originals / "sub").symlink_to(outside)
    source = put(folder.inbox, "sub/a.jpg")

    with os_error():
        inbox_of(folder).retire(source, "t")

    assert names(outside) == []
    assert names(folder.inbox) == ["sub/a.jpg"]


def test_numbers_come_before_the_suffix_and_names_stay_short() -> None:
    long = "x" * 251 + ".jpg"

    assert list(islice(numbered("s/a.tar.jpg"), 3)) == ["s/a.tar.jpg", "s/a.tar-2.jpg", "s/a.tar-3.jpg"]
    assert next(numbered(long)) == long
    assert all(len(name) <= 255 and name.endswith(".jpg") for name in islice(numbered(long), 50))
    assert len(set(islice(numbered(long), 50))) == 50


def test_source_of_another_stamp_is_never_the_same(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg")

    with pytest.raises(SourceChanged):
        inbox_of(folder).confirm(replace(source, stamp=replace(source.stamp, ctime_ns=1)))
