"""A cutout becomes the bytes of a PNG file."""

import zlib
from collections.abc import Mapping
from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from watchd.domain.profile import Encode
from watchd.imaging.arrays import Cutout


def encode(
    cutout: Cutout,
    icc: bytes | None,
    dpi: tuple[float, float] | None,
    text: Mapping[str, str],
    saving: Encode = Encode.FAST,
) -> bytes:
    """An RGBA PNG with the picture's colour profile and resolution, and `text` as its text chunks.

    The source's EXIF is left out on purpose: it tells where and when a photo was taken, and with which
    camera, and the picture is upright without it. A key of `text` is Latin-1, 1 to 79 characters.
    """
    info = PngInfo()
    for key, value in text.items():
        info.add_text(key, value)
    file = BytesIO()
    Image.fromarray(cutout).save(file, "PNG", icc_profile=icc, dpi=dpi, pnginfo=info, **_COMPRESSION[saving])
    return file.getvalue()


# Level 1 with run lengths only: at 24 megapixels 4 times faster than level 6, and 5 to 20 % larger.
_COMPRESSION = {
    Encode.FAST: {"compress_level": 1, "compress_type": zlib.Z_RLE},
    Encode.SMALL: {"compress_level": 6},
}
