"""Which sources are in flight in each process: what a crash may be blamed on."""

import json
import os
import threading
from pathlib import Path

from watchd.store.atomic import replace_quickly
from watchd.tree import Tree

_FOLDER = "flight"
_MAX_BYTES = 1 << 20


class Flight:
    """The sources of one watch folder that this process works on, on disk while it does.

    A crash takes every file in flight with it, but only one of them can be the cause: so those that flew
    together are suspects, and a crash counts against a file only if it flew alone. Any thread.
    """

    def __init__(self, sidecar: Tree, boot: str | None = None) -> None:
        self._tree = sidecar
        self._boot = boot or _boot_id()
        self._name = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._flying_guard = threading.Lock()
        self._flying: set[str] = set()

    @property
    def name(self) -> str:
        """By which the receipts of this process's attempts name it."""
        return self._name

    def begin(self, key: str) -> None:
        with self._flying_guard:
            self._flying.add(key)
            self._write()

    def end(self, key: str) -> None:
        with self._flying_guard:
            self._flying.discard(key)
            self._write()

    def blamed(self, name: str, key: str) -> bool:
        """Whether the end of that process counts against the source.

        Not if others flew with it, nor if the whole machine went down; and not if nothing is known.
        """
        try:
            last = json.loads(self._tree.read(f"{_FOLDER}/{name}.json", _MAX_BYTES))
            return bool(last["boot"] == self._boot and last["flying"] == [key])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def _write(self) -> None:
        text = json.dumps({"boot": self._boot, "flying": sorted(self._flying)}).encode()
        replace_quickly(self._tree, f"{_FOLDER}/{self._name}.json", text, self._name)


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
