"""Pictures to measure with, the same ones each time: resized from ../shared/photos, else drawn.

Started as a program it makes one folder: the benchmark itself stays small, because a program that it
starts is charged with the benchmark's own memory up to that moment.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from place import BENCH, SHARED, BenchError

Field = NDArray[np.float32]
Rgb = NDArray[np.float32]  # height × width × 3, 0..255

_PHOTOS = SHARED / "photos"
_MIXED = (
    (275, 183),
    (640, 480),
    (1024, 768),
    (1500, 1000),
    (2000, 1333),
    (3000, 2000),
    (480, 640),
    (400, 300),
)


@dataclass(frozen=True, slots=True)
class Kind:
    title: str
    count: int
    quick: int
    sizes: tuple[tuple[int, int], ...]


KINDS = {
    "small": Kind("0.1 MP", 48, 6, ((390, 260),)),
    "medium": Kind("1.5 MP", 24, 4, ((1500, 1000),)),
    "large": Kind("24 MP", 8, 1, ((6000, 4000),)),
    "mixed": Kind("mixed, 0.05 to 6 MP", 40, 8, _MIXED),
    "eight": Kind("1.5 MP, all at once", 8, 4, ((1500, 1000),)),
    "one": Kind("1 MP", 20, 6, ((1224, 816),)),
}


def folder(name: str, quick: bool) -> Path:
    """A folder of pictures of that kind; made once, then kept."""
    source = "photos" if _PHOTOS.is_dir() else "drawn"
    kept = BENCH / "pictures" / f"{name}-{source}{'-quick' if quick else ''}"
    if not kept.is_dir():
        making = kept.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        print(f"bench: making the pictures {kept.name}", file=sys.stderr)
        count = KINDS[name].quick if quick else KINDS[name].count
        if subprocess.run([sys.executable, __file__, name, making, str(count)], check=False).returncode != 0:
            raise BenchError(f"the pictures {kept.name} could not be made")
        making.rename(kept)
    return kept


def make(name: str, target: Path, count: int) -> None:
    photos = sorted(path for path in _PHOTOS.glob("*.*") if path.suffix in (".jpg", ".png"))
    sizes = KINDS[name].sizes
    for number in range(count):
        width, height = sizes[number % len(sizes)]
        picture = _photo(photos, number, width * height) if photos else drawn(number, width, height)
        picture.save(target / f"{name}-{number:03}.jpg", quality=90)


def _photo(photos: list[Path], number: int, pixels: int) -> Image.Image:
    """Each one different, also where there are fewer photos: mirrored, then cut, on each further turn."""
    turn, which = divmod(number, len(photos))
    with Image.open(photos[which]) as opened:
        photo = opened.convert("RGB")
    if turn % 2 == 1:
        photo = ImageOps.mirror(photo)
    if turn >= 2:
        cut = 0.06 * turn
        photo = photo.crop((int(photo.width * cut), 0, photo.width, int(photo.height * (1 - cut))))
    scale = (pixels / (photo.width * photo.height)) ** 0.5
    photo = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.LANCZOS)
    if scale <= 1:
        return photo
    # Enlarged pixels are smoother than any sensor's, and a PNG of them smaller than a camera's.
    return _finished(np.asarray(photo, np.float32), np.random.default_rng(number))


def drawn(seed: int, width: int, height: int) -> Image.Image:
    """A textured thing with sharp edges on a table before a wall."""
    random = np.random.default_rng(seed)
    x = np.linspace(-width / height, width / height, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    cloud = _texture(random, width, height, 24)
    grain = _texture(random, width, height, 6, stretch=40)
    stripes = np.sin(6 * _texture(random, width, height, 9) + 25 * (x * random.uniform(0.3, 1) + y))

    wall = _colour(random, 130, 230) * (1.0 - 0.18 * y + 0.05 * cloud)[..., None]
    table = _colour(random, 70, 150) * (0.9 + 0.25 * y + 0.12 * grain)[..., None]
    horizon = random.uniform(0.2, 0.5)
    scene = _mix(wall, table, _edge(y - horizon + 0 * x, 40 / height))

    bends = random.uniform(0.1, 0.3, 3), random.uniform(0, 6.28, 3)
    angle, radius = np.arctan2(y, x), np.hypot(x * random.uniform(0.9, 1.6), y)
    outline = 0.55 + sum(
        b * 0.4 * np.sin((k + 2) * angle + p) for k, (b, p) in enumerate(zip(*bends, strict=True))
    )
    shadow = np.exp(-(((x - 0.1) / 0.7) ** 2) - ((y - 0.55) / 0.16) ** 2)
    scene *= (1 - 0.45 * shadow)[..., None]
    light = np.clip(0.75 - 0.45 * x - 0.35 * y, 0.25, 1.2) + 0.10 * stripes + 0.05 * cloud
    thing = _colour(random, 60, 220) * light[..., None]
    scene = _mix(scene, thing, _edge(outline - radius, 2 / height))
    return _finished(scene, random)


def _texture(random: np.random.Generator, width: int, height: int, cells: int, stretch: int = 1) -> Field:
    """Smooth noise of about unit size, with some finer noise upon it."""
    total = np.zeros((height, width), np.float32)
    for octave in range(4):
        shape = (cells * stretch * 2**octave, cells * 2**octave)
        coarse = Image.fromarray(random.standard_normal(shape).astype(np.float32))
        total += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / 1.8**octave
    return total


def _colour(random: np.random.Generator, low: int, high: int) -> Field:
    return random.uniform(low, high, 3).astype(np.float32)


def _edge(distance: Field, width: float) -> Field:
    opacity: Field = np.clip(distance / width + 0.5, 0, 1)
    return opacity


def _mix(under: Rgb, over: Rgb, opacity: Field) -> Rgb:
    return under + (over - under) * opacity[..., None]


def _finished(picture: Rgb, random: np.random.Generator) -> Image.Image:
    """With the noise of a sensor at low sensitivity."""
    noisy = picture + random.normal(0, 2.0, picture.shape).astype(np.float32)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
