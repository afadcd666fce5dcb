"""How numbers, words and times are written in the config: 90s, 5m, 500MB, 200MP, "0-3,6", auto."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum

from watchd.config.written import Written

TIMES = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
SIZES = {
    "B": 1,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip
PIXELS = {"": 1, "MP": 10**6}

PRIORITIES = {"high": 10, "normal": 0, "low": -10}

HIGHEST_CPU = 8191  # Linux can be built for no more than 8192


def seconds(least: str, most: str) -> Written:
    forms = "written like 500ms, 90s, 5m, 1h or 7d"
    return _quantity("a time", TIMES, least, most, base="s", number=float, forms=forms)


def size(least: str, most: str) -> Written:
    forms = "written like 500MB, 2GB or 1GiB"
    return _quantity("a size", SIZES, least, most, base="B", number=round, forms=forms)


def pixels(least: str, most: str) -> Written:
    forms = "written like 200MP or 200000000"
    return _quantity("a number of pixels", PIXELS, least, most, base="", number=round, forms=forms)


def whole(least: int, most: int) -> Written:
    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(value)
        return int(_within(int(value), least, most))

    return Written(
        f"a whole number from {least} to {most}",
        parse,
        write=int,
        schema={"type": "integer", "minimum": least, "maximum": most},
    )


def priority() -> Written:
    """A word, or a number for whoever needs more than three."""
    number = whole(-100, 100)
    words = {value: word for word, value in PRIORITIES.items()}

    def parse(value: object) -> int:
        return PRIORITIES[value] if isinstance(value, str) and value in PRIORITIES else number.parse(value)

    return Written(
        f"{', '.join(PRIORITIES)}, or {number.allowed}",
        parse,
        write=lambda value: words.get(value, value),
        schema={"anyOf": [{"enum": list(PRIORITIES)}, number.schema]},
    )


def even(least: int, most: int, why: str) -> Written:
    number = whole(least, most)

    def parse(value: object) -> int:
        found: int = number.parse(value)
        if found % 2:
            raise ValueError(value)
        return found

    schema = {**(number.schema or {}), "multipleOf": 2}
    return replace(
        number, allowed=f"an even number from {least} to {most}", parse=parse, forms=why, schema=schema
    )


def part(least: float, most: float, why: str = "") -> Written:
    def parse(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(value)
        return _within(float(value), least, most)

    return Written(
        f"a number from {least:g} to {most:g}",
        parse,
        write=float,
        forms=why,
        schema={"type": "number", "minimum": least, "maximum": most},
    )


def or_auto(written: Written) -> Written:
    """As `written`, or `auto`, which is read as None: the program finds the value itself."""
    return replace(
        written,
        allowed=f"{written.allowed}, or auto",
        parse=lambda value: None if value == "auto" else written.parse(value),
        write=lambda value: "auto" if value is None else written.write(value),
        schema={"anyOf": [{"const": "auto"}, written.schema]},
    )


def cpus() -> Written:
    """`auto`, `none`, or CPUs as `taskset` lists them; stays text, for the order given may matter."""
    ranges = "[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*"

    def parse(value: object) -> str:
        text = str(value).replace(" ", "")
        if text not in {"auto", "none"}:
            if isinstance(value, bool) or not re.fullmatch(ranges, text):
                raise ValueError(value)
            for part in text.split(","):
                first, _, last = part.partition("-")
                _within(int(last or first), int(first), HIGHEST_CPU)
        return text

    return Written(
        'auto, none, or CPUs such as "0-3,6"',
        parse,
        schema={
            "anyOf": [
                {"enum": ["auto", "none"]},
                {"type": "string", "pattern": f"^{ranges}$"},
                {"type": "integer", "minimum": 0, "maximum": HIGHEST_CPU},
            ]
        },
    )


def choice(words: type[StrEnum]) -> Written:
    *most, last = words
    return Written(f"{', '.join(most)} or {last}" if most else last, words, schema={"enum": list(words)})


def choices(words: Sequence[str]) -> Written:
    """One or more of `words`, in their order; in a variable with commas between them."""

    def parse(value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            value = value.replace(" ", "").split(",")
        if not isinstance(value, list | tuple) or not value or any(each not in words for each in value):
            raise ValueError(value)
        return tuple(word for word in words if word in value)

    return Written(
        f"a list of {', '.join(words[:-1])} and {words[-1]}",
        parse,
        write=list,
        schema={"type": "array", "items": {"enum": list(words)}, "minItems": 1},
    )


def umask() -> Written:
    """One that leaves watchd itself every right."""
    return _octal("0[0-7]{2}", '"0002"', "from 0000 to 0077")


def mode() -> Written:
    """Of files, which nobody executes, and which watchd itself reads and writes."""
    return _octal("6[0246]{2}", '"0664"', "from 0600 to 0666, with no x")


def flag() -> Written:
    words = {"true": True, "false": False}

    def parse(value: object) -> bool:
        if str(value).lower() not in words:
            raise ValueError(value)
        return words[str(value).lower()]

    return Written("true or false", parse, write=bool, schema={"type": "boolean"})


def days() -> Written:
    """Days of the week, Monday is 0; a range may go over the end of the week."""

    def parse(value: object) -> frozenset[int]:
        found: set[int] = set()
        for part in (value if isinstance(value, str) else "").lower().replace(" ", "").split(","):
            first, dash, last = part.partition("-")
            begin = _DAYS.index(first)
            found |= (
                {(begin + n) % 7 for n in range((_DAYS.index(last) - begin) % 7 + 1)} if dash else {begin}
            )
        return frozenset(found)

    return Written(
        f"days of {', '.join(_DAYS)}",
        parse,
        write=lambda days: ",".join(_DAYS[day] for day in sorted(days)),
        forms="written like mon-fri, or sat,sun",
    )


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def hours() -> Written:
    """A part of the day, in minutes since midnight. Where the end does not come after the begin it is one of
    the next day.
    """
    clock = "([01]?[0-9]|2[0-3]):([0-5][0-9])"

    def parse(value: object) -> tuple[int, int]:
        match = re.fullmatch(rf"{clock} ?- ?(?:{clock}|24:00)", value if isinstance(value, str) else "")
        if match is None:
            raise ValueError(value)
        begin = int(match[1]) * 60 + int(match[2])
        end = int(match[3]) * 60 + int(match[4]) if match[3] else 24 * 60
        if begin == end:
            raise ValueError(value)
        return begin, end

    def write(span: tuple[int, int] | None) -> str | None:
        return span and "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in span)

    return Written(
        "the begin and the end of a part of the day by the local clock",
        parse,
        write,
        forms="written like 08:00-18:00, 22:00-06:00 or, for the whole day, 00:00-24:00",
    )


def _octal(digits: str, such_as: str, why: str) -> Written:
    """Text: of digits without quotes YAML makes a number, and of 022 the number 18."""

    def parse(value: object) -> int:
        if not isinstance(value, str) or not re.fullmatch(f"0?{digits}", value):
            raise ValueError(value)
        return int(value, 8)

    return Written(
        f"octal digits in quotes, such as {such_as}",
        parse,
        write=lambda value: f"{value:04o}",
        forms=f"{why}; what has no quotes is another number to YAML",
        schema={"type": "string", "pattern": f"^0?{digits}$"},
    )


def _quantity(
    kind: str,
    units: Mapping[str, float],
    least: str,
    most: str,
    *,
    base: str,
    number: Callable[[float], float],
    forms: str,
) -> Written:
    low, high = _parse_quantity(least, units), _parse_quantity(most, units)

    def write(value: float) -> str:
        for unit, factor in reversed(list(units.items())):
            count = value / factor
            if count >= 1 and count == int(count):
                return f"{int(count)}{unit}"
        return f"{value:.12g}{base}"

    return Written(
        f"{kind} from {least} to {most}",
        lambda value: number(_within(_parse_quantity(value, units), low, high)),
        write,
        forms,
        schema={
            "type": ["string", "number"],
            "pattern": rf"^[0-9]+(\.[0-9]+)? ?({'|'.join(filter(None, units))})?$",
            "minimum": low,
            "maximum": high,
        },
    )


def _parse_quantity(value: object, units: Mapping[str, float]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)", value.strip())
    factors = {"": 1.0} | {unit.lower(): factor for unit, factor in units.items()}
    if match is None or match[2].lower() not in factors:
        raise ValueError(value)
    return float(match[1]) * factors[match[2].lower()]


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(value)
    return value
