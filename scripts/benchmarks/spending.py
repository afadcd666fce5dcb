"""Where the time of some work goes: by the calls to the system, and what is left to Python."""

import cProfile
import pstats
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_CALLS = {
    "fsync": ("posix.fsync",),
    "hashing": ("hashlib.file_digest", "_hashlib.", "readinto"),
    "copying": ("copy_file_range", "fcntl.ioctl", "posix.pwrite", "posix.pread", "'write' of"),
    "renaming": ("_renameat2", "posix.rename", "posix.link"),
    "opening": ("posix.open", "io.open", "posix.close", "'close' of", "'__exit__' of '_io"),
    "looking": (
        "posix.stat",
        "posix.lstat",
        "posix.fstat",
        "posix.listdir",
        "posix.scandir",
        "posix.statvfs",
    ),
    "other changes": ("posix.unlink", "posix.mkdir", "posix.utime", "posix.fchmod", "posix.fchown"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """Of one piece of work."""

    seconds: float
    calls: float


def spending(work: Callable[[], object], pieces: int) -> Mapping[str, Part]:
    """Measured under a profiler, which makes Python slower, and not the system."""
    profile = cProfile.Profile()
    profile.runcall(work)
    found: dict[str, tuple[float, int]] = {}
    for (_, _, name), (_, calls, own_s, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        kind = next((kind for kind, words in _CALLS.items() if any(word in name for word in words)), "Python")
        seconds, count = found.get(kind, (0.0, 0))
        found[kind] = seconds + own_s, count + calls
    return {kind: Part(found[kind][0] / pieces, found[kind][1] / pieces) for kind in (*_CALLS, "Python")}
