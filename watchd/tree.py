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
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

NAME_MAX = 255

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_RENAME_NOREPLACE = 1
_MOST_KNOWN = 10_000
_libc = ctypes.CDLL(None, use_errno=True)


class Spot(NamedTuple):
    """A name in an open folder, whether or not something stands there."""

    folder: int
    name: str

    def beside(self, name: str) -> "Spot":
        return Spot(self.folder, name)


class Tree:
    """Any thread; holds nothing open between calls, so a share may go and come back.

    What is made here is given its mode, owner and group by `rights`, as an open file or folder; without it
    what the umask leaves.
    """

    def __init__(self, root: Path, rights: Callable[[int], object] = lambda _: None) -> None:
        self.root = root
        self._rights = rights
        # Folders whose names are on the disk for certain, by device and inode.
        self._known_folders: set[tuple[int, int]] = set()

    def __repr__(self) -> str:
        return f"Tree({str(self.root)!r})"

    @contextlib.contextmanager
    def folder(self, relative: str = "", make: bool = False) -> Iterator[int]:
        """A descriptor of the folder at `relative`; `make` creates what is missing, durably."""
        handle = os.open(self.root, _FOLDER)
        try:
            for name in filter(None, relative.split("/")):
                deeper = self._open_to_stay(handle, name) if make else _open_folder(handle, name)
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

    def give_rights(self, handle: int) -> None:
        """To what was made here."""
        self._rights(handle)

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

    def files(self, below: str = "") -> Iterator[str]:
        """The paths of all that is no folder, in no order; lazily, for there may be very many. Holds one
        descriptor. What vanishes or becomes a link meanwhile is passed over.
        """
        waiting = [below]
        while waiting:
            above = waiting.pop()
            with (
                contextlib.suppress(FileNotFoundError, NotADirectoryError),
                self.folder(above) as handle,
                os.scandir(handle) as entries,
            ):
                for entry in entries:
                    path = f"{above}/{entry.name}" if above else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(path)
                    else:
                        yield path

    def names(self, folder: str) -> list[str]:
        """Of all that lies in it; none if it is no folder."""
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), self.folder(folder) as handle:
            return os.listdir(handle)
        return []

    def unlink(self, relative: str) -> None:
        """Removes a file; one that is gone already is no error."""
        with contextlib.suppress(FileNotFoundError), self.parent(relative) as spot:
            os.unlink(spot.name, dir_fd=spot.folder)

    def _open_to_stay(self, above: int, name: str) -> int:
        """Opens a folder, makes it if need be, and sees to it that its name survives a power cut.

        Also if it is there already: who made it may not have come as far as the fsync.
        """
        try:
            handle = _open_folder(above, name)
        except FileNotFoundError:
            handle = self._make_folder(above, name)
        try:
            found = os.fstat(handle)
            if (found.st_dev, found.st_ino) not in self._known_folders:
                sync_folder(above)
                if len(self._known_folders) >= _MOST_KNOWN:
                    self._known_folders.clear()
                self._known_folders.add((found.st_dev, found.st_ino))
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _make_folder(self, above: int, name: str) -> int:
        made = True
        try:
            os.mkdir(name, dir_fd=above)
        except FileExistsError:
            made = False  # another worker made it first
        handle = _open_folder(above, name)
        try:
            if made:
                self._known_folders.discard((os.fstat(handle).st_dev, os.fstat(handle).st_ino))
                self.give_rights(handle)
        except BaseException:
            os.close(handle)
            raise
        return handle


def open_at(spot: Spot, flags: int) -> int:
    """A descriptor of what stands there; a link is refused."""
    return os.open(spot.name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode=0o666, dir_fd=spot.folder)


def stat_at(spot: Spot) -> os.stat_result:
    return os.stat(spot.name, dir_fd=spot.folder, follow_symlinks=False)


def names_in(handle: int) -> list[str]:
    """Of an open folder as it is now: on btrfs a descriptor does not list what came after it was opened."""
    anew = os.open(".", _FOLDER, dir_fd=handle)
    try:
        return os.listdir(anew)
    finally:
        os.close(anew)


def sync_folder(handle: int) -> None:
    """Forces the names in a folder to the disk; where the file system cannot (vboxsf), nothing can."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise


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


def _open_folder(above: int, name: str) -> int:
    return os.open(_checked(name), _FOLDER | os.O_NOFOLLOW, dir_fd=above)


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
        if target.name in names_in(target.folder):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target.name) from error
        rename(source, target)
    else:
        if os.path.samestat(stat_at(source), stat_at(target)):  # else a new version has taken the name
            os.unlink(source.name, dir_fd=source.folder)
