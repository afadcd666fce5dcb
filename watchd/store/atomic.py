"""A file appears whole or not at all: temp beside the target, fsync, look again, rename, fsync."""

import contextlib
import errno
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from watchd.domain.errors import SourceChanged, SourceGone
from watchd.domain.job import SourceFile, Stamp
from watchd.store.filecopy import copy_content
from watchd.store.rights import Rights
from watchd.store.storedfile import BadEntry, StoredFile
from watchd.tree import Spot, Tree, open_at, rename, rename_exclusive, stat_at, sync_folder

log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_AFRESH = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def temp_name(token: str) -> str:
    """Hidden, so that nobody watching the folder takes it for a file that is meant for him."""
    return f".watchd-{token}.tmp"


def is_temp_name(name: str) -> bool:
    return name.startswith(".watchd-") and name.endswith(".tmp")


def token_of(temp: str) -> str:
    """Of a temp's name, or of its path."""
    return temp.rpartition(".watchd-")[2].removesuffix(".tmp")


def clear_temp(tree: Tree, relative: str, token: str) -> None:
    """Removes what a process that was killed has left beside `relative`."""
    with contextlib.suppress(OSError), tree.parent(relative) as target:
        os.unlink(target.beside(temp_name(token)).name, dir_fd=target.folder)


def publish(
    tree: Tree,
    relative: str,
    content: bytes | StoredFile,
    token: str,
    replace: bool,
    confirm: Callable[[], None] = lambda: None,
) -> None:
    """Puts `content` at `relative`, durably: after this returns it survives a power cut.

    Without `replace` a name that is taken gives FileExistsError. What was written is read again before
    it gets its name, since a share may take a write that it does not keep; BadEntry says that what does
    not read back is the stored file itself. `confirm` is called at the very last moment, and raises if it
    shall not get its name after all.
    """
    with tree.parent(relative, make=True) as target:
        with _temp_beside(target, token) as temp:
            match content:
                case StoredFile():
                    _write_stored(tree, temp, content)
                case _:
                    _write(tree, temp, content, sync=True)
                    _compare(temp, content)
            confirm()
            (rename if replace else rename_exclusive)(temp, target)
        sync_folder(target.folder)


def replace_quickly(tree: Tree, relative: str, data: bytes, token: str, sync: bool = False) -> None:
    """Like `publish`, whole for every reader, but not forced to the disk: for what can be told again.

    With `sync` a power cut leaves the old content or the new one; without, it may leave neither.
    """
    with tree.parent(relative, make=True) as target, _temp_beside(target, token) as temp:
        _write(tree, temp, data, sync)
        rename(temp, target)


def move(tree: Tree, source: SourceFile, target: Tree, candidates: Iterable[str], token: str) -> str:
    """Moves exactly this settled file to the first of `candidates` that is free, durably; returns that one.

    Within one file system it is one rename. Across two it is copy, fsync, look again, rename, and only
    then is the source removed. SourceChanged if another file stands at its path by now, SourceGone if none.
    After any other error the source is still in its place.
    """
    for candidate in candidates:
        try:
            _move_to(tree, source, target, candidate, token)
        except FileNotFoundError as error:
            if tree.exists(source.relative):
                raise  # then it is the target folder that is gone
            raise SourceGone(f"{source.relative} left before it could be moved") from error
        except FileExistsError:
            if is_moved_by_half(tree, source, target, candidate):
                with target.parent(candidate) as there:
                    sync_folder(there.folder)  # what was cut short may have been cut before this
                remove(tree, source, token)
                return candidate
        else:
            return candidate
    raise FileExistsError(errno.EEXIST, "no free name is left", source.relative)


def is_moved_by_half(tree: Tree, source: SourceFile, target: Tree, candidate: str) -> bool:
    """Whether `candidate` is the source already: a move by hard link or by copy that was cut short."""
    try:
        there, here = target.stat(candidate), tree.stat(source.relative)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if there.st_dev == here.st_dev:
        return there.st_ino == here.st_ino
    if (there.st_size, there.st_mtime_ns) != (here.st_size, here.st_mtime_ns) or not stat.S_ISREG(
        there.st_mode
    ):
        return False
    with os.fdopen(tree.open(source.relative), "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return same_content(target, candidate, sha256)


def remove(tree: Tree, source: SourceFile, token: str) -> None:
    """Removes exactly this settled file; SourceChanged if another one has taken its name, which stays.

    It is renamed and looked at before it is removed: between a look and an unlink a new version could come.
    """
    with tree.parent(source.relative) as here:
        aside = here.beside(temp_name(token))
        rename(here, aside)
        try:
            _put_back_unless(source, aside, here)
        finally:  # put back, it is gone from there; and what cannot be put back has been replaced twice
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside.name, dir_fd=aside.folder)


def same_content(tree: Tree, relative: str, sha256: str) -> bool:
    """Whether a regular file of that digest stands at `relative`."""
    try:
        with os.fdopen(tree.open(relative), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def is_this(source: SourceFile, spot: Spot) -> bool:
    """Whether what stands there is the settled source, under whatever name."""
    found, stamp = stat_at(spot), source.stamp
    # A rename sets the ctime.
    return (found.st_ino, found.st_size, found.st_mtime_ns) == (stamp.inode, stamp.size, stamp.mtime_ns)


@contextlib.contextmanager
def _temp_beside(target: Spot, token: str) -> Iterator[Spot]:
    """Where to write first; whatever goes wrong, nothing stays there."""
    temp = target.beside(temp_name(token))
    try:
        yield temp
    except BaseException:
        with contextlib.suppress(OSError):  # the error that led here matters more
            os.unlink(temp.name, dir_fd=temp.folder)
        raise


def _write(tree: Tree, temp: Spot, data: bytes, sync: bool) -> None:
    with os.fdopen(open_at(temp, _AFRESH), "wb", buffering=0) as file:
        tree.give_rights(file.fileno())
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        if sync:
            os.fsync(file.fileno())


def _write_stored(tree: Tree, temp: Spot, stored: StoredFile) -> None:
    """A failed read and a failed write look alike: whose fault it was, a second look at the source tells."""
    try:
        with os.fdopen(open_at(temp, _AFRESH), "wb", buffering=0) as file:
            tree.give_rights(file.fileno())
            copy_content(stored.handle, file.fileno(), stored.size)
            os.fsync(file.fileno())
        _verify(temp, stored.size, bytes.fromhex(stored.sha256))
    except OSError as error:
        if stored.is_sound():
            raise
        raise BadEntry(errno.EIO, "the cache's copy is damaged", stored.relative) from error


def _compare(temp: Spot, data: bytes) -> None:
    """Like `_verify`, in a third of the time, where the bytes are at hand."""
    done = 0
    with os.fdopen(open_at(temp, os.O_RDONLY), "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            if chunk != data[done : done + len(chunk)]:
                raise _another(temp)
            done += len(chunk)
    if done != len(data):
        raise _another(temp)


def _verify(temp: Spot, size: int, sha256: bytes) -> None:
    with os.fdopen(open_at(temp, os.O_RDONLY), "rb") as file:
        if os.fstat(file.fileno()).st_size != size or hashlib.file_digest(file, "sha256").digest() != sha256:
            raise _another(temp)


def _another(temp: Spot) -> OSError:
    return OSError(errno.EIO, "what was written does not read back the same", temp.name)


def _move_to(tree: Tree, source: SourceFile, target: Tree, candidate: str, token: str) -> None:
    with tree.parent(source.relative) as here, target.parent(candidate, make=True) as there:
        try:
            rename_exclusive(here, there)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _copy(here, there, source, token)
            sync_folder(there.folder)
            with contextlib.suppress(SourceChanged, FileNotFoundError):  # a new version has come: it stays
                remove(tree, source, token)
            _try_to_sync(here)
        else:
            _put_back_unless(source, there, here)
            _try_to_sync(there)
            _try_to_sync(here)


def _try_to_sync(spot: Spot) -> None:
    """Of a move that has happened: should a power cut undo it, the source is only worked on once more."""
    try:
        sync_folder(spot.folder)
    except OSError as error:
        log.warning("a move may not survive a power cut", extra={"path": spot.name, "reason": str(error)})


def _put_back_unless(source: SourceFile, there: Spot, here: Spot) -> None:
    """A new version may have taken the name just before the rename: it has not been worked on."""
    if not is_this(source, there):
        with contextlib.suppress(FileExistsError):  # replaced once more: the newest is in its place
            rename_exclusive(there, here)
        raise SourceChanged(f"{source.relative} was replaced while it was moved")


def _copy(here: Spot, there: Spot, source: SourceFile, token: str) -> None:
    original = os.fdopen(open_at(here, os.O_RDONLY | os.O_NONBLOCK), "rb")
    with original, _temp_beside(there, token) as temp:
        _must_be_unchanged(source, original)
        digest = _copy_content(original, temp)
        times = (source.stamp.mtime_ns, source.stamp.mtime_ns)
        os.utime(temp.name, ns=times, dir_fd=temp.folder, follow_symlinks=False)
        _verify(temp, source.stamp.size, digest)
        _must_be_unchanged(source, original)
        rename_exclusive(temp, there)


def _must_be_unchanged(source: SourceFile, original: BinaryIO) -> None:
    if Stamp.of(os.fstat(original.fileno())) != source.stamp:
        raise SourceChanged(f"{source.relative} changed while it was moved")


def _copy_content(original: BinaryIO, temp: Spot) -> bytes:
    digest = hashlib.sha256()
    with os.fdopen(open_at(temp, _AFRESH), "wb") as copy:
        Rights.of(original.fileno()).give(copy.fileno())
        while chunk := original.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    return digest.digest()
