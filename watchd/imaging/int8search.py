"""The search for an int8 network that is faster than the fp32 one and says the same."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean, median

import numpy as np

from watchd.domain.quantreport import Trial
from watchd.imaging.arrays import Mask
from watchd.imaging.models import FoundModel
from watchd.imaging.overlap import overlap
from watchd.imaging.quantise import ONE_THREAD, Reach, convolutions, quantised, read_graph
from watchd.imaging.reach import RULES, Observer
from watchd.imaging.segment import Network, Seen, Segmenter, U2netSegmenter
from watchd.imaging.session import Session

_CHOICE = 12
_RANKING = 3
_LADDER = (1, 2, 4, 8, 16, 32)
_GOOD = 0.99
"""Mean IoU against fp32 above which more fp32 layers are not tried."""
_AS_GOOD = 0.003
"""What of it is given for fewer fp32 layers."""


class Int8Search:
    """Makes int8 networks of one model, and compares their masks with its own. On one thread.

    `expect` is told how many steps there are more, `step` when one is done, and what it has shown.
    `folder` is for the networks that are tried. ModelError as in Session.
    """

    def __init__(
        self, found: FoundModel, folder: Path, expect: Callable[[int], None], step: Callable[[str], None]
    ) -> None:
        self._spec = found.spec
        self._graph = read_graph(found.path)
        self._session = Session(found.path, ONE_THREAD)
        self._file = folder / "int8.onnx"
        self._expect = expect
        self._step = step
        self._reaches: dict[str, Mapping[str, Reach]] = {}
        self.fp32 = self._segmenter(self._session)
        self.convolutions = convolutions(self._graph)

    def best(
        self, calibration: Sequence[Seen], min_iou: float, min_speedup: float
    ) -> tuple[list[Trial], Trial]:
        """Every try, and of those that pass and are as good as any the one with the fewest fp32 layers.

        Where none passes it is the one whose masks are best.
        """
        rule, *other_rules = RULES
        self._expect(len(calibration) + 2 * len(RULES) + len(self.convolutions))
        self._watch(calibration)
        chosen_by = spread(calibration, _CHOICE)
        trials = [self._tried(chosen_by, rule, ())]
        if trials[0].iou_mean < _GOOD:
            order = self._most_sensitive_first(spread(calibration, _RANKING), rule)
            for count in _LADDER:
                self._expect(1)
                trials.append(self._tried(chosen_by, rule, order[:count]))
                if trials[-1].iou_mean >= _GOOD or trials[-1].speedup < min_speedup or count >= len(order):
                    break
        else:
            self._expect(-len(self.convolutions))
        kept = _choice(trials, min_iou, min_speedup).kept
        trials += [self._tried(chosen_by, rule, kept) for rule in other_rules]
        return trials, _choice(trials, min_iou, min_speedup)

    def content(self, rule: str, kept: Sequence[str], facts: Mapping[str, str]) -> bytes:
        """The .onnx file of a trial."""
        in_int8 = [name for name in self.convolutions if name not in kept]
        return quantised(self._graph, self._reaches[rule], in_int8, facts)

    def load(self, content: bytes) -> Segmenter:
        self._file.write_bytes(content)
        return self._segmenter(Session(self._file, ONE_THREAD))

    def _watch(self, calibration: Sequence[Seen]) -> None:
        """Sees how far the values of every tensor reach, as each rule has it."""
        observer = Observer(self._graph, self._session.channels_last)
        watched = self._segmenter(observer)
        for small in calibration:
            watched(small)
            self._step("")
        for name, rule in RULES.items():
            self._reaches[name] = observer.reaches(rule)
            self._step("")

    def _tried(self, photos: Sequence[Seen], rule: str, kept: Sequence[str]) -> Trial:
        int8 = self.load(self.content(rule, kept, {}))
        agreed = [overlap(self.fp32(small), int8(small)) for small in photos]
        trial = Trial(rule, tuple(kept), mean(agreed), min(agreed), speedup(self.fp32, int8, photos[0]))
        self._step(f"{rule}, {len(kept)} fp32: IoU {trial.iou_mean:.3f}, {trial.speedup:.2f} times as fast")
        return trial

    def _most_sensitive_first(self, photos: Sequence[Seen], rule: str) -> list[str]:
        """The convolutions by what each does to the mask when it alone is int8."""
        masks = [self.fp32(small) for small in photos]
        harm = {}
        for name in self.convolutions:
            one = self.load(quantised(self._graph, self._reaches[rule], [name], {}))
            harm[name] = mean(
                _difference(one(small), mask) for small, mask in zip(photos, masks, strict=True)
            )
            self._step("")
        return sorted(harm, key=lambda name: -harm[name])

    def _segmenter(self, network: Network) -> U2netSegmenter:
        spec, side = self._spec, self._session.side or self._spec.side
        return U2netSegmenter(network, "", side, spec.mean, spec.std, spec.activation)


def speedup(fp32: Segmenter, int8: Segmenter, small: Seen, times: int = 5) -> float:
    """fp32's CPU time for a mask over int8's. In turn, medians: whatever else runs here hardly counts."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(times):
        for segmenter, seconds in zip((fp32, int8), spent, strict=True):
            begun = time.thread_time()
            segmenter(small)
            seconds.append(time.thread_time() - begun)
    return median(spent[0]) / median(spent[1])


def spread(photos: Sequence[Seen], most: int) -> list[Seen]:
    """Evenly, for neighbours are often of one series."""
    return [photos[int(place)] for place in np.linspace(0, len(photos) - 1, min(most, len(photos)))]


def _choice(trials: Sequence[Trial], min_iou: float, min_speedup: float) -> Trial:
    passing = [trial for trial in trials if trial.iou_mean >= min_iou and trial.speedup >= min_speedup]
    best = max(passing or trials, key=lambda trial: trial.iou_mean)
    as_good = [trial for trial in passing if trial.iou_mean >= best.iou_mean - _AS_GOOD]
    return min(as_good or [best], key=lambda trial: (len(trial.kept), -trial.iou_mean))


def _difference(one: Mask, other: Mask) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())
