"""Which process is meant by a pid, now and after the pid has been given to another."""

from pathlib import Path


def started_ticks(pid: int) -> int | None:
    """When a process of this PID namespace began, in clock ticks after the boot; None if there is none.

    Unlike a time of day it is not moved by a step of the clock.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])  # field 22; the name before it may hold anything
