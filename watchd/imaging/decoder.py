"""The child process that decodes for the daemon: `python -m watchd.imaging.decoder LIFE TIMEOUT`.

Its standard input is a socket of packets. A request is JSON with the descriptor of the file, and that of
the shared memory where the picture shall go; without the latter only the header is read. `LIFE` is the
reading end of a pipe on which nothing is ever written: when the daemon is gone, however it went, the
kernel kills this process, even in the middle of native code.
"""

import contextlib
import json
import mmap
import os
import resource
import signal
import socket
import sys
import time
import traceback
from typing import Any

from watchd.domain.errors import RejectedImage, TryAgain
from watchd.imaging.decode import Header, open_picture
from watchd.imaging.lifeline import die_with
from watchd.imaging.memory import give_back_what_is_freed
from watchd.imaging.parcel import lay_down

PACKET = 1 << 16
"""Bytes that a request or an answer may have."""

READY = b"ready"

_SPARE_BYTES = 512 << 20
"""Address space beside the pixels: stacks and arenas of a decoder's threads, most of it never touched."""

_MOST_DESCRIPTORS = 16
_LONGEST_REASON = 2000


def main(life: int, timeout_s: float) -> None:
    # Who wants the daemon to stop lets it finish what it has begun; it ends us when it is done.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    die_with(life)
    _limit()
    give_back_what_is_freed()
    with socket.socket(fileno=0) as line:
        line.send(READY)
        while True:
            request, descriptors, _, _ = socket.recv_fds(line, PACKET, 2)
            if not request:
                return
            answer = json.dumps(_answer(json.loads(request), descriptors, timeout_s)).encode()
            with contextlib.suppress(ConnectionError):  # it has given us up; its kill is on the way
                line.send(answer)


def _limit() -> None:
    """Against accidents and exhaustion; this is no sandbox against code that took the process over."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MOST_DESCRIPTORS, _MOST_DESCRIPTORS))


def _answer(request: dict[str, Any], descriptors: list[int], timeout_s: float) -> dict[str, Any]:
    try:
        with contextlib.ExitStack() as closing:
            for descriptor in descriptors:
                closing.callback(os.close, descriptor)
            _limit_cpu(timeout_s)
            return _decoded(request, *descriptors)
    except RejectedImage as error:
        return {"rejected": str(error)[:_LONGEST_REASON], "advice": error.advice}
    except (TryAgain, MemoryError) as error:
        # Memory that ends is the limit below. That of the machine ends by a signal to somebody.
        if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
            return {"greedy": resource.getrlimit(resource.RLIMIT_AS)[0]}
        return {"again": str(error)[:_LONGEST_REASON]}
    except OSError as error:
        return {"again": f"{request['name']}: cannot be read: {error.strerror}"}
    except Exception:  # noqa: BLE001 - a bug of ours is told where it is logged, and decoding goes on
        return {"bug": traceback.format_exc()[-_LONGEST_REASON:]}


def _decoded(request: dict[str, Any], file: int, memory: int | None = None) -> dict[str, Any]:
    _limit_memory(2 * os.fstat(file).st_size)
    with open(file, "rb", closefd=False) as source:
        source.seek(0)
        header = open_picture(source, request["name"], request["max_pixels"], tuple(request["inputs"]))
        if memory is None:
            return {"size": [header.width, header.height], "peak": header.peak_bytes}
        return _load_into(memory, header, os.fstat(file).st_size)


def _load_into(memory: int, header: Header, size: int) -> dict[str, Any]:
    with mmap.mmap(memory, 0) as shared, memoryview(shared) as room:
        _limit_memory(2 * size + header.peak_bytes)
        return lay_down(header.load(), room)


def _limit_memory(more: int) -> None:
    """Grants `more` bytes of address space beside what is taken already."""
    with open("/proc/self/statm", "rb") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (taken + more + _SPARE_BYTES, hard))


def _limit_cpu(timeout_s: float) -> None:
    """Should the daemon be frozen, too, it does not burn for ever. Of several threads each has its time."""
    seconds = int(time.process_time() + (timeout_s + 1) * len(os.sched_getaffinity(0))) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
