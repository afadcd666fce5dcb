"""A file where the user wants one."""

import os
import stat
from pathlib import Path

import pytest

from watchd.domain.errors import StartupError
from watchd.store.userfile import try_place_for_user, write_for_user


def test_file_appears_in_a_folder_that_is_made_for_it(tmp_path: Path) -> None:
    write_for_user(tmp_path / "new" / "file", b"content")

    assert (tmp_path / "new" / "file").read_bytes() == b"content"


def test_mode_of_the_file_that_is_replaced_stays(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"before")
    file.chmod(0o640)

    write_for_user(file, b"after")

    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"after", 0o640)


def test_link_stays_a_link_to_what_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_bytes(b"before")
    (tmp_path / "link").symlink_to("there/file")

    write_for_user(tmp_path / "link", b"after")

    assert os.readlink(tmp_path / "link") == "there/file"
    assert (tmp_path / "there" / "file").read_bytes() == b"after"


def test_refusal_at_the_last_moment_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"before")

    def refuse() -> None:
        raise StartupError("not now")

    with pytest.raises(StartupError, match="not now"):
        write_for_user(tmp_path / "file", b"after", confirm=refuse)

    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"before"


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no folder")

    with pytest.raises(StartupError, match=r"file/chart\.png cannot be written: "):
        write_for_user(tmp_path / "file" / "chart.png", b"")


def test_file_that_must_not_be_replaced_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"before")

    with pytest.raises(StartupError, match="file cannot be written: File exists"):
        write_for_user(tmp_path / "file", b"after", replace=False)

    assert os.listdir(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"before"


def test_place_can_be_tried_before_there_is_anything_to_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"no folder")

    with pytest.raises(StartupError, match=r"file/chart\.png cannot be written: "):
        try_place_for_user(tmp_path / "file" / "chart.png")
    try_place_for_user(tmp_path / "new" / "chart.png")

    assert os.listdir(tmp_path / "new") == []
