import errno
import os
from pathlib import Path

import pytest
from fakes import put, settled

from watchd.intake.scan import scan
from watchd.intake.wanted import Wanted
from watchd.tree import Tree


def found(root: Path, recursive: bool = True, below: str = "") -> list[str]:
    return sorted(path for path, _ in scan(Tree(root), Wanted(), recursive, below))


def test_every_wanted_file_is_found_with_its_stamp(tmp_path: Path) -> None:
    sources = [put(tmp_path, name) for name in ("a.jpg", "sub/b.PNG", "sub/deep/c.webp")]
    put(tmp_path, "note.txt")
    put(tmp_path, "@eaDir/a.jpg")
    put(tmp_path, ".hidden/a.jpg")

    seen = dict(scan(Tree(tmp_path), Wanted(), recursive=True))

    assert seen == {source.relative: source.stamp for source in sources}


def test_subfolders_are_left_alone_where_that_is_asked_for(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    put(tmp_path, "sub/b.jpg")

    assert found(tmp_path, recursive=False) == ["a.jpg"]


def test_what_is_to_be_left_out_is_told_by_its_path(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    put(tmp_path, "sub/b.jpg")

    seen = scan(Tree(tmp_path), Wanted(), recursive=True, leaves_out=lambda path: path == "sub/b.jpg")

    assert [path for path, _ in seen] == ["a.jpg"]


def test_scan_below_a_folder_finds_what_lies_there(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg")
    put(tmp_path, "sub/b.jpg")
    put(tmp_path, "sub/deep/c.jpg")

    assert found(tmp_path, below="sub") == ["sub/b.jpg", "sub/deep/c.jpg"]


def test_only_regular_files_are_found(tmp_path: Path) -> None:
    put(tmp_path, "real.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "link.jpg").symlink_to("real.jpg")
    (tmp_path / "dangling.jpg").symlink_to("gone.jpg")
    os.mkfifo(tmp_path / "fifo.jpg")

    assert found(tmp_path) == ["real.jpg"]


def test_link_to_a_folder_is_not_entered(tmp_path: Path) -> None:
    root = tmp_path / "inbox"
    put(root, "a.jpg")
    put(tmp_path, "outside/b.jpg")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)

    assert found(root) == ["a.jpg"]
    assert found(root, below="link") == []


def test_odd_names_are_found(tmp_path: Path) -> None:
    odd = [os.fsdecode(b"\xff.jpg"), "new\nline.jpg", "e\u0301.jpg", "\u00e9.jpg", "x" * 251 + ".jpg"]
    for name in odd:
        put(tmp_path, name)

    assert found(tmp_path) == sorted(odd)


def test_inbox_that_is_gone_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        found(tmp_path / "gone")


def test_subfolder_that_vanishes_while_it_walks_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "sub/a.jpg")
    put(tmp_path, "b.jpg")
    walk = scan(Tree(tmp_path), Wanted(), recursive=True)

    first = next(walk)
    (tmp_path / "sub" / "a.jpg").unlink()
    (tmp_path / "sub").rmdir()

    assert [first[0], *(path for path, _ in walk)] == ["b.jpg"]


def test_subfolder_that_may_not_be_read_hides_no_other(tmp_path: Path) -> None:
    class Locked(Tree):
        def folder(self, relative="", make=False):  # type: ignore[no-untyped-def]
            if relative == "locked":
                raise PermissionError(errno.EACCES, "locked")
            return super().folder(relative, make)

    for name in ("locked/a.jpg", "open/b.jpg", "c.jpg"):
        put(tmp_path, name)

    paths = sorted(path for path, _ in scan(Locked(tmp_path), Wanted(), recursive=True))

    assert paths == ["c.jpg", "open/b.jpg"]


def test_walk_is_lazy_and_leaves_nothing_open(tmp_path: Path) -> None:
    for number in range(5):
        put(tmp_path, f"{number}.jpg")
    before = len(os.listdir("/proc/self/fd"))

    walk = scan(Tree(tmp_path), Wanted(), recursive=True)
    path, stamp = next(walk)
    walk.close()

    assert settled(tmp_path, path).stamp == stamp
    assert len(os.listdir("/proc/self/fd")) == before


def test_deep_tree_is_walked(tmp_path: Path) -> None:
    deep = "/".join("d" * 3 for _ in range(60)) + "/a.jpg"
    put(tmp_path, deep)

    assert found(tmp_path) == [deep]
