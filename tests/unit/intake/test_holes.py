"""What was skipped or reserved in a file is told from what was written."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from watchd.intake.holes import has_hole

SIZE = 100_000


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    handle = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield handle
    os.close(handle)


def reserve(file: int) -> None:
    try:
        os.posix_fallocate(file, 0, SIZE)
        if os.lseek(file, 0, os.SEEK_HOLE) >= SIZE:
            raise OSError
    except OSError:
        pytest.skip("this file system does not tell what was reserved")
    os.lseek(file, 0, os.SEEK_SET)


def test_written_file_has_none_before_and_after_it_is_on_disk(file: int) -> None:
    os.write(file, b"x" * SIZE)
    assert not has_hole(file, SIZE)

    os.fsync(file)
    assert not has_hole(file, SIZE)


def test_skipped_part_is_one(file: int) -> None:
    os.pwrite(file, b"x" * 4096, 0)
    os.pwrite(file, b"x" * 4096, SIZE - 4096)

    assert has_hole(file, SIZE)


def test_reserved_part_is_one_also_after_somebody_has_read_it(file: int) -> None:
    reserve(file)
    os.pwrite(file, b"x" * 4096, 0)
    assert has_hole(file, SIZE)

    os.pread(file, SIZE, 0)  # now the kernel counts it as data

    assert has_hole(file, SIZE)


def test_reserved_file_that_was_filled_has_none_at_once(file: int) -> None:
    reserve(file)
    os.pwrite(file, b"x" * SIZE, 0)

    assert not has_hole(file, SIZE)


def test_what_is_reserved_behind_the_end_does_not_count(file: int) -> None:
    reserve(file)
    os.pwrite(file, b"x" * 4096, 0)
    os.ftruncate(file, 4096)

    assert not has_hole(file, 4096)


def test_reading_starts_at_the_beginning_afterwards(file: int) -> None:
    os.write(file, b"start")
    has_hole(file, 5)

    assert os.read(file, 5) == b"start"
