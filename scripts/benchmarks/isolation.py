"""What `isolation: process` costs: a picture decoded here and in a child, at 0.1, 1.5 and 24 megapixels."""

import argparse
import time
from pathlib import Path
from statistics import median

import pictures
from place import machine, warn_if_busy

from watchd.domain.profile import INPUTS
from watchd.imaging.decode import OpenPicture, open_picture
from watchd.imaging.isolated import IsolatedDecoders

_MAX_PIXELS = 200_000_000


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--times", type=int, default=15, help="how often each is decoded (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    warn_if_busy()
    print(machine())
    with IsolatedDecoders(timeout_s=60) as decoders:
        for name in ("small", "medium", "large"):
            path = next(iter(sorted(pictures.folder(name, quick=True).iterdir())))
            started_s = _seconds(decoders.open_picture, path)  # the first one starts the child, too
            here_s, child_s = _in_turn(path, (open_picture, decoders.open_picture), asked.times)
            print(
                f"{pictures.KINDS[name].title}: here {1e3 * here_s:.1f} ms, in a child {1e3 * child_s:.1f}, "
                f"more: {1e3 * (child_s - here_s):.1f} ms"
                + (f"; starting the child {1e3 * (started_s - child_s):.0f} ms" if name == "small" else "")
            )


def _in_turn(path: Path, ways: tuple[OpenPicture, OpenPicture], times: int) -> list[float]:
    taken_s = [[_seconds(way, path) for way in ways] for _ in range(times)]
    return [median(column) for column in zip(*taken_s, strict=True)]


def _seconds(way: OpenPicture, path: Path) -> float:
    with path.open("rb") as file:
        begun = time.perf_counter()
        way(file, path.name, _MAX_PIXELS, INPUTS).load()
        return time.perf_counter() - begun
