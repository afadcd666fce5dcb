"""Who works on what: claim files with a lease, safe between daemons on several hosts of one share.

A claim on a source is the file `KEY.N`, created exclusively; the highest N owns the source. A daemon
that finds a claim whose lease has run out creates `KEY.N+1` and so takes the source over: there is no
moment at which two could both succeed. N is the fencing token: who was frozen past its lease finds a
higher number, or its own file gone, and delivers nothing.
"""

import contextlib
import errno
import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from watchd.process import started_ticks
from watchd.store.serverclock import ServerClock
from watchd.tree import Tree, names_in

_FOLDER = "claims"
_ABANDONED_LEASES = 60


@dataclass(frozen=True, slots=True)
class Holder:
    """Which process holds a claim. `space` names the boot and the PID namespace in which `pid` means it."""

    space: str
    pid: int
    started_ticks: int

    @classmethod
    def myself(cls) -> "Holder":
        return cls(_space(), os.getpid(), started_ticks(os.getpid()) or 0)

    def dead(self) -> bool:
        """Whether it is known to have ended; never said of a process that cannot be seen from here."""
        return self.space == _space() and started_ticks(self.pid) != self.started_ticks

    def alive(self) -> bool:
        """Whether it is known to live, be it frozen."""
        return self.space == _space() and started_ticks(self.pid) == self.started_ticks


class FileClaims:
    """The claims on one watch folder's sources; implements `Claims`. Any thread.

    `refresh` must be called well within `lease_s`. Whether a foreign lease has run out is judged by the
    file server's clock alone: by the age of the claim against a file touched just now.
    """

    def __init__(
        self,
        sidecar: Tree,
        lease_s: float,
        holder: Callable[[], Holder] = Holder.myself,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tree = sidecar
        self._clock = ServerClock(sidecar, lease_s, monotonic)
        self._me = holder()
        self._id = secrets.token_hex(6)
        self._held_guard = threading.Lock()
        self._held: dict[str, str] = {}
        self._owed: dict[str, str] = {}

    @property
    def idle(self) -> bool:
        """Whether nothing is held."""
        return not self._held

    def acquire(self, key: str) -> str | None:
        with self._held_guard:
            if key in self._held:
                return None
            self._held[key] = ""
        token = None
        try:
            token = self._create_next(key)
        finally:
            with self._held_guard:
                if token is None:
                    del self._held[key]
                else:
                    self._held[key] = token
        return token

    def taken(self, key: str) -> bool:
        """Whether anybody (we, too) has it now."""
        if key in self._held:
            return True
        with self._tree.folder(_FOLDER, make=True) as folder:
            highest = max(_numbers(folder, key), default=0)
            return bool(highest) and not self._expired(folder, key, highest)

    def holds(self, key: str, token: str) -> bool:
        number = _number(token)
        with self._tree.folder(_FOLDER, make=True) as folder:
            return max(_numbers(folder, key), default=0) == number and _read(folder, key, number)[0] == token

    def release(self, key: str, token: str) -> None:
        """Removes the claim and those it overtook. Where the disk does not let it, `refresh` tries again."""
        try:
            self._remove(key, token)
        except OSError:
            with self._held_guard:
                self._owed[key] = token
            raise
        finally:
            with self._held_guard:
                self._held.pop(key, None)

    def refresh(self) -> None:
        """Renews every lease that is held; a claim that was taken over stays lost."""
        self._remove_owed()
        with self._held_guard:
            held = [(key, token) for key, token in self._held.items() if token]
        with self._tree.folder(_FOLDER, make=True) as folder:
            for key, token in held:
                number = _number(token)
                if _read(folder, key, number)[0] == token:
                    _touch(folder, key, number)

    def sweep(self) -> None:
        """Removes what dead daemons have left: claims on sources that may never be asked for again.

        Of one source the oldest first, and never a claim that another one has overtaken alone: its holder,
        frozen and not dead, would find itself the owner again.
        """
        with self._tree.folder(_FOLDER, make=True) as folder:
            self._clock.now()  # known from the start, so that a jump is noticed
            claims: dict[str, list[int]] = {}
            for name in names_in(folder):
                key, _, number = name.rpartition(".")
                if key and number.isdigit():
                    claims.setdefault(key, []).append(int(number))
            for key, numbers in claims.items():
                if self._abandoned(folder, key, max(numbers)):
                    for old in sorted(numbers):
                        _remove(folder, f"{key}.{old}")

    def _remove_owed(self) -> None:
        """What could not be released while the share was away: its source may never be asked for again."""
        with self._held_guard:
            owed = dict(self._owed)
        for key, token in owed.items():
            self._remove(key, token)
            with self._held_guard:
                if self._owed.get(key) == token:
                    del self._owed[key]

    def _remove(self, key: str, token: str) -> None:
        """The oldest first, so that none comes back to life."""
        number = _number(token)
        with self._tree.folder(_FOLDER, make=True) as folder:
            if _read(folder, key, number)[0] == token:
                for old in sorted(n for n in _numbers(folder, key) if n <= number):
                    _remove(folder, f"{key}.{old}")

    def _create_next(self, key: str) -> str | None:
        with self._tree.folder(_FOLDER, make=True) as folder:
            highest = max(_numbers(folder, key), default=0)
            if highest and not self._expired(folder, key, highest):
                return None
            token = f"{self._id}{secrets.token_hex(4)}-{highest + 1}"
            if not _create(folder, key, highest + 1, token, self._me):
                return None
            if (
                max(_numbers(folder, key), default=0) != highest + 1
            ):  # overtaken between the look and the creation
                _remove(folder, f"{key}.{highest + 1}")
                return None
            return token

    def _expired(self, folder: int, key: str, number: int) -> bool:
        token, holder, mtime = _read(folder, key, number)
        if holder is not None and holder.dead():
            return True
        if token.startswith(self._id):  # our own, released when the share was away
            return True
        return mtime is None or self._clock.expired(mtime)

    def _abandoned(self, folder: int, key: str, number: int) -> bool:
        """Far longer than a lease for who may only be frozen; what a power cut has torn nobody can hold."""
        token, holder, mtime = _read(folder, key, number)
        if holder is not None and holder.dead():
            return True
        return mtime is not None and self._clock.expired(mtime, _ABANDONED_LEASES if token else 1)


def _space() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{os.readlink('/proc/self/ns/pid')}"


def _number(token: str) -> int:
    return int(token.rpartition("-")[2])


def _numbers(folder: int, key: str) -> list[int]:
    return [
        int(number)
        for name in names_in(folder)
        for stem, _, number in [name.rpartition(".")]
        if stem == key and number.isdigit()
    ]


def _create(folder: int, key: str, number: int, token: str, holder: Holder) -> bool:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        handle = os.open(f"{key}.{number}", flags, 0o666, dir_fd=folder)
    except FileExistsError:
        return False
    try:
        text = json.dumps({"token": token, "holder": asdict(holder)}).encode()
        if os.write(handle, text) != len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), f"{key}.{number}")
    except BaseException:
        _remove(folder, f"{key}.{number}")  # else nobody could have the source until the lease has run out
        raise
    finally:
        os.close(handle)
    return True


def _read(folder: int, key: str, number: int) -> tuple[str, Holder | None, float | None]:
    """Token, holder and mtime; a claim that is being written has a mtime and no token yet."""
    try:
        handle = os.open(f"{key}.{number}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE, errno.ELOOP):
            return "", None, None
        raise
    with os.fdopen(handle, "rb") as file:
        mtime = os.fstat(handle).st_mtime
        try:
            content = json.loads(file.read(4096))
            return content["token"], Holder(**content["holder"]), mtime
        except (ValueError, KeyError, TypeError):
            return "", None, mtime


def _touch(folder: int, key: str, number: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.utime(f"{key}.{number}", dir_fd=folder, follow_symlinks=False)


def _remove(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
