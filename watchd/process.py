"""Which process is meant by a pid, now and after the pid has been given to another."""

from pathlib import Path


def started_ticks(pid: int) -> int | None:
    """When a process of this PID namespace began, in clock ticks after the boot; None if there is none.

    One that has ended and only waits for its parent to notice counts as none.

    Unlike a time of day the number is not moved by a step of the clock.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # from field 3 on; the name before it may hold anything
    return None if fields[0] in "ZX" else int(fields[19])
