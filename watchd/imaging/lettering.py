"""Words in pictures, in the font that Pillow has inside: it knows ASCII and a few signs more."""

import unicodedata

from PIL.ImageFont import FreeTypeFont, ImageFont, load_default

Font = FreeTypeFont | ImageFont

_KNOWN = "·…±"
_ALIKE = str.maketrans({"×": "x", "–": "-", "—": "-", "→": ">", "’": "'", "ß": "ss", "ø": "o", "ł": "l"})


def font_of(size: int) -> Font:
    """Of so many pixels."""
    return load_default(size)


def drawable(text: str) -> str:
    """Without accents, and with a ? for each letter that the font does not know."""
    plain = unicodedata.normalize("NFKD", text.translate(_ALIKE))
    return "".join(
        char if (char.isascii() and char.isprintable()) or char in _KNOWN else "?"
        for char in plain.replace("...", "…")
        if not unicodedata.combining(char)
    )


def shortened(text: str, font: Font, width: int) -> str:
    """Drawable, and if it is wider than `width` pixels with dots in its middle: of a file both ends tell."""
    text = drawable(text)
    kept = len(text)
    short = text
    while font.getlength(short) > width and kept > 2:
        kept -= 1
        short = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return short
