"""Which sources are in flight in each process: what a crash may be blamed on."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from watchd.domain.profile import WatchFolder
from watchd.store.atomic import replace_quickly
from watchd.store.claims import Holder
from watchd.tree import Tree

_FOLDER = "flight"
_MAX_BYTES = 1 << 20
_KEPT_S = 86400.0


class Flight:
    """The sources that this process works on, in the sidecars of their watch folders while it does.

    A crash takes every file in flight with it, but only one can be the cause: so those that flew together
    are suspects, and a crash counts against a file only if it flew alone. Any thread.
    """

    def __init__(self, boot: str | None = None, holder: Holder | None = None) -> None:
        self.name = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._sidecars: dict[Path, Tree] = {}
        self._boot = boot or _boot_id()
        self._me = holder or Holder.myself()
        self._flying_guard = threading.Lock()
        self._flying: list[_Flying] = []

    @contextlib.contextmanager
    def of(self, folder: WatchFolder, key: str) -> Iterator[None]:
        """Marks the source as in flight while entered. OSError if its sidecar cannot be written."""
        flying = _Flying(folder.sidecar, f"{folder.name}/{key}")
        with self._flying_guard:
            self._flying.append(flying)
            try:
                self._tell()
            except BaseException:
                self._flying.remove(flying)
                raise
        try:
            yield
        finally:
            with self._flying_guard, contextlib.suppress(OSError):  # what is told too long only forgives
                self._flying.remove(flying)
                self._tell(landed=flying.sidecar)

    def blamed(self, folder: WatchFolder, name: str, key: str) -> bool:
        """Whether the end of the process of that name counts against the source.

        Not if others flew with it, nor if the whole machine went down, nor if it lives and was only slow
        to renew its lease; and not if nothing is known.
        """
        try:
            last = json.loads(self._tree(folder.sidecar).read(_path(name), _MAX_BYTES))
            alone = last["boot"] == self._boot and last["flying"] == [f"{folder.name}/{key}"]
            return bool(alone and not Holder(**last["holder"]).alive())
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return False

    def accuse(self, folder: WatchFolder, key: str) -> None:
        """Lets this process's end count against that source alone, though others fly with it."""
        with self._flying_guard:
            text = self._text([_Flying(folder.sidecar, f"{folder.name}/{key}")])
            for sidecar in {each.sidecar for each in self._flying}:
                replace_quickly(self._tree(sidecar), _path(self.name), text, self.name)

    def sweep(self, sidecar: Path) -> None:
        """Removes what processes that ended long ago have left there."""
        tree = self._tree(sidecar)
        with tree.folder(_FOLDER, make=True) as handle:
            names = os.listdir(handle)
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # another daemon was faster
                if time.time() - tree.stat(f"{_FOLDER}/{name}").st_mtime > _KEPT_S:
                    tree.unlink(f"{_FOLDER}/{name}")

    def _tell(self, landed: Path | None = None) -> None:
        """To every folder that has something in flight: what flies elsewhere is a suspect there, too."""
        text = self._text(self._flying)
        flying = {each.sidecar for each in self._flying}
        for sidecar in flying:
            replace_quickly(self._tree(sidecar), _path(self.name), text, self.name)
        if landed is not None and landed not in flying:
            self._tree(landed).unlink(_path(self.name))

    def _text(self, flying: Iterable["_Flying"]) -> bytes:
        keys = [each.source for each in flying]
        return json.dumps({"boot": self._boot, "holder": asdict(self._me), "flying": keys}).encode()

    def _tree(self, sidecar: Path) -> Tree:
        return self._sidecars.setdefault(sidecar, Tree(sidecar))


class _Flying(NamedTuple):
    sidecar: Path
    source: str


def _path(name: str) -> str:
    return f"{_FOLDER}/{name}.json"


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
