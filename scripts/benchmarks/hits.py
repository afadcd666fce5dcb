"""What a hit saves: jobs on the real line, from beginning to end, delivery with its fsyncs included.

The median of several, against a miss of the same pictures in the same run.
"""

import hashlib
import io
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median

import numpy as np
import pictures
from figures import Figure
from likeness import wrong_pixels
from line import Line
from PIL import Image
from spending import Part, spending

from watchd.domain.reuse import Tier
from watchd.imaging.arrays import Mask
from watchd.imaging.compose import compose
from watchd.imaging.decode import Picture, open_picture
from watchd.imaging.encode import encode
from watchd.imaging.segment import Segmenter
from watchd.work.recall import Recall

_MAX_PIXELS = 200_000_000
_WORKERS = 4


def figures(work: Path, segmenter: Segmenter, quick: bool) -> Iterator[Figure]:
    medium, large = (sorted(pictures.folder(size, quick).iterdir()) for size in ("medium", "large"))
    line = Line(work / "medium", segmenter)
    yield from _output(line, medium, "1.5 MP", times=4, wanted=60)
    rate = line.per_second(line.drop(medium * 20), Tier.OUTPUT, _WORKERS)
    yield Figure(f"output hits a second, 1.5 MP, {_WORKERS} workers", f"{rate:.0f}", "100 or more")
    yield from _output(Line(work / "large", segmenter), large, "24 MP", times=2, wanted=25)
    yield from _exact(Line(work / "exact", segmenter, outputs={"enabled": False}), medium)


def _output(line: Line, photos: list[Path], title: str, times: int, wanted: int) -> Iterator[Figure]:
    first = line.drop(photos)
    missed_s = median(line.work_on(first, Tier.MISS))
    again = line.drop(photos * times)
    hit_s = median(line.work_on(again, Tier.OUTPUT))
    yield Figure(f"output hit, {title}, against a miss", f"×{missed_s / hit_s:.0f}", f"×{wanted} or more")
    yield Figure("  a miss, a hit", f"{1e3 * missed_s:.0f} ms, {1e3 * hit_s:.1f} ms")
    profiled = line.drop(photos)
    spent = spending(lambda: line.work_on(profiled, Tier.OUTPUT), len(photos))
    yield Figure("  where the time of a hit goes, profiled", _in_words(spent))
    delivered = zip(first + again, photos * (1 + times), strict=True)
    wrong = sum(_wrong(line.cutout(name), photo) for name, photo in delivered)
    yield Figure("  wrong pixels in the files delivered", str(wrong), "0")


def _exact(line: Line, photos: list[Path]) -> Iterator[Figure]:
    missed_s = median(line.work_on(line.drop(photos), Tier.MISS))
    hit_s = median(line.work_on(line.drop(photos * 2), Tier.EXACT))
    turns = [_in_turn(line.recall, photo, times) for times in range(6) for photo in photos]
    cached_s, alone_s = (median(column) for column in zip(*turns, strict=True))
    yield Figure(
        "exact-mask hit, 1.5 MP, against decode + compose + encode alone",
        f"{100 * (cached_s / alone_s - 1):+.1f} % ({1e3 * cached_s:.1f} ms, {1e3 * alone_s:.1f} ms)",
        "within 10 %",
    )
    yield Figure("  the whole job: a miss, a hit", f"{1e3 * missed_s:.0f} ms, {1e3 * hit_s:.1f} ms")


def _in_turn(recall: Recall, photo: Path, times: int) -> tuple[float, float]:
    """With the cache and with a mask that is there already; each goes first every other time."""
    data = photo.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    mask, _ = recall.mask(sha256, _decoded(data))

    def remembered(picture: Picture) -> Mask:
        with photo.open("rb") as file:
            digest = recall.digest(file)
        mask, reuse = recall.mask(digest, picture)
        assert reuse.tier is Tier.EXACT
        return mask

    if times % 2:
        alone_s = _cut_out_s(data, lambda _: mask)
        return _cut_out_s(data, remembered), alone_s
    return _cut_out_s(data, remembered), _cut_out_s(data, lambda _: mask)


def _cut_out_s(data: bytes, mask: Callable[[Picture], Mask]) -> float:
    begun = time.perf_counter()
    picture = _decoded(data)
    encode(compose(picture, mask(picture)), picture.icc, picture.dpi, {})
    return time.perf_counter() - begun


def _decoded(data: bytes) -> Picture:
    return open_picture(io.BytesIO(data), "picture", _MAX_PIXELS).load()


def _wrong(cutout: Path, photo: Path) -> int:
    with Image.open(cutout) as opened:
        return wrong_pixels(np.asarray(opened), photo.read_bytes())


def _in_words(spent: Mapping[str, Part]) -> str:
    ordered = sorted(spent.items(), key=lambda item: -item[1].seconds)
    return ", ".join(
        f"{kind} {1e3 * part.seconds:.1f} ms" + (f" (×{part.calls:.0f})" if kind == "fsync" else "")
        for kind, part in ordered
    )
