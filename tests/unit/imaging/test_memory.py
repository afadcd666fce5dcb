"""What the C library keeps of what has been freed, by what the kernel counts."""

import os
import subprocess
import sys
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


_FAULTS = """
import resource
from PIL import Image
from watchd.imaging.memory import give_back_now, give_back_what_is_freed

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    pictures = [Image.new("RGB", (6000, 4000), "red") for _ in range(2)]
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    for picture in pictures:
        for top in range(0, 4000, 20):  # as it is composed: small ones would take the place of large ones
            picture.crop((0, top, 6000, top + 20)).resize((600, 20)).crop((0, 0, 60, 20))
    return taken

give_back_what_is_freed()
first, second = faults(), faults()
give_back_now()
print(first, second, faults())
"""


def test_pictures_of_two_workers_hand_their_memory_to_the_next_until_it_is_given_back() -> None:
    said = subprocess.run([sys.executable, "-c", _FAULTS], capture_output=True, text=True, check=True).stdout
    first, second, later = map(int, said.split())

    assert second < first / 5
    assert later > first / 2
