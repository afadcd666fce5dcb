"""The name of a mask entry: all that the index needs to know of it, so that no entry is opened to fill it."""

import re
from dataclasses import dataclass

_GRAMMAR = re.compile(r"([0-9a-f]{64})_([1-9][0-9]{0,5})x([1-9][0-9]{0,5})_([0-9a-f]{16})\.png")


@dataclass(frozen=True, slots=True)
class EntryName:
    """`<phash>_<W>x<H>_<sha16>.png`: 256 bits of pHash, the picture's size, 64 bits of its file's sha256."""

    phash: str
    width: int
    height: int
    sha16: str

    def __str__(self) -> str:
        return f"{self.phash}_{self.width}x{self.height}_{self.sha16}.png"

    @property
    def shard(self) -> str:
        """By the sha256, which is spread evenly; the first bit of every pHash is 1."""
        return self.sha16[:2]

    @classmethod
    def parse(cls, name: str) -> "EntryName | None":
        """None for any other name: such a file is not ours."""
        found = _GRAMMAR.fullmatch(name)
        if found is None:
            return None
        phash, width, height, sha16 = found.groups()
        return cls(phash, int(width), int(height), sha16)
