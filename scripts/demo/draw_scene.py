"""Draws a photo-like scene by path tracing: a bath duck on a wooden table, a garden out of focus behind it.

Vectors are arrays of shape (3, n), so that each coordinate lies in one piece; light is linear until the
picture is developed. One unit is about five centimetres. The duck looks along +x, y is up.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Vectors = Floats  # (3, n)
Place = tuple[Floats, Floats, Floats]
Triple = tuple[float, float, float]

_AT_ONCE = 1 << 15  # rays; their arrays stay in the CPU's cache
_FAR = np.float32(1e9)
_CLEAR = np.float32(4e-3)  # how far off a surface a further ray begins, not to hit the same again

# Each path takes nine choices: the place in the pixel and in the lens, in the sun's disc, a direction (two
# each), and whether to mirror. From path to path they go on by these strides, which spread them evenly.
_CHOICES = 9
_ROOT = 1.0650665  # of x^10 = x + 1, as the golden ratio is of x^2 = x + 1
_STRIDES = (_ROOT ** -np.arange(1.0, _CHOICES + 1))[:, None] % 1


def main() -> None:
    parser = argparse.ArgumentParser(description="Draws the scene of the README's picture.")
    parser.add_argument("picture", type=Path, help="where to; a .jpg gets quality 93")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--samples", type=int, default=24, help="paths through each pixel")
    asked = parser.parse_args()
    light = expose(asked.width, asked.width * 3 // 4, asked.samples)
    developed(light, np.random.default_rng(7)).save(asked.picture, quality=93)


def expose(width: int, height: int, samples: int) -> Floats:
    """The light that reaches each pixel, (height, width, 3)."""
    random = np.random.default_rng(7)
    scene = Scene(random)
    camera = Camera(width, height)
    light = np.zeros((3, width * height), np.float32)
    begin = random.random((_CHOICES, width * height), np.float32)
    for sample in range(samples):
        for first in range(0, width * height, _AT_ONCE):
            pixels = np.arange(first, min(first + _AT_ONCE, width * height))
            chance = ((begin[:, pixels] + sample * _STRIDES) % 1).astype(np.float32)
            light[:, pixels] += scene.light_along(*camera.rays(pixels, chance[:4]), chance[4:])
        print(f"\rsample {sample + 1} of {samples}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return np.moveaxis(light.reshape(3, height, width), 0, 2) / samples


def developed(light: Floats, random: np.random.Generator) -> Image.Image:
    """From light to a picture: lens fall-off, a film's curve, the noise of a sensor."""
    height, width, _ = light.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    exposed = light * (1 - 0.16 * (x * x + y * y))[..., None] * 0.80
    curved = exposed * (1 + exposed / 9) / (1 + exposed)
    coded = np.where(
        curved < 0.0031308, curved * 12.92, 1.055 * np.maximum(curved, 1e-6) ** (1 / 2.4) - 0.055
    )
    contrast = coded + 0.10 * np.sin(2 * np.pi * (coded - 0.5)) * 0.5
    noisy = contrast * 255 + random.normal(0, 1.3, light.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


class Camera:
    """A thin lens: what is not at the distance of the duck's head is soft."""

    eye = np.array([[3.9], [2.05], [5.3]], np.float32)
    target = np.array([[0.02], [0.86], [0.0]], np.float32)
    sharp_at = 6.3
    lens = 0.05
    field = 0.205  # half the picture's height, at distance 1

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._ahead = unit(self.target - self.eye)
        self._right = unit(np.cross(self._ahead, np.array([[0], [1], [0]], np.float32), axis=0))
        self._up = np.cross(self._right, self._ahead, axis=0)

    def rays(self, pixels: NDArray[np.int64], chance: Floats) -> tuple[Vectors, Vectors, Floats]:
        """Origins, directions, and the places on the picture: (2, n), y from -1 to 1."""
        across = (2 * (pixels % self._width + chance[0]) - self._width) / self._height
        upward = 1 - 2 * (pixels // self._width + chance[1]) / self._height
        place = np.stack([across, upward]).astype(np.float32)
        sharp = self.eye + self.sharp_at * (
            self._ahead + self.field * (place[0] * self._right + place[1] * self._up)
        )
        radius, turn = self.lens * np.sqrt(chance[2]), 2 * np.pi * chance[3]
        origin = self.eye + radius * np.cos(turn) * self._right + radius * np.sin(turn) * self._up
        return origin, unit(sharp - origin), place


@dataclass(frozen=True, slots=True)
class Surface:
    """What rays have hit: where, its normal, its colour, and how much it mirrors."""

    point: Vectors
    normal: Vectors
    colour: Vectors
    gloss: Floats  # reflectance straight on
    rough: Floats


class Scene:
    """A soft sun, the sky, a duck and a table."""

    sun = np.array([[0.05], [0.80], [0.60]], np.float32)
    sun_spread = 0.16
    sun_colour = np.array([[3.7], [3.25], [2.6]], np.float32)

    def __init__(self, random: np.random.Generator) -> None:
        self._table = Table(random)
        self._garden = garden(random)
        self._towards_sun = unit(self.sun)

    def light_along(self, origin: Vectors, direction: Vectors, place: Floats, chance: Floats) -> Vectors:
        light = self._behind(place)
        hit, surface = self._first(origin, direction)
        if hit.any():
            light[:, hit] = self._shaded(surface, direction[:, hit], chance[:, hit], bounces=1)
        return light

    def _first(self, origin: Vectors, direction: Vectors) -> tuple[Bools, Surface]:
        """Which rays hit something, and what those hit."""
        to_duck = distance_to_duck(origin, direction)
        to_table = self._table.distance(origin, direction)
        nearest = np.minimum(to_duck, to_table)
        hit = nearest < _FAR
        point = origin[:, hit] + nearest[hit] * direction[:, hit]
        on_duck = (to_duck < to_table)[hit]
        normal, colour = np.zeros_like(point), np.zeros_like(point)
        gloss, rough = np.full(on_duck.shape, 0.03, np.float32), np.full(on_duck.shape, 0.22, np.float32)
        normal[:, on_duck], colour[:, on_duck] = (
            duck_normal(point[:, on_duck]),
            duck_colour(point[:, on_duck]),
        )
        gloss[on_duck], rough[on_duck] = 0.045, 0.035
        normal[1, ~on_duck] = 1
        colour[:, ~on_duck], gloss[~on_duck] = self._table.look(point[:, ~on_duck])
        return hit, Surface(point, normal, colour, gloss, rough)

    def _shaded(self, at: Surface, direction: Vectors, chance: Floats, bounces: int) -> Vectors:
        facing = np.maximum(-dot(at.normal, direction), 0)
        mirrored = at.gloss + (1 - at.gloss) * (1 - facing) ** 5 * (1 - 2 * at.rough)
        matt = at.colour * (1 - mirrored)
        sunlight = self._sunlight(at, chance[:2])
        light: Vectors = matt * sunlight
        if bounces == 0:
            light += matt * sky(at.normal) * 0.55
            return light
        light += mirrored * self._glint(at, direction) * sunlight

        # One further ray: either mirrored or scattered, each weighed by how often it is taken.
        often = np.clip(mirrored * 2.5, 0.2, 0.8)
        mirror = chance[4] < often
        towards = on_sphere(chance[2:4])
        onward = np.where(mirror, self._mirrored(at, direction, towards), unit(at.normal + 0.999 * towards))
        weight = np.where(mirror, mirrored / often, matt / (1 - often))
        light += weight * self._arriving(at, onward, chance)
        return light

    def _arriving(self, at: Surface, onward: Vectors, chance: Floats) -> Vectors:
        arriving = sky(onward)
        hit, surface = self._first(at.point + at.normal * _CLEAR, onward)
        if hit.any():
            arriving[:, hit] = self._shaded(surface, onward[:, hit], chance[:, hit], bounces=0)
        return arriving

    def _sunlight(self, at: Surface, chance: Floats) -> Vectors:
        towards = unit(self._towards_sun + self.sun_spread * np.sqrt(chance[0]) * self._around_sun(chance[1]))
        facing = np.maximum(dot(at.normal, towards), 0)
        lit = facing > 0
        lit[lit] = distance_to_duck(at.point[:, lit] + at.normal[:, lit] * _CLEAR, towards[:, lit]) >= _FAR
        sunlight: Vectors = self.sun_colour * (facing * lit)
        return sunlight

    def _around_sun(self, turn: Floats) -> Vectors:
        aside = unit(np.cross(self._towards_sun, np.array([[1], [0], [0]], np.float32), axis=0))
        upright = np.cross(self._towards_sun, aside, axis=0)
        around: Vectors = np.cos(2 * np.pi * turn) * aside + np.sin(2 * np.pi * turn) * upright
        return around

    def _glint(self, at: Surface, direction: Vectors) -> Floats:
        """How much of the sun's disc the surface mirrors; the rougher, the wider and the fainter."""
        straight = direction - 2 * dot(direction, at.normal) * at.normal
        off = 1 - dot(self._towards_sun, straight)
        wide = 0.02 + 1.2 * at.rough**2
        return 14 * (0.02 / wide) * smooth_step((wide - off) / (0.5 * wide))

    def _mirrored(self, at: Surface, direction: Vectors, towards: Vectors) -> Vectors:
        straight = direction - 2 * dot(direction, at.normal) * at.normal
        bent = unit(straight + at.rough * towards)
        # What the roughness bent into the surface goes out again.
        return bent - 2 * np.minimum(dot(bent, at.normal), 0) * at.normal

    def _behind(self, place: Floats) -> Vectors:
        height, width, _ = self._garden.shape
        column = np.clip((place[0] / 1.5 + 1) / 2 * width, 0, width - 1).astype(np.int64)
        row = np.clip((1 - place[1]) / 2 * height, 0, height - 1).astype(np.int64)
        return np.ascontiguousarray(self._garden[row, column].T)


def sky(direction: Vectors) -> Vectors:
    """The light from all around: bright above, green from the garden at the sides, brown from the ground."""
    above = smooth_step(direction[1] * 0.5 + 0.5)
    zenith = np.array([[0.80], [0.93], [1.05]], np.float32)
    garden_side = np.array([[0.26], [0.32], [0.19]], np.float32)
    ground = np.array([[0.10], [0.08], [0.06]], np.float32)
    low, high = np.clip(above * 2, 0, 1), np.clip(above * 2 - 1, 0, 1)
    return ((ground + (garden_side - ground) * low) * (1 - high) + zenith * high).astype(np.float32)


# The duck: a distance bound made of ellipsoids that melt into each other.

_BOX = np.array([[-1.42, 1.30], [0.0, 2.02], [-0.86, 0.86]], np.float32)
_HEAD = (0.44, 1.46, 0.0)
_EYE = (0.70, 0.24, 0.67)
_GLINT = (0.655, 0.33, 0.68)


def distance_to_duck(origin: Vectors, direction: Vectors) -> Floats:
    """Along each ray, by steps that can reach no further than the surface; _FAR where it is missed."""
    inverse = 1 / np.where(np.abs(direction) < 1e-9, np.float32(1e-9), direction)
    walls = (_BOX[:, :, None] - origin[:, None, :]) * inverse[:, None, :]
    enters = np.maximum(walls.min(axis=1).max(axis=0), 0)
    leaves = walls.max(axis=1).min(axis=0)
    found = np.full(enters.shape, _FAR, np.float32)
    going = np.flatnonzero(enters < leaves)
    along, start, step = enters[going], origin[:, going], direction[:, going]
    for _ in range(110):
        gap = duck(start + along * step)
        arrived = gap < 8e-4
        found[going[arrived]] = along[arrived]
        along = along + gap * 0.9
        on = ~arrived & (along < leaves[going])
        if not on.any():
            break
        if on.mean() < 0.85:  # taking out what has ended is worth its own cost
            going, along, start, step = going[on], along[on], start[:, on], step[:, on]
        elif not on.all():
            along[~on] = _FAR
    return found


def duck(point: Vectors) -> Floats:
    return np.minimum(duck_body(point), duck_beak(point))


def duck_body(point: Vectors) -> Floats:
    here, either_side = (point[0], point[1], point[2]), (point[0], point[1], np.abs(point[2]))
    gap = ellipsoid(here, (-0.10, 0.56, 0.0), (0.98, 0.58, 0.74))
    gap = melt(gap, ellipsoid(here, (0.30, 0.74, 0.0), (0.54, 0.50, 0.56)), 0.25)
    gap = melt(gap, tilted(here, (-0.98, 0.90, 0.0), (0.46, 0.12, 0.30), 0.72), 0.38)
    gap = melt(gap, tilted(either_side, (-0.20, 0.70, 0.66), (0.52, 0.27, 0.12), 0.30), 0.06)
    gap = melt(gap, ellipsoid(here, _HEAD, (0.47, 0.45, 0.45)), 0.13)
    return -melt(-gap, point[1] - 0.03, 0.06)  # sits flat


def duck_beak(point: Vectors) -> Floats:
    here = (point[0], point[1], point[2])
    upper = tilted(here, (0.93, 1.42, 0.0), (0.28, 0.065, 0.22), 0.22)
    lower = tilted(here, (0.88, 1.335, 0.0), (0.22, 0.055, 0.17), -0.10)
    return melt(upper, lower, 0.03)


def duck_normal(point: Vectors) -> Vectors:
    reach = np.float32(2e-3)
    slope = [
        duck(point + reach * axis) - duck(point - reach * axis)
        for axis in np.eye(3, dtype=np.float32)[..., None]
    ]
    return unit(np.stack(slope))


def duck_colour(point: Vectors) -> Vectors:
    colour = np.empty_like(point)
    colour[:] = np.array([[0.90], [0.53], [0.02]], np.float32)
    colour[:, duck_beak(point) < duck_body(point)] = np.array([[0.86], [0.17], [0.015]], np.float32)
    x, y, z = point - np.array(_HEAD, np.float32)[:, None]
    seen = unit(np.stack([x, y, np.abs(z)]))
    off = seen - unit(np.array(_EYE, np.float32)[:, None])
    oval = np.sqrt(off[0] ** 2 + (off[1] / 1.35) ** 2 + off[2] ** 2)
    head = (y > -0.2) & (duck_beak(point) > 0.01)
    colour[:, head & (oval < 0.215)] = 0.85
    colour[:, head & (oval < 0.16)] = 0.012
    glint = seen - unit(np.array(_GLINT, np.float32)[:, None])
    colour[:, head & (dot(glint, glint) < 0.05**2)] = 0.85
    return colour


def ellipsoid(place: Place, at: Triple, radii: Triple) -> Floats:
    """First-order distance: the value of the implicit function over the length of its gradient."""
    a, b, c = ((where - centre) / radius for where, centre, radius in zip(place, at, radii, strict=True))
    size = np.sqrt(a * a + b * b + c * c) + np.float32(1e-6)
    a, b, c = a / radii[0], b / radii[1], c / radii[2]
    gap: Floats = (size - 1) * size / (np.sqrt(a * a + b * b + c * c) + np.float32(1e-6))
    return gap


def tilted(place: Place, at: Triple, radii: Triple, by: float) -> Floats:
    """An ellipsoid turned in the plane of x and y; a positive angle lowers its front."""
    sine, cosine = np.float32(np.sin(by)), np.float32(np.cos(by))
    u, v = place[0] - at[0], place[1] - at[1]
    return ellipsoid((u * cosine - v * sine, u * sine + v * cosine, place[2]), (0.0, 0.0, at[2]), radii)


def melt(one: Floats, other: Floats, width: float) -> Floats:
    """The smaller of two distances, with a fillet where they meet."""
    near = np.maximum(width - np.abs(one - other), 0) / np.float32(width)
    return np.minimum(one, other) - near * near * np.float32(width / 4)


class Table:
    """Planks of oiled wood, with an edge behind the duck."""

    plank = 1.25
    edge = -3.3

    def __init__(self, random: np.random.Generator) -> None:
        self._grain = filtered(random, (1024, 1024), lambda u, v: np.exp(-((u / 150) ** 2) - (v / 7) ** 2))
        self._rings = filtered(random, (1024, 1024), lambda u, v: np.exp(-((u / 9) ** 2) - (v / 2.2) ** 2))
        self._pores = filtered(random, (1024, 1024), lambda u, v: np.exp(-((u / 420) ** 2) - (v / 26) ** 2))
        self._planks = random.uniform(0, 1, (3, 64)).astype(np.float32)

    def distance(self, origin: Vectors, direction: Vectors) -> Floats:
        down = direction[1] < -1e-6
        along = np.where(down, -origin[1] / np.where(down, direction[1], -1), _FAR).astype(np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            behind = self._across(origin + along * direction)[0] < self.edge
        return np.where(behind | (along <= 0), _FAR, along)

    def look(self, point: Vectors) -> tuple[Vectors, Floats]:
        """Colour, and how much it mirrors."""
        across, along = self._across(point)
        which = np.floor(across / self.plank).astype(np.int64) % 64
        tone, shift, lean = self._planks[:, which]
        u, v = (across + 9 * shift) * 90, (along + 31 * shift) * 60
        rings = np.sin(11 * at(self._rings, u * 0.5, v * 0.5) + across * (9 + 4 * lean))
        grain = 0.55 * at(self._grain, u * 2.2, v * 2.2) + 0.35 * rings + 0.35 * at(self._pores, u * 5, v * 5)
        light = np.array([[0.40], [0.215], [0.10]], np.float32)
        dark = np.array([[0.12], [0.055], [0.024]], np.float32)
        share = np.clip(0.50 + 0.24 * grain + 0.45 * (tone - 0.5), 0, 1)
        seam = np.abs(across / self.plank - np.round(across / self.plank)) * self.plank
        shade = smooth_step((seam - 0.006) / 0.022)
        return (dark + (light - dark) * share) * (0.18 + 0.82 * shade), (0.012 + 0.03 * share) * shade

    def _across(self, point: Vectors) -> tuple[Floats, Floats]:
        """Across the planks, growing towards the camera, and along them."""
        return point[2] * 0.80 + point[0] * 0.60, point[0] * 0.80 - point[2] * 0.60


def garden(random: np.random.Generator) -> Floats:
    """What is far behind, as the lens sees it: leaves as soft stains, and each glint as a disc of light."""
    height, width = 900, 1350
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1.5 : width * 1j].astype(np.float32)
    stains = [filtered(random, (height, width), lambda u, v: np.exp(-(u * u + v * v) / 30)) for _ in range(2)]
    deep, leaf, pale = (
        np.array(c, np.float32) for c in ((0.035, 0.075, 0.028), (0.17, 0.28, 0.07), (0.62, 0.70, 0.38))
    )
    far = smooth_step(0.62 - 0.75 * y + 0.22 * stains[0])[..., None]
    picture = deep + (leaf - deep) * smooth_step(0.5 + 0.33 * stains[1])[..., None]
    picture = picture + (pale - picture) * far * 0.55
    tints = np.array(
        ((0.75, 0.85, 0.35), (0.95, 0.95, 0.75), (0.35, 0.55, 0.15), (0.85, 0.55, 0.45)), np.float32
    )
    for _ in range(190):
        cx, cy, radius = random.uniform(-0.05, 1.55), random.beta(1.3, 2.0), random.uniform(0.022, 0.05)
        gap = np.hypot(x - cx, y - cy)
        disc = smooth_step((radius - gap) / 0.006) * (0.72 + 0.28 * (gap / radius) ** 3)
        strength = random.uniform(0.02, 0.32) ** 1.3 * (1.15 - cy)
        picture = picture + disc[..., None] * strength * tints[random.choice(4, p=(0.4, 0.22, 0.3, 0.08))]
    return picture


# Arithmetic.


def dot(one: Vectors, other: Vectors) -> Floats:
    product: Floats = one[0] * other[0] + one[1] * other[1] + one[2] * other[2]
    return product


def unit(vectors: Vectors) -> Vectors:
    return vectors / np.sqrt(dot(vectors, vectors))


def on_sphere(chance: Floats) -> Vectors:
    height, turn = 2 * chance[0] - 1, 2 * np.pi * chance[1]
    wide = np.sqrt(np.maximum(1 - height * height, 0))
    return np.stack([wide * np.cos(turn), height, wide * np.sin(turn)])


def smooth_step(values: Floats) -> Floats:
    inside = np.clip(values, 0, 1)
    return inside * inside * (3 - 2 * inside)


def filtered(
    random: np.random.Generator, shape: tuple[int, int], passes: Callable[[Floats, Floats], Floats]
) -> Floats:
    """Noise of unit spread that repeats at its borders; `passes` weighs its waves per picture."""
    u, v = np.fft.fftfreq(shape[0], 1 / shape[0])[:, None], np.fft.fftfreq(shape[1], 1 / shape[1])[None, :]
    noise = np.fft.ifft2(np.fft.fft2(random.standard_normal(shape)) * passes(u, v)).real
    even: Floats = (noise / noise.std()).astype(np.float32)
    return even


def at(texture: Floats, row: Floats, column: Floats) -> Floats:
    """Between its points, and repeating."""
    top, left = np.floor(row), np.floor(column)
    down, right = row - top, column - left
    i, j = top.astype(np.int64) % texture.shape[0], left.astype(np.int64) % texture.shape[1]
    k, m = (i + 1) % texture.shape[0], (j + 1) % texture.shape[1]
    upper = texture[i, j] * (1 - right) + texture[i, m] * right
    lower = texture[k, j] * (1 - right) + texture[k, m] * right
    between: Floats = (upper * (1 - down) + lower * down).astype(np.float32)
    return between


if __name__ == "__main__":
    main()
