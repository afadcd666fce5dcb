"""Keeps every CPU busy for some seconds, and prints how much it got done; a program of its own."""

import os
import sys
import time
import zlib
from multiprocessing import Pool

_PIECE = os.urandom(4096) * 16


def work(seconds: float) -> int:
    rounds, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        zlib.compress(_PIECE)
        rounds += 1
    return rounds


if __name__ == "__main__":
    processes = len(os.sched_getaffinity(0))
    with Pool(processes) as pool:
        print(sum(pool.map(work, [float(sys.argv[1])] * processes)))
