"""Is this file whole: nobody is writing to it, no part of it is unwritten, and its format's end is there."""

import errno
import fcntl
import os
import signal
from dataclasses import dataclass
from enum import Enum, auto
from typing import BinaryIO

from watchd.intake.endings import format_of
from watchd.intake.holes import has_hole
from watchd.tree import Tree

_HEAD = 12
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
    written = _someone_writes(handle) if local else None
    if written:
        return Finding(Wholeness.BUSY, "a program on this machine still has it open for writing")
    size = os.fstat(handle).st_size
    if size == 0:
        return Finding(Wholeness.UNFINISHED, "it is empty")
    hole = has_hole(handle, size)
    with open(handle, "rb", buffering=1 << 16, closefd=False) as file:
        head = file.read(_HEAD)
        kind = format_of(head)
        if kind is None:
            return _unknown(head, hole)
        if hole or (kind.zero_tail and _zero_tail(file, size)):
            doubt = Wholeness.DOUBTFUL if kind.zero_tail == "black" else Wholeness.UNFINISHED
            return Finding(doubt, f"a part of this {kind.name} file was reserved and never written")
        if not kind.ends(file, size):
            return Finding(Wholeness.UNFINISHED, f"the end of the {kind.name} file is missing")
    return Finding(Wholeness.ENDED if written is None else Wholeness.PROVEN)


def _unknown(head: bytes, hole: bool) -> Finding:
    """Of a file that is of no known format: is it none, or has only its beginning not been written yet?"""
    if hole or not any(head):
        return Finding(Wholeness.UNFINISHED, "a part of this file was reserved and never written")
    if len(head) < _HEAD:
        return Finding(Wholeness.UNFINISHED, "it is shorter than any picture")
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


def _zero_tail(file: BinaryIO, size: int) -> bool:
    file.seek(max(0, size - _TAIL))
    return size > _TAIL and not any(file.read())
