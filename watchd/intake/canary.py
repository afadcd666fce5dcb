"""Proof that events still arrive: a file of the sidecar that is opened now and then, which must be heard."""

import contextlib
import os
import threading
from pathlib import Path

_LOOKS = 5


class Canary:
    """Sings by opening its file: that is an event like any other, and no write, so the disk may sleep on.

    One thread sings and looks, any thread hears. Looks are counted instead of seconds, since a process that
    was stopped wakes up with its clock far ahead and its events still unread.
    """

    def __init__(self, sidecar: Path) -> None:
        self.folder = sidecar / "canary"
        self.unheard = False  # it sang some looks ago, and nothing at all was heard since
        self._heard = threading.Event()
        self._looks_left = 0

    def settle_in(self) -> bool:
        """Whether its folder and file are there, made if need be: a full disk is no sign of lost events."""
        with contextlib.suppress(OSError):
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.folder)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
            return True
        return False

    def sing(self) -> None:
        self._heard.clear()
        try:
            os.close(os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
        except OSError:
            self.hush()
        else:
            self._looks_left = _LOOKS

    def hush(self) -> None:
        """It could not sing, so nothing is to be heard."""
        self._looks_left = 0

    def hear(self) -> None:
        """An event has arrived: its own, or any other of the same observer."""
        self._heard.set()

    def look(self) -> None:
        """Once a second or so."""
        if self._heard.is_set():
            self.unheard, self._looks_left = False, 0
        elif self._looks_left:
            self._looks_left -= 1
            self.unheard = self.unheard or not self._looks_left

    @property
    def _file(self) -> Path:
        return self.folder / "canary"
