"""One watch folder's places on disk, opened: what the line needs of them in one value."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from watchd.domain.errors import FolderError
from watchd.domain.profile import After, WatchFolder
from watchd.store.asides import Asides, put_back_aside
from watchd.store.atomic import clear_temp
from watchd.store.claims import FileClaims
from watchd.store.failed import FailedFolder
from watchd.store.inbox import Inbox
from watchd.store.outbox import Outbox
from watchd.store.receipts import Receipt, Receipts
from watchd.store.rights import FolderRights
from watchd.store.staging import Staging
from watchd.tree import Tree, sync_folder

_OF_OTHERS = ("inbox", "sidecar")  # where others put files, and what is not for them


@dataclass(frozen=True, slots=True)
class Places:
    inbox: Inbox
    outbox: Outbox
    staging: Staging
    failed: FailedFolder
    receipts: Receipts
    claims: FileClaims
    asides: Asides
    trees: tuple[Tree, Tree, Tree, Tree]

    @classmethod
    def of(cls, folder: WatchFolder, lease_s: float) -> Self:
        inbox, sidecar = Tree(folder.inbox), Tree(folder.sidecar)
        rights = FolderRights(folder)
        outbox, originals, failed = (
            Tree(place, rights.give) for place in (folder.outbox, folder.originals, folder.failed)
        )
        receipts, claims = Receipts(sidecar), FileClaims(sidecar, lease_s)
        staging = Staging(outbox, claims, receipts)
        return cls(
            inbox=Inbox(inbox, originals, folder.after),
            outbox=Outbox(outbox, staging, folder.batch_of),
            staging=staging,
            failed=FailedFolder(failed, inbox, folder.after),
            receipts=receipts,
            claims=claims,
            asides=Asides(inbox, receipts, claims),
            trees=(inbox, outbox, originals, failed),
        )

    def clear_after(self, killed: Receipt) -> None:
        """Removes the temps of an attempt that never came to an end."""
        inbox, outbox, originals, failed = self.trees
        put_back_aside(inbox, killed)
        clear_temp(originals, killed.relative, killed.token)
        clear_temp(failed, killed.relative, killed.token)
        if killed.output:
            clear_temp(outbox, self.staging.spot_of(killed), killed.token)


def prepare(folder: WatchFolder) -> None:
    """Makes the folders that are missing; FolderError for one that cannot be made or used.

    ConfigError: what is made cannot be given to the group that is configured.
    """
    rights = FolderRights(folder)
    rights.must_be_ours_to_give()
    for key, path in folder.places().items():
        try:
            if not path.is_dir():
                _make(path, None if key in _OF_OTHERS else rights)
        except OSError as error:
            raise FolderError(f"{key} {path}: cannot be made: {error.strerror}") from error
        read_only = key == "inbox" and folder.after is After.KEEP
        wanted = os.R_OK | os.X_OK | (0 if read_only else os.W_OK)
        if not os.access(path, wanted):
            what = "read" if read_only else "read and written"
            raise FolderError(f"{key} {path}: cannot be {what} by this user; change its owner or mode")


def _make(path: Path, rights: FolderRights | None) -> None:
    """Durably, with the folders above; what lies in one that a power cut takes away is lost with it."""
    for each in reversed([path, *path.parents]):
        if not each.is_dir():
            each.mkdir(exist_ok=True)
            with _opened(each.parent) as above:
                sync_folder(above)
    if rights is not None:
        with _opened(path) as handle:
            rights.give(handle)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


def free_bytes(path: Path) -> int:
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize
