"""A hook that is a program: run, listened to, and ended with all that it has started."""

import logging
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO

from watchd.domain.errors import HookFailed
from watchd.domain.hook import CommandHook
from watchd.report.escape import escape
from watchd.report.notice import Notice

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.05
_SOON_S = 0.005
_PATIENCE_S = 2.0
_CHUNK = 65536  # what a pipe holds
_TAIL = 2000

# What is between systemd and us, and what may hold passwords.
_OURS = frozenset(
    {
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
        "CREDENTIALS_DIRECTORY", "JOURNAL_STREAM", "MAINPID",
    }
)  # fmt: skip


def run_command(
    hook: CommandHook, notice: Notice, environ: Mapping[str, str], given_up: Callable[[], bool]
) -> None:
    """Blocks until the program ends, or its time is over, or it is given up. HookFailed for all but success.

    What it has left behind on purpose lives on; at a timeout its whole process group is killed.
    """
    tail = bytearray()
    process = _start(hook, notice, environ)
    assert process.stdout is not None
    try:
        in_time = _listen(process, process.stdout, tail, hook.timeout_s, given_up)
        if not in_time:
            _kill(process, process.stdout, tail)
    finally:
        process.stdout.close()
    code = process.poll()  # reaps it
    said = escape(bytes(tail).decode("utf-8", "surrogateescape").strip())
    if not in_time:
        late = not given_up()
        why = f"it took longer than {hook.timeout_s:g} s (timeout)" if late else "the daemon ends"
        raise HookFailed(f"killed: {why}", output=said, late=late)
    if code:
        raise HookFailed(_how(code), output=said)
    log.debug("hook has said", extra={"hook": str(hook), "output": said})


def trouble_with(hook: CommandHook, environ: Mapping[str, str]) -> str:
    """Why the program cannot be run; empty if it can."""
    name = hook.argv[0]
    if shutil.which(name, path=environ.get("PATH")):
        return ""
    if os.path.exists(name) and "/" in name:
        return "is not executable: chmod +x it" if os.path.isfile(name) else "is no program"
    return "is not there" if "/" in name else "is in no folder of PATH"


def _start(hook: CommandHook, notice: Notice, environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    kept = {
        key: value for key, value in environ.items() if key not in _OURS and not key.startswith("WATCHD_")
    }
    stdin = os.memfd_create("notice", os.MFD_CLOEXEC)  # and no pipe, which might fill up
    try:
        os.write(stdin, notice.body(details=True))
        os.lseek(stdin, 0, os.SEEK_SET)
        return subprocess.Popen(
            hook.argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env=kept | notice.environ(),
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise HookFailed(f"cannot be run: {reason}") from error
    finally:
        os.close(stdin)


def _listen(
    process: "subprocess.Popen[bytes]",
    pipe: IO[bytes],
    tail: bytearray,
    timeout_s: float,
    given_up: Callable[[], bool],
) -> bool:
    """Whether the program has ended by itself. The end of the pipe does not say so: a child that it has
    left behind may hold that open, and may go on writing.
    """
    os.set_blocking(pipe.fileno(), False)
    deadline = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not _has_ended(process):
            if given_up() or time.monotonic() >= deadline:
                return False
            open_still = bool(selector.get_map())
            if selector.select(_LOOK_EVERY_S if open_still else _SOON_S) and not _read(pipe, tail):
                selector.unregister(pipe)  # as a rule, the program ends with it
    _read(pipe, tail)
    return True


def _read(pipe: IO[bytes], tail: bytearray) -> bool:
    """Keeps the end of what was said; False at the end of the pipe."""
    try:
        chunk = os.read(pipe.fileno(), _CHUNK)
    except BlockingIOError:
        return True
    tail += chunk
    del tail[:-_TAIL]
    return bool(chunk)


def _kill(process: "subprocess.Popen[bytes]", pipe: IO[bytes], tail: bytearray) -> None:
    """First asks it to end. It is reaped last of all, so that its group's number stays its own."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        _listen(process, pipe, tail, _PATIENCE_S, lambda: False)


def _has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Without reaping it."""
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # whoever started us ignores the end of children, so the kernel reaps them
        return True


def _how(code: int) -> str:
    if code > 0:
        return f"ended with exit code {code}"
    try:
        return f"died of {signal.Signals(-code).name}"
    except ValueError:
        return f"died of signal {-code}"
