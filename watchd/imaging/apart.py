"""One question answered by a process of its own, of whose memory, threads and death nothing is left here."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar, cast

from watchd.domain.errors import WatchdError
from watchd.imaging.lifeline import die_with

T = TypeVar("T")


class ProbeError(WatchdError):
    """Nothing was found out, for the reason that it says."""


def apart(work: Callable[[], T], patience_s: int) -> T:
    """What `work`, a function of some module or a partial of one, gives in another process.

    Blocks; when it is left, however that is, the process is gone. ProbeError: it died, took more than
    `patience_s`, or raised what watchd raises on purpose.
    """
    with tempfile.TemporaryFile() as said:
        # A process group of its own: Ctrl-C in a terminal is for us, who end it.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "watchd.imaging.apart"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            bufsize=0,
            process_group=0,
        )
        with process:
            try:
                answer = _asked(process, patience_s, work)
                code = process.wait()
            finally:
                process.kill()
                process.wait()
        if code != 0:
            raise ProbeError(_obituary(code, patience_s, said))
        found, reason = pickle.loads(answer)
        if reason is not None:
            raise ProbeError(reason)
        return cast("T", found)


def _asked(process: "subprocess.Popen[bytes]", patience_s: int, work: Callable[[], Any]) -> bytes:
    """Its answer; less than that if it dies."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        # And not closed: the child lives as long as it is open.
        process.stdin.write(pickle.dumps(patience_s) + pickle.dumps(work))
    return process.stdout.read()


def _obituary(code: int, patience_s: int, said: BinaryIO) -> str:
    if code == -signal.SIGALRM:
        return f"took more than {patience_s} s"
    if code < 0:
        often = ", often for want of memory" if code == -signal.SIGKILL else ""
        return f"its process died of {signal.Signals(-code).name}{often}"
    said.seek(0)
    last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
    return f"its process ended with code {code}: {last}"


def main() -> None:
    signal.alarm(pickle.load(sys.stdin.buffer))
    work = pickle.load(sys.stdin.buffer)
    die_with(sys.stdin.fileno())
    # What native code prints shall not be taken for the answer.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answer:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        found: tuple[object, str | None]
        try:
            found = work(), None
        except WatchdError as error:
            found = None, str(error)
        pickle.dump(found, answer)


if __name__ == "__main__":
    main()
