"""An open file becomes a picture: recognised by its content, within the pixel limit, upright."""

import errno
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol, TypeAlias

# Each plugin registers its format. With these eight there, Image.open never loads the forty others.
from PIL import (  # noqa: F401
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from watchd.domain.errors import JobError, RejectedImage, TryAgain
from watchd.domain.profile import INPUTS
from watchd.imaging.colour import separate

FORMATS: tuple[str, ...] = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF")


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, upright. Pillow's images are not safe to share: one thread at a time.

    `image` is RGB in its own, straight colours; `alpha` (mode L, same size) is the transparency that the
    source carried, None where all is opaque. `icc` fits an RGB file, `dpi` is horizontal and vertical.
    `notes` say what was left out or converted.
    """

    image: Image.Image
    alpha: Image.Image | None = None
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()

    def seen(self) -> Image.Image:
        """What the network shall see, RGB: `image` itself, or a copy laid on white.

        For under its transparency a file may hold anything, even the background that was removed from it.
        """
        if self.alpha is None:
            return self.image
        on_white = Image.new("RGB", self.image.size, "white")
        on_white.paste(self.image, mask=self.alpha)
        return on_white


class Opened(Protocol):
    """A picture of which the header is read: what it will need, then its pixels."""

    @property
    def peak_bytes(self) -> int:
        """The most memory that the line needs for this picture, the network's own and the file left out."""

    def load(self) -> Picture:
        """RejectedImage: the data is truncated or broken. TryAgain: memory is short, or the disk failed."""


OpenPicture: TypeAlias = Callable[[BinaryIO, str, int, tuple[str, ...]], Opened]
"""Decodes here (`open_picture`) or in a child process (`isolated`); the file must stay open meanwhile."""


class Header:
    """What is known of a picture before its pixels are decoded. The file stays the caller's to close.

    `width` and `height` are those in the file, before the camera's orientation is applied.
    """

    def __init__(self, image: ImageFile, name: str) -> None:
        self.name = name
        self.width, self.height = image.size
        self.peak_bytes = _peak_bytes(image)
        self._image: ImageFile | None = image

    @property
    def pixels(self) -> int:
        return self.width * self.height

    def load(self) -> Picture:
        """Decodes; once only, for the header keeps nothing of the pixels.

        RejectedImage: the data is truncated or broken. TryAgain: memory is short, or the disk failed.
        """
        image, self._image = self._image, None
        assert image is not None, "a header loads once"
        try:
            return _picture(image)
        except (MemoryError, *_BROKEN) as error:
            raise _trouble(error, self.name) from error


def open_picture(file: BinaryIO, name: str, max_pixels: int, inputs: tuple[str, ...] = INPUTS) -> Header:
    """Reads the header only; `name` is for the messages, `inputs` are the formats that may be decoded.

    RejectedImage: no image that we read, or one of more than `max_pixels`. TryAgain: the disk failed.
    """
    _tame_pillow(max_pixels)
    try:
        # A JPEG with further pictures behind the first, an MPO, is opened by way of JPEG.
        image = Image.open(file, formats=[known for known in FORMATS if known.lower() in inputs])
    except UnidentifiedImageError as error:
        raise _no_image(file, name, inputs) from error
    except Image.DecompressionBombError as error:
        raise _too_large(name, str(error), max_pixels) from error
    except (MemoryError, *_BROKEN) as error:
        raise _trouble(error, name) from error
    if image.width * image.height > max_pixels:
        raise _too_large(name, f"{image.width}×{image.height} pixels", max_pixels)
    return Header(image, name)


# What Pillow raises for bad data: OSError, SyntaxError and ValueError by intention, RuntimeError for an
# AVIF, a bomb for a TIFF tile over the limit; the others where a parser runs off the end of its data
# (EOFError, IndexError, struct.error), meets a value it has no row for or did not expect (KeyError,
# TypeError), an offset no file can have (OverflowError), or a stream that is not compressed (zlib.error).
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    RuntimeError,
    Image.DecompressionBombError,
    EOFError,
    LookupError,
    struct.error,
    TypeError,
    OverflowError,
    zlib.error,
)


def _tame_pillow(max_pixels: int) -> None:
    """Puts our limit in the place of Pillow's, and keeps its warnings of odd metadata from stderr.

    Pillow and Python 3.11 have these for the whole process only. So they are set on use, not on import;
    to set them again changes nothing.
    """
    # Pillow warns at this number and refuses at twice of it; the exact limit is checked by us.
    Image.MAX_IMAGE_PIXELS = max_pixels // 2 + 1
    warnings.filterwarnings("ignore", module=r"PIL\.")


def _no_image(file: BinaryIO, name: str, inputs: tuple[str, ...]) -> RejectedImage:
    """Why a file is none that any plugin takes, told from its first bytes."""
    if set(inputs) != set(INPUTS):
        return RejectedImage(
            f"{name}: not a readable image of the formats {', '.join(inputs)} (inputs of the profile)",
            "Add its format to the inputs of the profile, or save it as one of these.",
        )
    file.seek(0)
    start = file.read(512)
    advice = "Save it as JPEG, PNG, WebP, TIFF, GIF, BMP or AVIF and drop it again."
    if not start:
        return RejectedImage(f"{name}: the file is empty", "Copy it again.")
    if start.startswith((b"\xff\xd8", b"\x89PNG", b"II*\0", b"MM\0*", b"GIF8")) or start[8:12] in _BRANDS:
        return RejectedImage(f"{name}: truncated or broken: its header cannot be read", "Copy it again.")
    if start[8:12] in (b"heic", b"heix", b"mif1"):
        return RejectedImage(f"{name}: HEIC is a format that watchd does not read", advice)
    if start.isascii() and b"\0" not in start:
        return RejectedImage(f"{name}: the file is text, not an image", advice)
    return RejectedImage(f"{name}: not an image that watchd reads", advice)


_BRANDS = (b"WEBP", b"avif")


def _too_large(name: str, found: str, max_pixels: int) -> RejectedImage:
    return RejectedImage(
        f"{name}: {found}, over the limit of {max_pixels} pixels (limits.max_pixels)",
        "Raise limits.max_pixels, or make the picture smaller.",
    )


def _trouble(error: BaseException, name: str) -> JobError:
    if isinstance(error, MemoryError):
        return TryAgain(f"{name}: not enough memory to decode it")
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL, errno.EOVERFLOW):
        # Pillow's own OSErrors carry no number, and an offset that no file can have is the picture's: this
        # one is the disk's or the share's.
        return TryAgain(f"{name}: cannot be read: {error.strerror}")
    reason = " ".join(str(error).split()) or type(error).__name__
    return RejectedImage(f"{name}: truncated or broken: {reason}", "Export or copy it again.")


def _peak_bytes(image: ImageFile) -> int:
    """The most memory that the line needs for this picture, the network's own and the file left out.

    Measured at 24 megapixels, in bytes a pixel: 4 for the picture and 4 for the cutout (Pillow pads RGB),
    1 each for mask, transparency and their product, and up to 4 for a PNG that noise keeps from shrinking
    make 15. Two things need more, while they are decoded: WebP, whose decoder has a canvas of its own,
    18.3, and grey of 32 bits, which is scaled as float64, 21.
    """
    needed = 22 if image.mode in ("I", "F") else 19 if image.format == "WEBP" else 16
    return needed * image.width * image.height


def _picture(image: ImageFile) -> Picture:
    """Decodes it and turns it upright."""
    frames = _frames(image)
    image.load()
    colours = separate(image)
    orientation = _orientation(image)
    dpi = _dpi(image.info.get("dpi"))
    rgb, alpha = colours.rgb, colours.alpha
    if rgb is image and image.format in _HOARDERS:
        rgb = image.copy()
    turn = _TURNS.get(orientation)
    if turn is not None:
        rgb = rgb.transpose(turn)
        alpha = alpha and alpha.transpose(turn)
        if dpi and orientation in _SIDEWAYS:
            dpi = (dpi[1], dpi[0])
    return Picture(rgb, alpha, colours.icc, dpi, frames + colours.notes)


def _frames(image: ImageFile) -> tuple[str, ...]:
    """A note, if the file has more pictures than the one that is taken."""
    try:
        count = getattr(image, "n_frames", 1)
    except _BROKEN:  # a later one; the first may be whole
        image.seek(0)
        return ("first of several frames, a later one is broken",)
    return (f"first of {count} frames",) if count > 1 else ()


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What puts a picture upright, by its EXIF orientation; 1 is upright."""

_SIDEWAYS = (5, 6, 7, 8)


_HOARDERS = ("WEBP", "AVIF")
"""Formats whose images hold on to their decoder, and that to a picture of its own: 8 bytes a pixel."""


def _orientation(image: ImageFile) -> int:
    try:
        # After load(): a PNG may tell it behind its pixels, and a TIFF's plugin has turned it already.
        return int(image.getexif().get(0x0112, 1))
    except _BROKEN:  # broken EXIF is no reason to refuse the pixels
        return 1


def _dpi(found: object) -> tuple[float, float] | None:
    """The resolution, unless it is missing, not two numbers, or absurd: 0, endless, of a text chunk."""
    try:
        across, down = (float(value) for value in found)  # type: ignore[attr-defined]  # the try answers it
    except (TypeError, ValueError, ArithmeticError):
        return None
    return (across, down) if all(1 <= value <= 100_000 for value in (across, down)) else None
