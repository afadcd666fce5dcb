"""What the C library keeps of what has been freed, by what the kernel counts."""

import os
from pathlib import Path

from watchd.imaging.memory import give_back_now


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_small_pieces_between_others_that_stay_go_back_to_the_system() -> None:
    pieces = [b"x" * 50_000 for _ in range(4000)]
    held = resident_bytes()
    left = pieces[::100]
    pieces.clear()

    give_back_now()

    assert held - resident_bytes() > 150_000_000
    assert len(left) == 40
