"""What the cache has done, counted since it was made: a file for each host, summed by whoever asks."""

import contextlib
import json
import os
import secrets
import socket
import threading
from collections.abc import Mapping

from watchd.store.atomic import replace_quickly
from watchd.tree import Tree

_FOLDER = "counters"
_MAX_BYTES = 64 * 1024

Counts = dict[str, float]


class Counters:
    """Any thread. Counts in memory; `save` writes them down, and what a crash takes is lost.

    Two daemons of one host on one cache count in turns: the later of two saves adds what it knows.
    """

    def __init__(self, tree: Tree, host: str | None = None) -> None:
        self._tree = tree
        self._path = f"{_FOLDER}/{_safe(host or socket.gethostname())}.json"
        self._counts_guard = threading.Lock()
        self._unsaved: Counts = {}

    def add(self, name: str, by: float = 1) -> None:
        with self._counts_guard:
            _sum(self._unsaved, {name: by})

    def save(self) -> None:
        """OSError where the cache cannot be written; then the counts are kept for the next time."""
        with self._counts_guard:
            if not self._unsaved:
                return
            counts = _read(self._tree, self._path)
            _sum(counts, self._unsaved)
            text = json.dumps(counts, indent=1).encode()
            replace_quickly(self._tree, self._path, text, secrets.token_hex(8))
            self._unsaved.clear()


def total(tree: Tree) -> Mapping[str, float]:
    """The counts of all hosts together."""
    counts: Counts = {}
    with contextlib.suppress(OSError), tree.folder(_FOLDER) as folder:
        for name in os.listdir(folder):
            _sum(counts, _read(tree, f"{_FOLDER}/{name}"))
    return counts


def _sum(counts: Counts, more: Mapping[str, float]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count


def _read(tree: Tree, path: str) -> Counts:
    """What another process has torn counts as nothing."""
    try:
        counts = json.loads(tree.read(path, _MAX_BYTES))
        return {str(name): count for name, count in counts.items() if isinstance(count, int | float)}
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}


def _safe(host: str) -> str:
    return (
        "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in host).strip(".") or "host"
    )
