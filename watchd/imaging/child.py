"""A child process that decodes: started, asked, killed and reaped."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from watchd.domain.errors import TryAgain
from watchd.imaging.decoder import PACKET, READY

_START_S = 60.0
_END_S = 5.0


@dataclass(frozen=True, slots=True)
class Request:
    """The file stays the caller's to close, and must be open until the picture is loaded."""

    file: int
    name: str
    max_pixels: int
    inputs: tuple[str, ...]

    def packet(self) -> bytes:
        asked = {"name": self.name, "max_pixels": self.max_pixels, "inputs": self.inputs}
        return json.dumps(asked).encode()


class Child:
    """A process of `watchd.imaging.decoder`; used by one thread at a time, killed by any."""

    def __init__(self, timeout_s: float) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        life, self._life = os.pipe()
        with theirs:
            try:
                # -P: what lies in the working directory is no module of ours. A process group of its
                # own: Ctrl-C in a terminal is for the daemon. Popen forks and executes at once, which
                # is safe beside other threads.
                self._process: subprocess.Popen[bytes] = subprocess.Popen(
                    [sys.executable, "-P", "-m", "watchd.imaging.decoder", str(life), str(timeout_s)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[life],
                    process_group=0,
                    env=os.environ | _FRUGAL,
                )
            except OSError:
                self._close()
                raise
            finally:
                os.close(life)
        self._line.settimeout(_START_S)
        try:
            started = self._line.recv(PACKET) == READY
        except OSError:
            started = False
        if not started:
            raise TryAgain(f"the decoder does not start: exit code {self.end()}")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def state(self) -> str:
        """R, S, D, T, … as in proc_pid_stat(5); empty if it is gone."""
        try:
            with open(f"/proc/{self._process.pid}/stat", encoding="ascii", errors="replace") as file:
                return file.read().rpartition(") ")[2][:1]
        except OSError:
            return ""

    def ask(self, request: Request, memory: int | None, timeout_s: float) -> dict[str, Any]:
        """TimeoutError: no answer in time. ConnectionError: it is dead."""
        with contextlib.suppress(OSError):  # on the CPU of the worker, which waits meanwhile
            os.sched_setaffinity(self._process.pid, os.sched_getaffinity(0))
        self._line.settimeout(timeout_s)
        descriptors = [request.file] if memory is None else [request.file, memory]
        socket.send_fds(self._line, [request.packet()], descriptors)
        answer = self._line.recv(PACKET)
        if not answer:
            raise ConnectionResetError
        facts: dict[str, Any] = json.loads(answer)
        return facts

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> int:
        """Its exit code as subprocess gives it: its own if it died by itself. Twice does no harm."""
        self._close()  # the end of the pipe kills it, unless it has not come so far as to listen
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_END_S)
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(_END_S)
        return -signal.SIGKILL  # asleep in the kernel; Popen reaps it some day

    def _close(self) -> None:
        if self._life >= 0:
            self._line.close()
            os.close(self._life)
            self._life = -1


# NumPy's threads are of no use there, and each arena takes 64 MB of the address space that is limited.
_FRUGAL = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
