"""The mask cache: masks that a network once gave, found by the picture's digest or by its likeness."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from watchd.store.cachefolder import FORMAT, put
from watchd.store.entryname import EntryName
from watchd.store.index import EntryIndex
from watchd.store.inventory import SPACE_NOTE, shards
from watchd.store.lastuse import refresh_last_use
from watchd.store.room import Room
from watchd.tree import Tree

MAX_ENTRY_BYTES = 512 * 1024  # a mask of 320 × 320 takes 15 KB, one of 1024 × 1024 some 100 KB
_SAME_TICK_S = 2.0  # the coarsest time of a folder (FAT): within it a second change leaves no trace
_MOST_LEARNED = 100_000


class Remote(Protocol):
    """Masks shared with hosts that share no folder; never raises."""

    def find(self, sha16: str) -> str | None: ...
    def get(self, name: str) -> bytes | None: ...
    def put(self, name: str, data: bytes) -> None: ...


class MaskCache:
    """One space of a cache folder. Any thread, any number of processes on one folder; no locks there.

    A lost entry is only computed again, so nothing here raises for the disk.
    """

    def __init__(
        self,
        tree: Tree,
        space: str,
        *,
        remote: Remote | None = None,
        now: Callable[[], float] = time.time,
        room: Room | None = None,
        recipe: Mapping[str, object] | None = None,
    ) -> None:
        self._tree = tree
        self._folder = f"{FORMAT}/{space}"
        self._remote = remote
        self._now = now
        self._room = room or Room(tree)
        self._recipe = recipe or {}
        self._index = EntryIndex()
        self._refresh_guard = threading.Lock()
        self._read_once = False
        # By shard its mtime_ns when it was last listed, or None if it is to be listed again whatever that is.
        self._listed: dict[str, int | None] = {}
        # Names without a file of ours, the oldest first.
        self._learned_guard = threading.Lock()
        self._learned: dict[EntryName, None] = {}

    def __len__(self) -> int:
        return len(self._index)

    def find(self, sha256: str) -> EntryName | None:
        """The first question reads all names, 0.4 s for 100 000, unless `refresh` has done so before."""
        self._read_names()
        return self._index.find(sha256[:16])

    def near(self, phash: str, max_distance: int) -> list[tuple[int, EntryName]]:
        """Nearest first."""
        self._read_names()
        return self._index.near(phash, max_distance)

    def read(self, entry: EntryName) -> bytes | None:
        """Its bytes, whatever they are: others may write here, too. Counts as its use.

        None, and it is found no more, if it has gone or is nothing that can be read.
        """
        data = self._read_file(entry)
        if data is None and self._remote is not None:
            data = self._fetch(self._remote, entry)
        if data is None:
            self._forget(entry)
        return data

    def add(self, entry: EntryName, data: bytes) -> bool:
        """Whether it lies in the folder now; False where it could not be written."""
        stored = self._store(entry, data)
        if stored:
            self._index.add(entry)
        if self._remote is not None:
            self._remote.put(str(entry), data)
            if not stored:
                self.learn(entry)
        return stored

    def discard(self, entry: EntryName) -> None:
        """Removes one that is damaged, or that a better one has replaced."""
        self._forget(entry)
        with contextlib.suppress(OSError):
            self._tree.unlink(self._path(entry))

    def learn(self, entry: EntryName) -> None:
        """Of an entry that another host has; its bytes come from there when they are asked for."""
        with self._learned_guard:
            self._learned[entry] = None
            too_old = next(iter(self._learned)) if len(self._learned) > _MOST_LEARNED else None
        self._index.add(entry)
        if too_old is not None:
            self._forget(too_old)

    def refresh(self) -> None:
        """Learns what other processes, and the sweep, have done here: lists the shards that have changed.

        At 100 000 entries 10 ms for a look at each shard's time, and 2 ms for each that has changed; the
        first time 0.4 s.
        """
        with self._refresh_guard, contextlib.suppress(OSError):
            present = shards(self._tree, self._folder)
            for shard in {*self._listed} - {*present}:
                self._drop(self._index.in_shard(shard))
                self._listed.pop(shard, None)
            for shard in present:
                with contextlib.suppress(OSError):  # another user's, perhaps: the others are ours still
                    self._refresh_shard(shard)
        self._read_once = True

    def _read_names(self) -> None:
        if not self._read_once:
            self.refresh()

    def look_again(self, sha256: str) -> None:
        """Whether another process, or another host, has added this picture's mask just now."""
        with self._refresh_guard, contextlib.suppress(OSError):
            self._refresh_shard(sha256[:2])
        if self._remote is not None and self.find(sha256) is None:
            entry = EntryName.parse(self._remote.find(sha256[:16]) or "")
            if entry is not None and entry.sha16 == sha256[:16]:
                self.learn(entry)

    def _refresh_shard(self, shard: str) -> None:
        with self._tree.folder(f"{self._folder}/{shard}") as handle:
            changed_ns = os.fstat(handle).st_mtime_ns
            if self._listed.get(shard) == changed_ns:
                return
            # Known before the listing: what is added after it has not vanished.
            known = {str(entry): entry for entry in self._index.in_shard(shard)}
            with os.scandir(handle) as files:
                names = {file.name for file in files if file.is_file(follow_symlinks=False)}
        self._drop(known[name] for name in known.keys() - names)
        parsed = (EntryName.parse(name) for name in names - known.keys())
        self._index.add_all([entry for entry in parsed if entry is not None and entry.shard == shard])
        at_rest = self._now() - changed_ns / 1e9 > _SAME_TICK_S
        self._listed[shard] = changed_ns if at_rest else None

    def _drop(self, vanished: Iterable[EntryName]) -> None:
        """Another host's never lay here."""
        for entry in vanished:
            if entry not in self._learned:
                self._index.discard(entry)

    def _read_file(self, entry: EntryName) -> bytes | None:
        try:
            with os.fdopen(self._tree.open(self._path(entry)), "rb") as file:
                data = file.read(MAX_ENTRY_BYTES + 1)
                refresh_last_use(file.fileno(), self._now())
        except OSError:
            return None
        return data if len(data) <= MAX_ENTRY_BYTES else None

    def _fetch(self, remote: Remote, entry: EntryName) -> bytes | None:
        """From another host; what comes is kept here, too."""
        data = remote.get(str(entry))
        if data is None or len(data) > MAX_ENTRY_BYTES:
            return None
        self._store(entry, data)
        return data

    def _store(self, entry: EntryName, data: bytes) -> bool:
        if not put(self._tree, self._path(entry), data, self._room):
            return False
        self._unlearn(entry)
        self._listed.setdefault(entry.shard, None)
        note = f"{self._folder}/{SPACE_NOTE}"
        with contextlib.suppress(OSError):
            if not self._tree.exists(note):
                put(self._tree, note, json.dumps(self._recipe, indent=2).encode(), self._room)
        return True

    def _forget(self, entry: EntryName) -> None:
        """Until its shard is listed again: the folder may be away for a moment, and come back as it was."""
        self._unlearn(entry)
        self._index.discard(entry)
        self._listed[entry.shard] = None

    def _unlearn(self, entry: EntryName) -> None:
        with self._learned_guard:
            self._learned.pop(entry, None)

    def _path(self, entry: EntryName) -> str:
        return f"{self._folder}/{entry.shard}/{entry}"
