"""Text from outside, made safe for one line of a log or a terminal."""

import re


def escape(text: object) -> str:
    """Line ends, control and direction characters and undecodable bytes become visible, as `\\x1b`."""
    return "".join(char if char.isprintable() else _visible(char) for char in str(text))


def without_surrogates(text: str) -> str:
    """Undecodable bytes become visible, so that the text has an encoding; all else stays."""
    return re.sub("[\ud800-\udfff]", lambda match: _visible(match[0]), text)


def _visible(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # a byte of a name that os.fsdecode could not read
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
