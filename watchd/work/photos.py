"""Picture files wherever they lie: found, told by their digest, opened."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from watchd.domain.errors import JobError
from watchd.domain.profile import SUFFIXES
from watchd.imaging.decode import OpenPicture, Picture

TROUBLE = (OSError, JobError, ValueError, MemoryError)
"""What one file may raise here."""


class Photos:
    """Every method raises one of TROUBLE for what is the file's own."""

    def __init__(self, opener: OpenPicture, max_pixels: int, max_bytes: int) -> None:
        self._opener = opener
        self._max_pixels = max_pixels
        self._max_bytes = max_bytes

    def digest(self, path: Path) -> str:
        """The sha256 of its bytes."""
        with _file(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def picture(self, path: Path, inputs: tuple[str, ...]) -> Picture:
        """`inputs` are the formats that may be decoded."""
        with _file(path) as file:
            if os.fstat(file.fileno()).st_size > self._max_bytes:
                raise ValueError(f"larger than {self._max_bytes} bytes (limits.max_bytes)")
            return self._opener(file, path.name, self._max_pixels, inputs).load()


def picture_files(folder: Path, *, recursive: bool) -> list[Path]:
    """Told by their suffix; hidden ones are none."""
    found = folder.rglob("*") if recursive else folder.glob("*")
    return sorted(
        path
        for path in found
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def thinned(photos: Sequence[Path], most: int) -> list[Path]:
    """Evenly over the folder, for neighbours are often of one series."""
    count = min(most, len(photos))
    return [photos[index * len(photos) // count] for index in range(count)]


def said(path: Path, error: BaseException) -> str:
    """What is wrong with a file, in one line that begins with its name."""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return reason if reason.startswith(path.name) else f"{path}: {reason}"


@contextmanager
def _file(path: Path) -> Iterator[BufferedReader]:
    """A regular file; a FIFO blocks nobody."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("not a regular file")
        yield file
