"""Is this file whole: nobody is writing to it, no part of it is unwritten, and its format's end is there."""

import errno
import fcntl
import os
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from watchd.tree import Tree

_TAIL = 4096
_NOT_READY = (errno.EBUSY, errno.ETXTBSY, errno.EACCES, errno.EPERM, errno.ESTALE, errno.EAGAIN)


class Wholeness(Enum):
    """What the file itself says, from the best to the worst."""

    PROVEN = auto()  # its end is there, and the kernel says that nobody has it open for writing
    ENDED = auto()  # its end is there; writers on other hosts cannot be known
    PLAIN = auto()  # its format has no end to look for; nothing speaks against it
    DOUBTFUL = auto()  # zeros where an unwritten part would be, but black pixels look the same
    UNFINISHED = auto()  # its end is missing
    BUSY = auto()  # someone is writing, or it may not be read yet


@dataclass(frozen=True, slots=True)
class Finding:
    wholeness: Wholeness
    reason: str = ""


def inspect(tree: Tree, relative: str, local: bool) -> Finding:
    """Opens the file and looks at its ends; reads it through only where a JPEG has something behind its end.

    `local` says that every writer is a process of this kernel, so that the lease probe means something.
    Raises FileNotFoundError if it is gone.
    """
    try:
        handle = tree.open(relative)
    except OSError as error:
        if error.errno in _NOT_READY:
            return Finding(Wholeness.BUSY, f"it cannot be read yet: {os.strerror(error.errno)}")
        raise
    try:
        return _inspect(handle, local)
    except OSError as error:
        if error.errno in _NOT_READY:
            return Finding(Wholeness.BUSY, f"it cannot be read yet: {os.strerror(error.errno)}")
        raise
    finally:
        os.close(handle)


def _inspect(handle: int, local: bool) -> Finding:
    unwritten = _someone_writes(handle) if local else None
    if unwritten:
        return Finding(Wholeness.BUSY, "a program on this machine still has it open for writing")
    size = os.fstat(handle).st_size
    if size == 0:
        return Finding(Wholeness.UNFINISHED, "it is empty")
    head = os.pread(handle, 64, 0)
    for matches, ends, name, pixels_may_be_zero in _FORMATS:
        if matches(head):
            if _has_hole(handle, size) or (pixels_may_be_zero is not None and _zero_tail(handle, size)):
                verdict = Wholeness.DOUBTFUL if pixels_may_be_zero else Wholeness.UNFINISHED
                return Finding(verdict, f"a part of this {name} file was reserved and never written")
            if not ends(handle, size):
                return Finding(Wholeness.UNFINISHED, f"the end of the {name} file is missing")
            return Finding(Wholeness.ENDED if unwritten is None else Wholeness.PROVEN)
    return Finding(Wholeness.PLAIN)


def _someone_writes(handle: int) -> bool | None:
    """Whether a local process has the file open for writing; None where the kernel will not say.

    A read lease is granted only while there is no writer (fcntl(2), F_SETLEASE). It is given back at
    once, so that it never delays anyone's open. Who opens it for writing in that instant makes the
    kernel signal us: SIGURG does nothing by default, where the usual SIGIO would end the process.
    """
    fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _has_hole(handle: int, size: int) -> bool:
    try:
        return os.lseek(handle, 0, os.SEEK_HOLE) < size
    except OSError:
        return False  # a file system that cannot tell


def _zero_tail(handle: int, size: int) -> bool:
    tail = os.pread(handle, _TAIL, max(0, size - _TAIL))
    return size > _TAIL and tail.count(0) == len(tail)


def _jpeg_ends(handle: int, size: int) -> bool:
    """Walks the segments to the scan, then looks for EOI: in entropy-coded data FF D9 means nothing else.

    Phones append films and second pictures, so EOI need not be the last thing in the file.
    """
    at = 2
    while at + 4 <= size:
        marker, length = struct.unpack(">HH", os.pread(handle, 4, at))
        if marker == 0xFFFF:  # fill byte
            at += 1
        elif marker == 0xFFDA:
            return _find(handle, b"\xff\xd9", at, size)
        elif marker >> 8 != 0xFF:
            return False
        else:
            at += 2 + length
    return False


def _find(handle: int, needle: bytes, start: int, size: int) -> bool:
    if os.pread(handle, len(needle), size - len(needle)) == needle:
        return True
    step = 1 << 20
    return any(needle in os.pread(handle, step + len(needle) - 1, at) for at in range(start, size, step))


def _png_ends(handle: int, size: int) -> bool:
    at = 8
    while at + 12 <= size:
        length, kind = struct.unpack(">I4s", os.pread(handle, 8, at))
        at += 12 + length
        if kind == b"IEND":
            return bool(at <= size)
    return False


def _riff_ends(handle: int, size: int) -> bool:
    return size >= 8 + int.from_bytes(os.pread(handle, 4, 4), "little")


def _gif_ends(handle: int, size: int) -> bool:
    return b"\x3b" in os.pread(handle, 16, max(0, size - 16))  # some writers pad behind the trailer


def _bmp_ends(handle: int, size: int) -> bool:
    return size >= int.from_bytes(os.pread(handle, 4, 2), "little")


def _boxes_end(handle: int, size: int) -> bool:
    """ISO base media (AVIF): the boxes of the top level fill the file."""
    at = 0
    while at + 8 <= size:
        length = int.from_bytes(os.pread(handle, 4, at), "big")
        if length == 1:
            length = int.from_bytes(os.pread(handle, 8, at + 8), "big")
        if length == 0:
            return True  # to the end of the file
        if length < 8:
            return False
        at += length
    return at == size


def _tiff_ends(handle: int, size: int) -> bool:
    """Every strip and tile of every directory lies inside the file."""
    order = "<" if os.pread(handle, 2, 0) == b"II" else ">"
    at = _int(order, os.pread(handle, 4, 4))
    seen: set[int] = set()
    while at and at not in seen:
        seen.add(at)
        count = _int(order, os.pread(handle, 2, at))
        entries = os.pread(handle, 12 * count, at + 2)
        if len(entries) < 12 * count or at + 6 + 12 * count > size:
            return False
        if not _parts_inside(handle, order, entries, size):
            return False
        at = _int(order, os.pread(handle, 4, at + 2 + 12 * count))
    return True


def _parts_inside(handle: int, order: str, entries: bytes, size: int) -> bool:
    numbers: dict[int, list[int]] = {}
    for i in range(0, len(entries), 12):
        tag, kind, count = struct.unpack_from(order + "HHI", entries, i)
        if tag in (273, 279, 324, 325):  # strip offsets and byte counts, tile offsets and byte counts
            width = {3: 2, 4: 4}.get(kind, 0)
            inline = entries[i + 8 : i + 12]
            raw = inline if width * count <= 4 else os.pread(handle, width * count, _int(order, inline))
            if not width or len(raw) < width * count:
                return False
            numbers[tag] = [_int(order, raw[k * width : (k + 1) * width]) for k in range(count)]
    offsets = numbers.get(273, []) + numbers.get(324, [])
    lengths = numbers.get(279, []) + numbers.get(325, [])
    return all(offset + length <= size for offset, length in zip(offsets, lengths, strict=False))


def _int(order: str, raw: bytes) -> int:
    return int.from_bytes(raw, "little" if order == "<" else "big")


_Matches = Callable[[bytes], bool]
_Ends = Callable[[int, int], bool]

# Signature, end, name, and whether a zero tail may be black pixels (None: its end proves the tail).
_FORMATS: tuple[tuple[_Matches, _Ends, str, bool | None], ...] = (
    (lambda head: head.startswith(b"\xff\xd8\xff"), _jpeg_ends, "JPEG", None),
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), _png_ends, "PNG", None),
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", _riff_ends, "WebP", False),
    (lambda head: head[:4] in (b"II*\0", b"MM\0*"), _tiff_ends, "TIFF", True),
    (lambda head: head[:6] in (b"GIF87a", b"GIF89a"), _gif_ends, "GIF", None),
    (lambda head: head[:2] == b"BM", _bmp_ends, "BMP", True),
    (lambda head: head[4:8] == b"ftyp", _boxes_end, "AVIF", False),
)
