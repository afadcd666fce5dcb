"""Originals that a kill has left aside, in the middle of their removal: each gets its name back.

`atomic.remove` renames a file before it looks at it and unlinks it, and may so have caught a new version.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress

from watchd.domain.job import SourceFile, source_key
from watchd.domain.ports import Claims
from watchd.store.atomic import is_temp_name, is_this, temp_name, token_of
from watchd.store.inbox import numbered
from watchd.store.receipts import Receipt, Receipts
from watchd.tree import Tree, rename_exclusive, sync_folder

log = logging.getLogger(__name__)


class Asides:
    """Of one watch folder."""

    def __init__(self, inbox: Tree, receipts: Receipts, claims: Claims) -> None:
        self._inbox = inbox
        self._receipts = receipts
        self._claims = claims

    def put_back(self) -> None:
        """Leaves alone what somebody works on, and what no receipt knows. OSError: the disk."""
        found = {token_of(path): path for path in self._asides()}
        if not found:
            return
        self._claims.sweep()  # of the dead
        for receipt in list(self._receipts.all()):
            if receipt.token in found and not self._holds(receipt):
                del found[receipt.token]
                put_back_aside(self._inbox, receipt)
        for path in found.values():
            log.debug("left aside by someone else", extra={"path": path})

    def _asides(self) -> Iterator[str]:
        return (path for path in self._inbox.files() if is_temp_name(path.rpartition("/")[2]))

    def _holds(self, receipt: Receipt) -> bool:
        return self._claims.holds(source_key(receipt.relative), receipt.token)


def put_back_aside(inbox: Tree, receipt: Receipt) -> None:
    """Nothing where nothing was left. A newer version that has the name by now keeps it: then what lies aside
    is the one that was removed for good, or, if it is not, it gets another name."""
    with suppress(FileNotFoundError), inbox.parent(receipt.relative) as here:
        aside = here.beside(temp_name(receipt.token))
        try:
            rename_exclusive(aside, here)
        except FileExistsError:
            if is_this(SourceFile(receipt.relative, receipt.stamp), aside):
                os.unlink(aside.name, dir_fd=aside.folder)
                return
            for name in numbered(here.name):
                with suppress(FileExistsError):
                    rename_exclusive(aside, here.beside(name))
                    break
        sync_folder(here.folder)
        log.info("original put back", extra={"path": receipt.relative})
