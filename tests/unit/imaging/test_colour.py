"""Every mode and every colour profile become RGB."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from watchd.imaging.colour import MAX_CARRIED_ICC, Colours, separate

ORANGE = (230, 120, 40)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> Image.Image:
    """The image as it comes back from a file of this kind, loaded."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    back = Image.open(file)
    back.load()
    return back


def rgb_at(colours: Colours, x: int = 0) -> tuple[int, int, int]:
    red, green, blue = colours.rgb.getpixel((x, 0))
    return red, green, blue


def alphas(colours: Colours) -> list[int]:
    assert colours.alpha is not None
    return np.asarray(colours.alpha)[0].tolist()


def srgb_icc() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("mode", ["P", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"])
def test_coloured_modes_keep_their_colour(mode: str) -> None:
    image = Image.new("RGB", (4, 4), ORANGE).convert("RGBA" if mode == "RGBa" else "RGB")

    colours = separate(image.quantize(4) if mode == "P" else image.convert(mode))

    assert colours.rgb.mode == "RGB"
    assert rgb_at(colours) == pytest.approx(ORANGE, abs=4)
    assert colours.alpha is None


@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"])
def test_grey_modes_keep_black_and_white(mode: str) -> None:
    white = {"I": 65535, "F": 1.0, "1": 255, "L": 255, "LA": (255, 255), "La": (255, 255)}.get(mode, 65535)
    image = Image.new(mode, (2, 1))
    image.putpixel((1, 0), white)
    if mode in ("LA", "La"):
        image.putpixel((0, 0), (0, 255))

    colours = separate(image)

    assert (rgb_at(colours, 0), rgb_at(colours, 1)) == ((0, 0, 0), (255, 255, 255))
    assert colours.alpha is None


def test_rgb_is_not_copied() -> None:
    image = Image.new("RGB", (4, 4))

    assert separate(image).rgb is image


@pytest.mark.parametrize("mode", ["LA", "RGBA", "La", "RGBa"])
def test_alpha_channel_is_set_apart(mode: str) -> None:
    image = Image.new("RGBA", (2, 1), (200, 200, 200, 255))
    image.putpixel((1, 0), (200, 200, 200, 51))

    colours = separate(image.convert(mode.upper()).convert(mode))

    assert alphas(colours) == [255, 51]
    assert rgb_at(colours, 1) == pytest.approx((200, 200, 200), abs=3)


def test_palette_with_an_alpha_channel() -> None:
    image = Image.new("PA", (2, 1), (1, 255))
    image.putpalette([0, 0, 0, *ORANGE])
    image.putpixel((1, 0), (1, 51))

    colours = separate(image)

    assert alphas(colours) == [255, 51]
    assert rgb_at(colours, 1) == ORANGE


def test_alpha_that_is_opaque_everywhere_is_none() -> None:
    assert separate(Image.new("RGBA", (2, 2), (*ORANGE, 255))).alpha is None


def test_colours_under_full_transparency_are_kept() -> None:
    assert rgb_at(separate(Image.new("RGBA", (1, 1), (*ORANGE, 0)))) == ORANGE


def test_palette_with_one_transparent_colour() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, *ORANGE])
    image.putpixel((1, 0), 1)

    colours = separate(saved(image, transparency=1))

    assert alphas(colours) == [255, 0]


def test_palette_with_an_alpha_for_each_colour() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, *ORANGE])
    image.putpixel((1, 0), 1)

    colours = separate(saved(image, transparency=bytes([7, 99])))

    assert alphas(colours) == [7, 99]
    assert rgb_at(colours, 1) == ORANGE


@pytest.mark.parametrize(("mode", "key"), [("1", 0), ("L", 17), ("I;16", 5000), ("RGB", (1, 2, 3))])
def test_colour_that_stands_for_transparency(mode: str, key: object) -> None:
    image = Image.new(mode, (2, 1), key)
    image.putpixel((1, 0), 255 if mode != "RGB" else ORANGE)

    assert alphas(separate(saved(image, transparency=key))) == [0, 255]


def test_key_of_16_bits_is_found_in_colours_of_8() -> None:
    image = Image.new("RGB", (2, 1), (0x12, 0x34, 0x56))
    image.putpixel((1, 0), ORANGE)
    image.info["transparency"] = (0x1299, 0x3499, 0x5699)  # as Pillow tells it for a PNG of 16 bits

    assert alphas(separate(image)) == [0, 255]


def test_text_chunk_of_the_name_transparency_is_only_text() -> None:
    info = PngInfo()
    info.add_text("transparency", "high")

    assert separate(saved(Image.new("L", (2, 2), 9), pnginfo=info)).alpha is None


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_and_not_clipped(kind: str) -> None:
    values = np.array([[0, 0x0100, 0x8000, 0xFFFF]], np.uint16)

    colours = separate(saved(Image.fromarray(values), kind))

    assert [rgb_at(colours, x)[0] for x in range(4)] == [0, 1, 128, 255]


def test_16_bits_of_the_other_byte_order() -> None:
    colours = separate(saved(Image.frombytes("I;16B", (2, 1), b"\x80\x00\x00\xff"), "TIFF"))

    assert [rgb_at(colours, x)[0] for x in range(2)] == [128, 0]


def test_12_bits_of_a_tiff_are_scaled_from_12() -> None:
    tags = {256: 2, 257: 1, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 3}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    pixels = bytes([0xFF, 0xF8, 0x00])  # 0xFFF, 0x800
    file = b"II*\0" + struct.pack("<I", 12) + pixels + b"\0" + struct.pack("<H", 9) + entries + bytes(4)
    image = Image.open(io.BytesIO(file))
    image.load()

    colours = separate(image)

    assert [rgb_at(colours, x)[0] for x in range(2)] == [255, 128]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.25, 0.5, 0.75], [64, 128, 191]),
        ([10.0, 100.0, 200.0], [10, 100, 200]),
        ([-10.0, 0.0, 10.0], [0, 128, 255]),
        ([0.0, float("nan"), 1.0], [0, 0, 255]),
        ([7e5, 7e5, 7e5], [0, 0, 0]),
    ],
)
def test_floating_point_is_scaled(values: list[float], shown: list[int]) -> None:
    colours = separate(Image.fromarray(np.array([values], np.float32)))

    assert [rgb_at(colours, x)[0] for x in range(3)] == shown
    assert colours.notes == ("values scaled to 8 bits",)


def test_32_bits_are_stretched_from_their_own_range() -> None:
    colours = separate(Image.fromarray(np.array([[-1_000_000, 0, 1_000_000]], np.int32)))

    assert [rgb_at(colours, x)[0] for x in range(3)] == [0, 128, 255]


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA"])
def test_profile_for_rgb_is_carried_unchanged(mode: str) -> None:
    image = Image.new("RGB", (2, 2), ORANGE).convert(mode)
    image.info["icc_profile"] = srgb_icc()

    colours = separate(image)

    assert colours.icc == srgb_icc()
    assert colours.notes == ()


def test_profile_does_not_go_with_lab_once_it_is_rgb() -> None:
    image = Image.new("RGB", (2, 2), ORANGE).convert("LAB")
    image.info["icc_profile"] = srgb_icc()

    assert separate(image).icc is None


def test_padding_behind_a_profile_is_cut_off() -> None:
    image = Image.new("RGB", (2, 2))
    image.info["icc_profile"] = srgb_icc() + bytes(100)

    assert separate(image).icc == srgb_icc()


def test_profile_that_a_png_cannot_hold_is_applied() -> None:
    icc = srgb_icc().ljust(MAX_CARRIED_ICC + 1, b"\0")
    image = Image.new("RGB", (2, 2), ORANGE)
    image.info["icc_profile"] = struct.pack(">I", len(icc)) + icc[4:]

    colours = separate(image)

    assert colours.icc is None
    assert rgb_at(colours) == pytest.approx(ORANGE, abs=1)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_profile_is_applied(mode: str, grey_icc: bytes) -> None:
    image = Image.new("L", (1, 1), 128).convert(mode)
    image.info["icc_profile"] = grey_icc

    colours = separate(image)

    assert rgb_at(colours) == pytest.approx((188, 188, 188), abs=1)
    assert colours.icc is None
    assert colours.notes == ("L converted to sRGB by its colour profile",)


def test_cmyk_profile_is_applied(cmyk_icc: bytes) -> None:
    image = Image.new("CMYK", (1, 1), (255, 0, 0, 0))
    image.info["icc_profile"] = cmyk_icc

    colours = separate(image)

    red, green, blue = rgb_at(colours)
    assert red > 200
    assert max(green, blue) < 100
    assert colours.icc is None
    assert colours.notes == ("CMYK converted to sRGB by its colour profile",)


def test_cmyk_without_a_profile_is_converted_plainly() -> None:
    colours = separate(Image.new("CMYK", (1, 1), (255, 0, 0, 0)))

    assert rgb_at(colours) == (0, 255, 255)
    assert colours.notes == ("CMYK converted without a colour profile",)


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_profile_for_another_space_is_dropped(mode: str, grey_icc: bytes) -> None:
    image = Image.new(mode, (1, 1))
    image.info["icc_profile"] = grey_icc

    colours = separate(image)

    assert colours.icc is None
    assert colours.notes[0] == "a colour profile for GRAY was dropped"


@pytest.mark.parametrize("broken", [b"nonsense", b"\0\0\0\x80" + bytes(124), "a text chunk of this name"])
def test_broken_profile_is_dropped(broken: bytes) -> None:
    image = Image.new("RGB", (1, 1), ORANGE)
    image.info["icc_profile"] = broken

    colours = separate(image)

    assert colours.icc is None
    assert rgb_at(colours) == ORANGE


def test_profile_without_its_tables_is_dropped(cmyk_icc: bytes) -> None:
    image = Image.new("CMYK", (1, 1), (255, 0, 0, 0))
    image.info["icc_profile"] = cmyk_icc.replace(b"A2B0", b"zzzz")

    colours = separate(image)

    assert rgb_at(colours) == (0, 255, 255)
    assert colours.notes[0] == "a broken colour profile was dropped"
