"""Which altered pictures are known again, and whether each cutout shows its own picture's pixels."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from alterations import Alteration
from PIL import Image, ImageOps

from watchd.domain.profile import Profile
from watchd.domain.reuse import CachePolicy, Tier
from watchd.imaging.arrays import Mask, Rgba
from watchd.imaging.compose import compose
from watchd.imaging.decode import open_picture
from watchd.imaging.segment import Seen, Segmenter
from watchd.store.cachefolder import open_cache
from watchd.store.maskcache import MaskCache
from watchd.store.outputcache import OutputCache
from watchd.work.maskmemory import MaskMemory
from watchd.work.recall import Recall, space_of
from watchd.work.singleflight import SingleFlight

_MAX_PIXELS = 200_000_000


@dataclass(slots=True)
class Tally:
    """What was known again and what was not, by name; and how many pixels were not the picture's own."""

    known: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    wrong_pixels: int = 0

    @property
    def asked(self) -> int:
        return len(self.known) + len(self.missed)

    @property
    def share(self) -> float:
        return len(self.known) / self.asked

    def add(self, name: str, known: bool, wrong_pixels: int) -> None:
        (self.known if known else self.missed).append(name)
        self.wrong_pixels += wrong_pixels


class Likeness:
    """Remembers the photos, unaltered, in a folder of its own below `work`."""

    def __init__(self, photos: Sequence[Path], segmenter: Segmenter, work: Path) -> None:
        self._photos = photos
        self._others_answer = _Opaque(segmenter)
        self._unaltered, self._asked = work / "unaltered", work / "asked"
        recall = _recall(self._unaltered, segmenter)
        for photo in photos:
            # Exactly its own: of two photos that are alike the second one would have the mask of the first.
            _, known, _ = _cut_out(photo.read_bytes(), recall)
            assert not known, f"{photo.name} is like one before it"

    def of(self, alterations: dict[str, Alteration]) -> Tally:
        """Each of each photo is asked for alone: what one leaves behind, the next does not find."""
        tally = Tally()
        for photo, image in self._images():
            for name, alteration in alterations.items():
                shutil.copytree(self._unaltered, self._asked)
                _, known, wrong = _cut_out(alteration(image), _recall(self._asked, self._others_answer))
                tally.add(f"{photo.name}: {name}", known, wrong)
                shutil.rmtree(self._asked)
        return tally

    def _images(self) -> Iterator[tuple[Path, Image.Image]]:
        for photo in self._photos:
            with Image.open(photo) as opened:
                yield photo, opened.convert("RGB")


def of_unrelated(pictures: Sequence[Path], segmenter: Segmenter, work: Path) -> Tally:
    """Each picture is asked for where all those before it are remembered."""
    recall, tally = _recall(work / "unrelated", _Opaque(segmenter)), Tally()
    for picture in pictures:
        _, known, wrong = _cut_out(picture.read_bytes(), recall)
        tally.add(picture.name, known, wrong)
    return tally


def wrong_pixels(cutout: Rgba, data: bytes) -> int:
    """Of the cutout of that file: pixels that show another colour than it has, or one under no opacity."""
    with Image.open(BytesIO(data)) as opened:
        own = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    if own.shape[:2] != cutout.shape[:2]:
        return int(cutout.shape[0] * cutout.shape[1])
    seen = cutout[..., 3:] > 0
    return int((cutout[..., :3] != own * seen).any(axis=2).sum())


class _Opaque:
    """Takes the place of the network where the mask is of no interest: every pixel is to be seen."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self.recipe = segmenter.recipe

    def shrink(self, image: Image.Image) -> Seen:
        return self._segmenter.shrink(image)

    def __call__(self, small: Seen) -> Mask:
        return np.full((small.height, small.width), 255, np.uint8)


def _recall(root: Path, segmenter: Segmenter) -> Recall:
    """The memory of masks in that folder, which is made if need be."""
    tree = open_cache(root)
    return Recall(
        masks=MaskMemory(MaskCache(tree, space_of("bench", segmenter)), _uncounted),
        outputs=OutputCache(tree),
        segmenter=segmenter,
        profile=Profile(model="bench", cache=CachePolicy(outputs=False, audit_rate=0)),
        maker="bench",
        flights=SingleFlight(),
        count=_uncounted,
    )


def _uncounted(name: str, by: float) -> None:
    pass


def _cut_out(data: bytes, recall: Recall) -> tuple[Rgba, bool, int]:
    """The cutout, whether its mask was a remembered one, and how many of its pixels are wrong."""
    picture = open_picture(BytesIO(data), "picture", _MAX_PIXELS).load()
    mask, reuse = recall.mask(hashlib.sha256(data).hexdigest(), picture)
    cutout = compose(picture, mask).whole()
    return cutout, reuse.tier is not Tier.MISS, wrong_pixels(cutout, data)
