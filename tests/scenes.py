"""Drawn pictures with enough edges to be known again."""

import numpy as np
from PIL import Image, ImageDraw


def scene(seed: int = 1, colour: str = "firebrick") -> Image.Image:
    """A patterned thing on white, 600×400; of another seed it has another pattern."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (600, 400), "white")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((160, 40, 440, 370), 40, fill=colour, outline="black", width=8)
    for _ in range(18):
        x, y, r = rng.integers(190, 410), rng.integers(60, 350), rng.integers(6, 26)
        draw.ellipse((x - r, y - r, x + r, y + r), fill="black" if r % 2 else "gold")
    return image
