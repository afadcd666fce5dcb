"""Files of every kind, whole and damaged, become pictures or are rejected with a reason."""

import contextlib
import errno
import io
import random
import struct
import zlib
from typing import BinaryIO

import numpy as np
import pytest
from fakes import draw, encoded
from PIL import Image

from watchd.domain.errors import RejectedImage, TryAgain
from watchd.imaging.decode import FORMATS, Header, Picture, open_picture

LIMIT = 200_000_000


def load(data: bytes, max_pixels: int = LIMIT) -> Picture:
    return open_picture(io.BytesIO(data), "a.jpg", max_pixels).load()


def png(width: int, height: int) -> bytes:
    """A PNG's header and first pixels: all that is needed to be told its size."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100)))


def with_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def frames(count: int) -> list[Image.Image]:
    return [Image.new("RGB", (8, 6), (20 * index, 100, 50)) for index in range(count)]


@pytest.mark.parametrize("kind", FORMATS)
def test_format_is_told_by_content_and_not_by_suffix(kind: str) -> None:
    header = open_picture(io.BytesIO(encoded(kind)), "notes.txt", LIMIT)

    assert (header.width, header.height, header.pixels) == (64, 48, 3072)
    assert header.load().image.size == (64, 48)


@pytest.mark.parametrize("kind", ["PPM", "ICO", "TGA"])
def test_other_formats_of_pillow_are_rejected(kind: str) -> None:
    with pytest.raises(RejectedImage):
        load(encoded(kind))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a.jpg: the file is empty"),
        (b"Dear diary,\n", "a.jpg: the file is text, not an image"),
        (b"\0\0\0\x1cftypheic" + bytes(100), "a.jpg: HEIC is a format that watchd does not read"),
        (b"\x7fELF" + bytes(100), "a.jpg: not an image that watchd reads"),
        (b"II*\0", "a.jpg: truncated or broken: its header cannot be read"),
    ],
)
def test_what_is_no_image_is_rejected_and_told_why(data: bytes, reason: str) -> None:
    with pytest.raises(RejectedImage) as rejected:
        load(data)

    assert str(rejected.value) == reason
    assert rejected.value.advice


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_truncated_picture_is_rejected(kind: str) -> None:
    data = encoded(kind, draw(256, 256))

    with pytest.raises(RejectedImage, match="truncated or broken"):
        load(data[: len(data) * 2 // 3])


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_file_is_decoded_or_rejected_and_never_anything_else(kind: str) -> None:
    whole = encoded(kind)
    chance = random.Random(kind)

    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 3, 20))):
            data[int(len(data) * chance.random() ** 2)] = chance.randrange(256)
        with contextlib.suppress(RejectedImage):
            assert load(bytes(data), max_pixels=1_000_000).image.mode == "RGB"


@pytest.mark.parametrize("side", [11, 13, 1000])
def test_too_many_pixels_are_rejected_before_decoding(side: int) -> None:
    with pytest.raises(
        RejectedImage, match=r"over the limit of 120 pixels \(limits.max_pixels\)"
    ) as rejected:
        open_picture(io.BytesIO(png(side, side)), "a.png", max_pixels=120)

    assert rejected.value.advice == "Raise limits.max_pixels, or make the picture smaller."


def test_exactly_as_many_pixels_as_allowed_are_let_pass() -> None:
    assert load(encoded("PNG", draw(11, 11)), max_pixels=121).image.size == (11, 11)


@pytest.mark.parametrize(("width", "height"), [(10_000, 10_000), (15_000, 13_000)])
def test_our_limit_counts_and_not_that_of_pillow(width: int, height: int) -> None:
    assert open_picture(io.BytesIO(png(width, height)), "a.png", LIMIT).pixels == width * height


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_picture_without_pixels_is_rejected(size: tuple[int, int]) -> None:
    with pytest.raises(RejectedImage):
        open_picture(io.BytesIO(png(*size)), "a.png", LIMIT)


def test_short_memory_is_no_fault_of_the_file() -> None:
    class Greedy(Image.Image):
        format = "PNG"

        def load(self) -> None:
            raise MemoryError

    with pytest.raises(TryAgain, match="not enough memory"):
        Header(Greedy(), "a.png").load()


@pytest.mark.parametrize("after", [0, 200])
def test_failing_disk_is_no_fault_of_the_file(after: int) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() >= after:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    with pytest.raises(TryAgain, match=r"a\.bmp: cannot be read: Input/output error"):
        open_picture(Failing(encoded("BMP", draw(200, 200))), "a.bmp", LIMIT).load()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EOVERFLOW])
def test_offset_that_no_file_can_have_is_the_fault_of_the_file(code: int) -> None:
    class Damaged(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            if self.tell() >= 200:
                raise OSError(code, "no such place")
            return super().seek(offset, whence)

    with pytest.raises(RejectedImage, match=r"a\.tif: truncated or broken"):
        open_picture(Damaged(encoded("TIFF", draw(200, 200))), "a.tif", LIMIT).load()


def test_file_stays_the_callers_to_close() -> None:
    file: BinaryIO = io.BytesIO(encoded("GIF"))

    open_picture(file, "a.gif", LIMIT).load()

    assert not file.closed


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda stored: stored),
        (2, np.fliplr),
        (3, lambda stored: np.rot90(stored, 2)),
        (4, np.flipud),
        (5, lambda stored: stored.transpose(1, 0, 2)),
        (6, lambda stored: np.rot90(stored, -1)),
        (7, lambda stored: np.rot90(stored, 2).transpose(1, 0, 2)),
        (8, np.rot90),
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_picture_is_turned_upright(kind: str, orientation: int, upright: object) -> None:
    stored = draw(9, 5, "RGBA")
    stored.putalpha(Image.linear_gradient("L").resize((9, 5)))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}

    picture = load(encoded(kind, stored, exif=with_exif(orientation), **options))

    assert picture.alpha is not None
    turned = np.dstack([np.asarray(picture.image), np.asarray(picture.alpha)])
    assert np.array_equal(turned, upright(np.asarray(stored)))


def test_resolution_is_turned_with_the_picture() -> None:
    data = encoded("JPEG", exif=with_exif(6), dpi=(300, 150))

    assert load(data).dpi == (150, 300)


@pytest.mark.parametrize(
    "exif",
    [
        b"MM\0*\xff\xff\xff\xff",
        b"nonsense",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x03\0\0\0up\0\0" + bytes(4),
    ],
    ids=["endless", "nonsense", "orientation is a word"],
)
def test_broken_exif_does_not_matter(exif: bytes) -> None:
    assert load(encoded("JPEG", exif=b"Exif\0\0" + exif)).image.size == (64, 48)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP"])
def test_resolution_is_carried(kind: str) -> None:
    assert load(encoded(kind, dpi=(300, 150))).dpi == pytest.approx((300, 150), abs=0.1)


@pytest.mark.parametrize(
    "absurd",
    [
        None,
        72,
        "300 dpi",
        (0, 0),
        (72,),
        (72, 72, 72),
        (float("nan"), 72),
        (72, float("inf")),
        (-1, 1),
        (None, 1),
    ],
)
def test_absurd_resolution_is_dropped(absurd: object) -> None:
    file = io.BytesIO(encoded("PNG"))
    image = Image.open(file)
    image.info["dpi"] = absurd

    assert Header(image, "a.png").load().dpi is None


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG", "AVIF", "MPO"])
def test_first_of_many_frames_is_taken_with_a_note(kind: str) -> None:
    first, *others = frames(12)

    picture = load(encoded(kind, first, save_all=True, append_images=others))

    assert picture.notes == ("first of 12 frames",)
    assert picture.image.getpixel((3, 3)) == pytest.approx((0, 100, 50), abs=8)


def test_broken_later_frame_leaves_the_first() -> None:
    first, *others = frames(3)
    data = encoded("TIFF", first, save_all=True, append_images=others)
    link = struct.unpack("<I", data[4:8])[0]
    count = struct.unpack("<H", data[link : link + 2])[0]
    after = link + 2 + 12 * count
    data = data[:after] + struct.pack("<I", len(data) + 100) + data[after + 4 :]

    assert load(data).image.getpixel((3, 3)) == (0, 100, 50)


def test_single_picture_has_no_notes() -> None:
    assert load(encoded("JPEG")).notes == ()


def test_oddities_of_a_file_give_no_warning() -> None:
    empty_animation = (
        struct.pack(">I", 8) + b"acTL" + bytes(8) + struct.pack(">I", zlib.crc32(b"acTL" + bytes(8)))
    )
    data = encoded("PNG")

    assert load(data[:33] + empty_animation + data[33:]).image.size == (64, 48)


def test_profile_and_transparency_come_through(grey_icc: bytes) -> None:
    image = Image.new("LA", (2, 1), (128, 77))

    picture = load(encoded("PNG", image, icc_profile=grey_icc))

    assert picture.image.getpixel((0, 0)) == pytest.approx((188, 188, 188), abs=1)
    assert picture.alpha is not None
    assert picture.alpha.getpixel((0, 0)) == 77


def test_network_sees_white_where_the_source_is_transparent() -> None:
    picture = Picture(Image.new("RGB", (1, 1), (200, 0, 0)), Image.new("L", (1, 1), 51))

    assert picture.seen().getpixel((0, 0)) == pytest.approx((244, 204, 204), abs=1)
    assert picture.image.getpixel((0, 0)) == (200, 0, 0)


def test_network_sees_an_opaque_picture_itself() -> None:
    picture = Picture(draw())

    assert picture.seen() is picture.image


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_picture_does_not_hold_on_to_its_decoder(kind: str) -> None:
    assert type(load(encoded(kind)).image) is Image.Image


def test_memory_is_told_from_the_header() -> None:
    jpeg, webp = (open_picture(io.BytesIO(encoded(kind)), "a", LIMIT) for kind in ("JPEG", "WEBP"))

    assert 13 * 3072 < jpeg.peak_bytes < webp.peak_bytes < 30 * 3072


def test_header_loads_once() -> None:
    header = open_picture(io.BytesIO(encoded()), "a.jpg", LIMIT)
    header.load()

    with pytest.raises(AssertionError):
        header.load()


def test_format_that_the_profile_does_not_want_is_never_decoded() -> None:
    for kind in ("PNG", "GIF"):
        with pytest.raises(RejectedImage, match=r"formats jpeg, webp \(inputs of the profile\)"):
            open_picture(io.BytesIO(encoded(kind)), "a.jpg", LIMIT, ("jpeg", "webp"))

    assert open_picture(io.BytesIO(encoded("JPEG")), "a.jpg", LIMIT, ("jpeg", "webp")).pixels == 3072
