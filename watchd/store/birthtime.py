"""When a file was made, which Python's own stat does not tell on Linux."""

import ctypes
import os
import struct

_NO_FOLLOW = 0x100  # AT_SYMLINK_NOFOLLOW
_BIRTH = 0x800  # STATX_BTIME
_MASK_AT, _BIRTH_AT, _SIZE = 0, 80, 256  # in struct statx, the same on every machine
_statx = getattr(ctypes.CDLL(None, use_errno=True), "statx", None)  # glibc since 2.28, musl since 1.2.5


def born_s(folder: int, name: str) -> float | None:
    """Seconds since the epoch; None where the file system keeps no such time (NFS) or the file is gone."""
    buffer = ctypes.create_string_buffer(_SIZE)
    if _statx is None or _statx(folder, os.fsencode(name), _NO_FOLLOW, _BIRTH, buffer) != 0:
        return None
    [known] = struct.unpack_from("=I", buffer, _MASK_AT)
    if not known & _BIRTH:
        return None
    seconds, nanoseconds = struct.unpack_from("=qI", buffer, _BIRTH_AT)
    return float(seconds + nanoseconds / 1e9)
