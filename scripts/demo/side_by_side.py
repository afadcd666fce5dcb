"""Puts a photo and its cutout, on a checkerboard, beside each other: the README's picture."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

_SIZE = (800, 600)
_GAP = 16
_SQUARE = 20


def main(photo: Path, cutout: Path, target: Path) -> None:
    width, height = _SIZE
    both = Image.new("RGBA", (2 * width + _GAP, height))
    with Image.open(photo) as before, Image.open(cutout) as after:
        both.paste(_small(before.convert("RGBA")), (0, 0))
        board = _checkerboard()
        board.alpha_composite(_small(after))
        both.paste(board, (width + _GAP, 0))
    both.save(target, quality=90, method=6)


def _small(picture: Image.Image) -> Image.Image:
    return picture.resize(_SIZE, Image.Resampling.LANCZOS)


def _checkerboard() -> Image.Image:
    y, x = np.mgrid[0 : _SIZE[1], 0 : _SIZE[0]] // _SQUARE
    grey = np.where((x + y) % 2, 255, 226).astype(np.uint8)
    return Image.fromarray(grey).convert("RGBA")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
