"""Pictures decoded in child processes: a decoder that crashes or hangs costs one file, not the daemon."""

import contextlib
import fcntl
import mmap
import os
import signal
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, BinaryIO, Self

from watchd.domain.errors import RejectedImage, TryAgain
from watchd.imaging.child import Child, Request
from watchd.imaging.decode import Picture
from watchd.imaging.parcel import BYTES_A_PIXEL, room_for, take_up


class IsolatedDecoders:
    """As many children as there are callers at a time, started when they are needed. Any thread.

    Entered before the workers and left after them. `open_picture` is used as decode's own: what it gives
    holds no child; `load` asks the next one that is free.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._children_guard = threading.Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._children_guard:
            self._closed = True
            idle, busy = self._idle, set(self._busy)
            self._idle = []
        for child in idle:
            child.end()
        for child in busy:  # whoever uses it sees it die, and ends it
            child.kill()

    def open_picture(
        self, file: BinaryIO, name: str, max_pixels: int, inputs: tuple[str, ...]
    ) -> "IsolatedHeader":
        """Raises as decode's own, and RejectedImage for a file that kills or holds its decoder."""
        request = Request(file.fileno(), name, max_pixels, inputs)
        facts = self.ask(request)
        width, height = map(int, facts["size"])
        if min(width, height) < 1 or width * height > max_pixels:
            raise ValueError(f"{name}: the decoder answered with {width}×{height} pixels")
        return IsolatedHeader(self, request, width * height, int(facts["peak"]))

    def ask(self, request: Request, memory: int | None = None) -> dict[str, Any]:
        """Blocks until a child has answered or is given up."""
        with self._child() as child:
            try:
                answer = child.ask(request, memory, self._timeout_s)
            except TimeoutError:
                raise self._stuck(child, request) from None
            except ConnectionError:
                raise self._dead(child, request.name) from None
        match answer:
            case {"rejected": reason, "advice": advice}:
                raise RejectedImage(str(reason), str(advice))
            case {"again": reason}:
                raise TryAgain(str(reason))
            case {"greedy": limit}:
                text = (
                    f"{request.name}: its decoding wants more memory than such a picture may ({limit} bytes)"
                )
                raise RejectedImage(text, _ADVICE)
            case {"bug": trace}:
                raise RuntimeError(f"the decoder failed:\n{trace}")
            case _:
                return answer

    @contextlib.contextmanager
    def _child(self) -> Iterator[Child]:
        """One that lives, for the caller alone; one that did not answer is not used again."""
        with self._children_guard:
            if self._closed:
                raise TryAgain("the daemon is stopping")
            child = self._idle.pop() if self._idle else None
        if child is not None and not child.alive:  # it died while nobody asked it for anything
            child.end()
            child = None
        child = child or Child(self._timeout_s)
        with self._children_guard:
            self._busy.add(child)
        try:
            yield child
        except BaseException:
            child.end()
            raise
        finally:
            with self._children_guard:
                self._busy.discard(child)
                keep = child.alive and not self._closed
                if keep:
                    self._idle.append(child)
            if not keep:
                child.end()

    def _stuck(self, child: Child, request: Request) -> RejectedImage | TryAgain:
        """Who is to blame, the file or the disk under it? OSError: the disk."""
        asleep = child.state == "D"
        child.end()
        if asleep:
            return TryAgain(f"{request.name}: cannot be read: its disk or share does not answer")
        _read_through(request.file)
        text = f"{request.name}: its decoding took longer than {self._timeout_s:g} s (limits.decode_timeout)"
        return RejectedImage(text, f"Raise limits.decode_timeout if the machine is slow. {_ADVICE}")

    def _dead(self, child: Child, name: str) -> Exception:
        code = child.end()
        if self._closed:
            return TryAgain("the daemon is stopping")
        if code == -signal.SIGKILL:  # somebody's doing, or the kernel's because memory ran out: perhaps
            return RuntimeError(f"{name}: its decoder was killed")  # not this file's fault, so tried again
        how = f"died of {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
        return RejectedImage(f"{name}: the decoder {how}", _ADVICE)


_ADVICE = "The file may be made to harm; if you trust it, open it in another program and export it again."


def _read_through(handle: int) -> None:
    at = 0
    while data := os.pread(handle, 1 << 20, at):
        at += len(data)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class IsolatedHeader:
    """What is known of a picture before its pixels are decoded, by another process."""

    def __init__(self, decoders: IsolatedDecoders, request: Request, pixels: int, peak_bytes: int) -> None:
        self.pixels = pixels
        self.peak_bytes = peak_bytes + BYTES_A_PIXEL * pixels
        self._decoders = decoders
        self._request = request

    def load(self) -> Picture:
        with _shared(room_for(self.pixels)) as (handle, room):
            facts = self._decoders.ask(self._request, handle)
            return take_up(facts, room)


@contextlib.contextmanager
def _shared(size: int) -> Iterator[tuple[int, memoryview]]:
    """Memory without a name. Its size is sealed: who shrank it would kill whoever reads it."""
    handle = os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(handle, size)
        fcntl.fcntl(handle, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        with mmap.mmap(handle, size) as shared, memoryview(shared) as room:
            yield handle, room
    finally:
        os.close(handle)
