"""Which layouts of threads are worth a measurement on a machine."""

from collections.abc import Iterator

from watchd.domain.tunereport import Layout
from watchd.imaging.cpus import Room


def layouts(binding: str, room: Room) -> Iterator[Layout]:
    """The default first, then from many workers with one thread each to one worker with all.

    Every core has a thread, or every one of its threads has one: more were slower wherever it was measured.
    A list of CPUs in `binding` is obeyed by all.
    """
    bindings = ("auto", "none") if binding in ("auto", "none") else (binding,)
    yield Layout(None, None, bindings[0])
    for threads in dict.fromkeys((room.cores, room.granted)):
        for workers in _halved(threads):
            for each in bindings:
                yield Layout(workers, threads // workers, each)


def _halved(threads: int) -> Iterator[int]:
    """32, 16, 8, and 1: what lies between is between in speed, too."""
    yield from sorted({threads, -(-threads // 2), -(-threads // 4), 1}, reverse=True)
