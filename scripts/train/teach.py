"""What a larger network says of the packed pictures, as a second target beside what people drew."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from PIL import Image

from train.line import segmenter
from train.pairs import SIDE


def teach(folder: Path, model: str, told: Callable[[int, int], None]) -> None:
    """Writes teacher.npy beside what `pack` has made; stopped and begun again, it goes on."""
    pictures = np.load(folder / "pictures.npy", mmap_mode="r")
    segment = segmenter(model)
    new = folder / "teacher.new.npy"
    masks = open_memmap(new, "r+") if new.is_file() else open_memmap(new, "w+", np.uint8, pictures.shape[:3])
    for place, picture in enumerate(pictures):
        if not masks[place].any():  # not reached yet: any mask is stretched to 255
            mask = Image.fromarray(segment(segment.shrink(Image.fromarray(picture))))
            masks[place] = np.asarray(mask.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        told(place + 1, len(pictures))
    masks.flush()
    os.replace(new, folder / "teacher.npy")
