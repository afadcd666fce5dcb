"""A folder whose inside is reached by descriptor, one name at a time, so that no link leads out of it.

A path below the root is text with "/" between its names. Opening `a/b/c.jpg` opens `a`, then `b` in it,
then `c.jpg` in that, each without following a link: a folder that is swapped for a link in the meantime
gives an OSError and never a file elsewhere.
"""

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

NAME_MAX = 255

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_RENAME_NOREPLACE = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Spot(NamedTuple):
    """A name in an open folder, whether or not something stands there."""

    folder: int
    name: str

    def beside(self, name: str) -> "Spot":
        return Spot(self.folder, name)


class Tree:
    """Any thread; holds nothing open between calls, so a share may go and come back."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"Tree({str(self.root)!r})"

    @contextlib.contextmanager
    def folder(self, relative: str = "", make: bool = False) -> Iterator[int]:
        """A descriptor of the folder at `relative`; `make` creates what is missing, durably."""
        handle = os.open(self.root, _FOLDER)
        try:
            for name in filter(None, relative.split("/")):
                deeper = _open_folder(handle, name, make)
                os.close(handle)
                handle = deeper
            yield handle
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def parent(self, relative: str, make: bool = False) -> Iterator[Spot]:
        """Where `relative` stands: the folder that holds it, open, and its name there."""
        above, _, name = relative.rpartition("/")
        with self.folder(above, make) as handle:
            yield Spot(handle, _checked(name))

    def open(self, relative: str, flags: int = os.O_RDONLY) -> int:
        """A descriptor of a regular file; anything else is an OSError, and a FIFO blocks nobody."""
        with self.parent(relative) as spot:
            handle = open_at(spot, flags | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise OSError(errno.EINVAL, "not a regular file", relative)
        return handle

    def read(self, relative: str, limit: int = 1 << 20) -> bytes:
        """The first `limit` bytes of a small file."""
        with os.fdopen(self.open(relative), "rb") as file:
            return file.read(limit)

    def stat(self, relative: str) -> os.stat_result:
        """Of the thing itself, not of what a link points to."""
        with self.parent(relative) as spot:
            return stat_at(spot)

    def exists(self, relative: str) -> bool:
        try:
            self.stat(relative)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def unlink(self, relative: str) -> None:
        """Removes a file; one that is gone already is no error."""
        with contextlib.suppress(FileNotFoundError), self.parent(relative) as spot:
            os.unlink(spot.name, dir_fd=spot.folder)


def open_at(spot: Spot, flags: int) -> int:
    """A descriptor of what stands there; a link is refused."""
    return os.open(spot.name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode=0o666, dir_fd=spot.folder)


def stat_at(spot: Spot) -> os.stat_result:
    return os.stat(spot.name, dir_fd=spot.folder, follow_symlinks=False)


def rename(source: Spot, target: Spot) -> None:
    """Replaces what stands at the target."""
    os.rename(source.name, target.name, src_dir_fd=source.folder, dst_dir_fd=target.folder)


def rename_exclusive(source: Spot, target: Spot) -> None:
    """Renames, or raises FileExistsError if the target is taken. EXDEV says that a copy is needed.

    Where the file system has no exclusive rename (NFS, SMB, FAT) a hard link gives the same promise,
    and where it has no links either, a look before the rename must do.
    """
    try:
        _renameat2(source, target)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
        _link_or_look(source, target)


def fitting(stem: str, suffix: str) -> str:
    """`stem + suffix` as a file name; a stem that is too long is cut and told apart by `~` and a digest."""
    name = stem + suffix
    if len(os.fsencode(name)) <= NAME_MAX:
        return name
    mark = "~" + sha256(os.fsencode(stem)).hexdigest()[:8]
    room = NAME_MAX - len(os.fsencode(suffix)) - len(mark)
    return os.fsencode(stem)[:room].decode("utf-8", "ignore") + mark + suffix


def _open_folder(above: int, name: str, make: bool) -> int:
    flags = _FOLDER | os.O_NOFOLLOW
    try:
        return os.open(_checked(name), flags, dir_fd=above)
    except FileNotFoundError:
        if not make:
            raise
    try:
        os.mkdir(name, dir_fd=above)
        os.fsync(above)
    except FileExistsError:
        pass  # another worker made it first
    return os.open(name, flags, dir_fd=above)


def _checked(name: str) -> str:
    if name in ("", ".", "..") or "\0" in name:
        raise OSError(errno.EINVAL, "not a name inside a folder", name)
    return name


def _renameat2(source: Spot, target: Spot) -> None:
    done = _libc.renameat2(
        source.folder, os.fsencode(source.name), target.folder, os.fsencode(target.name), _RENAME_NOREPLACE
    )
    if done != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), source.name, None, target.name)


def _link_or_look(source: Spot, target: Spot) -> None:
    try:
        os.link(
            source.name,
            target.name,
            src_dir_fd=source.folder,
            dst_dir_fd=target.folder,
            follow_symlinks=False,
        )
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EMLINK):
            raise
        if target.name in os.listdir(target.folder):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target.name) from error
        rename(source, target)
    else:
        if os.path.samestat(stat_at(source), stat_at(target)):  # else a new version has taken the name
            os.unlink(source.name, dir_fd=source.folder)
