"""When an entry was last of use: its mtime, since no file system can be relied on to keep an atime."""

import contextlib
import os

_OFTEN_ENOUGH_S = 3600.0  # times to live are days, and a touch is a write


def refresh_last_use(handle: int, now_s: float) -> None:
    """At most hourly, by the file server's own clock; a folder that we may only read stays as it is."""
    if now_s - os.fstat(handle).st_mtime > _OFTEN_ENOUGH_S:
        with contextlib.suppress(OSError):
            os.utime(handle)
