"""Whether a watch folder is really there: an unmounted share is not an empty inbox.

The sentinel, a file of the sidecar with a random content, tells a share that has come back from another
file system at its place. Where no mount has changed, whatever was deleted or replaced was somebody's
wish, and what is missing is made anew.
"""

import contextlib
import os
import secrets
from collections.abc import Callable, Mapping

from watchd.domain.errors import WatchdError
from watchd.domain.profile import WatchFolder
from watchd.intake.mounts import Mount, mount_of, read_mounts

_Identity = tuple[int, int]


class Presence:
    """Asked before each step of the intake; one stat for each place while nothing has changed."""

    def __init__(
        self,
        folder: WatchFolder,
        make_places: Callable[[], None],
        mounts: Callable[[], str] = read_mounts,
    ) -> None:
        self._folder = folder
        self._make_places = make_places
        self._mounts = mounts
        self._sentinel = folder.sidecar / "sentinel"
        self._content = b""
        self._seen: Mapping[str, _Identity] = {}
        self._mounted = self._where()

    def absent(self) -> str:
        """Why the folder must not be worked on now, or "" """
        found = self._look()
        if found and found == self._seen:
            return ""
        try:
            return self._meet(found)
        except OSError as error:
            return f"{error.filename or self._folder.inbox}: {error.strerror}"
        except WatchdError as error:
            return str(error)

    def local(self) -> bool:
        """Whether only this kernel writes to the inbox, as of the last time that `absent` found a change."""
        return self._mounted["inbox"].local

    def _meet(self, found: Mapping[str, _Identity]) -> str:
        """Something has changed: is it still, or again, the watch folder?"""
        now = self._where()
        for key, mount in now.items():
            if reason := self._replaced(key, self._mounted[key], mount):
                return reason
        if "inbox" not in found:
            return f"{self._folder.inbox} is gone"
        if len(found) <= len(self._folder.places()):
            self._make_places()
        self._content = self._adopt_sentinel()
        self._mounted, self._seen = now, self._look()
        return ""

    def _replaced(self, key: str, before: Mount, now: Mount) -> str:
        """Why what is mounted there now is not what was there before; a mount on top of it came late."""
        if len(now.point) < len(before.point):
            return f"{before.point} is not mounted"
        if key not in ("inbox", "sidecar") or now.point != before.point or now.number == before.number:
            return ""
        if self._content and self._read_sentinel() != self._content:
            return f"what is mounted at {now.point} is not this watch folder: {self._sentinel} differs"
        return ""

    def _look(self) -> Mapping[str, _Identity]:
        """What stands at each place, and the sentinel; what is missing is left out."""
        found = {}
        for key, path in (*self._folder.places().items(), ("sentinel", self._sentinel)):
            with contextlib.suppress(OSError):
                stat = os.stat(path)
                found[key] = stat.st_dev, stat.st_ino
        return found

    def _where(self) -> dict[str, Mount]:
        text = self._mounts()
        return {key: mount_of(path, text) for key, path in self._folder.places().items()}

    def _read_sentinel(self) -> bytes:
        with contextlib.suppress(OSError), open(self._sentinel, "rb") as file:
            return file.read(64)
        return b""

    def _adopt_sentinel(self) -> bytes:
        """Its content, once it is written; a disk that is full has none for now."""
        with contextlib.suppress(OSError), open(self._sentinel, "xb") as file:
            file.write(secrets.token_hex(16).encode())
        return self._read_sentinel()
