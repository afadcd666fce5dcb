"""What lies in a cache folder, of every space: for the sweep, and for people who ask."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from watchd.store.atomic import is_temp_name
from watchd.store.cachefolder import FORMAT
from watchd.store.entryname import EntryName
from watchd.tree import Tree

OUTPUTS = f"{FORMAT}/outputs"
SPACE_NOTE = "space.json"

_SHARD = re.compile(r"[0-9a-f]{2}")
_OUTPUT = re.compile(r"[0-9a-f]{32}-[0-9a-f]{12}-[0-9a-f]{64}\.png")
_NO_FOLDER = (FileNotFoundError, NotADirectoryError, PermissionError)


@dataclass(frozen=True, slots=True)
class Found:
    """A file of ours. `size_bytes` is what it takes on the disk; `used_s` when it was last of use."""

    folder: str
    name: str
    size_bytes: int
    used_s: float

    @property
    def relative(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def space(self) -> str:
        return self.folder.split("/")[1]


def spaces(tree: Tree) -> list[str]:
    """One for each model, or way to prepare a picture for it, that was ever in use here."""
    return [name for name in _folders(tree, FORMAT) if f"{FORMAT}/{name}" != OUTPUTS]


def masks(tree: Tree) -> Iterator[Found]:
    for space in spaces(tree):
        yield from masks_of(tree, space)


def masks_of(tree: Tree, space: str) -> Iterator[Found]:
    return _in_shards(tree, f"{FORMAT}/{space}", lambda name: EntryName.parse(name) is not None)


def outputs(tree: Tree) -> Iterator[Found]:
    return _in_shards(tree, OUTPUTS, is_output_name)


def temps(tree: Tree) -> Iterator[Found]:
    """What processes that were killed have left, and what is being written now."""
    yield from _files(tree, "", is_temp_name)
    for name in _folders(tree, FORMAT):
        yield from _temps_below(tree, f"{FORMAT}/{name}")


def is_output_name(name: str) -> bool:
    return _OUTPUT.fullmatch(name) is not None


def shards(tree: Tree, folder: str) -> list[str]:
    return [name for name in _folders(tree, folder) if _SHARD.fullmatch(name)]


def remove(tree: Tree, found: Found) -> bool:
    """Whether it is gone now; False where that is not allowed, or the disk is read-only."""
    try:
        tree.unlink(found.relative)
    except OSError:
        return False
    return True


def remove_space(tree: Tree, space: str) -> int:
    """Removes a space with all that is ours in it, and says how many masks that were.

    Its folders stay where something else lies in them.
    """
    folder = f"{FORMAT}/{space}"
    removed = sum(remove(tree, found) for found in list(masks_of(tree, space)))
    for temp in list(_temps_below(tree, folder)):
        remove(tree, temp)
    tree.unlink(f"{folder}/{SPACE_NOTE}")
    for each in [*(f"{folder}/{shard}" for shard in shards(tree, folder)), folder]:
        with contextlib.suppress(OSError), tree.parent(each) as spot:
            os.rmdir(spot.name, dir_fd=spot.folder)
    return removed


def _temps_below(tree: Tree, folder: str) -> Iterator[Found]:
    yield from _files(tree, folder, is_temp_name)
    yield from _in_shards(tree, folder, is_temp_name)


def _in_shards(tree: Tree, folder: str, ours: Callable[[str], bool]) -> Iterator[Found]:
    for shard in shards(tree, folder):
        yield from _files(tree, f"{folder}/{shard}", ours)


def _files(tree: Tree, folder: str, ours: Callable[[str], bool]) -> list[Found]:
    """Regular files alone; what is gone by the time it is asked counts as gone."""
    found = []
    with contextlib.suppress(*_NO_FOLDER), tree.folder(folder) as handle, os.scandir(handle) as entries:
        for entry in entries:
            if ours(entry.name) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    stat = entry.stat(follow_symlinks=False)
                    found.append(Found(folder, entry.name, stat.st_blocks * 512, stat.st_mtime))
    return found


def _folders(tree: Tree, folder: str) -> list[str]:
    with contextlib.suppress(*_NO_FOLDER), tree.folder(folder) as handle, os.scandir(handle) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    return []
