import errno
import os
import tempfile
from pathlib import Path

import pytest
from fakes import os_error

from watchd.store.filecopy import copy_content


def copied(source: Path, target: Path, size: int) -> bytes:
    with source.open("rb") as one, target.open("wb") as other:
        copy_content(one.fileno(), other.fileno(), size)
    return target.read_bytes()


@pytest.mark.parametrize("size", [0, 1, 4096, 3_000_001])
def test_copy_has_the_content_of_its_source(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "a").write_bytes(data)

    assert copied(tmp_path / "a", tmp_path / "b", size) == data


def test_copy_to_another_file_system_has_the_content_of_its_source(tmp_path: Path) -> None:
    if not os.path.isdir("/dev/shm"):
        pytest.skip("no second file system to write to")
    data = os.urandom(3_000_001)
    (tmp_path / "a").write_bytes(data)

    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        assert copied(tmp_path / "a", Path(elsewhere, "b"), len(data)) == data


def test_source_that_the_kernel_cannot_copy_is_read_and_written(tmp_path: Path) -> None:
    version = Path("/proc/version")

    assert copied(version, tmp_path / "b", 40) == version.read_bytes()[:40]


def test_source_that_is_shorter_than_said_gives_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"short")

    assert copied(tmp_path / "a", tmp_path / "b", 1000) == b"short"


def test_copy_is_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 10_000)
    copied(tmp_path / "a", tmp_path / "b", 10_000)

    (tmp_path / "b").write_bytes(b"b")

    assert (tmp_path / "a").read_bytes() == b"a" * 10_000


def test_disk_that_is_full_is_an_error_whichever_way_is_tried(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 10_000)

    with os_error(errno.ENOSPC):
        copied(tmp_path / "a", Path("/dev/full"), 10_000)
