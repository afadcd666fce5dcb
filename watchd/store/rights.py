"""Mode, owner and group of what watchd makes: by the umask, after the inbox, or as the configuration says."""

import errno
import grp
import logging
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Self

from watchd.domain.errors import ConfigError
from watchd.domain.profile import Permissions, WatchFolder

log = logging.getLogger(__name__)

_NOT_ALLOWED = (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


class Rights(NamedTuple):
    """What a file or folder is given; None stays as it is."""

    mode: int | None = None
    owner: int | None = None
    group: int | None = None

    @classmethod
    def of(cls, example: Path | int) -> Self:
        found = os.stat(example)
        return cls(stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)

    def give(self, handle: int) -> str:
        """To an open file (which nobody gets to execute) or folder, as far as we may and the disk can.

        Says what was refused, or "". A folder keeps its set-group-ID bit.
        """
        owner = self.owner if self.owner is not None and os.geteuid() == 0 else -1
        group = -1 if self.group is None else self.group
        refused = ""
        if (owner, group) != (-1, -1):  # before the mode: it clears set-group-ID
            refused = _refused(lambda: os.fchown(handle, owner, group))
        if self.mode is not None:
            found = os.fstat(handle).st_mode
            mode = self.mode | found & stat.S_ISGID if stat.S_ISDIR(found) else self.mode & 0o666
            refused = _refused(lambda: os.fchmod(handle, mode)) or refused
        return refused


class FolderRights:
    """What all gets that watchd makes in outbox, originals and failed of one watch folder. Any thread."""

    def __init__(self, folder: WatchFolder) -> None:
        """ConfigError: there is no such group."""
        self._name = folder.name
        self._example = folder.inbox if folder.permissions is Permissions.INHERIT else None
        self._group_name, self._group = folder.group, _group_id(folder)
        self._mode = None if folder.mode is None else _with_folders_open(folder.mode)
        self._untold = threading.Lock()

    def must_be_ours_to_give(self) -> None:
        """ConfigError: this process may give nothing to the group."""
        if self._group is None or os.geteuid() == 0 or self._group in {os.getegid(), *os.getgroups()}:
            return
        raise ConfigError(
            f"watch[].group: {self._group_name} is not a group of the user that watchd runs as (uid "
            f"{os.geteuid()}); add it (usermod -aG, SupplementaryGroups= of the unit), or name another"
        )

    def give(self, handle: int) -> None:
        """Never fails for it: a cutout is worth more than its mode. What is refused is told once."""
        wanted = Rights.of(self._example) if self._example else Rights()
        if self._mode is not None:
            wanted = wanted._replace(mode=self._mode)
        if self._group is not None:
            wanted = wanted._replace(group=self._group)
        refused = wanted.give(handle)
        if refused and self._untold.acquire(blocking=False):
            log.warning(
                "what is made keeps the mode or group that it has",
                extra={"folder": self._name, "reason": refused},
            )


def _group_id(folder: WatchFolder) -> int | None:
    """By name, or by a number, which needs no name here: in a container few groups have one."""
    if folder.group is None:
        return None
    try:
        return int(folder.group) if folder.group.isdecimal() else grp.getgrnam(folder.group).gr_gid
    except KeyError as error:
        raise ConfigError(
            f"watch[].group: there is no group {folder.group!r} here; make it (groupadd), or name another"
        ) from error


def _with_folders_open(mode: int) -> int:
    """Whoever may read a folder may enter it."""
    return mode | (mode & 0o444) >> 2


def _refused(change: Callable[[], None]) -> str:
    """SMB, FAT and other users' groups know no such change."""
    try:
        change()
    except OSError as error:
        if error.errno not in _NOT_ALLOWED:
            raise
        return error.strerror or str(error)
    return ""
