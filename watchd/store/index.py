"""The names of one space's mask entries in memory, found by digest or by likeness."""

import threading
from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from watchd.store.entryname import EntryName

_HASH = slice(0, 4)  # 256 bits of pHash, 64 in each of the first four columns
_SIZE = 4  # width in the upper half, height in the lower
_SHA = 5
_COLUMNS = 6
_FIRST_CAPACITY = 1024


class EntryIndex:
    """Any thread. One entry for each source file; 48 bytes of numbers an entry, and no strings."""

    def __init__(self) -> None:
        self._table_guard = threading.Lock()
        # One column an array in one piece: a look through all of them reads the first column alone.
        self._table = np.empty((_COLUMNS, _FIRST_CAPACITY), np.uint64)
        self._rows: dict[int, int] = {}  # by sha16; its length is that of the table

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def size_bytes(self) -> int:
        """What the numbers take in memory."""
        return self._table.nbytes

    def add(self, entry: EntryName) -> None:
        self.add_all([entry])

    def add_all(self, entries: Collection[EntryName]) -> None:
        """Many at once cost 2 µs an entry; of two with one sha16 the later stays."""
        numbers = _numbers(entries)
        with self._table_guard:
            self._make_room_for(len(entries))
            rows = [self._rows.setdefault(sha, len(self._rows)) for sha in numbers[_SHA].tolist()]
            self._table[:, rows] = numbers

    def discard(self, entry: EntryName) -> None:
        """The last row takes the place of the one that leaves."""
        sha = int(entry.sha16, 16)
        with self._table_guard:
            row = self._rows.get(sha)
            if row is None or _name(self._table[:, row]) != entry:
                return
            last = len(self._rows) - 1
            self._table[:, row] = self._table[:, last]
            self._rows[int(self._table[_SHA, row])] = row
            del self._rows[sha]

    def find(self, sha16: str) -> EntryName | None:
        with self._table_guard:
            row = self._rows.get(int(sha16, 16))
            return None if row is None else _name(self._table[:, row])

    def in_shard(self, shard: str) -> list[EntryName]:
        with self._table_guard:
            shas = self._table[_SHA, : len(self._rows)]
            rows = np.flatnonzero(shas >> np.uint64(56) == np.uint64(int(shard, 16)))
            found = self._table[:, rows]
        return _names(found)

    def near(self, phash: str, max_distance: int) -> list[tuple[int, EntryName]]:
        """Every entry within that many bits, nearest first.

        A quarter's distance never exceeds the whole: the first 64 bits rule out nearly all (at 100 000
        entries 0.1 ms), and only what they leave is measured in full.
        """
        wanted = _hash_numbers([phash])
        with self._table_guard:
            first = self._table[0, : len(self._rows)]
            rows = np.flatnonzero(np.bitwise_count(first ^ wanted[0]) <= max_distance)
            found = self._table[:, rows]
        distances = np.bitwise_count(found[_HASH] ^ wanted).sum(axis=0, dtype=np.int64)
        order = np.argsort(distances, kind="stable")
        order = order[distances[order] <= max_distance]
        return list(zip(distances[order].tolist(), _names(found[:, order]), strict=True))

    def _make_room_for(self, more: int) -> None:
        needed, capacity = len(self._rows) + more, self._table.shape[1]
        if needed > capacity:
            larger = np.empty((_COLUMNS, max(needed, 2 * capacity)), np.uint64)
            larger[:, :capacity] = self._table
            self._table = larger


_Numbers = npt.NDArray[np.uint64]


def _numbers(entries: Collection[EntryName]) -> _Numbers:
    """A table of its own: one column of numbers for each of an entry's six, one place an entry."""
    table = np.empty((_COLUMNS, len(entries)), np.uint64)
    table[_HASH] = _hash_numbers([entry.phash for entry in entries])
    table[_SIZE] = [entry.width << 32 | entry.height for entry in entries]
    table[_SHA] = np.frombuffer(bytes.fromhex("".join(entry.sha16 for entry in entries)), ">u8")
    return table


def _hash_numbers(phashes: Collection[str]) -> _Numbers:
    numbers = np.frombuffer(bytes.fromhex("".join(phashes)), ">u8")
    return numbers.astype(np.uint64).reshape(-1, 4).T


def _names(table: _Numbers) -> list[EntryName]:
    return [_name(table[:, row]) for row in range(table.shape[1])]


def _name(numbers: _Numbers) -> EntryName:
    *parts, size, sha = numbers.tolist()
    return EntryName("".join(f"{part:016x}" for part in parts), size >> 32, size & 0xFFFFFFFF, f"{sha:016x}")
