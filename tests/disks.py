"""Disks of a test's own: small ones in memory, and one whose power can be cut."""

import errno
import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes import wait_until

_EXT4_IOC_SHUTDOWN = 0x8004587D
_WITHOUT_LOG_FLUSH = 2
_FILLER = ".filler"


@contextmanager
def small_disk(place: Path, size: str = "1m") -> Iterator[None]:
    """A file system of its own at that folder, which is made. Skips the test where we may not mount."""
    place.mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", place)
    try:
        yield
    finally:
        _run("umount", "--lazy", place)


@contextmanager
def formatted_disk(kind: str, image: Path, place: Path) -> Iterator[None]:
    """A file system of that kind in a file, at that folder. Skips where it cannot be made or mounted."""
    if shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"mkfs.{kind} is not installed; scripts/test installs it where it may")
    with open(image, "wb") as file:
        file.truncate(320 << 20)  # the least that XFS takes
    _run(f"mkfs.{kind}", "-q", image)
    place.mkdir(parents=True, exist_ok=True)
    mount("-o", "loop", image, place)
    try:
        yield
    finally:
        _run("umount", "--lazy", place)


def fill(place: Path) -> None:
    """To the last byte."""
    with open(place / _FILLER, "ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def make_room(place: Path) -> None:
    (place / _FILLER).unlink()


def set_read_only(place: Path, read_only: bool) -> None:
    mount("-o", f"remount,{'ro' if read_only else 'rw'}", place)


class Disk:
    """An ext4 in a file, mounted at a folder. Its owner unmounts it."""

    def __init__(self, image: Path, place: Path) -> None:
        self._image = image
        self._place = place
        with open(image, "wb") as file:
            file.truncate(32 << 20)
        _run("mkfs.ext4", "-q", "-F", image)
        place.mkdir(parents=True, exist_ok=True)
        self.mount()
        (place / "lost+found").rmdir()

    def mount(self) -> None:
        mount("-o", "loop", self._image, self._place)

    def cut_power(self) -> None:
        """What was not forced to the disk by now never comes there."""
        handle = os.open(self._place, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, _EXT4_IOC_SHUTDOWN, struct.pack("I", _WITHOUT_LOG_FLUSH))
        finally:
            os.close(handle)

    def unmount(self) -> None:
        """As soon as what was killed has let go of it."""
        wait_until(
            lambda: (
                not subprocess.run(["umount", self._place], check=False, stderr=subprocess.DEVNULL).returncode
            ),
            30,
        )


def mount(*words: object) -> None:
    result = subprocess.run(["mount", *map(str, words)], check=False, capture_output=True, text=True)
    if result.returncode:
        pytest.skip(f"mounting is not allowed here: {result.stderr.strip()}")


def _run(*words: object) -> None:
    subprocess.run([*map(str, words)], check=True, capture_output=True)
