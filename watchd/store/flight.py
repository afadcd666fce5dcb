"""Which sources are in flight in each process: what a crash may be blamed on."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from watchd.store.atomic import replace_quickly
from watchd.store.claims import Holder
from watchd.tree import Tree

_FOLDER = "flight"
_MAX_BYTES = 1 << 20
_KEPT_S = 86400.0


class Flight:
    """The sources that this process works on, in the sidecars of their watch folders while it does.

    A crash takes every file in flight with it, but only one can be the cause: so those that flew together
    are suspects, and a crash counts against a file only if it flew alone. `sidecars` by watch folder.
    Any thread.
    """

    def __init__(
        self, sidecars: Mapping[str, Tree], boot: str | None = None, holder: Holder | None = None
    ) -> None:
        self.name = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._sidecars = sidecars
        self._boot = boot or _boot_id()
        self._me = holder or Holder.myself()
        self._flying_guard = threading.Lock()
        self._flying: list[tuple[str, str]] = []

    @contextlib.contextmanager
    def of(self, folder: str, key: str) -> Iterator[None]:
        """Marks the source as in flight while entered. OSError if its sidecar cannot be written."""
        with self._flying_guard:
            self._flying.append((folder, key))
            try:
                self._tell()
            except BaseException:
                self._flying.remove((folder, key))
                raise
        try:
            yield
        finally:
            with self._flying_guard, contextlib.suppress(OSError):  # what is told too long only forgives
                self._flying.remove((folder, key))
                self._tell(landed=folder)

    def blamed(self, folder: str, name: str, key: str) -> bool:
        """Whether the end of the process of that name counts against the source.

        Not if others flew with it, nor if the whole machine went down, nor if it lives and was only slow
        to renew its lease; and not if nothing is known.
        """
        try:
            last = json.loads(self._sidecars[folder].read(_path(name), _MAX_BYTES))
            alone = last["boot"] == self._boot and last["flying"] == [f"{folder}/{key}"]
            return bool(alone and not Holder(**last["holder"]).alive())
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return False

    def accuse(self, folder: str, key: str) -> None:
        """Lets this process's end count against that source alone, though others fly with it."""
        with self._flying_guard:
            text = self._text([(folder, key)])
            for other in {name for name, _ in self._flying}:
                replace_quickly(self._sidecars[other], _path(self.name), text, self.name)

    def sweep(self) -> None:
        """Removes what processes that ended long ago have left."""
        for tree in self._sidecars.values():
            with tree.folder(_FOLDER, make=True) as handle:
                names = os.listdir(handle)
            for name in names:
                with contextlib.suppress(FileNotFoundError):  # another daemon was faster
                    if time.time() - tree.stat(f"{_FOLDER}/{name}").st_mtime > _KEPT_S:
                        tree.unlink(f"{_FOLDER}/{name}")

    def _tell(self, landed: str = "") -> None:
        """To every folder that has something in flight: what flies elsewhere is a suspect there, too."""
        text = self._text(self._flying)
        flying = {folder for folder, _ in self._flying}
        for folder in flying:
            replace_quickly(self._sidecars[folder], _path(self.name), text, self.name)
        if landed and landed not in flying:
            self._sidecars[landed].unlink(_path(self.name))

    def _text(self, flying: Iterable[tuple[str, str]]) -> bytes:
        keys = [f"{folder}/{key}" for folder, key in flying]
        return json.dumps({"boot": self._boot, "holder": asdict(self._me), "flying": keys}).encode()


def _path(name: str) -> str:
    return f"{_FOLDER}/{name}.json"


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
