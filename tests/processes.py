"""Processes that may end while they are looked at."""

import psutil


def words(process: psutil.Process) -> list[str]:
    """Its command line; empty once it is dead, waited for or not."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # or a zombie, which is one of these
        return []


def gone(process: psutil.Process) -> bool:
    """Dead; an orphan's zombie is init's to reap."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
