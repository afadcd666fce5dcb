"""The cache folder: what marks it as one, who may look into it, and how a file gets there."""

import contextlib
import errno
import os
import secrets
from pathlib import Path

from watchd.store.atomic import replace_quickly
from watchd.store.rights import Rights
from watchd.store.room import Room
from watchd.tree import Tree

FORMAT = "v1"  # another one lies beside it, and neither reads the other

# Backup tools leave out a folder that holds this: https://bford.info/cachedir/
_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# Made by watchd: all of this can be computed again.\n"
_README = b"""\
The cache of watchd: masks and finished cutouts of pictures that it has seen before.
Everything here can be computed again, and may be deleted at any time, also while watchd runs.
The masks hold small grey copies of the pictures: keep this folder as private as the pictures.
"""
_MARKS = {"CACHEDIR.TAG": _TAG, "README.txt": _README}

# A thing of somebody else's stands where an entry or its folder belongs: only this one entry suffers.
_THIS_NAME_ALONE = (errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EEXIST, errno.ENOTEMPTY)


class CacheTree(Tree):
    """A tree in which all that is made is for its owner alone: masks hold small copies of the pictures."""

    def give_rights(self, handle: int) -> None:
        Rights(0o700).give(handle)


def open_cache(root: Path) -> CacheTree:
    """Makes the folder if need be. Where it cannot be made now the first write tries again."""
    tree = CacheTree(root)
    with contextlib.suppress(OSError):
        os.makedirs(root.parent, exist_ok=True)
        _make(tree)
    return tree


def put(tree: Tree, relative: str, data: bytes, room: Room) -> bool:
    """Writes a file whole, not forced to the disk; False where it could not. Never raises for the disk."""
    if not room.enough():
        return False
    token = secrets.token_hex(8)
    try:
        try:
            replace_quickly(tree, relative, data, token)
        except FileNotFoundError:  # someone has removed the folder
            _make(tree)
            replace_quickly(tree, relative, data, token)
    except OSError as error:
        if error.errno not in _THIS_NAME_ALONE:
            room.stop(str(error))
        return False
    return True


def _make(tree: Tree) -> None:
    """Not what is above it: that is missing where a share is away, and nothing shall be put in its place."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(tree.root, 0o700)
    for name, text in _MARKS.items():
        if not tree.exists(name):
            replace_quickly(tree, name, text, secrets.token_hex(8))
