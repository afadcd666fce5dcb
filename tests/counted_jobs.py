"""To be run under callgrind: jobs of one thread, each from its scan to its receipt, between two marks.

usage: counted_jobs.py FOLDER COUNT
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
from fakes import encoded, put, recall_of, watch_folder

from watchd.branch import Branch
from watchd.domain.job import Job
from watchd.domain.profile import Profile
from watchd.domain.reuse import CachePolicy
from watchd.imaging.arrays import Batch, Map
from watchd.imaging.decode import open_picture
from watchd.imaging.segment import U2netSegmenter
from watchd.report.board import StatusBoard
from watchd.store.flight import Flight
from watchd.work.attempts import Attempts
from watchd.work.budget import PixelBudget
from watchd.work.processor import Limits

MARK = "getloadavg"
"""A function of the C library that nobody else calls: callgrind sees when it is entered."""

_SIDE = 32
WARM_UP_JOBS = 5  # they import what is imported late


def main(root: Path, count: int) -> None:
    branch = _branch(root)
    _fill(branch, WARM_UP_JOBS)
    _work(branch)
    _fill(branch, count)
    os.getloadavg()  # the mark
    _work(branch)
    os.getloadavg()


class _StubNetwork:
    """The network's own instructions are not the line's."""

    channels_last = False

    def __init__(self) -> None:
        self._map = np.linspace(0, 1, _SIDE * _SIDE, dtype=np.float32).reshape(1, 1, _SIDE, _SIDE)

    def run(self, _: Batch) -> Map:
        return self._map


def _branch(root: Path) -> Branch:
    """The real one; a single thread, no cache."""
    folder = watch_folder(root, profile=Profile(cache=CachePolicy(enabled=False)))
    flight = Flight()
    segmenter = U2netSegmenter(_StubNetwork(), "stub", _SIDE, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    board, recall = StatusBoard(lambda: 0), recall_of(folder, segmenter)
    return Branch(
        folder,
        lambda _: recall,
        lease_s=60,
        pending=1000,
        keep_receipts_s=lambda: 0,
        read_rule=None,
        flight=flight,
        attempts=Attempts(flight),
        open_picture=open_picture,
        budget=PixelBudget(1 << 30),
        limits=Limits(max_pixels=1_000_000, max_bytes=1_000_000, attempts=3),
        announce=board,
        snapshot=board.snapshot,
        once=True,
    )


def _fill(branch: Branch, count: int) -> None:
    data = encoded()
    for number in range(count):
        put(branch.folder.inbox, f"{count}-{number}.jpg", data)


def _work(branch: Branch) -> None:
    """Finds what is in the inbox, and takes each picture to its cutout."""
    branch.lane.begin_scan("")
    while branch.lane.reading:
        branch.lane.advance(time.monotonic(), room=lambda: True, submit=lambda job: _handle(branch, job))


def _handle(branch: Branch, job: Job) -> bool:
    branch.processor.handle(job)
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
