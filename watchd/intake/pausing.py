"""The PAUSE file: while it is there, somebody wants its watch folder to be left alone."""

import os
from collections.abc import Iterator
from pathlib import Path

from watchd.domain.profile import WatchFolder

NAME = "PAUSE"

_NAMES = (NAME, "PAUSE.txt")  # Windows adds the suffix, and hides it


def pause_place(folder: WatchFolder) -> Path:
    """The folder that a PAUSE file is looked for in."""
    return folder.root or folder.inbox


def pause_files(folder: WatchFolder) -> Iterator[Path]:
    """Those that are there, of whatever kind."""
    for name in _NAMES:
        path = pause_place(folder) / name
        if os.path.lexists(path):
            yield path


def asked_to_pause(folder: WatchFolder) -> str:
    """Who wants it, or "" """
    found = next(pause_files(folder), None)
    return f"{found} is there: remove it, or `watchd resume`" if found else ""
