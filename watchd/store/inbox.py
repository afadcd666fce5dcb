"""Opens a source only if it is still the settled one; what becomes of it afterwards."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader

from watchd.domain.errors import SourceChanged, SourceGone
from watchd.domain.job import SourceFile, Stamp
from watchd.domain.profile import After
from watchd.store.atomic import move, remove
from watchd.tree import Tree, fitting

_LAST_NUMBER = 99999

# A link, a folder or a FIFO has taken the name, or it may not be read any more.
_SOMETHING_ELSE = (errno.ELOOP, errno.ENOTDIR, errno.EINVAL, errno.ENXIO, errno.EACCES, errno.EPERM)


class Inbox:
    """The inbox of one watch folder and the originals that have left it. Any thread."""

    def __init__(self, tree: Tree, originals: Tree, after: After) -> None:
        self._tree = tree
        self._originals = originals
        self._after = after

    @contextmanager
    def open(self, source: SourceFile) -> Iterator[BufferedReader]:
        """The source's bytes. Raises SourceGone or SourceChanged, also on leaving if it changed meanwhile."""
        try:
            handle = self._tree.open(source.relative)
        except FileNotFoundError as error:
            raise SourceGone(f"{source.relative} left the inbox before it was read") from error
        except OSError as error:
            if error.errno not in _SOMETHING_ELSE:
                raise
            raise SourceChanged(f"{source.relative} is no longer what it was: {error.strerror}") from error
        with os.fdopen(handle, "rb") as file:
            _must_equal(source, Stamp.of(os.fstat(handle)))
            try:
                yield file
            finally:  # what went wrong in between may have gone wrong because the file changed
                _must_equal(source, Stamp.of(os.fstat(handle)))

    def confirm(self, source: SourceFile) -> None:
        """Raises unless the settled file, unchanged, is what stands at its path now."""
        try:
            _must_equal(source, Stamp.of(self._tree.stat(source.relative)))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SourceGone(f"{source.relative} left the inbox while it was worked on") from error

    def retire(self, source: SourceFile, token: str) -> str:
        """What the config says of originals whose cutout is safely on disk. Twice does no harm.

        Gives the path of the original where it is now, in the inbox or the originals; empty if in neither.
        """
        if self._after is After.KEEP:
            return source.relative
        if not self._is_still(source):
            return ""
        if self._after is After.DELETE:
            remove(self._tree, source, token)
            return ""
        return move(self._tree, source, self._originals, numbered(source.relative), token)

    def _is_still(self, source: SourceFile) -> bool:
        try:
            return Stamp.of(self._tree.stat(source.relative)) == source.stamp
        except (FileNotFoundError, NotADirectoryError):
            return False


def numbered(relative: str) -> Iterator[str]:
    """`a.jpg`, `a-2.jpg`, `a-3.jpg`, …"""
    above, _, name = relative.rpartition("/")
    folder = f"{above}/" if above else ""
    stem, suffix = os.path.splitext(name)
    yield relative
    for number in range(2, _LAST_NUMBER):
        yield folder + fitting(stem, f"-{number}{suffix}")


def _must_equal(source: SourceFile, now: Stamp) -> None:
    if now != source.stamp:
        raise SourceChanged(f"{source.relative} changed while it was worked on")
