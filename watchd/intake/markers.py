"""Files that say that others are ready: `x.jpg.ready` of x.jpg, `.done` of every file in its folder."""

import contextlib
import os

from watchd.tree import Tree

_ONE = ".ready"
_ALL = ".done"


class Markers:
    """The markers of one inbox; where they are not `asked_for`, every file is ready."""

    def __init__(self, tree: Tree, asked_for: bool) -> None:
        self._tree = tree
        self.asked_for = asked_for

    def ready(self, relative: str) -> bool:
        return not self.asked_for or self._there(relative + _ONE) or self._there(_beside(relative, _ALL))

    def file_of(self, marker: str) -> str | None:
        """The file that a path of the inbox is the marker of, if it is one."""
        return marker.removesuffix(_ONE) if self.asked_for and marker.endswith(_ONE) else None

    def folder_of(self, marker: str) -> str | None:
        """The folder that a path of the inbox is the marker of, if it is one; "" is the inbox itself."""
        folder, _, name = marker.rpartition("/")
        return folder if self.asked_for and name == _ALL else None

    def clear(self, relative: str) -> None:
        """The file has left the inbox and takes its own marker with it. OSError if that cannot be."""
        if self.asked_for and not self._there(relative):
            self._tree.unlink(relative + _ONE)

    def explain(self, relative: str) -> str:
        name = os.path.basename(relative)
        said = f"{name}{_ONE} or {_ALL} is there" if self.ready(relative) else ""
        return said or f"it waits for {name}{_ONE} beside it, or for {_ALL} in its folder"

    def _there(self, relative: str) -> bool:
        with contextlib.suppress(OSError):  # a name that is too long for a marker, a folder that is gone
            return self._tree.exists(relative)
        return False


def _beside(relative: str, name: str) -> str:
    folder, slash, _ = relative.rpartition("/")
    return folder + slash + name
