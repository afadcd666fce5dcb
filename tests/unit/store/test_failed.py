import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from fakes import names, os_error, put, settled

from watchd.domain.errors import SourceChanged, SourceGone
from watchd.domain.profile import After, WatchFolder
from watchd.store.failed import FailedFolder
from watchd.tree import Tree

REPORT = {"outcome": "rejected", "reason": "no image", "advice": "copy it again"}


def failed_of(folder: WatchFolder, after: After = After.MOVE) -> FailedFolder:
    return FailedFolder(Tree(folder.failed), Tree(folder.inbox), after)


def report(folder: WatchFolder, name: str) -> dict[str, Any]:
    text: dict[str, Any] = json.loads((folder.failed / name).read_bytes())
    return text


def test_file_lies_here_with_its_report_beside_it(folder: WatchFolder) -> None:
    source = put(folder.inbox, "sub/a.jpg", b"text")

    path = failed_of(folder).take(source, REPORT, "t")

    assert path == "sub/a.jpg"
    assert names(folder.inbox) == []
    assert names(folder.failed) == ["sub/a.jpg", "sub/a.jpg.error.json"]
    assert report(folder, "sub/a.jpg.error.json") == REPORT | {"source": "sub/a.jpg"}


def test_files_of_one_name_are_numbered_each_with_its_report(folder: WatchFolder) -> None:
    failed = failed_of(folder)

    paths = [failed.take(put(folder.inbox, "a.jpg", text), REPORT, "t") for text in (b"1", b"2", b"3")]

    assert paths == ["a.jpg", "a-2.jpg", "a-3.jpg"]
    assert [(folder.failed / path).read_bytes() for path in paths] == [b"1", b"2", b"3"]
    assert [report(folder, f"{path}.error.json")["source"] for path in paths] == ["a.jpg"] * 3


def test_source_that_changed_is_not_taken_and_leaves_no_report(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg", b"broken")
    put(folder.inbox, "a.jpg", b"a new version")

    with pytest.raises(SourceChanged):
        failed_of(folder).take(source, REPORT, "t")

    assert names(folder.inbox) == ["a.jpg"]
    assert names(folder.failed) == []


def test_source_that_is_gone_is_told_as_gone_and_leaves_no_report(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg")
    (folder.inbox / "a.jpg").unlink()

    with pytest.raises(SourceGone):
        failed_of(folder).take(source, REPORT, "t")

    assert names(folder.failed) == []


def test_report_without_its_file_is_what_a_kill_in_between_leaves_and_is_made_good(
    folder: WatchFolder,
) -> None:
    put(folder.failed, "a.jpg.error.json", b'{"source": "a.jpg"}')

    path = failed_of(folder).take(put(folder.inbox, "a.jpg"), REPORT, "t")

    assert path == "a.jpg"
    assert report(folder, "a.jpg.error.json")["reason"] == "no image"


def test_file_whose_report_cannot_be_written_is_not_taken(folder: WatchFolder) -> None:
    (folder.failed / "a.jpg.error.json").mkdir()

    with os_error():
        failed_of(folder).take(put(folder.inbox, "a.jpg"), REPORT, "t")

    assert names(folder.inbox) == ["a.jpg"]
    assert names(folder.failed) == []


def test_kept_original_stays_and_only_the_report_comes(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg")
    failed = failed_of(folder, After.KEEP)

    failed.take(source, REPORT, "t")
    failed.take(source, REPORT | {"reason": "still no image"}, "t")

    assert settled(folder.inbox, "a.jpg") == source
    assert names(folder.failed) == ["a.jpg.error.json"]
    assert report(folder, "a.jpg.error.json")["reason"] == "still no image"


def test_deleting_originals_does_not_delete_what_failed(folder: WatchFolder) -> None:
    failed_of(folder, After.DELETE).take(put(folder.inbox, "a.jpg"), REPORT, "t")

    assert names(folder.failed) == ["a.jpg", "a.jpg.error.json"]


@pytest.mark.parametrize(
    "name", ["x" * 251 + ".jpg", "ü" * 125 + ".jpg", os.fsdecode(b"\xe9.jpg"), "new\nline.jpg", 'q".jpg']
)
def test_odd_name_gets_a_report_in_ascii_and_finds_its_way_back(folder: WatchFolder, name: str) -> None:
    failed = failed_of(folder)
    path = failed.take(put(folder.inbox, name, b"x"), REPORT, "t")
    (note,) = [found for found in names(folder.failed) if found.endswith(".error.json")]

    text = (folder.failed / note).read_bytes()
    back = failed.put_back(path, "t")

    assert text.isascii()
    assert json.loads(text)["source"] == name
    assert back == name
    assert names(folder.inbox) == [name]
    assert names(folder.failed) == []


def test_file_put_back_returns_to_its_place_and_its_report_goes(folder: WatchFolder) -> None:
    failed = failed_of(folder)
    failed.take(put(folder.inbox, "sub/a.jpg", b"1"), REPORT, "t")
    path = failed.take(put(folder.inbox, "sub/a.jpg", b"2"), REPORT, "t")

    back = failed.put_back(path, "t")

    assert (path, back) == ("sub/a-2.jpg", "sub/a.jpg")
    assert (folder.inbox / "sub/a.jpg").read_bytes() == b"2"
    assert names(folder.failed) == ["sub/a.jpg", "sub/a.jpg.error.json"]


def test_file_put_back_does_not_overwrite_a_new_one(folder: WatchFolder) -> None:
    failed = failed_of(folder)
    failed.take(put(folder.inbox, "a.jpg", b"old"), REPORT, "t")
    put(folder.inbox, "a.jpg", b"new")

    back = failed.put_back("a.jpg", "t")

    assert back == "a-2.jpg"
    assert (folder.inbox / "a.jpg").read_bytes() == b"new"


def test_file_without_a_readable_report_is_put_back_under_its_own_name(folder: WatchFolder) -> None:
    put(folder.failed, "a.jpg", b"1")
    put(folder.failed, "b.jpg", b"2")
    put(folder.failed, "b.jpg.error.json", b"{")
    put(folder.failed, "c.jpg", b"3")
    put(folder.failed, "c.jpg.error.json", b'{"source": 7}')

    put(folder.failed, "d.jpg", b"4")
    put(folder.failed, "d.jpg.error.json", b'{"source": "\\ud800.jpg"}')

    back = [failed_of(folder).put_back(name, "t") for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")]

    assert back == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


@pytest.mark.parametrize("source", ["../outside.jpg", "sub/../../outside.jpg", "", "a\0.jpg"])
def test_report_that_was_tampered_with_leads_nowhere_else(
    folder: WatchFolder, source: str, tmp_path: Path
) -> None:
    put(folder.failed, "a.jpg", b"1")
    put(folder.failed, "a.jpg.error.json", json.dumps({"source": source}).encode())

    with os_error():
        failed_of(folder).put_back("a.jpg", "t")

    assert (folder.failed / "a.jpg").exists()
    assert not (tmp_path / "outside.jpg").exists()


def test_files_are_the_originals_and_not_what_we_lay_beside_them(folder: WatchFolder) -> None:
    for name in ("b.jpg", "b.jpg.error.json", "sub/deep/a.jpg", ".watchd-t.tmp", "sub/.watchd-t.tmp"):
        put(folder.failed, name)
    (folder.failed / "link").symlink_to(folder.inbox)
    put(folder.inbox, "c.jpg")

    found = list(failed_of(folder).files())

    assert found == ["b.jpg", "link", "sub/deep/a.jpg"]


def test_failed_folder_that_is_not_there_holds_no_files(tmp_path: Path, folder: WatchFolder) -> None:
    assert list(FailedFolder(Tree(tmp_path / "gone"), Tree(folder.inbox), After.MOVE).files()) == []


def test_two_sources_that_race_for_one_name_leave_no_file_unexplained(folder: WatchFolder) -> None:
    """`a-2.jpg` itself fails while a second `a.jpg` is on its way to the same name."""
    put(folder.failed, "a.jpg")
    second, twin = put(folder.inbox, "a.jpg"), put(folder.inbox, "a-2.jpg")
    inbox = Tree(folder.inbox)

    class Slow(Tree):
        def parent(self, relative, make=False):  # type: ignore[no-untyped-def]
            reserved = (folder.failed / "a-2.jpg.error.json").exists()
            if relative == "a.jpg" and reserved and inbox.exists("a-2.jpg"):
                failed_of(folder).take(twin, REPORT, "t-2")
            return super().parent(relative, make)

    FailedFolder(Tree(folder.failed), Slow(folder.inbox), After.MOVE).take(second, REPORT, "t-1")

    assert names(folder.inbox) == []
    explained = {name.removesuffix(".error.json") for name in names(folder.failed) if name.endswith(".json")}
    assert explained == {"a-2.jpg", "a-2-2.jpg"}


def test_report_of_another_source_keeps_its_name_even_without_its_file(folder: WatchFolder) -> None:
    put(folder.failed, "a-2.jpg.error.json", b'{"source": "a-2.jpg"}')
    put(folder.failed, "a.jpg")

    path = failed_of(folder).take(put(folder.inbox, "a.jpg", b"second"), REPORT, "t")

    assert path == "a-3.jpg"
    assert report(folder, "a-2.jpg.error.json") == {"source": "a-2.jpg"}


def test_move_to_another_disk_that_was_cut_short_is_finished_and_not_doubled(folder: WatchFolder) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        if os.stat(name).st_dev == folder.inbox.stat().st_dev:
            pytest.skip("no second file system to write to")
        failed = FailedFolder(Tree(Path(name)), Tree(folder.inbox), After.MOVE)
        source = put(folder.inbox, "a.jpg")
        shutil.copy2(folder.inbox / "a.jpg", f"{name}/a.jpg")
        put(Path(name), "a.jpg.error.json", b'{"source": "a.jpg"}')

        path = failed.take(source, REPORT, "t")

        assert path == "a.jpg"
        assert names(folder.inbox) == []
        assert names(Path(name)) == ["a.jpg", "a.jpg.error.json"]
