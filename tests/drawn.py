"""Drawn photographs beside masks that are exact."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def draw_pairs(folder: Path, count: int) -> Path:
    """images/NAME.png and masks/NAME.png: a bright disc somewhere on a dark ground, 200 × 150."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(5)
    for number in range(count):
        x, y, r = int(rng.integers(60, 140)), int(rng.integers(50, 100)), int(rng.integers(25, 45))
        photo, mask = Image.new("RGB", (200, 150), (40, 50, 30)), Image.new("L", (200, 150))
        for image, colour in ((photo, (230, 200, 160)), (mask, 255)):
            ImageDraw.Draw(image).ellipse((x - r, y - r, x + r, y + r), fill=colour)
        photo.save(folder / "images" / f"{number:02}.png")
        mask.save(folder / "masks" / f"{number:02}.png")
    return folder
