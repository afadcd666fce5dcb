"""The failed folder: an original that could not be processed, and NAME.error.json beside it."""

import errno
import json
import os
from collections.abc import Iterator
from typing import Any

from watchd.domain.job import SourceFile, Stamp
from watchd.domain.profile import After
from watchd.store.atomic import is_moved_by_half, is_temp_name, move, publish
from watchd.store.inbox import numbered
from watchd.tree import Tree, fitting

_REPORT = ".error.json"
_MAX_BYTES = 1 << 20


class FailedFolder:
    """The failed folder of one watch folder. Any thread."""

    def __init__(self, tree: Tree, inbox: Tree, after: After) -> None:
        self._tree = tree
        self._inbox = inbox
        self._after = after

    def take(self, source: SourceFile, report: dict[str, Any], token: str) -> str:
        """Puts a report here and moves the source beside it; returns the source's path here.

        The report comes first, so that no file lies here unexplained whenever the process dies. With
        `after: keep` the original stays in the inbox and only the report comes.
        """
        text = json.dumps({"source": source.relative} | report, indent=2).encode("ascii") + b"\n"
        if self._after is After.KEEP:
            publish(self._tree, _report_path(source.relative), text, token, replace=True)
            return source.relative
        for path in numbered(source.relative):
            free = not self._tree.exists(path) or is_moved_by_half(self._inbox, source, self._tree, path)
            if free and self._reserve(path, source.relative, text, token):
                try:
                    return move(self._inbox, source, self._tree, [path], token)
                except BaseException:
                    if not self._tree.exists(path):
                        self._tree.unlink(_report_path(path))
                    raise
        raise FileExistsError(errno.EEXIST, "no free name is left", source.relative)

    def _reserve(self, path: str, relative: str, text: bytes, token: str) -> bool:
        """Puts the report where the file will be; refused while another source's report holds that name.

        Our own report without its file is what a kill in between has left.
        """
        report = _report_path(path)
        ours = self._tree.exists(report) and self._source_of(path) == relative
        try:
            publish(self._tree, report, text, token, replace=ours)
        except FileExistsError:
            return False
        return True

    def put_back(self, path: str, token: str) -> str:
        """Moves a file from here to its place in the inbox and drops its report; returns its path there."""
        file = SourceFile(path, Stamp.of(self._tree.stat(path)))
        back = move(self._tree, file, self._inbox, numbered(self._source_of(path)), token)
        self._tree.unlink(_report_path(path))
        return back

    def files(self) -> Iterator[str]:
        """The paths of the originals that lie here."""
        for path in self._tree.files():
            if not path.endswith(_REPORT) and not is_temp_name(path.rpartition("/")[2]):
                yield path

    def _source_of(self, path: str) -> str:
        """Which source the report beside `path` is about; `path` itself where the report does not say."""
        try:
            source = json.loads(self._tree.read(_report_path(path), _MAX_BYTES))["source"]
            os.fsencode(source)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return path
        return str(source)


def _report_path(path: str) -> str:
    above, _, name = path.rpartition("/")
    return (f"{above}/" if above else "") + fitting(name, _REPORT)
