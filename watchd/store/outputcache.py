"""The output cache: finished cutouts, for the very same file and the very same options once more."""

import contextlib
import os
import time
from collections.abc import Callable

from watchd.store.cachefolder import put
from watchd.store.inventory import OUTPUTS, is_output_name
from watchd.store.lastuse import refresh_last_use
from watchd.store.room import Room
from watchd.store.storedfile import StoredFile
from watchd.tree import Tree


class OutputCache:
    """The outputs of a cache folder, of all spaces. Any thread; nothing here raises for the disk.

    An output's name says its digest, so that what the disk has spoilt never reaches an outbox.
    """

    def __init__(self, tree: Tree, *, now: Callable[[], float] = time.time, room: Room | None = None) -> None:
        self._tree = tree
        self._now = now
        self._room = room or Room(tree)

    def open(self, sha256: str, render: str) -> StoredFile | None:
        """The cutout of the source with that digest, made with these options; the caller closes it.

        Its content is not looked at here: `publish` does that, with what it has written.
        """
        folder, start = _place(sha256, render)
        for name in self._names(folder):
            if name.startswith(start) and is_output_name(name):
                stored = self._open(f"{folder}/{name}", _digest(name))
                if stored is not None:
                    return stored
        return None

    def add(self, sha256: str, render: str, suffix: str, data: bytes, digest: str) -> bool:
        """`digest` is the sha256 of `data`. False where it could not be written."""
        folder, start = _place(sha256, render)
        return put(self._tree, f"{folder}/{start}{digest}.{suffix.lstrip('.')}", data, self._room)

    def discard(self, stored: StoredFile) -> None:
        """Removes one that is damaged."""
        with contextlib.suppress(OSError):
            self._tree.unlink(stored.relative)

    def _names(self, folder: str) -> list[str]:
        try:
            with self._tree.folder(folder) as handle:
                return sorted(os.listdir(handle))
        except OSError:
            return []

    def _open(self, relative: str, digest: str) -> StoredFile | None:
        try:
            handle = self._tree.open(relative)
        except OSError:
            return None
        stored = StoredFile(handle, relative, os.fstat(handle).st_size, digest)
        refresh_last_use(handle, self._now())
        return stored


def _place(sha256: str, render: str) -> tuple[str, str]:
    """The folder, and how the name begins: its end is the digest of the content."""
    return f"{OUTPUTS}/{sha256[:2]}", f"{sha256[:32]}-{render[:12]}-"


def _digest(name: str) -> str:
    return os.path.splitext(name)[0].rpartition("-")[2]
