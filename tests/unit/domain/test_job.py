import os
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from fakes import put

from watchd.domain.job import SourceFile, Stamp, source_key


def test_stamp_tells_a_rewrite_of_the_same_length(tmp_path: Path) -> None:
    before = put(tmp_path, "a", b"one").stamp
    os.utime(tmp_path / "a", ns=(before.mtime_ns + 1, before.mtime_ns + 1))

    assert Stamp.of(os.stat(tmp_path / "a")) != before


def test_stamp_tells_a_file_that_took_the_name(tmp_path: Path) -> None:
    before = put(tmp_path, "a", b"one").stamp
    put(tmp_path, "b", b"one")
    os.utime(tmp_path / "b", ns=(before.mtime_ns, before.mtime_ns))
    os.rename(tmp_path / "b", tmp_path / "a")

    assert Stamp.of(os.stat(tmp_path / "a")) != before


def test_reading_a_file_leaves_its_stamp(tmp_path: Path) -> None:
    before = put(tmp_path, "a", b"one").stamp

    (tmp_path / "a").read_bytes()

    assert Stamp.of(os.stat(tmp_path / "a")) == before


def test_key_is_a_file_name_for_every_path() -> None:
    paths = ["a.jpg", "sub/a.jpg", "ü.jpg", "u\u0308.jpg", os.fsdecode(b"\xff.jpg"), "new\nline.jpg", "A.jpg"]

    keys = [source_key(path) for path in paths]

    assert len(set(keys)) == len(paths)
    assert all(len(key) == 32 and key.isalnum() for key in keys)


def test_key_of_a_source_is_that_of_its_path() -> None:
    assert SourceFile("a.jpg", Stamp(1, 2, 3, 4)).key == source_key("a.jpg")


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Stamp(1, 2, 3, 4).size = 5  # type: ignore[misc]
