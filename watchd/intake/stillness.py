"""How long nothing has happened in a folder of an inbox, in which there is nothing more to do."""

import os
import time
from collections.abc import Callable, Container, Iterator

from watchd.domain.job import Stamp
from watchd.tree import Tree

_PASSED_OVER = (FileNotFoundError, NotADirectoryError, PermissionError)  # as a scan does: nothing comes of it

Mark = tuple[int, int]
"""How many things lie in a folder, and a sum of what is known of them: equal if nothing has changed."""


class Stillness:
    """Of one inbox; `done` says of a file that it needs nothing more. One thread.

    What is no picture counts as well: it may be the picture that somebody is still sending.
    """

    def __init__(
        self, inbox: Tree, done: Callable[[str, Stamp], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._inbox = inbox
        self._done = done
        self._clock = clock
        self._seen: dict[str, tuple[Mark, float]] = {}

    def seconds(self, folder: str) -> float | None:
        """Since it was first found to be as it is now; None while something is to be done in it.

        One that is gone is as still as an empty one. OSError: the disk.
        """
        now = self._clock()
        mark = self._mark(folder)
        if mark is None:
            self._seen.pop(folder, None)
            return None
        before, since = self._seen.get(folder, (mark, now))
        self._seen[folder] = mark, (since if before == mark else now)
        return now - self._seen[folder][1]

    def to_do(self, folder: str) -> str:
        """Some file in it that is still to have its outcome, or "" """
        return next((path for path, stamp in self._files(folder) if not self._done(path, stamp)), "")

    def forget_all_but(self, folders: Container[str]) -> None:
        self._seen = {folder: seen for folder, seen in self._seen.items() if folder in folders}

    def _mark(self, folder: str) -> Mark | None:
        count = total = 0
        for path, stamp in self._files(folder):
            if not self._done(path, stamp):
                return None
            count, total = count + 1, total ^ hash((path, stamp))  # in whatever order they are listed
        return count, total

    def _files(self, folder: str) -> Iterator[tuple[str, Stamp]]:
        waiting = [folder]
        while waiting:
            above = waiting.pop()
            try:
                with self._inbox.folder(above) as handle, os.scandir(handle) as entries:
                    for entry in entries:
                        path = f"{above}/{entry.name}"
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(path)
                        elif entry.is_file(follow_symlinks=False) and (stamp := _stamp(entry)):
                            yield path, stamp
            except _PASSED_OVER:
                continue


def _stamp(entry: "os.DirEntry[str]") -> Stamp | None:
    try:
        return Stamp.of(entry.stat(follow_symlinks=False))
    except FileNotFoundError:  # done just now, say; what is listed after it counts all the same
        return None
