"""A finished file that lies in the cache, open, with the digest that its bytes must have."""

import hashlib
import os
from dataclasses import dataclass
from typing import Self

_CHUNK = 1 << 20


class BadEntry(OSError):
    """What lies in the cache is not what its name says, or cannot be read: it is the cache's trouble.

    Whoever gets it discards the entry and computes afresh; any other OSError is that of the disk.
    """


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A context manager that closes `handle`. Renaming or removing the file does it no harm while open."""

    handle: int
    relative: str
    size: int
    sha256: str

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.handle)

    def is_sound(self) -> bool:
        """Whether its bytes are those of its digest, read once more from the start."""
        digest, offset = hashlib.sha256(), 0
        try:
            while chunk := os.pread(self.handle, _CHUNK, offset):
                digest.update(chunk)
                offset += len(chunk)
        except OSError:
            return False
        return digest.hexdigest() == self.sha256
