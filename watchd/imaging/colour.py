"""Whatever mode and colour profile a picture has, it becomes RGB with its transparency beside it."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

MAX_CARRIED_ICC = 1 << 20
"""Bytes. Pillow, and so every program that reads with it, refuses a PNG with a larger profile."""


@dataclass(frozen=True, slots=True)
class Colours:
    """`rgb` (mode RGB), `alpha` (mode L, None where all is opaque), and a profile that fits an RGB file."""

    rgb: Image.Image
    alpha: Image.Image | None = None
    icc: bytes | None = None
    notes: tuple[str, ...] = ()


def separate(image: Image.Image) -> Colours:
    """Of a loaded image in any mode; an RGB image without transparency is given back itself, not a copy.

    A profile for RGB is carried unchanged; one for grey or CMYK is applied, for a PNG with colours and
    alpha cannot carry it; a broken one is dropped. ValueError: Pillow knows no way from the mode to RGB.
    """
    _mend_key(image)
    base = _base(image)
    managed = _managed(base.rgb, _profile_of(image))
    alpha = None if base.alpha is None or base.alpha.getextrema() == (255, 255) else base.alpha
    return Colours(managed.rgb, alpha, managed.icc, base.notes + managed.notes)


def _mend_key(image: Image.Image) -> None:
    """The value that stands for transparency, as the decoded pixels have it, or none."""
    key = image.info.get("transparency")
    if isinstance(key, tuple) and max(key) > 255:
        # A 16-bit key, but Pillow decodes 16-bit colours to their upper 8 bits.
        image.info["transparency"] = tuple(value >> 8 for value in key)
    elif key is not None and not isinstance(key, int | bytes | tuple):
        # A text chunk of a PNG may bear this name too.
        del image.info["transparency"]


def _base(image: Image.Image) -> Colours:
    """The picture with 8 bits, as L, RGB or CMYK: the modes that colour profiles are made for."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _eight_bits(image)
    if image.mode in ("LA", "La"):
        grey, alpha = image.convert("LA").split()
        return Colours(grey, alpha)
    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")
        return Colours(rgba.convert("RGB"), rgba.getchannel("A"))
    if image.mode in ("L", "RGB", "CMYK"):
        return Colours(image)
    return Colours(image.convert("L" if image.mode == "1" else "RGB"))


def _eight_bits(image: Image.Image) -> Colours:
    """Grey of 16 or 32 bits, which Pillow would clip at 255, scaled to 8."""
    values = np.asarray(image)
    key = image.info.get("transparency")
    alpha = None if key is None else Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8))
    if image.mode != "F" and values.min() >= 0 and values.max() <= 0xFFFF:
        return Colours(Image.fromarray((values >> _spare_bits(image)).astype(np.uint8)), alpha)
    return Colours(Image.fromarray(_stretched(values)), alpha, notes=("values scaled to 8 bits",))


def _spare_bits(image: Image.Image) -> int:
    """By how many bits the values are longer than 8; only a TIFF can have 12 (tag 258, BitsPerSample)."""
    return 4 if getattr(image, "tag_v2", {}).get(258) == (12,) else 8


def _stretched(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """0..1 and 0..255 are taken for what they are, anything else is stretched from its own range."""
    scaled: npt.NDArray[np.float64] = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0).astype(float)
    low, high = float(scaled.min()), float(scaled.max())
    if low >= 0 and high <= 255:
        low, high = 0.0, 1.0 if high <= 1 else 255.0
    # In place: these are 8 bytes a pixel already.
    scaled -= low
    scaled *= 255 / max(high - low, 1e-30)
    np.rint(scaled, out=scaled)
    return scaled.astype(np.uint8)


def _profile_of(image: Image.Image) -> bytes | None:
    icc = image.info.get("icc_profile")
    if not isinstance(icc, bytes) or not icc or image.mode == "LAB":
        return None
    # No longer than it says itself: readers of PNG refuse a profile with padding behind it.
    return icc[: int.from_bytes(icc[:4], "big")]


_SPACE = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK"}
"""The colour space that a profile for pixels of this mode names in its header."""


def _managed(base: Image.Image, icc: bytes | None) -> Colours:
    """The base as RGB, with the profile that still goes with it."""
    if icc is None:
        return _plain(base)
    space = icc[16:20]
    if space == _SPACE["RGB"] and base.mode == "L":
        base = base.convert("RGB")  # grey in that RGB
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        if space != _SPACE[base.mode]:
            return _plain(base, f"a colour profile for {space.decode('latin-1').strip()} was dropped")
        if base.mode == "RGB" and len(icc) <= MAX_CARRIED_ICC:
            return Colours(base, icc=icc)
        return Colours(
            _in_srgb(base, profile), notes=(f"{base.mode} converted to sRGB by its colour profile",)
        )
    except (OSError, ImageCms.PyCMSError):
        return _plain(base, "a broken colour profile was dropped")


def _plain(base: Image.Image, *notes: str) -> Colours:
    if base.mode == "RGB":
        return Colours(base, notes=notes)
    if base.mode == "CMYK":
        notes += ("CMYK converted without a colour profile",)
    return Colours(base.convert("RGB"), notes=notes)


def _in_srgb(base: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    rgb = ImageCms.profileToProfile(
        base,
        profile,
        ImageCms.createProfile("sRGB"),
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert rgb is not None  # only inPlace gives None
    return rgb
