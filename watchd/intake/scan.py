"""Walks an inbox: yields every wanted regular file with its stamp, and follows no link."""

import os
import stat
from collections.abc import Callable, Generator

from watchd.domain.job import Stamp
from watchd.intake.wanted import Wanted
from watchd.tree import Tree


def scan(
    tree: Tree,
    wanted: Wanted,
    recursive: bool,
    below: str = "",
    leaves_out: Callable[[str], bool] = lambda _: False,
) -> Generator[tuple[str, Stamp]]:
    """Lazily, folder by folder; holds one descriptor. What vanishes while it walks is passed over.

    What `leaves_out` says yes to is passed over, too, and not looked at. Raises FileNotFoundError if the
    inbox itself is gone.
    """
    waiting = [below]
    while waiting:
        folder = waiting.pop()
        try:
            with tree.folder(folder) as handle, os.scandir(handle) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if recursive and wanted.enters(path):
                            waiting.append(path)
                    elif wanted.refusal(path) or leaves_out(path):
                        continue
                    elif (stamp := _stamp(entry)) is not None:
                        yield path, stamp
        except OSError:
            if not folder:
                raise
            # A subfolder that vanished, became a link or may not be read: the next scan looks again.


def _stamp(entry: "os.DirEntry[str]") -> Stamp | None:
    """Of a regular file that is still there."""
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    return Stamp.of(found) if stat.S_ISREG(found.st_mode) else None
