"""`watchd models quantize`: from folders of photos to an int8 network that is judged, and then installed."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

from watchd.domain.errors import StartupError
from watchd.domain.profile import INPUTS
from watchd.domain.quantreport import Accuracy, Trial, Verdict
from watchd.imaging.accuracy import Tally, human_mask
from watchd.imaging.contactsheet import Row, contact_sheet
from watchd.imaging.decode import open_picture
from watchd.imaging.int8search import Int8Search, speedup
from watchd.imaging.models import FoundModel, checksum, find, int8_place
from watchd.imaging.overlap import overlap
from watchd.imaging.segment import Seen, Segmenter
from watchd.store.userfile import write_for_user
from watchd.work.photos import TROUBLE, Photos, picture_files, said, thinned

MIN_SPEEDUP = 1.5
"""Less is not worth a second file and other masks."""

MAX_ACCURACY_LOSS = 0.01
"""Of mean absolute error, and of the maximum F-beta, against human masks."""

_FEWEST_PHOTOS = 12
_CALIBRATION = 48  # with three times as many the ranges hardly move
_JUDGED = 200
_ROWS = 12


@dataclass(frozen=True, slots=True)
class Wish:
    """It is judged on the photos in `judge`, or else on a third of those in `calibrate`.

    `masks` has human masks, NAME.png for the photo NAME.jpg; `sheet` is where the contact sheet goes.
    """

    model: str
    calibrate: Path
    judge: Path | None
    masks: Path | None
    min_iou: float
    sheet: Path
    min_speedup: float = MIN_SPEEDUP


def quantize(
    wish: Wish,
    environ: Mapping[str, str],
    expect: Callable[[int], None],
    step: Callable[[str], None],
) -> Verdict:
    """Takes minutes. StartupError: no such model, too few photos, or a file cannot be written.

    `expect` is told how many steps there are more, `step` when one is done, and what it has shown.
    """
    found = find(wish.model, environ)
    calibrated, held_back = _shared_out(wish)
    with tempfile.TemporaryDirectory(prefix="watchd-") as folder:
        search = Int8Search(found, Path(folder), expect, step)
        shrunk = _Shrunk(search.fp32, expect, step)
        expect(len(held_back))
        seen = [small for path in calibrated if (small := shrunk(path)) is not None]
        if len(seen) * 2 < _FEWEST_PHOTOS:
            raise StartupError(f"{wish.calibrate}: only {len(seen)} of the photos can be read")
        trials, best = search.best(seen, wish.min_iou, wish.min_speedup)
        judge = _Judge(search.fp32, search.load(search.content(best.rule, best.kept, {})), wish.masks)
        for path in held_back:
            if (small := shrunk(path)) is not None:
                judge.look_at(path, small)
            step("")
        verdict = Verdict(
            model=wish.model,
            calibrated_on=len(seen),
            judged_on=len(judge.rows),
            convolutions=len(search.convolutions),
            trials=tuple(trials),
            judged=judge.trial(best),
            fp32=judge.before.accuracy(),
            int8=judge.after.accuracy(),
            sheet=str(wish.sheet),
        )
        write_for_user(wish.sheet, contact_sheet(judge.worst_and_others()))
        refusals = refusals_of(verdict, wish.min_iou, wish.min_speedup)
        if refusals:
            return replace(verdict, refusals=tuple(refusals))
        place = int8_place(found, environ)
        write_for_user(place, search.content(best.rule, best.kept, _facts(found, verdict)))
        return replace(verdict, installed=str(place))


def _shared_out(wish: Wish) -> tuple[list[Path], list[Path]]:
    """Photos to calibrate with, and photos to judge on: none is among both."""
    photos = picture_files(wish.calibrate, recursive=True)
    if len(photos) < _FEWEST_PHOTOS:
        raise StartupError(
            f"{wish.calibrate}: {len(photos)} photos are too few, give {_FEWEST_PHOTOS} or more "
            f"(best {_CALIBRATION * 3 // 2}) of the kind that you process"
        )
    held_back = photos[::3] if wish.judge is None else picture_files(wish.judge, recursive=True)
    if not held_back:
        raise StartupError(f"{wish.judge}: there are no photos to judge on")
    judged = {os.path.realpath(path) for path in held_back}
    rest = [path for path in photos if os.path.realpath(path) not in judged]
    if len(rest) < _FEWEST_PHOTOS // 2:
        raise StartupError(f"{wish.calibrate}: all but {len(rest)} of its photos are for --judge")
    return thinned(rest, _CALIBRATION), thinned(held_back, _JUDGED)


class _Shrunk:
    """What the network sees of a photo; None of one that cannot be read, which is told."""

    def __init__(
        self, segmenter: Segmenter, expect: Callable[[int], None], step: Callable[[str], None]
    ) -> None:
        self._segmenter = segmenter
        self._expect = expect
        self._step = step
        self._photos = Photos(open_picture, max_pixels=200_000_000, max_bytes=500_000_000)

    def __call__(self, path: Path) -> Seen | None:
        try:
            return self._segmenter.shrink(self._photos.picture(path, INPUTS).seen())
        except TROUBLE as error:
            self._expect(1)
            self._step(f"left out: {said(path, error)}")
            return None


class _Judge:
    """Compares two networks' masks of photos that had no part in the choice, also with human ones."""

    def __init__(self, fp32: Segmenter, int8: Segmenter, masks: Path | None) -> None:
        self.rows: list[tuple[float, Row]] = []
        self.before, self.after = Tally(), Tally()
        self._fp32, self._int8, self._masks = fp32, int8, masks

    def look_at(self, path: Path, small: Seen) -> None:
        one, other = self._fp32(small), self._int8(small)
        agreed = overlap(one, other)
        self.rows.append((agreed, Row(f"{path.name}: IoU {agreed:.3f}", small, one, other)))
        human = None if self._masks is None else human_mask(self._masks, path)
        if human is not None:
            self.before.add(one, human)
            self.after.add(other, human)

    def trial(self, best: Trial) -> Trial:
        """As `best` fared here. StartupError: there was nothing to judge on."""
        agreed = [agreed for agreed, _ in self.rows]
        if not agreed:
            raise StartupError("none of the photos to judge on can be read")
        faster = speedup(self._fp32, self._int8, self.rows[0][1].photo)
        return replace(best, iou_mean=mean(agreed), iou_worst=min(agreed), speedup=faster)

    def worst_and_others(self) -> list[Row]:
        """Half of the sheet for the worst, half for some of every other kind."""
        rows = [row for _, row in sorted(self.rows, key=lambda rated: rated[0])]
        worst, others = rows[: _ROWS // 2], rows[_ROWS // 2 :]
        return worst + others[:: max(1, -(-len(others) * 2 // _ROWS))]


def refusals_of(verdict: Verdict, min_iou: float, min_speedup: float) -> list[str]:
    """Why it must not be installed; nothing if it may."""
    judged, found = verdict.judged, []
    if judged.iou_mean < min_iou:
        found.append(
            f"its masks agree with fp32's by {judged.iou_mean:.3f}, less than {min_iou:g} (--min-iou)"
        )
    if judged.speedup < min_speedup:
        found.append(f"it is only {judged.speedup:.2f} times as fast, less than {min_speedup:g}")
    if verdict.fp32 and verdict.int8:
        found += _losses(verdict.fp32, verdict.int8)
    return found


def _losses(fp32: Accuracy, int8: Accuracy) -> list[str]:
    worse = {
        "mean absolute error": int8.mae - fp32.mae,
        "maximum F-beta": fp32.f_beta - int8.f_beta,
    }
    return [
        f"against the human masks its {name} is worse by {loss:.3f}, more than {MAX_ACCURACY_LOSS:g}"
        for name, loss in worse.items()
        if loss > MAX_ACCURACY_LOSS
    ]


def _facts(found: FoundModel, verdict: Verdict) -> dict[str, str]:
    """What the file tells of itself; the checksum is that of the fp32 file."""
    with found.path.open("rb") as file:
        source = checksum(file)
    return {
        "made_from": source,
        "rule": verdict.judged.rule,
        "kept_fp32": " ".join(verdict.judged.kept),
        "iou_mean": f"{verdict.judged.iou_mean:.4f}",
        "iou_worst": f"{verdict.judged.iou_worst:.4f}",
    }
