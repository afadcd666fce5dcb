"""Photos and their cutouts by several networks, each as small as it is looked at."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from watchd.domain.errors import StartupError
from watchd.domain.profile import Refine
from watchd.imaging.compose import compose
from watchd.imaging.segment import Segmenter
from watchd.imaging.thumbnail import Box, Thumbnail, of_cutout, of_photo
from watchd.work.photos import TROUBLE, Photos, said


@dataclass(slots=True)
class Seen:
    """One photo: how large it is, how it looks, and its cutouts so far by the label of the network."""

    path: Path
    size: tuple[int, int]
    photo: Thumbnail
    cutouts: dict[str, Thumbnail]


class Album:
    """The photos that can be read, cut out by one network after the other. One picture at a time in full."""

    def __init__(
        self, photos: Photos, inputs: tuple[str, ...], box: Box, step: Callable[[str], None]
    ) -> None:
        """`inputs` are the formats that may be decoded; `step` is told of each picture that is done."""
        self.seen: list[Seen] = []
        self.skipped: list[str] = []
        self._photos = photos
        self._inputs = inputs
        self._box = box
        self._step = step

    def take(self, paths: Sequence[Path]) -> None:
        """StartupError: none of them can be read."""
        for path in paths:
            try:
                picture = self._photos.picture(path, self._inputs)
                self.seen.append(Seen(path, picture.image.size, of_photo(picture, self._box), {}))
            except TROUBLE as error:
                self._skip(path, error)
            else:
                self._step("")
        if not self.seen:
            raise StartupError(f"none of the photos can be read; {self.skipped[0]}")

    def cut_out(
        self, label: str, segmenter: Segmenter, refine: Refine = Refine.NONE, *, decontaminate: bool = False
    ) -> list[float]:
        """As the daemon would, one cutout more of each; how many seconds the network took.

        StartupError: none of them is there any more.
        """
        took: list[float] = []
        for each in list(self.seen):
            try:
                picture = self._photos.picture(each.path, self._inputs)
                small = segmenter.shrink(picture.seen())
                begun = time.perf_counter()
                mask = segmenter(small)
                took.append(time.perf_counter() - begun)
                cutout = compose(picture, mask, refine, decontaminate=decontaminate)
                each.cutouts[label] = of_cutout(cutout, self._box)
            except TROUBLE as error:  # at first it could be read
                self.seen.remove(each)
                self._skip(each.path, error)
            else:
                self._step("")
        if not self.seen:
            raise StartupError(f"none of the photos can be read any more; {self.skipped[-1]}")
        return took

    def _skip(self, path: Path, error: BaseException) -> None:
        self.skipped.append(said(path, error))
        self._step(f"skipped: {self.skipped[-1]}")
