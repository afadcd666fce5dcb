"""Has a part of this file never been written? Asked of the file system, not of the bytes."""

import errno
import fcntl
import os
import struct

# linux/fiemap.h: start, length, flags, extents mapped, room for extents; then of each extent
# its place in the file and on disk, its length, and its flags.
_FS_IOC_FIEMAP = 0xC020660B
_REQUEST = struct.Struct("=QQLLLL")
_EXTENT = struct.Struct("=QQQQQLLLL")
_SYNC_FIRST = 0x1
_LAST, _UNWRITTEN = 0x1, 0x800
_AT_A_TIME = 64
_MOST_EXTENTS = 100_000


def has_hole(handle: int, size: int) -> bool:
    """Whether some of its first `size` bytes were skipped, or reserved and never filled.

    Where the file system cannot tell, there is none. The next read starts at the beginning.
    """
    try:
        first = os.lseek(handle, 0, os.SEEK_HOLE)
    except OSError:
        return False
    os.lseek(handle, 0, os.SEEK_SET)
    if first < size:
        return True
    # What was reserved counts as data there once somebody has read it, and be it this program's last
    # look. The map of extents knows better; but bytes just written look reserved until they are on disk.
    return _has_reserved(handle, size, 0) and _has_reserved(handle, size, _SYNC_FIRST)


def _has_reserved(handle: int, size: int, flags: int) -> bool:
    at = 0
    for _ in range(_MOST_EXTENTS // _AT_A_TIME):
        request = bytearray(_REQUEST.size + _AT_A_TIME * _EXTENT.size)
        _REQUEST.pack_into(request, 0, at, size - at, flags, 0, _AT_A_TIME, 0)
        try:
            fcntl.ioctl(handle, _FS_IOC_FIEMAP, request)
        except OSError as error:
            if error.errno in (errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADR):
                return False
            raise
        found = _REQUEST.unpack_from(request)[3]
        for number in range(found):
            start, _, length, _, _, kind, *_ = _EXTENT.unpack_from(
                request, _REQUEST.size + number * _EXTENT.size
            )
            if kind & _UNWRITTEN and start < size:
                return True
            if kind & _LAST:
                return False
            at = start + length
        if not found or at >= size:
            return False
    return False
