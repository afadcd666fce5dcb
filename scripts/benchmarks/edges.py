"""Edges: masks laid over photographs in several ways, and the colours of soft edges; draws a sheet."""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import numpy as np
import pictures
from boundary import boundary_f
from edgesheet import sheet
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from place import BENCH, SHARED, BenchError, machine, model_file, warn_if_busy

from watchd.domain.profile import Refine
from watchd.imaging.accuracy import Tally, human_mask
from watchd.imaging.arrays import Mask
from watchd.imaging.compose import compose
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import Picture
from watchd.imaging.models import find
from watchd.imaging.segment import Segmenter
from watchd.imaging.session import load_segmenter

Lay = Callable[[Picture, Mask], Mask]
"""Picture and mask to the alpha."""

_PIXELS = (1, 2)
"""How far off an outline may be. The photographs have 320 pixels, and their human masks are good to these."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A photograph, a network's mask of it, and the one that people drew."""

    picture: Picture
    mask: Mask
    human: Mask


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", nargs="+", default=["builtin", "u2netp"], help="names or .onnx files")
    parser.add_argument("--quick", action="store_true", help="few pictures: shows that it works")
    parser.add_argument("--out", type=Path, default=BENCH / "edges.png", help="the sheet (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Radius and epsilon were chosen on the even photographs of ../shared/eval; the odd ones are judged."""
    if not (SHARED / "eval").is_dir():
        raise BenchError(f"no photographs with human masks: {SHARED / 'eval'} is not there")
    warn_if_busy()
    print(machine())
    segmenters = {name: _segmenter(name) for name in asked.models}
    print(f"{'':10}{'':20}{'outline, 1 px':>14}{'2 px':>8}{'error':>9}{'F-beta':>9}")
    for name, segmenter in segmenters.items():
        judged = list(_judged(segmenter, asked.quick))
        for title, lay in _WAYS.items():
            print(f"{name:10}{title:20}{_scores(judged, lay)}", flush=True)
    first = segmenters[asked.models[0]]
    for kind in ("medium", "large"):
        _times(pictures.KINDS[kind].title, [*_opened(pictures.folder(kind, asked.quick))], first)
    for size in ((1200, 800), (6000, 4000)):
        print(_colours(size))
    asked.out.parent.mkdir(exist_ok=True)
    sheet(SHARED / "photos", first).save(asked.out)
    print(f"to look at: {asked.out}")


def _segmenter(name: str) -> Segmenter:
    return load_segmenter(find(str(model_file(name)), {}), lambda: ThreadPlan(1, 1, 1, (None,)))


def _opened(folder: Path) -> Iterator[Picture]:
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            yield Picture(image.convert("RGB"))


def _judged(segmenter: Segmenter, quick: bool) -> Iterator[Judged]:
    for path in sorted((SHARED / "eval/images").iterdir())[1 :: 20 if quick else 2]:
        human = human_mask(SHARED / "eval/masks", path)
        if human is not None:
            with Image.open(path) as image:
                picture = Picture(image.convert("RGB"))
            yield Judged(picture, segmenter(segmenter.shrink(picture.image)), human)


def _laid(refine: Refine) -> Lay:
    return lambda picture, mask: compose(picture, mask, refine).whole()[..., 3]


def _steepened(picture: Picture, mask: Mask) -> Mask:
    """What of the guided filter's merit is that it steepens."""
    alpha = _laid(Refine.NONE)(picture, mask).astype(np.float32)
    return ((alpha - 127.5) * 1.5 + 128).clip(0, 255).astype(np.uint8)


_WAYS: dict[str, Lay] = {
    "LANCZOS": _laid(Refine.NONE),
    "LANCZOS, steepened": _steepened,
    "guided": _laid(Refine.GUIDED),
}


def _scores(judged: list[Judged], lay: Lay) -> str:
    tally = Tally()
    outlines: list[list[float]] = [[] for _ in _PIXELS]
    for each in judged:
        alpha = lay(each.picture, each.mask)
        tally.add(alpha, each.human)
        for found, reach in zip(outlines, _PIXELS, strict=True):
            found.append(boundary_f(alpha >= 128, each.human >= 128, reach))
    accuracy = tally.accuracy()
    assert accuracy is not None, "there are photographs"
    one, two = map(mean, outlines)
    return f"{one:14.3f}{two:8.3f}{accuracy.mae:9.4f}{accuracy.f_beta:9.3f}"


def _times(title: str, photos: list[Picture], segmenter: Segmenter) -> None:
    """CPU time of composing alone."""
    masks = [segmenter(segmenter.shrink(photo.image)) for photo in photos]
    smooth = _ms_a_megapixel(photos, masks, Refine.NONE, decontaminate=False)
    for name, refine, decontaminate in (
        ("LANCZOS", Refine.NONE, False),
        ("guided", Refine.GUIDED, False),
        ("guided, decontaminated", Refine.GUIDED, True),
    ):
        spent = _ms_a_megapixel(photos, masks, refine, decontaminate=decontaminate)
        print(f"{title}: {name:24}{spent:6.1f} ms/MP  ×{spent / smooth:.1f}", flush=True)


def _ms_a_megapixel(
    photos: list[Picture], masks: list[Mask], refine: Refine, *, decontaminate: bool
) -> float:
    spent = []
    for _ in range(3):
        for photo, mask in zip(photos, masks, strict=True):
            begun = time.process_time()
            for _band in compose(photo, mask, refine, decontaminate=decontaminate).bands():
                pass
            took = time.process_time() - begun
            spent.append(1e9 * took / (photo.image.width * photo.image.height))
    return median(spent)


def _colours(size: tuple[int, int]) -> str:
    """One photograph laid over another by a soft mask, so that the subject's own colours are known."""
    mask = _spiky()
    subject, background = (
        np.asarray(_photo(name, size), np.float32) for name in ("animal-3.jpg", "horse.jpg")
    )
    opacity = compose(Picture(Image.new("RGB", size)), mask).whole()[..., 3:] / np.float32(255)
    seen = Picture(Image.fromarray((opacity * subject + (1 - opacity) * background + 0.5).astype(np.uint8)))
    soft = ((opacity > 0.02) & (opacity < 0.98))[..., 0]
    weight = opacity[soft].astype(np.float32)
    before, after = (
        _apart(compose(seen, mask, decontaminate=each).whole()[soft][:, :3], subject[soft], weight)
        for each in (False, True)
    )
    megapixels = size[0] * size[1] / 1e6
    return f"{megapixels:.0f} MP: soft edges off by {before:.1f} grey levels, decontaminated {after:.1f}"


def _spiky() -> Mask:
    image = Image.new("L", (320, 320))
    draw = ImageDraw.Draw(image)
    draw.ellipse((80, 50, 230, 290), fill=255)
    for angle in np.random.default_rng(1).uniform(0, 2 * np.pi, 60):
        draw.line((155, 170, 155 + 105 * np.cos(angle), 170 + 150 * np.sin(angle)), fill=255, width=2)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1.2)))


def _photo(name: str, size: tuple[int, int]) -> Image.Image:
    with Image.open(SHARED / "photos" / name) as image:
        return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _apart(found: Mask, true: NDArray[np.float32], opacity: NDArray[np.float32]) -> float:
    """As far as it is seen."""
    return float((np.abs(found - true) * opacity).mean() / opacity.mean())
