"""One network in both programs, on one folder of pictures after the other, in turn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import limit
import numpy as np
import pictures
from measure import Run
from PIL import Image
from place import BenchError, scratch
from programs import Program, rembg_program, watchd_program

# Both resize the mask with LANCZOS; more than this, as the mean of a picture, is another mask.
_MOST_GREY_LEVELS = 3.0


@dataclass(frozen=True, slots=True)
class Side:
    """One program's medians over the rounds of one size; "net" is without its start-up."""

    per_s: float
    net_per_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Row:
    """`share` is that of what the machine could do at most, None where that is not known."""

    title: str
    network: str
    watchd: Side
    rembg: Side
    ratio: float
    net_ratio: float
    asked: float | None
    share: float | None
    grey_levels: float


@dataclass(frozen=True, slots=True)
class Contest:
    """`asked` are the least net ratios by size; rembg knows no precision but fp32.

    The masks must be equal where the weights are `trained`: those by chance make a world of a grey level.
    """

    name: str
    model: Path
    precision: str
    asked: dict[str, float]
    trained: bool

    def rows(self, sizes: Sequence[str], rounds: int, quick: bool) -> Iterator[Row]:
        """One a size, as soon as it is measured."""
        with scratch("peer") as work:
            programs = watchd_program(self.model, work, self.precision), rembg_program(self.model, work)
            empty = work / "empty"
            empty.mkdir()
            start_s = [_start_s(program, empty, rounds) for program in programs]
            for size in sizes:
                yield self._row(size, pictures.folder(size, quick), programs, start_s, rounds)

    def _row(
        self,
        size: str,
        source: Path,
        programs: tuple[Program, Program],
        start_s: Sequence[float],
        rounds: int,
    ) -> Row:
        turns = [[program.on(source) for program in programs] for _ in range(rounds)]
        count = len(list(source.iterdir()))
        ours, theirs = (
            _side([turn[which] for turn in turns], count, start_s[which]) for which in range(len(programs))
        )
        exact = self.precision == "fp32"
        return Row(
            title=f"{pictures.KINDS[size].title} ({count})",
            network=self.name if exact else f"{self.name}, {self.precision}",
            watchd=ours,
            rembg=theirs,
            ratio=median(their.wall_s / our.wall_s for our, their in turns),
            net_ratio=median(_net_s(their, start_s[1]) / _net_s(our, start_s[0]) for our, their in turns),
            asked=self.asked.get(size),
            share=ours.net_per_s / limit.per_second(self.model, source) if exact else None,
            grey_levels=_grey_levels_apart(programs[0].outbox, programs[1].outbox, exact and self.trained),
        )


def _start_s(program: Program, empty: Path, rounds: int) -> float:
    """After a first start, which finds nothing in the caches of the disk and compiles what was installed."""
    program.on(empty)
    return median(program.on(empty).wall_s for _ in range(rounds))


def _side(runs: Sequence[Run], count: int, start_s: float) -> Side:
    return Side(
        median(count / run.wall_s for run in runs),
        median(count / _net_s(run, start_s) for run in runs),
        median(run.cpu_s / count for run in runs),
        median(run.peak_bytes for run in runs) / 2**20,
    )


def _net_s(run: Run, start_s: float) -> float:
    return max(run.wall_s - start_s, 0.001)  # few small pictures drown in the start-up's own noise


def _grey_levels_apart(ours: Path, theirs: Path, must_agree: bool) -> float:
    """The largest mean difference of a picture's opacity; a figure for other work would be worth nothing."""
    worst = max(
        float(np.abs(_alpha(path) - _alpha(theirs / path.name)).mean()) for path in ours.glob("*.png")
    )
    if must_agree and worst > _MOST_GREY_LEVELS:
        raise BenchError(f"the two did not make the same masks: they differ by {worst:.1f} grey levels")
    return worst


def _alpha(path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    with Image.open(path) as cutout:
        return np.asarray(cutout.getchannel("A"), np.float32)
